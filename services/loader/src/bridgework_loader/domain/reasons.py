"""Why a record ended as it did, in sentences a practice understands. Never holds a value."""

from bridgework_contracts.outcomes import Reason
from bridgework_contracts.writes import Ref

DELETED_IN_SOURCE = Reason(
    code="deleted_in_source",
    sentence="The source no longer has this record. It was left as it is in Zoho.",
    remedy="Delete it in Zoho by hand if the practice wants it gone.",
)
RUN_CANCELLED = Reason(
    code="run_cancelled",
    sentence="The run was cancelled before this record was written.",
    remedy="Start another run; what was written already is recognised.",
)
DELETED_IN_ZOHO = Reason(
    code="deleted_in_zoho",
    sentence="A person deleted this record in Zoho after it was loaded. It was not created again.",
    remedy="Restore it from Zoho's recycle bin if it is still wanted.",
)
KEPT_EDITED = Reason(
    code="kept_edited",
    sentence="A person changed this record in Zoho since it was loaded. It was kept.",
    remedy="Look at it in Zoho and delete it by hand if it is not wanted.",
)
KEPT_FOR_CHILD = Reason(
    code="kept_for_child",
    sentence="A record that belongs to this one was kept because a person changed it, "
    "so this one was kept too.",
    remedy="Look at both in Zoho and delete them by hand if they are not wanted.",
)
NOTHING_TO_UNDO = Reason(
    code="already_gone",
    sentence="The record is no longer in Zoho.",
)
NOTHING_RESTORED = Reason(
    code="kept_edited",
    sentence="A person changed every field of this record that the run had changed. "
    "Their values were kept.",
    remedy="Look at it in Zoho; the values it had before the run are in the list of conflicts.",
)
OBJECT_WITHOUT_WAVE = Reason(
    code="object_without_wave",
    sentence="The run has no wave for records of this kind, so it could never be written.",
    remedy="Add the object to the plan's waves and start another run.",
)
NO_BEFORE_IMAGE = Reason(
    code="no_before_image",
    sentence="What this record held before the run wrote it is not known, so it was left as it is.",
    remedy="Look at it in Zoho and correct it by hand.",
)
UNDO_INCOMPLETE = Reason(
    code="undo_without_id",
    sentence="The undo did not say which Zoho record it is about.",
    remedy="This is a defect of the program: report it with the run.",
)
CANNOT_BE_ASKED = Reason(
    code="outcome_unknown",
    sentence="Zoho's answer was lost and the record carries nothing by which it could be found.",
    remedy="Look for it in Zoho by hand; give its object a source-id field in the mapping.",
)
DUPLICATE_OF_ANOTHER = Reason(
    code="duplicate_data",
    sentence="Zoho already has another record with a value that must be unique.",
    remedy="Find the other record in Zoho and decide which of the two is right.",
)


def parent_missing(ref: Ref) -> Reason:
    """Say which record this one waits for."""
    return Reason(
        code="parent_missing",
        sentence=f"It belongs to {ref.object} {ref.key}, which is not in Zoho: it is missing in "
        "the source, was refused, or waits itself.",
        remedy=f"Repair {ref.object} {ref.key}; this record follows by itself.",
        field=ref.field,
        missing_object=ref.object,
        missing_key=ref.key,
    )


def refused(code: str, sentence: str, remedy: str, field: str | None) -> Reason:
    """Say why Zoho, or our own check of Zoho's rules, refuses the record."""
    return Reason(code=code.lower(), sentence=sentence, remedy=remedy, field=field)
