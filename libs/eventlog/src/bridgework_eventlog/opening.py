"""Opens the event log the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_eventlog.port import EventLog
from bridgework_eventlog.settings import EventLogSettings


@asynccontextmanager
async def open_event_log(settings: EventLogSettings) -> AsyncIterator[EventLog]:
    """Open the log of ``settings.kind``; close it, its consumers and producers at the end.

    Raises:
        ConfigurationError: The part of the settings this kind needs is missing.
        StoreUnavailable: The log does not answer.
    """
    if settings.kind == "embedded":
        from bridgework_eventlog.postgres.log import open_postgres_log  # noqa: PLC0415 - one of two

        async with open_postgres_log(settings) as embedded:
            yield embedded
    else:
        from bridgework_eventlog.kafka.log import open_kafka_log  # noqa: PLC0415 - one of two

        async with open_kafka_log(settings) as kafka:
            yield kafka
