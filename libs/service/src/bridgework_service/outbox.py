"""A service's outbox, put together the one right way: sealed when written, relayed as it is.

Values are sealed with the tenant's key before they become rows, bound to topic and key exactly as
``SealedLog`` would bind them. So the relay appends to the log itself, and consumers behind a
``SealedLog`` can open what arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from bridgework_eventlog.port import EventLog, NewRecord
from bridgework_eventlog.sealed import SealedLog, SealerFor, associated_data
from bridgework_store.outbox import OutboxMessage, OutboxRelay, OutboxWriter
from bridgework_store.pool import Connection, Pool

from bridgework_service.lifecycle import ServiceTask, Stage


class ServiceOutbox:
    """Writer and relay of one schema's outbox.

    Args:
        pool: The service's pool; the relay keeps one of its connections.
        schema: Holds the table ``outbox`` (``bridgework_store.outbox.OUTBOX_PART``).
        event_log: The log itself, not a ``SealedLog``: values are sealed here already.
        sealer_for: ``TenantDirectory.sealer_for``.
    """

    def __init__(self, pool: Pool, schema: str, event_log: EventLog, sealer_for: SealerFor) -> None:
        if isinstance(event_log, SealedLog):
            raise TypeError("the outbox seals by itself: give it the log, not a SealedLog")
        wake = asyncio.Event()

        def seal(topic: str, key: bytes | None, value: bytes) -> bytes:
            return sealer_for(topic).seal(value, associated_data(topic, key))

        self._pool = pool
        self.sealed_writer = OutboxWriter(schema, wake)
        """For values sealed already, bound to topic and key as ``SealedLog`` binds them."""
        self._writer = OutboxWriter(schema, wake, seal=seal)
        self.relay: OutboxRelay[NewRecord] = OutboxRelay(
            pool, schema, event_log.producer(), record=NewRecord, wake=wake
        )

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Open a transaction; at its end commit and wake the relay."""
        return self._writer.transaction(self._pool)

    async def add(
        self,
        connection: Connection,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Owe the log one message; it is sent if the transaction commits."""
        await self._writer.add(connection, topic, key, value, headers)

    async def add_many(self, connection: Connection, messages: Sequence[OutboxMessage]) -> None:
        """Owe the log several messages, in this order, in one round trip."""
        await self._writer.add_many(connection, messages)

    def task(self) -> ServiceTask:
        """Return the relay as a background task that ends after all work has ended."""
        return ServiceTask("outbox relay", self.relay.run, Stage.FLUSH)
