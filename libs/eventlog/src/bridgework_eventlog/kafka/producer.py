"""Appends to Kafka in batches of our own making.

The client's way of one future per record costs about 20 µs each; a batch built here costs one
future. Single records go the client's way, so that concurrent callers share a request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped] # it ships no types

from bridgework_eventlog.errors import ValueTooLarge
from bridgework_eventlog.kafka.errors import translate_kafka_errors
from bridgework_eventlog.partitioner import partition_of
from bridgework_eventlog.port import MAX_VALUE_BYTES, NewRecord

_FEW = 4

PartitionCount = Callable[[str], Awaitable[int]]


class KafkaProducer:
    """See :class:`bridgework_eventlog.port.Producer`."""

    def __init__(self, client: AIOKafkaProducer, partition_count: PartitionCount) -> None:
        self._client = client
        self._partition_count = partition_count
        self._spread = 0

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """See the port; partitions are appended to side by side."""
        count = await self._partition_count(topic)
        by_partition: dict[int, list[NewRecord]] = {}
        self._spread += 1
        for record in records:
            if len(record.value) > MAX_VALUE_BYTES:
                raise ValueTooLarge(
                    f"A value for {topic} has {len(record.value)} bytes, "
                    f"the log carries {MAX_VALUE_BYTES}.",
                    topic=topic,
                )
            key = record.key
            partition = partition_of(key, count) if key is not None else self._spread % count
            by_partition.setdefault(partition, []).append(record)
        with translate_kafka_errors():
            results = await asyncio.gather(
                *(self._append(topic, at, mine) for at, mine in by_partition.items()),
                return_exceptions=True,
            )
            for result in results:
                if result is not None:
                    raise result

    async def close(self) -> None:
        """See the port; the client belongs to the log."""

    async def _append(self, topic: str, partition: int, records: list[NewRecord]) -> None:
        client = self._client
        sent: list[Awaitable[Any]] = []
        if len(records) <= _FEW:
            for key, value, headers in records:
                sent.append(
                    await client.send(topic, value, key, partition, headers=_encoded(headers))
                )
        else:
            batch = client.create_batch()
            for key, value, headers in records:
                coded = _encoded(headers)
                if batch.append(timestamp=None, key=key, value=value, headers=coded) is None:
                    sent.append(await client.send_batch(batch, topic, partition=partition))
                    batch = client.create_batch()
                    batch.append(timestamp=None, key=key, value=value, headers=coded)
            sent.append(await client.send_batch(batch, topic, partition=partition))
        failures = [
            result
            for result in await asyncio.gather(*sent, return_exceptions=True)
            if isinstance(result, BaseException)
        ]
        if failures:
            raise failures[0]


def _encoded(headers: Any) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items()]
