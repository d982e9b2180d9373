"""Replay: make a group read its topics again from the oldest record."""

import asyncio
from collections.abc import Sequence

from bridgework_eventlog.errors import GroupIsRunning
from bridgework_eventlog.port import EventLog, TopicPartition


async def rewind(
    log: EventLog, group: str, topics: Sequence[str], *, timeout_s: float = 60.0
) -> None:
    """Commit offset 0 for every partition of ``topics``; the group must not be running.

    Safe because every consumer recognises messages it has handled; a replay changes nothing.

    Raises:
        GroupIsRunning: Other members kept partitions for ``timeout_s``; stop them first.
    """
    known = await log.topics()
    wanted = {
        TopicPartition(topic, partition)
        for topic in topics
        for partition in range(known.get(topic, 0))
    }
    consumer = log.consumer(group, topics)
    try:
        async with asyncio.timeout(timeout_s):
            while not wanted <= consumer.assignment():
                await consumer.read(1, 0.2)
    except TimeoutError:
        raise GroupIsRunning(
            f"Other members of group {group} still read its topics; stop them first.", group=group
        ) from None
    else:
        await consumer.commit(dict.fromkeys(wanted, 0))
    finally:
        await consumer.close()
