"""A restored Dental-Exec database as source: read in parallel key ranges into the same snapshot.

Any DB-API driver will do (ODBC, DuckDB, sqlite3 …). Each range is one short query on a connection
of its own, so that several cores work and no server-side cursor has to live long.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from bridgework_contracts.errors import SourceUnavailable, SourceUnreadable

from bridgework_dental_exec.dialects import FileScan
from bridgework_dental_exec.export import TableFile
from bridgework_dental_exec.profile import TableDef, load_profile
from bridgework_dental_exec.reading import Batch, RowSource, printed
from bridgework_dental_exec.rows import ReadReport, column_names
from bridgework_dental_exec.sealer import Sealer
from bridgework_dental_exec.snapshot import Snapshot, new_snapshot

_Range = tuple[int, int]
"""Keys from the first up to, but not including, the second."""

_ROWS_PER_RANGE = 10_000
_MOST_ROWS = 4 * _ROWS_PER_RANGE
_FETCH_ROWS = 8_192
_NO_SCAN = FileScan(0, "", 0, 0, 0, 1, True, True, True, False, "valid")
"""Facts of a file there is none of; cells are trimmed and their line ends unified."""


class Connection(Protocol):
    """The part of DB-API 2.0 that is used."""

    def cursor(self) -> Any:
        """Return a cursor."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Database:
    """How to reach a restored database.

    Attributes:
        open: Opens a new connection; called once per range, in worker threads.
        tables: Profile table → name in the database; tables left out are taken as missing.
        placeholder: The driver's parameter mark (``?``, ``%s``, or ``$`` for ``$1``, ``$2``).
        errors: The driver's exception classes.
        quote: Quotes identifiers: one character, or two for opening and closing.
    """

    open: Callable[[], Connection]
    tables: Mapping[str, str]
    placeholder: str = "?"
    errors: tuple[type[Exception], ...] = (Exception,)
    quote: str = '"'

    def mark(self, number: int) -> str:
        """Return the mark of a statement's n-th parameter."""
        return f"${number}" if self.placeholder == "$" else self.placeholder


def seal_database(
    database: Database,
    out_dir: Path,
    *,
    seal: bytes | None = None,
    profile: str = "dental_exec_v1",
    parallel: int = 2,
) -> Snapshot:
    """Read a database into a sealed snapshot, as :func:`seal_snapshot` does with an export.

    Provenance names the table; the line is the row's ordinal in key order.

    Args:
        database: Where to read.
        out_dir: New or empty folder for the snapshot.
        seal: The tenant's data key, 32 bytes.
        profile: Name of the source profile.
        parallel: Ranges read at the same time.

    Raises:
        SourceUnavailable: The database does not answer.
        SourceUnreadable: A table that was named is not there.
    """
    snapshot = new_snapshot(out_dir, load_profile(profile), seal)
    sealer = Sealer(snapshot, {})
    try:
        for name, table in snapshot.profile.tables.items():
            if name in database.tables:
                snapshot.keep(sealer.seal(table, _open_table(database, table, parallel)))
    finally:
        sealer.close()
    snapshot.save()
    return snapshot


def _open_table(database: Database, table: TableDef, parallel: int) -> RowSource:
    name = database.tables[table.name]
    quoted = _quote(database, name)
    columns = _columns(database, quoted, name)
    header = column_names(columns)
    report = ReadReport(header=header)
    order = [columns[header.index(c)] for c in table.key if c in header]
    ranges = _ranges(database, quoted, order[0]) if order else None
    file = TableFile(table.name, f"{name} (database)", Path(), 0)
    batches = _TableReader(database, quoted, order, parallel, report).batches(ranges)
    return RowSource(file, _NO_SCAN, None, header, batches, report, ("Read from a database.",))


def _quote(database: Database, name: str) -> str:
    first, last = database.quote[0], database.quote[-1]
    return ".".join(f"{first}{part.replace(last, last * 2)}{last}" for part in name.split("."))


def _ask(
    database: Database, sql: str, values: Sequence[Any] = (), *, limit: int | None = None
) -> tuple[list[str], list[Any]]:
    """Run one query on a connection of its own; return column names and rows.

    With a limit one row more than that is the most that is fetched.
    """
    try:
        with closing(database.open()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, tuple(values))
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
            return [d[0] for d in cursor.description], rows
    except database.errors as exc:
        raise SourceUnavailable("The source database does not answer.") from exc


def _columns(database: Database, quoted: str, name: str) -> list[str]:
    try:
        columns, _ = _ask(database, f"SELECT * FROM {quoted} WHERE 1 = 0")
    except SourceUnavailable as exc:
        raise SourceUnreadable(
            "A table of the source cannot be read.",
            code="table_missing",
            file=name,
            remedy="Check the table's name and the rights of the database user.",
        ) from exc
    return columns


def _ranges(database: Database, quoted: str, key: str) -> list[_Range] | None:
    """Cut the key's span into ranges; ``None`` where the key is no whole number.

    A table small enough for one query is one range.
    """
    column = _quote(database, key)
    _, rows = _ask(database, f"SELECT min({column}), max({column}), count(*) FROM {quoted}")
    low, high, count = _whole(rows[0][0]), _whole(rows[0][1]), int(rows[0][2])
    if low is None or high is None:
        return None
    step = max(1, (high - low + 1) * _ROWS_PER_RANGE // max(count, 1))
    cuts = list(range(low, high + 1, step))
    return list(zip(cuts, [*cuts[1:], high + 1], strict=True))


def _whole(value: Any) -> int | None:
    """Return a key as a whole number; drivers give some as decimals."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value if isinstance(value, int) else None


class _TableReader:
    """Reads one table: key ranges side by side, or one streaming query where there are none."""

    def __init__(
        self, database: Database, quoted: str, order: list[str], parallel: int, report: ReadReport
    ) -> None:
        self._database = database
        self._parallel = parallel
        self._report = report
        self._key = _quote(database, order[0]) if order else ""
        by = f" ORDER BY {', '.join(_quote(database, c) for c in order)}" if order else ""
        first, second = database.mark(1), database.mark(2)
        self._all = f"SELECT * FROM {quoted}{by}"
        self._keyless = f"SELECT * FROM {quoted} WHERE {self._key} IS NULL"
        self._between = (
            f"SELECT * FROM {quoted} WHERE {self._key} >= {first} AND {self._key} < {second}{by}"
        )

    def batches(self, ranges: list[_Range] | None) -> Iterator[Batch]:
        """Yield (ordinals, cells) in key order; rows without a key come last."""
        pieces = self._stream() if ranges is None else self._in_ranges(ranges)
        line = 0
        for rows in pieces:
            lines = list(range(line + 1, line + len(rows) + 1))
            line += len(rows)
            self._report.rows += len(rows)
            yield lines, [[_text(v) for v in row] for row in rows]

    def _in_ranges(self, ranges: list[_Range]) -> Iterator[list[Any]]:
        """Yield ranges in key order while the next ones are being read."""
        waiting = iter(ranges)
        with ThreadPoolExecutor(max_workers=self._parallel) as pool:
            running: deque[tuple[_Range, Future[list[Any] | None]]] = deque()
            while True:
                while len(running) <= self._parallel and (piece := next(waiting, None)):
                    running.append((piece, pool.submit(self._range, piece)))
                if not running:
                    break
                piece, future = running.popleft()
                yield from self._halved(piece, future.result())
        keyless = _ask(self._database, self._keyless)[1]
        if keyless:
            yield keyless

    def _halved(self, piece: _Range, rows: list[Any] | None) -> Iterator[list[Any]]:
        """Yield a range's rows; one that holds too many is read in halves."""
        if rows is not None:
            if rows:
                yield rows
            return
        middle = (piece[0] + piece[1]) // 2
        for half in ((piece[0], middle), (middle, piece[1])):
            yield from self._halved(half, self._range(half))

    def _range(self, piece: _Range) -> list[Any] | None:
        """Read one range; ``None`` where keys lie so close that it holds too many rows."""
        limit = None if piece[1] - piece[0] <= 1 else _MOST_ROWS
        rows = _ask(self._database, self._between, piece, limit=limit)[1]
        return None if limit is not None and len(rows) > limit else rows

    def _stream(self) -> Iterator[list[Any]]:
        """Yield a query's rows in batches, fetched in a thread that owns the connection."""
        database = self._database
        with ThreadPoolExecutor(max_workers=1) as owner:
            try:
                connection = owner.submit(database.open).result()
                try:
                    cursor = owner.submit(connection.cursor).result()
                    owner.submit(cursor.execute, self._all).result()
                    coming = owner.submit(cursor.fetchmany, _FETCH_ROWS)
                    while rows := coming.result():
                        coming = owner.submit(cursor.fetchmany, _FETCH_ROWS)
                        yield rows
                finally:
                    owner.submit(connection.close).result()
            except database.errors as exc:
                raise SourceUnavailable("The source database does not answer.") from exc


def _text(value: Any) -> str:
    """Return a database value as an export would print it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.replace(tzinfo=None)
    return printed(value)
