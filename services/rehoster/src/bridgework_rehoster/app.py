"""Composition root of the rehoster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.policies import SPREAD
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.gates import GATES_PART, GateCommands, Gates
from bridgework_service.releasing import Releaser
from bridgework_service.standstill import Standstill
from bridgework_service.tenants import Tenant
from bridgework_service.zoho_calls import ZohoCalls
from bridgework_zoho_org.opening import open_zoho
from bridgework_zoho_org.schema import migrate_zoho_org

from bridgework_rehoster.adapters.content import Contents
from bridgework_rehoster.adapters.ledger import FileLedger
from bridgework_rehoster.attachments import Attachments
from bridgework_rehoster.domain.deciding import SERVICE
from bridgework_rehoster.handlers import FilesHandler, OutcomesHandler, ParkedFiles
from bridgework_rehoster.metrics import RehosterMetrics
from bridgework_rehoster.moving import WAITING, Moving
from bridgework_rehoster.outcomes_read import OutcomesRead
from bridgework_rehoster.pacing import OnStep, no_step
from bridgework_rehoster.rehosting import Rehoster
from bridgework_rehoster.settings import Settings

SCHEMA = "rehoster"


@asynccontextmanager
async def open_app(settings: Settings, *, on_step: OnStep = no_step) -> AsyncIterator[App]:
    """Open the rehoster: per tenant its commands, its outcomes (for parents) and its files.

    Args:
        settings: This service's settings.
        on_step: Told after each effect; crash tests end the process there.
    """
    async with open_chassis(
        settings, schema=SCHEMA, package="bridgework_rehoster", parts=[GATES_PART]
    ) as chassis:
        await migrate_zoho_org(chassis.pool)
        pacing, metrics, calls = settings.pacing, RehosterMetrics(), ZohoCalls(SERVICE)

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            if tenant.zoho is None:
                await stop.wait()
                return
            tenant_id = tenant.tenant_id
            ledger = FileLedger(
                chassis.pool,
                tenant,
                chassis.outbox,
                schema=SCHEMA,
                on_decided=metrics.decided,
            )
            gates = Gates(chassis.pool, chassis.registry, schema=SCHEMA)
            loops = TenantLoops(chassis, tenant, service=SERVICE)
            async with open_zoho(
                chassis.pool,
                tenant.zoho,
                tenant.sealer,
                settings=settings.zoho,
                keep_for_others=settings.keep_for_others,
                on_call=calls.called,
            ) as client:
                rehoster = Rehoster(
                    client=client,
                    attachments=Attachments(client, verify=settings.verify),
                    contents=Contents(tenant.sealer),
                    ledger=ledger,
                    pacing=pacing,
                    upload_empty=settings.empty_files == "upload",
                    on_step=on_step,
                )
                standstill = Standstill(
                    service=SERVICE,
                    tenant_id=tenant_id,
                    gates=gates,
                    outbox=chassis.outbox,
                    sentences=WAITING,
                )
                moving = Moving(
                    rehoster=rehoster,
                    ledger=ledger,
                    standstill=standstill,
                    pacing=pacing,
                    metrics=metrics,
                    on_step=on_step,
                )
                seen = OutcomesRead(
                    chassis.log,
                    group=f"{SERVICE}.{tenant_id}.{Subject.OUTCOMES}",
                    topic=topic_name(tenant_id, Subject.OUTCOMES),
                )
                commands = GateCommands(
                    tenant_id=tenant_id,
                    gates=gates,
                    registry=chassis.registry,
                    forget_parked=ledger.forget_parked,
                    release=lambda: loops.release(Subject.FILES),
                )
                files = FilesHandler(
                    gates=gates, ledger=ledger, moving=moving, outcomes_seen=seen.complete
                )
                parked = ParkedFiles(ledger=ledger, moving=moving, claim_s=pacing.release_claim_s)
                releaser = Releaser(parked, interval_s=pacing.release_interval_s)
                await loops.run(
                    stop,
                    {
                        Subject.COMMANDS: commands.handle,
                        Subject.OUTCOMES: OutcomesHandler(ledger, chassis.registry).handle,
                        Subject.FILES: files.handle,
                    },
                    policies={Subject.FILES: SPREAD},
                    also=[releaser.run],
                )

        yield chassis.app(settings, serve_tenant)
