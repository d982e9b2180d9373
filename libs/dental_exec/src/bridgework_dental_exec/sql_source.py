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
from bridgework_dental_exec.snapshot import Sealer, Snapshot, new_snapshot

_ROWS_PER_RANGE = 50_000
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
        placeholder: The driver's parameter mark (``?`` or ``%s``).
        errors: The driver's exception classes.
        quote: Quotes identifiers: one character, or two for opening and closing.
    """

    open: Callable[[], Connection]
    tables: Mapping[str, str]
    placeholder: str = "?"
    errors: tuple[type[Exception], ...] = (Exception,)
    quote: str = '"'


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
                sealer.seal(table, _open_table(database, table, parallel))
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
    ranges = _ranges(database, quoted, order[0]) if order else [(None, None)]
    file = TableFile(table.name, f"{name} (database)", Path(), 0)
    batches = _read(database, quoted, order, ranges, report, parallel)
    return RowSource(file, _NO_SCAN, None, header, batches, report, ("Read from a database.",))


def _quote(database: Database, name: str) -> str:
    first, last = database.quote[0], database.quote[-1]
    return ".".join(f"{first}{part.replace(last, last * 2)}{last}" for part in name.split("."))


def _ask(database: Database, sql: str, values: Sequence[Any] = ()) -> tuple[list[str], list[Any]]:
    """Run one query on a connection of its own; return column names and rows."""
    try:
        with closing(database.open()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, list(values))
            return [d[0] for d in cursor.description], cursor.fetchall()
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


def _ranges(database: Database, quoted: str, key: str) -> list[tuple[Any, Any]]:
    """Cut the key's span into ranges; one open range where the key is no whole number."""
    column = _quote(database, key)
    _, rows = _ask(database, f"SELECT min({column}), max({column}), count(*) FROM {quoted}")
    low, high, count = rows[0]
    if not isinstance(low, int) or not isinstance(high, int) or count <= _ROWS_PER_RANGE:
        return [(None, None)]
    step = max(1, (high - low + 1) * _ROWS_PER_RANGE // count)
    cuts = list(range(low, high + 1, step))
    ranges: list[tuple[Any, Any]] = list(zip(cuts, [*cuts[1:], high + 1], strict=True))
    return [*ranges, ("null", None)]


def _read(
    database: Database,
    quoted: str,
    order: list[str],
    ranges: list[tuple[Any, Any]],
    report: ReadReport,
    parallel: int,
) -> Iterator[Batch]:
    """Yield ranges in key order while the next ones are being read."""
    by = f" ORDER BY {', '.join(_quote(database, c) for c in order)}" if order else ""
    key = _quote(database, order[0]) if order else ""
    mark = database.placeholder

    def ask(low: Any, high: Any) -> list[Any]:
        if low is None:
            return _ask(database, f"SELECT * FROM {quoted}{by}")[1]
        if low == "null":
            return _ask(database, f"SELECT * FROM {quoted} WHERE {key} IS NULL")[1]
        sql = f"SELECT * FROM {quoted} WHERE {key} >= {mark} AND {key} < {mark}{by}"
        return _ask(database, sql, (low, high))[1]

    line = 0
    waiting = iter(ranges)
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        running: deque[Future[list[Any]]] = deque()
        while True:
            while len(running) <= parallel and (piece := next(waiting, None)) is not None:
                running.append(pool.submit(ask, *piece))
            if not running:
                return
            rows = running.popleft().result()
            if rows:
                lines = list(range(line + 1, line + len(rows) + 1))
                line += len(rows)
                report.rows += len(rows)
                yield lines, [[_text(v) for v in row] for row in rows]


def _text(value: Any) -> str:
    """Return a database value as an export would print it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.replace(tzinfo=None)
    return printed(value)
