"""Routes of jobs: audit, schema plan, mapping, duplicates, gates, report."""

from typing import Any

from fastapi.responses import JSONResponse

from bridgework_control.domain.jobs import Gate
from bridgework_control.http.auth import CallerDep, ControlDep, RunsDep
from bridgework_control.http.cursors import decode_moment_cursor, encode_cursor
from bridgework_control.http.idempotency import OnceDep
from bridgework_control.http.models import (
    GateApprove,
    GateRead,
    JobCreate,
    JobPage,
    JobRead,
    MappingConfirm,
)
from bridgework_control.http.routing import (
    Cursor,
    Identity,
    Limit,
    located,
    new_router,
    own_job,
)

router = new_router()


@router.post("/jobs", **located(202, JobRead), tags=["jobs"])
async def create_job(
    body: JobCreate, caller: CallerDep, control: ControlDep, once: OnceDep
) -> JSONResponse:
    """Create a job; its export is audited at once."""
    caller.check(body.tenant_id)

    async def act() -> tuple[int, dict[str, Any], str]:
        job_id = await control.create_job(body)
        return 202, await control.job(job_id), f"/v1/jobs/{job_id}"

    return await once("create_job", body, act)


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
    return JobRead(**await own_job(control, caller, job_id))


@router.post("/jobs/{job_id}/audit", status_code=202, tags=["jobs"])
async def audit_again(job_id: Identity, caller: CallerDep, control: ControlDep) -> JobRead:
    """Audit the export once more."""
    await own_job(control, caller, job_id)
    await control.audit_again(job_id)
    return JobRead(**await control.job(job_id))


@router.post("/jobs/{job_id}/schema-plan/apply", status_code=202, tags=["jobs"])
async def apply_schema(job_id: Identity, caller: CallerDep, control: ControlDep) -> JobRead:
    """Create missing modules and fields in Zoho, read them back, resolve owners. Needs G1."""
    await own_job(control, caller, job_id)
    await control.apply_schema(job_id)
    return JobRead(**await control.job(job_id))


@router.get("/jobs/{job_id}/schema-plan", tags=["jobs"])
async def get_schema_plan(
    job_id: Identity, caller: CallerDep, control: ControlDep
) -> dict[str, Any]:
    """Return the schema plan with credit cost per line, and what was applied of it."""
    await own_job(control, caller, job_id)
    return await control.schema_plan(job_id)


@router.get("/jobs/{job_id}/mapping", tags=["jobs"])
async def get_mapping(job_id: Identity, caller: CallerDep, control: ControlDep) -> dict[str, Any]:
    """Return the mapping document with its hash, the live names and the owners."""
    await own_job(control, caller, job_id)
    job = await control.job_row(job_id)
    return {name: job[name] for name in ("mapping", "mapping_hash", "live_names", "owners")}


@router.get("/jobs/{job_id}/duplicates", tags=["jobs"])
async def get_duplicates(
    job_id: Identity, caller: CallerDep, control: ControlDep
) -> list[dict[str, Any]]:
    """Return proposed duplicate people with their evidence, for a person to decide."""
    await own_job(control, caller, job_id)
    return await control.duplicates(job_id)


@router.post("/jobs/{job_id}/mapping/confirm", tags=["jobs"])
async def confirm_mapping(
    job_id: Identity, body: MappingConfirm, caller: CallerDep, control: ControlDep
) -> JobRead:
    """Confirm mapping, owners and merges; approves gate G3. Needs G2."""
    await own_job(control, caller, job_id)
    await control.confirm_mapping(job_id, body)
    return JobRead(**await control.job(job_id))


@router.get("/jobs/{job_id}/gates", tags=["gates"])
async def get_gates(job_id: Identity, caller: CallerDep, control: ControlDep) -> list[GateRead]:
    """Return every gate with its evidence as it is now."""
    await own_job(control, caller, job_id)
    return [GateRead(**gate) for gate in await control.gates(job_id)]


@router.post("/jobs/{job_id}/gates/{gate}/approve", tags=["gates"])
async def approve_gate(
    job_id: Identity, gate: Gate, body: GateApprove, caller: CallerDep, control: ControlDep
) -> list[GateRead]:
    """Approve a gate over its present evidence."""
    await own_job(control, caller, job_id)
    await control.approve_gate(job_id, gate, body)
    return [GateRead(**one) for one in await control.gates(job_id)]


@router.get("/jobs/{job_id}/report", tags=["jobs"])
async def get_report(
    job_id: Identity, caller: CallerDep, control: ControlDep, runs: RunsDep
) -> dict[str, Any]:
    """Return the acceptance report (values of people appear as shapes only)."""
    await own_job(control, caller, job_id)
    return await runs.report(job_id)
