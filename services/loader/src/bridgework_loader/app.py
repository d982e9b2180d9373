"""Composition root of the loader."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bridgework_contracts.topics import Subject
from bridgework_eventlog.policies import IN_ORDER
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.gates import GATES_PART, GateCommands, Gates
from bridgework_service.releasing import Releaser
from bridgework_service.standstill import Standstill
from bridgework_service.tenants import Tenant
from bridgework_service.zoho_calls import ZohoCalls
from bridgework_zoho_org.opening import open_zoho
from bridgework_zoho_org.schema import migrate_zoho_org

from bridgework_loader.adapters.announcing import Announcer
from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.destination import ZohoDestination
from bridgework_loader.adapters.ledger import WriteLedger
from bridgework_loader.creating import Creator
from bridgework_loader.domain.deciding import SERVICE
from bridgework_loader.engine import LoadEngine
from bridgework_loader.handlers import ParkedWrites, WritesHandler
from bridgework_loader.metrics import LoaderMetrics
from bridgework_loader.pacing import OnStep, no_step
from bridgework_loader.settings import Settings
from bridgework_loader.strangers import StrangerWatch
from bridgework_loader.undoing import Undoer
from bridgework_loader.updating import Updater
from bridgework_loader.writing import WAITING, Writing

SCHEMA = "loader"


@asynccontextmanager
async def open_app(settings: Settings, *, on_step: OnStep = no_step) -> AsyncIterator[App]:
    """Open the loader: per tenant its commands, its writes and its parked writes.

    Args:
        settings: This service's settings.
        on_step: Told after each effect; crash tests end the process there.
    """
    async with open_chassis(
        settings, schema=SCHEMA, package="bridgework_loader", parts=[GATES_PART]
    ) as chassis:
        await migrate_zoho_org(chassis.pool)
        # Outcomes are sealed before they become decisions, so this writer does not seal again.
        outbox = chassis.outbox.sealed_writer
        policy = replace(IN_ORDER.sized(settings.batch_size), linger_s=settings.linger_s)
        pacing, metrics, calls = settings.pacing, LoaderMetrics(), ZohoCalls(SERVICE)

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            if tenant.zoho is None:
                await stop.wait()
                return
            crosswalk = Crosswalk(chassis.pool, tenant.tenant_id, tenant.sealer, schema=SCHEMA)
            announcer = Announcer(outbox, tenant.tenant_id, tenant.sealer)
            ledger = WriteLedger(
                chassis.pool,
                tenant.tenant_id,
                tenant.sealer,
                outbox=outbox,
                announcer=announcer,
                crosswalk=crosswalk,
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
                destination = ZohoDestination(client, metadata_ttl_s=pacing.metadata_ttl_s)
                updater = Updater(
                    destination=destination, ledger=ledger, pacing=pacing, on_step=on_step
                )
                engine = LoadEngine(
                    destination=destination,
                    crosswalk=crosswalk,
                    ledger=ledger,
                    creator=Creator(
                        destination=destination,
                        ledger=ledger,
                        updater=updater,
                        strangers=StrangerWatch(
                            destination=destination, crosswalk=crosswalk, ledger=ledger
                        ),
                        pacing=pacing,
                        on_step=on_step,
                    ),
                    updater=updater,
                    undoer=Undoer(
                        destination=destination,
                        ledger=ledger,
                        crosswalk=crosswalk,
                        pacing=pacing,
                        on_step=on_step,
                    ),
                    pacing=pacing,
                    metrics=metrics,
                )
                standstill = Standstill(
                    service=SERVICE,
                    tenant_id=tenant.tenant_id,
                    gates=gates,
                    outbox=chassis.outbox,
                    sentences=WAITING,
                )
                writing = Writing(engine=engine, standstill=standstill)
                commands = GateCommands(
                    tenant_id=tenant.tenant_id,
                    gates=gates,
                    registry=chassis.registry,
                    forget_parked=ledger.forget_parked,
                    release=lambda: loops.release(Subject.WRITES),
                )
                writes = WritesHandler(gates=gates, writing=writing, ledger=ledger)
                parked = ParkedWrites(
                    tenant=tenant,
                    ledger=ledger,
                    gates=gates,
                    writing=writing,
                    claim_s=pacing.release_claim_s,
                    metrics=metrics,
                )
                releaser = Releaser(parked, interval_s=pacing.release_interval_s)
                await loops.run(
                    stop,
                    {Subject.COMMANDS: commands.handle, Subject.WRITES: writes.handle},
                    policies={Subject.WRITES: policy},
                    also=[releaser.run],
                )

        yield chassis.app(settings, serve_tenant)
