"""How often a record has ended the process that handled it, remembered across restarts."""

from typing import Protocol

from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements

from bridgework_eventlog.port import Record


class AttemptStore(Protocol):
    """Durable counts per (group, record)."""

    async def count(self, group: str, record: Record) -> int:
        """Return how often the record has failed so far."""
        ...

    async def add(self, group: str, record: Record, error_class: str) -> int:
        """Count one more failure and return the new count."""
        ...

    async def forget(self, group: str, record: Record) -> None:
        """The record was handled or dead-lettered after all."""
        ...


class PostgresAttempts:
    """Counts in the schema of the embedded log; used with Kafka too."""

    def __init__(self, pool: Pool, schema: str = "eventlog") -> None:
        self._pool = pool
        self._sql = Statements.load("bridgework_eventlog", "sql/attempts.sql", schema=schema)

    async def count(self, group: str, record: Record) -> int:
        """Return how often the record has failed so far."""
        with translate_errors():
            found = await self._pool.fetchval(self._sql.count, group, *_place(record))
        return int(found or 0)

    async def add(self, group: str, record: Record, error_class: str) -> int:
        """Count one more failure and return the new count."""
        with translate_errors():
            return int(
                await self._pool.fetchval(self._sql.add, group, *_place(record), error_class)
            )

    async def forget(self, group: str, record: Record) -> None:
        """Forget the record's failures."""
        with translate_errors():
            await self._pool.execute(self._sql.forget, group, *_place(record))


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
