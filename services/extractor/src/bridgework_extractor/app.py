"""Composition root of the extractor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_contracts.topics import Subject
from bridgework_dental_exec.databases.connections import Connections
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.tenants import Tenant
from bridgework_store.statements import Statements

from bridgework_extractor.handlers import CommandsHandler
from bridgework_extractor.settings import Settings
from bridgework_extractor.worker import Worker

SCHEMA = "extractor"


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open the extractor: per tenant its commands and its queued work.

    Raises:
        ConfigurationError: the driver of a connection to a restored database is not installed.
    """
    connections = Connections(settings.databases)
    connections.check()
    async with open_chassis(settings, schema=SCHEMA, package="bridgework_extractor") as chassis:
        statements = Statements.load("bridgework_extractor", "sql/work.sql", schema=SCHEMA)
        producer = chassis.sealed_log.producer()

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            wake = asyncio.Event()
            commands = CommandsHandler(
                tenant=tenant,
                pool=chassis.pool,
                statements=statements,
                registry=chassis.registry,
                wake=wake,
            )
            worker = Worker(
                tenant=tenant,
                pool=chassis.pool,
                statements=statements,
                producer=producer,
                outbox=chassis.outbox,
                settings=settings,
                connections=connections.for_tenant(tenant.tenant_id),
                wake=wake,
            )
            loops = TenantLoops(chassis, tenant, service="extractor")
            await loops.run(stop, {Subject.COMMANDS: commands.handle}, also=[worker.run])

        yield chassis.app(settings, serve_tenant)
