"""Routes of tenants and API keys."""

import secrets
from typing import Any

from bridgework_service.tenants import Tenant
from fastapi.responses import JSONResponse

from bridgework_control.http.auth import CallerDep, ControlDep
from bridgework_control.http.idempotency import OnceDep
from bridgework_control.http.models import ApiKeyCreate, ApiKeyRead, TenantCreate, TenantRead
from bridgework_control.http.routing import Identity, located, new_router, own_tenant
from bridgework_control.operations import key_hash

router = new_router("tenants")


def _tenant(tenant: Tenant) -> TenantRead:
    return TenantRead(
        tenant_id=tenant.tenant_id,
        display_name=tenant.display_name,
        time_zone=tenant.time_zone,
        partitions=tenant.partitions,
        status=tenant.status,
    )


@router.post("/tenants", **located(201, TenantRead))
async def create_tenant(
    body: TenantCreate, caller: CallerDep, control: ControlDep, once: OnceDep
) -> JSONResponse:
    """Register a practice and its Zoho org; creates its key and its topics."""
    caller.check_everywhere()

    async def act() -> tuple[int, dict[str, Any], str]:
        tenant = await control.create_tenant(body)
        return 201, _tenant(tenant).model_dump(), f"/v1/tenants/{tenant.tenant_id}"

    return await once("create_tenant", body, act)


@router.get("/tenants")
async def list_tenants(caller: CallerDep, control: ControlDep) -> list[TenantRead]:
    """Return the tenants this API key is for."""
    return [
        _tenant(tenant)
        for tenant in await control.directory.list()
        if caller.tenant_id in {None, tenant.tenant_id}
    ]


@router.get("/tenants/{tenant_id}")
async def get_tenant(tenant_id: Identity, caller: CallerDep, control: ControlDep) -> TenantRead:
    """Return one tenant."""
    return _tenant(await own_tenant(control, caller, tenant_id))


@router.post("/api-keys", status_code=201)
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
