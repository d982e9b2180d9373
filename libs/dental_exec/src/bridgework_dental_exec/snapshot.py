r"""A sealed snapshot: every row of an export as text, with where it stood and what it hashes to.

Cells are kept as printed (trimmed, ``\r\n`` → ``\n``, blank → null); reading them is the
canonical layer's business. Each row carries its physical line and a keyed hash that depends on
its cells only: not on order, quoting, encoding or column order.
"""

import datetime as dt
import json
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.connections import Connections
from bridgework_dental_exec.database_sealer import DatabaseSealer
from bridgework_dental_exec.date_rules import DateRules
from bridgework_dental_exec.export import Export, Finding, TableFile
from bridgework_dental_exec.profile import Profile, TableDef, load_profile
from bridgework_dental_exec.quarantine import Quarantined
from bridgework_dental_exec.sealer import MEMORY_LIMIT, Sealed, Sealer
from bridgework_dental_exec.sealing import file_key, new_salt, open_dataset
from bridgework_dental_exec.tables import HASH, LINE, TableInfo, TypedColumn

__all__ = [
    "HASH",
    "LINE",
    "Snapshot",
    "TableInfo",
    "new_snapshot",
    "seal_snapshot",
    "utc_today",
]

_INDEX = "snapshot.json"
_FORMAT = "bridgework-snapshot/2"
_BATCH_ROWS = 131_072
_AT_ONCE = 2
"""Files sealed side by side: many are too small for DuckDB to use both cores."""


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
    dates: DateRules = field(default_factory=lambda: DateRules(utc_today()))

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

    def typed_path(self, table: str) -> Path:
        """Where the typed layer of a table is."""
        return self.folder / f"{table}.typed.parquet"

    def key(self, name: str) -> bytes | None:
        """Key of one of the snapshot's files, ``None`` for a snapshot that is not sealed."""
        return file_key(self.seal, self.salt, name) if self.seal is not None else None

    def batches(self, table: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a table in the file's order, as dictionaries, with their lines.

        Args:
            table: One that has rows.
            columns: Columns its file has.
        """
        names = list(columns)
        dataset = open_dataset(self.path(table), self.key(table), repeating=names)
        yield from dataset.to_batches(
            columns=[*names, LINE], batch_size=_BATCH_ROWS, batch_readahead=1, use_threads=False
        )

    def typed(self, table: str) -> ds.Dataset | None:
        """Return the typed layer of a table, for DuckDB or Arrow; ``None`` where it has none.

        Its rows stand in the order of the table's; a column is null where the cell is blank or
        nobody can read it.
        """
        path = self.typed_path(table)
        info = self.tables.get(table)
        return open_dataset(path, self.key(path.name)) if info is not None and info.typed else None

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

    def keep(self, sealed: Sealed) -> None:
        """Take in what became of one file."""
        if sealed.table is not None:
            self.tables[sealed.table.name] = sealed.table
        self.quarantine += sealed.quarantine
        self.findings += sealed.findings

    def save(self) -> None:
        """Write the index; the last step of sealing."""
        index = {
            "format": _FORMAT,
            "profile": self.profile.name,
            "salt": self.salt,
            "sealed": self.seal is not None,
            "exported_at": self.exported_at,
            "dates": self.dates.as_dict(),
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
        if index["format"] != _FORMAT:
            raise SourceUnreadable(
                "The snapshot was sealed by another version.",
                code="snapshot_format",
                remedy="Seal it again.",
            )
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
            dates=DateRules.from_dict(index["dates"]),
        )


def seal_snapshot(
    export: Export,
    out_dir: Path,
    *,
    seal: bytes | None = None,
    profile: str = "dental_exec_v1",
    connections: Connections | None = None,
) -> Snapshot:
    """Read an export into a sealed snapshot: its files, then what its database has besides.

    Args:
        export: The opened export.
        out_dir: New or empty folder for the snapshot.
        seal: The tenant's data key, 32 bytes; ``None`` leaves the snapshot readable to all.
        profile: Name of the source profile.
        connections: Connections the export may name in ``database.yaml``; ``None`` are none.

    Returns:
        The snapshot; what could not be read stands in its quarantine, never nowhere.

    Raises:
        SourceUnreadable: The export's database file is damaged, encrypted, or of a newer version;
            or ``database.yaml`` names what is not there.
        SourceUnavailable: The database server does not answer.
        ConfigurationError: The operator's connection to it is refused.
    """
    database = (connections or Connections()).opened(export.database)
    snapshot = new_snapshot(out_dir, load_profile(profile), seal)
    snapshot.findings = list(export.manifest_findings)
    snapshot.exported_at = _exported_at(export)
    for sealed in _FileSealer(snapshot, export).results():
        snapshot.keep(sealed)
    in_files = set(snapshot.tables)
    if database is not None:
        sealer = Sealer(snapshot, {})
        try:
            tables = DatabaseSealer(database, snapshot.profile)
            for sealed in tables.results(sealer, in_files):
                snapshot.keep(sealed)
        finally:
            sealer.close()
    _compare_with_manifest(snapshot, export, in_files)
    from bridgework_dental_exec.typed import type_snapshot

    type_snapshot(snapshot, export.pins)
    snapshot.save()
    return snapshot


class _FileSealer:
    """Seals every file of an export, two at a time, the largest first.

    A file is known by its name; one whose name says nothing is matched by its header, after the
    others, and only where its table is not taken.
    """

    def __init__(self, snapshot: Snapshot, export: Export) -> None:
        self._profile = snapshot.profile
        self._files = list(export.tables().values())
        self._sealers = [Sealer(snapshot, export.pins) for _ in range(_AT_ONCE)]
        self._free: SimpleQueue[Sealer] = SimpleQueue()
        for sealer in self._sealers:
            self._free.put(sealer)

    def results(self) -> list[Sealed]:
        """Return what became of each file, in the files' order."""
        results: dict[str, Sealed] = {}
        named: dict[str, TableFile] = {}
        rest: list[TableFile] = []
        for file in self._files:
            table = self._profile.named(file.name)
            if table is None:
                rest.append(file)
            elif named.setdefault(table.name, file) is not file:
                results[file.name] = _left(file, "table_twice")
        try:
            largest = sorted(named.values(), key=lambda f: -f.size_bytes)
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                done = pool.map(self._seal, largest)
                results |= dict(zip((f.name for f in largest), done, strict=True))
            taken = {r.table.name for r in results.values() if r.table is not None}
            for file in rest:
                sealed = results[file.name] = self._seal(file, taken)
                taken |= {sealed.table.name} if sealed.table is not None else set()
        finally:
            for sealer in self._sealers:
                sealer.close()
        return [results[file.name] for file in self._files]

    def _seal(self, file: TableFile, taken: Container[str] = ()) -> Sealed:
        sealer = self._free.get()
        try:
            source = sealer.open(file)
            if isinstance(source, Sealed):
                return source
            table = self._profile.match_table(file.name, source.header)
            if table is None:
                return _left(file, "table_unknown")
            return _left(file, "table_twice") if table.name in taken else sealer.seal(table, source)
        finally:
            self._free.put(sealer)


def _left(file: TableFile, code: str) -> Sealed:
    """Return the finding of a file that was not read."""
    sentence = {
        "table_unknown": "No table of the profile looks like this file: it was not read.",
        "table_twice": "Two files hold the same table: only the first was read.",
    }[code]
    return Sealed(None, findings=[Finding(file.file, code, sentence)])


def _compare_with_manifest(snapshot: Snapshot, export: Export, in_files: Container[str]) -> None:
    """Add what the manifest says differently about rows and bytes.

    A database counts with the rows of every table that was read from it; a server has no bytes.
    """
    by_file = {t.file.lower(): [t] for t in snapshot.tables.values() if t.name in in_files}
    if export.database is not None:
        stored = [t for t in snapshot.tables.values() if t.name not in in_files]
        by_file[export.database.file.lower()] = stored
    for entry in export.manifest:
        tables = by_file.get(entry.file.lower())
        if not tables:
            continue
        if entry.sha256 and tables[0].sha256 not in {"", entry.sha256}:
            sentence = "The file is not the one the manifest describes (SHA-256 differs)."
            snapshot.findings.append(Finding(entry.file, "manifest_sha256", sentence))
        found = sum(t.rows + t.quarantined_rows for t in tables)
        if entry.rows is not None and entry.rows != found:
            sentence = f"The manifest says {entry.rows} rows; {found} were found."
            snapshot.findings.append(Finding(entry.file, "manifest_rows", sentence))


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
    typed = tuple(TypedColumn(**column) for column in data["typed"])
    return TableInfo(**{**data, **lists, "typed": typed})


def _exported_at(export: Export) -> str | None:
    return next((e.exported_at for e in export.manifest if e.exported_at), None)


def utc_today() -> dt.date:
    """Today in UTC; the last resort where an export does not tell its day."""
    return dt.datetime.now(dt.UTC).date()
