"""Counting outcomes so that a replay, or a parked record released later, never counts twice."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridgework_contracts.outcomes import LANDED, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.runs import Wave


@dataclass(frozen=True, slots=True)
class Counted:
    """What an earlier outcome of the same record contributed."""

    outcome: str
    parts: Mapping[str, int]
    credits: float


@dataclass(frozen=True, slots=True)
class Delta:
    """What a batch of outcomes changes in a run's counts."""

    records: Mapping[tuple[str, str], int]
    credits: Mapping[str, float]


def part_outcome(outcome: str) -> str:
    """Return how the parts of a record end when the record ends so.

    Rows folded into a record that landed were merged into it; otherwise they share its fate.
    """
    return Outcome.MERGED.value if Outcome(outcome) in LANDED else outcome


def contribution(
    object_name: str, outcome: str, parts: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """Return (object, outcome) → records that one record adds, its parts included."""
    counts = {(object_name, outcome): 1}
    for part, rows in parts.items():
        at = (part, part_outcome(outcome))
        counts[at] = counts.get(at, 0) + rows
    return counts


def delta(
    outcomes: Iterable[RecordOutcome | FileOutcome],
    earlier: Mapping[tuple[str, str], Counted],
) -> Delta:
    """Return what these outcomes change, given what the same records counted before.

    Args:
        outcomes: At most one per (object, key).
        earlier: (object, key) → what is journalled already.
    """
    records: Counter[tuple[str, str]] = Counter()
    credits_used: dict[str, float] = {}
    for outcome in outcomes:
        parts = outcome.parts if isinstance(outcome, RecordOutcome) else {}
        records.update(contribution(outcome.object, outcome.outcome.value, parts))
        spent = outcome.credits
        before = earlier.get((outcome.object, outcome.key))
        if before is not None:
            records.subtract(contribution(outcome.object, before.outcome, before.parts))
            spent -= before.credits
        if spent:
            who = outcome.decided_by
            credits_used[who] = credits_used.get(who, 0.0) + spent
    return Delta({at: number for at, number in records.items() if number}, credits_used)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one run, by source object."""

    extracted: Mapping[str, int]
    unchanged: Mapping[str, int]
    outcomes: Mapping[str, Mapping[str, int]]

    def accounted(self, object_name: str) -> int:
        """Return how many records of an object have an outcome."""
        return sum(self.outcomes.get(object_name, {}).values()) + self.unchanged.get(object_name, 0)

    def balanced(self, object_name: str) -> bool:
        """Return whether every extracted record of an object has exactly one outcome."""
        known = self.extracted.get(object_name)
        return known is not None and known == self.accounted(object_name)

    def settled_waves(self, waves: Iterable[Wave]) -> list[int]:
        """Return the leading waves whose every object balances, in order."""
        settled: list[int] = []
        for wave in sorted(waves, key=lambda one: one.index):
            if not all(self.balanced(name) for name in wave.objects):
                break
            settled.append(wave.index)
        return settled

    def unbalanced(self) -> dict[str, tuple[int, int]]:
        """Return object → (extracted, accounted) where the two differ."""
        names = set(self.extracted) | set(self.outcomes)
        return {
            name: (self.extracted.get(name, 0), self.accounted(name))
            for name in sorted(names)
            if self.extracted.get(name, 0) != self.accounted(name)
        }
