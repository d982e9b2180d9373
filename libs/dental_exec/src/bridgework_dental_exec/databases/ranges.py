"""A database of an export, read in parallel key ranges into the same snapshot as its files.

Each range is one short query on a connection of its own, so that several cores work and no
server-side cursor has to live long.
"""

import datetime as dt
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.databases.database import REFUSED, Database, StoredTable, ask, execute
from bridgework_dental_exec.dialects import FileScan
from bridgework_dental_exec.export import TableFile
from bridgework_dental_exec.profile import TableDef, folded
from bridgework_dental_exec.reading import Batch, RowSource, printed
from bridgework_dental_exec.rows import ReadReport, column_names

_Range = tuple[int, int]
"""Keys from the first up to, but not including, the second."""

_ROWS_PER_RANGE = 10_000
_MOST_ROWS = 4 * _ROWS_PER_RANGE
_FETCH_ROWS = 8_192


def open_table(
    database: Database, stored: StoredTable, table: TableDef, scan: FileScan
) -> RowSource:
    """Open one table of a database; its rows are numbered in the order they are read.

    Raises:
        SourceUnavailable: The database does not answer.
        SourceUnreadable: The table is not there, or the column that orders it.
    """
    columns, cells = columns_of(database, stored)
    header = column_names(columns)
    report = ReadReport(header=header)
    key = [columns[header.index(c)] for c in table.key if c in header]
    order = [_ordering(database, stored, columns)] if stored.ordered else key
    reader = _TableReader(database, stored, cells, order, report)
    file = TableFile(table.name, stored.shown, Path(), 0)
    batches = reader.batches(reader.ranges())
    return RowSource(file, scan, None, header, batches, report, database.evidence)


def columns_of(database: Database, stored: StoredTable) -> tuple[list[str], str]:
    """Return a table's columns, and what to select so that all of them arrive.

    Raises:
        SourceUnavailable: The database does not answer.
        SourceUnreadable: The table is not there.
    """
    name = database.dialect.name(*stored.path)
    try:
        description, _ = ask(database, f"SELECT * FROM {name} WHERE 1 = 0", table=stored.shown)
    except SourceUnreadable as exc:
        if exc.code != REFUSED:
            raise
        raise SourceUnreadable(
            f"A table of the source cannot be read: {stored.shown}.",
            code="table_missing",
            file=stored.shown,
            remedy="Check the table's name and the rights of the database user.",
        ) from exc
    return [str(d[0]) for d in description], database.cells(description)


def _ordering(database: Database, stored: StoredTable, columns: Sequence[str]) -> str:
    """Return the column that numbers a table's rows, spelt as it is stored."""
    if not database.order or stored.ordered in columns:
        return stored.ordered
    wanted = folded(stored.ordered)
    found = next((c for c in columns if folded(c) == wanted), None)
    if found is None:
        raise SourceUnreadable(
            f"{database.file}, order: {stored.shown} has no column of this name.",
            code="order_column_missing",
            file=database.file,
            field="order",
            remedy="Name a column of the table that numbers its rows.",
        )
    return found


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
        self,
        database: Database,
        stored: StoredTable,
        cells: str,
        order: list[str],
        report: ReadReport,
    ) -> None:
        dialect = database.dialect
        self._database = database
        self._shown = stored.shown
        self._report = report
        self._key = dialect.name(order[0]) if order else ""
        by = f" ORDER BY {', '.join(dialect.name(c) for c in order)}" if order else ""
        self._from = f"FROM {dialect.name(*stored.path)}"
        self._inside = (
            f"WHERE {self._key} >= {dialect.parameter(1)} AND {self._key} < {dialect.parameter(2)}"
        )
        self._all = f"SELECT {cells} {self._from}{by}"
        self._keyless = f"SELECT {cells} {self._from} WHERE {self._key} IS NULL"
        self._between = f"SELECT {cells} {self._from} {self._inside}{by}"
        self._count = f"SELECT count(*) {self._from} {self._inside}"

    def ranges(self) -> list[_Range] | None:
        """Cut the key's span into ranges; ``None`` where the key is no whole number.

        A table small enough for one query is one range.
        """
        if not self._key:
            return None
        try:
            rows = self._ask(f"SELECT min({self._key}), max({self._key}), count(*) {self._from}")
        except SourceUnreadable:
            return None  # a type that has no least value; what is really wrong, the query says
        low, high, count = _whole(rows[0][0]), _whole(rows[0][1]), int(rows[0][2])
        if low is None or high is None:
            return None
        step = max(1, (high - low + 1) * _ROWS_PER_RANGE // max(count, 1))
        cuts = list(range(low, high + 1, step))
        return list(zip(cuts, [*cuts[1:], high + 1], strict=True))

    def batches(self, ranges: list[_Range] | None) -> Iterator[Batch]:
        """Yield (ordinals, cells) in key order; rows without a key come last."""
        pieces = self._stream() if ranges is None else self._in_ranges(ranges)
        line = 0
        for rows in pieces:
            lines = list(range(line + 1, line + len(rows) + 1))
            line += len(rows)
            self._report.rows += len(rows)
            yield lines, [[text_of(v) for v in row] for row in rows]

    def _ask(self, sql: str, values: Sequence[Any] = (), *, limit: int | None = None) -> list[Any]:
        return ask(self._database, sql, values, table=self._shown, limit=limit)[1]

    def _in_ranges(self, ranges: list[_Range]) -> Iterator[list[Any]]:
        """Yield ranges in key order while the next ones are being read."""
        waiting = iter(ranges)
        parallel = self._database.parallel
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            running: deque[tuple[_Range, Future[list[Any] | None]]] = deque()
            while True:
                while len(running) <= parallel and (piece := next(waiting, None)):
                    running.append((piece, pool.submit(self._range, piece)))
                if not running:
                    break
                piece, future = running.popleft()
                yield from self._halved(piece, future.result())
        keyless = self._ask(self._keyless)
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
        """Read one range; ``None`` where keys lie so close that it holds too many rows.

        A wide range is counted first: some drivers fetch a whole answer at once.
        """
        width = piece[1] - piece[0]
        if width > _MOST_ROWS and int(self._ask(self._count, piece)[0][0]) > _MOST_ROWS:
            return None
        limit = None if width <= 1 else _MOST_ROWS
        rows = self._ask(self._between, piece, limit=limit)
        return None if limit is not None and len(rows) > limit else rows

    def _stream(self) -> Iterator[list[Any]]:
        """Yield a query's rows in batches, fetched in a thread that owns the connection."""
        database = self._database
        with ThreadPoolExecutor(max_workers=1) as owner:
            try:
                connection = owner.submit(database.open).result()
                try:
                    cursor = owner.submit(connection.cursor).result()
                    owner.submit(execute, cursor, database.dialect, self._all).result()
                    coming = owner.submit(cursor.fetchmany, _FETCH_ROWS)
                    while rows := coming.result():
                        coming = owner.submit(cursor.fetchmany, _FETCH_ROWS)
                        yield list(rows)
                finally:
                    owner.submit(connection.close).result()
            except database.errors as exc:
                refusal = database.refused(exc, self._shown)
            else:
                return
        raise refusal  # outside the handler: the driver's text stays behind


def text_of(value: Any) -> str:  # noqa: PLR0911 - one return per type
    """Return a database value as an export would print it; moments with a time zone in UTC."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        with suppress(OverflowError):  # the last moment Python knows stands for "never"
            value = value.astimezone(dt.UTC)
        return printed(value.replace(tzinfo=None))
    if isinstance(value, dt.time):
        return value.replace(microsecond=0, tzinfo=None).isoformat()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=text_of)
    return printed(value)
