"""Composition root of the transformer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_contracts.topics import Subject
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.tenants import Tenant

from bridgework_transformer.handlers import CommandsHandler, RecordsHandler
from bridgework_transformer.settings import Settings


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open the transformer: per tenant, ``commands`` and ``records``."""
    async with open_chassis(
        settings, schema="transformer", package="bridgework_transformer"
    ) as chassis:
        producer = chassis.sealed_log.producer()

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            records = RecordsHandler(tenant, chassis.registry, producer)
            commands = CommandsHandler(chassis.registry)
            loops = TenantLoops(
                chassis, tenant, service="transformer", batch_size=settings.batch_size
            )
            await loops.run(
                stop, {Subject.COMMANDS: commands.handle, Subject.RECORDS: records.handle}
            )

        yield chassis.app(settings, serve_tenant)
