"""Composition root of control."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from bridgework_contracts.topics import Subject
from bridgework_service.chassis import App, open_chassis
from bridgework_service.consuming import TenantLoops
from bridgework_service.tenants import Tenant
from bridgework_store.statements import Statements
from bridgework_zoho_org.opening import open_zoho
from bridgework_zoho_org.schema import migrate_zoho_org

from bridgework_control.adapters.reconciler import ReconcilerClient
from bridgework_control.dead_letters import DeadLetters
from bridgework_control.handlers import DeadLetterHandler, ProgressHandler
from bridgework_control.http.api import build_api
from bridgework_control.operations import SCHEMA, Control
from bridgework_control.quarantine import Quarantine
from bridgework_control.settings import Settings
from bridgework_control.steps import StepWorker


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Open control: the job API, and per tenant its progress, dead letters and steps."""
    async with (
        open_chassis(settings, schema=SCHEMA, package="bridgework_control") as chassis,
        httpx.AsyncClient(timeout=settings.request_timeout_s) as http,
    ):
        await migrate_zoho_org(chassis.pool)
        runs = Statements.load("bridgework_control", "sql/runs.sql", schema=SCHEMA)
        jobs = Statements.load("bridgework_control", "sql/jobs.sql", schema=SCHEMA)
        quarantine = Quarantine(
            pool=chassis.pool,
            statements=Statements.load("bridgework_control", "sql/quarantine.sql", schema=SCHEMA),
        )
        letters = DeadLetters(pool=chassis.pool, outbox=chassis.outbox, statements=runs)
        control = Control(
            pool=chassis.pool,
            directory=chassis.directory,
            log=chassis.log,
            outbox=chassis.outbox,
            settings=settings,
            reconciler=ReconcilerClient(settings.reconciler_url, http),
            dead_letters=letters,
            quarantine=quarantine,
        )

        async def serve_tenant(tenant: Tenant, stop: asyncio.Event) -> None:
            if tenant.zoho is None:
                await stop.wait()
                return
            loops = TenantLoops(chassis, tenant, service="control")
            progress = ProgressHandler(
                tenant=tenant, outbox=chassis.outbox, jobs=jobs, runs=runs, quarantine=quarantine
            )
            dead = DeadLetterHandler(tenant=tenant, outbox=chassis.outbox, letters=letters)
            async with open_zoho(
                chassis.pool, tenant.zoho, tenant.sealer, settings=settings.zoho
            ) as client:
                steps = StepWorker(tenant=tenant, pool=chassis.pool, jobs=jobs, client=client)
                await loops.run(
                    stop,
                    {Subject.PROGRESS: progress.handle, Subject.DEAD_LETTERS: dead.handle},
                    also=[steps.run],
                )

        http_app = build_api(control, settings.bootstrap_api_key.get_secret_value())
        yield chassis.app(settings, serve_tenant, http=http_app)
