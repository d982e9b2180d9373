"""An export as it was handed over: a folder, a zip or a database, opened without trusting it.

A document path that leads elsewhere is a missing document. What an archive may do to us is the
business of ``archive``, what a database is that of ``database_files`` and ``database_place``.
"""

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.archive import Archive, Limits
from bridgework_dental_exec.databases.files import (
    DATABASE_SUFFIXES,
    DatabaseFile,
    find_database,
    is_database,
    no_database,
    two_databases,
)
from bridgework_dental_exec.databases.place import NamedDatabase, is_database_yaml, read_place
from bridgework_dental_exec.layout import DOCUMENT_FOLDERS, DOCUMENTS, MANIFEST, TABLE_SUFFIXES
from bridgework_dental_exec.manifest import ManifestEntry, read_manifest


@dataclass(frozen=True, slots=True)
class TableFile:
    """One file that may hold a table.

    Attributes:
        name: Lower-case stem, e.g. ``patients``.
        file: Name inside the export, as written in problems and provenance.
        path: Where it can be opened.
        size_bytes: Size on disk.
    """

    name: str
    file: str
    path: Path
    size_bytes: int

    @property
    def kind(self) -> str:
        """``csv`` (any delimited text), ``xlsx`` or ``jsonl``."""
        suffix = self.path.suffix.lower()
        if suffix == ".xlsx":
            return "xlsx"
        return "jsonl" if suffix in {".jsonl", ".ndjson", ".json"} else "csv"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the export as a whole that does not stop it from being read."""

    file: str
    code: str
    sentence: str


@dataclass
class Export:
    """An opened export. Close it to remove what was unpacked."""

    root: Path
    work_dir: Path
    pins: Mapping[str, str] = field(default_factory=dict)
    archive: Archive | None = None
    database: DatabaseFile | NamedDatabase | None = None
    _tables: dict[str, TableFile] = field(default_factory=dict)
    _documents: dict[str, Path] | None = None
    _manifest: list[ManifestEntry] | None = None
    findings: list[Finding] = field(default_factory=list)
    unknown_files: tuple[str, ...] = ()

    def tables(self) -> dict[str, TableFile]:
        """Return the table files by lower-case stem, the manifest not among them."""
        return {name: t for name, t in self._tables.items() if name != MANIFEST}

    def document(self, path_in_program: str) -> Path | None:
        r"""Return the file behind a path as the program stored it, or ``None``.

        What follows ``DOCS\`` (or ``documents\``) is looked up below ``documents/`` without
        regard to case or kind of slash; a path without such a folder is looked up whole, then
        by its last parts. Nothing outside the export is ever returned.
        """
        key = document_key(path_in_program)
        if key is None:
            return None
        index = self._document_index()
        found = index.get(key)
        if found is None:
            return None
        return self.archive.unpack_document(found) if self.archive is not None else found

    def note_image(self, name: str) -> Path | None:
        """Return ``documents/NOTEIMG/<name>`` if it was copied along, without regard to case."""
        return self.document(f"DOCS/NOTEIMG/{name}")

    @property
    def manifest(self) -> list[ManifestEntry]:
        """The manifest's entries; empty where there is none or it cannot be read."""
        if self._manifest is None:
            table = self._tables.get(MANIFEST)
            self._manifest = read_manifest(table.path) if table is not None else []
        return self._manifest

    @property
    def manifest_findings(self) -> list[Finding]:
        """What the manifest and the files disagree about; row counts are checked at sealing."""
        found = list(self.findings)
        if MANIFEST not in self._tables:
            found.append(Finding("manifest.csv", "manifest_missing", "There is no manifest."))
            return found
        if not self.manifest:
            found.append(
                Finding("manifest.csv", "manifest_unreadable", "The manifest cannot be read.")
            )
        here = [t.file for t in self.tables().values()]
        here += [self.database.file] if self.database is not None else []
        known = {file.lower() for file in here}
        for entry in self.manifest:
            if entry.file.lower() not in known:
                sentence = "The manifest names a file that is not here."
                found.append(Finding(entry.file, "manifest_file_missing", sentence))
        listed = {entry.file.lower() for entry in self.manifest}
        found.extend(
            Finding(file, "manifest_file_unlisted", "The manifest does not name this file.")
            for file in here
            if self.manifest and file.lower() not in listed
        )
        return found

    def close(self) -> None:
        """Remove everything that was unpacked. Idempotent."""
        if self.archive is not None:
            self.archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _document_index(self) -> dict[str, Path]:
        if self._documents is None:
            self._documents = (
                self.archive.documents if self.archive is not None else _walk(self.root)
            )
        return self._documents


def document_key(path_in_program: str) -> str | None:
    """Return the look-up key of a stored document path, ``None`` where it leads outside."""
    text = path_in_program.strip().replace("\\", "/")
    folded = text.casefold()
    for marker in ("/docs/", "/documents/"):
        at = ("/" + folded).rfind(marker)
        if at >= 0:
            folded = ("/" + folded)[at + len(marker) :]
            break
    else:
        if len(folded) > 1 and folded[1] == ":":
            folded = folded[2:]
        folded = folded.lstrip("/")
    parts = [p for p in folded.split("/") if p not in {"", "."}]
    if not parts or ".." in parts:
        return None
    return "/".join(parts)


def open_export(
    path: Path,
    work_dir: Path,
    pins: Mapping[str, str] | None = None,
    *,
    limits: Limits | None = None,
) -> Export:
    """Open a folder, a zip archive or a database file with an export.

    A database server that the export names is not asked: its documents can be read without one.

    Args:
        path: The folder or archive; a single folder inside it may hold the files. A database file
            or ``database.yaml`` may be given itself: documents and a manifest are looked for
            beside it.
        work_dir: Where an archive is unpacked; nothing is written anywhere else.
        pins: Pinned answers (``SourceSpec.dialect_pins``), kept for the readers.
        limits: Guards against bombs.

    Raises:
        SourceUnreadable: Not there, not readable, not an archive, hostile archive, no table, or not
            exactly one database that was closed, or a ``database.yaml`` that says nothing.
    """
    if path.is_dir():
        root = _find_root(path)
        export = Export(root=root, work_dir=work_dir, pins=dict(pins or {}))
        files = sorted(p for p in root.iterdir() if p.is_file() and not p.is_symlink())
        _index_tables(export, files)
        return export
    if not path.is_file():
        raise SourceUnreadable(
            "There is no export at this path.",
            code="export_missing",
            file=path.name,
            remedy="Give the folder or the zip archive with the export.",
        )
    if is_database_yaml(path) or find_database([path], path) is not None:
        export = Export(root=path.parent, work_dir=work_dir, pins=dict(pins or {}))
        beside = (p for p in path.parent.iterdir() if p.is_file() and not p.is_symlink())
        _index_tables(export, [path, *(p for p in sorted(beside) if _is_manifest(p))], path)
        return export
    if path.suffix.lower() in DATABASE_SUFFIXES and not zipfile.is_zipfile(path):
        raise no_database(path.name)
    archive = Archive.open(path, work_dir, limits or Limits())
    export = Export(root=archive.root, work_dir=work_dir, pins=dict(pins or {}), archive=archive)
    _index_tables(export, archive.table_paths)
    return export


def _is_manifest(file: Path) -> bool:
    return file.stem.lower() == MANIFEST and file.suffix.lower() in TABLE_SUFFIXES


def _index_tables(export: Export, files: list[Path], given: Path | None = None) -> None:
    unknown = []
    stored, named = find_database(files, given), [p for p in files if is_database_yaml(p)]
    if len(named) > 1 or (named and stored is not None):
        raise two_databases(named[-1].name)
    export.database = read_place(named[0]) if named else stored
    for file in files:
        if file in named or (stored is not None and file == stored.path):
            continue
        if file.suffix.lower() not in TABLE_SUFFIXES:
            unknown.append(file.name)
            continue
        name = file.stem.lower()
        if name in export._tables:  # noqa: SLF001 - this function is Export's constructor
            sentence = "Two files claim the same table: only the first was read."
            export.findings.append(Finding(file.name, "table_twice", sentence))
            continue
        export._tables[name] = TableFile(name, file.name, file, file.stat().st_size)  # noqa: SLF001
    export.unknown_files = tuple(unknown)
    none = [name for name in unknown if Path(name).suffix.lower() in DATABASE_SUFFIXES]
    if none and not export.tables() and export.database is None:
        raise no_database(none[0])
    sentence = "This is called a database and is none, or it is encrypted: it was not read."
    export.findings += [Finding(name, "database_unrecognised", sentence) for name in none]
    if not export.tables() and export.database is None:
        raise SourceUnreadable(
            "No table file was found.",
            code="export_empty",
            remedy="Give the folder that holds patients.csv and its siblings.",
        )


def _find_root(path: Path) -> Path:
    for _ in range(4):
        children = sorted(path.iterdir())
        if any(
            c.is_file()
            and (c.suffix.lower() in TABLE_SUFFIXES or is_database(c) or is_database_yaml(c))
            for c in children
            if c.suffix.lower() != ".json"
        ):
            return path
        folders = [
            c
            for c in children
            if c.is_dir()
            and not c.is_symlink()
            and c.name.lower() != DOCUMENTS
            and not c.name.startswith((".", "__"))
        ]
        if len(folders) != 1:
            return path
        path = folders[0]
    return path


def _walk(root: Path) -> dict[str, Path]:
    """Index ``documents/`` by case-folded relative path; links that leave it are ignored."""
    index: dict[str, Path] = {}
    tops = [d for d in root.iterdir() if d.is_dir() and d.name.lower() in DOCUMENT_FOLDERS]
    for top in tops:
        inside = top.resolve()
        for folder, _, names in os.walk(top):
            base = Path(folder)
            for name in names:
                file = base / name
                if file.is_symlink() and not file.resolve().is_relative_to(inside):
                    continue
                key = file.relative_to(top).as_posix().casefold()
                index.setdefault(key, file)
    return index
