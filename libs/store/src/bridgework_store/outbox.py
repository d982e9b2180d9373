"""A state change and its message commit together: the message is first a row, then a record.

A transaction that changes state adds its messages to the schema's ``outbox`` table. The relay reads
them in order, appends them to the event log and deletes them. A crash between append and delete
appends again: delivery is at-least-once, and message ids make the second time harmless.

Order is kept per (topic, key) in the sense that matters: when one transaction commits before the
next one for the same key adds its message, the relay appends them in that order. Transactions that
run at the same time and share a key must lock their common row before they add.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Generic, Protocol, TypeAlias, TypeVar

import structlog
from bridgework_contracts.errors import TransientError

from bridgework_store.errors import translate_errors
from bridgework_store.migrations import SchemaPart
from bridgework_store.names import advisory_key
from bridgework_store.pool import Connection, Pool, session_lock
from bridgework_store.statements import Statements

log = structlog.get_logger(__name__)

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

OUTBOX_PART = SchemaPart("outbox", files("bridgework_store").joinpath("parts/outbox"))
"""Give this to :func:`bridgework_store.migrations.migrate` to get the table."""


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message on its way: ``key`` decides the partition, ``headers`` hold ids only."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


SealValue: TypeAlias = Callable[[str, bytes | None, bytes], bytes]
"""Takes topic, key and plaintext; returns what may be stored."""


class Producer(Protocol[R_contra]):
    """What the relay needs of an event log; ``bridgework_eventlog`` provides it."""

    async def append(self, topic: str, records: Sequence[R_contra], /) -> object:
        """Append all records durably and in order, or raise."""


class RecordFactory(Protocol[R_co]):
    """Builds the event log's own record type, e.g. ``bridgework_eventlog.port.NewRecord``."""

    def __call__(self, *, key: bytes | None, value: bytes, headers: dict[str, str]) -> R_co:
        """Return one record."""


class OutboxWriter:
    """Adds messages inside the caller's transaction.

    Args:
        schema: Whose ``outbox`` table.
        wake: Set after a commit through :meth:`transaction`; share it with the relay.
        seal: Encrypts a value for its topic and key before it becomes a row. The relay appends rows
            as they are: with ``seal`` it must be given the log itself, not one that seals again.
    """

    def __init__(
        self, schema: str, wake: asyncio.Event | None = None, *, seal: SealValue | None = None
    ) -> None:
        self._sql = Statements.load("bridgework_store", "sql/outbox.sql", schema=schema)
        self._wake = wake
        self._seal = seal or _as_it_is

    async def add(
        self,
        connection: Connection,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Owe the event log one message; nothing is sent unless the transaction commits."""
        await self.add_many(connection, [OutboxMessage(topic, key, value, headers or {})])

    async def add_many(self, connection: Connection, messages: Sequence[OutboxMessage]) -> None:
        """Owe the event log several messages, in this order, in one round trip."""
        if not messages:
            return
        with translate_errors():
            await connection.execute(
                self._sql.add,
                [message.topic for message in messages],
                [message.key for message in messages],
                [self._seal(m.topic, m.key, m.value) for m in messages],
                [dict(message.headers) for message in messages],
            )

    def wake_relay(self) -> None:
        """Tell the relay of this process that something was committed."""
        if self._wake is not None:
            self._wake.set()

    @asynccontextmanager
    async def transaction(self, pool: Pool) -> AsyncIterator[Connection]:
        """Open a transaction; commit at the end of the block and then wake the relay.

        Raises:
            StoreUnavailable, StoreContended, ConstraintViolated, ...: as ``translate_errors``.
        """
        with translate_errors():
            async with pool.acquire() as connection, connection.transaction():
                yield connection
        self.wake_relay()


class OutboxRelay(Generic[R]):
    """Moves a schema's outbox to the event log; of all processes one relay works, others wait.

    Args:
        pool: One of its connections belongs to the relay while it is active.
        schema: Whose ``outbox`` table.
        producer: Where messages go.
        record: Builds the producer's record type.
        wake: Set it after a commit to have the messages relayed at once.
        batch_size: Messages per append round, over all topics.
        batch_bytes: A round ends with the message that reaches this many bytes of values.
        poll_interval_s: How long a message committed by another process may wait unseen.
        standby_interval_s: How often a waiting relay tries to become the active one.
    """

    def __init__(
        self,
        pool: Pool,
        schema: str,
        producer: Producer[R],
        *,
        record: RecordFactory[R],
        wake: asyncio.Event | None = None,
        batch_size: int = 1000,
        batch_bytes: int = 8 * 1024 * 1024,
        poll_interval_s: float = 0.25,
        standby_interval_s: float = 1.0,
    ) -> None:
        self.relayed_total = 0
        """Messages appended and deleted since this object was made."""
        self._pool = pool
        self._schema = schema
        self._producer = producer
        self._record = record
        self._wake = wake or asyncio.Event()
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._poll_interval_s = poll_interval_s
        self._standby_interval_s = standby_interval_s
        self._sql = Statements.load("bridgework_store", "sql/outbox.sql", schema=schema)
        self._lock_key = advisory_key("outbox", schema)

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until ``stop`` is set, then once more until the outbox is empty.

        Transient errors of PostgreSQL and of the producer are waited out with growing, jittered
        pauses (at most 10 s). Everything else is raised.
        """
        failures = 0
        while True:
            try:
                with translate_errors():
                    was_active = await self._run_while_holding_the_lock(stop)
            except TransientError as exc:
                failures += 1
                log.warning("outbox_relay_paused", schema=self._schema, code=exc.code)
                if stop.is_set():
                    return
                pause_s = min(10.0, 0.1 * 2 ** min(failures, 8)) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
                await _wait(stop, max(pause_s, exc.retry_after_s or 0.0))
                continue
            failures = 0
            if stop.is_set():
                return
            if not was_active:
                await _wait(stop, self._standby_interval_s)

    async def drain(self) -> int:
        """Relay everything that is committed now, if no other relay is active.

        Returns:
            The number of messages relayed.
        """
        before = self.relayed_total
        stopped = asyncio.Event()
        stopped.set()
        with translate_errors():
            await self._run_while_holding_the_lock(stopped)
        return self.relayed_total - before

    async def backlog(self) -> tuple[int, float]:
        """Return how many messages are owed and the age of the oldest in seconds."""
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.backlog)
        return (row["messages"], row["oldest_s"]) if row is not None else (0, 0.0)

    async def _run_while_holding_the_lock(self, stop: asyncio.Event) -> bool:
        # The lock lives in the session that also reads and deletes: a cut connection loses both at
        # once, so two relays can never both believe they are the active one and still delete.
        async with (
            self._pool.acquire() as connection,
            session_lock(connection, self._lock_key) as active,
        ):
            while active:
                self._wake.clear()
                if await self._relay_batch(connection):
                    continue
                if stop.is_set():
                    break
                await _wait(self._wake, self._poll_interval_s)
            return active

    async def _relay_batch(self, connection: Connection) -> int:
        rows = await connection.fetch(self._sql.oldest, self._batch_size, self._batch_bytes)
        if not rows:
            return 0
        by_topic: dict[str, list[R]] = {}
        for row in rows:
            by_topic.setdefault(row["topic"], []).append(
                self._record(key=row["key"], value=row["value"], headers=row["headers"])
            )
        for topic, records in by_topic.items():
            await self._producer.append(topic, records)
        await connection.execute(self._sql.forget, [row["id"] for row in rows])
        self.relayed_total += len(rows)
        return len(rows)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _as_it_is(_topic: str, _key: bytes | None, value: bytes) -> bytes:
    return value
