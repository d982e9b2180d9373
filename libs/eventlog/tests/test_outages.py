"""The log goes away and comes back while a loop runs: nothing lost, nothing reordered."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from bridgework_contracts.errors import StoreUnavailable
from bridgework_contracts.ids import TenantId
from bridgework_embedded import KafkaServer, LauncherError
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.loop import Batch, ConsumerLoop
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.policies import IN_ORDER
from bridgework_eventlog.port import EventLog, NewRecord
from bridgework_testkit.attempts import InMemoryAttempts
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fault_proxy import FaultProxy
from bridgework_testkit.fixtures import embedded_log_settings, kafka_log_settings
from bridgework_testkit.servers import kafka_is_required
from prometheus_client import CollectorRegistry
from pydantic import SecretStr


async def _append_until_taken(log: EventLog, topic: str, numbers: Sequence[int]) -> None:
    """Append as a relay does: again, while the log does not answer."""
    records = [NewRecord(b"k", b"%d" % n) for n in numbers]
    async with asyncio.timeout(60):
        while True:
            try:
                await log.producer().append(topic, records)
            except StoreUnavailable:
                await asyncio.sleep(0.2)
            else:
                return


@asynccontextmanager
async def _consuming(log: EventLog, topic: str, tenant: TenantId) -> AsyncIterator[list[int]]:
    seen: list[int] = []

    async def handle(batch: Batch) -> None:
        await asyncio.sleep(0.002)
        seen.extend(delivery.message for delivery in batch)

    group = f"g.{tenant}"
    loop = ConsumerLoop(
        log,
        group=group,
        topics=[topic],
        handler=handle,
        policy=replace(IN_ORDER, batch_size=20, commit_interval_s=0.05),
        dead_letters=DeadLetters(log.producer(), group=group, service="s"),
        attempts=InMemoryAttempts(),
        service="s",
        subject="records",
        decode=int,
        registry=CollectorRegistry(),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(loop.run(stop))
    try:
        yield seen
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def _all_seen_in_order(seen: list[int], count: int, deadline_s: float) -> None:
    await eventually(lambda: len(set(seen)) == count, deadline_s)
    assert list(dict.fromkeys(seen)) == list(range(count))  # repeats are fine, gaps are not


async def test_a_cut_connection_to_postgresql_loses_nothing(
    database: str, tenant: TenantId
) -> None:
    """Cut for a second, twice: appends fail and are repeated, the loop reads on by itself."""
    parts = urlsplit(database)
    login = parts.netloc.rpartition("@")[0]
    topic = f"bridgework.{tenant}.records.v1"
    async with FaultProxy(parts.hostname or "", parts.port or 0) as proxy:
        through = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))
        settings = embedded_log_settings(through)
        async with open_event_log(settings) as log:
            await log.create_topics({topic: 1})
            async with _consuming(log, topic, tenant) as seen:
                await _append_until_taken(log, topic, range(500))
                await eventually(lambda: len(seen) >= 20)
                for start in (500, 1_000):
                    await proxy.cut()
                    with pytest.raises(StoreUnavailable):
                        await log.producer().append(topic, [NewRecord(b"k", b"0")])
                    await asyncio.sleep(1.0)
                    proxy.restore()
                    await _append_until_taken(log, topic, range(start, start + 500))
                await _all_seen_in_order(seen, 1_500, 40)


async def test_a_member_whose_lease_ran_out_in_an_outage_gives_way_and_comes_back(
    database: str, tenant: TenantId
) -> None:
    """Silent past its lease, it loses its partition to another member; both go on in order."""
    parts = urlsplit(database)
    login = parts.netloc.rpartition("@")[0]
    topic = f"bridgework.{tenant}.records.v1"
    async with FaultProxy(parts.hostname or "", parts.port or 0) as proxy:
        through = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))
        brief = embedded_log_settings(database).model_copy(update={"session_timeout_s": 1.5})
        far = brief.model_copy(update={"dsn": SecretStr(through)})
        async with open_event_log(brief) as log, open_event_log(far) as cut_off:
            await log.create_topics({topic: 1})
            async with _consuming(cut_off, topic, tenant) as first:
                await _append_until_taken(log, topic, range(100))
                await eventually(lambda: len(first) == 100)
                await asyncio.sleep(0.2)  # committed
                await proxy.cut()
                async with _consuming(log, topic, tenant) as second:
                    await _append_until_taken(log, topic, range(100, 200))
                    await eventually(lambda: len(second) >= 100, 20)
                    assert second[-100:] == list(range(100, 200))
                    proxy.restore()
                    await asyncio.sleep(2.5)
                    await _append_until_taken(log, topic, range(200, 300))
                    await eventually(lambda: 299 in first + second, 20)
                assert first + second == list(range(300))


@pytest.mark.kafka
async def test_a_killed_broker_that_comes_back_loses_nothing(
    tenant: TenantId, tmp_path: Path
) -> None:
    """SIGKILL of the broker in the middle, back after two seconds."""
    server = KafkaServer(tmp_path / "kafka")
    try:
        await server.start()
    except LauncherError as exc:
        if kafka_is_required() or os.environ.get("TEST_KAFKA_BOOTSTRAP"):
            raise
        pytest.skip(f"no Kafka: {exc.what}")
    topic = f"bridgework.{tenant}.records.v1"
    try:
        async with open_event_log(kafka_log_settings(server.bootstrap)) as log:
            await log.create_topics({topic: 1})
            async with _consuming(log, topic, tenant) as seen:
                await _append_until_taken(log, topic, range(500))
                await eventually(lambda: len(seen) >= 20, 20)
                await server.kill()
                appending = asyncio.create_task(_append_until_taken(log, topic, range(500, 1_000)))
                await asyncio.sleep(2.0)
                await server.start()
                await appending
                await _all_seen_in_order(seen, 1_000, 60)
    finally:
        await server.stop()
