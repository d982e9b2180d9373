"""One partition's work: a buffer, batches in flight, and what may be committed.

Records finish in any order when several batches are in flight; the commit follows the longest
finished run from the front, so a crash repeats work but never skips it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from bridgework_eventlog.port import Record, TopicPartition


class Lane:
    """The records of one assigned partition between read and commit."""

    def __init__(self, partition: TopicPartition) -> None:
        self.partition = partition
        self.buffer: deque[Record] = deque()
        self.in_flight = 0
        self.paused = False
        self.closing = False
        self.changed = asyncio.Event()
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None

    def put(self, records: Sequence[Record]) -> None:
        """Take records just read."""
        self.buffer.extend(records)
        self._open.extend(record.offset for record in records)
        self.changed.set()

    def take(self, size: int) -> list[Record]:
        """Return up to ``size`` records from the front; they are in flight until ``finish``."""
        taken = [self.buffer.popleft() for _ in range(min(size, len(self.buffer)))]
        self.in_flight += len(taken)
        return taken

    def put_back(self, records: Sequence[Record]) -> None:
        """Return records that were taken and not handled, to the front."""
        self.buffer.extendleft(reversed(records))
        self.in_flight -= len(records)
        self.changed.set()

    def finish(self, records: Sequence[Record]) -> None:
        """Note that records are handled (or dead-lettered)."""
        self.in_flight -= len(records)
        self._done.update(record.offset for record in records)
        while self._open and self._open[0] in self._done:
            offset = self._open.popleft()
            self._done.discard(offset)
            self._next = offset + 1
        self.changed.set()

    @property
    def to_commit(self) -> int | None:
        """The offset to commit, ``None`` where nothing new is finished."""
        return self._next if self._next != self._committed else None

    def committed(self, offset: int) -> None:
        """Note that ``offset`` was committed."""
        self._committed = offset
