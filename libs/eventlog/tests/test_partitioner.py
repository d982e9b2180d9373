"""Keys land where Kafka's own clients put them."""

import os

from aiokafka.partitioner import (  # type: ignore[import-untyped] # it ships no types
    murmur2 as kafka_murmur2,
)
from bridgework_eventlog.partitioner import murmur2, partition_of


def test_hash_equals_kafkas() -> None:
    """Every length up to 70 bytes, random contents, against the client's implementation."""
    for length in range(70):
        for _ in range(20):
            key = os.urandom(length)
            assert murmur2(key) == kafka_murmur2(key)


def test_known_keys_keep_their_partition() -> None:
    """Fixed examples: a change here would reorder every deployed topic."""
    assert [partition_of(b"1201", 8), partition_of(b"", 8), partition_of(b"11|2025-05", 8)] == [
        kafka_murmur2(key) % 2**31 % 8 for key in (b"1201", b"", b"11|2025-05")
    ]
