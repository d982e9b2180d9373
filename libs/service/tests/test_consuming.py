"""The whole chassis on a real log: outbox, sealing, relay, consumer loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from bridgework_contracts.codec import decode, encode, headers_for
from bridgework_contracts.commands import CancelRun
from bridgework_contracts.errors import StoreUnavailable
from bridgework_contracts.ids import RunId, TenantId, message_id
from bridgework_contracts.topics import Subject, tenant_topics, topic_name
from bridgework_eventlog.batches import Batch
from bridgework_service.chassis import Chassis, open_chassis
from bridgework_service.consuming import TenantLoops, run_together
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.settings import ServiceSettings, load_settings
from bridgework_service.tenants import Tenant
from bridgework_store.outbox import OutboxMessage
from bridgework_testkit.settings import common_settings

CANARY = "run_canary"


@pytest.fixture
async def chassis(database: str) -> AsyncIterator[Chassis]:
    """An opened chassis; the tenancy migrations stand in for a service's own."""
    settings = load_settings(ServiceSettings, service_name="loader", **common_settings(database))
    async with open_chassis(settings, schema="loader", package="bridgework_service") as opened:
        yield opened


@pytest.fixture
async def tenant(chassis: Chassis) -> Tenant:
    """A tenant with its topics."""
    created = await chassis.directory.create("harbor", "Harbor", time_zone="UTC", partitions=2)
    await chassis.log.create_topics(tenant_topics(created.tenant_id, 2))
    return created


async def test_a_committed_message_reaches_the_handler_and_is_sealed_on_its_way(
    chassis: Chassis, tenant: Tenant
) -> None:
    """Row and log hold ciphertext; the handler gets the message with its headers."""
    command = CancelRun(run_id=RunId(CANARY))
    topic = topic_name(tenant.tenant_id, Subject.COMMANDS)
    headers = headers_for(command, message_id("x"))
    async with chassis.outbox.transaction() as connection:
        await chassis.outbox.add_many(
            connection, [OutboxMessage(topic, b"k", encode(command), headers)]
        )
    row: bytes = await chassis.pool.fetchval("select value from loader.outbox")
    assert CANARY.encode() not in row
    assert await chassis.outbox.relay.drain() == 1

    raw = chassis.log.consumer("raw", [topic])
    seen: list[bytes] = []
    while not seen:
        for records in (await raw.read(10, 0.5)).values():
            seen += [record.value for record in records]
    await raw.close()
    assert CANARY.encode() not in seen[0]

    got: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def handle(batch: Batch) -> None:
        got.set_result([delivery.message for delivery in batch])

    stop = asyncio.Event()
    loops = TenantLoops(chassis, tenant, service="loader")
    running = asyncio.create_task(loops.run(stop, {Subject.COMMANDS: handle}))
    assert await asyncio.wait_for(got, 10) == [decode(encode(command))]
    stop.set()
    await asyncio.wait_for(running, 10)


async def test_an_erased_tenant_cannot_be_written_for(chassis: Chassis, tenant: Tenant) -> None:
    """Without the key nothing can be owed to the log, and the transaction rolls back."""
    await chassis.directory.destroy_key(tenant.tenant_id)
    topic = topic_name(TenantId("harbor"), Subject.WRITES)

    async def write() -> None:
        async with chassis.outbox.transaction() as connection:
            await chassis.outbox.add(connection, topic, b"k", b"v")

    with pytest.raises(Exception, match="not known here"):
        await write()
    assert await chassis.pool.fetchval("select count(*) from loader.outbox") == 0


async def test_the_outbox_refuses_a_log_that_would_seal_twice(chassis: Chassis) -> None:
    """The mistake is found when the service is put together, not when a consumer fails."""
    with pytest.raises(TypeError, match="not a SealedLog"):
        ServiceOutbox(chassis.pool, "loader", chassis.sealed_log, chassis.directory.sealer_for)


async def until_told(stop: asyncio.Event) -> None:
    """Work as a well-behaved consumer does."""
    await stop.wait()


def failing(error: Exception) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Make work that fails when the others are told to stop, or at once for the first."""

    async def work(_: asyncio.Event) -> None:
        raise error

    return work


async def test_works_end_together_and_a_bug_is_raised_before_an_outage() -> None:
    """One failure stops all; of two the unexpected one is shown."""
    await asyncio.wait_for(_ended_by_stop(), 5)
    with pytest.raises(KeyError):
        await run_together(
            asyncio.Event(),
            [failing(StoreUnavailable("x")), failing(KeyError("bug")), until_told],
        )


async def _ended_by_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    await run_together(stop, [until_told, until_told])


async def test_cancelling_reaches_works_that_do_not_listen() -> None:
    """After the drain's end nothing keeps the process alive."""
    cancelled = False

    async def deaf(_: asyncio.Event) -> None:
        nonlocal cancelled
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled = True
            raise

    running = asyncio.create_task(run_together(asyncio.Event(), [deaf, until_told]))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 5)
    assert cancelled
