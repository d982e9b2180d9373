"""What a run is told, from its job's row, the runs before it and what was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from bridgework_contracts.ids import JobId, RunId, TenantId, new_run_id
from bridgework_contracts.runs import (
    Correction,
    RunKind,
    RunSpec,
    SampleSpec,
    SourceSpec,
    Wave,
)
from bridgework_mapping.document import MappingDocument

from bridgework_control.domain.runs import RunState
from bridgework_control.domain.undo import undo_waves
from bridgework_control.http.models import RunCreate
from bridgework_control.http.problems import ApiError

Row = Mapping[str, Any]
"""A database row: values by column name."""


def newest_standing(runs: Sequence[Row]) -> RunId | None:
    """Return the newest finished full run or delta that was not taken back, ``None`` without one.

    What a run that was undone had moved is not in Zoho: a delta must not count it as unchanged.
    """
    found = standing(runs)
    return found[-1] if found else None


def standing(runs: Sequence[Row]) -> list[RunId]:
    """Return the finished full runs and deltas that were not taken back, oldest first.

    While a delta runs they are paused: what still waits in them for a parent travels again under
    the delta, so that the delta's undo takes it back too.
    """
    undone = {
        run["spec"].get("undo_of")
        for run in runs
        if run["kind"] == RunKind.UNDO and run["state"] == RunState.FINISHED
    }
    return [
        RunId(run["run_id"])
        for run in runs
        if run["kind"] in {RunKind.FULL, RunKind.DELTA}
        and run["state"] == RunState.FINISHED
        and run["run_id"] not in undone
    ]


def run_spec(
    job: Row, runs: Sequence[Row], body: RunCreate, corrections: tuple[Correction, ...] = ()
) -> RunSpec:
    """Return what a new run is told.

    Args:
        job: The job's row.
        runs: Its runs, oldest first.
        body: What was asked for.
        corrections: Corrections that stand; every run carries them.

    Raises:
        ApiError: ``invalid_request``; ``conflict`` without a finished run to compare with.
    """
    document = MappingDocument.parse(job["mapping"])
    by_id = {run["run_id"]: run for run in runs}
    waves: tuple[Wave, ...] = document.waves()
    source = SourceSpec.model_validate(job["source"])
    base: RunId | None = None
    if body.kind is RunKind.UNDO:
        if body.undo_of is None or body.undo_of not in by_id:
            raise ApiError("undo_of must name a run of this job.", code="invalid_request")
        waves = undo_waves(waves)
    elif body.kind is RunKind.DELTA:
        if not body.export_path:
            raise ApiError("A delta needs export_path.", code="invalid_request")
        source = source.model_copy(update={"export_path": body.export_path})
        base = newest_standing(runs)
        if base is None:
            raise ApiError("A delta needs a finished full run.", code="conflict")
    return RunSpec(
        run_id=new_run_id(),
        job_id=JobId(job["job_id"]),
        tenant_id=TenantId(job["tenant_id"]),
        kind=body.kind,
        mapping=job["mapping"],
        mapping_hash=job["mapping_hash"],
        live_names=job["live_names"],
        waves=waves,
        owners=job["owners"],
        fallback_user_id=job["fallback_user_id"] or "",
        migration_user_id=job["migration_user_id"],
        source=source.model_copy(update={"corrections": corrections}),
        sample=(body.sample or SampleSpec()) if body.kind is RunKind.REHEARSAL else None,
        base_run_id=base,
        undo_of=RunId(body.undo_of) if body.undo_of and body.kind is RunKind.UNDO else None,
    )
