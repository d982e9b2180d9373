"""One set of work per tenant: begun for newcomers, ended for leavers, restarted on a change.

One tenant's trouble stays its own: a transient error restarts its work after a growing pause, a
terminal or configuration error sets it aside for a minute with an error in the log. Anything else
is a bug and stops the process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from bridgework_contracts.errors import ConfigurationError, TerminalError, TransientError
from bridgework_contracts.ids import TenantId

from bridgework_service.failures import leaves
from bridgework_service.logging import bind_ids
from bridgework_service.settings import TenantsFilter
from bridgework_service.tenants import Tenant

log = structlog.get_logger(__name__)

StartTenant = Callable[[Tenant, asyncio.Event], Awaitable[None]]
"""A tenant's whole work: runs until the event is set, then ends in order. Build the tenant's
consumers inside; they are closed when this returns."""

_LONGEST_PAUSE_S = 30.0
_OWN_TROUBLE = (TransientError, TerminalError, ConfigurationError)


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
        self._ending: dict[TenantId, asyncio.Task[None]] = {}

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
                for tenant_id, running in list(self._running.items()):
                    if ours.get(tenant_id) != running.version:
                        self._end(tenant_id)
                for tenant_id, version in ours.items():
                    if tenant_id not in self._running and not stop.is_set():
                        self._begin(group, tenant_id, version)
            for tenant_id in list(self._running):
                self._end(tenant_id)

    def _begin(self, group: asyncio.TaskGroup, tenant_id: TenantId, version: int) -> None:
        stop = asyncio.Event()
        before = self._ending.get(tenant_id)
        task = group.create_task(
            self._keep_working(tenant_id, stop, before), name=f"tenant {tenant_id}"
        )
        self._running[tenant_id] = _Running(version, stop, task)

    def _end(self, tenant_id: TenantId) -> None:
        running = self._running.pop(tenant_id)
        running.stop.set()
        self._ending[tenant_id] = running.task

        def forget(task: asyncio.Task[None]) -> None:
            if self._ending.get(tenant_id) is task:
                del self._ending[tenant_id]

        running.task.add_done_callback(forget)

    async def _keep_working(
        self, tenant_id: TenantId, stop: asyncio.Event, before: asyncio.Task[None] | None
    ) -> None:
        failures = 0
        with bind_ids(tenant_id=tenant_id):
            if before is not None:
                # Never two works of one tenant at a time; others need not wait for this one.
                await asyncio.wait([before])
            while not stop.is_set():
                began = asyncio.get_running_loop().time()
                try:
                    tenant = await self._directory.get(tenant_id)
                    log.info("tenant_started", version=tenant.config_version)
                    await self._start(tenant, stop)
                except Exception as exc:
                    causes = leaves(exc)
                    if all(isinstance(cause, TransientError) for cause in causes):
                        lasted_s = asyncio.get_running_loop().time() - began
                        failures = 1 if lasted_s > _LONGEST_PAUSE_S else failures + 1
                        pause_s = self._pause_s(failures, causes)
                        codes = [
                            cause.code for cause in causes if isinstance(cause, TransientError)
                        ]
                        log.warning("tenant_interrupted", codes=codes, pause_s=round(pause_s, 1))
                    elif all(isinstance(cause, _OWN_TROUBLE) for cause in causes):
                        pause_s = self._set_aside_s
                        log.error("tenant_set_aside", pause_s=pause_s, exc_info=exc)  # noqa: TRY400  # ours formats it
                    else:
                        raise
                else:
                    if not stop.is_set():
                        raise WorkEnded(tenant_id)
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await stop.wait()
            log.info("tenant_stopped")

    def _pause_s(self, failures: int, causes: Sequence[BaseException]) -> float:
        asked_s = max(
            (cause.retry_after_s or 0.0 for cause in causes if isinstance(cause, TransientError)),
            default=0.0,
        )
        pause_s: float = min(_LONGEST_PAUSE_S, self._retry_pause_s * 2 ** min(failures, 10))
        return max(pause_s * random.uniform(0.5, 1.0), asked_s)  # noqa: S311  # jitter, not a secret


class WorkEnded(RuntimeError):
    """A tenant's work returned although nobody told it to: a bug in that work."""

    def __init__(self, tenant_id: TenantId) -> None:
        super().__init__(f"the work of tenant {tenant_id} ended before it was told to")
