"""The consumer loop on a real log: what each answer of a handler leads to."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import structlog
from bridgework_contracts.codec import decode as decode_message
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.errors import (
    ContractViolation,
    DestinationUnavailable,
    RateLimited,
    RecordRejected,
)
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.attempts import PostgresAttempts
from bridgework_eventlog.errors import LoopStopped
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.loop import Batch, ConsumerLoop, Handler, Hold
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.partitioner import partition_of
from bridgework_eventlog.policies import IN_ORDER, SPREAD, AckPolicy
from bridgework_eventlog.port import EventLog, NewRecord, TopicPartition
from bridgework_store.pool import Pool
from bridgework_testkit.event_log_contract import read_until
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fixtures import embedded_log_settings
from prometheus_client import CollectorRegistry

QUICK = replace(IN_ORDER, first_pause_s=0.01, commit_interval_s=0.02, drain_timeout_s=5.0)


def number(value: bytes) -> int:
    """Decode a message of these tests: a number."""
    try:
        return int(value)
    except ValueError:
        raise ContractViolation("Not a number.", code="undecodable_message") from None


class Road:
    """One topic with one partition (unless said otherwise), its log, and loops on it."""

    def __init__(self, log: EventLog, pool: Pool, tenant: TenantId) -> None:
        self.log = log
        self.pool = pool
        self.tenant = tenant
        self.topic = topic_name(tenant, Subject.RECORDS)
        self.group = f"loader.{tenant}"
        self.registry = CollectorRegistry()
        self.seen: list[list[int]] = []

    async def create(self, partitions: int = 1) -> None:
        """Create the tenant's topics."""
        await self.log.create_topics(
            {self.topic: partitions, topic_name(self.tenant, Subject.DEAD_LETTERS): 1}
        )

    async def append(self, numbers: Sequence[int], *, key: bytes = b"k") -> None:
        """Append numbers as messages."""
        await self.log.producer().append(
            self.topic, [NewRecord(key, b"%d" % n, {"type": "N"}) for n in numbers]
        )

    def loop(self, handler: Handler, policy: AckPolicy = QUICK) -> ConsumerLoop:
        """Return a loop of this road."""
        return ConsumerLoop(
            self.log,
            group=self.group,
            topics=[self.topic],
            handler=handler,
            policy=policy,
            dead_letters=DeadLetters(self.log.producer(), group=self.group, service="loader"),
            attempts=PostgresAttempts(self.pool),
            service="loader",
            subject="records",
            decode=number,
            registry=self.registry,
        )

    def recording(
        self, then: Callable[[list[int]], Awaitable[None] | None] | None = None
    ) -> Handler:
        """Return a handler that remembers the numbers of each call, then calls ``then``."""

        async def handle(batch: Batch) -> None:
            numbers = [delivery.message for delivery in batch]
            self.seen.append(numbers)
            answer = then(numbers) if then is not None else None
            if answer is not None:
                await answer

        return handle

    @asynccontextmanager
    async def running(self, loop: ConsumerLoop) -> AsyncIterator[None]:
        """Run a loop for the length of the block, then stop it in order."""
        stop = asyncio.Event()
        task = asyncio.create_task(loop.run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)

    async def committed(self) -> int:
        """Return what the group committed in all."""
        return sum((await self.log.committed(self.group, [self.topic])).values())

    async def letters(self, count: int) -> list[DeadLetter]:
        """Return the dead letters, failing unless there are ``count``."""
        topic = topic_name(self.tenant, Subject.DEAD_LETTERS)
        assert sum((await self.log.end_offsets([topic])).values()) == count
        if not count:
            return []
        reader = self.log.consumer(f"person.{self.tenant}.{count}", [topic])
        (records,) = (await read_until(reader, count)).values()
        await reader.close()
        letters = [decode_message(record.value) for record in records]
        assert all(isinstance(letter, DeadLetter) for letter in letters)
        return letters  # type: ignore[return-value] # checked in the line above


@pytest.fixture
async def any_road(event_log: EventLog, pool: Pool, tenant: TenantId) -> Road:
    """A road on both logs in turn."""
    road = Road(event_log, pool, tenant)
    await road.create()
    return road


@pytest.fixture
async def road(database: str, pool: Pool, tenant: TenantId) -> AsyncIterator[Road]:
    """A road on the embedded log."""
    async with open_event_log(embedded_log_settings(database)) as log:
        road = Road(log, pool, tenant)
        await road.create()
        yield road


async def test_batches_arrive_in_order_and_are_committed(any_road: Road) -> None:
    """1,200 messages in order, in batches of at most 500; stopping commits all of them."""
    await any_road.append(range(1_200))
    async with any_road.running(any_road.loop(any_road.recording())):
        await eventually(lambda: sum(map(len, any_road.seen)) == 1_200, 30)
    assert [n for numbers in any_road.seen for n in numbers] == list(range(1_200))
    assert max(map(len, any_road.seen)) <= 500
    assert await any_road.committed() == 1_200


async def test_a_second_run_continues_where_the_first_committed(any_road: Road) -> None:
    """Nothing is handled twice when the first loop stopped in order."""
    await any_road.append(range(100))
    async with any_road.running(any_road.loop(any_road.recording())):
        await eventually(lambda: sum(map(len, any_road.seen)) == 100, 30)
    await any_road.append(range(100, 150))
    any_road.seen.clear()
    async with any_road.running(any_road.loop(any_road.recording())):
        await eventually(lambda: sum(map(len, any_road.seen)) == 50, 30)
    assert [n for numbers in any_road.seen for n in numbers] == list(range(100, 150))


async def test_a_culprit_becomes_a_dead_letter_and_its_neighbours_go_on(any_road: Road) -> None:
    """TerminalError isolates: 17 is dead-lettered whole, with code and hint; all else is done."""
    await any_road.append(range(30))
    done: list[int] = []

    def refuse_17(numbers: list[int]) -> None:
        if 17 in numbers:
            raise RecordRejected("Zoho refuses field Due_Date.", code="invalid_data")
        done.extend(numbers)

    async with any_road.running(any_road.loop(any_road.recording(refuse_17))):
        await eventually(any_road.committed, 30)
        await eventually(lambda: len(done) == 29, 30)
    assert sorted(done) == [n for n in range(30) if n != 17]
    assert await any_road.committed() == 30
    (letter,) = await any_road.letters(1)
    assert (letter.offset, letter.code, letter.error_class) == (
        17,
        "invalid_data",
        "RecordRejected",
    )
    assert base64.b64decode(letter.value_b64) == b"17"
    assert letter.hint == "Zoho refuses field Due_Date."
    assert letter.headers == {"type": "N"}
    assert letter.key == "k"


async def test_what_does_not_decode_becomes_a_dead_letter_without_stopping_its_batch(
    road: Road,
) -> None:
    """The rest of the batch is handled in one call."""
    await road.append(range(5))
    await road.log.producer().append(road.topic, [NewRecord(b"k", b"not a number")])
    await road.append(range(5, 10))
    async with road.running(road.loop(road.recording())):
        await eventually(lambda: sum(map(len, road.seen)) == 10)
    assert [n for numbers in road.seen for n in numbers] == list(range(10))
    (letter,) = await road.letters(1)
    assert (letter.offset, letter.code) == (5, "undecodable_message")
    assert await road.committed() == 11


async def test_a_transient_error_repeats_the_whole_batch_and_counts_the_attempt(
    road: Road,
) -> None:
    """Three tries of the same ten messages, attempts 1, 2, 3, then committed; no dead letter."""
    await road.append(range(10))
    attempts: list[int] = []

    async def handle(batch: Batch) -> None:
        attempts.extend({delivery.attempt for delivery in batch})
        assert [delivery.message for delivery in batch] == list(range(10))
        if len(attempts) < 3:
            raise DestinationUnavailable("Zoho answers 503.")
        await asyncio.sleep(0)

    async with road.running(road.loop(handle)):
        await eventually(lambda: len(attempts) == 3)
    assert attempts == [1, 2, 3]
    assert await road.committed() == 10
    await road.letters(0)


async def test_retry_after_is_obeyed_and_other_partitions_go_on(road: Road) -> None:
    """While one partition waits for its second try, the other handles everything."""
    topic = topic_name(road.tenant, Subject.WRITES)
    await road.log.create_topics({topic: 2})
    road.topic = topic
    one, other = (
        next(k for k in (b"%d" % n for n in range(99)) if partition_of(k, 2) == p) for p in (0, 1)
    )
    await road.append([1], key=one)
    await road.append(range(100, 200), key=other)
    tries: list[float] = []
    clock = asyncio.get_running_loop().time

    def wait_for_credits(numbers: list[int]) -> None:
        if 1 in numbers:
            tries.append(clock())
            if len(tries) == 1:
                raise RateLimited("No credits.", retry_after_s=0.6)

    async with road.running(road.loop(road.recording(wait_for_credits))):
        await eventually(lambda: sum(n >= 100 for call in road.seen for n in call) == 100)
        assert len(tries) == 1
        await eventually(lambda: len(tries) == 2)
    assert tries[1] - tries[0] >= 0.6


async def test_patience_that_ends_buries_only_what_fails_alone(road: Road) -> None:
    """After two tries of the batch each message gets one of its own; only 3 fails again."""
    await road.append(range(6))

    def away_for_3(numbers: list[int]) -> None:
        if 3 in numbers:
            raise DestinationUnavailable("Zoho answers 503.")

    policy = replace(QUICK, transient_attempts=2)
    async with road.running(road.loop(road.recording(away_for_3), policy)):
        await eventually(lambda: road.seen[-1:] == [[5]])
    assert road.seen == [[*range(6)], [*range(6)], [0], [1], [2], [3], [4], [5]]
    (letter,) = await road.letters(1)
    assert (letter.offset, letter.code) == (3, "destination_unavailable")
    assert await road.committed() == 6


async def test_patience_that_ends_can_stop_the_loop_instead(road: Road) -> None:
    """on_exhausted="stop": nothing is committed, nothing buried, the error is raised."""
    await road.append(range(6))

    def away(_numbers: list[int]) -> None:
        raise DestinationUnavailable("Zoho answers 503.")

    policy = replace(QUICK, transient_attempts=2, on_exhausted="stop")
    with pytest.raises(LoopStopped) as caught:
        await asyncio.wait_for(road.loop(road.recording(away), policy).run(asyncio.Event()), 20)
    assert isinstance(caught.value.original, DestinationUnavailable)
    assert await road.committed() == 0
    await road.letters(0)


async def test_a_hold_keeps_the_place_until_released(road: Road) -> None:
    """Deliveries before the hold are committed; the rest comes again at once after release()."""
    await road.append(range(10))
    is_open = False

    def wave(numbers: list[int]) -> None:
        closed = [at for at, n in enumerate(numbers) if n >= 4 and not is_open]
        if closed:
            raise Hold(closed[0], "wave_closed")

    loop = road.loop(road.recording(wave), replace(QUICK, hold_poll_s=60.0))
    async with road.running(loop):
        await eventually(lambda: road.seen == [[*range(10)]])
        await eventually(road.committed)
        assert await road.committed() == 4
        loop.release("something_else")
        await asyncio.sleep(0.1)
        assert len(road.seen) == 1
        is_open = True
        loop.release("wave_closed")
        await eventually(lambda: road.seen[1:] == [[*range(4, 10)]])
    assert await road.committed() == 10


async def test_a_hold_is_offered_again_by_itself_and_spins_not(road: Road) -> None:
    """Without a release the batch comes back every hold_poll_s, attempt still 1."""
    await road.append([1])
    attempts: list[int] = []
    began = time.monotonic()

    async def handle(batch: Batch) -> None:
        await asyncio.sleep(0)
        attempts.append(batch.deliveries[0].attempt)
        raise Hold(0, "run_unknown")

    async with road.running(road.loop(handle, replace(QUICK, hold_poll_s=0.2))):
        await eventually(lambda: len(attempts) >= 5)
    assert set(attempts) == {1}
    assert len(attempts) <= 2 + (time.monotonic() - began) / 0.2
    assert await road.committed() == 0


async def test_a_release_between_the_handlers_look_and_its_hold_is_not_lost(road: Road) -> None:
    """The wave opens while the handler is still busy deciding to hold: no waiting."""
    await road.append([1])

    async def handle(_batch: Batch) -> None:
        road.seen.append([1])
        if len(road.seen) == 1:
            loop.release()
            await asyncio.sleep(0)
            raise Hold(0, "wave_closed")

    loop = road.loop(handle, replace(QUICK, hold_poll_s=60.0))
    async with road.running(loop):
        await eventually(lambda: len(road.seen) == 2, 3)
    assert await road.committed() == 1


async def test_a_defect_stops_the_loop_without_commit_and_without_its_text(road: Road) -> None:
    """The error raised and logged name class and place, never what the exception says."""
    await road.append([0, 1, 2])

    def defect(_numbers: list[int]) -> None:
        raise KeyError("Ada Example, born 1980-01-01")

    with structlog.testing.capture_logs() as logs, pytest.raises(LoopStopped) as caught:
        await asyncio.wait_for(road.loop(road.recording(defect)).run(asyncio.Event()), 20)
    assert await road.committed() == 0
    assert isinstance(caught.value.original, KeyError)
    assert caught.value.__cause__ is None
    (failed,) = [entry for entry in logs if entry["event"] == "handler_failed"]
    assert failed["error_class"] == "KeyError"
    assert any("defect" in frame for frame in failed["frames"])
    assert "Ada" not in repr(logs) + str(caught.value)


async def test_poison_is_found_by_restarts_and_buried_alone(any_road: Road) -> None:
    """5 crashes every process: each restart runs suspects alone; after three ends it is buried."""
    await any_road.append(range(10))
    done: list[int] = []

    def poison(numbers: list[int]) -> None:
        if 5 in numbers:
            raise ZeroDivisionError
        done.extend(numbers)

    ends = 0
    for _ in range(5):
        loop = any_road.loop(any_road.recording(poison))
        stop = asyncio.Event()
        task = asyncio.create_task(loop.run(stop))
        await asyncio.wait(
            [task, waiting := asyncio.create_task(eventually(lambda: len(done) == 9, 30))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        if task.done() and task.exception() is not None:
            assert isinstance(task.exception(), LoopStopped)
            ends += 1
            waiting.cancel()
            await asyncio.wait([waiting])
            continue
        stop.set()
        await task
        break
    assert ends == 3
    assert sorted(done) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    (letter,) = await any_road.letters(1)
    assert (letter.offset, letter.code, letter.attempts) == (5, "poison", 4)
    assert await any_road.committed() == 10
    assert not await PostgresAttempts(any_road.pool).suspects(
        any_road.group, [TopicPartition(any_road.topic, 0)]
    )


async def test_out_of_order_batches_commit_only_up_to_the_first_unfinished(road: Road) -> None:
    """SPREAD: the first batch hangs, seven others finish; only stopping in order commits them."""
    await road.append(range(64))
    hang = asyncio.Event()

    async def handle(batch: Batch) -> None:
        numbers = [delivery.message for delivery in batch]
        if 0 in numbers:
            await hang.wait()
        road.seen.append(numbers)

    policy = replace(SPREAD, commit_interval_s=0.02)
    async with road.running(road.loop(handle, policy)):
        await eventually(lambda: sum(map(len, road.seen)) == 56)
        await asyncio.sleep(0.1)
        assert await road.committed() == 0
        hang.set()
        await eventually(lambda: sum(map(len, road.seen)) == 64)
    assert await road.committed() == 64


async def test_a_slow_handler_pauses_its_partition_instead_of_filling_memory(road: Road) -> None:
    """Read ahead is bounded by the policy; when the handler goes on, everything arrives."""
    await road.append(range(5_000))
    gate = asyncio.Event()

    async def handle(batch: Batch) -> None:
        await gate.wait()
        road.seen.append([delivery.message for delivery in batch])

    loop = road.loop(handle, replace(QUICK, batch_size=100, buffered_batches=3))
    async with road.running(loop):
        (lane,) = await eventually(lambda: list(loop._lanes.values()))
        await eventually(lambda: lane.paused)
        await asyncio.sleep(0.3)
        assert lane.in_flight <= 100 + 2 * 300
        gate.set()
        await eventually(lambda: sum(map(len, road.seen)) == 5_000)
    assert [n for numbers in road.seen for n in numbers] == list(range(5_000))


async def test_stopping_finishes_what_runs_and_starts_nothing_new(road: Road) -> None:
    """The batch in flight is finished and committed, the next one stays for the next process."""
    await road.append(range(20))
    stop, entered = asyncio.Event(), asyncio.Event()

    async def handle(batch: Batch) -> None:
        entered.set()
        await asyncio.sleep(0.4)
        road.seen.append([delivery.message for delivery in batch])

    task = asyncio.create_task(road.loop(handle, replace(QUICK, batch_size=5)).run(stop))
    await entered.wait()
    stop.set()
    await asyncio.wait_for(task, 10)
    assert road.seen == [[0, 1, 2, 3, 4]]
    assert await road.committed() == 5


async def test_a_batch_that_outlasts_the_drain_is_cancelled_and_not_committed(road: Road) -> None:
    """Stopping is bounded; the batch comes again."""
    await road.append(range(3))
    stop, entered = asyncio.Event(), asyncio.Event()

    async def handle(_batch: Batch) -> None:
        entered.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(road.loop(handle, replace(QUICK, drain_timeout_s=0.2)).run(stop))
    await entered.wait()
    stop.set()
    await asyncio.wait_for(task, 5)
    assert await road.committed() == 0


async def test_a_batch_in_a_retry_pause_does_not_delay_stopping(road: Road) -> None:
    """A pause of an hour ends when the loop stops."""
    await road.append(range(3))

    def away(_numbers: list[int]) -> None:
        raise DestinationUnavailable("Zoho answers 503.", retry_after_s=3600)

    async with asyncio.timeout(10):
        async with road.running(road.loop(road.recording(away))):
            await eventually(lambda: len(road.seen) == 1)
    assert await road.committed() == 0


async def test_two_members_share_the_work_and_nothing_is_lost_or_reordered(
    any_road: Road, tenant: TenantId
) -> None:
    """A second loop joins in the middle; every key stays in order, everything is committed."""
    topic = topic_name(tenant, Subject.WRITES)
    await any_road.log.create_topics({topic: 4})
    any_road.topic = topic
    by_key: dict[bytes, list[int]] = {}

    async def handle(batch: Batch) -> None:
        await asyncio.sleep(0.01)
        for delivery in batch:
            assert delivery.record.key is not None
            by_key.setdefault(delivery.record.key, []).append(delivery.message)

    async def append_some(start: int) -> None:
        for key in range(8):
            await any_road.append(range(start, start + 50), key=b"key-%d" % key)

    policy = replace(QUICK, batch_size=10)
    await append_some(0)
    async with any_road.running(any_road.loop(handle, policy)):
        await eventually(lambda: len(by_key) == 8, 30)
        async with any_road.running(any_road.loop(handle, policy)):
            await append_some(50)
            await eventually(any_road.committed, 30)
            await append_some(100)

            async def all_committed() -> bool:
                return await any_road.committed() == 8 * 150

            await eventually(all_committed, 40)
    for numbers in by_key.values():
        firsts = list(dict.fromkeys(numbers))  # a rebalance may repeat, never reorder
        assert firsts == list(range(150))


async def test_metrics_count_by_service_and_subject(road: Road) -> None:
    """Done, dead and the handler's time are counted; labels hold no ids."""
    await road.append(range(10))

    def refuse_3(numbers: list[int]) -> None:
        if 3 in numbers:
            raise RecordRejected("No.", code="invalid_data")

    async with road.running(road.loop(road.recording(refuse_3))):
        await eventually(
            lambda: road.registry.get_sample_value(
                "bridgework_records_total",
                {"service": "loader", "subject": "records", "result": "dead"},
            )
        )
        await eventually(
            lambda: (
                road.registry.get_sample_value(
                    "bridgework_records_total",
                    {"service": "loader", "subject": "records", "result": "done"},
                )
                == 9
            )
        )
    labels = {"service": "loader", "subject": "records"}
    assert (
        road.registry.get_sample_value(
            "bridgework_dead_letters_total", {**labels, "code": "invalid_data"}
        )
        == 1
    )
    assert (road.registry.get_sample_value("bridgework_batch_seconds_count", labels) or 0) >= 11
    for metric in road.registry.collect():
        for sample in metric.samples:
            assert set(sample.labels) <= {"service", "subject", "result", "code", "le"}
