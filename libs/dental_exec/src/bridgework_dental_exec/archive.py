"""A zip archive that holds an export, unpacked without trusting it.

Nothing is written outside ``work_dir``. A path that would leave it, a link, a password or a bomb is
a clear error.
"""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.databases.files import (
    DATABASE_SUFFIXES,
    HEAD_BYTES,
    SIDECARS,
    is_database,
)
from bridgework_dental_exec.databases.place import is_database_yaml
from bridgework_dental_exec.layout import DOCUMENT_FOLDERS, DOCUMENTS, TABLE_SUFFIXES

_BLOCK = 1 << 20
# What zipfile raises for broken entries, and NotImplementedError for a compression it lacks.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may unpack to before it is refused."""

    total_bytes: int = 512 << 30
    entry_bytes: int = 64 << 30
    entries: int = 5_000_000
    ratio: int = 250
    ratio_from_bytes: int = 64 << 20


class Archive:
    """A zip archive unpacked with guards: tables at once, documents when they are asked for."""

    def __init__(self, file: zipfile.ZipFile, target: Path, limits: Limits) -> None:
        self._zip = file
        self._limits = limits
        self._unpacked_bytes = 0
        self.root = target
        self.table_paths: list[Path] = []
        self.documents: dict[str, Path] = {}
        self._entries: dict[Path, zipfile.ZipInfo] = {}

    @classmethod
    def open(cls, path: Path, work_dir: Path, limits: Limits) -> "Archive":
        """Check every entry's name and claim, then unpack the tables."""
        try:
            file = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as exc:
            raise _refused("not_an_archive", "This is not a readable zip archive.") from exc
        target = work_dir / "unpacked"
        archive = cls(file, target, limits)
        try:
            archive._check_and_index()
        except BaseException:
            archive.close()
            raise
        return archive

    def _check_and_index(self) -> None:
        infos = [i for i in self._zip.infolist() if not i.is_dir()]
        limits = self._limits
        if len(infos) > limits.entries:
            raise _refused("archive_too_many", "The archive holds too many files.")
        if sum(i.file_size for i in infos) > limits.total_bytes:
            raise _refused("archive_too_large", "The archive would unpack to too much.")
        names = {}
        for info in infos:
            names[info] = _safe_name(info)
            big = info.file_size > limits.ratio_from_bytes
            if info.file_size > limits.entry_bytes or (
                big and info.file_size > limits.ratio * max(info.compress_size, 1)
            ):
                raise _refused("archive_bomb", "A file in the archive unpacks to far too much.")
        top = self._top(names)
        for info, name in names.items():
            if name.parts[: len(top)] != top:
                continue
            inner = PurePosixPath(*name.parts[len(top) :])
            if len(inner.parts) == 1:
                self._take(info, inner)
            elif inner.parts[0].lower() in DOCUMENT_FOLDERS:
                relative = PurePosixPath(*inner.parts[1:])
                place = self.root / DOCUMENTS / relative
                self.documents.setdefault(relative.as_posix().casefold(), place)
                self._entries.setdefault(place, info)
        self.table_paths.sort()

    def _take(self, info: zipfile.ZipInfo, name: PurePosixPath) -> None:
        """Unpack a file that may hold or name tables, or that tells that a database was open."""
        sidecars = tuple(f"{s}{end}" for s in DATABASE_SUFFIXES for end in SIDECARS)
        if name.name.lower().endswith(sidecars):
            self._unpack(info, self.root / name.name)
        elif name.suffix.lower() in TABLE_SUFFIXES | DATABASE_SUFFIXES or is_database_yaml(name):
            self.table_paths.append(self._unpack(info, self.root / name.name))

    def _top(self, names: Mapping[zipfile.ZipInfo, PurePosixPath]) -> tuple[str, ...]:
        called = {n: i for i, n in names.items() if n.suffix.lower() in DATABASE_SUFFIXES}
        true = {n for n, i in called.items() if is_database(Path(n.name), partial(self._head, i))}
        true |= {n for n in names.values() if is_database_yaml(n)}
        top = _common_top(names.values(), true)
        return top if top is not None else _common_top(called, set(called)) or ()

    def _head(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as stream:
                return stream.read(HEAD_BYTES)
        except _DAMAGED:
            return b""

    def unpack_document(self, place: Path) -> Path:
        """Return the unpacked document, unpacking it on first use."""
        if not place.exists():
            self._unpack(self._entries[place], place)
        return place

    def _unpack(self, info: zipfile.ZipInfo, place: Path) -> Path:
        if not place.resolve().is_relative_to(self.root.resolve()):
            raise _refused("archive_path_escapes", "A path in the archive leaves its folder.")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._zip.open(info) as source, place.open("wb") as target:
                written = 0
                while block := source.read(_BLOCK):
                    written += len(block)
                    self._unpacked_bytes += len(block)
                    if written > info.file_size or self._unpacked_bytes > self._limits.total_bytes:
                        raise _refused("archive_bomb", "A file is larger than the archive says.")
                    target.write(block)
        except _DAMAGED as exc:
            place.unlink(missing_ok=True)
            raise _refused("archive_damaged", "A file in the archive cannot be unpacked.") from exc
        return place

    def close(self) -> None:
        """Close the archive and remove what was unpacked."""
        self._zip.close()
        shutil.rmtree(self.root, ignore_errors=True)


def _safe_name(info: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    drive = len(info.filename) > 1 and info.filename[1] == ":"
    if name.is_absolute() or drive or ".." in name.parts or "\x00" in info.filename:
        raise _refused("archive_path_escapes", "A path in the archive leaves its folder.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refused("archive_link", "The archive holds a link instead of a file.")
    if info.flag_bits & 0x1:
        raise _refused("archive_password", "The archive is protected by a password.")
    return name


def _common_top(
    names: Iterable[PurePosixPath], databases: set[PurePosixPath]
) -> tuple[str, ...] | None:
    """Return the folder that holds the tables, if any: the shallowest one with one."""
    best: tuple[str, ...] | None = None
    for name in names:
        folder = name.parts[:-1]
        lowered = {p.lower() for p in folder}
        if DOCUMENTS in lowered or (
            name.suffix.lower() not in TABLE_SUFFIXES - {".json"} and name not in databases
        ):
            continue
        if "__MACOSX" in folder:
            continue
        if best is None or len(folder) < len(best):
            best = folder
    return best


def _refused(code: str, sentence: str) -> SourceUnreadable:
    return SourceUnreadable(
        sentence, code=code, remedy="Ask the practice for a fresh export, unpacked if possible."
    )
