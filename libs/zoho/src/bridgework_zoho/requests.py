"""Turns a call into an HTTP request; the one place where writes are made silent.

Without an empty ``trigger`` Zoho runs the org's workflows, approvals and blueprints for every
record we write (fact sheet §0 fact 12). ``SILENCE`` names for each writing operation which keys
keep the org quiet, and ``silenced`` is the only function that adds them.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

import orjson

from bridgework_zoho.costs import COSTS, Operation
from bridgework_zoho.errors import RequestRefused

JsonObject = dict[str, Any]


class Base(StrEnum):
    """Which of Zoho's addresses a path belongs to."""

    CRM = "/crm/v8"
    BULK = "/crm/bulk/v8"
    UPLOAD = "upload"
    ABSOLUTE = ""


class Silence(Enum):
    """Which keys keep automation quiet for a writing operation."""

    TRIGGER_AND_FEATURES = "trigger_and_features"
    """Body keys ``trigger`` and ``skip_feature_execution`` (§3.1)."""
    TRIGGER_AND_UPSERT_FEATURES = "trigger_and_upsert_features"
    """The same, with one cadence entry per upsert action (§3.3)."""
    TRIGGER = "trigger"
    """Body key ``trigger`` alone: nothing else is known for notes (§3.8, U)."""
    WF_TRIGGER = "wf_trigger"
    """Query parameter ``wf_trigger=false`` (§3.7)."""
    NONE_EXISTS = "none_exists"
    """Zoho documents no key, or the call touches no record."""


SILENCE: Mapping[Operation, Silence] = {
    Operation.RECORDS_INSERT: Silence.TRIGGER_AND_FEATURES,
    Operation.RECORDS_UPDATE: Silence.TRIGGER_AND_FEATURES,
    Operation.RECORDS_UPSERT: Silence.TRIGGER_AND_UPSERT_FEATURES,
    Operation.RECORDS_DELETE: Silence.WF_TRIGGER,
    Operation.RECORDS_MASS_DELETE: Silence.NONE_EXISTS,
    Operation.NOTES_CREATE: Silence.TRIGGER,
    Operation.NOTES_UPDATE: Silence.TRIGGER,
    Operation.NOTES_DELETE: Silence.WF_TRIGGER,
    Operation.ATTACHMENTS_UPLOAD: Silence.NONE_EXISTS,
    Operation.ATTACHMENTS_DELETE: Silence.NONE_EXISTS,
    Operation.FILES_UPLOAD: Silence.NONE_EXISTS,
    Operation.BULK_WRITE_UPLOAD: Silence.NONE_EXISTS,
    Operation.BULK_WRITE_CREATE: Silence.NONE_EXISTS,
    Operation.USERS_UPDATE: Silence.NONE_EXISTS,
    Operation.META_CREATE_FIELD: Silence.NONE_EXISTS,
    Operation.META_UPDATE_FIELD: Silence.NONE_EXISTS,
    Operation.META_DELETE_FIELD: Silence.NONE_EXISTS,
    Operation.META_CREATE_MODULE: Silence.NONE_EXISTS,
    Operation.RECYCLE_BIN_RESTORE: Silence.NONE_EXISTS,
    Operation.COMPOSITE: Silence.NONE_EXISTS,  # its sub-requests are silenced one by one
    Operation.COMPOSITE_ROLLBACK: Silence.NONE_EXISTS,
}

_CADENCES = [{"name": "cadences"}]
_CADENCES_UPSERT = [
    {"name": "cadences", "action": "insert"},
    {"name": "cadences", "action": "update"},
]


def silenced(
    operation: Operation,
    body: JsonObject | None,
    params: Mapping[str, str],
    *,
    silence_notes: bool = True,
) -> tuple[JsonObject | None, dict[str, str]]:
    """Add the keys that keep the org's automation quiet; reads pass through unchanged.

    Raises:
        KeyError: A writing operation has no line in ``SILENCE``: better no write than a loud one.
    """
    quiet_params = dict(params)
    if not COSTS[operation].writes:
        return body, quiet_params
    how = SILENCE[operation]
    if how is Silence.WF_TRIGGER:
        quiet_params["wf_trigger"] = "false"
    if body is None or how in (Silence.WF_TRIGGER, Silence.NONE_EXISTS):
        return body, quiet_params
    if how is Silence.TRIGGER:
        return ({**body, "trigger": []} if silence_notes else body), quiet_params
    features = _CADENCES if how is Silence.TRIGGER_AND_FEATURES else _CADENCES_UPSERT
    return {**body, "trigger": [], "skip_feature_execution": features}, quiet_params


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is streamed.

    Attributes:
        open: Starts the body from its first byte, or raises if it cannot be started again.
        content_type: Its media type.
        size_bytes: Its exact length, so that it is not sent in chunks.
    """

    open: Callable[[], AsyncIterator[bytes]]
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request to Zoho, before tokens, slots and credits.

    Attributes:
        operation: Line in the cost table.
        method: HTTP method.
        path: Path below ``base``, or a whole URL for ``Base.ABSOLUTE``.
        elements: Rows, ids, fields or asked-for rows; decides price and weight.
        repeatable: Sending it twice has the effect of sending it once.
        module: Module it touches, for errors and reports.
        ids: Zoho ids it names, for ``WriteOutcomeUnknown``.
        transfer: True where a file moves and patience is needed.
        price_of: Reads the real price out of an answer that was not refused, where only the
            answer tells it.
    """

    operation: Operation
    method: str
    path: str
    base: Base = Base.CRM
    elements: int = 1
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = field(default=None, repr=False)
    upload: Upload | None = field(default=None, repr=False)
    repeatable: bool = True
    module: str | None = None
    ids: Sequence[str] = ()
    transfer: bool = False
    price_of: Callable[[Any], int] | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes the org."""
        return COSTS[self.operation].writes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes over the wire, apart from the token."""

    params: dict[str, str]
    headers: dict[str, str]
    content: bytes | None = field(repr=False)


def outgoing(call: Call, *, silence_notes: bool = True) -> Outgoing:
    """Build the request of a call; every request of this client is built here."""
    body, params = silenced(call.operation, call.body, call.params, silence_notes=silence_notes)
    headers = dict(call.headers)
    content: bytes | None = None
    if body is not None:
        content = _json(call, body)
        headers["content-type"] = "application/json"
    elif call.upload is not None:
        headers["content-type"] = call.upload.content_type
        headers["content-length"] = str(call.upload.size_bytes)
    return Outgoing(params, headers, content)


def _json(call: Call, body: JsonObject) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as exc:
        # Half a surrogate pair, a number beyond 64 bits, a type JSON does not have.
        raise RequestRefused(
            f"{call.operation}: a value cannot be written as JSON; nothing was sent.",
            code="UNSENDABLE_VALUE",
            operation=call.operation.value,
            module=call.module,
        ) from exc
