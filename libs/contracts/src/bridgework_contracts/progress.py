"""What the services tell control. One topic, one partition per tenant."""

from typing import Any, Literal

from pydantic import Field

from bridgework_contracts.ids import JobId, RunId
from bridgework_contracts.runs import Frozen


class QuarantinedPlace(Frozen):
    """A place in the export that a person should correct or accept. Never holds a value.

    ``row_mark`` names the content of the row as it was exported; ``None`` where one correction
    cannot repair the place (many lines, a file that is no table).
    """

    item_id: str = Field(description="The same for the same defect of the same row, shuffled too.")
    object: str
    key: str = Field(description="The row's own number; empty where it has none.")
    file: str
    line: int
    column: str
    code: str
    shape: str = ""
    effect: str
    sentence: str = ""
    remedy: str = ""
    row_mark: str | None = None


class CorrectionApplied(Frozen):
    """What became of a correction when the export was read."""

    correction_id: str
    state: Literal["applied", "stale", "unusable"]
    line: int = Field(default=0, description="Where the row stands in this export; 0: nowhere.")
    sentence: str = ""


class ExportAudited(Frozen):
    """extractor → control. ``report`` is the audit without values (counts, codes, names)."""

    type: Literal["ExportAudited"] = "ExportAudited"
    job_id: JobId
    audit_id: str
    ok: bool
    report: dict[str, Any] = Field(description="See docs/canonical.md, section Audit.")
    providers: list[dict[str, Any]] = Field(default_factory=list)
    duplicates: list[dict[str, Any]] = Field(default_factory=list)
    referral_values: dict[str, str] = Field(default_factory=dict)
    error: str | None = None
    quarantined: tuple[QuarantinedPlace, ...] = ()
    quarantined_left_out: int = Field(
        default=0, description="Places found beyond those in quarantined."
    )
    corrections: tuple[CorrectionApplied, ...] = ()


class SnapshotSealed(Frozen):
    """extractor → control: every record of the run is on the log."""

    type: Literal["SnapshotSealed"] = "SnapshotSealed"
    run_id: RunId
    extracted: dict[str, int]
    seconds: float
    findings: list[dict[str, Any]] = Field(
        default_factory=list,
        description="What concerns a whole file or a stretch of lines, as lines of the report.",
    )
    quarantined: tuple[QuarantinedPlace, ...] | None = Field(
        default=None, description="Every place of the export; None where only a sample was read."
    )
    quarantined_left_out: int = 0
    corrections: tuple[CorrectionApplied, ...] = ()


class RunCounted(Frozen):
    """reconciler → control, at most twice a second: report object → outcome → records so far."""

    type: Literal["RunCounted"] = "RunCounted"
    run_id: RunId
    extracted: dict[str, int]
    outcomes: dict[str, dict[str, int]]
    credits: float = 0.0


class WaveSettled(Frozen):
    """reconciler → control: every extracted record of this wave has its outcome."""

    type: Literal["WaveSettled"] = "WaveSettled"
    run_id: RunId
    wave: int


class AuditWaiting(Frozen):
    """extractor → control, at each try: the source of an audit does not answer."""

    type: Literal["AuditWaiting"] = "AuditWaiting"
    job_id: JobId
    audit_id: str
    service: str
    code: str
    sentence: str
    until: str | None = None


class RunWaiting(Frozen):
    """extractor, loader, rehoster → control: no further until ``until`` (UTC, ISO) or an act."""

    type: Literal["RunWaiting"] = "RunWaiting"
    run_id: RunId
    service: str
    code: str
    sentence: str
    until: str | None = None


class FingerprintTaken(Frozen):
    """reconciler → control: module → {count, hash}."""

    type: Literal["FingerprintTaken"] = "FingerprintTaken"
    run_id: RunId
    label: str
    modules: dict[str, dict[str, Any]]


class DiffFinished(Frozen):
    """reconciler → control."""

    type: Literal["DiffFinished"] = "DiffFinished"
    run_id: RunId
    compared_records: int
    compared_fields: int
    mismatches: int
    mismatch_list: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)
    accepted_conflicts: int = 0


class RunReported(Frozen):
    """reconciler → control: the run's part of the report (docs/report.md)."""

    type: Literal["RunReported"] = "RunReported"
    run_id: RunId
    report: dict[str, Any]


class RunFailed(Frozen):
    """Any service → control: this run cannot go on; a person must act."""

    type: Literal["RunFailed"] = "RunFailed"
    run_id: RunId
    service: str
    code: str
    sentence: str
    remedy: str = ""
