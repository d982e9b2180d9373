"""What a person should correct or accept: rows that do not travel, values that were left behind.

Collected while canonical records pass, by the audit and by every run that reads a whole export, so
that both list the same places under the same names.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bridgework_contracts.progress import QuarantinedPlace
from bridgework_contracts.records import Problem
from bridgework_dental_exec.corrections import RowFacts, bad_lines, row_facts
from bridgework_dental_exec.export import Export
from bridgework_dental_exec.profile import Cell, Profile
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord, Decided
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_mapping.document import MappingDocument

from bridgework_audit.classes import class_of, describe

MOST_PLACES: Final = 3_000
"""Places of either sort that are itemised; what comes after them is counted."""

_ROW_CODES: Final = frozenset({"key_missing", "key_used_twice", "number_used_twice"})
_WORDS: Final = frozenset({"choice_unknown"})
_NOTHING_TO_DO: Final = "Nothing to do"
_NOT_READ: Final = "The value could not be understood and was left behind."
_KEPT: Final = "The value is not one of the usual ones; it travels as printed."
_ORPHAN: Final = "The record this row belongs to is not in the export."
_FIND_PARENT: Final = "Export the missing record, or correct its number."
_PURGED: Final = "patient_number_reused"


class Parent(NamedTuple):
    """A lookup that must find its record: canonical field, column of the file, target object."""

    field: str
    column: str
    target: str


class _Seen(NamedTuple):
    object: str
    key: str
    file: str
    line: int
    column: str
    code: str
    shape: str
    effect: str
    sentence: str
    remedy: str


def parents_of(document: MappingDocument, profile: Profile, name: str) -> tuple[Parent, ...]:
    """Return the lookups of an object whose record is parked while the parent is missing."""
    spec = profile.objects[name]
    found = []
    for line in document.object(name).lookups:
        if line.missing_parent != "park" or line.target is None:
            continue
        for path in line.source:
            field = path.split(".")[0]
            cell = spec.fields.get(field)
            found.append(Parent(field, cell.column if cell else "", line.target))
    return tuple(found)


def is_quarantined(problem: Problem) -> bool:
    """Tell whether a person should look at a value: it was left behind, or nobody knows it."""
    if problem.remedy.startswith(_NOTHING_TO_DO):
        return False
    lost = describe(class_of(problem.code)).weight == "lost"
    return lost or problem.effect == "left_out" or problem.code in _WORDS


class QuarantineCollector:
    """Collects places as records pass in wave order; memory is bounded by ``most`` and parents.

    Args:
        profile: Of the source.
        document: The mapping; its lookups say which parents must be there.
        most: Places of either sort that are itemised.
    """

    def __init__(
        self, profile: Profile, document: MappingDocument, *, most: int = MOST_PLACES
    ) -> None:
        self._profile = profile
        self._most = most
        self._parents = {
            entry.object: parents_of(document, profile, entry.object)
            for entry in document.records
            if entry.object in profile.objects
        }
        targets = {p.target for parents in self._parents.values() for p in parents} | {"patient"}
        self._keys: dict[str, set[str]] = {name: set() for name in targets}
        self._stranded: dict[str, set[str]] = {name: set() for name in targets}
        self._rows: list[_Seen] = []
        self._values: list[_Seen] = []
        self._marked: set[tuple[str, int, str, str]] = set()
        self._left_out = 0

    def record(self, record: CanonicalRecord) -> bool:
        """Look at one record; parents must come before their children.

        Returns:
            True where the record is stranded: a parent is not in the export, or stranded itself.
            Only the first of these is a place for a person to correct.
        """
        if record.object in self._keys:
            self._keys[record.object].add(record.key)
        self.problems(record.object, record.key, record.problems)
        stranded = False
        for parent in self._parents.get(record.object, ()):
            key = record.fields.get(parent.field)
            if key is None:
                continue
            if key in self._keys[parent.target]:
                if key not in self._stranded[parent.target]:
                    continue
                stranded = True
                break
            if all(p.code != _PURGED for p in record.problems) and record.provenance:
                at = record.provenance[0]
                self._orphan(record.object, record.key, at.file, at.line, parent.column, str(key))
            stranded = True
            break
        if stranded and record.object in self._stranded:
            self._stranded[record.object].add(record.key)
        return stranded

    def file(self, file: CanonicalFile) -> bool:
        """Look at one file; return whether it is stranded."""
        self.problems(file.object, file.key, file.problems)
        missing = file.parent_key is not None and file.parent_key not in self._keys["patient"]
        if missing and file.object == "document" and file.provenance:
            at = file.provenance[0]
            cell = self._profile.objects["document"].parent_key
            column = cell.column if cell is not None else ""
            self._orphan("document", file.key, at.file, at.line, column, file.parent_key or "")
        return missing or file.parent_key in self._stranded["patient"]

    def decided(self, one: Decided) -> None:
        """Look at a row that never becomes a record of its own."""
        self.problems(one.object, one.key, one.problems)
        if one.outcome not in {"failed", "parked"} or not one.provenance:
            return
        at, spec = one.provenance[0], self._profile.objects.get(one.object)
        cell: Cell | None = None
        if spec is not None and one.reason.code in _ROW_CODES:
            cell = spec.key[0]
        elif spec is not None and one.reason.missing_object:
            cell = spec.parent_key
        self._row(
            _Seen(
                one.object,
                one.key,
                at.file,
                at.line,
                cell.column if cell is not None else "",
                one.reason.code,
                "",
                one.outcome,
                one.reason.sentence,
                one.reason.remedy,
            )
        )

    def problems(self, object_name: str, key: str, problems: Iterable[Problem]) -> None:
        """Look at what was odd about a row's values."""
        for p in problems:
            if not is_quarantined(p):
                continue
            sentence = _KEPT if p.effect == "kept_raw" else _NOT_READ
            seen = _Seen(
                object_name, key, p.file, p.line, p.field, p.code, p.shape, p.effect, sentence,
                p.remedy,
            )  # fmt: skip
            self._keep(self._values, seen)

    def places(
        self,
        snapshot: Snapshot,
        export: Export | None,
        hash_key: bytes,
        exported_marks: Mapping[tuple[str, int], str],
    ) -> tuple[tuple[QuarantinedPlace, ...], int]:
        """Return the places by file and line, and how many more were found than are listed.

        Args:
            snapshot: The sealed export, corrections applied.
            export: The opened export; without it lines that gave no row have no mark.
            hash_key: The tenant's; marks and ids are keyed with it.
            exported_marks: (file, line) → mark of rows that were corrected, as exported.
        """
        seen = sorted([*self._rows, *self._values], key=lambda one: (one.file, one.line))
        tables = {info.file: name for name, info in snapshot.tables.items()}
        lines: dict[str, set[int]] = {}
        for one in seen:
            if one.file in tables:
                lines.setdefault(tables[one.file], set()).add(one.line)
        facts = row_facts(snapshot, lines, hash_key)
        bad = bad_lines(snapshot, export, hash_key) if export is not None else {}
        marks = {(file, at.line): mark for file, found in bad.items() for mark, at in found.items()}
        marks |= exported_marks
        shapes = {(bad.file, bad.line): bad.shape for bad in snapshot.quarantine}
        named = [
            self._named(
                one._replace(shape=one.shape or shapes.get((one.file, one.line), "")),
                tables,
                facts,
                marks,
                hash_key,
            )
            for one in seen
        ]
        found = {place.item_id: place for place in reversed(named)}
        return tuple(reversed(found.values())), self._left_out

    def _named(
        self,
        one: _Seen,
        tables: Mapping[str, str],
        facts: Mapping[tuple[str, int], RowFacts],
        marks: Mapping[tuple[str, int], str],
        hash_key: bytes,
    ) -> QuarantinedPlace:
        table = tables.get(one.file, one.file)
        row = facts.get((table, one.line))
        mark = marks.get((one.file, one.line)) or (row.mark if row is not None else None)
        key = row.key.strip("|") if row is not None else ""
        twice = one.code in _ROW_CODES
        identity = mark if mark is not None and (twice or not key) else key or str(one.line)
        told = f"{table}\x1f{identity}\x1f{one.column}\x1f{one.code}"
        digest = hashlib.blake2b(told.encode(), digest_size=12, key=hash_key[:64]).hexdigest()
        return QuarantinedPlace(
            item_id=f"q_{digest}",
            object=one.object,
            key=key,
            file=one.file,
            line=one.line,
            column=one.column,
            code=one.code,
            shape=one.shape,
            effect=one.effect,
            sentence=one.sentence,
            remedy=one.remedy,
            row_mark=mark,
        )

    def _orphan(
        self, object_name: str, key: str, file: str, line: int, column: str, missing: str
    ) -> None:
        self._row(
            _Seen(
                object_name,
                key,
                file,
                line,
                column,
                "parent_missing",
                shape(missing, 40),
                "parked",
                _ORPHAN,
                _FIND_PARENT,
            )
        )

    def _row(self, seen: _Seen) -> None:
        self._keep(self._rows, seen)

    def _keep(self, kept: list[_Seen], seen: _Seen) -> None:
        at = (seen.file, seen.line, seen.column, seen.code)
        if at in self._marked:
            return
        if len(kept) >= self._most:
            self._left_out += 1
            return
        self._marked.add(at)
        kept.append(seen)
