"""Runs: what one pass of a migration is told, once, when it starts.

The whole specification travels in ``StartRun`` so that no service reads another's tables and a
run can be understood years later from one document.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridgework_contracts.ids import JobId, RunId, TenantId


class Frozen(BaseModel):
    """Base of every contract model: immutable, and tolerant of fields added later."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RunKind(StrEnum):
    """The four kinds of pass."""

    REHEARSAL = "rehearsal"
    FULL = "full"
    DELTA = "delta"
    UNDO = "undo"


class Wave(Frozen):
    """Objects that may be written at the same time, once every earlier wave has settled."""

    index: int = Field(ge=1)
    objects: tuple[str, ...] = Field(description="Source object names, e.g. patient.")


class OwnerDecision(Frozen):
    """Which Zoho user owns a provider's records, and why."""

    provider_key: str
    user_id: str
    evidence: str = Field(description="email, npi, name or fallback")
    review: bool = Field(description="True where a person should look (fallback, weak evidence).")
    file: str = Field(default="", description="Where the provider stands in the export.")
    line: int = 0


class Correction(Frozen):
    """A person's correction of one cell, or of one line that could not be read.

    It is bound to what the row held when the person saw it, never to its line alone: ``row_mark``
    names the row's content, or ``seen_in`` the run whose snapshot shows it at that line.
    """

    correction_id: str
    file: str
    line: int = Field(description="Where the row stood when it was seen.")
    column: str = Field(description="Column in the file; empty: the whole line is replaced.")
    value_sealed: str = Field(
        description="Base64 of the new value, sealed with the tenant's key for correction_id."
    )
    row_mark: str | None = None
    row_key: str = Field(default="", description="The row's own number, to tell changed from gone.")
    seen_in: RunId | None = None


class SourceSpec(Frozen):
    """Where the export is and what the practice told us about it."""

    export_path: str = Field(description="Folder, zip or database file, readable by extractor.")
    profile: str = "dental_exec_v1"
    practice_timezone: str = "America/New_York"
    appointment_unit_min: int = 10
    dialect_pins: dict[str, str] = Field(
        default_factory=dict, description="Pinned answers where detection is not trusted."
    )
    merges: dict[str, str] = Field(
        default_factory=dict, description="Confirmed duplicates: patient key → surviving key."
    )
    referral_values: dict[str, str] = Field(
        default_factory=dict, description="Confirmed value map: printed source → picklist value."
    )
    corrections: tuple[Correction, ...] = Field(
        default=(), description="Corrections of people, applied while the export is read."
    )


class SampleSpec(Frozen):
    """A closed-world sample: so many plans with all their parents and children."""

    plans: int = 150
    seed: int = 1


def correction_aad(correction_id: str) -> bytes:
    """Return what a correction's sealed value is bound to."""
    return f"correction:{correction_id}".encode()


class RunSpec(Frozen):
    """Everything the services need to know about one run."""

    run_id: RunId
    job_id: JobId
    tenant_id: TenantId
    kind: RunKind
    mapping: dict[str, Any] = Field(description="The mapping document (bridgework_mapping).")
    mapping_hash: str
    live_names: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="module → spec name → live API name read from Zoho."
    )
    waves: tuple[Wave, ...]
    owners: tuple[OwnerDecision, ...] = ()
    fallback_user_id: str
    migration_user_id: str | None = Field(
        default=None, description="The user our token belongs to; others' edits are people's."
    )
    source: SourceSpec
    sample: SampleSpec | None = None
    base_run_id: RunId | None = Field(default=None, description="delta: compare with this run.")
    undo_of: RunId | None = Field(default=None, description="undo: the run to take back.")
