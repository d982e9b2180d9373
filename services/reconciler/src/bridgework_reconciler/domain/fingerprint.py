"""A module's fingerprint: its count and an order-free hash of the fields we may touch."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

_MODULUS = 1 << 256


class Fingerprint:
    """Adds up record hashes modulo 2^256, so that the order of reading does not matter."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, record: Mapping[str, Any], fields: Iterable[str]) -> None:
        """Add one record as Zoho shows it: its id and these fields, lookups by id only."""
        seen = [str(record.get("id"))]
        seen.extend(_plain(record.get(name)) for name in fields)
        digest = hashlib.sha256(orjson.dumps(seen)).digest()
        self._sum = (self._sum + int.from_bytes(digest)) % _MODULUS
        self.count += 1

    def result(self) -> dict[str, Any]:
        """Return ``{"count": n, "hash": 64 hexadecimal characters}``."""
        return {"count": self.count, "hash": f"{self._sum:064x}"}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # A lookup also shows the name of what it points at; that is not this record's field.
        return value.get("id", value) if "id" in value else value
    return value
