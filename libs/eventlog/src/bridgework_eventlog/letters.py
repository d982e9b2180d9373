"""Putting a message that cannot be handled where a person finds it."""

import base64
from datetime import UTC, datetime

from bridgework_contracts.codec import encode, headers_for
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.errors import BridgeworkError
from bridgework_contracts.ids import message_id
from bridgework_contracts.topics import Subject, parse_topic, topic_name

from bridgework_eventlog.port import MAX_VALUE_BYTES, NewRecord, Producer, Record

_LARGEST_KEPT_BYTES = MAX_VALUE_BYTES // 2
"""Base64 and JSON around a larger value would exceed what the log carries."""


class DeadLetters:
    """Writes to the dead-letters topic of the tenant a record belongs to.

    Args:
        producer: Seals; a dead letter holds the whole message.
        group: The consuming group.
        service: Its service, for the person who looks.
    """

    def __init__(self, producer: Producer, *, group: str, service: str) -> None:
        self._producer = producer
        self._group = group
        self._service = service

    async def put(self, record: Record, error: BaseException, attempts: int) -> None:
        """Append a dead letter; its id follows from the record's place, so twice is once.

        The value of a very large record is left out; topic, partition and offset say where it is.
        """
        tenant_id, _ = parse_topic(record.topic)
        identity = message_id(self._group, record.topic, str(record.partition), str(record.offset))
        # Only our own errors promise to hold no values.
        hint = str(error) if isinstance(error, BridgeworkError) else "A defect; see the log."
        value = record.value
        if len(value) > _LARGEST_KEPT_BYTES:
            value = b""
            hint += f" The value ({len(record.value)} bytes) is still at its place in the topic."
        letter = DeadLetter(
            dead_letter_id=f"dl_{identity}",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key.decode("utf-8", "replace") if record.key is not None else None,
            group=self._group,
            service=self._service,
            error_class=type(error).__name__,
            code=error.code if isinstance(error, BridgeworkError) else "unexpected",
            hint=hint,
            attempts=attempts,
            headers=dict(record.headers),
            value_b64=base64.b64encode(value).decode(),
            at=datetime.now(UTC).isoformat(),
        )
        await self._producer.append(
            topic_name(tenant_id, Subject.DEAD_LETTERS),
            [NewRecord(identity.encode(), encode(letter), headers_for(letter, identity))],
        )
