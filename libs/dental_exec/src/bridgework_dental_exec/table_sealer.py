"""Writing one table of a snapshot: rows in, a sealed Parquet file with places and hashes out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from bridgework_contracts.errors import BridgeworkError, SourceUnreadable

from bridgework_dental_exec import fast_lane
from bridgework_dental_exec.export import Finding, TableFile
from bridgework_dental_exec.profile import TableDef
from bridgework_dental_exec.quarantine import Quarantined
from bridgework_dental_exec.reading import RowSource, open_rows
from bridgework_dental_exec.sealed_parquet import open_writer, row_hash_key
from bridgework_dental_exec.tables import HASH, LINE, TableInfo

if TYPE_CHECKING:
    from bridgework_dental_exec.snapshot import Snapshot

MEMORY_LIMIT = "512MB"
_BATCH_BYTES = 8 << 20
_MIN_BATCH_ROWS, _MAX_BATCH_ROWS = 256, 65_536
_GROUP_BYTES = 16 << 20
"""A row group is held in memory while it is written and while it is read: counted in bytes, for
rows of notes are a thousand times as long as rows of alerts."""

_STREAM_AHEAD = "32MB"
"""How far DuckDB works ahead of the writer; its default of 1 MB leaves one core idle."""


@dataclass
class Sealed:
    """What became of one file: its table, ``None`` where it gave none, and what was odd."""

    table: TableInfo | None
    quarantine: list[Quarantined] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Sealer:
    """Writes one table after another into a snapshot's folder; one sealer serves one thread."""

    def __init__(self, snapshot: "Snapshot", pins: Mapping[str, str]) -> None:
        self._snapshot = snapshot
        self._pins = pins
        self._hash_key = row_hash_key(snapshot.seal)
        self._connection = _connection()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def open(self, file: TableFile) -> RowSource | Sealed:
        """Scan a file and read as far as its header; what cannot be opened is quarantined."""
        try:
            return open_rows(file, self._pins)
        except SourceUnreadable as exc:
            remedy = str(exc.details.get("remedy", ""))
            return Sealed(None, [Quarantined(file.file, 1, 1, 1, "", exc.code, "", remedy)])

    def seal(self, table: TableDef, source: RowSource) -> Sealed:
        """Write one table; return what was learnt about it."""
        header = source.header = table.aligned(source.header)
        missing = tuple(c for c in table.columns if c not in header)
        keyless = bool(set(table.key) & set(missing)) or not header
        file = source.table.file
        sealed = Sealed(None)
        if header and missing and not keyless:
            sentence = f"{len(missing)} columns are missing: " + ", ".join(missing)
            sealed.findings.append(Finding(file, "columns_missing", sentence))
        rows, lane = 0, "careful"
        if keyless:
            rows_seen = sum(len(batch) for _, batch in source.batches)
            if rows_seen or not header:
                sealed.quarantine.append(_keyless(source, table, missing, rows_seen))
        elif header:
            rows, lane = self._write(table, source)
        report = source.report
        sealed.quarantine.extend(report.quarantine)
        sealed.table = TableInfo(
            name=table.name,
            file=file,
            columns=tuple(header),
            missing=missing,
            extra=tuple(c for c in header if c not in table.columns),
            rows=rows,
            quarantined_rows=report.quarantine.rows + (report.rows if keyless else 0),
            keyless=keyless,
            size_bytes=source.scan.size_bytes,
            sha256=source.scan.sha256,
            evidence=source.evidence,
            repairs=report.repair_count,
            repaired_lines=tuple((r.line, r.code) for r in report.repairs),
            lane=lane,
        )
        return sealed

    def _write(self, table: TableDef, source: RowSource) -> tuple[int, str]:
        """Write a table's rows; return their number and the lane that read them."""
        if fast_lane.is_candidate(source):
            shown = source.scan.quotes and any("\n" in c for row in source.first for c in row)
            for inside in (True,) if shown else (False, True):
                if inside and not source.scan.quotes:
                    break
                try:
                    return self._write_fast(table, source, inside=inside), "fast"
                except fast_lane.NotWellFormed as exc:
                    self._snapshot.path(table.name).unlink(missing_ok=True)
                    if not exc.lines_differ:
                        break
        return self._write_carefully(table, source), "careful"

    def _write_fast(self, table: TableDef, source: RowSource, *, inside: bool) -> int:
        header = source.header
        cells = ", ".join(f"{_quoted(c)}" for c in header)
        scan = fast_lane.scan_sql(source)
        breaks = fast_lane.breaks_sql(source, inside=inside)
        raw = f"(SELECT {cells}, {breaks} AS {fast_lane.BREAKS} FROM {scan})"
        place = fast_lane.BREAKS
        try:
            result = self._connection.sql(
                projection(source, raw, self._hash_key, place, breaks=inside)
            )
            reader = result.to_arrow_reader(_batch_rows(source))
        except (duckdb.Error, pa.ArrowException) as exc:
            raise fast_lane.NotWellFormed from exc
        fields = [f for f in reader.schema if f.name not in {place, HASH}]
        schema = pa.schema([*fields, pa.field(LINE, pa.int64()), reader.schema.field(HASH)])
        lines = fast_lane.physical_line_count(source)
        return self._store(table, schema, fast_lane.with_lines(reader, LINE, schema, lines))

    def _write_carefully(self, table: TableDef, source: RowSource) -> int:
        header = source.header
        schema = pa.schema(
            [pa.field(c, pa.string()) for c in header] + [pa.field(LINE, pa.int64())]
        )
        failed: list[BridgeworkError] = []
        reader = pa.RecordBatchReader.from_batches(schema, _arrow(source, schema, failed))
        self._connection.register("incoming", reader)
        result = self._connection.sql(
            projection(source, "incoming", self._hash_key, LINE, breaks=True)
        )
        try:
            output = result.to_arrow_reader(_batch_rows(source))
            return self._store(table, output.schema, output)
        except (duckdb.Error, pa.ArrowException, OSError):
            if failed:
                raise failed[0] from None
            raise
        finally:
            self._connection.unregister("incoming")

    def _store(self, table: TableDef, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        snapshot = self._snapshot
        rows = 0
        path, key = snapshot.path(table.name), snapshot.key(table.name)
        repeating = snapshot.profile.typed_cells(table.name)
        with open_writer(path, schema, key, repeating=repeating) as writer:
            group: list[pa.RecordBatch] = []
            for batch in batches:
                group.append(batch)
                rows += batch.num_rows
                if sum(b.nbytes for b in group) >= _GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(group, schema))
                    group = []
            if group:
                writer.write_table(pa.Table.from_batches(group, schema))
        return rows


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": MEMORY_LIMIT, "temp_directory": ""}
    )
    connection.execute(f"SET streaming_buffer_size = '{_STREAM_AHEAD}'")
    return connection


def projection(source: RowSource, raw: str, hash_key: str, place: str, *, breaks: bool) -> str:
    r"""Return the SQL that turns raw cells into kept cells, with each row's place and hash.

    Cells are trimmed, blank ones are null, line breaks inside are ``\n``. What a file cannot
    hold (tabs, quoted line breaks) is not looked for: that is most of the cost.
    """
    scan, dialect = source.scan, source.dialect
    text_file = dialect is not None
    tabs = not text_file or (scan.quotes if dialect and dialect.delimiter == "\t" else scan.tabs)
    breaks = breaks and (not text_file or scan.carriage_returns > 0 or scan.nul_bytes > 0)
    cells = ", ".join(
        f"{_clean(c, tabs=tabs, breaks=breaks)} AS {_quoted(c)}" for c in source.header
    )
    joined = ", chr(31), ".join(_quoted(c) for c in sorted(source.header))  # null adds nothing
    key = hash_key.replace("'", "''")
    return (
        f"SELECT *, unhex(left(sha256(concat('{key}', {joined})), 32)) AS {HASH} "  # noqa: ISC003
        + f"FROM (SELECT {cells}, {place} FROM {raw})"
    )


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _clean(column: str, *, tabs: bool, breaks: bool) -> str:
    """Return SQL for a kept cell; only what has a blank at its edge is copied to be trimmed."""
    text = _quoted(column)
    if breaks:
        text = f"replace({text}, chr(13) || chr(10), chr(10))"
    edge = f"{text} < '!' OR suffix({text}, ' ')"
    if tabs:
        edge += f" OR suffix({text}, chr(9))"
    return f"CASE WHEN {edge} THEN nullif(trim({text}, ' ' || chr(9)), '') ELSE {text} END"


def _arrow(
    source: RowSource, schema: pa.Schema, failed: list[BridgeworkError]
) -> Iterator[pa.RecordBatch]:
    """Yield a source's batches; an error of ours is kept, for DuckDB makes another of it."""
    try:
        for lines, rows in source.batches:
            columns = [pa.array(c, pa.string()) for c in zip(*rows, strict=True)]
            columns.append(pa.array(lines, pa.int64()))
            yield pa.record_batch(columns, schema=schema)
    except BridgeworkError as exc:
        failed.append(exc)
        raise


def _batch_rows(source: RowSource) -> int:
    """Choose batches of about 16 MiB, so that long notes do not pile up in memory."""
    scan = source.scan
    lines = max(scan.line_feeds, scan.carriage_returns, 1)
    per_row = max(scan.size_bytes // lines, 1) * 2
    return max(_MIN_BATCH_ROWS, min(_MAX_BATCH_ROWS, _BATCH_BYTES // per_row))


def _keyless(
    source: RowSource, table: TableDef, missing: tuple[str, ...], rows: int
) -> Quarantined:
    gone = sorted(set(table.key) & set(missing))
    return Quarantined(
        file=source.table.file,
        line=1,
        line_to=max(source.scan.line_feeds, 1),
        rows=max(rows, 1),
        column=", ".join(gone),
        code="key_column_missing" if source.header else "file_empty",
        shape="",
        remedy="Export the file again with its key column.",
    )
