"""What every route of the job API shares: documented errors, parameters, ownership."""

from typing import Annotated, Any

from bridgework_service.tenants import Tenant
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from bridgework_control.http.auth import Caller
from bridgework_control.operations import Control
from bridgework_control.run_operations import RunOperations

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
_LOCATION: dict[str, Any] = {
    "headers": {"Location": {"description": "Where it stands.", "schema": {"type": "string"}}}
}
Identity = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=1024)]


def new_router(*tags: str) -> APIRouter:
    """Return a router below ``/v1`` whose errors are documented."""
    return APIRouter(prefix="/v1", responses=ERRORS, tags=list(tags))


def located(status: int, model: type[BaseModel]) -> dict[str, Any]:
    """Describe a route that answers with a thing and where it stands."""
    return {
        "status_code": status,
        "response_model": model,
        "responses": {status: _LOCATION},
    }


async def own_tenant(control: Control, caller: Caller, tenant_id: str) -> Tenant:
    """Return a tenant this API key is for.

    Raises:
        ApiError: ``not_found``.
    """
    caller.check(tenant_id)
    return await control.tenant(tenant_id)


async def own_job(control: Control, caller: Caller, job_id: str) -> dict[str, Any]:
    """Return a job this API key is for.

    Raises:
        ApiError: ``not_found``.
    """
    job = await control.job(job_id)
    caller.check(job["tenant_id"])
    return job


async def own_run(runs: RunOperations, caller: Caller, run_id: str) -> dict[str, Any]:
    """Return a run this API key is for.

    Raises:
        ApiError: ``not_found``.
    """
    run = await runs.run(run_id)
    caller.check(run["tenant_id"])
    return run
