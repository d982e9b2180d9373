"""Routes of runs: start, steer, undo, record-level outcomes."""

from typing import Annotated, Any

from bridgework_contracts.outcomes import Outcome
from fastapi import Query
from fastapi.responses import JSONResponse

from bridgework_control.adapters.reconciler import ReconcilerClient
from bridgework_control.http.auth import CallerDep, ControlDep, RunsDep
from bridgework_control.http.cursors import decode_cursor, encode_cursor
from bridgework_control.http.idempotency import OnceDep
from bridgework_control.http.models import Page, RunCreate, RunRead
from bridgework_control.http.routing import (
    Cursor,
    Identity,
    Limit,
    located,
    new_router,
    own_job,
    own_run,
)

router = new_router("runs")


@router.post("/jobs/{job_id}/runs", **located(202, RunRead))
async def create_run(
    job_id: Identity,
    body: RunCreate,
    caller: CallerDep,
    control: ControlDep,
    runs: RunsDep,
    once: OnceDep,
) -> JSONResponse:
    """Start a rehearsal, full, delta or undo run."""
    await own_job(control, caller, job_id)

    async def act() -> tuple[int, dict[str, Any], str]:
        run_id = await runs.create_run(job_id, body)
        return 202, await runs.run(run_id), f"/v1/runs/{run_id}"

    return await once(f"create_run:{job_id}", body, act)


@router.get("/jobs/{job_id}/runs")
async def list_runs(
    job_id: Identity, caller: CallerDep, control: ControlDep, runs: RunsDep
) -> list[RunRead]:
    """Return a job's runs, oldest first."""
    await own_job(control, caller, job_id)
    return [RunRead(**run) for run in await runs.runs_of(job_id)]


@router.get("/runs/{run_id}")
async def get_run(run_id: Identity, caller: CallerDep, runs: RunsDep) -> RunRead:
    """Return a run with its counters and waves."""
    return RunRead(**await own_run(runs, caller, run_id))


@router.post("/runs/{run_id}/undo", **located(202, RunRead))
async def undo_run(
    run_id: Identity,
    caller: CallerDep,
    runs: RunsDep,
    once: OnceDep,
) -> JSONResponse:
    """Take back what a run did; records that people touched are kept and listed."""
    run = await own_run(runs, caller, run_id)
    body = RunCreate.model_validate({"kind": "undo", "undo_of": run_id})

    async def act() -> tuple[int, dict[str, Any], str]:
        undo_id = await runs.create_run(run["job_id"], body)
        return 202, await runs.run(undo_id), f"/v1/runs/{undo_id}"

    return await once(f"undo_run:{run_id}", body, act)


@router.post("/runs/{run_id}/pause")
async def pause_run(run_id: Identity, caller: CallerDep, runs: RunsDep) -> RunRead:
    """Write nothing more of this run until it is resumed."""
    await own_run(runs, caller, run_id)
    await runs.pause_run(run_id)
    return RunRead(**await runs.run(run_id))


@router.post("/runs/{run_id}/resume")
async def resume_run(run_id: Identity, caller: CallerDep, runs: RunsDep) -> RunRead:
    """Go on with a paused run, or with a failed one after the repair."""
    await own_run(runs, caller, run_id)
    await runs.resume_run(run_id)
    return RunRead(**await runs.run(run_id))


@router.post("/runs/{run_id}/cancel")
async def cancel_run(run_id: Identity, caller: CallerDep, runs: RunsDep) -> RunRead:
    """End a run where it is; what it did can be undone."""
    await own_run(runs, caller, run_id)
    await runs.cancel_run(run_id)
    return RunRead(**await runs.run(run_id))


@router.get("/runs/{run_id}/records")
async def get_records(
    run_id: Identity,
    caller: CallerDep,
    control: ControlDep,
    runs: RunsDep,
    object_name: Annotated[str | None, Query(alias="object", pattern=r"^[a-z_]{1,40}$")] = None,
    outcome: Outcome | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page:
    """Return the outcome of every record of a run, with its reason and place in the export."""
    await own_run(runs, caller, run_id)
    after = decode_cursor(cursor, 2) or ["", ""]
    reader: ReconcilerClient = control.reconciler
    rows = await reader.records(
        run_id, object_name=object_name, outcome=outcome, after=(after[0], after[1]), limit=limit
    )
    last = rows[-1] if len(rows) == limit else None
    return Page(data=rows, next_cursor=encode_cursor(last["object"], last["key"]) if last else None)
