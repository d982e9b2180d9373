"""Composition root of the rehoster."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.policies import SPREAD
from bridgework_rehoster.adapters.ledger import FileLedger
from bridgework_rehoster.handlers import CommandsHandler, FilesHandler, OutcomesHandler
from bridgework_rehoster.rehosting import Rehoster
from bridgework_rehoster.settings import Settings
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.lifecycle import ServiceTask
from bridgework_service.tenancy_loop import PerTenant
from bridgework_service.tenants import Tenant
from bridgework_store.statements import Statements
from bridgework_zoho_org.opening import open_zoho
from bridgework_zoho_org.schema import migrate_zoho_org

SCHEMA = "rehoster"


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open the rehoster: per tenant its commands, its outcomes (for parents) and its files."""
    async with open_chassis(settings, schema=SCHEMA, package="bridgework_rehoster") as chassis:
        await migrate_zoho_org(chassis.pool)
        sql = Statements.load("bridgework_rehoster", "sql/files.sql", schema=SCHEMA)

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            if tenant.zoho is None:
                await stop.wait()
                return
            ledger = FileLedger(chassis.pool, tenant, chassis.outbox, sql)
            loops = TenantLoops(chassis, tenant, service="rehoster")
            outcomes_topic = topic_name(tenant.tenant_id, Subject.OUTCOMES)

            async def outcomes_lag() -> int:
                group = f"rehoster.{tenant.tenant_id}.{Subject.OUTCOMES}"
                return sum((await chassis.log.lag(group, [outcomes_topic])).values())

            async with open_zoho(
                chassis.pool,
                tenant.zoho,
                tenant.sealer,
                settings=settings.zoho,
                keep_for_others=settings.keep_for_others,
            ) as client:
                files = FilesHandler(
                    pool=chassis.pool,
                    sql=sql,
                    registry=chassis.registry,
                    ledger=ledger,
                    rehoster=Rehoster(client, ledger, verify=settings.verify),
                    outcomes_lag=outcomes_lag,
                    in_flight=settings.files_in_flight,
                )
                commands = CommandsHandler(
                    chassis.pool, sql, chassis.registry, lambda: loops.release(Subject.FILES)
                )
                outcomes = OutcomesHandler(ledger, chassis.registry)
                await loops.run(
                    stop,
                    {
                        Subject.COMMANDS: commands.handle,
                        Subject.OUTCOMES: outcomes.handle,
                        Subject.FILES: files.handle,
                    },
                    policies={Subject.FILES: SPREAD},
                )

        per_tenant = PerTenant(chassis.directory, settings.tenants, serve_tenant)

        def background() -> Sequence[ServiceTask]:
            return [ServiceTask("tenants", per_tenant.run), chassis.outbox.task()]

        yield App(name=settings.service_name, checks=chassis.checks, background=background)
