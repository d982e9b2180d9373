"""A group member on Kafka: aiokafka's consumer with our words, and without its sharp edges.

Offsets are committed by us only; commits of partitions that went elsewhere are left out instead of
raising; a failing callback reaches the reader instead of a log line; closing drains first.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import (  # type: ignore[import-untyped] # it ships no types
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
)
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (  # type: ignore[import-untyped] # likewise
    CommitFailedError,
    IllegalStateError,
)
from bridgework_contracts.errors import StoreUnavailable, TransientError

from bridgework_eventlog.errors import UnknownTopic
from bridgework_eventlog.kafka.errors import translate_kafka_errors
from bridgework_eventlog.port import NO_HEADERS, OnAssigned, OnRevoked, Record, TopicPartition

log = structlog.get_logger(__name__)

_STOP_TIMEOUT_S = 10.0  # the client can wait for ever when no broker answers (its issue 659)
_COMMIT_TIMEOUT_S = 30.0  # likewise


class KafkaConsumer:
    """See :class:`bridgework_eventlog.port.Consumer`."""

    def __init__(
        self,
        build: Callable[[], AIOKafkaConsumer],
        *,
        group: str,
        topics: frozenset[str],
        on_assigned: OnAssigned | None,
        on_revoked: OnRevoked | None,
        on_closed: Callable[["KafkaConsumer"], None],
    ) -> None:
        self._build = build
        self._group = group
        self._topics = topics
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._on_closed = on_closed
        self._client: AIOKafkaConsumer | None = None
        self._starting: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._generation = 0
        self._announced = asyncio.Event()
        self._closed = False

    async def read(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Record]]:
        """See the port."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        if not await self._is_started(timeout_s):
            return {}
        if self._failure is not None:
            raise self._failure
        wait_s = max(0.0, deadline - loop.time())
        with translate_kafka_errors():
            found = await self._joined().getmany(
                timeout_ms=int(wait_s * 1000), max_records=max_records
            )
        if not self._announced.is_set() and not await self._is_announced(found, deadline):
            return {}
        return {
            TopicPartition(tp.topic, tp.partition): [_record(message) for message in messages]
            for tp, messages in found.items()
        }

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        client = self._client
        if client is None:
            return
        ours = client.assignment()
        mine = {KafkaPartition(*tp): offset for tp, offset in offsets.items() if tp in ours}
        if len(mine) < len(offsets):
            log.info(
                "commit_left_out_partitions", group=self._group, count=len(offsets) - len(mine)
            )
        if not mine:
            return
        try:
            with translate_kafka_errors():
                async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                    with suppress(IllegalStateError):  # they went while we asked
                        await client.commit(mine)
        except StoreUnavailable as exc:
            if not isinstance(exc.__cause__, CommitFailedError):
                raise
            # The group has moved on; whoever owns them now reads from the last commit.
            log.info("commit_came_too_late", group=self._group, count=len(mine))

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """See the port."""
        if self._client is not None:
            self._client.pause(*self._assigned(partitions))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """See the port."""
        if self._client is not None:
            self._client.resume(*self._assigned(partitions))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See the port."""
        for tp in self._assigned([partition]):
            self._joined().seek(tp, offset)

    def assignment(self) -> frozenset[TopicPartition]:
        """See the port."""
        if self._client is None:
            return frozenset()
        return frozenset(TopicPartition(*tp) for tp in self._client.assignment())

    async def close(self) -> None:
        """See the port; with an instance id Kafka keeps our place for the session timeout."""
        if self._closed:
            return
        self._closed = True
        self._on_closed(self)
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._client is not None:
            assigned = self.assignment()
            if assigned and self._on_revoked is not None:
                await self._on_revoked(assigned)
            await self._stop_client()

    # -- rebalances -------------------------------------------------------------------------

    async def _is_announced(self, found: Mapping[KafkaPartition, Any], deadline: float) -> bool:
        """Wait until the owner was told of the assignment the records just read belong to.

        The client delivers records of a new assignment while ``on_assigned`` still runs. When that
        takes longer than the read may, the records are read again; when a further rebalance
        overtakes them they are dropped, as their partition's reader starts at the last commit.
        """
        generation = self._generation
        try:
            async with asyncio.timeout_at(deadline):
                while not self._announced.is_set():
                    await self._announced.wait()
        except TimeoutError:
            if generation == self._generation:
                for tp, messages in found.items():
                    self.seek(TopicPartition(*tp), messages[0].offset)
            return False
        return generation == self._generation

    async def revoked(self, partitions: Iterable[KafkaPartition]) -> None:
        """Have the owner give partitions up; called by the client before it rejoins."""
        self._generation += 1
        self._announced.clear()
        await self._call_back(self._on_revoked, partitions)

    async def assigned(self, partitions: Iterable[KafkaPartition]) -> None:
        """Tell the owner of its partitions; called by the client after it joined."""
        await self._call_back(self._on_assigned, partitions)
        self._announced.set()

    async def _call_back(
        self, callback: OnAssigned | OnRevoked | None, partitions: Iterable[KafkaPartition]
    ) -> None:
        given = frozenset(TopicPartition(*tp) for tp in partitions)
        if callback is None or not given:
            return
        try:
            await callback(given)
        except Exception as exc:  # noqa: BLE001 - the client would only log it; read() raises it
            self._failure = exc

    # -- starting ---------------------------------------------------------------------------

    async def _is_started(self, timeout_s: float) -> bool:
        """Join in the background; say whether we have joined within ``timeout_s``."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name=f"kafka-join-{self._group}")
        if not self._starting.done():
            await asyncio.wait([self._starting], timeout=timeout_s)
        if not self._starting.done():
            return False
        exc = self._starting.exception()
        if exc is not None:
            self._starting = None  # the next read tries again
            if isinstance(exc, UnknownTopic):
                return False
            raise exc
        return True

    async def _start(self) -> None:
        client = self._build()
        client.subscribe(list(self._topics), listener=_Listener(self))
        self._client = client
        try:
            with translate_kafka_errors():
                await client.start()
        except BaseException:
            await self._stop_client()
            raise

    async def _stop_client(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            with translate_kafka_errors():
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await client.stop()
        except TransientError as exc:
            log.warning("group_left_without_saying", group=self._group, code=exc.code)

    def _joined(self) -> AIOKafkaConsumer:
        if self._client is None:
            raise StoreUnavailable("The consumer is not connected.", code="not_connected")
        return self._client

    def _assigned(self, partitions: Iterable[TopicPartition]) -> list[KafkaPartition]:
        ours = self._client.assignment() if self._client is not None else set()
        return [KafkaPartition(*tp) for tp in partitions if tp in ours]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # the base class is untyped
    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        await self._consumer.revoked(revoked)

    async def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        await self._consumer.assigned(assigned)


def _record(message: Any) -> Record:
    headers = {name: value.decode() for name, value in message.headers}
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value if message.value is not None else b"",
        headers or NO_HEADERS,
        datetime.fromtimestamp(message.timestamp / 1000, UTC),
    )
