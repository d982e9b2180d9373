"""Long steps asked for through the API, done one after another per tenant."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from bridgework_contracts.errors import BridgeworkError, ConfigurationError, TerminalError
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.owners import resolve_owners
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements
from bridgework_zoho.client import ZohoClient

from bridgework_control.adapters.org_schema import apply_plan
from bridgework_control.domain.gates import Evidence
from bridgework_control.domain.jobs import JobState
from bridgework_control.findings import open_findings

log = structlog.get_logger(__name__)

_POLL_S = 0.3


class StepWorker:
    """One tenant's queued steps."""

    def __init__(self, *, tenant: Tenant, pool: Pool, jobs: Statements, client: ZohoClient) -> None:
        self._tenant = tenant
        self._pool = pool
        self._jobs = jobs
        self._client = client

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; a crash in the middle does the same step again from its start."""
        while not stop.is_set():
            row = await self._pool.fetchrow(self._jobs.next_step, self._tenant.tenant_id)
            if row is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await stop.wait()
                continue
            await self._apply_schema(row["job_id"])
            await self._pool.execute(self._jobs.step_done, row["step_id"])

    async def _apply_schema(self, job_id: str) -> None:
        job = await self._pool.fetchrow(self._jobs.job, job_id)
        if job is None:
            return
        try:
            await self._schema_and_owners(dict(job))
        except (TerminalError, ConfigurationError) as exc:
            log.error("schema_not_applied", job_id=job_id, code=exc.code)  # noqa: TRY400  # ours, no trace
            await self._pool.execute(self._jobs.set_state, job_id, JobState.FAILED, _as_error(exc))

    async def _schema_and_owners(self, job: dict[str, Any]) -> None:
        job_id = job["job_id"]
        plan = MappingDocument.parse(job["mapping"]).schema_plan()
        metadata = await apply_plan(self._client, plan)
        drift = plan.compare(metadata)
        users: list[dict[str, Any]] = [user.raw async for user in self._client.users.list()]
        me = [user async for user in self._client.users.list("CurrentUser")]
        fallback = _user_id(users, job["source"]["fallback_email"])
        blob = await self._pool.fetchval(self._jobs.findings, job_id, "providers")
        providers = open_findings(self._tenant, job_id, blob)
        owners = resolve_owners(providers, users, fallback)
        facts = plan.describe()
        del facts["modules"]
        await self._pool.execute(
            self._jobs.set_schema,
            job_id,
            {
                **facts,
                "applied": True,
                "drift": drift.lines(),
                "evidence_hash": Evidence(facts, ()).hash,
            },
            drift.live_names,
            [owner.model_dump() for owner in owners],
            fallback,
            me[0].id if me else None,
            JobState.SCHEMA_APPLIED,
        )
        log.info("schema_applied", job_id=job_id, drift=len(drift.lines()), owners=len(owners))


def _user_id(users: list[dict[str, Any]], email: str) -> str:
    wanted = email.strip().casefold()
    for user in users:
        if str(user.get("email", "")).strip().casefold() == wanted:
            return str(user["id"])
    raise ConfigurationError(
        "No Zoho user has the fallback e-mail address; create the user or name another.",
        code="fallback_user_missing",
    )


def _as_error(exc: BridgeworkError) -> dict[str, Any]:
    return {"code": exc.code, "sentence": str(exc)}
