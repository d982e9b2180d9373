"""One pass over every canonical record: counts, what was odd, what points at nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from bridgework_contracts.records import Problem, Provenance
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.records import CanonicalRecord, Decided
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.notes import overflows

from bridgework_audit.book import DefectBook, Place
from bridgework_audit.classes import CLASSES, class_of
from bridgework_audit.quarantine import QuarantineCollector, parents_of

_ORPHAN: Final = "Export the missing record, or correct its number."
_PURGED: Final = "patient_number_reused"
_VALUES: Final = frozenset(
    name
    for name, entry in CLASSES.items()
    if entry.weight == "lost" and entry.family not in {"people", "keys", "files", "export"}
)
"""Classes of values that could not be read."""


@dataclass
class Swept:
    """What the pass counted.

    Attributes:
        records: Object → records and files that travel.
        extracted: Object or part → rows, wherever they went.
        decided: Object or part → outcome → rows that end at the source.
        orphans: Rows and files whose parent is missing.
        lost_rows: Records with a value that could not be read.
        patients: Patient records; ``accounts`` and ``uneven_accounts`` for the ledger.
        patient_lines: Patient key → line of its row.
        file_bytes: Bytes of all files; ``over_limit`` of them are too large.
    """

    records: Counter[str] = field(default_factory=Counter)
    extracted: Counter[str] = field(default_factory=Counter)
    decided: dict[str, Counter[str]] = field(default_factory=dict)
    orphans: int = 0
    lost_rows: int = 0
    patients: int = 0
    accounts: int = 0
    uneven_accounts: int = 0
    patient_lines: dict[str, int] = field(default_factory=dict)
    file_bytes: int = 0
    over_limit: int = 0

    @property
    def rows(self) -> int:
        """All rows of all objects and parts, files included."""
        return sum(self.extracted.values())


class Sweep:
    """Reads a canonical source once.

    Args:
        source: The canonical source.
        document: The mapping; its lookups say which parents must be there.
        book: Where defects are put down.
        attachment_limit_bytes: Largest file the destination takes.
        quarantine: Looks at everything that passes, for a list of what a person should correct.
    """

    def __init__(
        self,
        source: CanonicalSource,
        document: MappingDocument,
        book: DefectBook,
        *,
        attachment_limit_bytes: int,
        quarantine: QuarantineCollector | None = None,
    ) -> None:
        self._source = source
        self._quarantine = quarantine
        self._book = book
        self._limit = attachment_limit_bytes
        profile = source.snapshot.profile
        self._parents = {name: parents_of(document, profile, name) for name in source.objects()}
        targets = {p.target for parents in self._parents.values() for p in parents} | {"patient"}
        self._keys: dict[str, set[str]] = {name: set() for name in targets}
        self._swept = Swept()

    def run(self) -> Swept:
        """Read everything; objects in wave order, so that parents are known before children."""
        for name in self._source.objects():
            for record in self._source.records(name):
                self._record(record)
                if self._quarantine is not None:
                    self._quarantine.record(record)
        for outcome in self._source.decided():
            self._decided(outcome)
            if self._quarantine is not None:
                self._quarantine.decided(outcome)
        self._files()
        for provider in self._source.providers():
            self._book.add_problems(provider.problems)
            if self._quarantine is not None:
                self._quarantine.problems("provider", provider.key, provider.problems)
            self._swept.extracted["provider"] += 1
        return self._swept

    def _record(self, record: CanonicalRecord) -> None:
        swept, name = self._swept, record.object
        swept.records[name] += 1
        swept.extracted[name] += 1
        for part, rows in record.parts.items():
            swept.extracted[part] += rows
        self._problems(record.problems)
        if name in self._keys:
            self._keys[name].add(record.key)
        if name == "note" and overflows(record.fields.get("text")):
            # Its whole text travels as a file beside it.
            swept.records["note_image"] += 1
            swept.extracted["note_image"] += 1
            swept.file_bytes += len(record.fields["text"].encode("utf-8", "surrogatepass"))
        if name == "patient":
            swept.patients += 1
            for at in record.provenance[:1]:
                swept.patient_lines[record.key] = at.line
        elif name == "account":
            swept.accounts += 1
            swept.uneven_accounts += record.fields.get("balance_agrees") is False
        if self._parents[name]:
            self._check_parents(record)

    def _check_parents(self, record: CanonicalRecord) -> None:
        """Put down a record one of whose parents is missing, by the first that is."""
        for parent in self._parents[record.object]:
            key = record.fields.get(parent.field)
            if key is None or key in self._keys[parent.target]:
                continue
            if all(p.code != _PURGED for p in record.problems):
                self._orphan(record.provenance, parent.column, str(key))
            else:
                self._swept.orphans += 1
            return

    def _orphan(self, provenance: tuple[Provenance, ...], column: str, key: str) -> None:
        self._swept.orphans += 1
        if provenance:
            at = provenance[0]
            self._book.add("orphan", Place(at.file, at.line, column, shape(key, 40), _ORPHAN))

    def _decided(self, outcome: Decided) -> None:
        swept = self._swept
        swept.extracted[outcome.object] += 1
        swept.decided.setdefault(outcome.object, Counter())[outcome.outcome] += 1
        self._problems(outcome.problems)
        name = class_of(outcome.reason.code)
        if name == "orphan":
            swept.orphans += 1
            if (outcome.reason.missing_key or "").endswith("#purged"):
                name = class_of(_PURGED)
        for at in outcome.provenance[:1]:
            if outcome.object == "patient":
                swept.patient_lines.setdefault(outcome.key, at.line)
            self._book.add(name, Place(at.file, at.line, "", "", outcome.reason.remedy))

    def _files(self) -> None:
        swept = self._swept
        for file in self._source.files():
            if self._quarantine is not None:
                self._quarantine.file(file)
            swept.records[file.object] += 1
            swept.extracted[file.object] += 1
            swept.file_bytes += file.size_bytes
            self._problems(file.problems)
            if file.parent_key is not None and file.parent_key not in self._keys["patient"]:
                if file.object == "document":
                    self._orphan(file.provenance, "", file.parent_key)
                else:
                    swept.orphans += 1
            if file.size_bytes > self._limit:
                swept.over_limit += 1
                for at in file.provenance[:1]:
                    remedy = "Decide the policy for large files, or raise the org's limit."
                    place = Place(at.file, at.line, "", "", remedy)
                    self._book.add("file_over_limit", place)

    def _problems(self, problems: Iterable[Problem]) -> None:
        found = tuple(problems)
        if not found:
            return
        self._book.add_problems(found)
        if any(class_of(p.code) in _VALUES for p in found):
            self._swept.lost_rows += 1
