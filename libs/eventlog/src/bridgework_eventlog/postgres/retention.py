"""Deletes records that are older than the retention, oldest first, in small steps.

One process cleans at a time (an advisory lock); a step is one short transaction, so that neither
appends nor vacuum wait for it.
"""

import asyncio

import asyncpg
import structlog
from bridgework_contracts.errors import TransientError
from bridgework_store.names import advisory_key, quote_identifier
from bridgework_store.pool import Pool, translate_errors
from bridgework_store.statements import Statements

from bridgework_eventlog.settings import EventLogSettings

log = structlog.get_logger(__name__)

_INTERVAL_S = 300.0
_STEP_RECORDS = 5_000


async def keep_clean(
    pool: Pool, settings: EventLogSettings, *, interval_s: float = _INTERVAL_S
) -> None:
    """Clean now and then, for ever; returns at once when nothing is ever deleted."""
    if settings.retention_s is None:
        return
    while True:
        try:
            deleted = await delete_expired(pool, settings.db_schema, settings.retention_s)
        except TransientError as exc:
            log.warning("retention_failed", code=exc.code)
        else:
            if deleted:
                log.info("records_expired", count=deleted)
        await asyncio.sleep(interval_s)


async def delete_expired(pool: Pool, schema: str, retention_s: float) -> int:
    """Delete every record older than ``retention_s``; return how many were deleted."""
    sql = Statements.load("bridgework_eventlog", "sql/retention.sql", schema=schema)
    with translate_errors():
        partitions = await pool.fetch(sql.all_partitions)
    total = 0
    for row in partitions:
        first: int | None = row["first_offset"]
        while first is not None and first < row["next_offset"]:
            deleted, first = await _delete_step(
                pool, sql, schema, row["topic_id"], row["partition"], first, retention_s
            )
            total += deleted
            if deleted < _STEP_RECORDS:
                break
    return total


async def _delete_step(
    pool: Pool,
    sql: Statements,
    schema: str,
    topic_id: int,
    partition: int,
    first: int,
    retention_s: float,
) -> tuple[int, int | None]:
    table = f"{quote_identifier(schema)}.topic_{topic_id}"
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(sql.try_lock, advisory_key("retention", schema)):
                return 0, None
            try:
                status = await connection.execute(
                    sql.delete_old.replace("{records}", table),
                    partition,
                    first,
                    first + _STEP_RECORDS,
                    retention_s,
                )
            except asyncpg.UndefinedTableError:  # the topic was deleted meanwhile
                return 0, None
            deleted = int(status.rpartition(" ")[2])
            if deleted:
                first += deleted
                await connection.execute(sql.move_first_offset, topic_id, partition, first)
    return deleted, first
