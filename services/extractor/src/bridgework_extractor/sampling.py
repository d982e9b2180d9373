"""A closed world: some treatment plans with all their parents and children, nothing dangling.

Plans are drawn so that every status occurs, and patients whose records have rare shapes are in as
well; a record is in when every record it belongs to is in. Deterministic by seed.
"""

import random
from collections.abc import Collection, Iterable

from bridgework_contracts.runs import SampleSpec
from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord

_PARENTS = {"patient_key": "patient", "plan_key": "treatment_plan", "account_key": "account"}
_ROOTS = frozenset({"carrier", "location", "production_goal"})
PLAN = "treatment_plan"
PATIENT = "patient"


class ClosedWorld:
    """Decides record by record; parents must be offered before their children (wave order)."""

    def __init__(
        self,
        plans: Iterable[CanonicalRecord],
        sample: SampleSpec,
        rare: Collection[str] = (),
    ) -> None:
        by_status: dict[str, list[tuple[str, str]]] = {}
        for plan in plans:
            patient = plan.fields.get("patient_key")
            if patient is not None:
                status = str(plan.fields.get("status"))
                by_status.setdefault(status, []).append((plan.key, str(patient)))
        chosen = _draw(by_status, sample)
        self._patients = {*rare, *(patient for _, patient in chosen)}
        self._kept: dict[str, set[str]] = {}

    def keeps(self, record: CanonicalRecord) -> bool:
        """Tell whether the record is in."""
        if record.object in _ROOTS:
            inside = True
        elif record.object == PATIENT:
            inside = record.key in self._patients
        else:
            inside = self._belongs(record)
        if inside:
            self._kept.setdefault(record.object, set()).add(record.key)
        return inside

    def keeps_file(self, file: CanonicalFile) -> bool:
        """Tell whether the file is in."""
        return file.parent_key in self._kept.get(file.parent_object, ())

    def _belongs(self, record: CanonicalRecord) -> bool:
        parents = [
            (parent, record.fields[name])
            for name, parent in _PARENTS.items()
            if record.fields.get(name) is not None
        ]
        return bool(parents) and all(key in self._kept.get(name, ()) for name, key in parents)


def _draw(by_status: dict[str, list[tuple[str, str]]], sample: SampleSpec) -> list[tuple[str, str]]:
    chooser = random.Random(sample.seed)  # noqa: S311  # a sample, not a secret
    for plans in by_status.values():
        plans.sort()
        chooser.shuffle(plans)
    drawn: list[tuple[str, str]] = []
    # Round and round, one of each status, so that rare ones are in.
    while len(drawn) < sample.plans and any(by_status.values()):
        for status in sorted(by_status):
            if by_status[status] and len(drawn) < sample.plans:
                drawn.append(by_status[status].pop())
    return drawn
