"""What every service opens before it does anything of its own, in one order.

::

    async with open_chassis(settings, schema="loader", package="bridgework_loader") as chassis:
        ...

PostgreSQL pool → schemas brought up to date → tenants → event log → outbox and runs. Closed in
reverse.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import EventLog
from bridgework_eventlog.sealed import SealedLog
from bridgework_store.migrations import SchemaPart, migrate
from bridgework_store.outbox import OUTBOX_PART
from bridgework_store.pool import Pool, open_pool
from starlette.types import ASGIApp

from bridgework_service.health import Check, event_log_check, store_check
from bridgework_service.lifecycle import ServiceTask
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.runs import RUNS_PART, RunRegistry
from bridgework_service.settings import ServiceSettings
from bridgework_service.tenancy_loop import PerTenant, StartTenant
from bridgework_service.tenants import TenantDirectory, migrate_tenancy


@dataclass(frozen=True, slots=True)
class Chassis:
    """The opened parts.

    Attributes:
        log: The log itself; only the outbox and topic administration need it.
        sealed_log: What consumers and producers use: seals and opens with the tenant's key.
        instance_id: This process's name in every consumer group, where it has a stable one.
    """

    pool: Pool
    log: EventLog
    sealed_log: SealedLog
    directory: TenantDirectory
    outbox: ServiceOutbox
    registry: RunRegistry
    instance_id: str | None = None

    @property
    def checks(self) -> Mapping[str, Check]:
        """What ``/readyz`` asks of every service."""
        return {"store": store_check(self.pool), "event_log": event_log_check(self.log)}

    def app(
        self, settings: ServiceSettings, serve_tenant: StartTenant, *, http: ASGIApp | None = None
    ) -> "App":
        """Return the app of a service that serves its tenants and relays its outbox."""
        per_tenant = PerTenant(self.directory, settings.tenants, serve_tenant)
        return App(
            name=settings.service_name,
            checks=self.checks,
            background=lambda: [ServiceTask("tenants", per_tenant.run), self.outbox.task()],
            http=http,
        )


@asynccontextmanager
async def open_chassis(
    settings: ServiceSettings, *, schema: str, package: str, parts: Sequence[SchemaPart] = ()
) -> AsyncIterator[Chassis]:
    """Open everything a service stands on.

    Args:
        settings: The service's.
        schema: Its PostgreSQL schema.
        package: Import name that ships ``migrations/``.
        parts: Shared tables it needs besides outbox and runs.

    Raises:
        StoreUnavailable: PostgreSQL or the event log does not answer.
        ConfigurationError: a setting or migration is wrong.
    """
    async with open_pool(settings.store) as pool:
        await migrate_tenancy(pool)
        await migrate(
            pool,
            schema=schema,
            path=files(package).joinpath("migrations"),
            parts=(OUTBOX_PART, RUNS_PART, *parts),
        )
        directory = TenantDirectory(pool, settings.open_master_key())
        async with open_event_log(settings.event_log) as log:
            yield Chassis(
                pool=pool,
                log=log,
                sealed_log=SealedLog(log, directory.sealer_for),
                directory=directory,
                outbox=ServiceOutbox(pool, schema, log, directory.sealer_for),
                registry=RunRegistry(pool, schema, directory.sealer),
                instance_id=settings.instance_id,
            )


@dataclass(frozen=True, slots=True)
class App:
    """The plain :class:`~bridgework_service.lifecycle.ServiceApp` most services yield."""

    name: str
    checks: Mapping[str, Check]
    background: Callable[[], Sequence[ServiceTask]]
    http: ASGIApp | None = None

    def tasks(self) -> Sequence[ServiceTask]:
        """Return what runs in the background."""
        return self.background()
