"""A log whose values are encrypted: producers seal whole values, consumers open them.

Topic and key are bound to the value as associated data, so a sealed value moved to another topic
or key does not open. Headers and keys stay readable: they hold ids only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from bridgework_contracts.errors import TerminalError

from bridgework_eventlog.port import (
    Consumer,
    EventLog,
    NewRecord,
    OnAssigned,
    OnRevoked,
    Producer,
    Record,
    TopicPartition,
)


class Sealer(Protocol):
    """Encrypts for one tenant; ``bridgework_store.sealing.TenantSealer`` is one."""

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the sealed value."""
        ...

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            TerminalError: Sealed elsewhere, by another key, or damaged.
        """
        ...


SealerFor = Callable[[str], Sealer]
"""Returns the sealer of the tenant a topic belongs to."""


def associated_data(topic: str, key: bytes | None) -> bytes:
    """Return what a value is bound to."""
    return b"%b\x00%b" % (topic.encode(), key or b"")


class SealedLog:
    """An :class:`~bridgework_eventlog.port.EventLog` around another one."""

    def __init__(self, log: EventLog, sealer_for: SealerFor) -> None:
        self._log = log
        self._sealer_for = sealer_for

    def producer(self) -> Producer:
        """Return a producer that seals."""
        return _SealedProducer(self._log.producer(), self._sealer_for)

    def consumer(
        self,
        group: str,
        topics: Iterable[str],
        *,
        instance_id: str | None = None,
        on_assigned: OnAssigned | None = None,
        on_revoked: OnRevoked | None = None,
    ) -> Consumer:
        """Return a consumer that opens; what does not open arrives with ``fault`` set."""
        inner = self._log.consumer(
            group, topics, instance_id=instance_id, on_assigned=on_assigned, on_revoked=on_revoked
        )
        return _SealedConsumer(inner, self._sealer_for)

    async def create_topics(self, partitions: Mapping[str, int]) -> None:
        """As the inner log."""
        await self._log.create_topics(partitions)

    async def delete_topics(self, names: Iterable[str]) -> None:
        """As the inner log."""
        await self._log.delete_topics(names)

    async def topics(self) -> dict[str, int]:
        """As the inner log."""
        return await self._log.topics()

    async def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """As the inner log."""
        return await self._log.end_offsets(topics)

    async def committed(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """As the inner log."""
        return await self._log.committed(group, topics)

    async def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """As the inner log."""
        return await self._log.lag(group, topics)

    async def close(self) -> None:
        """Close the inner log."""
        await self._log.close()


class _SealedProducer:
    def __init__(self, inner: Producer, sealer_for: SealerFor) -> None:
        self._inner = inner
        self._sealer_for = sealer_for

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        seal = self._sealer_for(topic).seal
        sealed = [
            NewRecord(key, seal(value, associated_data(topic, key)), headers)
            for key, value, headers in records
        ]
        await self._inner.append(topic, sealed)

    async def close(self) -> None:
        await self._inner.close()


class _SealedConsumer:
    def __init__(self, inner: Consumer, sealer_for: SealerFor) -> None:
        self._inner = inner
        self._sealer_for = sealer_for
        self.commit = inner.commit
        self.pause = inner.pause
        self.resume = inner.resume
        self.seek = inner.seek
        self.assignment = inner.assignment
        self.close = inner.close

    async def read(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Record]]:
        found = await self._inner.read(max_records, timeout_s)
        return {tp: self._opened(tp.topic, records) for tp, records in found.items()}

    def _opened(self, topic: str, records: list[Record]) -> list[Record]:
        unseal = self._sealer_for(topic).open
        opened: list[Record] = []
        for record in records:
            try:
                value = unseal(record.value, associated_data(topic, record.key))
            except TerminalError as exc:
                opened.append(record._replace(fault=exc))
            else:
                opened.append(record._replace(value=value))
        return opened
