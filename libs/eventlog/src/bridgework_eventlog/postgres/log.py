"""The event log as PostgreSQL tables: one table of records per topic, one counter per partition.

An append locks the counters of the partitions it touches until it commits, so offsets are dense and
become visible in order (with a sequence a reader overtakes slow writers and misses their records).
The price is that appends to one partition queue up: an append must be its transaction's only work.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import orjson
from bridgework_contracts.errors import ConfigurationError, StoreUnavailable
from bridgework_store.names import quote_identifier
from bridgework_store.pool import Pool, StoreSettings, open_pool, translate_errors
from bridgework_store.statements import Statements

from bridgework_eventlog.errors import UnknownTopic, ValueTooLarge
from bridgework_eventlog.partitioner import partition_of
from bridgework_eventlog.port import (
    MAX_VALUE_BYTES,
    NewRecord,
    OnAssigned,
    OnRevoked,
    TopicPartition,
)
from bridgework_eventlog.postgres.consumer import (
    TOPICS_CHANGED,
    PostgresConsumer,
    Row,
    topic_subject,
)
from bridgework_eventlog.postgres.membership import Membership
from bridgework_eventlog.postgres.retention import keep_clean
from bridgework_eventlog.postgres.schema import prepare_schema
from bridgework_eventlog.postgres.wakeups import Wakeups
from bridgework_eventlog.settings import EventLogSettings

_PACKAGE = "bridgework_eventlog"
_APPEND_RECORDS = 2_000  # per statement: a bound on memory and on how long counters stay locked
_APPEND_BYTES = 8_000_000


class _Topic(NamedTuple):
    topic_id: int
    partitions: int
    append_sql: str


class PostgresEventLog:
    """See :class:`bridgework_eventlog.port.EventLog`; opened by :func:`open_postgres_log`."""

    def __init__(self, pool: Pool, wakeups: Wakeups, settings: EventLogSettings) -> None:
        self._pool = pool
        self.wakeups = wakeups
        self._settings = settings
        self._sql = Statements.load(_PACKAGE, "sql/log.sql", schema=settings.db_schema)
        self._group_sql = Statements.load(_PACKAGE, "sql/groups.sql", schema=settings.db_schema)
        self._topics: dict[str, _Topic] = {}
        self._read_sql: dict[int, str] = {}
        self._consumers: set[PostgresConsumer] = set()

    # -- topics -----------------------------------------------------------------------------

    async def create_topics(self, partitions: Mapping[str, int]) -> None:
        """See the port."""
        for name, count in sorted(partitions.items()):
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    topic_id = await connection.fetchval(self._sql.insert_topic, name, count)
                    if topic_id is None:
                        continue
                    await connection.execute(self._sql.insert_partitions, topic_id, count)
                    for statement in (
                        self._sql.create_records_table,
                        self._sql.store_values_uncompressed,
                    ):
                        await connection.execute(self._for_topic(statement, topic_id))
        self.wakeups.changed(TOPICS_CHANGED)

    async def delete_topics(self, names: Iterable[str]) -> None:
        """See the port."""
        for name in names:
            self._topics.pop(name, None)
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    topic_id = await connection.fetchval(self._sql.delete_topic, name)
                    if topic_id is not None:
                        drop = self._for_topic(self._sql.drop_records_table, topic_id)
                        await connection.execute(drop)
        self.wakeups.changed(TOPICS_CHANGED)

    async def topics(self) -> dict[str, int]:
        """See the port."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.all_topics)
        return {row["name"]: row["partitions"] for row in rows}

    # -- offsets ----------------------------------------------------------------------------

    async def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.offsets, list(topics))
        return {TopicPartition(row["name"], row["partition"]): row["next_offset"] for row in rows}

    async def committed(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.committed, group, list(topics))
        return {
            TopicPartition(row["name"], row["partition"]): row["committed_offset"] for row in rows
        }

    async def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.lag, group, list(topics))
        return {TopicPartition(row["name"], row["partition"]): row["lag"] for row in rows}

    # -- producers and consumers ------------------------------------------------------------

    def producer(self) -> "PostgresProducer":
        """See the port."""
        return PostgresProducer(self)

    def consumer(
        self,
        group: str,
        topics: Iterable[str],
        *,
        instance_id: str | None = None,
        on_assigned: OnAssigned | None = None,
        on_revoked: OnRevoked | None = None,
    ) -> PostgresConsumer:
        """See the port."""
        wanted = frozenset(topics)
        membership = Membership(
            self._pool,
            self._group_sql,
            group=group,
            topics=wanted,
            instance_id=instance_id,
            lease_s=self._settings.session_timeout_s,
        )
        consumer = PostgresConsumer(
            self,
            membership,
            group=group,
            heartbeat_s=self._settings.session_timeout_s / 3,
            poll_interval_s=self._settings.poll_interval_s,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
        )
        self._consumers.add(consumer)
        return consumer

    async def close(self) -> None:
        """See the port."""
        for consumer in tuple(self._consumers):
            await consumer.close()

    # -- for producers and consumers of this log ---------------------------------------------

    def forget(self, consumer: PostgresConsumer) -> None:
        """Drop a consumer that closed itself."""
        self._consumers.discard(consumer)

    async def read_rows(
        self,
        topic_id: int,
        partitions: Sequence[int],
        positions: Sequence[int],
        max_records: int,
        max_bytes: int,
    ) -> Sequence[Row]:
        """Read the next rows of one topic; none when the topic was deleted meanwhile."""
        sql = self._read_sql.get(topic_id)
        if sql is None:
            sql = self._read_sql[topic_id] = self._for_topic(self._sql.read, topic_id)
        with translate_errors():
            try:
                return await self._pool.fetch(  # type: ignore[return-value] # asyncpg's Record is a tuple of these
                    sql, partitions, positions, max_records, max_bytes
                )
            except asyncpg.UndefinedTableError:
                self.wakeups.changed(TOPICS_CHANGED)
                return []

    async def append(self, name: str, records: Sequence[NewRecord], spread: int) -> None:
        """Append one statement's worth of records; ``spread`` places those without a key."""
        topic = await self._topic(name)
        counts = [0] * topic.partitions
        partitions: list[int] = []
        ranks: list[int] = []
        headers: list[bytes | None] = []
        for key, _, head in records:
            at = partition_of(key, topic.partitions) if key is not None else spread % len(counts)
            partitions.append(at)
            ranks.append(counts[at])
            counts[at] += 1
            headers.append(orjson.dumps(dict(head)) if head else None)
        touched = [at for at, count in enumerate(counts) if count]
        with translate_errors():
            try:
                done = await self._pool.execute(
                    topic.append_sql,
                    topic.topic_id,
                    touched,
                    [counts[at] for at in touched],
                    partitions,
                    ranks,
                    [record.key for record in records],
                    [record.value for record in records],
                    headers,
                )
            except asyncpg.UndefinedTableError:
                done = ""
        if done != f"INSERT 0 {len(records)}":
            self._topics.pop(name, None)  # deleted, and perhaps created anew, by somebody else
            raise StoreUnavailable(f"Topic {name} was deleted meanwhile.", code="topic_deleted")
        self.wakeups.changed(topic_subject(topic.topic_id))

    async def _topic(self, name: str) -> _Topic:
        known = self._topics.get(name)
        if known is None:
            with translate_errors():
                row = await self._pool.fetchrow(self._sql.topic_by_name, name)
            if row is None:
                raise UnknownTopic(f"Topic {name} does not exist; create it first.", topic=name)
            sql = self._for_topic(self._sql.append, row["topic_id"])
            known = self._topics[name] = _Topic(row["topic_id"], row["partitions"], sql)
        return known

    def _for_topic(self, statement: str, topic_id: int) -> str:
        return records_table(statement, self._settings.db_schema, topic_id)


class PostgresProducer:
    """See :class:`bridgework_eventlog.port.Producer`."""

    def __init__(self, log: PostgresEventLog) -> None:
        self._log = log
        self._spread = 0

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """See the port; each statement's worth of records is one transaction."""
        for record in records:
            if len(record.value) > MAX_VALUE_BYTES:
                raise ValueTooLarge(
                    f"A value for {topic} has {len(record.value)} bytes, "
                    f"the log carries {MAX_VALUE_BYTES}.",
                    topic=topic,
                )
        for part in _statements_worth(records):
            self._spread += 1
            await self._log.append(topic, part, self._spread)

    async def close(self) -> None:
        """See the port; nothing is held."""


def _statements_worth(records: Sequence[NewRecord]) -> Iterable[Sequence[NewRecord]]:
    start = size = 0
    for index, record in enumerate(records):
        size += len(record.value)
        if index - start >= _APPEND_RECORDS or (size > _APPEND_BYTES and index > start):
            yield records[start:index]
            start, size = index, len(record.value)
    if start < len(records):
        yield records[start:] if start else records


def records_table(statement: str, schema: str, topic_id: int) -> str:
    """Put the name of one topic's table into a statement."""
    return statement.replace("{records}", f"{quote_identifier(schema)}.topic_{topic_id}")


@asynccontextmanager
async def open_postgres_log(settings: EventLogSettings) -> AsyncIterator[PostgresEventLog]:
    """Open the embedded log: migrate its schema, listen, clean what is older than retention.

    Raises:
        ConfigurationError: No ``dsn``.
        StoreUnavailable: PostgreSQL does not answer.
    """
    if settings.dsn is None:
        raise ConfigurationError("The embedded event log needs a dsn.", code="dsn_missing")
    store = StoreSettings(
        dsn=settings.dsn,
        max_size=settings.max_connections,
        application_name=f"{settings.client_id} eventlog",
    )
    async with open_pool(store) as pool:
        await prepare_schema(pool, settings.db_schema)
        wakeups = Wakeups(
            settings.dsn.get_secret_value(),
            channel=settings.db_schema,
            application_name=settings.client_id,
        )
        wakeups.start()
        cleaner = asyncio.create_task(keep_clean(pool, settings), name="eventlog-retention")
        log = PostgresEventLog(pool, wakeups, settings)
        try:
            yield log
        finally:
            await log.close()
            cleaner.cancel()
            await asyncio.wait([cleaner])
            await wakeups.close()
