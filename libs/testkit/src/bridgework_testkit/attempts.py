"""An attempt store in memory, and what every attempt store must do."""
# ruff: noqa: S101 - tests that are imported

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest
from bridgework_eventlog.attempts import AttemptStore
from bridgework_eventlog.port import TopicPartition


class InMemoryAttempts:
    """An :class:`~bridgework_eventlog.attempts.AttemptStore` that forgets with its process."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, TopicPartition], dict[int, int]] = defaultdict(dict)

    async def suspects(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, dict[int, int]]:
        """See the protocol."""
        return {
            partition: dict(counts)
            for partition in partitions
            if (counts := self._counts[group, partition])
        }

    async def add(
        self, group: str, partition: TopicPartition, offsets: Sequence[int], error_class: str
    ) -> None:
        """See the protocol; ``error_class`` is not kept."""
        del error_class
        counts = self._counts[group, partition]
        for offset in offsets:
            counts[offset] = counts.get(offset, 0) + 1

    async def forget(self, group: str, partition: TopicPartition, before: int) -> None:
        """See the protocol."""
        counts = self._counts[group, partition]
        for offset in [offset for offset in counts if offset < before]:
            del counts[offset]


class AttemptStoreContract:
    """Every store counts per record, group and partition; a subclass has a fixture ``store``."""

    a = TopicPartition("bridgework.t.records.v1", 0)
    b = TopicPartition("bridgework.t.records.v1", 1)

    @pytest.fixture
    async def store(self) -> AttemptStore:
        """Return the store under test, empty; the subclass's fixture of this name."""
        raise NotImplementedError

    async def test_nobody_is_a_suspect_at_first(self, store: AttemptStore) -> None:
        """A new store, asked even before anything was added, knows nobody."""
        assert await store.suspects("g", [self.a]) == {}

    async def test_each_record_of_a_batch_is_counted_each_time(self, store: AttemptStore) -> None:
        """Two process ends with overlapping batches add up per record."""
        assert await store.suspects("g", [self.a]) == {}
        await store.add("g", self.a, [4, 5, 6], "KeyError")
        await store.add("g", self.a, [5], "KeyError")
        assert await store.suspects("g", [self.a]) == {self.a: {4: 1, 5: 2, 6: 1}}

    async def test_groups_and_partitions_are_counted_apart(self, store: AttemptStore) -> None:
        """Another group or partition is not under suspicion."""
        assert await store.suspects("g", []) == {}
        await store.add("g", self.a, [1], "KeyError")
        assert await store.suspects("other", [self.a]) == {}
        assert await store.suspects("g", [self.b]) == {}

    async def test_what_was_committed_is_forgotten(self, store: AttemptStore) -> None:
        """Offsets before the commit are cleared, the commit's own offset is not."""
        assert await store.suspects("g", [self.a]) == {}
        await store.add("g", self.a, [4, 5, 6], "KeyError")
        await store.forget("g", self.a, 6)
        assert await store.suspects("g", [self.a]) == {self.a: {6: 1}}
