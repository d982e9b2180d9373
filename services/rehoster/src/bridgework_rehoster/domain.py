"""What becomes of a file before anything is sent, and why."""

from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, Reason
from bridgework_contracts.records import Change, FileExtracted

SERVICE = "rehoster"

EMPTY = Reason(
    code="file_empty",
    sentence="The file has no content. It was not uploaded.",
    remedy="Look for the file in the old system; a delta moves it once it has content.",
)
DELETED_IN_SOURCE = Reason(
    code="deleted_in_source",
    sentence="The source no longer has this file. It was left as it is in Zoho.",
    remedy="Delete it in Zoho by hand if the practice wants it gone.",
)
CANCELLED = Reason(
    code="run_cancelled",
    sentence="The run was cancelled before this file was moved.",
    remedy="Start another run; what was moved already is recognised.",
)


def missing(reason: str | None) -> Reason:
    """Say that the export names a file that is not there."""
    return Reason(
        code=reason or "file_missing",
        sentence="The export names this file and does not hold it.",
        remedy="Find the file in the old system's folders and export again; a delta moves it.",
        missing_object="file",
    )


def too_large(limit_bytes: int) -> Reason:
    """Say that the org does not take a file of this size."""
    return Reason(
        code="file_over_limit",
        sentence=f"The file is larger than the {limit_bytes} bytes this org takes.",
        remedy="Keep it in the practice's own storage, or raise the org's limit and run a delta.",
    )


def parent_missing(file: FileExtracted) -> Reason:
    """Say which record the file waits for."""
    return Reason(
        code="parent_missing",
        sentence=f"It belongs to {file.parent.object} {file.parent.key}, which is not in Zoho.",
        remedy=f"Repair {file.parent.object} {file.parent.key} and run a delta.",
        missing_object=file.parent.object,
        missing_key=file.parent.key,
    )


def refused_before_sending(file: FileExtracted, limit_bytes: int) -> FileOutcome | None:
    """Return the outcome of a file that is not sent at all; ``None`` where it is."""
    if file.change is Change.DELETED:
        return outcome_of(file, Outcome.SKIPPED, reason=DELETED_IN_SOURCE)
    if file.sha256 is None:
        return outcome_of(file, Outcome.PARKED, reason=missing(file.missing_reason))
    if file.size_bytes == 0:
        return outcome_of(file, Outcome.SKIPPED, reason=EMPTY)
    if file.size_bytes > limit_bytes:
        return outcome_of(file, Outcome.SKIPPED, reason=too_large(limit_bytes))
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
    proof: str = "none",
    credits: float = 0.0,  # noqa: A002  # the domain's own word
) -> FileOutcome:
    """Build the outcome of one file."""
    return FileOutcome.model_validate(
        {
            "run_id": file.run_id,
            "object": file.object,
            "key": file.key,
            "outcome": outcome,
            "effect": effect,
            "parent": file.parent,
            "module": module,
            "zoho_parent_id": zoho_parent_id,
            "zoho_id": zoho_id,
            "name": file.name,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "proof": proof,
            "reason": reason,
            "provenance": file.provenance,
            "problems": file.problems,
            "credits": credits,
            "decided_by": SERVICE,
        }
    )
