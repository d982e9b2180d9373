"""The routes of the job API, ``/v1``."""

import secrets
from typing import Annotated, Any

from bridgework_contracts.outcomes import Outcome
from bridgework_service.tenants import Tenant
from fastapi import APIRouter, FastAPI, Path, Query
from fastapi.responses import JSONResponse

from bridgework_control.adapters.reconciler import ReconcilerClient
from bridgework_control.dead_letters import DeadLetters
from bridgework_control.domain.jobs import Gate
from bridgework_control.http.auth import CallerDep, ControlDep
from bridgework_control.http.cursors import decode_cursor, decode_moment_cursor, encode_cursor
from bridgework_control.http.idempotency import IdempotencyKey, once
from bridgework_control.http.models import (
    ApiKeyCreate,
    ApiKeyRead,
    GateApprove,
    GateRead,
    JobCreate,
    JobPage,
    JobRead,
    MappingConfirm,
    Page,
    Replay,
    RunCreate,
    RunRead,
    TenantCreate,
    TenantRead,
)
from bridgework_control.http.problems import ProblemDetails, install
from bridgework_control.operations import Control, key_hash

PROBLEM = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": PROBLEM}}
    for status, text in {
        401: "The API key is missing or not known.",
        403: "This API key may not do that.",
        404: "There is no such thing (for this API key).",
        409: "The request does not fit the present state.",
        422: "The request is malformed.",
        503: "Something this request needs does not answer.",
    }.items()
}
LOCATION: dict[str, Any] = {
    "headers": {"Location": {"description": "Where it stands.", "schema": {"type": "string"}}}
}
Identity = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=1024)]

router = APIRouter(prefix="/v1", responses=ERRORS)


def _tenant(tenant: Tenant) -> TenantRead:
    return TenantRead(
        tenant_id=tenant.tenant_id,
        display_name=tenant.display_name,
        time_zone=tenant.time_zone,
        partitions=tenant.partitions,
        status=tenant.status,
    )


async def _own_job(control: Control, caller: CallerDep, job_id: str) -> dict[str, Any]:
    job = await control.job(job_id)
    caller.check(job["tenant_id"])
    return job


async def _own_run(control: Control, caller: CallerDep, run_id: str) -> dict[str, Any]:
    run = await control.run(run_id)
    caller.check(run["tenant_id"])
    return run


# ---- tenants ------------------------------------------------------------------------------------


@router.post(
    "/tenants",
    status_code=201,
    response_model=TenantRead,
    responses={201: LOCATION},
    tags=["tenants"],
)
async def create_tenant(
    body: TenantCreate, caller: CallerDep, control: ControlDep, key: IdempotencyKey = None
) -> JSONResponse:
    """Register a practice and its Zoho org; creates its key and its topics."""
    caller.check_everywhere()

    async def act() -> tuple[int, dict[str, Any], str]:
        tenant = await control.create_tenant(body)
        return 201, _tenant(tenant).model_dump(), f"/v1/tenants/{tenant.tenant_id}"

    return await once(control, caller, key, "create_tenant", body, act)


@router.get("/tenants", tags=["tenants"])
async def list_tenants(caller: CallerDep, control: ControlDep) -> list[TenantRead]:
    """Return the tenants this API key is for."""
    return [
        _tenant(tenant)
        for tenant in await control.directory.list()
        if caller.tenant_id in {None, tenant.tenant_id}
    ]


@router.get("/tenants/{tenant_id}", tags=["tenants"])
async def get_tenant(tenant_id: Identity, caller: CallerDep, control: ControlDep) -> TenantRead:
    """Return one tenant."""
    caller.check(tenant_id)
    return _tenant(await control.tenant(tenant_id))


@router.post("/api-keys", status_code=201, tags=["tenants"])
async def create_api_key(body: ApiKeyCreate, caller: CallerDep, control: ControlDep) -> ApiKeyRead:
    """Issue an API key; it is shown this once."""
    caller.check_everywhere()
    if body.tenant_id is not None:
        await control.tenant(body.tenant_id)
    api_key = f"bw_{secrets.token_urlsafe(32)}"
    await control.pool.execute(
        control.runs.put_api_key, key_hash(api_key), body.name, body.tenant_id
    )
    return ApiKeyRead(name=body.name, tenant_id=body.tenant_id, api_key=api_key)


# ---- jobs ---------------------------------------------------------------------------------------


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobRead,
    responses={202: LOCATION},
    tags=["jobs"],
)
async def create_job(
    body: JobCreate, caller: CallerDep, control: ControlDep, key: IdempotencyKey = None
) -> JSONResponse:
    """Create a job; its export is audited at once."""
    caller.check(body.tenant_id)

    async def act() -> tuple[int, dict[str, Any], str]:
        job_id = await control.create_job(body)
        return 202, await control.job(job_id), f"/v1/jobs/{job_id}"

    return await once(control, caller, key, "create_job", body, act)


@router.get("/jobs", tags=["jobs"])
async def list_jobs(
    caller: CallerDep, control: ControlDep, limit: Limit = 50, cursor: Cursor = None
) -> JobPage:
    """Return jobs, newest first."""
    before = decode_moment_cursor(cursor)
    tenants = None if caller.tenant_id is None else [caller.tenant_id]
    rows = await control.jobs_page(tenants, before, limit + 1)
    more = rows[limit - 1] if len(rows) > limit else None
    return JobPage(
        data=[JobRead(**row) for row in rows[:limit]],
        next_cursor=encode_cursor(more["created_at"].isoformat(), more["job_id"]) if more else None,
    )


@router.get("/jobs/{job_id}", tags=["jobs"])
async def get_job(job_id: Identity, caller: CallerDep, control: ControlDep) -> JobRead:
    """Return one job and where it stands."""
    return JobRead(**await _own_job(control, caller, job_id))


@router.post("/jobs/{job_id}/audit", status_code=202, tags=["jobs"])
async def audit_again(job_id: Identity, caller: CallerDep, control: ControlDep) -> JobRead:
    """Audit the export once more."""
    await _own_job(control, caller, job_id)
    await control.audit_again(job_id)
    return JobRead(**await control.job(job_id))


@router.post("/jobs/{job_id}/schema-plan/apply", status_code=202, tags=["jobs"])
async def apply_schema(job_id: Identity, caller: CallerDep, control: ControlDep) -> JobRead:
    """Create missing modules and fields in Zoho, read them back, resolve owners. Needs G1."""
    await _own_job(control, caller, job_id)
    await control.apply_schema(job_id)
    return JobRead(**await control.job(job_id))


@router.get("/jobs/{job_id}/schema-plan", tags=["jobs"])
async def get_schema_plan(
    job_id: Identity, caller: CallerDep, control: ControlDep
) -> dict[str, Any]:
    """Return the schema plan with credit cost per line, and what was applied of it."""
    await _own_job(control, caller, job_id)
    return await control.schema_plan(job_id)


@router.get("/jobs/{job_id}/mapping", tags=["jobs"])
async def get_mapping(job_id: Identity, caller: CallerDep, control: ControlDep) -> dict[str, Any]:
    """Return the mapping document with its hash, the live names and the owners."""
    await _own_job(control, caller, job_id)
    job = await control.job_row(job_id)
    return {name: job[name] for name in ("mapping", "mapping_hash", "live_names", "owners")}


@router.get("/jobs/{job_id}/duplicates", tags=["jobs"])
async def get_duplicates(
    job_id: Identity, caller: CallerDep, control: ControlDep
) -> list[dict[str, Any]]:
    """Return proposed duplicate people with their evidence, for a person to decide."""
    await _own_job(control, caller, job_id)
    return await control.duplicates(job_id)


@router.post("/jobs/{job_id}/mapping/confirm", tags=["jobs"])
async def confirm_mapping(
    job_id: Identity, body: MappingConfirm, caller: CallerDep, control: ControlDep
) -> JobRead:
    """Confirm mapping, owners and merges; approves gate G3. Needs G2."""
    await _own_job(control, caller, job_id)
    await control.confirm_mapping(job_id, body)
    return JobRead(**await control.job(job_id))


@router.get("/jobs/{job_id}/gates", tags=["gates"])
async def get_gates(job_id: Identity, caller: CallerDep, control: ControlDep) -> list[GateRead]:
    """Return every gate with its evidence as it is now."""
    await _own_job(control, caller, job_id)
    return [GateRead(**gate) for gate in await control.gates(job_id)]


@router.post("/jobs/{job_id}/gates/{gate}/approve", tags=["gates"])
async def approve_gate(
    job_id: Identity, gate: Gate, body: GateApprove, caller: CallerDep, control: ControlDep
) -> list[GateRead]:
    """Approve a gate over its present evidence."""
    await _own_job(control, caller, job_id)
    await control.approve_gate(job_id, gate, body)
    return [GateRead(**one) for one in await control.gates(job_id)]


@router.get("/jobs/{job_id}/report", tags=["jobs"])
async def get_report(job_id: Identity, caller: CallerDep, control: ControlDep) -> dict[str, Any]:
    """Return the acceptance report (values of people appear as shapes only)."""
    await _own_job(control, caller, job_id)
    return await control.report(job_id)


# ---- runs ---------------------------------------------------------------------------------------


@router.post(
    "/jobs/{job_id}/runs",
    status_code=202,
    response_model=RunRead,
    responses={202: LOCATION},
    tags=["runs"],
)
async def create_run(
    job_id: Identity,
    body: RunCreate,
    caller: CallerDep,
    control: ControlDep,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Start a rehearsal, full, delta or undo run."""
    await _own_job(control, caller, job_id)

    async def act() -> tuple[int, dict[str, Any], str]:
        run_id = await control.create_run(job_id, body)
        return 202, await control.run(run_id), f"/v1/runs/{run_id}"

    return await once(control, caller, key, f"create_run:{job_id}", body, act)


@router.get("/jobs/{job_id}/runs", tags=["runs"])
async def list_runs(job_id: Identity, caller: CallerDep, control: ControlDep) -> list[RunRead]:
    """Return a job's runs, oldest first."""
    await _own_job(control, caller, job_id)
    return [RunRead(**run) for run in await control.runs_of(job_id)]


@router.get("/runs/{run_id}", tags=["runs"])
async def get_run(run_id: Identity, caller: CallerDep, control: ControlDep) -> RunRead:
    """Return a run with its counters and waves."""
    return RunRead(**await _own_run(control, caller, run_id))


@router.post(
    "/runs/{run_id}/undo",
    status_code=202,
    response_model=RunRead,
    responses={202: LOCATION},
    tags=["runs"],
)
async def undo_run(
    run_id: Identity, caller: CallerDep, control: ControlDep, key: IdempotencyKey = None
) -> JSONResponse:
    """Take back what a run did; records that people touched are kept and listed."""
    run = await _own_run(control, caller, run_id)
    body = RunCreate.model_validate({"kind": "undo", "undo_of": run_id})

    async def act() -> tuple[int, dict[str, Any], str]:
        undo_id = await control.create_run(run["job_id"], body)
        return 202, await control.run(undo_id), f"/v1/runs/{undo_id}"

    return await once(control, caller, key, f"undo_run:{run_id}", body, act)


@router.post("/runs/{run_id}/pause", tags=["runs"])
async def pause_run(run_id: Identity, caller: CallerDep, control: ControlDep) -> RunRead:
    """Write nothing more of this run until it is resumed."""
    await _own_run(control, caller, run_id)
    await control.pause_run(run_id)
    return RunRead(**await control.run(run_id))


@router.post("/runs/{run_id}/resume", tags=["runs"])
async def resume_run(run_id: Identity, caller: CallerDep, control: ControlDep) -> RunRead:
    """Go on with a paused run, or with a failed one after the repair."""
    await _own_run(control, caller, run_id)
    await control.resume_run(run_id)
    return RunRead(**await control.run(run_id))


@router.post("/runs/{run_id}/cancel", tags=["runs"])
async def cancel_run(run_id: Identity, caller: CallerDep, control: ControlDep) -> RunRead:
    """End a run where it is; what it did can be undone."""
    await _own_run(control, caller, run_id)
    await control.cancel_run(run_id)
    return RunRead(**await control.run(run_id))


@router.get("/runs/{run_id}/records", tags=["runs"])
async def get_records(
    run_id: Identity,
    caller: CallerDep,
    control: ControlDep,
    object_name: Annotated[str | None, Query(alias="object", pattern=r"^[a-z_]{1,40}$")] = None,
    outcome: Outcome | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page:
    """Return the outcome of every record of a run, with its reason and place in the export."""
    await _own_run(control, caller, run_id)
    after = decode_cursor(cursor, 2) or ["", ""]
    reader: ReconcilerClient = control.reconciler
    rows = await reader.records(
        run_id, object_name=object_name, outcome=outcome, after=(after[0], after[1]), limit=limit
    )
    last = rows[-1] if len(rows) == limit else None
    return Page(data=rows, next_cursor=encode_cursor(last["object"], last["key"]) if last else None)


# ---- dead letters -------------------------------------------------------------------------------


@router.get("/tenants/{tenant_id}/dead-letters", tags=["dead letters"])
async def list_dead_letters(
    tenant_id: Identity,
    caller: CallerDep,
    control: ControlDep,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page:
    """Return messages that could not be handled, newest first, without their content."""
    caller.check(tenant_id)
    await control.tenant(tenant_id)
    letters: DeadLetters = control.dead_letters
    rows = await letters.page(tenant_id, decode_moment_cursor(cursor), limit + 1)
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(
        data=rows[:limit],
        next_cursor=(
            encode_cursor(more["dead_at"].isoformat(), more["dead_letter_id"]) if more else None
        ),
    )


@router.get("/tenants/{tenant_id}/dead-letters/{dead_letter_id}", tags=["dead letters"])
async def get_dead_letter(
    tenant_id: Identity, dead_letter_id: Identity, caller: CallerDep, control: ControlDep
) -> dict[str, Any]:
    """Return one dead letter: where it stood, why it failed, what to do."""
    caller.check(tenant_id)
    await control.tenant(tenant_id)
    return await control.dead_letters.show(tenant_id, dead_letter_id)


@router.post("/tenants/{tenant_id}/dead-letters/{dead_letter_id}/replay", tags=["dead letters"])
async def replay_dead_letter(
    tenant_id: Identity,
    dead_letter_id: Identity,
    body: Replay,
    caller: CallerDep,
    control: ControlDep,
) -> dict[str, Any]:
    """Put the message back on its topic; its id is unchanged, so a second effect is impossible."""
    caller.check(tenant_id)
    tenant = await control.tenant(tenant_id)
    await control.dead_letters.replay(tenant, dead_letter_id, body.operator)
    return await control.dead_letters.show(tenant_id, dead_letter_id)


def build_api(control: Control, bootstrap_api_key: str) -> FastAPI:
    """Return the job API over these operations."""
    app = FastAPI(
        title="Bridgework job API",
        version="1",
        description="Moves a dental practice into Zoho CRM: jobs, gates, runs, outcomes.",
    )
    app.state.control = control
    app.state.bootstrap_api_key = bootstrap_api_key
    install(app)
    app.include_router(router)
    schemas = app.openapi()["components"]["schemas"]
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
    return app
