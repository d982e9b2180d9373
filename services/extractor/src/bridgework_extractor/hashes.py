"""What a snapshot held, as keyed hashes: the whole memory a delta needs of the export before.

One line per record and file, a JSON list: object, key, hash, partition key. Keys are the source's
own numbers; hashes are keyed per tenant and tell nothing about values.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson

FILE_NAME = "hashes.jsonl"


class HashWriter:
    """Writes the hashes of one snapshot as they pass; atomic at ``close``."""

    def __init__(self, folder: Path) -> None:
        self._target = folder / FILE_NAME
        self._partial = folder / f"{FILE_NAME}.partial"
        self._out = self._partial.open("wb")

    def add(self, object_name: str, key: str, content_hash: str, partition_key: str) -> None:
        """Add one record."""
        self._out.write(orjson.dumps([object_name, key, content_hash, partition_key]) + b"\n")

    def close(self) -> None:
        """Make the file the snapshot's."""
        self._out.close()
        self._partial.replace(self._target)


class BaseHashes:
    """The hashes of the base snapshot; what is asked for is ticked off, the rest was deleted."""

    def __init__(self, folder: Path) -> None:
        self._left: dict[str, dict[str, tuple[str, str]]] = {}
        with (folder / FILE_NAME).open("rb") as lines:
            for line in lines:
                name, key, content_hash, partition_key = orjson.loads(line)
                self._left.setdefault(name, {})[key] = (content_hash, partition_key)

    def take(self, object_name: str, key: str) -> str | None:
        """Return the base hash of a record that is still there, ``None`` where it is new."""
        found = self._left.get(object_name, {}).pop(key, None)
        return found[0] if found else None

    def deleted(self, object_name: str) -> Iterator[tuple[str, str, str]]:
        """Yield (key, hash, partition key) of what nobody asked for; ask after everything else."""
        for key, (content_hash, partition_key) in sorted(self._left.get(object_name, {}).items()):
            yield key, content_hash, partition_key
