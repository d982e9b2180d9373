"""Messages to bytes and back; the only place that knows the encoding (JSON, UTF-8)."""

from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from bridgework_contracts.commands import (
    AuditExport,
    CancelRun,
    DiffRun,
    FinishRun,
    OpenWave,
    PauseRun,
    ResumeRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import MessageId
from bridgework_contracts.outcomes import FileOutcome, RecordOutcome
from bridgework_contracts.progress import (
    AuditWaiting,
    DiffFinished,
    ExportAudited,
    FingerprintTaken,
    RunCounted,
    RunFailed,
    RunReported,
    RunWaiting,
    SnapshotSealed,
    WaveSettled,
)
from bridgework_contracts.records import FileExtracted, ObjectExtracted, RecordExtracted
from bridgework_contracts.runs import Frozen
from bridgework_contracts.writes import WriteRecord

Command = (
    AuditExport
    | StartRun
    | OpenWave
    | PauseRun
    | ResumeRun
    | CancelRun
    | TakeFingerprint
    | DiffRun
    | FinishRun
)
Progress = (
    ExportAudited
    | AuditWaiting
    | SnapshotSealed
    | RunCounted
    | WaveSettled
    | RunWaiting
    | FingerprintTaken
    | DiffFinished
    | RunReported
    | RunFailed
)
Message = (
    RecordExtracted
    | ObjectExtracted
    | WriteRecord
    | FileExtracted
    | RecordOutcome
    | FileOutcome
    | Command
    | Progress
    | DeadLetter
)

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def encode(message: Message) -> bytes:
    """Return the message as JSON bytes, ``type`` included."""
    return message.__pydantic_serializer__.to_json(message)


def decode(value: bytes) -> Message:
    """Return the message that ``value`` holds; unknown fields are ignored.

    Raises:
        ContractViolation: not JSON, an unknown type, or a field breaks its form. The text names
            types and fields, never values.
    """
    try:
        return _ADAPTER.validate_json(value)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        # Keys inside a mapping stand in the path too, and they are values: only names of ours pass.
        known = _field_names()
        where = ".".join(
            str(part) if isinstance(part, int) or part in known else "…" for part in first["loc"]
        )
        raise ContractViolation(
            f"Message does not follow its contract at {where}: {first['type']}.",
            code="undecodable_message",
        ) from None


@cache
def _field_names() -> frozenset[str]:
    """Return the names of every field and type of our messages."""
    names: set[str] = set()
    kinds = [Frozen]
    while kinds:
        kind = kinds.pop()
        kinds.extend(kind.__subclasses__())
        names.add(kind.__name__)
        names.update(kind.model_fields)
    return frozenset(names)


def headers_for(
    message: Message, message_id: MessageId, *, run_id: str = "", caused_by: str = ""
) -> dict[str, str]:
    """Return the headers every message of ours carries: ids and type, never personal data."""
    headers: dict[str, Any] = {"type": message.type, "message_id": message_id}
    if run_id:
        headers["correlation_id"] = run_id
    if caused_by:
        headers["causation_id"] = caused_by
    return headers
