"""A process that reads a topic, commits nothing and waits to be killed; used by contract tests.

``python -m bridgework_testkit.reader GROUP TOPIC COUNT INSTANCE_ID``, with the log's settings as a
line of JSON on standard input; prints ``read`` once COUNT records came.
"""

import asyncio
import sys

from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.settings import EventLogSettings


async def _read(
    settings: EventLogSettings, group: str, topic: str, count: int, instance_id: str
) -> None:
    async with open_event_log(settings) as log:
        consumer = log.consumer(group, [topic], instance_id=instance_id or None)
        seen = 0
        while seen < count:
            seen += sum(map(len, (await consumer.read(500, 1.0)).values()))
        sys.stdout.write("read\n")
        sys.stdout.flush()
        while True:
            await consumer.read(500, 1.0)


if __name__ == "__main__":
    asyncio.run(
        _read(
            EventLogSettings.model_validate_json(sys.stdin.readline()),
            sys.argv[1],
            sys.argv[2],
            int(sys.argv[3]),
            sys.argv[4],
        )
    )
