"""Work per tenant: begun, ended, restarted, and kept apart."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from bridgework_contracts.errors import ConfigurationError, StoreUnavailable
from bridgework_contracts.ids import TenantId
from bridgework_service.settings import TenantsFilter
from bridgework_service.tenancy_loop import PerTenant, WorkEnded
from bridgework_service.tenants import Tenant, TenantStatus
from bridgework_store.sealing import TenantKey, TenantSealer

A, B = TenantId("a"), TenantId("b")


class Directory:
    """A directory whose changes the test makes."""

    def __init__(self, **versions: int) -> None:
        self.versions = {TenantId(name): version for name, version in versions.items()}
        self._changed = asyncio.Event()

    def change(self, **versions: int) -> None:
        """Replace what is active."""
        self.versions = {TenantId(name): version for name, version in versions.items()}
        self._changed.set()

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Return a tenant with the present version."""
        now = datetime.now(UTC)
        return Tenant(
            tenant_id=tenant_id,
            display_name="x",
            time_zone="UTC",
            partitions=1,
            settings={},
            status=TenantStatus.ACTIVE,
            config_version=self.versions[tenant_id],
            created_at=now,
            updated_at=now,
            sealer=TenantSealer(TenantKey(b"k" * 32)),
            zoho=None,
        )

    async def watch_versions(self, stop: asyncio.Event) -> AsyncIterator[dict[TenantId, int]]:
        """Yield at first and after each change."""
        self._changed.set()
        while not stop.is_set():
            if self._changed.is_set():
                self._changed.clear()
                yield dict(self.versions)
            await asyncio.sleep(0.002)


class Work:
    """Notes what begins and ends."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, tenant: Tenant, stop: asyncio.Event) -> None:
        """Work as a well-behaved tenant does."""
        self.events.append(f"begin {tenant.tenant_id}{tenant.config_version}")
        await stop.wait()
        self.events.append(f"end {tenant.tenant_id}{tenant.config_version}")


async def until(condition: Callable[[], bool]) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true in time"
        await asyncio.sleep(0.002)


def loop_of(
    directory: Directory,
    start: Callable[[Tenant, asyncio.Event], Awaitable[None]],
    tenants: TenantsFilter = "*",
) -> PerTenant:
    """Make a loop with short pauses."""
    return PerTenant(directory, tenants, start, retry_pause_s=0.01, set_aside_s=0.05)


async def test_tenants_come_change_and_go() -> None:
    """Newcomers begin, a new version restarts, leavers end, and the stop ends the rest."""
    directory, work, stop = Directory(a=1), Work(), asyncio.Event()
    per_tenant = loop_of(directory, work)
    running = asyncio.create_task(per_tenant.run(stop))
    await until(lambda: work.events == ["begin a1"])
    directory.change(a=1, b=1)
    await until(lambda: "begin b1" in work.events)
    directory.change(a=2, b=1)
    await until(lambda: "begin a2" in work.events)
    assert per_tenant.served == {A, B}
    directory.change(b=1)
    await until(lambda: per_tenant.served == {B})
    stop.set()
    await asyncio.wait_for(running, 5)
    assert work.events == ["begin a1", "begin b1", "end a1", "begin a2", "end a2", "end b1"]


async def test_only_the_named_tenants_are_served() -> None:
    """A loader deployed for one tenant leaves the others alone."""
    directory, work, stop = Directory(a=1, b=1), Work(), asyncio.Event()
    running = asyncio.create_task(loop_of(directory, work, frozenset({B})).run(stop))
    await until(lambda: bool(work.events))
    directory.change(a=2, b=1)
    await asyncio.sleep(0.02)
    stop.set()
    await running
    assert work.events == ["begin b1", "end b1"]


@pytest.mark.parametrize("error", [StoreUnavailable("down"), ConfigurationError("no token")])
async def test_one_tenants_trouble_is_retried_and_does_not_touch_the_others(
    error: Exception,
) -> None:
    """The failing tenant is tried again until it works; the other one never stops."""
    directory, work, stop = Directory(a=1, b=1), Work(), asyncio.Event()
    attempts = 0

    async def start(tenant: Tenant, tenant_stop: asyncio.Event) -> None:
        nonlocal attempts
        if tenant.tenant_id == A:
            attempts += 1
            if attempts < 3:
                raise error
        await work(tenant, tenant_stop)

    running = asyncio.create_task(loop_of(directory, start).run(stop))
    await until(lambda: "begin a1" in work.events)
    stop.set()
    await running
    assert attempts == 3
    assert work.events.count("begin b1") == work.events.count("end b1") == 1


async def test_a_bug_in_one_tenants_work_stops_the_loop() -> None:
    """What is neither transient, terminal nor configuration is not hidden."""

    async def start(_tenant: Tenant, _stop: asyncio.Event) -> None:
        raise KeyError("bug")

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(loop_of(Directory(a=1), start).run(asyncio.Event()), 5)
    assert caught.group_contains(KeyError)


async def test_work_that_ends_by_itself_is_a_bug() -> None:
    """A tenant whose work silently returned would be served by nobody."""

    async def start(_tenant: Tenant, _stop: asyncio.Event) -> None:
        return

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(loop_of(Directory(a=1), start).run(asyncio.Event()), 5)
    assert caught.group_contains(WorkEnded)


async def test_a_tenant_that_drains_slowly_does_not_delay_a_newcomer() -> None:
    """Tenant a restarts only after its old work ended; tenant b begins meanwhile."""
    directory, stop, may_end = Directory(a=1), asyncio.Event(), asyncio.Event()
    events: list[str] = []

    async def start(tenant: Tenant, tenant_stop: asyncio.Event) -> None:
        events.append(f"begin {tenant.tenant_id}{tenant.config_version}")
        await tenant_stop.wait()
        if events.count("end a") == 0 and tenant.tenant_id == A:
            await may_end.wait()
            events.append("end a")

    running = asyncio.create_task(loop_of(directory, start).run(stop))
    await until(lambda: events == ["begin a1"])
    directory.change(a=2, b=1)
    await until(lambda: events == ["begin a1", "begin b1"])
    may_end.set()
    await until(lambda: events == ["begin a1", "begin b1", "end a", "begin a2"])
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_transient_errors_inside_a_group_are_transient() -> None:
    """Work built on a task group fails with a group; what is in it decides."""
    attempts = 0
    stop = asyncio.Event()

    async def start(_tenant: Tenant, tenant_stop: asyncio.Event) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ExceptionGroup("", [StoreUnavailable("x"), StoreUnavailable("y")])
        await tenant_stop.wait()

    running = asyncio.create_task(loop_of(Directory(a=1), start).run(stop))
    await until(lambda: attempts == 3)
    stop.set()
    await asyncio.wait_for(running, 5)
