"""Messages as a handler gets them, and as they stand on a topic."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.ids import message_id
from bridgework_eventlog.loop import Batch, Delivery
from bridgework_eventlog.port import EventLog, Record, TopicPartition


def batch_of(*messages: Message, keys: Sequence[bytes | None] = ()) -> Batch:
    """Return messages as one partition delivers them, under given keys."""
    deliveries = [
        Delivery(
            message,
            Record(
                topic="t",
                partition=0,
                offset=offset,
                key=keys[offset] if keys else b"k",
                value=encode(message),
                headers=headers_for(message, message_id(str(offset))),
                timestamp=datetime.now(UTC),
            ),
            1,
        )
        for offset, message in enumerate(messages)
    ]
    return Batch(TopicPartition("t", 0), deliveries)


async def read_whole(log: EventLog, topic: str) -> list[Record]:
    """Read a topic up to its present end, oldest first per partition."""
    total = sum((await log.end_offsets([topic])).values())
    consumer = log.consumer(f"test-{uuid4().hex[:8]}", [topic])
    found: list[Record] = []
    try:
        while len(found) < total:
            for records in (await consumer.read(1000, 1.0)).values():
                found.extend(records)
    finally:
        await consumer.close()
    return found
