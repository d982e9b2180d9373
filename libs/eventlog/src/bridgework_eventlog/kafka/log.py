"""The event log on Kafka through aiokafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiokafka import (  # type: ignore[import-untyped] # it ships no types
    AIOKafkaConsumer,
    AIOKafkaProducer,
)
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import (  # type: ignore[import-untyped] # likewise
    AIOKafkaAdminClient,
    NewTopic,
)
from aiokafka.errors import for_code  # type: ignore[import-untyped] # likewise
from bridgework_contracts.errors import StoreUnavailable, TransientError

from bridgework_eventlog.errors import UnknownTopic
from bridgework_eventlog.kafka.connection import connection_arguments, kafka_settings
from bridgework_eventlog.kafka.consumer import KafkaConsumer
from bridgework_eventlog.kafka.errors import translate_kafka_errors
from bridgework_eventlog.kafka.producer import KafkaProducer
from bridgework_eventlog.port import OnAssigned, OnRevoked, TopicPartition
from bridgework_eventlog.settings import EventLogSettings

_MAX_REQUEST_BYTES = 2_097_152  # above MAX_VALUE_BYTES with key and headers
_BATCH_BYTES = 262_144  # the client's 16 KB would cut our batches into pieces
_TOPIC_EXISTS = 36
_UNKNOWN_TOPIC = 3
_VISIBLE_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


class KafkaEventLog:
    """See :class:`bridgework_eventlog.port.EventLog`; opened by :func:`open_kafka_log`."""

    def __init__(
        self,
        settings: EventLogSettings,
        *,
        admin: AIOKafkaAdminClient,
        producer: AIOKafkaProducer,
        reader: AIOKafkaConsumer,
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._producer = producer
        self._reader = reader
        self._partition_counts: dict[str, int] = {}
        self._consumers: set[KafkaConsumer] = set()

    # -- topics -----------------------------------------------------------------------------

    async def create_topics(self, partitions: Mapping[str, int]) -> None:
        """See the port; returns when every partition has a leader."""
        retention_s = self._settings.retention_s
        configuration = {
            "retention.ms": str(int(retention_s * 1000)) if retention_s is not None else "-1",
            "max.message.bytes": str(_MAX_REQUEST_BYTES),
        }
        replicas = kafka_settings(self._settings).replication_factor
        wanted = [
            NewTopic(name, count, replicas, topic_configs=configuration)
            for name, count in partitions.items()
        ]
        with translate_kafka_errors():
            response = await self._admin.create_topics(wanted)
            for _name, code, *_ in response.topic_errors:
                if code not in (0, _TOPIC_EXISTS):
                    raise for_code(code)
        await self._wait_until(lambda known: partitions.keys() <= known.keys())

    async def delete_topics(self, names: Iterable[str]) -> None:
        """See the port; returns when they are gone."""
        doomed = set(names)
        with translate_kafka_errors():
            response = await self._admin.delete_topics(sorted(doomed))
            for _name, code, *_ in response.topic_error_codes:
                if code not in (0, _UNKNOWN_TOPIC):
                    raise for_code(code)
        for name in doomed:
            self._partition_counts.pop(name, None)
        await self._wait_until(lambda known: not doomed & known.keys())

    async def topics(self) -> dict[str, int]:
        """See the port; Kafka's own topics are left out, and those without leaders yet."""
        with translate_kafka_errors():
            described = await self._admin.describe_topics()
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if not topic["is_internal"]
            and topic["error_code"] == 0
            and all(partition["leader"] >= 0 for partition in topic["partitions"])
        }

    # -- offsets ----------------------------------------------------------------------------

    async def end_offsets(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        with translate_kafka_errors():
            found = await self._reader.end_offsets(await self._partitions(topics))
        return {TopicPartition(*tp): offset for tp, offset in found.items()}

    async def committed(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        with translate_kafka_errors():
            found = await self._admin.list_consumer_group_offsets(
                group, partitions=await self._partitions(topics)
            )
        return {TopicPartition(*tp): at.offset for tp, at in found.items() if at.offset >= 0}

    async def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """See the port."""
        wanted = await self._partitions(topics)
        ends = await self.end_offsets(topics)
        done = await self.committed(group, topics)
        with translate_kafka_errors():
            firsts = await self._reader.beginning_offsets(wanted)
        return {tp: end - max(done.get(tp, 0), firsts[tp]) for tp, end in ends.items()}

    # -- producers and consumers ------------------------------------------------------------

    def producer(self) -> KafkaProducer:
        """See the port; all producers of a log share one connection."""
        return KafkaProducer(self._producer, self._partition_count)

    def consumer(
        self,
        group: str,
        topics: Iterable[str],
        *,
        instance_id: str | None = None,
        on_assigned: OnAssigned | None = None,
        on_revoked: OnRevoked | None = None,
    ) -> KafkaConsumer:
        """See the port."""
        session_ms = int(self._settings.session_timeout_s * 1000)

        def build() -> AIOKafkaConsumer:
            return AIOKafkaConsumer(
                **connection_arguments(self._settings),
                group_id=group,
                group_instance_id=instance_id,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=session_ms // 3,
                rebalance_timeout_ms=int(self._settings.rebalance_timeout_s * 1000),
            )

        consumer = KafkaConsumer(
            build,
            group=group,
            topics=frozenset(topics),
            on_assigned=on_assigned,
            on_revoked=on_revoked,
            on_closed=self._consumers.discard,
        )
        self._consumers.add(consumer)
        return consumer

    async def close(self) -> None:
        """See the port."""
        for consumer in tuple(self._consumers):
            await consumer.close()

    # -- metadata ---------------------------------------------------------------------------

    async def _partition_count(self, topic: str) -> int:
        known = self._partition_counts.get(topic)
        if known is None:
            self._partition_counts = await self.topics()
            known = self._partition_counts.get(topic)
            if known is None:
                raise UnknownTopic(f"Topic {topic} does not exist; create it first.", topic=topic)
        return known

    async def _partitions(self, topics: Iterable[str]) -> list[KafkaPartition]:
        return [
            KafkaPartition(topic, partition)
            for topic in topics
            for partition in range(await self._partition_count(topic))
        ]

    async def _wait_until(self, holds: Callable[[dict[str, int]], bool]) -> None:
        try:
            async with asyncio.timeout(_VISIBLE_TIMEOUT_S):
                while not holds(await self.topics()):  # noqa: ASYNC110 - Kafka has no event for it
                    await asyncio.sleep(0.05)
        except TimeoutError as exc:
            raise StoreUnavailable("Kafka did not apply a change of topics in time.") from exc


@asynccontextmanager
async def open_kafka_log(settings: EventLogSettings) -> AsyncIterator[KafkaEventLog]:
    """Open the log: one connection each for administration, appending and asking for offsets.

    Raises:
        ConfigurationError: No Kafka settings, or refused by the broker.
        StoreUnavailable: No broker answers.
    """
    shared = connection_arguments(settings)
    async with AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(**shared)
        producer = AIOKafkaProducer(
            **shared,
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_MAX_REQUEST_BYTES,
        )
        reader = AIOKafkaConsumer(**shared, enable_auto_commit=False)
        with translate_kafka_errors():
            stack.push_async_callback(_stop, admin.close)
            await admin.start()
            stack.push_async_callback(_stop, reader.stop)
            await reader.start()
            stack.push_async_callback(_stop, producer.stop)
            await producer.start()
        log = KafkaEventLog(settings, admin=admin, producer=producer, reader=reader)
        stack.push_async_callback(log.close)
        yield log


async def _stop(stop: Callable[[], Awaitable[object]]) -> None:
    """Stop a client, without waiting for ever when no broker answers (its issue 659)."""
    try:
        with translate_kafka_errors():
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await stop()
    except TransientError:
        return
