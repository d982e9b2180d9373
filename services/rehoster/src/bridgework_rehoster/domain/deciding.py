"""What a file ends as."""

from collections.abc import Sequence
from typing import Literal

from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, Reason, RecordOutcome
from bridgework_contracts.records import Change, FileExtracted, Problem

from bridgework_rehoster.domain import reasons

SERVICE = "rehoster"
Proof = Literal["none", "size", "hash"]


def ends_unsent(file: FileExtracted, *, limit_bytes: int, upload_empty: bool) -> FileOutcome | None:
    """Return the outcome of a file that is not sent at all; ``None`` where it is."""
    if file.change is Change.DELETED:
        return outcome_of(file, Outcome.SKIPPED, reason=reasons.DELETED_IN_SOURCE)
    if file.sha256 is None or (file.path is None and file.content_b64 is None):
        return outcome_of(file, Outcome.PARKED, reason=reasons.missing(file.missing_reason))
    if file.size_bytes == 0 and not upload_empty:
        return outcome_of(file, Outcome.SKIPPED, reason=reasons.EMPTY)
    if file.size_bytes > limit_bytes:
        return outcome_of(
            file, Outcome.SKIPPED, reason=reasons.too_large(file.size_bytes, limit_bytes)
        )
    return None


def outcome_of(
    file: FileExtracted,
    outcome: Outcome,
    *,
    effect: Effect = Effect.NONE,
    reason: Reason | None = None,
    module: str | None = None,
    zoho_parent_id: str | None = None,
    zoho_id: str | None = None,
    proof: Proof = "none",
    problems: Sequence[Problem] = (),
    credits: float = 0.0,  # noqa: A002 - the domain's own word
) -> FileOutcome:
    """Build the outcome of one file; ``problems`` are added to those it came with."""
    return FileOutcome(
        run_id=file.run_id,
        object=file.object,
        key=file.key,
        outcome=outcome,
        effect=effect,
        parent=file.parent,
        module=module,
        zoho_parent_id=zoho_parent_id,
        zoho_id=zoho_id,
        name=file.name,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        proof=proof,
        reason=reason,
        provenance=file.provenance,
        problems=(*file.problems, *problems),
        credits=credits,
        decided_by=SERVICE,
    )


def may_be_tried_again(outcome: FileOutcome) -> bool:
    """Tell whether a replay tries the file anew: it was refused or missing, and is not there."""
    missing = outcome.reason is not None and outcome.reason.code == "file_missing"
    return outcome.outcome is Outcome.FAILED or missing


def is_gone(outcome: RecordOutcome) -> bool:
    """Tell whether a record is no longer in Zoho after this outcome."""
    found_gone = outcome.reason is not None and outcome.reason.code == "already_gone"
    return outcome.effect is Effect.DELETED or found_gone
