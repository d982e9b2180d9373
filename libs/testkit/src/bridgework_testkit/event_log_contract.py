# ruff: noqa: S101, PLR2004 - tests that are imported: they assert, and the expected value stands there
"""What every event log must do. A subclass or a parametrised fixture supplies the log under test.

Tests use the fixtures ``event_log_settings``, ``event_log`` and ``tenant`` of
:mod:`bridgework_testkit.fixtures`.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict

import pytest
from bridgework_contracts.ids import TenantId
from bridgework_eventlog.errors import GroupIsRunning, UnknownTopic, ValueTooLarge
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.partitioner import partition_of
from bridgework_eventlog.port import (
    MAX_VALUE_BYTES,
    Consumer,
    EventLog,
    NewRecord,
    Record,
    TopicPartition,
)
from bridgework_eventlog.rewind import rewind
from bridgework_eventlog.settings import EventLogSettings

from bridgework_testkit.eventually import eventually

_PARTITIONS = 4


async def read_until(
    consumer: Consumer, count: int, *, deadline_s: float = 30.0
) -> dict[TopicPartition, list[Record]]:
    """Read until ``count`` records came, fail when they do not come in time."""
    found: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
    try:
        async with asyncio.timeout(deadline_s):
            while sum(map(len, found.values())) < count:
                for tp, records in (await consumer.read(500, 1.0)).items():
                    found[tp].extend(records)
    except TimeoutError:
        came = sum(map(len, found.values()))
        pytest.fail(f"{came} of {count} records came within {deadline_s:g} s")
    return dict(found)


async def read_nothing(consumer: Consumer, *, for_s: float = 1.0) -> None:
    """Fail when anything comes within ``for_s``."""
    async with asyncio.timeout(for_s + 5):
        found = await consumer.read(500, for_s)
    assert not found, f"expected nothing, got {[(tp, len(r)) for tp, r in found.items()]}"


def numbered(count: int, *, keys: int = 20, start: int = 0) -> list[NewRecord]:
    """Return records whose value is their number; number ``n`` has key ``n % keys``."""
    return [NewRecord(b"key-%d" % (n % keys), b"%d" % n) for n in range(start, start + count)]


def values(found: dict[TopicPartition, list[Record]]) -> list[int]:
    """Return the numbers in all records, sorted."""
    return sorted(int(record.value) for records in found.values() for record in records)


class EventLogContract:
    """The promises of :mod:`bridgework_eventlog.port`, each as a test."""

    @pytest.fixture
    async def topic(self, event_log: EventLog, tenant: TenantId) -> str:
        """Create a topic of four partitions for one test."""
        name = f"bridgework.{tenant}.records.v1"
        await event_log.create_topics({name: _PARTITIONS})
        return name

    @pytest.fixture
    def group(self, tenant: TenantId) -> str:
        """Return the name of a group of one test: a broker remembers groups for long."""
        return f"group-{tenant}"

    # -- appending and reading --------------------------------------------------------------

    async def test_records_of_a_key_arrive_in_order_from_the_partition_of_that_key(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Order holds per key across appends; murmur2 says where a key lives."""
        producer = event_log.producer()
        for start in range(0, 300, 100):
            await producer.append(topic, numbered(100, start=start))
        found = await read_until(event_log.consumer(group, [topic]), 300)
        by_key: defaultdict[bytes, list[int]] = defaultdict(list)
        for tp, records in found.items():
            for record in records:
                assert record.key is not None
                assert tp.partition == partition_of(record.key, _PARTITIONS)
                by_key[record.key].append(int(record.value))
        assert len(by_key) == 20
        assert all(numbers == sorted(numbers) for numbers in by_key.values())

    async def test_offsets_are_dense_from_zero(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """The n-th record of a partition has offset n, and end_offsets is the next one."""
        producer = event_log.producer()
        await producer.append(topic, numbered(250))
        await producer.append(topic, numbered(3, start=250))
        found = await read_until(event_log.consumer(group, [topic]), 253)
        for records in found.values():
            assert [record.offset for record in records] == list(range(len(records)))
        ends = await event_log.end_offsets([topic])
        assert ends == {tp: len(found.get(tp, ())) for tp in ends}
        assert len(ends) == _PARTITIONS

    async def test_everything_of_a_record_comes_back(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Key, value, headers survive; the timestamp is aware; a record without key is fine."""
        headers = {"type": "RecordExtracted", "traceparent": "00-ab-cd-01", "word": "größe"}
        await event_log.producer().append(
            topic, [NewRecord(b"k\x00\xff", b"\x00\x01binary\xff", headers), NewRecord(None, b"")]
        )
        found = await read_until(event_log.consumer(group, [topic]), 2)
        records = {record.key: record for part in found.values() for record in part}
        assert records[b"k\x00\xff"].value == b"\x00\x01binary\xff"
        assert dict(records[b"k\x00\xff"].headers) == headers
        assert records[b"k\x00\xff"].topic == topic
        assert records[b"k\x00\xff"].timestamp.utcoffset() is not None
        assert records[None].value == b""
        assert dict(records[None].headers) == {}

    async def test_large_values_travel_and_too_large_ones_are_refused_whole(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """900 KB values and the documented maximum pass; one byte more appends nothing."""
        producer = event_log.producer()
        large = [os.urandom(900_000) for _ in range(6)] + [os.urandom(MAX_VALUE_BYTES)]
        await producer.append(topic, [NewRecord(b"same", value) for value in large])
        with pytest.raises(ValueTooLarge):
            await producer.append(
                topic,
                [NewRecord(b"same", b"small"), NewRecord(b"same", bytes(MAX_VALUE_BYTES + 1))],
            )
        found = await read_until(event_log.consumer(group, [topic]), 7)
        (records,) = found.values()
        assert [record.value for record in records] == large
        assert sum((await event_log.end_offsets([topic])).values()) == 7

    async def test_a_restarted_producer_continues_where_the_first_ended(
        self, event_log: EventLog, event_log_settings: EventLogSettings, topic: str, group: str
    ) -> None:
        """Another connection's appends follow densely, nothing lost or doubled."""
        await event_log.producer().append(topic, numbered(100))
        async with open_event_log(event_log_settings) as second:
            await second.producer().append(topic, numbered(100, start=100))
        found = await read_until(event_log.consumer(group, [topic]), 200)
        assert values(found) == list(range(200))
        for records in found.values():
            assert [record.offset for record in records] == list(range(len(records)))

    async def test_a_reader_beside_many_writers_misses_nothing(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Eight writers append small batches while a reader follows; all come, densely."""
        producer = event_log.producer()

        async def write(writer: int) -> None:
            for step in range(25):
                start = (writer * 25 + step) * 7
                await producer.append(topic, numbered(7, start=start))

        consumer = event_log.consumer(group, [topic])
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_until(consumer, 8 * 25 * 7))
            for writer in range(8):
                tasks.create_task(write(writer))
        found = reading.result()
        assert values(found) == list(range(8 * 25 * 7))
        for records in found.values():
            assert [record.offset for record in records] == list(range(len(records)))

    async def test_a_waiting_reader_is_woken_by_an_append(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """A read that waits returns soon after an append, well before its timeout."""
        consumer = event_log.consumer(group, [topic])
        await consumer.read(10, 0.1)
        await eventually(lambda: self._reads_with(consumer, len(consumer.assignment()) == 4), 20)
        waiting = asyncio.create_task(consumer.read(10, 20))
        await asyncio.sleep(0.3)
        appended_at = asyncio.get_running_loop().time()
        await event_log.producer().append(topic, numbered(1))
        assert values(await waiting) == [0]
        assert asyncio.get_running_loop().time() - appended_at < 1.0

    async def _reads_with(self, consumer: Consumer, answer: bool) -> bool:  # noqa: FBT001 - a test's own helper
        assert not await consumer.read(10, 0.1)
        return answer

    async def test_max_records_bounds_a_read(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """No read returns more than was asked for, over all partitions."""
        await event_log.producer().append(topic, numbered(200))
        consumer = event_log.consumer(group, [topic])
        seen = 0
        while seen < 200:
            found = await consumer.read(30, 10)
            count = sum(map(len, found.values()))
            assert 0 < count <= 30
            seen += count

    # -- groups -----------------------------------------------------------------------------

    async def test_a_group_continues_after_its_commit(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """What was committed is not read again by the next member; the rest is."""
        await event_log.producer().append(topic, [NewRecord(b"k", b"%d" % n) for n in range(10)])
        first = event_log.consumer(group, [topic])
        found = await read_until(first, 10)
        (tp,) = found
        await first.commit({tp: 4})
        assert await event_log.committed(group, [topic]) == {tp: 4}
        await first.close()
        second = event_log.consumer(group, [topic])
        again = await read_until(second, 6)
        assert [record.offset for record in again[tp]] == [4, 5, 6, 7, 8, 9]

    async def test_groups_do_not_disturb_each_other_and_a_new_one_starts_at_zero(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Replay from offset 0 is a new group; so is a seek."""
        await event_log.producer().append(topic, numbered(50))
        first = event_log.consumer(f"{group}-one", [topic])
        found = await read_until(first, 50)
        await first.commit({tp: len(records) for tp, records in found.items()})
        other = event_log.consumer(f"{group}-two", [topic])
        assert values(await read_until(other, 50)) == list(range(50))
        for tp in first.assignment():
            first.seek(tp, 0)
        assert values(await read_until(first, 50)) == list(range(50))

    async def test_a_rewound_group_reads_everything_again(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """A stopped group is set back to the oldest record; a running one is refused."""
        await event_log.producer().append(topic, numbered(50))
        first = event_log.consumer(group, [topic])
        found = await read_until(first, 50)
        await first.commit({tp: len(records) for tp, records in found.items()})
        await first.close()
        await rewind(event_log, group, [topic])
        second = event_log.consumer(group, [topic])
        assert values(await read_until(second, 50)) == list(range(50))

        async def keep_reading() -> None:
            while True:
                await second.read(10, 0.1)

        reading = asyncio.create_task(keep_reading())
        with pytest.raises(GroupIsRunning):
            await rewind(event_log, group, [topic], timeout_s=4)
        reading.cancel()
        await asyncio.wait([reading])

    async def test_paused_partitions_stay_silent_and_lose_nothing(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """A paused partition gives nothing while others go on; resumed, it goes on in order."""
        await event_log.producer().append(topic, numbered(100))
        consumer = event_log.consumer(group, [topic])
        seen = await read_until(consumer, 100)
        quiet, *others = sorted(seen)
        consumer.pause([quiet])
        await event_log.producer().append(topic, numbered(100, start=100))
        expected = sum(len(seen[tp]) for tp in others)
        more = await read_until(consumer, expected)
        assert quiet not in more
        await read_nothing(consumer, for_s=0.5)
        consumer.resume([quiet])
        rest = await read_until(consumer, len(seen[quiet]))
        assert set(rest) == {quiet}
        start = len(seen[quiet])
        assert [record.offset for record in rest[quiet]] == list(range(start, 2 * start))

    async def test_lag_counts_what_is_not_committed(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Lag of an unknown group is everything; a commit lowers it, an append raises it."""
        await event_log.producer().append(topic, numbered(40))
        assert sum((await event_log.lag(group, [topic])).values()) == 40
        consumer = event_log.consumer(group, [topic])
        found = await read_until(consumer, 40)
        await consumer.commit({tp: len(records) for tp, records in found.items()})
        lag = await event_log.lag(group, [topic])
        assert set(lag.values()) == {0}
        assert len(lag) == _PARTITIONS
        await event_log.producer().append(topic, numbered(5, start=40))
        assert sum((await event_log.lag(group, [topic])).values()) == 5

    async def test_a_second_member_takes_its_share_after_the_first_has_drained(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """Partitions move only after on_revoked returned, and what it committed is respected."""
        await event_log.producer().append(topic, numbered(200))
        events: list[tuple[str, TopicPartition]] = []
        done: dict[TopicPartition, int] = {}

        async def drained(partitions: frozenset[TopicPartition]) -> None:
            await asyncio.sleep(0.3)  # work in flight
            await first.commit({tp: done[tp] for tp in partitions if tp in done})
            events.extend(("revoked", tp) for tp in partitions)

        async def taken(partitions: frozenset[TopicPartition]) -> None:
            await asyncio.sleep(0)
            events.extend(("taken", tp) for tp in partitions)

        first = event_log.consumer(group, [topic], on_revoked=drained)
        found = await read_until(first, 200)
        done.update({tp: len(records) for tp, records in found.items()})
        second = event_log.consumer(group, [topic], on_assigned=taken)

        async def both_have_two() -> bool:
            assert not await first.read(100, 0.1)
            assert not await second.read(100, 0.1)
            return len(first.assignment()) == 2 == len(second.assignment())

        await eventually(both_have_two, 40)
        assert not first.assignment() & second.assignment()
        for tp in second.assignment():
            assert events.index(("revoked", tp)) < events.index(("taken", tp))
        await event_log.producer().append(topic, numbered(200, start=200))
        both = await asyncio.gather(
            read_until(first, sum(len(found[tp]) for tp in first.assignment())),
            read_until(second, sum(len(found[tp]) for tp in second.assignment())),
        )
        assert sorted(values(both[0]) + values(both[1])) == list(range(200, 400))

    async def test_a_member_is_told_of_its_partitions_before_their_first_record(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """However long on_assigned takes, no record overtakes it."""
        await event_log.producer().append(topic, numbered(100))
        told: set[TopicPartition] = set()

        async def slowly(partitions: frozenset[TopicPartition]) -> None:
            await asyncio.sleep(0.5)
            told.update(partitions)

        consumer = event_log.consumer(group, [topic], on_assigned=slowly)
        seen = 0
        async with asyncio.timeout(30):
            while seen < 100:
                found = await consumer.read(500, 0.2)
                assert found.keys() <= told
                seen += sum(map(len, found.values()))

    async def test_partitions_of_a_member_that_left_go_to_the_other(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """close() drains, leaves, and the rest of the group reads on at once."""
        revoked: list[TopicPartition] = []

        async def on_revoked(partitions: frozenset[TopicPartition]) -> None:
            await asyncio.sleep(0)
            revoked.extend(partitions)

        first = event_log.consumer(group, [topic], on_revoked=on_revoked)
        second = event_log.consumer(group, [topic])
        await self._share(first, second)
        had = set(first.assignment())
        revoked.clear()
        await first.close()
        assert set(revoked) == had

        async def all_mine() -> bool:
            await second.read(10, 0.1)
            return len(second.assignment()) == _PARTITIONS

        await eventually(all_mine, 30)

    async def _share(self, first: Consumer, second: Consumer) -> None:
        async def shared() -> bool:
            await asyncio.gather(first.read(10, 0.1), second.read(10, 0.1))
            return len(first.assignment()) == 2 == len(second.assignment())

        await eventually(shared, 40)

    async def test_commit_of_a_partition_that_went_elsewhere_is_left_out(
        self, event_log: EventLog, topic: str, group: str
    ) -> None:
        """A late commit neither fails nor moves the group of the new owner."""
        await event_log.producer().append(topic, numbered(40))
        first = event_log.consumer(group, [topic])
        await read_until(first, 40)
        second = event_log.consumer(group, [topic])
        await self._share(first, second)
        gone = set(second.assignment())
        before = await event_log.committed(group, [topic])
        await first.commit(dict.fromkeys(gone, 1))
        assert await event_log.committed(group, [topic]) == before

    async def test_a_killed_member_is_replaced_and_its_uncommitted_records_come_again(
        self, event_log: EventLog, event_log_settings: EventLogSettings, topic: str, group: str
    ) -> None:
        """SIGKILL of a process that read everything and committed nothing loses nothing."""
        await event_log.producer().append(topic, numbered(100))
        victim = await self._start_reader(event_log_settings, group, topic, 100)
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        survivor = event_log.consumer(group, [topic])
        assert values(await read_until(survivor, 100, deadline_s=40)) == list(range(100))

    async def test_a_restart_under_the_same_instance_id_does_not_wait(
        self, event_log: EventLog, event_log_settings: EventLogSettings, topic: str, group: str
    ) -> None:
        """A killed process that comes back under its name reads on before its session times out."""
        patient = event_log_settings.model_copy(update={"session_timeout_s": 25.0})
        await event_log.producer().append(topic, numbered(100))
        victim = await self._start_reader(patient, group, topic, 100, instance_id="loader-0")
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        async with open_event_log(patient) as log:
            restarted = log.consumer(group, [topic], instance_id="loader-0")
            assert values(await read_until(restarted, 100, deadline_s=12)) == list(range(100))

    async def _start_reader(
        self,
        settings: EventLogSettings,
        group: str,
        topic: str,
        count: int,
        *,
        instance_id: str = "",
    ) -> asyncio.subprocess.Process:
        """Start a process that reads ``count`` records, commits none, and stays."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bridgework_testkit.reader",
            group,
            topic,
            str(count),
            instance_id,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(reader_settings(settings).encode() + b"\n")
        line = await asyncio.wait_for(process.stdout.readline(), 40)
        assert line == b"read\n"
        return process

    # -- topics -----------------------------------------------------------------------------

    async def test_topics_are_created_once_and_deleted_with_everything(
        self, event_log: EventLog, topic: str
    ) -> None:
        """Creating again changes nothing; a deleted topic comes back empty."""
        await event_log.producer().append(topic, numbered(10))
        await event_log.create_topics({topic: 7})
        assert (await event_log.topics())[topic] == _PARTITIONS
        assert sum((await event_log.end_offsets([topic])).values()) == 10
        await event_log.delete_topics([topic, f"{topic}.never"])
        assert topic not in await event_log.topics()
        await event_log.create_topics({topic: 2})
        ends = await event_log.end_offsets([topic])
        assert ends == {TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 0}

    async def test_appending_to_an_unknown_topic_says_so(
        self, event_log: EventLog, tenant: TenantId
    ) -> None:
        """Topics come from control, never by accident."""
        with pytest.raises(UnknownTopic):
            await event_log.producer().append(f"bridgework.{tenant}.nowhere.v1", numbered(1))

    async def test_a_member_reads_a_topic_that_is_created_after_it_joined(
        self, event_log: EventLog, tenant: TenantId, group: str
    ) -> None:
        """Services may start before control has created their tenant's topics."""
        topic = f"bridgework.{tenant}.writes.v1"
        consumer = event_log.consumer(group, [topic])
        assert await consumer.read(10, 0.3) == {}
        await event_log.create_topics({topic: 1})
        await event_log.producer().append(topic, numbered(5))
        assert values(await read_until(consumer, 5)) == list(range(5))


def reader_settings(settings: EventLogSettings) -> str:
    """Return settings as one line of JSON with the secret in it, for a child's standard input."""
    plain = settings.model_dump(mode="json")
    if settings.dsn is not None:
        plain["dsn"] = settings.dsn.get_secret_value()
    return json.dumps(plain)
