"""A restored Dental-Exec database as source: read in parallel key ranges into the same snapshot.

Any DB-API driver will do (ODBC, DuckDB, sqlite3 …). Each range is one short query on a connection
of its own, so that several cores work and no server-side cursor has to live long.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from bridgework_contracts.errors import SourceUnavailable, SourceUnreadable

from bridgework_dental_exec.checksums import sha256_of
from bridgework_dental_exec.database_files import DatabaseFile, StoredTable
from bridgework_dental_exec.dialects import FileScan
from bridgework_dental_exec.export import Finding, TableFile
from bridgework_dental_exec.profile import Profile, TableDef
from bridgework_dental_exec.reading import Batch, RowSource, printed
from bridgework_dental_exec.rows import ReadReport, column_names
from bridgework_dental_exec.sealer import Sealed, Sealer

_Range = tuple[int, int]
"""Keys from the first up to, but not including, the second."""

_ROWS_PER_RANGE = 10_000
_MOST_ROWS = 4 * _ROWS_PER_RANGE
_FETCH_ROWS = 8_192
_NO_SCAN = FileScan(0, "", 0, 0, 0, 1, True, True, True, False, "valid")
"""Facts of a file there is none of; cells are trimmed and their line ends unified."""

_FILE_WINS = "This table is there as a file too: the file was read, the database's table was not."
_FIRST_WINS = "Two places hold the same table: only the first was read."
_UNKNOWN = "No table of the profile looks like this table of the database: it was not read."
_VIEW = "Views and virtual tables of a database are not read; what they show stands in tables."
_VIEW_NEEDED = "This is a view, not a table: it was not read. Save it as a table, or as CSV."


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
        tables: Profile table → name in the database (``schema.table``, or its parts); tables
            left out are taken as missing.
        placeholder: The driver's parameter mark (``?``, ``%s``, or ``$`` for ``$1``, ``$2``).
        errors: The driver's exception classes.
        quote: Quotes identifiers: one character, or two for opening and closing.
        order: Profile table → column that numbers its rows; others go by the profile's key.
        shown: Profile table → its name in provenance; others are ``name (database)``.
        scan: What is known about the file the database stands in.
    """

    open: Callable[[], Connection]
    tables: Mapping[str, str | tuple[str, ...]]
    placeholder: str = "?"
    errors: tuple[type[Exception], ...] = (Exception,)
    quote: str = '"'
    order: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    scan: FileScan = _NO_SCAN

    def mark(self, number: int) -> str:
        """Return the mark of a statement's n-th parameter."""
        return f"${number}" if self.placeholder == "$" else self.placeholder


class FileSealer:
    """Seals the tables of a database file, those left out that a file of the export gave.

    A table is known by its name; one whose name says nothing is matched by its columns, after
    the others, and only where its place is not taken. Rows are numbered as they are stored.
    """

    def __init__(self, file: DatabaseFile, profile: Profile, parallel: int = 2) -> None:
        self._file = file
        self._profile = profile
        self._parallel = parallel

    def results(self, sealer: Sealer, taken: set[str]) -> list[Sealed]:
        """Return what became of each table and view, in the database's order.

        Args:
            sealer: Writes the tables.
            taken: Profile tables that were read from files.

        Raises:
            SourceUnreadable: The file is damaged, encrypted, or of a newer version.
        """
        file = self._file
        try:
            with closing(file.open()):
                places, left = self._matched(file.tables(), taken)
                database = self._database(places)
                return left + [
                    sealer.seal(table, open_table(database, table, self._parallel))
                    for name, table in self._profile.tables.items()
                    if name in places
                ]
        except SourceUnavailable as exc:
            raise file.refused(exc.__cause__) from exc
        except file.errors as exc:
            raise file.refused(exc) from exc

    def _database(self, places: Mapping[str, StoredTable]) -> Database:
        scan = replace(_NO_SCAN, sha256=sha256_of(self._file.path)) if places else _NO_SCAN
        return Database(
            open=self._file.open,
            tables={name: stored.path for name, stored in places.items()},
            errors=self._file.errors,
            order={name: stored.ordered for name, stored in places.items() if stored.ordered},
            shown={name: stored.shown for name, stored in places.items()},
            scan=scan,
        )

    def _matched(
        self, stored: list[StoredTable], taken: set[str]
    ) -> tuple[dict[str, StoredTable], list[Sealed]]:
        """Return profile table → stored table, and the findings of those left out."""
        places: dict[str, StoredTable] = {}
        left: list[Sealed] = []
        unnamed: list[StoredTable] = []
        tables = [one for one in stored if one.kind == "table"]
        for one in tables:
            table = self._profile.named(one.path[-1])
            if table is None:
                unnamed.append(one)
            elif table.name in taken:
                left.append(_left(one, "table_twice", _FILE_WINS))
            elif places.setdefault(table.name, one) is not one:
                left.append(_left(one, "table_twice", _FIRST_WINS))
        for one in unnamed:
            table = self._profile.match_table(one.path[-1], self._header(one))
            if table is None:
                left.append(_left(one, "table_unknown", _UNKNOWN))
            elif table.name in taken or table.name in places:
                left.append(_left(one, "table_twice", _FIRST_WINS))
            else:
                places[table.name] = one
        for one in (one for one in stored if one.kind == "view"):
            table = self._profile.named(one.path[-1])
            needed = table is not None and table.name not in taken and table.name not in places
            code = "table_unknown" if needed else "view_not_read"
            left.append(_left(one, code, _VIEW_NEEDED if needed else _VIEW))
        return places, left

    def _header(self, one: StoredTable) -> list[str]:
        database = self._database({})
        return column_names(_columns(database, _quote(database, one.path), one.shown))


def _left(stored: StoredTable, code: str, sentence: str) -> Sealed:
    return Sealed(None, findings=[Finding(stored.shown, code, sentence)])


def open_table(database: Database, table: TableDef, parallel: int) -> RowSource:
    """Open one table of a database; its rows are numbered in the order they are read.

    Raises:
        SourceUnavailable: The database does not answer.
        SourceUnreadable: The table is not there.
    """
    stored = database.tables[table.name]
    name = stored if isinstance(stored, str) else ".".join(stored)
    quoted = _quote(database, stored)
    columns = _columns(database, quoted, name)
    header = column_names(columns)
    report = ReadReport(header=header)
    numbered = database.order.get(table.name)
    key = [columns[header.index(c)] for c in table.key if c in header]
    order = [numbered] if numbered else key
    ranges = _ranges(database, quoted, order[0]) if order else None
    shown = database.shown.get(table.name, f"{name} (database)")
    file = TableFile(table.name, shown, Path(), 0)
    batches = _TableReader(database, quoted, order, parallel, report).batches(ranges)
    return RowSource(file, database.scan, None, header, batches, report, ("Read from a database.",))


def _quote(database: Database, name: str | tuple[str, ...]) -> str:
    parts = name.split(".") if isinstance(name, str) else name
    first, last = database.quote[0], database.quote[-1]
    return ".".join(f"{first}{part.replace(last, last * 2)}{last}" for part in parts)


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
