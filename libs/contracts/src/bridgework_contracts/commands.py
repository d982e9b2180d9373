"""What control tells the services. One topic, one partition per tenant: order is meaning."""

from typing import Literal

from pydantic import Field

from bridgework_contracts.ids import JobId, RunId
from bridgework_contracts.runs import Frozen, RunSpec, SourceSpec


class AuditExport(Frozen):
    """Read an export and say what is in it. → extractor, answers ``ExportAudited``."""

    type: Literal["AuditExport"] = "AuditExport"
    job_id: JobId
    audit_id: str
    source: SourceSpec
    report_dir: str = Field(description="Folder for audit.json and audit.html.")


class StartRun(Frozen):
    """A run begins; every service keeps the specification. → all."""

    type: Literal["StartRun"] = "StartRun"
    spec: RunSpec


class OpenWave(Frozen):
    """Records of this wave may now be written. → loader, rehoster."""

    type: Literal["OpenWave"] = "OpenWave"
    run_id: RunId
    wave: int


class PauseRun(Frozen):
    """Write nothing more of this run until ``ResumeRun``. → loader, rehoster."""

    type: Literal["PauseRun"] = "PauseRun"
    run_id: RunId
    reason: str


class ResumeRun(Frozen):
    """Go on writing. → loader, rehoster."""

    type: Literal["ResumeRun"] = "ResumeRun"
    run_id: RunId


class CancelRun(Frozen):
    """Stop: what is not yet written ends as skipped. → all."""

    type: Literal["CancelRun"] = "CancelRun"
    run_id: RunId


class TakeFingerprint(Frozen):
    """Count and hash what is in Zoho now. → reconciler, answers ``FingerprintTaken``."""

    type: Literal["TakeFingerprint"] = "TakeFingerprint"
    run_id: RunId
    label: str = Field(description="before, after_undo …")
    attempt: int = Field(default=1, description="Above 1 where it is asked for again.")


class DiffRun(Frozen):
    """Read everything back and compare. → reconciler, answers ``DiffFinished``."""

    type: Literal["DiffRun"] = "DiffRun"
    run_id: RunId
    attempt: int = Field(default=1, description="Above 1 where it is asked for again.")


class FinishRun(Frozen):
    """The run is over, its report is wanted. → reconciler, answers ``RunReported``."""

    type: Literal["FinishRun"] = "FinishRun"
    run_id: RunId
    attempt: int = Field(default=1, description="Above 1 where it is asked for again.")
