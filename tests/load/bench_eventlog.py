"""How fast the event logs append and read, and what the consumer loop adds per record.

``python tests/load/bench_eventlog.py [--log embedded|kafka] [--records N] [--value-bytes N]``

Prints a table: records/s, p50 and p95 of one append call, and the peak memory of this process.
Client and server share the machine's cores. The embedded log commits durably (fsync on); Kafka
acknowledges from the page cache, as is usual.
"""

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog
from bridgework_embedded import KafkaServer, running_postgres
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.loop import Batch, ConsumerLoop
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.policies import IN_ORDER
from bridgework_eventlog.port import EventLog, NewRecord, Record, TopicPartition
from bridgework_eventlog.sealed import SealedLog
from bridgework_eventlog.settings import EventLogSettings, KafkaSettings
from bridgework_store.sealing import TenantKey, TenantSealer
from bridgework_testkit.attempts import InMemoryAttempts
from pydantic import SecretStr

_PARTITIONS = 8
_TOPIC = "bridgework.bench.records.v1"
_LOOP_TARGET_US = 15.0


class Memory:
    """A log that hands out the same records again and again, at no cost: for the loop alone."""

    def __init__(self, count: int, value_bytes: int) -> None:
        now = datetime.now(UTC)
        self._left = count
        self._records = [
            Record(_TOPIC, 0, n, b"k", bytes(value_bytes), {"type": "x"}, now) for n in range(1000)
        ]
        self._offset = 0
        self._told = False

    def consumer(self, *_args: object, **callbacks: object) -> "Memory":
        """Return itself."""
        self._callbacks = callbacks
        return self

    async def read(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Record]]:
        """Return up to 1,000 records of one partition."""
        tp = TopicPartition(_TOPIC, 0)
        if not self._told:
            self._told = True
            await self._callbacks["on_assigned"](frozenset([tp]))  # type: ignore[operator] # the loop passes it
        if not self._left or self._paused:
            await asyncio.sleep(min(timeout_s, 0.001))
            return {}
        count = min(max_records, 1000, self._left)
        self._left -= count
        records = [
            record._replace(offset=self._offset + n)
            for n, record in enumerate(self._records[:count])
        ]
        self._offset += count
        return {tp: records}

    _paused = False

    def pause(self, _partitions: object) -> None:
        """Read nothing."""
        self._paused = True

    def resume(self, _partitions: object) -> None:
        """Read on."""
        self._paused = False

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget it."""

    async def lag(self, _group: str, _topics: object) -> dict[TopicPartition, int]:
        """Return nothing."""
        return {}

    def producer(self) -> "Memory":
        """Return itself; nothing is dead-lettered here."""
        return self

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Forget it."""

    async def close(self) -> None:
        """Do nothing."""


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--log", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--value-bytes", type=int, default=1_500)
    parser.add_argument("--uvloop", action="store_true")
    told = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if told.uvloop:
        import uvloop

        uvloop.run(_bench(told.log, told.records, told.value_bytes))
    else:
        asyncio.run(_bench(told.log, told.records, told.value_bytes))


async def _bench(kind: str, count: int, value_bytes: int) -> None:
    print(f"{kind} log, {count:,} records of {value_bytes:,} bytes, {os.cpu_count()} cores")
    async with _log(kind) as log:
        await log.create_topics({_TOPIC: _PARTITIONS, f"{_TOPIC}.s": _PARTITIONS})
        for size, part in ((1, 0.02), (10, 0.1), (100, 0.5), (500, 1.0)):
            await _append(log, f"append, batches of {size}", size, int(count * part), value_bytes)
        await _append(log, "append, batches of 500, 4 at once", 500, count, value_bytes, at_once=4)
        await _read(log, "read, 500 at a time, commit each")
        await _loop(log, "loop, batches of 500, handler does nothing")
        sealer = TenantSealer(TenantKey(os.urandom(32)))
        sealed = SealedLog(log, lambda _topic: sealer)
        await _append(
            sealed, "append sealed, batches of 500", 500, count, value_bytes, topic=f"{_TOPIC}.s"
        )
        await _loop(sealed, "loop sealed, batches of 500", topic=f"{_TOPIC}.s")
        await _both(log, count, value_bytes)
    await _overhead(count, value_bytes)


@asynccontextmanager
async def _log(kind: str) -> AsyncIterator[EventLog]:
    if kind == "embedded":
        async with running_postgres(None, durable=True) as server:
            settings = EventLogSettings(kind="embedded", dsn=SecretStr(server.dsn))
            async with open_event_log(settings) as log:
                yield log
        return
    with tempfile.TemporaryDirectory() as home:
        broker = KafkaServer(Path(home))
        await broker.start()
        try:
            settings = EventLogSettings(
                kind="kafka", kafka=KafkaSettings(bootstrap_servers=broker.bootstrap)
            )
            async with open_event_log(settings) as log:
                yield log
        finally:
            await broker.stop()


def _batches(count: int, size: int, value_bytes: int) -> list[list[NewRecord]]:
    """Return batches that share their values: the bench measures the log, not its own memory."""
    value = os.urandom(value_bytes)
    headers = {"type": "RecordExtracted", "message_id": "0123456789abcdef0123456789abcdef"}
    some = [
        [NewRecord(b"patient-%d" % ((b * size + n) // 8), value, headers) for n in range(size)]
        for b in range(min(64, max(1, count // size)))
    ]
    return [some[n % len(some)] for n in range(max(1, count // size))]


async def _append(
    log: EventLog,
    what: str,
    size: int,
    count: int,
    value_bytes: int,
    *,
    at_once: int = 1,
    topic: str = _TOPIC,
) -> None:
    producer = log.producer()
    batches = _batches(count, size, value_bytes)
    took: list[float] = []

    async def work(mine: list[list[NewRecord]]) -> None:
        for batch in mine:
            began = time.perf_counter()
            await producer.append(topic, batch)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(work(batches[n::at_once]) for n in range(at_once)))
    _print(what, len(batches) * size, time.perf_counter() - began, took)


async def _read(log: EventLog, what: str) -> None:
    total = sum((await log.end_offsets([_TOPIC])).values())
    consumer = log.consumer("bench-read", [_TOPIC])
    seen, took = 0, []
    await consumer.read(1, 10)
    for tp in consumer.assignment():
        consumer.seek(tp, 0)
    began = time.perf_counter()
    while seen < total:
        at = time.perf_counter()
        found = await consumer.read(500, 5)
        await consumer.commit({tp: records[-1].offset + 1 for tp, records in found.items()})
        seen += sum(map(len, found.values()))
        took.append(time.perf_counter() - at)
    _print(what, seen, time.perf_counter() - began, took)
    await consumer.close()


async def _loop(log: EventLog, what: str, *, topic: str = _TOPIC) -> None:
    total = sum((await log.end_offsets([topic])).values())
    await _consume(log, what, topic, total)


async def _consume(log: EventLog, what: str, topic: str, total: int) -> None:
    seen = 0
    done = asyncio.Event()

    async def handle(batch: Batch) -> None:
        nonlocal seen
        seen += len(batch)
        if seen >= total:
            done.set()

    loop = ConsumerLoop(
        log,
        group=f"bench-{what}",
        topics=[topic],
        handler=handle,
        policy=replace(IN_ORDER),
        dead_letters=DeadLetters(log.producer(), group="bench", service="bench"),
        attempts=InMemoryAttempts(),
        service="bench",
        subject="records",
        decode=lambda value: value,
    )
    stop = asyncio.Event()
    began = time.perf_counter()
    running = asyncio.create_task(loop.run(stop))
    await done.wait()
    _print(what, total, time.perf_counter() - began, [])
    stop.set()
    await running


async def _both(log: EventLog, count: int, value_bytes: int) -> None:
    """Append and consume the same records at the same time."""
    topic = f"{_TOPIC}.both"
    await log.create_topics({topic: _PARTITIONS})
    what = "append (100) and consume together"
    producer = log.producer()
    batches = _batches(count, 100, value_bytes)

    async def write(mine: list[list[NewRecord]]) -> None:
        for batch in mine:
            await producer.append(topic, batch)

    await asyncio.gather(
        write(batches[0::2]),
        write(batches[1::2]),
        _consume(log, what, topic, len(batches) * 100),
    )


async def _overhead(count: int, value_bytes: int) -> None:
    memory = Memory(count, value_bytes)
    began = time.perf_counter()
    await _consume(memory, "loop alone, log in memory", _TOPIC, count)  # type: ignore[arg-type] # what the loop needs of a log
    each_us = (time.perf_counter() - began) / count * 1e6
    print(f"loop overhead {each_us:.2f} µs per record (aim: under {_LOOP_TARGET_US:g})")


def _print(what: str, count: int, seconds: float, took: list[float]) -> None:
    line = f"{what:45} {count / seconds:>10,.0f} records/s"
    if len(took) > 1:
        p95 = statistics.quantiles(took, n=20)[18]
        line += f"   call p50 {statistics.median(took) * 1000:7.2f} ms  p95 {p95 * 1000:7.2f} ms"
    unit = 1 if sys.platform == "darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1_000_000
    print(f"{line:110} peak RSS {peak_mb:5.0f} MB", flush=True)


if __name__ == "__main__":
    main()
