"""What the canonical source gives: records, outcomes settled at the source, files, providers."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import Problem, Provenance


@dataclass(slots=True)
class CanonicalRecord:
    """One canonical record; see ``docs/canonical.md`` for each object's fields."""

    object: str
    key: str
    partition_key: str
    content_hash: str
    fields: dict[str, Any]
    parts: dict[str, int] = field(default_factory=dict)
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a row that never becomes a record of its own."""

    object: str
    key: str
    outcome: Literal["merged", "failed", "parked", "skipped"]
    reason: Reason
    merged_into: str | None = None
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class CanonicalFile:
    """One file to re-host.

    Attributes:
        object: ``document`` or ``note_image``.
        key: ``doc_id`` or ``note_id#n``.
        parent_object: Object the file hangs on, always ``patient``.
        parent_key: Key of that record; may point at a record that does not exist.
        state: ``present``, ``missing`` (no bytes in the export) or ``empty`` (zero bytes).
        path: Where the bytes can be opened; ``None`` for missing files and inline content.
        temporary: True where the path is gone once the export is closed (unpacked for this run).
        content: The bytes of a picture that stands inside its note.
        missing_reason: Why there are no bytes, in words.
    """

    object: str
    key: str
    parent_object: str
    parent_key: str | None
    partition_key: str
    name: str
    mime: str
    size_bytes: int
    sha256: str | None
    state: Literal["present", "missing", "empty"]
    content_hash: str
    path: str | None = None
    temporary: bool = False
    content: bytes | None = None
    missing_reason: str | None = None
    category: str | None = None
    taken_at: str | None = None
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as owner resolution needs it."""

    key: str
    abbr: str | None
    last_name: str | None
    first_name: str | None
    suffix: str | None
    type: str | None
    specialty: str | None
    npi: str | None
    npi_valid: bool
    email: str | None
    active: bool | None
    names: tuple[str, ...]
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()

    def as_fields(self) -> dict[str, Any]:
        """Return the canonical fields."""
        return {
            "key": self.key,
            "abbr": self.abbr,
            "last_name": self.last_name,
            "first_name": self.first_name,
            "suffix": self.suffix,
            "type": self.type,
            "specialty": self.specialty,
            "npi": self.npi,
            "npi_valid": self.npi_valid,
            "email": self.email,
            "active": self.active,
            "names": list(self.names),
        }


def content_hash(fields: dict[str, Any], key: bytes = b"") -> str:
    """Return the hash of a record's content: 32 hexadecimal characters, keyed."""
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=16, key=key
    ).hexdigest()
