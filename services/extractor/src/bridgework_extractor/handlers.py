"""``commands``: audits and extractions are queued; runs are remembered."""

import asyncio

from bridgework_contracts.codec import encode
from bridgework_contracts.commands import AuditExport, CancelRun, StartRun
from bridgework_contracts.runs import RunKind
from bridgework_eventlog.loop import Batch
from bridgework_service.runs import RunRegistry
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements

AUDIT = "audit"
EXTRACT = "extract"


def work_aad(kind: str, subject_id: str) -> bytes:
    """Return what a queued command is bound to."""
    return f"extractor.work:{kind}:{subject_id}".encode()


class CommandsHandler:
    """One tenant's commands."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        pool: Pool,
        statements: Statements,
        registry: RunRegistry,
        wake: asyncio.Event,
    ) -> None:
        self._tenant = tenant
        self._pool = pool
        self._sql = statements
        self._registry = registry
        self._wake = wake

    async def handle(self, batch: Batch) -> None:
        """Queue what the extractor is asked for, once; drop what is not wanted any more."""
        for delivery in batch:
            message = delivery.message
            if isinstance(message, AuditExport):
                await self._ask(AUDIT, message.audit_id, message)
            elif isinstance(message, StartRun):
                await self._registry.put(message.spec)
                if message.spec.kind is not RunKind.UNDO:
                    await self._ask(EXTRACT, message.spec.run_id, message)
            elif isinstance(message, CancelRun):
                await self._pool.execute(self._sql.drop_extraction, message.run_id)
        self._wake.set()

    async def _ask(self, kind: str, subject_id: str, command: AuditExport | StartRun) -> None:
        sealed = self._tenant.sealer.seal(encode(command), work_aad(kind, subject_id))
        await self._pool.execute(self._sql.ask, self._tenant.tenant_id, kind, subject_id, sealed)
