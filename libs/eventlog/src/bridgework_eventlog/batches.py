"""What a handler gets, and how it says "not yet"."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bridgework_eventlog.port import Record, TopicPartition


class Delivery(NamedTuple):
    """One decoded message with the record it came in; ``attempt`` counts from 1."""

    message: Any
    record: Record
    attempt: int


class Batch:
    """Consecutive deliveries of one partition, in order; at least one.

    Undecodable records between them went to the dead letters and are missing here.
    """

    __slots__ = ("deliveries", "partition")

    def __init__(self, partition: TopicPartition, deliveries: Sequence[Delivery]) -> None:
        self.partition = partition
        self.deliveries = deliveries

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self.deliveries)

    def __len__(self) -> int:
        return len(self.deliveries)


class Hold(Exception):
    """Raised by a handler: the time of the delivery at ``first_index`` has not come.

    Deliveries before it are done. The partition waits, without spinning and without losing its
    place, until ``ConsumerLoop.release`` is called or ``hold_poll_s`` has passed, and the rest is
    offered again. Not an error: nothing is counted as an attempt.

    Args:
        first_index: Index in the batch of the first delivery that is not done.
        reason: A fixed word, for logs and for ``release``; never an id or a value.
    """

    def __init__(self, first_index: int, reason: str) -> None:
        super().__init__(reason)
        self.first_index = first_index
        self.reason = reason
