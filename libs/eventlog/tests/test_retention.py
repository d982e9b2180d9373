"""The embedded log forgets what is older than its retention, oldest first, without holes."""

import asyncpg
from bridgework_contracts.ids import TenantId
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord, TopicPartition
from bridgework_eventlog.postgres.retention import delete_expired
from bridgework_store.pool import StoreSettings, open_pool
from bridgework_testkit.event_log_contract import read_until
from bridgework_testkit.fixtures import embedded_log_settings
from pydantic import SecretStr


async def test_expired_records_go_and_readers_continue_at_the_oldest_kept(
    database: str, tenant: TenantId
) -> None:
    """8,000 of 10,000 records are old: a new group starts at offset 8,000 and its lag says so."""
    topic = f"bridgework.{tenant}.records.v1"
    partition = TopicPartition(topic, 0)
    async with open_event_log(embedded_log_settings(database)) as log:
        await log.create_topics({topic: 1})
        await log.producer().append(topic, [NewRecord(b"k", b"%d" % n) for n in range(10_000)])
        connection = await asyncpg.connect(database)
        await connection.execute(
            "update eventlog.topic_1 set at = at - interval '10 days' where \"offset\" < 8000"
        )
        await connection.close()
        async with open_pool(StoreSettings(dsn=SecretStr(database))) as pool:
            assert await delete_expired(pool, "eventlog", 5 * 86_400) == 8_000
            assert await delete_expired(pool, "eventlog", 5 * 86_400) == 0
        assert await log.lag("g", [topic]) == {partition: 2_000}
        found = await read_until(log.consumer("g", [topic]), 2_000)
        assert [record.offset for record in found[partition]] == list(range(8_000, 10_000))
        assert await log.end_offsets([topic]) == {partition: 10_000}
