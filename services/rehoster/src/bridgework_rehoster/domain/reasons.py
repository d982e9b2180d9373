"""Why a file ended as it did, in sentences a practice understands. Never holds a value."""

from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import ParentRef

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
NO_WAVE = Reason(
    code="object_without_wave",
    sentence="The run has no wave for files of this kind, so it could never be moved.",
    remedy="Add the object to the plan's waves and start another run.",
)
SOURCE_CHANGED = Reason(
    code="file_changed",
    sentence="The file is not the one the export was read with: its content changed since.",
    remedy="Let nobody write into the export while it is moved; run a delta.",
)
NOT_PROVEN = Reason(
    code="proof_failed",
    sentence="What Zoho gives back is not what was sent, twice. The copy was taken away again.",
    remedy="Upload the file by hand, or run a delta later.",
)
PARENT_GONE = Reason(
    code="parent_gone",
    sentence="The record it belongs to was deleted in Zoho by a person. It was not uploaded.",
    remedy="Restore the record from Zoho's recycle bin and replay, if the file is wanted.",
)
ALREADY_GONE = Reason(
    code="already_gone",
    sentence="The file is no longer in Zoho.",
)
NOT_OURS = Reason(
    code="kept_edited",
    sentence="The attachment in Zoho is not the one that was uploaded. It was kept.",
    remedy="Look at it in Zoho and delete it by hand if it is not wanted.",
)
UNDO_INCOMPLETE = Reason(
    code="undo_without_id",
    sentence="The undo did not say which attachment it is about.",
    remedy="This is a defect of the program: report it with the run.",
)


def missing(why: str | None) -> Reason:
    """Say that the export names a file that is not there; ``why`` is the extractor's sentence."""
    return Reason(
        code="file_missing",
        sentence=why or "The export names this file and does not hold it.",
        remedy="Find the file in the old system's folders and export again; a delta moves it.",
        missing_object="file",
    )


def too_large(size_bytes: int, limit_bytes: int) -> Reason:
    """Say that the org does not take a file of this size."""
    return Reason(
        code="file_over_limit",
        sentence=f"The file has {size_bytes} bytes and this org takes {limit_bytes}.",
        remedy="Keep it in the practice's own storage, or raise the org's limit and run a delta.",
    )


def parent_missing(parent: ParentRef) -> Reason:
    """Say which record the file waits for."""
    return Reason(
        code="parent_missing",
        sentence=f"It belongs to {parent.object} {parent.key}, which is not in Zoho.",
        remedy=f"Repair {parent.object} {parent.key}; this file follows by itself.",
        missing_object=parent.object,
        missing_key=parent.key,
    )


def refused(code: str, sentence: str, remedy: str) -> Reason:
    """Say why Zoho refuses the file."""
    return Reason(code=code.lower(), sentence=sentence, remedy=remedy)
