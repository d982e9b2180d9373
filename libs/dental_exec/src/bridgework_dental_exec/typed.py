"""The typed layer of a snapshot: beside what each cell says, what it means.

Dates, moments, times, amounts, whole numbers and flags are read once, by the same parsers and
column rules as the canonical layer, and sealed in a second Parquet file per table with the same
rows in the same order. A cell that has no meaning (blank, or nobody can read it) is null there;
what it says stays in the first file.
"""

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bridgework_dental_exec.cells import CellParsers, Parser
from bridgework_dental_exec.date_orders import decide_dates
from bridgework_dental_exec.moments import cut_moments, is_odd
from bridgework_dental_exec.profile import Cell
from bridgework_dental_exec.sealed_parquet import open_writer
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_dental_exec.tables import LINE, TypedColumn

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "date": pa.date32(),
    "flag": pa.bool_(),
    "int": pa.int64(),
    "moment": pa.timestamp("s"),
    "money": pa.decimal128(16, 2),
    "month": pa.date32(),
    "time": pa.time32("s"),
}
"""Parser → type of its column. A moment is wall-clock time of the practice, without a zone."""

_AT_ONCE = 2
_SECONDS_A_DAY = 86_400


def type_snapshot(snapshot: Snapshot, pins: Mapping[str, str]) -> None:
    """Decide how the columns are read, and write the typed layer of every table.

    Done after the last change of a table: what its columns mean depends on all their values.

    Args:
        snapshot: Its tables are sealed; its index is not saved here.
        pins: Pinned answers (``SourceSpec.dialect_pins``).

    Raises:
        ConfigurationError: A ``date_order`` pin has an answer nobody knows.
    """
    snapshot.dates = decide_dates(snapshot, pins)
    parsers = CellParsers(snapshot.profile, snapshot.dates)
    largest = sorted(snapshot.tables.values(), key=lambda info: -info.rows)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        done = pool.map(lambda info: _TableTyper(snapshot, info.name, parsers).run(), largest)
        for info, typed in zip(largest, done, strict=True):
            snapshot.tables[info.name] = replace(snapshot.tables[info.name], typed=typed)


class _TableTyper:
    """Writes the typed layer of one table."""

    def __init__(self, snapshot: Snapshot, table: str, parsers: CellParsers) -> None:
        self._snapshot = snapshot
        self._table = table
        info = snapshot.tables[table]
        cells = snapshot.profile.typed_cells(table) if info.rows else {}
        self._cells = {name: cell for name, cell in cells.items() if name in info.columns}
        self._readers = {name: _reader(cell, parsers, table) for name, cell in self._cells.items()}
        self._parsers = parsers

    def run(self) -> tuple[TypedColumn, ...]:
        """Write the file; return what is in it."""
        path = self._snapshot.typed_path(self._table)
        if not self._cells:
            path.unlink(missing_ok=True)
            return ()
        types = {name: ARROW_TYPES[cell.parser] for name, cell in self._cells.items()}
        schema = pa.schema([*types.items(), (LINE, pa.int64())])
        filled, read = dict.fromkeys(self._cells, 0), dict.fromkeys(self._cells, 0)
        swapped = {name: self._swapped(cell) for name, cell in self._cells.items()}
        partial = path.with_name(f"{path.name}.partial")
        with open_writer(partial, schema, self._snapshot.key(path.name)) as writer:
            for batch in self._snapshot.batches(self._table, self._cells):
                lines = batch.column(LINE)
                columns = []
                for name, reader in self._readers.items():
                    said = batch.column(name)
                    meant = _swap(reader.read(said), lines, swapped[name])
                    filled[name] += len(said) - said.null_count
                    read[name] += len(meant) - meant.null_count
                    columns.append(meant)
                writer.write_batch(pa.record_batch([*columns, lines], schema=schema))
        partial.replace(path)
        return tuple(
            TypedColumn(name, str(types[name]), filled[name], read[name]) for name in self._cells
        )

    def _swapped(self, cell: Cell) -> pa.Table | None:
        """Return line and value of the cells in blocks written in the other order."""
        lines = self._snapshot.dates.swapped_lines.get((self._table, cell.column))
        if not lines:
            return None
        parse = self._parsers.swapped(self._table, cell)
        connection = self._snapshot.connect([self._table])
        try:
            connection.register("swapped", pa.table({"l": pa.array(sorted(lines), pa.int64())}))
            rows = connection.execute(
                f'SELECT {LINE}, "{cell.column}" FROM "{self._table}" '
                f'WHERE {LINE} IN (SELECT l FROM swapped) AND "{cell.column}" IS NOT NULL'
            ).fetchall()
        finally:
            connection.close()
        kept = [(line, value) for line, text in rows if (value := parse(text)[0]) is not None]
        return pa.table(
            {
                "line": pa.array([line for line, _ in kept], pa.int64()),
                "value": _typed([value for _, value in kept], ARROW_TYPES[cell.parser]),
            }
        )


def _swap(meant: pa.Array, lines: pa.Array, swapped: pa.Table | None) -> pa.Array:
    """Put the values of swapped cells in the place of their usual readings."""
    if swapped is None:
        return meant
    at = pc.index_in(lines, swapped["line"])
    return pc.if_else(pc.is_valid(at), pc.take(swapped["value"].combine_chunks(), at), meant)


class _Reader:
    """Reads one column: every different text of a batch once."""

    def __init__(self, parse: Parser, arrow_type: pa.DataType) -> None:
        self._parse = parse
        self._type = arrow_type

    def read(self, cells: pa.DictionaryArray) -> pa.Array:
        """Return what cells mean."""
        return pc.take(self.meanings(cells.dictionary), cells.indices)

    def meanings(self, texts: pa.StringArray) -> pa.Array:
        """Return what texts mean."""
        return _typed([self._parse(text)[0] for text in texts.to_pylist()], self._type)


class _MomentReader(_Reader):
    """Reads moments: their days and clocks, for a practice has millions of moments."""

    def __init__(self, whole: Parser, day: _Reader, clock: _Reader) -> None:
        super().__init__(whole, ARROW_TYPES["moment"])
        self._day, self._clock = day, clock

    def meanings(self, texts: pa.StringArray) -> pa.Array:
        """Return what moments mean; those not cut plainly in two are read whole."""
        days, clocks = cut_moments(texts)
        odd = is_odd(days, clocks)
        day = self._day.read(days).cast(pa.int32()).cast(pa.int64())
        clock = self._clock.read(clocks).cast(pa.int32()).cast(pa.int64())
        seconds = pc.add(pc.multiply(day, _SECONDS_A_DAY), pc.fill_null(clock, 0))
        moments = seconds.cast(self._type)
        if not pc.any(odd).as_py():
            return moments
        return pc.replace_with_mask(moments, odd, super().meanings(texts.filter(odd)))


def _reader(cell: Cell, parsers: CellParsers, table: str) -> _Reader:
    def parser(name: str) -> Parser:
        return parsers.parser(table, replace(cell, parser=name))

    if cell.parser == "moment":
        day, clock = (_Reader(parser(name), ARROW_TYPES[name]) for name in ("date", "time"))
        return _MomentReader(parser("moment"), day, clock)
    return _Reader(parser(cell.parser), ARROW_TYPES[cell.parser])


def _typed(values: list[Any], arrow_type: pa.DataType) -> pa.Array:
    """Return canonical values (ISO dates and times, decimal texts, numbers, flags) as a type."""
    if pa.types.is_boolean(arrow_type) or pa.types.is_integer(arrow_type):
        return pa.array(values, arrow_type)
    if pa.types.is_time(arrow_type):  # Arrow casts no text to a time
        clocks = [None if value is None else dt.time.fromisoformat(value) for value in values]
        return pa.array(clocks, arrow_type)
    return pa.array(values, pa.string()).cast(arrow_type)
