"""One batch through a handler, and what its answer means: decided here, once, by error class.

* return: the batch is done;
* :class:`~bridgework_eventlog.batches.Hold`: not yet, keep the place and offer the rest again;
* ``TransientError``: the same batch again after a growing pause, this partition only;
* ``TerminalError``: one by one, so that only the culprit goes to the dead letters;
* anything else is a defect: counted durably, nothing of the batch is committed, the loop stops.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import perf_counter
from typing import NoReturn

import structlog
from bridgework_contracts.errors import BridgeworkError, TerminalError, TransientError

from bridgework_eventlog.attempts import AttemptStore
from bridgework_eventlog.backoff import pause_s
from bridgework_eventlog.batches import Batch, Delivery, Hold
from bridgework_eventlog.errors import LoopStopped, PoisonMessage
from bridgework_eventlog.frames import causes, frames
from bridgework_eventlog.lane import Lane, Running
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.metrics import LoopMetrics
from bridgework_eventlog.policies import AckPolicy
from bridgework_eventlog.port import Record

log = structlog.get_logger(__name__)

Handler = Callable[[Batch], Awaitable[None]]
Decode = Callable[[bytes], object]


class Abandoned(Exception):
    """The lane closed while a batch waited; what is not finished is not committed."""


class Handling:
    """Applies one policy to the batches of one loop."""

    def __init__(
        self,
        *,
        group: str,
        handler: Handler,
        decode: Decode,
        policy: AckPolicy,
        dead_letters: DeadLetters,
        attempts: AttemptStore,
        metrics: LoopMetrics,
        service: str,
        subject: str,
    ) -> None:
        self._group = group
        self._handler = handler
        self._decode = decode
        self._policy = policy
        self._dead_letters = dead_letters
        self._attempts = attempts
        self._seconds = metrics.batch_seconds.labels(service, subject)
        self._done = metrics.records.labels(service, subject, "done")
        self._dead = metrics.records.labels(service, subject, "dead")
        self._postponed = metrics.records.labels(service, subject, "postponed")
        self._letters = metrics.dead_letters
        self._labels = (service, subject)

    async def run(self, lane: Lane, running: Running, records: Sequence[Record]) -> None:
        """Return when every record is handled or dead-lettered.

        ``running.first_offset`` follows what is finished in front.

        Raises:
            Abandoned: The lane closed meanwhile.
            LoopStopped: A defect, or the end of the policy's patience.
        """
        structlog.contextvars.bind_contextvars(
            topic=lane.partition.topic,
            partition=lane.partition.partition,
            first_offset=records[0].offset,
        )
        deliveries: list[Delivery] = []
        spoiled: list[tuple[Record, TerminalError]] = []
        for record in records:
            ended = lane.suspects.get(record.offset, 0) if lane.suspects else 0
            if ended >= self._policy.poison_after:
                spoiled.append((record, _poison(ended)))
            elif record.fault is not None:
                spoiled.append((record, record.fault))
            else:
                try:
                    message = self._decode(record.value)
                except TerminalError as exc:
                    spoiled.append((record, exc))
                except Exception as defect:  # noqa: BLE001 - the loop decides about defects
                    await self._crash(lane, [record.offset], defect)
                else:
                    deliveries.append(Delivery(message, record, ended + 1))
        for record, reason in spoiled:
            await self._bury(lane, record, reason, 1 + lane.suspects.get(record.offset, 0))
        if deliveries:
            await self._settle(lane, running, deliveries)

    async def _settle(
        self,
        lane: Lane,
        running: Running,
        deliveries: Sequence[Delivery],
        *,
        last_chance: bool = False,
    ) -> None:
        clock = asyncio.get_running_loop().time
        began, tries = clock(), 1
        while deliveries:
            if lane.closed:
                raise Abandoned
            # Set before the call: after Hold the deliveries in front are done. Under isolation
            # each later record moves it on.
            running.first_offset = deliveries[0].record.offset
            releases = lane.releases
            try:
                await self._call(lane, deliveries)
            except Hold as hold:
                done = min(max(hold.first_index, 0), len(deliveries))
                self._done.inc(done)
                deliveries = deliveries[done:]
                began, tries = clock(), 1
                if deliveries:
                    running.first_offset = deliveries[0].record.offset
                    await self._until_released(lane, hold.reason, releases)
            except TransientError as exc:
                if last_chance or self._is_exhausted(tries, clock() - began):
                    await self._give_up(lane, running, deliveries, exc)
                    return
                await self._pause(lane, deliveries, exc, tries)
                tries += 1
                deliveries = [d._replace(attempt=d.attempt + 1) for d in deliveries]
            except TerminalError as exc:
                await self._isolate(lane, running, deliveries, exc)
                return
            except Exception as exc:  # noqa: BLE001 - the loop decides about defects
                await self._crash(lane, [d.record.offset for d in deliveries], exc)
            else:
                self._done.inc(len(deliveries))
                lane.hold_reason = ""
                return

    async def _call(self, lane: Lane, deliveries: Sequence[Delivery]) -> None:
        began = perf_counter()
        try:
            await self._handler(Batch(lane.partition, deliveries))
        except ExceptionGroup as group:  # the handler used a task group
            raise _chief(group) from group
        finally:
            self._seconds.observe(perf_counter() - began)

    async def _until_released(self, lane: Lane, reason: str, releases: int) -> None:
        if lane.hold_reason != reason:
            lane.hold_reason = reason
            log.info("partition_held", reason=reason)
        if lane.releases == releases:
            await lane.wait(self._policy.hold_poll_s)

    def _is_exhausted(self, tries: int, elapsed_s: float) -> bool:
        most, limit_s = self._policy.transient_attempts, self._policy.transient_limit_s
        return (most is not None and tries >= most) or (
            limit_s is not None and elapsed_s >= limit_s
        )

    async def _pause(
        self, lane: Lane, deliveries: Sequence[Delivery], exc: TransientError, tries: int
    ) -> None:
        clock = asyncio.get_running_loop().time
        pause = pause_s(
            tries,
            first_s=self._policy.first_pause_s,
            longest_s=self._policy.longest_pause_s,
            retry_after_s=exc.retry_after_s,
        )
        self._postponed.inc(len(deliveries))
        log.warning(
            "batch_postponed",
            code=exc.code,
            tries=tries,
            size_records=len(deliveries),
            pause_s=round(pause, 2),
        )
        until = clock() + pause
        while not lane.closed and (left := until - clock()) > 0:
            await lane.wait(left)  # a release wakes it early, and it waits on

    async def _give_up(
        self,
        lane: Lane,
        running: Running,
        deliveries: Sequence[Delivery],
        exc: TransientError,
    ) -> None:
        """Patience is over: stop the loop, or find what cannot be handled and bury that."""
        if self._policy.on_exhausted == "stop":
            log.error("patience_ended", code=exc.code, size_records=len(deliveries))
            raise LoopStopped(
                f"A batch of group {self._group} could not be handled ({exc.code}).", exc
            ) from None
        await self._isolate(lane, running, deliveries, exc)

    async def _isolate(
        self,
        lane: Lane,
        running: Running,
        deliveries: Sequence[Delivery],
        exc: TerminalError | TransientError,
    ) -> None:
        """Bury a lone culprit; otherwise run each alone, those that fail again are culprits."""
        if len(deliveries) == 1:
            await self._bury(lane, deliveries[0].record, exc, deliveries[0].attempt)
            return
        log.warning("batch_isolated", code=exc.code, size_records=len(deliveries))
        last_chance = isinstance(exc, TransientError)
        for delivery in deliveries:
            alone = [delivery._replace(attempt=delivery.attempt + 1)]
            await self._settle(lane, running, alone, last_chance=last_chance)

    async def _bury(
        self, lane: Lane, record: Record, exc: TerminalError | TransientError, attempts: int
    ) -> None:
        tries = 1
        while True:
            if lane.closed:
                raise Abandoned
            try:
                await self._dead_letters.put(record, exc, attempts)
            except TransientError as trouble:
                log.warning("dead_letter_postponed", code=trouble.code, tries=tries)
                await lane.wait(pause_s(tries, first_s=0.2, longest_s=10.0))
                tries += 1
            except Exception as trouble:  # noqa: BLE001 - the loop decides about defects
                await self._crash(lane, [record.offset], trouble)
            else:
                break
        log.error("message_dead_lettered", code=exc.code, offset=record.offset, attempts=attempts)
        self._dead.inc()
        self._letters.labels(*self._labels, exc.code).inc()

    async def _crash(self, lane: Lane, offsets: Sequence[int], exc: Exception) -> NoReturn:
        """Remember the suspects, say where it happened, stop the loop."""
        log.error(
            "handler_failed",
            error_class=type(exc).__name__,
            code=exc.code if isinstance(exc, BridgeworkError) else None,
            causes=causes(exc),
            frames=frames(exc),
            size_records=len(offsets),
        )
        try:
            await self._attempts.add(self._group, lane.partition, offsets, type(exc).__name__)
        except TransientError as trouble:
            log.warning("attempt_not_counted", code=trouble.code)
        raise LoopStopped(
            f"Handling a batch of group {self._group} failed with {type(exc).__name__}; "
            "the log event handler_failed says where.",
            exc,
        ) from None


def _poison(ended: int) -> PoisonMessage:
    return PoisonMessage(
        f"Handling this message ended the process {ended} times; the log event handler_failed "
        "says where. Fix the cause, then replay it."
    )


def _chief(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one exception of a group that decides what happens to the batch."""
    leaves = list(_leaves(group))
    for leaf in leaves:
        if not isinstance(leaf, Hold | TransientError | TerminalError):
            return leaf
    holds = [leaf for leaf in leaves if isinstance(leaf, Hold)]
    transient = [leaf for leaf in leaves if isinstance(leaf, TransientError)]
    if transient:  # tried again as a whole; what else was wrong shows itself then
        return max(transient, key=lambda exc: exc.retry_after_s or 0.0)
    if holds and len(holds) == len(leaves):
        return min(holds, key=lambda hold: hold.first_index)
    return next(leaf for leaf in leaves if isinstance(leaf, TerminalError))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for exc in group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from _leaves(exc)
        else:
            yield exc
