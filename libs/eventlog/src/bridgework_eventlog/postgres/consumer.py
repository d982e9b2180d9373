"""A group member that reads tables: positions in memory, membership in rows.

A background task keeps the membership alive and moves partitions in and out; ``read`` only looks at
what is ours at that moment. What ``read`` returns was checked against the assignment after its last
suspension, so a caller that awaits it directly never sees records of a partition it just gave up.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import orjson
import structlog
from bridgework_contracts.errors import TransientError
from bridgework_store.errors import StoreDefect

from bridgework_eventlog.background import Background
from bridgework_eventlog.port import NO_HEADERS, OnAssigned, OnRevoked, Record, TopicPartition
from bridgework_eventlog.postgres.membership import Membership, Turn

if TYPE_CHECKING:
    from bridgework_eventlog.postgres.log import PostgresEventLog

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

_BYTES_PER_READ = 16_000_000
_RETRY_S = 0.5
_UNWOKEN_POLL_S = 0.1  # while the connection that listens is down

Row = tuple[int, int, datetime, bytes | None, bytes, bytes | None]
"""Partition, offset, time, key, value, headers as JSON."""


class PostgresConsumer:
    """See :class:`bridgework_eventlog.port.Consumer`."""

    def __init__(
        self,
        owner: "PostgresEventLog",
        membership: Membership,
        *,
        group: str,
        heartbeat_s: float,
        poll_interval_s: float,
        on_assigned: OnAssigned | None,
        on_revoked: OnRevoked | None,
    ) -> None:
        self._owner = owner
        self._membership = membership
        self._group = group
        self._heartbeat_s = heartbeat_s
        self._patience_s = poll_interval_s
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._data = asyncio.Event()  # something may be readable
        self._group_changed = asyncio.Event()
        self._background = Background()
        self._started = False
        self._closed = False
        self._failure: BaseException | None = None
        self._next_poll = 0.0
        self._draining: set[TopicPartition] = set()
        self._turn = 0  # rotates which partition is served first

    # -- the port ---------------------------------------------------------------------------

    async def read(self, max_records: int, timeout_s: float) -> dict[TopicPartition, list[Record]]:
        """See the port."""
        self._start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            if self._failure is not None:
                raise self._failure
            if self._data.is_set() or loop.time() >= self._next_poll:
                self._data.clear()
                found = await self._fetch(max_records)
                if found:
                    self._data.set()  # there may be more
                    return found
                self._next_poll = loop.time() + self._poll_interval_s()
            now = loop.time()
            if now >= deadline:
                return {}
            await self._wait_for_data(min(deadline, self._next_poll) - now)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        if not offsets:
            return
        stored = await self._membership.commit(offsets)
        if stored < len(offsets):
            log.info("commit_left_out_partitions", group=self._group, count=len(offsets) - stored)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """See the port."""
        self._paused.update(tp for tp in partitions if tp in self._positions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """See the port."""
        self._paused.difference_update(partitions)
        self._data.set()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See the port."""
        if partition in self._positions:
            self._positions[partition] = offset
            self._data.set()

    def assignment(self) -> frozenset[TopicPartition]:
        """See the port."""
        return frozenset(self._positions)

    async def close(self) -> None:
        """See the port."""
        if self._closed:
            return
        self._closed = True
        await self._background.close()
        self._owner.wakeups.unsubscribe(self._data.set)
        self._owner.wakeups.unsubscribe(self._group_changed.set)
        self._owner.forget(self)
        if not self._started:
            return
        try:
            await self._tell_revoked(frozenset(self._membership.owned))
            await self._membership.leave()
        except TransientError as exc:  # our lease runs out instead
            log.warning("group_left_without_saying", group=self._group, code=exc.code)
        self._owner.wakeups.changed(_group_subject(self._group))

    # -- reading ----------------------------------------------------------------------------

    async def _wait_for_data(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._data.wait()
        except TimeoutError:
            return

    def _poll_interval_s(self) -> float:
        return self._patience_s if self._owner.wakeups.listening else _UNWOKEN_POLL_S

    async def _fetch(self, max_records: int) -> dict[TopicPartition, list[Record]]:
        """Read once; positions move only for what is still ours after the last suspension."""
        before = {tp: at for tp, at in self._positions.items() if tp not in self._paused}
        by_topic: dict[int, list[TopicPartition]] = {}
        for tp in before:
            by_topic.setdefault(self._membership.owned[tp], []).append(tp)
        found: dict[TopicPartition, list[Record]] = {}
        left = max_records
        self._turn += 1
        for topic_id in _rotated(sorted(by_topic), self._turn):
            partitions = _rotated(by_topic[topic_id], self._turn)
            rows = await self._owner.read_rows(
                topic_id,
                [tp.partition for tp in partitions],
                [before[tp] for tp in partitions],
                left,
                _BYTES_PER_READ,
            )
            found.update(_by_partition(partitions[0].topic, rows))
            left -= len(rows)
            if left <= 0:
                break
        if asyncio.get_running_loop().time() >= self._membership.sure_until:
            return {}  # our lease may be over and another member may read these by now
        valid = {
            tp: records
            for tp, records in found.items()
            if self._positions.get(tp) == before[tp] and tp not in self._paused
        }
        for tp, records in valid.items():
            self._positions[tp] = records[-1].offset + 1
        return valid

    # -- membership -------------------------------------------------------------------------

    def _start(self) -> None:
        if self._started or self._closed:
            return
        self._started = True
        self._owner.wakeups.subscribe(
            (_group_subject(self._group), TOPICS_CHANGED), self._group_changed.set
        )
        self._background.start(self._keep_membership(), name=f"eventlog-member-{self._group}")

    async def _keep_membership(self) -> None:
        try:
            while True:
                self._group_changed.clear()
                try:
                    turn = await self._membership.take_turn()
                except TransientError as exc:
                    log.warning("group_turn_failed", group=self._group, code=exc.code)
                    await asyncio.sleep(_RETRY_S)
                    continue
                await self._apply(turn)
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        await self._group_changed.wait()
                except TimeoutError:
                    continue
        except Exception as exc:  # noqa: BLE001 - handed to the reader, who stops the process
            self._failure = exc
            self._data.set()

    async def _apply(self, turn: Turn) -> None:
        if turn.lost:
            log.warning("partitions_lost", group=self._group, count=len(turn.lost))
            self._draining -= turn.lost
            self._drop(turn.lost)
            await self._tell_revoked(turn.lost)
            self._group_changed.set()  # look again at once: rejoin, or claim the new topic
        surplus = turn.surplus & self._positions.keys()  # the rest is being drained already
        if surplus:
            self._drop(surplus)
            self._draining |= surplus
            self._background.start(self._hand_over(surplus), name="eventlog-hand-over")
        if turn.claimed:
            if self._on_assigned is not None:
                await self._on_assigned(frozenset(turn.claimed))
            for tp, claim in turn.claimed.items():
                self._positions[tp] = claim.position
                self._owner.wakeups.subscribe((topic_subject(claim.topic_id),), self._data.set)
            self._data.set()
        if turn.others_should_look:
            self._owner.wakeups.changed(_group_subject(self._group))

    async def _hand_over(self, partitions: frozenset[TopicPartition]) -> None:
        """Drain partitions that belong elsewhere now, then let them go."""
        try:
            await self._tell_revoked(partitions)
        except Exception as exc:  # noqa: BLE001 - handed to the reader, who stops the process
            self._failure = exc
            self._data.set()
        while True:
            # Without what we lost, and perhaps claimed anew, while draining.
            drained = partitions & self._draining
            try:
                await self._membership.release(drained)
            except TransientError as exc:
                log.warning("release_failed", group=self._group, code=exc.code)
                await asyncio.sleep(_RETRY_S)
            else:
                break
        self._draining -= partitions
        self._owner.wakeups.changed(_group_subject(self._group))

    async def _tell_revoked(self, partitions: frozenset[TopicPartition]) -> None:
        if partitions and self._on_revoked is not None:
            await self._on_revoked(partitions)
        self._drop(partitions)

    def _drop(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            self._positions.pop(tp, None)
            self._paused.discard(tp)


TOPICS_CHANGED = "topics"
"""What changes when a topic is created or deleted."""


def _group_subject(group: str) -> str:
    return f"g:{group}"


def topic_subject(topic_id: int) -> str:
    """Return what changes when a topic grows."""
    return f"t:{topic_id}"


def _by_partition(topic: str, rows: Iterable[Row]) -> dict[TopicPartition, list[Record]]:
    found: dict[int, list[Record]] = {}
    for partition, offset, at, key, value, headers in rows:
        known = orjson.loads(headers) if headers else NO_HEADERS
        record = Record(topic, partition, offset, key, value, known, at)
        try:
            found[partition].append(record)
        except KeyError:
            found[partition] = [record]
    for partition, records in found.items():
        if records[-1].offset - records[0].offset != len(records) - 1:
            raise StoreDefect(f"The log returned offsets of {topic}/{partition} out of order.")
    return {TopicPartition(topic, partition): records for partition, records in found.items()}


def _rotated(items: list[_T], turn: int) -> list[_T]:
    start = turn % len(items) if items else 0
    return items[start:] + items[:start]
