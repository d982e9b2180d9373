"""The outbox: with the transaction or not at all, in order, at least once."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bridgework_contracts.errors import StoreUnavailable, TerminalError
from bridgework_store.migrations import migrate
from bridgework_store.outbox import OUTBOX_PART, OutboxMessage, OutboxRelay, OutboxWriter
from bridgework_store.pool import Pool


@dataclass(frozen=True)
class Record:
    key: bytes | None
    value: bytes
    headers: dict[str, str]


@dataclass
class Log:
    """An event log in memory that fails on demand."""

    topics: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    failures: list[Exception] = field(default_factory=list)
    appends: int = 0

    async def append(self, topic: str, records: Sequence[Record], /) -> None:
        """Keep the records, or fail as scripted."""
        self.appends += 1
        if self.failures:
            raise self.failures.pop(0)
        self.topics[topic].extend(records)

    def values(self, topic: str) -> list[bytes]:
        """Return what one topic holds."""
        return [record.value for record in self.topics[topic]]


@pytest.fixture
async def event_log(pool: Pool, tmp_path: Path) -> Log:
    """An empty log beside a schema with an outbox."""
    await migrate(pool, schema="s", path=tmp_path, parts=[OUTBOX_PART])
    return Log()


def relay_of(
    pool: Pool, event_log: Log, wake: asyncio.Event | None = None, **options: float
) -> OutboxRelay[Record]:
    """Make a relay with short intervals."""
    return OutboxRelay(
        pool,
        "s",
        event_log,
        record=Record,
        wake=wake,
        poll_interval_s=options.get("poll_interval_s", 0.02),
        standby_interval_s=0.02,
        batch_size=int(options.get("batch_size", 1000)),
        batch_bytes=int(options.get("batch_bytes", 8_000_000)),
    )


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true in time"
        await asyncio.sleep(0.005)


async def test_messages_arrive_whole_and_in_order(pool: Pool, event_log: Log) -> None:
    """Topic, key, value and headers survive; several per call keep their order."""
    writer = OutboxWriter("s")
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"first", {"message_id": "1"})
        await writer.add_many(connection, [OutboxMessage("t", None, b"%d" % n) for n in range(20)])
    assert await relay_of(pool, event_log).drain() == 21
    assert event_log.topics["t"][0] == Record(b"k", b"first", {"message_id": "1"})
    assert event_log.values("t")[1:] == [b"%d" % n for n in range(20)]
    assert event_log.topics["t"][1].key is None
    assert await pool.fetchval("select count(*) from s.outbox") == 0


async def test_a_rolled_back_transaction_sends_nothing(pool: Pool, event_log: Log) -> None:
    """Message and state change share their fate."""
    writer = OutboxWriter("s")
    with pytest.raises(KeyError):  # noqa: PT012  # the transaction has to end inside
        async with writer.transaction(pool) as connection:
            await writer.add(connection, "t", b"k", b"v")
            raise KeyError
    assert await relay_of(pool, event_log).drain() == 0


async def test_a_commit_wakes_the_relay_long_before_it_polls(pool: Pool, event_log: Log) -> None:
    """In one process a message is relayed at once."""
    wake, stop = asyncio.Event(), asyncio.Event()
    writer = OutboxWriter("s", wake)
    relay = relay_of(pool, event_log, wake, poll_interval_s=30)
    running = asyncio.create_task(relay.run(stop))
    await until(lambda: not wake.is_set())
    await asyncio.sleep(0.05)
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"v")
    await until(lambda: event_log.values("t") == [b"v"])
    stop.set()
    writer.wake_relay()
    await running


async def test_a_message_of_another_process_is_found_by_polling(pool: Pool, event_log: Log) -> None:
    """Without a wake-up it takes one polling interval."""
    stop = asyncio.Event()
    running = asyncio.create_task(relay_of(pool, event_log).run(stop))
    async with OutboxWriter("s").transaction(pool) as connection:
        await OutboxWriter("s").add(connection, "t", b"k", b"v")
    await until(lambda: event_log.values("t") == [b"v"])
    stop.set()
    await running


async def test_only_one_of_two_relays_works_and_the_other_takes_over(
    pool: Pool, event_log: Log
) -> None:
    """The standby stays silent until the active one is gone."""
    second_log = Log()
    stop_first, stop_second = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(relay_of(pool, event_log).run(stop_first))
    writer = OutboxWriter("s")
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"1")
    await until(lambda: event_log.values("t") == [b"1"])
    second = asyncio.create_task(relay_of(pool, second_log).run(stop_second))
    for number in (b"2", b"3"):
        async with writer.transaction(pool) as connection:
            await writer.add(connection, "t", b"k", number)
        await until(lambda: event_log.values("t")[-1] == number)  # noqa: B023  # awaited right here
    assert second_log.values("t") == []
    stop_first.set()
    await first
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"4")
    await until(lambda: second_log.values("t") == [b"4"])
    stop_second.set()
    await second


async def test_a_failing_event_log_loses_nothing_and_keeps_the_order(
    pool: Pool, event_log: Log
) -> None:
    """Transient failures of the append are retried with the rows still there."""
    event_log.failures = [StoreUnavailable("down"), StoreUnavailable("down")]
    writer, stop = OutboxWriter("s"), asyncio.Event()
    async with writer.transaction(pool) as connection:
        await writer.add_many(connection, [OutboxMessage("t", b"k", b"%d" % n) for n in range(5)])
    running = asyncio.create_task(relay_of(pool, event_log, batch_size=2).run(stop))
    await until(lambda: len(event_log.values("t")) == 5)
    assert event_log.values("t") == [b"0", b"1", b"2", b"3", b"4"]
    stop.set()
    await running


async def test_a_crash_between_append_and_delete_sends_again(pool: Pool, event_log: Log) -> None:
    """At-least-once: the message appears twice, never zero times."""

    class CrashAfterAppend(Log):
        async def append(self, topic: str, records: Sequence[Record], /) -> None:
            await super().append(topic, records)
            raise SystemError

    crashing = CrashAfterAppend(topics=event_log.topics)
    async with OutboxWriter("s").transaction(pool) as connection:
        await OutboxWriter("s").add(connection, "t", b"k", b"v")
    with pytest.raises(SystemError):
        await relay_of(pool, crashing).drain()
    await relay_of(pool, event_log).drain()
    assert event_log.values("t") == [b"v", b"v"]


async def test_a_terminal_error_of_the_event_log_is_raised(pool: Pool, event_log: Log) -> None:
    """The relay stops its process rather than skip a message."""
    event_log.failures = [TerminalError("refused")]
    async with OutboxWriter("s").transaction(pool) as connection:
        await OutboxWriter("s").add(connection, "t", b"k", b"v")
    with pytest.raises(TerminalError):
        await relay_of(pool, event_log).run(asyncio.Event())
    owed, oldest_s = await relay_of(pool, event_log).backlog()
    assert owed == 1
    assert 0 <= oldest_s < 60


async def test_a_relay_survives_the_loss_of_its_connection(pool: Pool, event_log: Log) -> None:
    """The session with the lock is cut; the relay takes a new one and goes on."""
    stop, writer = asyncio.Event(), OutboxWriter("s")
    running = asyncio.create_task(relay_of(pool, event_log).run(stop))
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"1")
    await until(lambda: event_log.values("t") == [b"1"])
    cut = await pool.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_locks "
        "where locktype = 'advisory' and database = (select oid from pg_database "
        "where datname = current_database())"
    )
    assert cut == 1
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"2")
    # The cut may fall between append and delete: then the first message comes twice.
    await until(lambda: list(dict.fromkeys(event_log.values("t"))) == [b"1", b"2"])
    stop.set()
    await running


async def test_a_late_commit_with_an_early_id_is_not_lost(pool: Pool, event_log: Log) -> None:
    """A row whose transaction commits after later rows were relayed is still relayed."""
    writer, relay = OutboxWriter("s"), relay_of(pool, event_log)
    async with pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await writer.add(slow, "t", b"a", b"early id")
        async with writer.transaction(pool) as connection:
            await writer.add(connection, "t", b"b", b"later id")
        await relay.drain()
        await transaction.commit()
    await relay.drain()
    assert event_log.values("t") == [b"later id", b"early id"]


async def test_a_round_is_limited_by_bytes(pool: Pool, event_log: Log) -> None:
    """Large values travel in small rounds, a single one however large."""
    writer = OutboxWriter("s")
    async with writer.transaction(pool) as connection:
        await writer.add_many(
            connection, [OutboxMessage("t", None, b"x" * 1000) for _ in range(10)]
        )
    await relay_of(pool, event_log, batch_bytes=2500).drain()
    assert len(event_log.values("t")) == 10
    assert event_log.appends == 4


async def test_stop_relays_what_was_committed_before(pool: Pool, event_log: Log) -> None:
    """An ordered shutdown leaves an empty outbox."""
    stop = asyncio.Event()
    stop.set()
    async with OutboxWriter("s").transaction(pool) as connection:
        await OutboxWriter("s").add(connection, "t", b"k", b"v")
    await relay_of(pool, event_log).run(stop)
    assert event_log.values("t") == [b"v"]


async def test_values_are_sealed_before_they_become_rows(pool: Pool, event_log: Log) -> None:
    """The table never holds the plaintext, and the relay passes on exactly what it holds."""
    writer = OutboxWriter(
        "s", seal=lambda topic, key, value: b"%b|%b|%b" % (topic.encode(), key or b"", value[::-1])
    )
    async with writer.transaction(pool) as connection:
        await writer.add(connection, "t", b"k", b"plain")
    assert await pool.fetchval("select value from s.outbox") == b"t|k|nialp"
    await relay_of(pool, event_log).drain()
    assert event_log.values("t") == [b"t|k|nialp"]
