r"""A sealed snapshot: every row of an export as text, with where it stood and what it hashes to.

Cells are kept as printed (trimmed, ``\r\n`` → ``\n``, blank → null); reading them is the
canonical layer's business. Each row carries its physical line and a keyed hash that depends on
its cells only: not on order, quoting, encoding or column order.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from bridgework_contracts.errors import BridgeworkError, SourceUnreadable

from bridgework_dental_exec import fast_lane
from bridgework_dental_exec.export import Export, Finding, TableFile
from bridgework_dental_exec.profile import Profile, TableDef, load_profile
from bridgework_dental_exec.quarantine import Quarantined
from bridgework_dental_exec.reading import RowSource, open_rows
from bridgework_dental_exec.sealing import (
    file_key,
    new_salt,
    open_dataset,
    open_writer,
    row_hash_key,
)

LINE, HASH = "_line", "_hash"
_INDEX = "snapshot.json"
_FORMAT = "bridgework-snapshot/1"
_BATCH_BYTES = 16 << 20
_MIN_BATCH_ROWS, _MAX_BATCH_ROWS = 256, 65_536
MEMORY_LIMIT = "512MB"


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What is known about one table of the snapshot.

    Attributes:
        name: Table name in the profile.
        file: File it came from.
        columns: Columns in the file's order, profile names where they match.
        missing: Columns the profile has and the file lacks.
        extra: Columns the file has and the profile lacks.
        rows: Rows kept; ``quarantined_rows`` did not become rows.
        keyless: True where a key column is missing, so that every row is quarantined.
    """

    name: str
    file: str
    columns: tuple[str, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    rows: int = 0
    quarantined_rows: int = 0
    keyless: bool = False
    size_bytes: int = 0
    sha256: str = ""
    evidence: tuple[str, ...] = ()
    repairs: int = 0
    repaired_lines: tuple[tuple[int, str], ...] = ()
    lane: str = "careful"


@dataclass
class Snapshot:
    """A sealed snapshot on disk."""

    folder: Path
    profile: Profile
    seal: bytes | None
    salt: str
    tables: dict[str, TableInfo]
    quarantine: list[Quarantined] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    exported_at: str | None = None
    documents: dict[str, str] = field(default_factory=dict)

    def connect(
        self, tables: Iterable[str] | None = None, *, threads: int = 2
    ) -> duckdb.DuckDBPyConnection:
        """Open a connection with one view per table; a table that is missing is an empty view.

        Views have every column of the profile (null where the file lacked it), ``_line`` and
        ``_hash``. The connection never spills to disk: rows are personal data. One connection
        serves one thread.

        Args:
            tables: Only these tables; ``None`` means all.
            threads: Threads DuckDB may use.
        """
        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": "",
                "preserve_insertion_order": True,
            }
        )
        for name in self.profile.tables if tables is None else tables:
            self._add_view(connection, self.profile.tables[name])
        return connection

    def rows(self, table: str) -> int:
        """Rows of a table, 0 where it is missing."""
        info = self.tables.get(table)
        return info.rows if info is not None else 0

    def file(self, table: str) -> str:
        """Name of the file a table came from, for provenance."""
        info = self.tables.get(table)
        return info.file if info is not None else f"{table}.csv"

    def path(self, table: str) -> Path:
        """Where a table's Parquet file is."""
        return self.folder / f"{table}.parquet"

    def key(self, name: str) -> bytes | None:
        """Key of one of the snapshot's files, ``None`` for a snapshot that is not sealed."""
        return file_key(self.seal, self.salt, name) if self.seal is not None else None

    def _add_view(self, connection: duckdb.DuckDBPyConnection, table: TableDef) -> None:
        info = self.tables.get(table.name)
        if info is None or info.rows == 0:
            columns = ", ".join(f'NULL::VARCHAR AS "{c}"' for c in table.columns)
            connection.execute(
                f'CREATE VIEW "{table.name}" AS SELECT {columns}, 0::BIGINT AS {LINE}, '
                f"''::BLOB AS {HASH} WHERE false"
            )
            return
        stored = f"stored_{table.name}"
        connection.register(stored, open_dataset(self.path(table.name), self.key(table.name)))
        missing = "".join(f', NULL::VARCHAR AS "{c}"' for c in info.missing)
        connection.execute(f'CREATE TEMP VIEW "{table.name}" AS SELECT *{missing} FROM "{stored}"')

    def save(self) -> None:
        """Write the index; the last step of sealing."""
        index = {
            "format": _FORMAT,
            "profile": self.profile.name,
            "salt": self.salt,
            "sealed": self.seal is not None,
            "exported_at": self.exported_at,
            "tables": {n: asdict(t) for n, t in self.tables.items()},
            "quarantine": [q.as_dict() for q in self.quarantine],
            "findings": [asdict(f) for f in self.findings],
        }
        text = json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True)
        partial = self.folder / f"{_INDEX}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / _INDEX)

    @classmethod
    def load(cls, folder: Path, seal: bytes | None = None) -> "Snapshot":
        """Open a snapshot that was sealed before.

        Raises:
            SourceUnreadable: No snapshot there, or sealed and no key given.
        """
        try:
            index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise SourceUnreadable(
                "There is no snapshot here.", code="snapshot_missing", remedy="Seal it again."
            ) from exc
        if index["sealed"] != (seal is not None):
            raise SourceUnreadable(
                "The snapshot is sealed and no key was given, or the other way round.",
                code="snapshot_key",
                remedy="Give the tenant's data key.",
            )
        tables = {name: _table_info(data) for name, data in index["tables"].items()}
        return cls(
            folder=folder,
            profile=load_profile(index["profile"]),
            seal=seal,
            salt=index["salt"],
            tables=tables,
            quarantine=[Quarantined(**q) for q in index["quarantine"]],
            findings=[Finding(**f) for f in index["findings"]],
            exported_at=index["exported_at"],
        )


def seal_snapshot(
    export: Export,
    out_dir: Path,
    *,
    seal: bytes | None = None,
    profile: str = "dental_exec_v1",
) -> Snapshot:
    """Read an export into a sealed snapshot.

    Args:
        export: The opened export.
        out_dir: New or empty folder for the snapshot.
        seal: The tenant's data key, 32 bytes; ``None`` leaves the snapshot readable to all.
        profile: Name of the source profile.

    Returns:
        The snapshot; what could not be read stands in its quarantine, never nowhere.
    """
    snapshot = new_snapshot(out_dir, load_profile(profile), seal)
    snapshot.findings = list(export.manifest_findings)
    snapshot.exported_at = _exported_at(export)
    sealer = Sealer(snapshot, export.pins)
    try:
        for file in export.tables().values():
            sealer.take(file)
    finally:
        sealer.close()
    sealer.compare_with_manifest(export)
    snapshot.save()
    return snapshot


def new_snapshot(out_dir: Path, profile: Profile, seal: bytes | None) -> Snapshot:
    """Return an empty snapshot in a folder; tables are sealed into it, then it is saved."""
    out_dir.mkdir(parents=True, exist_ok=True)
    return Snapshot(out_dir, profile, seal, new_salt(), {})


def _table_info(data: dict[str, Any]) -> TableInfo:
    lists = {
        key: tuple(tuple(i) if isinstance(i, list) else i for i in value)
        for key, value in data.items()
        if isinstance(value, list)
    }
    return TableInfo(**{**data, **lists})


def _exported_at(export: Export) -> str | None:
    return next((e.exported_at for e in export.manifest if e.exported_at), None)


class Sealer:
    """Writes one table after another."""

    def __init__(self, snapshot: Snapshot, pins: Mapping[str, str]) -> None:
        self._snapshot = snapshot
        self._pins = pins
        self._hash_key = row_hash_key(snapshot.seal)
        self._connection = _connection()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def take(self, file: TableFile) -> None:
        """Seal one file if the profile knows its table; else say that it was left."""
        snapshot = self._snapshot
        try:
            source = open_rows(file, self._pins)
        except SourceUnreadable as exc:
            snapshot.quarantine.append(
                Quarantined(
                    file.file, 1, 1, 1, "", exc.code, "", str(exc.details.get("remedy", ""))
                )
            )
            return
        table = snapshot.profile.match_table(file.name, source.header)
        if table is None:
            sentence = "No table of the profile looks like this file: it was not read."
            snapshot.findings.append(Finding(file.file, "table_unknown", sentence))
            return
        if table.name in snapshot.tables:
            sentence = "Two files hold the same table: only the first was read."
            snapshot.findings.append(Finding(file.file, "table_twice", sentence))
            return
        self.seal(table, source)

    def seal(self, table: TableDef, source: RowSource) -> None:
        """Write one table and what was learnt about it."""
        snapshot = self._snapshot
        header = source.header = table.aligned(source.header)
        missing = tuple(c for c in table.columns if c not in header)
        keyless = bool(set(table.key) & set(missing)) or not header
        file = source.table.file
        if header and missing and not keyless:
            sentence = f"{len(missing)} columns are missing: " + ", ".join(missing)
            snapshot.findings.append(Finding(file, "columns_missing", sentence))
        rows, lane = 0, "careful"
        if keyless:
            rows_seen = sum(len(batch) for _, batch in source.batches)
            if rows_seen or not header:
                snapshot.quarantine.append(_keyless(source, table, missing, rows_seen))
        elif header:
            rows, lane = self._write(table, source)
        report = source.report
        snapshot.quarantine.extend(report.quarantine)
        snapshot.tables[table.name] = TableInfo(
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
        with open_writer(snapshot.path(table.name), schema, snapshot.key(table.name)) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        return rows

    def compare_with_manifest(self, export: Export) -> None:
        """Add what the manifest says differently about rows and bytes."""
        snapshot = self._snapshot
        by_file = {t.file.lower(): t for t in snapshot.tables.values()}
        for entry in export.manifest:
            table = by_file.get(entry.file.lower())
            if table is None:
                continue
            if entry.sha256 and entry.sha256 != table.sha256:
                sentence = "The file is not the one the manifest describes (SHA-256 differs)."
                snapshot.findings.append(Finding(table.file, "manifest_sha256", sentence))
            found = table.rows + table.quarantined_rows
            if entry.rows is not None and entry.rows != found:
                sentence = f"The manifest says {entry.rows} rows; {found} were found."
                snapshot.findings.append(Finding(table.file, "manifest_rows", sentence))


def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 2, "memory_limit": MEMORY_LIMIT, "temp_directory": ""})


def projection(source: RowSource, raw: str, hash_key: str, place: str, *, breaks: bool) -> str:
    r"""Return the SQL that turns raw cells into kept cells, with each row's place and hash.

    Cells are trimmed, blank ones are null, line breaks inside are ``\n``. What a file cannot
    hold (tabs, quoted line breaks) is not looked for: that is most of the cost.
    """
    scan, dialect = source.scan, source.dialect
    text_file = dialect is not None
    tabs = not text_file or (scan.quotes if dialect and dialect.delimiter == "\t" else scan.tabs)
    breaks = breaks and (not text_file or scan.carriage_returns > 0 or scan.nul_bytes > 0)
    trim = tabs or not text_file or scan.padded or scan.nul_bytes > 0
    cells = ", ".join(
        f"{_clean(c, tabs=tabs, breaks=breaks, trim=trim)} AS {_quoted(c)}" for c in source.header
    )
    joined = ", chr(31), ".join(f"coalesce({_quoted(c)}, '')" for c in sorted(source.header))
    key = hash_key.replace("'", "''")
    return (
        f"SELECT *, unhex(left(sha256(concat('{key}', {joined})), 32)) AS {HASH} "  # noqa: ISC003
        + f"FROM (SELECT {cells}, {place} FROM {raw})"
    )


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _clean(column: str, *, tabs: bool, breaks: bool, trim: bool) -> str:
    text = _quoted(column)
    if breaks:
        text = f"replace({text}, chr(13) || chr(10), chr(10))"
    if trim:
        text = f"trim({text}, ' ' || chr(9))" if tabs else f"trim({text})"
    return f"nullif({text}, '')"


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


def utc_today() -> dt.date:
    """Today in UTC; the last resort where an export does not tell its day."""
    return dt.datetime.now(dt.UTC).date()
