"""The one consumer loop: read, hand over in batches, decide by error class, commit what is done.

Handlers only handle. Retry, dead letter, hold or stop is decided here, once:

* return: the batch is done;
* :class:`~bridgework_eventlog.batches.Hold`: not yet, keep the place;
* ``TransientError``: the same batch again after a growing pause, this partition only;
* ``TerminalError``: one by one, so that only the culprit goes to the dead letters;
* anything else is a defect: nothing is committed, the process stops; a record that stops it again
  and again is dead-lettered as poison.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import structlog
from bridgework_contracts.codec import decode as decode_message
from bridgework_contracts.errors import StoreUnavailable, TerminalError, TransientError
from prometheus_client import Counter, Gauge, Histogram

from bridgework_eventlog.attempts import AttemptStore
from bridgework_eventlog.batches import Batch, Delivery, Hold
from bridgework_eventlog.lane import Lane
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.policies import AckPolicy
from bridgework_eventlog.port import Consumer, EventLog, Record, TopicPartition

__all__ = ["Batch", "ConsumerLoop", "Delivery", "Handler", "Hold"]

log = structlog.get_logger(__name__)

Handler = Callable[[Batch], Awaitable[None]]
Decode = Callable[[bytes], object]

RECORDS = Counter(
    "bridgework_records_total", "Records by what became of them.", ["service", "subject", "result"]
)
BATCH_SECONDS = Histogram(
    "bridgework_batch_seconds", "Time a handler took for a batch.", ["service", "subject"]
)
DEAD = Counter("bridgework_dead_letters_total", "Dead letters.", ["service", "subject", "code"])
PAUSED = Gauge("bridgework_partitions_paused", "Partitions paused.", ["service", "subject"])

_READ_WAIT_S = 0.2
_UNDECODABLE = "undecodable_message"


class ConsumerLoop:
    """Consumes topics in one group with one handler.

    Args:
        log_: The (sealed) event log.
        group: Offsets are kept per group.
        topics: What to read.
        handler: Gets batches of one partition.
        policy: Order, batch size, patience.
        dead_letters: Where what cannot be handled goes.
        attempts: Failures that outlive the process.
        service: Label of metrics.
        subject: Label of metrics.
        decode: bytes → message.
        instance_id: Static membership, so that a restart takes its partitions over at once.
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
    ) -> None:
        self._log = log_
        self._group = group
        self._topics = list(topics)
        self._handler = handler
        self._policy = policy
        self._dead_letters = dead_letters
        self._attempts = attempts
        self._labels = {"service": service, "subject": subject}
        self._decode = decode
        self._instance_id = instance_id
        self._lanes: dict[TopicPartition, Lane] = {}
        self._workers: dict[TopicPartition, list[asyncio.Task[None]]] = {}
        self._released = asyncio.Event()
        self._failed: asyncio.Future[None] | None = None
        self.last_progress_at = time.monotonic()

    def release(self) -> None:
        """Offer held batches again now."""
        self._released.set()
        self._released = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; then finish what is in flight, commit, leave.

        Raises:
            Exception: whatever a handler raised that is neither transient nor terminal.
        """
        self._failed = asyncio.get_running_loop().create_future()
        consumer = self._log.consumer(
            self._group,
            self._topics,
            instance_id=self._instance_id,
            on_assigned=self._on_assigned,
            on_revoked=lambda gone: self._on_revoked(consumer, gone),
        )
        committing = asyncio.create_task(self._commit_often(consumer))
        try:
            while not stop.is_set() and not self._failed.done():
                await self._read_once(consumer)
        finally:
            committing.cancel()
            with suppress(asyncio.CancelledError):
                await committing
            await self._drain(list(self._lanes))
            with suppress(StoreUnavailable):
                await self._commit(consumer)
            await consumer.close()
        if self._failed.done():
            await self._failed
        self._failed.cancel()

    # ---- reading ----------------------------------------------------------------------------

    async def _read_once(self, consumer: Consumer) -> None:
        limit = self._policy.batch_size * self._policy.buffered_batches
        for lane in self._lanes.values():
            waiting = len(lane.buffer)
            if waiting >= limit and not lane.paused:
                consumer.pause([lane.partition])
                lane.paused = True
                PAUSED.labels(**self._labels).inc()
            elif waiting < limit / 2 and lane.paused:
                consumer.resume([lane.partition])
                lane.paused = False
                PAUSED.labels(**self._labels).dec()
        try:
            found = await consumer.read(limit, _READ_WAIT_S)
        except StoreUnavailable as exc:
            log.warning("log_not_read", code=exc.code)
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311  # jitter
            return
        for partition, records in found.items():
            self._lane(partition).put(records)

    def _lane(self, partition: TopicPartition) -> Lane:
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane(partition)
            several = self._policy.lanes if self._policy.ordering == "none" else 1
            self._workers[partition] = [
                asyncio.create_task(
                    self._work(lane), name=f"{partition.topic}/{partition.partition}"
                )
                for _ in range(several)
            ]
        return lane

    async def _on_assigned(self, partitions: frozenset[TopicPartition]) -> None:
        log.debug("partitions_assigned", count=len(partitions))

    async def _on_revoked(self, consumer: Consumer, partitions: frozenset[TopicPartition]) -> None:
        await self._drain(partitions)
        with suppress(StoreUnavailable):
            await self._commit(consumer, partitions)
        for partition in partitions:
            lane = self._lanes.pop(partition, None)
            self._workers.pop(partition, None)
            if lane is not None and lane.paused:
                PAUSED.labels(**self._labels).dec()

    async def _drain(self, partitions: Iterable[TopicPartition]) -> None:
        workers: list[asyncio.Task[None]] = []
        for partition in partitions:
            lane = self._lanes.get(partition)
            if lane is not None:
                lane.closing = True
                lane.changed.set()
                workers.extend(self._workers.get(partition, ()))
        self._released.set()
        if workers:
            await asyncio.wait(workers)

    # ---- committing -------------------------------------------------------------------------

    async def _commit_often(self, consumer: Consumer) -> None:
        while True:
            await asyncio.sleep(self._policy.commit_interval_s)
            try:
                await self._commit(consumer)
            except StoreUnavailable as exc:
                log.warning("offsets_not_committed", code=exc.code)

    async def _commit(
        self, consumer: Consumer, only: Iterable[TopicPartition] | None = None
    ) -> None:
        wanted = (
            self._lanes if only is None else {p: self._lanes[p] for p in only if p in self._lanes}
        )
        offsets = {
            partition: offset
            for partition, lane in wanted.items()
            if (offset := lane.to_commit) is not None
        }
        if not offsets:
            return
        await consumer.commit(offsets)
        for partition, offset in offsets.items():
            if partition in self._lanes:
                self._lanes[partition].committed(offset)

    # ---- handling ---------------------------------------------------------------------------

    async def _work(self, lane: Lane) -> None:
        try:
            while not lane.closing:
                records = lane.take(self._policy.batch_size)
                if not records:
                    lane.changed.clear()
                    if not lane.buffer and not lane.closing:
                        await lane.changed.wait()
                    continue
                await self._handle(lane, records)
        except BaseException as exc:  # noqa: BLE001  # handed to run(), which raises it
            if self._failed is not None and not self._failed.done():
                self._failed.set_exception(exc)
            lane.closing = True

    async def _handle(self, lane: Lane, records: list[Record]) -> None:
        """Handle records until each is done, put back or dead-lettered."""
        if await self._failed_before(records):
            for record in records:
                if lane.closing:
                    lane.put_back([record])
                else:
                    await self._until_done(lane, [record], alone=True)
            return
        await self._until_done(lane, records, alone=len(records) == 1)

    async def _failed_before(self, records: Sequence[Record]) -> bool:
        # Asked once per partition and start: a crash leaves its mark on the first record of its
        # batch, which is the first record this lane sees again.
        lane = self._lanes.get(TopicPartition(records[0].topic, records[0].partition))
        if lane is None or lane.to_commit is not None:
            return False
        return await self._attempts.count(self._group, records[0]) > 0

    async def _until_done(self, lane: Lane, records: list[Record], *, alone: bool) -> None:
        attempt, began, remaining = 1, time.monotonic(), records
        while remaining:
            try:
                await self._call(lane, remaining, attempt)
            except Hold as hold:
                lane.finish(remaining[: hold.first_index])
                remaining = remaining[hold.first_index :]
                if await self._held(lane):
                    lane.put_back(remaining)
                    return
                attempt = 1
            except TransientError as exc:
                waited_s = time.monotonic() - began
                limit_s = self._policy.transient_limit_s
                if limit_s is not None and waited_s > limit_s:
                    for record in remaining:
                        await self._bury(lane, record, exc, attempt)
                    return
                if await self._paused(lane, exc, attempt):
                    lane.put_back(remaining)
                    return
                attempt += 1
            except TerminalError as exc:
                if alone:
                    await self._bury(lane, remaining[0], exc, attempt)
                    return
                for at, record in enumerate(remaining):
                    if lane.closing:
                        lane.put_back(remaining[at:])
                        return
                    await self._until_done(lane, [record], alone=True)
                return
            except asyncio.CancelledError:
                raise
            except Exception as exc:
                if await self._poisoned(lane, remaining, exc, alone=alone):
                    return
                raise
            else:
                lane.finish(remaining)
                RECORDS.labels(**self._labels, result="done").inc(len(remaining))
                self.last_progress_at = time.monotonic()
                return

    async def _call(self, lane: Lane, records: Sequence[Record], attempt: int) -> None:
        deliveries: list[Delivery] = []
        for record in records:
            if record.fault is not None:
                raise record.fault
            deliveries.append(Delivery(self._decode(record.value), record, attempt))
        began = time.perf_counter()
        try:
            await self._handler(Batch(lane.partition, deliveries))
        finally:
            BATCH_SECONDS.labels(**self._labels).observe(time.perf_counter() - began)

    async def _held(self, lane: Lane) -> bool:
        """Wait for a release; return whether the lane closes meanwhile."""
        released = self._released
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.hold_poll_s):
                await released.wait()
        return lane.closing

    async def _paused(self, lane: Lane, exc: TransientError, attempt: int) -> bool:
        """Wait before the next try; return whether the lane closes meanwhile."""
        pause_s = min(
            self._policy.longest_pause_s, self._policy.first_pause_s * 2 ** min(attempt, 12)
        )
        pause_s = max(pause_s * random.uniform(0.5, 1.0), exc.retry_after_s or 0.0)  # noqa: S311  # jitter
        log.warning("batch_postponed", code=exc.code, attempt=attempt, pause_s=round(pause_s, 2))
        RECORDS.labels(**self._labels, result="postponed").inc()
        until = time.monotonic() + pause_s
        while time.monotonic() < until and not lane.closing:
            await asyncio.sleep(min(0.2, max(0.0, until - time.monotonic())))
        return lane.closing

    async def _bury(self, lane: Lane, record: Record, exc: BaseException, attempts: int) -> None:
        await self._dead_letters.put(record, exc, attempts)
        code = str(getattr(exc, "code", "unexpected"))
        log.error("message_dead_lettered", code=code, offset=record.offset)
        DEAD.labels(**self._labels, code=code).inc()
        RECORDS.labels(**self._labels, result="dead").inc()
        lane.finish([record])
        await self._attempts.forget(self._group, record)

    async def _poisoned(
        self, lane: Lane, records: Sequence[Record], exc: Exception, *, alone: bool
    ) -> bool:
        """Count the failure; return whether the record was dead-lettered as poison."""
        attempts = await self._attempts.add(self._group, records[0], type(exc).__name__)
        log.error("handler_failed", attempts=attempts, exc_info=exc)
        if alone and attempts >= self._policy.poison_after:
            await self._bury(lane, records[0], exc, attempts)
            return True
        return False
