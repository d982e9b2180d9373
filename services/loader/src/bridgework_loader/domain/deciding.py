"""What a write ends as: the outcome for the journal and the change to the crosswalk, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridgework_contracts.outcomes import Conflict, Effect, Outcome, Reason, RecordOutcome
from bridgework_contracts.records import Problem
from bridgework_contracts.writes import Ref

from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.domain.reasons import CANNOT_BE_ASKED

SERVICE = "loader"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A crosswalk row to write: the record is in Zoho with these values of ours."""

    module: str
    zoho_id: str
    base: Mapping[str, Any] = field(repr=False)
    fields_hash: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The end of one write, ready to be recorded in one transaction.

    Attributes:
        link: Crosswalk row to write; None leaves it alone.
        unlink: Zoho id whose crosswalk row goes; None leaves it alone.
        waits_for: The lookup whose record must land before this write can go on (parked).
        keeps: Zoho ids of records that must outlive this undo because this one was kept.
    """

    arrival: Arrival
    outcome: RecordOutcome
    link: NewLink | None = None
    unlink: str | None = None
    waits_for: Ref | None = None
    keeps: frozenset[str] = frozenset()

    @property
    def may_be_tried_again(self) -> bool:
        """Whether a replay tries the write anew: it was refused, and surely not applied."""
        reason = self.outcome.reason
        if self.outcome.outcome is not Outcome.FAILED:
            return False
        return reason is None or reason.code != CANNOT_BE_ASKED.code


def outcome_of(
    arrival: Arrival,
    outcome: Outcome,
    *,
    effect: Effect = Effect.NONE,
    zoho_id: str | None = None,
    reason: Reason | None = None,
    sent: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    conflicts: Sequence[Conflict] = (),
    problems: Sequence[Problem] = (),
    credits: float = 0.0,  # noqa: A002 - the domain's own word
) -> RecordOutcome:
    """Build the outcome of one write; ``problems`` are added to those it came with."""
    write = arrival.write
    return RecordOutcome(
        run_id=write.run_id,
        object=write.object,
        key=write.key,
        outcome=outcome,
        effect=effect,
        module=write.module,
        zoho_id=zoho_id,
        reason=reason,
        content_hash=write.content_hash,
        sent=None if sent is None else dict(sent),
        before=None if before is None else dict(before),
        conflicts=tuple(conflicts),
        parts=write.parts,
        provenance=write.provenance,
        problems=(*write.problems, *problems) if problems else write.problems,
        credits=credits,
        decided_by=SERVICE,
    )
