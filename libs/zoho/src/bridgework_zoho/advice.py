"""What to do about each code Zoho can answer: one table, one plain sentence and a fix each.

Source: fact sheet §6.3 and the roll-up of 129 codes of the v8 OpenAPI files. A code that is not
here gets the cautious advice of ``UNLISTED``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What the caller should do next."""

    RETRY = "retry"
    """Send the same again after a pause; nothing was applied."""
    WAIT_FOR_CREDITS = "wait_for_credits"
    """Nothing can be sent before credits return."""
    REAUTHORISE = "reauthorise"
    """The grant is refused: refresh the token once, then a person must authorise again."""
    REJECT_RECORD = "reject_record"
    """This record or request never succeeds as it is; the others may go on."""
    STOP_RUN = "stop_run"
    """Nothing of this kind succeeds until a person changes the org or the settings."""
    ASK = "ask"
    """Read from Zoho what is there now, then decide: it may have been applied or changed."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What a code means for the caller.

    Attributes:
        action: What the program does.
        sentence: What happened, in plain words.
        remedy: What a person can do about it.
    """

    action: Action
    sentence: str
    remedy: str


UNLISTED = Advice(
    Action.REJECT_RECORD,
    "Zoho refused this with a code we do not know.",
    "Look the code up in Zoho's documentation and report it, so that it gets its own advice.",
)

_R, _W, _G, _X, _S, _A = (
    Action.RETRY,
    Action.WAIT_FOR_CREDITS,
    Action.REAUTHORISE,
    Action.REJECT_RECORD,
    Action.STOP_RUN,
    Action.ASK,
)

_FIX_REQUEST = "This is a defect of the program: report it with the operation and the code."
_FIX_CRITERIA = "Correct the filter: the field, comparator and value must fit together."
_FIX_RIGHTS = "Give the connected user's profile this permission in Zoho, then continue."
_FIX_EDITION = "Check that the org's edition and licences include this feature."
_FIX_VALUE = "Correct the value at the source or change the mapping of this field."

_TABLE: dict[str, tuple[Action, str, str]] = {
    # Limits and outages
    "TOO_MANY_REQUESTS": (_R, "Too many calls were in flight at once.", "Nothing; it calms down."),
    "RATE_LIMIT_EXCEEDED": (_R, "Too many calls in a short time.", "Nothing; it calms down."),
    "CREDITS_EXHAUSTED": (
        _W,
        "The org's API credits of the last 24 hours are used up.",
        "Wait until credits return, or buy API credits for the org.",
    ),
    "TOKEN_THROTTLED": (
        _R,
        "Zoho allows ten new access tokens in ten minutes and they are used.",
        "Wait ten minutes; look for another program that uses the same refresh token.",
    ),
    "INTERNAL_ERROR": (_A, "Zoho failed inside and may have saved the change.", "Nothing yet."),
    "SERVICE_UNAVAILABLE": (_A, "Zoho was not available for a moment.", "Nothing yet."),
    "REQUEST_TIMEOUT": (_A, "Zoho gave up waiting for its own answer.", "Nothing yet."),
    "DEPENDENT_SERVICE_ERROR": (_R, "A part of Zoho did not answer.", "Nothing; it is repeated."),
    # Identity and rights
    "INVALID_TOKEN": (
        _G,
        "Zoho does not accept the access token.",
        "Connect the org again if a fresh token is refused as well.",
    ),
    "AUTHENTICATION_FAILURE": (_G, "Zoho could not tell who is calling.", "Connect the org again."),
    "OAUTH_SCOPE_MISMATCH": (
        _S,
        "The connection was made without a scope this call needs.",
        "Connect the org again with all scopes of the set-up page.",
    ),
    "AUTHORIZATION_FAILED": (_S, "The connected user may not do this.", _FIX_RIGHTS),
    "NO_PERMISSION": (_S, "The connected user may not do this.", _FIX_RIGHTS),
    "PERMISSION_DENIED": (_S, "The connected user may not do this.", _FIX_RIGHTS),
    "INVALID_HOST": (
        _S,
        "The request went to a host that is no Zoho API.",
        "Correct the data centre of the connection.",
    ),
    "NOT_SUBSCRIBED": (_S, "The org has no subscription for this.", _FIX_EDITION),
    "FEATURE_NOT_SUPPORTED": (_S, "The org's edition does not have this feature.", _FIX_EDITION),
    "FEATURE_NOT_ENABLED": (
        _S,
        "The feature is switched off in this org.",
        "Switch the feature on in Zoho's settings.",
    ),
    "FEATURE_NOT_AVAILABLE": (_S, "The feature is not available in this org.", _FIX_EDITION),
    "NOT_SUPPORTED": (_S, "This org, edition or module does not support the call.", _FIX_EDITION),
    "NOT_SUPPORTED_FEATURE": (_S, "This feature is not supported by the call.", _FIX_EDITION),
    "LICENSE_LIMIT_EXCEEDED": (
        _S,
        "The org has no licence left for this.",
        "Buy a licence or free one.",
    ),
    "LICENSE_REACHED": (_S, "The org has no licence left for this.", "Buy or free a licence."),
    "STORAGE_SPACE_EXCEEDED": (
        _S,
        "The org's storage is full.",
        "Buy storage or empty the recycle bin, then continue.",
    ),
    "MAX_RECORDS_LIMIT_REACHED": (
        _S,
        "The org holds as many records as its edition allows.",
        "Change the edition or delete records, then continue.",
    ),
    # The record itself
    "INVALID_DATA": (_X, "Zoho does not accept a value of this record.", _FIX_VALUE),
    "MANDATORY_NOT_FOUND": (_X, "A required value is missing.", _FIX_VALUE),
    "REQUIRED_DATA_NOT_FOUND": (_X, "A required value is missing.", _FIX_VALUE),
    "MINIMUM_DATA_NOT_FOUND": (_X, "Fewer values were given than needed.", _FIX_VALUE),
    "EXPECTED_FIELD_MISSING": (_X, "None of the expected fields was given.", _FIX_VALUE),
    "DEPENDENT_FIELD_MISSING": (_X, "A field needs another one that is missing.", _FIX_VALUE),
    "EXPECTED_DEPENDENT_FIELD_MISSING": (_X, "A dependent field is missing.", _FIX_VALUE),
    "DEPENDENT_MISMATCH": (_X, "Two fields that depend on each other disagree.", _FIX_VALUE),
    "MAPPING_MISMATCH": (_X, "A value does not fit the mapped field.", _FIX_VALUE),
    "CONFLICTING_DATA_FOUND": (_X, "Two values of this record contradict.", _FIX_VALUE),
    "DUPLICATE_DATA": (
        _X,
        "Another record already holds this unique value.",
        "Update the record named in duplicate_id, or merge the two at the source.",
    ),
    "MULTIPLE_OR_MULTI_ERRORS": (_X, "Several values were refused.", "See the single errors."),
    "PATTERN_NOT_MATCHED": (_X, "A value does not have the expected form.", _FIX_VALUE),
    "NOT_ALLOWED": (_X, "This action is not allowed on this record or field.", _FIX_VALUE),
    "CANNOT_PERFORM_ACTION": (_X, "This action cannot be done on this record.", _FIX_VALUE),
    "CANNOT_PROCESS": (_X, "Zoho could not process this row.", _FIX_VALUE),
    "CANNOT_DELETE": (_X, "This may not be deleted.", "Delete it by hand, or leave it."),
    "RECORD_LOCKED": (_X, "A person or process has locked the record.", "Unlock it and replay."),
    "BLOCKED_RECORD": (_X, "The record is blocked.", "Unblock it in Zoho and replay."),
    "RECORD_IN_BLUEPRINT": (
        _X,
        "The record is inside a Blueprint that forbids the change.",
        "Move it on in the Blueprint or exclude it, then replay.",
    ),
    "NOT_APPROVED": (_X, "The record waits for an approval.", "Approve it in Zoho and replay."),
    "NOT_REVIEWED": (_X, "The record waits for a review.", "Review it in Zoho and replay."),
    "UNAPPROVABLE": (_X, "The record cannot be approved.", "Look at it in Zoho."),
    "ALREADY_MODIFIED": (
        _A,
        "Somebody changed the record since we read it.",
        "Nothing; it is read again and merged.",
    ),
    "ID_ALREADY_DELETED": (_A, "The record is already deleted.", "Nothing."),
    "ID_ALREADY_CONVERTED": (_X, "The lead has already been converted.", "Use its contact."),
    "ID_ALREADY_ACTIVE": (_X, "The user is already active.", "Nothing."),
    "ID_ALREADY_DEACTIVATED": (_X, "The user is already inactive.", "Nothing."),
    "CANNOT_UPDATE_DELETED_USER": (_X, "The user was deleted.", "Choose another owner."),
    "EMAIL_UPDATE_NOT_ALOWED": (_X, "The e-mail of a user cannot be changed.", "Change it by hand"),
    "TAG_ID_NOT_FOUND": (_X, "The tag does not exist.", "Create the tag or drop it."),
    "NO_RECORDS_FOUND": (_A, "No record was found for this.", "Nothing; what exists is read."),
    "RESOURCE_NOT_FOUND": (_A, "What was asked for does not exist.", "Nothing; it is looked up."),
    "FILE_NOT_FOUND": (_X, "The uploaded file was not found.", "Upload it again."),
    # Files
    "FILE_SIZE_EXCEEDS": (_X, "The file is larger than allowed.", "Follow the over-limit policy."),
    "FILE_SIZE_MORE_THAN_ALLOWED_SIZE": (
        _X,
        "The file is larger than allowed.",
        "Follow the over-limit policy.",
    ),
    "BODY_SIZE_REACHED": (_X, "The request is larger than allowed.", "Send a smaller file."),
    "FILE_TOO_LARGE": (_X, "The upload is larger than 25 MB.", "Split it."),
    "INVALID_FILE_FORMAT": (_X, "The upload is not a zip file.", _FIX_REQUEST),
    "INVALID_FILE_ID": (_X, "The file id is unknown.", "Upload the file again."),
    "FILE_NOT_SUPPORTED": (_X, "This kind of file is not supported.", "Convert it."),
    "VIRUS_DETECTED": (_X, "Zoho found malware in the file.", "Clean the file at the source."),
    "failure_in_attachment_handling": (_A, "Zoho could not store the file.", "Nothing yet."),
    "DOWNLOAD_NOT_ALLOWED": (_X, "A linked attachment has no content.", "Follow its link."),
    "MEDIA_TYPE_NOT_SUPPORTED": (_X, "This media type is not supported.", _FIX_REQUEST),
    # Schema
    "INVALID_MODULE": (
        _S,
        "The module does not exist or is not open to the API.",
        "Compare the schema plan with the org; create or enable the module.",
    ),
    "MODULE_NOT_AVAILABLE": (_S, "The module is not available.", "Create or enable the module."),
    "MODULE_NOT_SUPPORTED": (_S, "The module does not support this call.", _FIX_REQUEST),
    "FIELD_NOT_AVAILABLE": (_S, "The field does not exist.", "Create the field, then continue."),
    "INVALID_FIELD": (_S, "The field does not exist.", "Create the field, then continue."),
    "FIELD_NOT_SUPPORTED": (_X, "The field cannot be used here.", _FIX_REQUEST),
    "FIELD_TYPE_UNAVAILABLE": (_X, "This field type does not exist here.", "Change the plan."),
    "RESERVED_KEYWORD_NOT_ALLOWED": (_X, "The name is reserved by Zoho.", "Choose another name."),
    "LIMIT_EXCEEDED": (_X, "A limit of Zoho was exceeded.", "See the limit in the details."),
    "ALREADY_SCHEDULED": (_R, "A job of this kind is still running.", "Wait for it to end."),
    "ALREADY_USED": (_X, "This is already in use.", "Choose another."),
    "ALREADY_CONFIGURED": (_X, "This is already configured.", "Nothing."),
    # Reading
    "LIMIT_REACHED": (_X, "Paging does not reach further.", "Use a narrower question."),
    "PAGE_RANGE_EXCEEDED": (_X, "Paging does not reach further.", "Use a narrower question."),
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": (
        _A,
        "Beyond row 2,000 a page token is needed.",
        "Nothing; the reading starts again.",
    ),
    "PAGINATION_LIMIT_EXCEEDED": (
        _X,
        "List paging ends at 100,000 rows.",
        "Read this module by query or bulk read.",
    ),
    "TOKEN_BOUND_DATA_MISMATCH": (
        _A,
        "The page token belongs to another question.",
        "Nothing; the reading starts again.",
    ),
    "EXPIRED_VALUE": (_A, "The page token is older than a day.", "Nothing; it starts again."),
    # Bulk jobs and composites
    "MANDATORY_FIELDS_NOT_MAPPED": (_X, "A required field is not in the file.", _FIX_VALUE),
    "HEADER_LIMIT_EXCEEDED": (_X, "The file has more than 200 columns.", "Split the module."),
    "COLUMN_INDEX_NOT_FOUND": (_X, "A mapped column is not in the file.", _FIX_REQUEST),
    "EXECUTION_FAILED": (_X, "One request of the group failed.", "See its own answer."),
    "ROLLBACK_PERFORMED": (_X, "The whole group of requests was undone.", "See its first error."),
    "PROCESSING_STOPPED": (_R, "An earlier request of the group failed.", "See that error."),
    "INVALID_REFERENCE": (_X, "A request refers to an unknown one.", _FIX_REQUEST),
    "LOOPING_FOUND": (_X, "Requests refer to each other in a circle.", _FIX_REQUEST),
    "CALLBACK_FAILURE": (_R, "Zoho could not reach the callback address.", "Check the address."),
}

_REQUEST_DEFECTS = [
    "AMBIGUITY_DURING_PROCESSING",
    "API_NOT_SUPPORTED",
    "VERSION_NOT_SUPPORTED",
    "INVALID_URL_PATTERN",
    "INVALID_REQUEST",
    "INVALID_REQUEST_METHOD",
    "REQUIRED_PARAM_MISSING",
    "EXPECTED_PARAM_MISSING",
    "DEPENDENT_PARAM_MISSING",
    "UNABLE_TO_PARSE_DATA_TYPE",
    "REQUEST_BODY_IS_EMPTY",
    "REQUEST_BODY_NOT_READABLE",
    "REQUEST_BODY_NOT_SUPPORTED",
    "MISSING_REQUIRED_KEY",
    "INVALID_CALLBACK_METHOD",
    "INVALID_CALLBACK_URL",
    "COEXISTENCE_NOT_ALLOWED",
    "INVALID_BULK_OPERATION",
    "INVALID_SERVICE_NAME",
    "JOB_NOT_SUPPORTED",
    "PAGE_NOT_SUPPORTED",
    "CVID_NOT_SUPPORTED",
    "QUERY_NOT_SUPPORTED",
    "INVALID_FORMAT",
]

_CRITERIA_DEFECTS = [
    "SYNTAX_ERROR",
    "INVALID_QUERY",
    "INVALID_ALIAS",
    "DUPLICATE_ALIAS",
    "AMBIGUOUS_CRITERIA",
    "AMBIGUOUS_GROUP_IN_CRITERIA",
    "COMPARATOR_AND_ENCRYPTED_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
    "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
    "CRITERIA_LIMIT_EXCEEDED",
    "CRITERIA_NOT_SUPPORTED",
    "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
    "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
    "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
    "FIELD_IN_CRITERIA_NOT_AVAILABLE",
    "FIELD_IN_CRITERIA_NOT_SUPPORTED",
    "GROUP_OPERATOR_NOT_SUPPORTED",
    "INVALID_CRITERIA",
    "JOIN_LIMIT_EXCEEDED",
    "VALUE_IN_CRITERIA_NOT_SUPPORTED",
    "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
    "VALUE_TYPE_NOT_SUPPORTED",
]

ADVICE: dict[str, Advice] = {
    **{code: Advice(*row) for code, row in _TABLE.items()},
    **{
        code: Advice(Action.REJECT_RECORD, "Zoho does not understand the request.", _FIX_REQUEST)
        for code in _REQUEST_DEFECTS
    },
    **{
        code: Advice(Action.REJECT_RECORD, "Zoho does not accept the query.", _FIX_CRITERIA)
        for code in _CRITERIA_DEFECTS
    },
}

GOOD_CODES = frozenset({"SUCCESS", "ADDED_SUCCESSFULLY", "FILE_UPLOAD_SUCCESS", "SCHEDULED"})
"""Codes that say yes."""


def explain(code: str) -> Advice:
    """Say what a Zoho code means and what to do about it.

    Returns:
        The advice of the table, or ``UNLISTED`` for a code nobody has described yet.
    """
    return ADVICE.get(code, UNLISTED)
