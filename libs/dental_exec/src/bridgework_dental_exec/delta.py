"""What changed between two snapshots: compare canonical content hashes, key by key.

Hashes are of canonical content, so shuffling, quoting, encoding or another dialect change
nothing. The full key sets are always compared; no cursor, no timestamp.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from bridgework_contracts.records import Change

from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.sealing import open_dataset, open_writer

_SCHEMA = pa.schema([pa.field(n, pa.string()) for n in ("object", "key", "hash")])
_BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class KeyHash:
    """The content hash of one record or file."""

    object: str
    key: str
    hash: str


def hashes(source: CanonicalSource, objects: Iterable[str] | None = None) -> Iterator[KeyHash]:
    """Yield the content hash of every record and file of a source."""
    for name in objects or source.objects():
        for record in source.records(name):
            yield KeyHash(name, record.key, record.content_hash)
    if objects is None:
        for file in source.files():
            yield KeyHash(file.object, file.key, file.content_hash)


def write_hashes(path: Path, items: Iterable[KeyHash], *, key: bytes | None = None) -> int:
    """Write hashes as a Parquet file of (object, key, hash); return their number.

    Args:
        path: File to write.
        items: Hashes, in any order.
        key: 32 bytes to seal the file with; source keys may identify people.
    """
    written = 0
    batch: list[KeyHash] = []
    with open_writer(path, _SCHEMA, key) as writer:
        for item in items:
            batch.append(item)
            if len(batch) >= _BATCH_ROWS:
                writer.write_batch(_arrow(batch))
                written += len(batch)
                batch = []
        if batch:
            writer.write_batch(_arrow(batch))
    return written + len(batch)


def read_hashes(path: Path, *, key: bytes | None = None) -> pa.Table:
    """Read a file of :func:`write_hashes` as a table of (object, key, hash)."""
    return open_dataset(path, key).to_table()


def hash_table(items: Iterable[KeyHash]) -> pa.Table:
    """Return hashes as a table of (object, key, hash) without a file."""
    batch = list(items)
    return pa.Table.from_batches([_arrow(batch)], schema=_SCHEMA)


def _arrow(batch: list[KeyHash]) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array([i.object for i in batch], pa.string()),
            pa.array([i.key for i in batch], pa.string()),
            pa.array([i.hash for i in batch], pa.string()),
        ],
        schema=_SCHEMA,
    )


def changes(base_hashes: pa.Table, now: pa.Table) -> dict[str, dict[Change, set[str]]]:
    """Compare two tables of (object, key, hash).

    Args:
        base_hashes: What the base run's records were.
        now: What this snapshot's records are.

    Returns:
        Object → change → keys; objects and changes without a key are absent.
    """
    connection = duckdb.connect(config={"threads": 2, "temp_directory": ""})
    try:
        connection.register("base", base_hashes)
        connection.register("now", now)
        rows = connection.execute(
            """
            SELECT coalesce(n.object, b.object), coalesce(n.key, b.key),
                   CASE WHEN b.key IS NULL THEN 'new' WHEN n.key IS NULL THEN 'deleted'
                        ELSE 'changed' END
            FROM now n FULL JOIN base b ON n.object = b.object AND n.key = b.key
            WHERE n.hash IS DISTINCT FROM b.hash
            """
        )
        found: dict[str, dict[Change, set[str]]] = {}
        while chunk := rows.fetchmany(10_000):
            for name, key, change in chunk:
                found.setdefault(name, {}).setdefault(Change(change), set()).add(key)
    finally:
        connection.close()
    return found
