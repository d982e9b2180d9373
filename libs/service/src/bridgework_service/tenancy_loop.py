"""One set of work per tenant: begun for newcomers, ended for leavers, restarted on a change.

One tenant's trouble stays its own: a transient error restarts its work after a growing pause, a
terminal or configuration error sets it aside for a minute with an error in the log. Anything else
is a bug and stops the process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from bridgework_contracts.errors import ConfigurationError, TerminalError, TransientError
from bridgework_contracts.ids import TenantId

from bridgework_service.logging import bind_ids
from bridgework_service.settings import TenantsFilter
from bridgework_service.tenants import Tenant

log = structlog.get_logger(__name__)

StartTenant = Callable[[Tenant, asyncio.Event], Awaitable[None]]
"""A tenant's whole work: runs until the event is set, then ends in order. Build the tenant's
consumers inside; they are closed when this returns."""

_LONGEST_PAUSE_S = 30.0


class Directory(Protocol):
    """What the loop needs of :class:`bridgework_service.tenants.TenantDirectory`."""

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Return one tenant as it is now."""

    def watch_versions(self, stop: asyncio.Event) -> AsyncIterator[dict[TenantId, int]]:
        """Yield active tenants with the version of their configuration, at each change."""


@dataclass(slots=True)
class _Running:
    version: int
    stop: asyncio.Event
    task: asyncio.Task[None]


class PerTenant:
    """Runs ``start`` for every tenant this process serves.

    Args:
        directory: Where tenants come and go.
        tenants: Which of them are ours.
        start: A tenant's work.
        retry_pause_s: First pause after a transient error; doubles up to 30 s.
        set_aside_s: How long a tenant rests after a terminal or configuration error.
    """

    def __init__(
        self,
        directory: Directory,
        tenants: TenantsFilter,
        start: StartTenant,
        *,
        retry_pause_s: float = 0.5,
        set_aside_s: float = 60.0,
    ) -> None:
        self._directory = directory
        self._tenants = tenants
        self._start = start
        self._retry_pause_s = retry_pause_s
        self._set_aside_s = set_aside_s
        self._running: dict[TenantId, _Running] = {}

    @property
    def served(self) -> frozenset[TenantId]:
        """The tenants that have work running now."""
        return frozenset(self._running)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the directory until ``stop`` is set and every tenant's work has ended.

        Raises:
            ExceptionGroup: a tenant's work failed with something that is neither transient,
                terminal nor a matter of configuration.
        """
        async with asyncio.TaskGroup() as group:
            async for versions in self._directory.watch_versions(stop):
                ours = {
                    tenant_id: version
                    for tenant_id, version in versions.items()
                    if self._tenants == "*" or tenant_id in self._tenants
                }
                await self._end(
                    tenant_id
                    for tenant_id, running in self._running.items()
                    if ours.get(tenant_id) != running.version
                )
                for tenant_id, version in ours.items():
                    if tenant_id not in self._running and not stop.is_set():
                        tenant_stop = asyncio.Event()
                        task = group.create_task(
                            self._keep_working(tenant_id, tenant_stop), name=f"tenant {tenant_id}"
                        )
                        self._running[tenant_id] = _Running(version, tenant_stop, task)
            await self._end(self._running)

    async def _end(self, tenant_ids: Iterable[TenantId]) -> None:
        ending = [(tenant_id, self._running[tenant_id]) for tenant_id in tenant_ids]
        for _, running in ending:
            running.stop.set()
        if ending:
            await asyncio.wait([running.task for _, running in ending])
        for tenant_id, _ in ending:
            del self._running[tenant_id]

    async def _keep_working(self, tenant_id: TenantId, stop: asyncio.Event) -> None:
        failures = 0
        with bind_ids(tenant_id=tenant_id):
            while not stop.is_set():
                began = asyncio.get_running_loop().time()
                try:
                    tenant = await self._directory.get(tenant_id)
                    log.info("tenant_started", version=tenant.config_version)
                    await self._start(tenant, stop)
                except TransientError as exc:
                    lasted_s = asyncio.get_running_loop().time() - began
                    failures = 1 if lasted_s > _LONGEST_PAUSE_S else failures + 1
                    pause_s = min(_LONGEST_PAUSE_S, self._retry_pause_s * 2 ** min(failures, 10))
                    pause_s = max(pause_s * random.uniform(0.5, 1), exc.retry_after_s or 0)  # noqa: S311  # jitter
                    log.warning("tenant_work_interrupted", code=exc.code, pause_s=round(pause_s, 1))
                except (TerminalError, ConfigurationError) as exc:
                    pause_s = self._set_aside_s
                    log.error("tenant_set_aside", pause_s=pause_s, exc_info=exc)  # noqa: TRY400  # ours formats it
                else:
                    if not stop.is_set():
                        raise WorkEnded(tenant_id)
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await stop.wait()
        log.info("tenant_stopped", tenant_id=tenant_id)


class WorkEnded(RuntimeError):
    """A tenant's work returned although nobody told it to: a bug in that work."""

    def __init__(self, tenant_id: TenantId) -> None:
        super().__init__(f"the work of tenant {tenant_id} ended before it was told to")
