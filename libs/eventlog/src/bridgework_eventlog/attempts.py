"""Records whose handling ended the process, remembered across restarts.

A crash says which batch was at work, not which record was to blame. So every record of that batch
becomes a suspect; after the restart suspects run alone, and the one that crashes again is found.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import asyncpg
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements

from bridgework_eventlog.port import TopicPartition


class AttemptStore(Protocol):
    """Durable counts per (group, record)."""

    async def suspects(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, dict[int, int]]:
        """Return for each partition (when any) the suspects' offsets with their counts."""
        ...

    async def add(
        self, group: str, partition: TopicPartition, offsets: Sequence[int], error_class: str
    ) -> None:
        """Count one more process end for each of these records."""
        ...

    async def forget(self, group: str, partition: TopicPartition, before: int) -> None:
        """Forget suspects with smaller offsets: they were handled or dead-lettered after all."""
        ...


class PostgresAttempts:
    """Counts in the schema of the embedded log; used with Kafka too."""

    def __init__(self, pool: Pool, schema: str = "eventlog") -> None:
        self._pool = pool
        self._schema = schema
        self._sql = Statements.load("bridgework_eventlog", "sql/attempts.sql", schema=schema)

    async def suspects(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, dict[int, int]]:
        """See the protocol; creates the table on first use, as Kafka users have no other need."""
        wanted = frozenset(partitions)
        with translate_errors():
            try:
                rows = await self._pool.fetch(self._sql.suspects, group)
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                from bridgework_eventlog.postgres.schema import (  # noqa: PLC0415 - seldom
                    prepare_schema,
                )

                await prepare_schema(self._pool, self._schema)
                return {}
        found: dict[TopicPartition, dict[int, int]] = {}
        for row in rows:
            partition = TopicPartition(row["topic"], row["partition"])
            if partition in wanted:
                found.setdefault(partition, {})[row["offset"]] = row["attempts"]
        return found

    async def add(
        self, group: str, partition: TopicPartition, offsets: Sequence[int], error_class: str
    ) -> None:
        """See the protocol."""
        with translate_errors():
            await self._pool.execute(self._sql.add, group, *partition, list(offsets), error_class)

    async def forget(self, group: str, partition: TopicPartition, before: int) -> None:
        """See the protocol."""
        with translate_errors():
            await self._pool.execute(self._sql.forget, group, *partition, before)
