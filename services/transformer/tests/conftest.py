"""Records, runs and a producer that remembers; the packaged mapping does the mapping."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bridgework_contracts.codec import Message, decode
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.records import Problem, Provenance, RecordExtracted
from bridgework_contracts.runs import OwnerDecision, RunKind, RunSpec, SourceSpec
from bridgework_eventlog.port import NewRecord
from bridgework_mapping.document import MappingDocument
from bridgework_service.runs import RunUnknown

DOCUMENT = MappingDocument.default()
RUN = RunId("run_1")
TENANT = TenantId("harbor")
PROVENANCE = (Provenance(file="patients.csv", line=7),)
PROBLEM = Problem(
    file="patients.csv", line=7, field="zip", code="odd", effect="kept_raw", remedy="Look at it."
)
FIELDS: dict[str, dict[str, Any]] = {
    "patient": {"last_name": "Hill", "provider_key": "11"},
    "treatment_plan": {"patient_key": "1", "title": "Perio therapy"},
    "appointment": {"patient_key": "1", "title": "Consult", "undated": True},
}


def record(key: str = "1", name: str = "patient", /, **more: Any) -> RecordExtracted:
    """One canonical record."""
    told: dict[str, Any] = {
        "run_id": RUN,
        "content_hash": f"h-{key}",
        "fields": {"key": key, **FIELDS.get(name, {})},
        "parts": {"coverage": 2},
        "provenance": PROVENANCE,
        "problems": (PROBLEM,),
        **more,
    }
    return RecordExtracted(object=name, key=key, **told)


def spec(run_id: str = RUN, document: MappingDocument = DOCUMENT, **more: Any) -> RunSpec:
    """One run's specification."""
    return RunSpec(
        run_id=RunId(run_id),
        job_id=JobId("job_1"),
        tenant_id=TENANT,
        kind=RunKind.FULL,
        mapping=document.dump(),
        mapping_hash=document.hash,
        waves=document.waves(),
        owners=(OwnerDecision(provider_key="11", user_id="9011", evidence="email", review=False),),
        fallback_user_id="9000",
        source=SourceSpec(export_path="nowhere"),
        **more,
    )


@dataclass
class Runs:
    """The runs that were announced."""

    known: dict[str, RunSpec] = field(default_factory=dict)
    asked: int = 0

    async def put(self, spec: RunSpec) -> None:
        """Remember."""
        self.known.setdefault(spec.run_id, spec)

    async def get(self, run_id: RunId) -> RunSpec:
        """Return, or say that it is not known yet."""
        self.asked += 1
        try:
            return self.known[run_id]
        except KeyError:
            raise RunUnknown("not announced") from None


@dataclass
class Appended:
    """A producer that remembers what was appended, call by call."""

    calls: list[tuple[str, list[NewRecord]]] = field(default_factory=list)

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Remember."""
        self.calls.append((topic, list(records)))

    async def close(self) -> None:
        """Nothing to close."""

    def on(self, subject: str) -> list[tuple[bytes | None, Message, str]]:
        """Return (key, message, message id) of everything on one topic."""
        return [
            (one.key, decode(one.value), one.headers["message_id"])
            for topic, records in self.calls
            for one in records
            if topic == f"bridgework.{TENANT}.{subject}.v1"
        ]
