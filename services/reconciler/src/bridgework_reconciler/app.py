"""Composition root of the reconciler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_contracts.topics import Subject
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.tenants import Tenant
from bridgework_zoho_org.opening import open_zoho
from bridgework_zoho_org.schema import migrate_zoho_org

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.adapters.zoho_reader import ZohoReader
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.counting_watch import CountingWatch
from bridgework_reconciler.handlers import CommandsHandler, OutcomesHandler, RecordsHandler
from bridgework_reconciler.http import build_http
from bridgework_reconciler.settings import Settings
from bridgework_reconciler.worker import Worker

SCHEMA = "reconciler"


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open the reconciler: per tenant its topics, its counts and its queued work."""
    async with open_chassis(settings, schema=SCHEMA, package="bridgework_reconciler") as chassis:
        await migrate_zoho_org(chassis.pool)
        journal, truth = Journal(chassis.pool, SCHEMA), Truth(chassis.pool, SCHEMA)
        producer = chassis.sealed_log.producer()

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            if tenant.zoho is None:
                await stop.wait()
                return
            context = TenantContext(tenant, chassis.registry)
            watch = CountingWatch(context, journal, chassis.outbox)
            records = RecordsHandler(context, journal, truth, watch)
            outcomes = OutcomesHandler(context, journal, truth, watch)
            commands = CommandsHandler(context, truth, watch)
            loops = TenantLoops(
                chassis, tenant, service="reconciler", batch_size=settings.batch_size
            )
            async with open_zoho(
                chassis.pool, tenant.zoho, tenant.sealer, settings=settings.zoho
            ) as client:
                worker = Worker(
                    context,
                    journal=journal,
                    truth=truth,
                    reader=ZohoReader(client),
                    producer=producer,
                    outbox=chassis.outbox,
                    watch=watch,
                )
                await loops.run(
                    stop,
                    {
                        Subject.COMMANDS: commands.handle,
                        Subject.RECORDS: records.handle,
                        Subject.FILES: records.handle,
                        Subject.OUTCOMES: outcomes.handle,
                    },
                    also=[watch.run, worker.run],
                )

        yield chassis.app(settings, serve_tenant, http=build_http(journal))
