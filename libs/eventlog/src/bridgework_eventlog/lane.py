"""One partition's work: what waits, what runs, and what may be committed.

Batches may finish in any order; what may be committed is everything before the first record that
is not finished, so a crash repeats work but never skips it. No I/O here.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from bridgework_eventlog.policies import AckPolicy
from bridgework_eventlog.port import Record, TopicPartition


class Running:
    """A batch in progress; ``first_offset`` moves on as its records are finished."""

    __slots__ = ("first_offset", "size")

    def __init__(self, records: Sequence[Record]) -> None:
        self.first_offset = records[0].offset
        self.size = len(records)


class Lane:
    """The records of one assigned partition between read and commit.

    Attributes:
        suspects: How often handling an offset ended a process before; those run alone.
        closed: The partition is given up or the loop stops: nothing new starts.
        releases: How often ``release`` was called; tells a batch that it was released meanwhile.
        waiting: Batches that wait for a retry or a release; nothing new starts meanwhile.
    """

    def __init__(self, partition: TopicPartition, suspects: dict[int, int]) -> None:
        self.partition = partition
        self.suspects = suspects
        self.closed = False
        self.releases = 0
        self.hold_reason = ""
        self.tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        self.paused = False
        self.lingering = False
        self._queue: deque[Record] = deque()
        self._queued_at = 0.0
        self._running: set[Running] = set()
        self._end: int | None = None
        self._committed: int | None = None
        self._waiters: set[asyncio.Future[None]] = set()

    def put(self, records: Sequence[Record], now: float) -> None:
        """Take records just read at loop time ``now``."""
        if not self._queue:
            self._queued_at = now
        self._queue.extend(records)
        self._end = records[-1].offset + 1

    def ready_in(self, policy: AckPolicy, now: float) -> float | None:
        """Return in how many seconds a batch may start, ``None`` when something must happen first.

        0 is now; more is what is left of the policy's linger.
        """
        if (
            not self._queue
            or self.waiting
            or len(self._running) >= policy.concurrency
            or self.closed
        ):
            return None
        if len(self._queue) >= policy.batch_size or self.suspects:
            return 0.0
        return max(0.0, self._queued_at + policy.linger_s - now)

    def take(self, size: int) -> list[Record]:
        """Remove the next batch from the queue: up to ``size`` records, a suspect always alone."""
        queue = self._queue
        if not self.suspects:
            return [queue.popleft() for _ in range(min(size, len(queue)))]
        taken = [queue.popleft()]
        if taken[0].offset not in self.suspects:
            while queue and len(taken) < size and queue[0].offset not in self.suspects:
                taken.append(queue.popleft())
        return taken

    def begin(self, records: Sequence[Record]) -> Running:
        """Note that records taken are in progress."""
        running = Running(records)
        self._running.add(running)
        return running

    def end(self, running: Running) -> None:
        """Note that a batch is finished entirely."""
        self._running.discard(running)

    def release(self) -> None:
        """Let batches that wait look again."""
        self.releases += 1
        self._wake()

    def close(self) -> None:
        """Start nothing more, and let batches that wait give up."""
        self.closed = True
        self._wake()

    async def wait(self, timeout_s: float) -> None:
        """Return after ``timeout_s``, or when released or closed meanwhile."""
        if self.closed or timeout_s <= 0:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        self.waiting += 1
        try:
            await asyncio.wait([waiter], timeout=timeout_s)
        finally:
            self.waiting -= 1
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def queued(self) -> int:
        """Records that wait for their batch."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Records read and not finished."""
        return len(self._queue) + sum(running.size for running in self._running)

    @property
    def to_commit(self) -> int | None:
        """The offset of the first unfinished record, ``None`` when that is committed already."""
        first = self._queue[0].offset if self._queue else self._end
        if first is None:
            return None
        for running in self._running:
            first = min(first, running.first_offset)
        return first if first != self._committed else None

    def committed(self, offset: int) -> bool:
        """Note that ``offset`` was committed; say whether suspects lie behind it now."""
        self._committed = offset
        cleared = [suspect for suspect in self.suspects if suspect < offset]
        for suspect in cleared:
            del self.suspects[suspect]
        return bool(cleared)
