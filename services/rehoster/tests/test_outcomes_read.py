"""When what is known of parents is how they are now."""

import asyncio

from bridgework_contracts.ids import RunId, TenantId
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord, TopicPartition
from bridgework_rehoster.outcomes_read import OutcomesRead
from bridgework_testkit.fixtures import embedded_log_settings

GROUP = "rehoster.outcomes"


async def test_outcomes_are_read_once_the_group_has_committed_to_the_end_of_the_log(
    database: str, tenant: TenantId
) -> None:
    """Asked by several batches at once; what comes later does not count any more."""
    topic = f"bridgework.{tenant}.outcomes.v1"
    async with open_event_log(embedded_log_settings(database)) as log:
        await log.create_topics({topic: 1})
        producer = log.producer()
        await producer.append(topic, [NewRecord(b"k", b"%d" % n) for n in range(3)])
        read = OutcomesRead(log, group=GROUP, topic=topic)
        run = RunId("run_1")
        assert not await read.complete(run)

        consumer = log.consumer(GROUP, [topic])
        while not await consumer.read(10, 0.1):
            pass
        at = TopicPartition(topic, 0)
        await consumer.commit({at: 2})
        assert not await read.complete(run)
        await producer.append(topic, [NewRecord(b"k", b"later")])
        await consumer.commit({at: 3})
        assert await asyncio.gather(*(read.complete(run) for _ in range(8))) == [True] * 8
        assert await read.complete(run)
        await consumer.close()
