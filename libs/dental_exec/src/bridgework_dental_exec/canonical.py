"""Canonical records of a sealed snapshot, in wave order, in bounded memory.

Each object has a builder (``objects/``) that folds what belongs together. Rows that never become
a record of their own (merged, parked parts, used-twice keys, quarantined lines) come out of
:meth:`CanonicalSource.decided` with the reason, so that every row is counted exactly once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bridgework_contracts.runs import SourceSpec

from bridgework_dental_exec.context import SourceContext
from bridgework_dental_exec.export import Export, open_export
from bridgework_dental_exec.objects import BUILDERS, FILE_OBJECTS, PART_PARENT, WAVE_ORDER
from bridgework_dental_exec.objects.base import Builder
from bridgework_dental_exec.objects.files import FileReader
from bridgework_dental_exec.objects.people import read_providers
from bridgework_dental_exec.rare_shapes import rare_patients
from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord, Decided, Provider
from bridgework_dental_exec.snapshot import Snapshot


class CanonicalSource:
    """What a snapshot says, as canonical records.

    Generators are synchronous and may run in threads; each opens its own connection.

    Args:
        snapshot: The sealed snapshot.
        source: What the practice told us: time zone, appointment unit, merges, value maps.
        export: The opened export, for document bytes; ``None`` opens ``source.export_path`` when
            files are first asked for.
        hash_key: Key of the content hashes (up to 64 bytes); the same key makes runs comparable.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        source: SourceSpec,
        *,
        export: Export | None = None,
        hash_key: bytes = b"",
    ) -> None:
        self.snapshot = snapshot
        self.source = source
        self._export = export
        self._context = SourceContext.build(snapshot, source, hash_key)

    @property
    def context(self) -> SourceContext:
        """The small reference facts every builder shares (read by the audit too)."""
        return self._context

    def objects(self) -> tuple[str, ...]:
        """Return the record objects in wave order; parents always come before their children."""
        return WAVE_ORDER

    def records(
        self, object_name: str, *, keys: set[str] | None = None
    ) -> Iterator[CanonicalRecord]:
        """Yield one object's records.

        Args:
            object_name: One of :meth:`objects`.
            keys: Only these source keys; ``None`` means all.
        """
        return self._builder(object_name).records(keys)

    def rare_patients(self, *, seed: int) -> set[str]:
        """Return the keys of a few patients of every rare shape: a rehearsal must meet them.

        Args:
            seed: The same seed gives the same patients for the same snapshot.
        """
        return rare_patients(self.context, seed)

    def decided(self) -> Iterator[Decided]:
        """Yield the outcomes that are settled here: rows that never travel as records."""
        for name in BUILDERS:
            yield from self._builder(name).decided()

    def counts(self) -> dict[str, int]:
        """Return extracted counts per object and part: records + files + decided outcomes."""
        counts: dict[str, int] = {}
        for name in BUILDERS:
            for object_name, count in self._builder(name).counts().items():
                counts[object_name] = counts.get(object_name, 0) + count
        for object_name in FILE_OBJECTS:
            counts[object_name] = FileReader(self._context, None).count(object_name)
        return counts

    def files(
        self, object_name: str | None = None, *, keys: set[str] | None = None
    ) -> Iterator[CanonicalFile]:
        """Yield documents, then pictures of notes; size and SHA-256 are read by streaming.

        Args:
            object_name: ``document`` or ``note_image``; ``None`` means both.
            keys: Only these keys; ``None`` means all.
        """
        reader = FileReader(self._context, self._opened_export())
        for name in FILE_OBJECTS:
            if object_name in {None, name}:
                yield from reader.files(name, keys)

    def providers(self) -> Iterator[Provider]:
        """Yield providers, for owner resolution; they are never written."""
        yield from read_providers(self._context)

    def close(self) -> None:
        """Remove what was unpacked of the export; paths of temporary files are gone with it."""
        if self._export is not None:
            self._export.close()

    def _builder(self, name: str) -> Builder:
        return BUILDERS[name](self._context)

    def _opened_export(self) -> Export:
        if self._export is None:
            folder = self.snapshot.folder / "documents"
            self._export = open_export(Path(self.source.export_path), folder)
        return self._export


def part_parents() -> Mapping[str, str]:
    """Return part object → object it is folded into."""
    return PART_PARENT
