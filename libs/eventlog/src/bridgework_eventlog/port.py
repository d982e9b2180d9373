"""The event log as the rest of Bridgework sees it: topics of ordered partitions, groups of readers.

Two implementations keep the same promises (one contract suite runs against both): Kafka, and
tables in PostgreSQL. A log holds each appended record in exactly one partition, chosen by its key;
within a partition offsets grow by one per record and a reader meets records in that order. Each
group reads every record at least once; a partition is read by one member of a group at a time.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from bridgework_contracts.errors import TerminalError

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

MAX_VALUE_BYTES = 1_900_000
"""Largest value a record may hold; larger things travel as files."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class NewRecord(NamedTuple):
    """What a producer appends.

    ``key`` decides the partition (``None``: any); headers hold ids, never personal data.
    """

    key: bytes | None
    value: bytes
    headers: Mapping[str, str] = NO_HEADERS


class Record(NamedTuple):
    """What a consumer reads.

    ``timestamp`` is when the log took the record (aware, UTC). ``fault`` is set by
    :class:`bridgework_eventlog.sealed.SealedLog` on a record whose value could not be opened; the
    value is then still the sealed one.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Mapping[str, str]
    timestamp: datetime
    fault: TerminalError | None = None


OnAssigned = Callable[[frozenset[TopicPartition]], Awaitable[None]]
"""Called with partitions this member reads from now on, before their first record is returned."""
OnRevoked = Callable[[frozenset[TopicPartition]], Awaitable[None]]
"""Called with partitions about to go to another member, who waits until this returns (bounded by
``rebalance_timeout_s``): finish or drop what is in flight, then commit."""


class Producer(Protocol):
    """Appends records."""

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Append records; return when all of them are durable.

        Records of one call that share a key keep their order. A call that fails may have appended
        some of its records; appending them again is the caller's decision (readers recognise a
        message by its id).

        Raises:
            StoreUnavailable: The log does not answer.
            UnknownTopic: The topic was not created.
            ValueTooLarge: A value exceeds ``MAX_VALUE_BYTES``; nothing was appended.
        """
        ...

    async def close(self) -> None:
        """Release what belongs to this producer; safe to call twice."""
        ...


class Consumer(Protocol):
    """One member of a group. Not for use by several tasks, ``commit`` and ``pause`` excepted."""

    async def read(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Record]]:
        """Return the next records of the partitions assigned to us, in order per partition.

        The first call joins the group. A member that does not call ``read`` for five minutes may
        lose its partitions, so keep calling it while partitions are paused.

        Args:
            max_records: Upper bound over all partitions.
            timeout_s: How long to wait when there is nothing; then the result is empty.

        Raises:
            StoreUnavailable: The log does not answer; call again.
            MemberFenced: Another process joined with our ``instance_id`` (embedded log; on Kafka
                the two take the partitions from each other in turn).
        """
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the offsets of the next record to read, durably.

        Partitions that are not ours (any more) are left out; their new owner commits.

        Raises:
            StoreUnavailable: Nothing was stored.
        """
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until ``resume``; they stay ours."""
        ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo ``pause``; unknown or unpaused partitions are ignored."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Make ``offset`` the next record read of an assigned partition."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions this member reads now."""
        ...

    async def close(self) -> None:
        """Give every partition back (``on_revoked`` is called) and leave; safe to call twice."""
        ...


class EventLog(Protocol):
    """A log; see the module. Opened by :func:`bridgework_eventlog.opening.open_event_log`."""

    async def create_topics(self, partitions: Mapping[str, int]) -> None:
        """Make topics exist. Idempotent; an existing topic keeps its number of partitions."""
        ...

    async def delete_topics(self, names: Iterable[str]) -> None:
        """Delete topics, their records and what groups committed; unknown ones are fine."""
        ...

    async def topics(self) -> dict[str, int]:
        """Return all topics with their number of partitions."""
        ...

    def producer(self) -> Producer:
        """Return a producer; cheap, may be shared by tasks."""
        ...

    def consumer(
        self,
        group: str,
        topics: Iterable[str],
        *,
        instance_id: str | None = None,
        on_assigned: OnAssigned | None = None,
        on_revoked: OnRevoked | None = None,
    ) -> Consumer:
        """Return a new member of ``group``; it joins at its first ``read``.

        A group that never committed starts at the oldest record. Topics that do not exist yet are
        read once they do.

        Args:
            group: Who reads; offsets are kept per group.
            topics: What to read.
            instance_id: Stable name of this process within the group: a restart with the same name
                takes its former partitions over at once, without waiting for a session timeout.
            on_assigned: See :data:`OnAssigned`.
            on_revoked: See :data:`OnRevoked`.
        """
        ...

    async def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return for each partition the offset the next appended record will get."""
        ...

    async def committed(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return what the group committed; partitions without a commit are absent."""
        ...

    async def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Return for each partition how many records the group has still to commit."""
        ...

    async def close(self) -> None:
        """Close consumers and producers of this log; safe to call twice."""
        ...
