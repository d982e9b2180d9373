"""Corrections of people, applied to a sealed snapshot; the export itself is never touched.

A correction is bound to its row's *mark*: a keyed hash of the row's cells (or of the text of a line
that gave no row). Shuffling, quoting, encoding and column order leave a mark as it is; a row that
was changed has another one, so a correction made for it is reported as stale, never applied.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from bridgework_dental_exec.dialects import Dialect, detect
from bridgework_dental_exec.export import Export
from bridgework_dental_exec.physical_lines import physical_lines
from bridgework_dental_exec.sealed_parquet import open_dataset, open_writer, row_hash_key
from bridgework_dental_exec.snapshot import HASH, LINE, Snapshot, TableInfo
from bridgework_dental_exec.typed import type_snapshot

_HASH_BYTES = 16
_BATCH_ROWS = 8_192
_CHANGED = "The row was changed since the correction was made: look at it again."
_GONE = "The row is not in this export any more."


@dataclass(frozen=True, slots=True)
class Fix:
    """One correction, opened.

    Attributes:
        file: File the row was seen in.
        column: Column of the file; empty replaces the whole line, in the file's own dialect.
        mark: The row's mark when it was seen; ``None`` finds nothing.
        row_key: The row's own number, to tell a changed row from one that is gone.
    """

    id: str
    file: str
    column: str
    value: str
    mark: str | None
    row_key: str = ""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a correction. ``line`` is where the row stands now, 0 where it does not."""

    id: str
    state: Literal["applied", "stale", "unusable"]
    file: str
    line: int
    mark: str
    sentence: str = ""


class RowFacts(NamedTuple):
    """What names one row: its mark, and its own number (parts joined by ``|``)."""

    mark: str
    key: str


class BadLine(NamedTuple):
    """A line that gave no row: where it is, its text, and how its file is written."""

    line: int
    text: str
    dialect: Dialect


def row_facts(
    snapshot: Snapshot, lines: Mapping[str, set[int]], key: bytes
) -> dict[tuple[str, int], RowFacts]:
    """Return (table, line) → what names the row.

    Args:
        snapshot: The sealed export; rows that were corrected show what they hold now.
        lines: Table → lines that are asked for.
        key: The tenant's key; marks of equal rows are equal under one key only.
    """
    found = {}
    for table, wanted in lines.items():
        if not snapshot.rows(table) or not wanted:
            continue
        connection = snapshot.connect([table])
        try:
            connection.register("wanted", pa.table({"l": pa.array(sorted(wanted), pa.int64())}))
            rows = connection.execute(
                f"SELECT {LINE}, {_mark_sql(snapshot, table, key)}, {_key_sql(snapshot, table)} "
                f'FROM "{table}" WHERE {LINE} IN (SELECT l FROM wanted)'
            ).fetchall()
        finally:
            connection.close()
        found.update({(table, line): RowFacts(mark, name) for line, mark, name in rows})
    return found


def bad_lines(snapshot: Snapshot, export: Export, key: bytes) -> dict[str, dict[str, BadLine]]:
    """Return file → mark → a quarantined line that one correction could repair."""
    files = {file.file: file for file in export.tables().values() if file.kind == "csv"}
    wanted: dict[str, dict[int, int]] = {}
    for item in snapshot.quarantine:
        if item.rows == 1 and item.file in files and _table(snapshot, item.file) is not None:
            wanted.setdefault(item.file, {})[item.line] = item.line_to
    found: dict[str, dict[str, BadLine]] = {}
    for name, stretches in wanted.items():
        dialect = detect(files[name].path, export.pins)
        for line, text in _stretches(physical_lines(files[name].path, dialect, _ignore), stretches):
            if text.strip():
                mark = _line_mark(_stem(name), text, key)
                found.setdefault(name, {})[mark] = BadLine(line, text, dialect)
    return found


def apply_fixes(
    snapshot: Snapshot, export: Export, fixes: Sequence[Fix], key: bytes
) -> list[Fixed]:
    """Apply corrections to a snapshot that was just sealed, and save it; idempotent it is not.

    Args:
        snapshot: Fresh from ``seal_snapshot``; its tables with corrections are written again.
        export: The export it came from, for lines that gave no row.
        fixes: In the order they were made; a later one wins over an earlier one of the same cell.
        key: The tenant's key of row marks.

    Returns:
        What became of each, in the given order.
    """
    by_table: dict[str, list[Fix]] = {}
    results: dict[str, Fixed] = {}
    for fix in fixes:
        info = _table(snapshot, fix.file)
        if info is None:
            results[fix.id] = Fixed(fix.id, "stale", fix.file, 0, fix.mark or "", _GONE)
        else:
            by_table.setdefault(info.name, []).append(fix)
    broken = bad_lines(snapshot, export, key) if by_table else {}
    for table, wanted in by_table.items():
        rewriting = _Rewriting(snapshot, table, key, broken.get(snapshot.file(table), {}))
        results.update({done.id: done for done in rewriting.run(wanted)})
    if any(done.state == "applied" for done in results.values()):
        type_snapshot(snapshot, export.pins)
    snapshot.save()
    return [results[fix.id] for fix in fixes]


class _Rewriting:
    """Corrects one table: decides what fits, then writes its file again."""

    def __init__(
        self, snapshot: Snapshot, table: str, key: bytes, broken: Mapping[str, BadLine]
    ) -> None:
        self._snapshot = snapshot
        self._info = snapshot.tables[table]
        self._key = key
        self._broken = broken

    def run(self, fixes: Sequence[Fix]) -> Iterator[Fixed]:
        """Yield what became of each correction; those that fit are in the table afterwards."""
        places = self._places({fix.mark for fix in fixes if fix.mark})
        edits: dict[int, dict[str, str | None]] = {}
        made: dict[int, dict[str, str | None]] = {}
        results = []
        for fix in sorted(fixes, key=lambda one: bool(one.column)):
            lines = places.get(fix.mark or "", [])
            bad = self._broken.get(fix.mark or "")
            if bad is not None:
                problem = self._restore(fix, bad, made)
                lines = [bad.line]
            elif not lines:
                problem = self._why_absent(fix)
                results.append(self._done(fix, "stale", 0, problem))
                continue
            elif fix.column not in self._info.columns:
                problem = (
                    "The file has no such column."
                    if fix.column
                    else "This is a row: name a column."
                )
            else:
                problem = ""
                for line in lines:
                    edits.setdefault(line, {})[fix.column] = _clean(fix.value)
            results.append(self._done(fix, "unusable" if problem else "applied", lines[0], problem))
        if edits or made:
            self._write(edits, made)
        yield from results

    def _done(self, fix: Fix, state: Any, line: int, sentence: str) -> Fixed:
        return Fixed(fix.id, state, self._info.file, line, fix.mark or "", sentence)

    def _restore(self, fix: Fix, bad: BadLine, made: dict[int, dict[str, str | None]]) -> str:
        """Make a row of a line that gave none; return what stands in the way, if anything."""
        if fix.column:
            if bad.line not in made or fix.column not in self._info.columns:
                return "The line must become a row first: correct it as a whole."
            made[bad.line][fix.column] = _clean(fix.value)
            return ""
        dialect = bad.dialect
        try:
            rows = list(
                csv.reader(
                    fix.value.strip("\r\n").splitlines(keepends=True),
                    delimiter=dialect.delimiter,
                    quotechar=dialect.quote,
                    strict=True,
                )
            )
        except csv.Error:
            return "The corrected line is still no row: a quote is not closed."
        if len(rows) != 1 or len(rows[0]) != len(self._info.columns):
            found = len(rows[0]) if len(rows) == 1 else len(rows)
            what = "cells" if len(rows) == 1 else "rows"
            return f"The corrected line has {found} {what}, not {len(self._info.columns)} cells."
        cells = (_clean(cell) for cell in rows[0])
        made[bad.line] = dict(zip(self._info.columns, cells, strict=True))
        return ""

    def _places(self, marks: set[str]) -> dict[str, list[int]]:
        """Return mark → lines of the rows that have it."""
        found: dict[str, list[int]] = {}
        if not marks or not self._info.rows:
            return found
        name = self._info.name
        mark_sql = _mark_sql(self._snapshot, name, self._key)
        for line, mark in self._ask(
            f'SELECT {LINE}, m FROM (SELECT {LINE}, {mark_sql} AS m FROM "{name}") '
            "WHERE m IN (SELECT unnest($1)) ORDER BY 1",
            sorted(marks),
        ):
            found.setdefault(mark, []).append(line)
        return found

    def _why_absent(self, fix: Fix) -> str:
        if not fix.row_key or not self._info.rows:
            return _GONE
        name = self._info.name
        same = self._ask(
            f'SELECT 1 FROM "{name}" WHERE {_key_sql(self._snapshot, name)} = $1 LIMIT 1',
            fix.row_key,
        )
        return _CHANGED if same else _GONE

    def _ask(self, sql: str, value: Any) -> list[tuple[Any, ...]]:
        connection = self._snapshot.connect([self._info.name])
        try:
            return connection.execute(sql, [value]).fetchall()
        finally:
            connection.close()

    def _write(
        self,
        edits: Mapping[int, Mapping[str, str | None]],
        made: Mapping[int, Mapping[str, str | None]],
    ) -> None:
        snapshot, info = self._snapshot, self._info
        path, key = snapshot.path(info.name), snapshot.key(info.name)
        dataset = open_dataset(path, key)
        partial = path.with_name(f"{path.name}.partial")
        with open_writer(partial, dataset.schema, key) as writer:
            for batch in dataset.to_batches(batch_size=_BATCH_ROWS):
                writer.write_batch(self._edited(batch, edits))
            rows = [{**cells, LINE: line, HASH: self._hash(cells)} for line, cells in made.items()]
            if rows:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=dataset.schema))
        partial.replace(path)
        snapshot.quarantine[:] = [
            item
            for item in snapshot.quarantine
            if not (item.file == info.file and item.line in made and item.rows == 1)
        ]
        snapshot.tables[info.name] = replace(
            info, rows=info.rows + len(made), quarantined_rows=info.quarantined_rows - len(made)
        )

    def _edited(
        self, batch: pa.RecordBatch, edits: Mapping[int, Mapping[str, str | None]]
    ) -> pa.RecordBatch:
        lines = batch.column(batch.schema.get_field_index(LINE)).to_pylist()
        if not any(line in edits for line in lines):
            return batch
        rows = batch.to_pylist()
        for row in rows:
            changes = edits.get(row[LINE])
            if changes:
                row.update(changes)
                row[HASH] = self._hash(row)
        return pa.RecordBatch.from_pylist(rows, schema=batch.schema)

    def _hash(self, cells: Mapping[str, Any]) -> bytes:
        """Return a row's hash as sealing computes it in SQL."""
        joined = "\x1f".join(cells[c] or "" for c in sorted(self._info.columns))
        salted = row_hash_key(self._snapshot.seal) + joined
        return hashlib.sha256(salted.encode("utf-8", "surrogatepass")).digest()[:_HASH_BYTES]


def _mark_sql(snapshot: Snapshot, table: str, key: bytes) -> str:
    columns = sorted(snapshot.tables[table].columns)
    parts = "".join(
        f", coalesce({_text(c)} || chr(30) || {_name(c)} || chr(31), '')" for c in columns
    )
    return f"left(sha256(concat('{key.hex()}', {_text(table)}{parts})), {2 * _HASH_BYTES})"


def _key_sql(snapshot: Snapshot, table: str) -> str:
    info = snapshot.tables[table]
    parts = [c for c in snapshot.profile.tables[table].key if c in info.columns]
    trimmed = ", ".join(f"regexp_replace({_name(c)}, '\\.0+$', '')" for c in parts)
    return f"concat_ws('|', {trimmed})" if parts else "''"


def _line_mark(table: str, text: str, key: bytes) -> str:
    told = f"{key.hex()}{table}\x1d{text.strip()}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[: 2 * _HASH_BYTES]


def _table(snapshot: Snapshot, file: str) -> TableInfo | None:
    """Return the table a file holds, also where a later export names the file otherwise."""
    for info in snapshot.tables.values():
        if info.file == file:
            return None if info.keyless or not info.columns else info
    table = snapshot.profile.match_table(_stem(file), ())
    info_or_none = snapshot.tables.get(table.name) if table is not None else None
    return None if info_or_none is None or info_or_none.keyless else info_or_none


def _stem(file: str) -> str:
    return PurePath(file).stem.lower()


def _stretches(lines: Iterable[str], wanted: Mapping[int, int]) -> Iterator[tuple[int, str]]:
    """Yield (first line, text) of stretches of lines, reading no further than the last one."""
    last = max(wanted.values())
    open_: dict[int, list[str]] = {}
    for number, text in enumerate(lines, start=1):
        if number in wanted:
            open_[number] = []
        for first in list(open_):
            open_[first].append(text)
            if wanted[first] <= number:
                yield first, "".join(open_.pop(first)).rstrip("\r\n")
        if number >= last:
            return


def _clean(value: str) -> str | None:
    return value.replace("\r\n", "\n").strip(" \t\n") or None


def _ignore(line: int, beginning: str) -> None:
    """Let an overlong line be: it is quarantined already."""
    del line, beginning


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
