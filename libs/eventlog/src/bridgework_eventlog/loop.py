"""The one consumer loop: read, hand over in batches, commit what is done, give back in order.

What a handler's answer means is decided in :mod:`bridgework_eventlog.handling`. Here is the flow:
records wait in one lane per partition, batches of a lane run as tasks, a lane with enough waiting
is paused at the log, and a lane that is taken away is drained and committed first.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence

import structlog
from bridgework_contracts.codec import decode as decode_message
from bridgework_contracts.errors import StoreUnavailable, TransientError
from prometheus_client import REGISTRY, CollectorRegistry

from bridgework_eventlog.attempts import AttemptStore
from bridgework_eventlog.backoff import pause_s
from bridgework_eventlog.batches import Batch, Delivery, Hold
from bridgework_eventlog.errors import LoopStopped
from bridgework_eventlog.frames import causes, frames
from bridgework_eventlog.handling import Abandoned, Decode, Handler, Handling
from bridgework_eventlog.lane import Lane, Running
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.metrics import Level, loop_metrics
from bridgework_eventlog.policies import AckPolicy
from bridgework_eventlog.port import Consumer, EventLog, Record, TopicPartition

__all__ = ["Batch", "ConsumerLoop", "Delivery", "Handler", "Hold"]

log = structlog.get_logger(__name__)

_READ_WAIT_S = 0.2
_MOST_PER_READ = 2_000
_LAG_INTERVAL_S = 15.0
_STUCK_S = 120.0  # a Kafka consumer can stay connected and never receive again
_SUSPECTS_TRIES = 5


class ConsumerLoop:
    """Consumes topics in one group with one handler.

    Args:
        log_: The (sealed) event log.
        group: Offsets are kept per group.
        topics: What to read.
        handler: Gets batches of one partition; may be called twice for the same messages.
        policy: Order, batch size, patience.
        dead_letters: Where what cannot be handled goes.
        attempts: Process ends that a record caused, remembered across restarts.
        service: Label of metrics.
        subject: Label of metrics.
        decode: bytes → message; raises ``TerminalError`` for what is no message.
        instance_id: Static membership, so that a restart takes its partitions over at once.
        registry: Where metrics go.

    Attributes:
        turned_at: ``time.monotonic()`` of the last turn of the loop: liveness.
        last_progress_at: ``time.monotonic()`` of the last finished batch.
    """

    def __init__(
        self,
        log_: EventLog,
        *,
        group: str,
        topics: Sequence[str],
        handler: Handler,
        policy: AckPolicy,
        dead_letters: DeadLetters,
        attempts: AttemptStore,
        service: str,
        subject: str,
        decode: Decode = decode_message,
        instance_id: str | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        metrics = loop_metrics(registry)
        self._log = log_
        self._group = group
        self._topics = list(topics)
        self._policy = policy
        self._attempts = attempts
        self._instance_id = instance_id
        self._handling = Handling(
            group=group,
            handler=handler,
            decode=decode,
            policy=policy,
            dead_letters=dead_letters,
            attempts=attempts,
            metrics=metrics,
            service=service,
            subject=subject,
        )
        self._paused = Level(metrics.paused.labels(service, subject))
        self._waiting = Level(metrics.waiting.labels(service, subject))
        self._lag = Level(metrics.lag.labels(service, subject))
        self._lanes: dict[TopicPartition, Lane] = {}
        self._consumer: Consumer | None = None
        self._committing = asyncio.Lock()
        self._failure: LoopStopped | None = None
        self._read_at = 0.0
        self.turned_at = self.last_progress_at = time.monotonic()

    def release(self, reason: str | None = None) -> None:
        """Offer held batches again now: all, or those held for ``reason``."""
        for lane in self._lanes.values():
            if reason is None or lane.hold_reason == reason:
                lane.release()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; then finish what is in flight, commit, leave.

        Raises:
            LoopStopped: A handler failed with a defect, or the policy's patience ended.
            MemberFenced, ConfigurationError: The log refuses us.
        """
        consumer = self._consumer = self._log.consumer(
            self._group,
            self._topics,
            instance_id=self._instance_id,
            on_assigned=self._on_assigned,
            on_revoked=self._on_revoked,
        )
        self._read_at = asyncio.get_running_loop().time()
        beside = [
            asyncio.create_task(self._commit_often(consumer), name=f"commit {self._group}"),
            asyncio.create_task(self._watch_lag(), name=f"lag {self._group}"),
        ]
        try:
            while not stop.is_set() and self._failure is None:
                self.turned_at = time.monotonic()
                await self._read_once(consumer)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await self._leave(consumer)
        if self._failure is not None:
            raise self._failure

    async def _leave(self, consumer: Consumer) -> None:
        await self._drain(self._lanes.values())
        try:
            await self._commit(consumer, self._lanes)
            await consumer.close()
        except TransientError as exc:
            log.warning("left_without_commit", group=self._group, code=exc.code)
        self._lanes.clear()
        for level in (self._paused, self._waiting, self._lag):
            level.set(0)

    # ---- reading ----------------------------------------------------------------------------

    async def _read_once(self, consumer: Consumer) -> None:
        self._balance(consumer)
        most = min(self._policy.buffer_records, _MOST_PER_READ)
        try:
            # Awaited directly: nothing may run between the log's last look at our assignment and
            # the lanes below.
            found = await consumer.read(most, _READ_WAIT_S)
        except StoreUnavailable as exc:
            log.warning("log_not_read", group=self._group, code=exc.code)
            await asyncio.sleep(pause_s(1, first_s=1.0, longest_s=1.0))
            return
        now = asyncio.get_running_loop().time()
        for partition, records in found.items():
            lane = self._lanes.get(partition)
            if lane is not None and not lane.closed:
                lane.put(records, now)
                self._read_at = now
                self._pump(lane)

    def _balance(self, consumer: Consumer) -> None:
        """Pause lanes that have enough, resume those that have room again."""
        lanes = self._lanes.values()
        busy = sum(lane.in_flight for lane in lanes if not lane.waiting)
        limit, most = self._policy.buffer_records, self._policy.most_in_flight
        for lane in lanes:
            if lane.paused:
                if lane.queued <= limit // 2 and busy <= most // 2:
                    lane.paused = False
                    consumer.resume([lane.partition])
            elif lane.queued >= limit or (busy >= most and lane.queued):
                lane.paused = True
                consumer.pause([lane.partition])
        self._paused.set(sum(lane.paused for lane in lanes))
        self._waiting.set(sum(lane.waiting > 0 for lane in lanes))

    # ---- batches ----------------------------------------------------------------------------

    def _pump(self, lane: Lane) -> None:
        """Start as many batches of a lane as may run; come back when a linger ends."""
        loop = asyncio.get_running_loop()
        while (wait_s := lane.ready_in(self._policy, loop.time())) is not None:
            if wait_s > 0:
                if not lane.lingering:
                    lane.lingering = True
                    loop.call_later(wait_s, self._end_linger, lane)
                return
            records = lane.take(self._policy.batch_size)
            # Begun here, not in the task: a commit in between would skip what no one holds.
            task = asyncio.create_task(self._run_batch(lane, lane.begin(records), records))
            lane.tasks.add(task)
            task.add_done_callback(lane.tasks.discard)

    def _end_linger(self, lane: Lane) -> None:
        lane.lingering = False
        self._pump(lane)

    async def _run_batch(self, lane: Lane, running: Running, records: list[Record]) -> None:
        try:
            await self._handling.run(lane, running, records)
        except Abandoned:
            return  # still counted as running, so nothing behind it is committed
        except LoopStopped as exc:
            self._fail(exc)
            return
        except Exception as exc:  # noqa: BLE001 - a defect of the loop itself; run() raises it
            log.error("loop_failed", causes=causes(exc), frames=frames(exc))  # noqa: TRY400 - the text may hold values
            self._fail(LoopStopped("The consumer loop failed; its log says where.", exc))
            return
        lane.end(running)
        self.last_progress_at = time.monotonic()
        if not lane.closed:
            self._pump(lane)
            if lane.paused and self._consumer is not None:
                self._balance(self._consumer)

    def _fail(self, exc: LoopStopped) -> None:
        if self._failure is None:
            self._failure = exc
        for lane in self._lanes.values():
            lane.close()

    # ---- partitions come and go ---------------------------------------------------------------

    async def _on_assigned(self, partitions: frozenset[TopicPartition]) -> None:
        suspects = await self._suspects(partitions)
        for partition in partitions:
            self._lanes[partition] = Lane(partition, suspects.get(partition, {}))
        log.info(
            "partitions_assigned",
            group=self._group,
            count=len(partitions),
            suspects=sum(map(len, suspects.values())),
        )

    async def _suspects(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, dict[int, int]]:
        tries = 1
        while True:
            try:
                return await self._attempts.suspects(self._group, partitions)
            except TransientError as exc:
                if tries >= _SUSPECTS_TRIES:
                    raise
                log.warning("suspects_not_read", group=self._group, code=exc.code)
                await asyncio.sleep(pause_s(tries, first_s=0.2, longest_s=5.0))
                tries += 1

    async def _on_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        lanes = {tp: lane for tp in partitions if (lane := self._lanes.get(tp)) is not None}
        await self._drain(lanes.values())
        try:
            if self._consumer is not None:
                await self._commit(self._consumer, lanes)
        except TransientError as exc:
            log.warning("revoked_without_commit", group=self._group, code=exc.code)
        for tp, lane in lanes.items():
            if self._lanes.get(tp) is lane:
                del self._lanes[tp]
        if partitions:
            log.info("partitions_revoked", group=self._group, count=len(partitions))

    async def _drain(self, lanes: Iterable[Lane]) -> None:
        """Let running batches finish within the policy's time, then cancel them."""
        tasks: set[asyncio.Task[None]] = set()
        for lane in lanes:
            lane.close()
            tasks |= lane.tasks
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._policy.drain_timeout_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("batches_cancelled", group=self._group, count=len(late))
            await asyncio.wait(late)

    # ---- committing and watching ----------------------------------------------------------------

    async def _commit_often(self, consumer: Consumer) -> None:
        while True:
            await asyncio.sleep(self._policy.commit_interval_s)
            try:
                await self._commit(consumer, self._lanes)
            except TransientError as exc:
                log.warning("offsets_not_committed", group=self._group, code=exc.code)

    async def _commit(self, consumer: Consumer, lanes: dict[TopicPartition, Lane]) -> None:
        async with self._committing:
            finished = {
                partition: (lane, offset)
                for partition, lane in lanes.items()
                if (offset := lane.to_commit) is not None
            }
            if not finished:
                return
            await consumer.commit({tp: offset for tp, (_, offset) in finished.items()})
            for partition, (lane, offset) in finished.items():
                if lane.committed(offset):
                    await self._attempts.forget(self._group, partition, offset)

    async def _watch_lag(self) -> None:
        while True:
            try:
                lag = await self._log.lag(self._group, self._topics)
            except TransientError as exc:
                log.warning("lag_not_read", group=self._group, code=exc.code)
            else:
                self._lag.set(sum(lag.values()))
                self._stop_if_stuck(lag)
            await asyncio.sleep(_LAG_INTERVAL_S)

    def _stop_if_stuck(self, lag: dict[TopicPartition, int]) -> None:
        """Stop when idle lanes have had records to read for long and none came."""
        starved = any(
            lag.get(tp, 0) and not (lane.in_flight or lane.waiting or lane.paused)
            for tp, lane in self._lanes.items()
        )
        now = asyncio.get_running_loop().time()
        if not starved:
            self._read_at = now
        elif now - self._read_at > _STUCK_S:
            log.error("reader_stuck", group=self._group, lag=sum(lag.values()))
            stuck = StoreUnavailable("The log has records for us and delivers none.", code="stuck")
            self._fail(LoopStopped("The reader is stuck; start the process again.", stuck))
