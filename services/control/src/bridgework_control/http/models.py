"""What the job API takes and gives; separate schemas for creating and reading."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from bridgework_contracts.runs import RunKind, SampleSpec
from bridgework_zoho.data_centres import DataCentre, Environment
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    model_validator,
)

from bridgework_control.domain.jobs import Gate, JobState
from bridgework_control.domain.quarantine import PlaceState
from bridgework_control.domain.runs import RunState

_HTTP_URL = TypeAdapter(AnyHttpUrl)


def _address(value: str) -> str:
    _HTTP_URL.validate_python(value)
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as exc:
        raise ValueError("not an IANA name such as America/New_York") from exc
    return value


Address = Annotated[str, Field(max_length=2048), AfterValidator(_address)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_time_zone)]


class Create(BaseModel):
    """Base of request bodies: unknown keys are refused, so that a typo is never ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        if not _is_storable(data):
            raise ValueError("text must not hold the character NUL or half of a character pair")
        return data


def _is_storable(data: Any) -> bool:
    """Tell whether PostgreSQL can keep every text inside ``data``."""
    if isinstance(data, str):
        return "\x00" not in data and not any("\ud800" <= c <= "\udfff" for c in data)
    if isinstance(data, dict):
        return all(_is_storable(name) and _is_storable(value) for name, value in data.items())
    return not isinstance(data, list) or all(_is_storable(one) for one in data)


class ZohoConnectionCreate(Create):
    """How to reach the tenant's Zoho org."""

    data_centre: DataCentre = DataCentre.US
    accounts_url: Address | None = Field(
        default=None, description="Only where it is not the data centre's own (sandbox)."
    )
    api_domain: Address | None = None
    content_url: Address | None = None
    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr
    org_id: str
    environment: Environment = Environment.PRODUCTION


class TenantCreate(Create):
    """A practice and its one Zoho org."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "tenant_id": "harbor",
                "display_name": "Harbor Dental",
                "time_zone": "America/New_York",
                "partitions": 8,
                "zoho": {
                    "data_centre": "US",
                    "client_id": "1000.EXAMPLE",
                    "client_secret": "example",
                    "refresh_token": "1000.example",
                    "org_id": "60001234567",
                },
            }
        },
    )

    tenant_id: str = Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$")
    display_name: str = Field(min_length=1, max_length=200)
    time_zone: TimeZone = "America/New_York"
    partitions: int = Field(default=8, ge=1, le=64)
    zoho: ZohoConnectionCreate


class TenantRead(BaseModel):
    """A tenant without its secrets."""

    tenant_id: str
    display_name: str
    time_zone: str
    partitions: int
    status: str


class JobCreate(Create):
    """One migration. The export is audited at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "tenant_id": "harbor",
                "name": "Harbor Dental to Zoho",
                "export_path": "exports/harbor",
                "practice_timezone": "America/New_York",
                "appointment_unit_min": 10,
                "fallback_email": "fallback@example.com",
            }
        },
    )

    tenant_id: str
    name: str = Field(min_length=1, max_length=200)
    export_path: str = Field(min_length=1, max_length=4096, description="Folder or zip.")
    profile: str = "dental_exec_v1"
    practice_timezone: TimeZone = "America/New_York"
    appointment_unit_min: int = Field(default=10, ge=1, le=120)
    dialect_pins: dict[str, str] = Field(default_factory=dict)
    fallback_email: str = Field(
        min_length=3, max_length=320, description="User who gets what no provider can own."
    )
    mapping: dict[str, Any] | None = Field(
        default=None, description="A mapping document; the packaged one when left out."
    )


class GateRead(BaseModel):
    """One gate: what it means, what the machine can show, who approved."""

    gate: Gate
    meaning: str
    approved: bool
    approved_by: str | None = None
    approved_at: datetime | None = None
    comment: str = ""
    evidence: dict[str, Any]
    evidence_hash: str
    blockers: list[str]


class GateApprove(Create):
    """A person's approval; ``evidence_hash`` is what that person saw."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"approver": "migration lead"}}
    )

    approver: str = Field(min_length=1, max_length=200)
    comment: str = Field(default="", max_length=2000)
    evidence_hash: str | None = None


class JobRead(BaseModel):
    """A job and where it stands."""

    job_id: str
    tenant_id: str
    name: str
    state: JobState
    export_path: str
    mapping_hash: str
    audit: dict[str, Any] | None
    waiting: dict[str, Any] | None
    error: dict[str, Any] | None
    gates_approved: list[Gate]
    created_at: datetime
    updated_at: datetime


class MappingConfirm(Create):
    """Confirms the mapping, the owners, and decisions about the source."""

    approver: str = Field(min_length=1, max_length=200)
    merges: dict[str, str] = Field(
        default_factory=dict, description="Confirmed duplicates: patient key → surviving key."
    )
    accept_auto_merges: bool = Field(
        default=True, description="Confirm the proposals whose evidence is graded auto."
    )
    referral_values: dict[str, str] = Field(default_factory=dict)
    owners: dict[str, str] = Field(
        default_factory=dict, description="Provider key → Zoho user id, where a person decides."
    )


class SampleCreate(SampleSpec):
    """How large a rehearsal's sample is."""

    model_config = ConfigDict(extra="forbid")

    plans: int = Field(default=150, ge=1, le=100_000)
    seed: int = Field(default=1, ge=0, le=2_147_483_647)


class RunCreate(Create):
    """One pass of a job."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"kind": "rehearsal"}})

    kind: RunKind
    sample: SampleCreate | None = Field(default=None, description="rehearsal: size of the sample")
    export_path: str | None = Field(
        default=None, max_length=4096, description="delta: the newer export"
    )
    undo_of: str | None = Field(default=None, description="undo: the run to take back")


class WaveRead(BaseModel):
    """One wave and whether it is open."""

    index: int
    objects: list[str]
    state: str = Field(description="closed, open or settled")


class RunRead(BaseModel):
    """A run and its counters, by report object."""

    run_id: str
    job_id: str
    tenant_id: str
    kind: RunKind
    state: RunState
    waves: list[WaveRead]
    extracted: dict[str, int]
    outcomes: dict[str, dict[str, int]]
    credits: float
    fingerprints: dict[str, Any]
    diff: dict[str, Any] | None
    balanced: bool | None
    waiting: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


class Page(BaseModel):
    """A page of anything; ``next_cursor`` is null on the last one."""

    data: list[dict[str, Any]]
    next_cursor: str | None = None


class JobPage(BaseModel):
    """A page of jobs."""

    data: list[JobRead]
    next_cursor: str | None = None


class ApiKeyCreate(Create):
    """A new API key for one tenant, or for all of them."""

    name: str = Field(min_length=1, max_length=200)
    tenant_id: str | None = None


class ApiKeyRead(BaseModel):
    """The key itself; shown once."""

    name: str
    tenant_id: str | None
    api_key: str


class Replay(Create):
    """Who asks for a dead letter to be tried again."""

    operator: str = Field(min_length=1, max_length=200)


class CorrectionRead(BaseModel):
    """The correction of a place that stands; its value is shown as a shape only."""

    correction_id: str
    column: str = Field(description="Empty: the whole line is replaced.")
    value_shape: str
    by: str
    why: str
    made_at: datetime
    said: str | None = Field(
        description="When an export was last read: applied, stale or unusable; null before that."
    )
    said_in: str | None = Field(description="The audit or run that read it.")
    sentence: str


class PlaceRead(BaseModel):
    """A place of the export that a person should correct or accept."""

    item_id: str
    state: PlaceState
    object: str
    key: str
    file: str
    line: int
    column: str = Field(description="Empty: the line as a whole.")
    code: str
    shape: str
    effect: str
    sentence: str
    remedy: str
    fixable: bool = Field(description="False where only a new export repairs it.")
    first_seen: str
    last_seen: str
    decided_by: str | None
    why: str
    decided_at: datetime | None
    released_in: str | None
    released_by: str | None
    note: str
    correction: CorrectionRead | None


class PlacePage(BaseModel):
    """A page of places by file and line, and how many there are of each state."""

    data: list[PlaceRead]
    next_cursor: str | None = None
    counts: dict[str, int]
    left_out: int = Field(
        description="Places found beyond those that are listed; repair the export first."
    )


class PlaceFix(Create):
    """A person's correction. The value is sealed at rest and never shown again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"value": "1984-02-28", "by": "front desk", "why": "asked the patient"}
        },
    )

    value: SecretStr = Field(
        max_length=65_536,
        description="What the cell, or the whole line in the file's own form, should say.",
    )
    column: str | None = Field(
        default=None, max_length=200, description="Another column of the row than the place's."
    )
    by: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=2000)


class PlaceDecision(Create):
    """Who decides about a place, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"by": "practice owner", "why": "closed in 2009"}},
    )

    by: str = Field(min_length=1, max_length=200)
    why: str = Field(min_length=1, max_length=2000)


class PlaceRelease(Create):
    """Who asks for corrected rows to be moved."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"by": "migration lead"}}
    )

    by: str = Field(min_length=1, max_length=200)
