"""Sealing an export: its files and its database, read into a new snapshot and typed."""

from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from bridgework_dental_exec.databases.connections import Connections
from bridgework_dental_exec.databases.sealer import DatabaseSealer
from bridgework_dental_exec.export import Export, Finding, TableFile
from bridgework_dental_exec.profile import load_profile
from bridgework_dental_exec.snapshot import Snapshot, new_snapshot
from bridgework_dental_exec.table_sealer import Sealed, Sealer
from bridgework_dental_exec.typed import type_snapshot

_AT_ONCE = 2
"""Files sealed side by side: many are too small for DuckDB to use both cores."""


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


def _exported_at(export: Export) -> str | None:
    return next((e.exported_at for e in export.manifest if e.exported_at), None)
