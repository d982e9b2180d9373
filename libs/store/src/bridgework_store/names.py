"""Names that reach SQL as text: quoted once, refused when they are not ours."""

from __future__ import annotations

import hashlib
import re

_SCHEMA_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


def quote_identifier(name: str) -> str:
    """Return ``name`` quoted for SQL.

    Raises:
        ValueError: not 1 to 63 lower-case letters, digits and underscores, or a leading digit.
    """
    if not _SCHEMA_NAME.match(name):
        msg = "a schema is named by 1 to 63 lower-case letters, digits and underscores"
        raise ValueError(msg)
    return f'"{name}"'


def advisory_key(*parts: str) -> int:
    """Return a stable signed 64-bit key for PostgreSQL's advisory locks.

    Different names give different keys for all practical purposes (a truncated SHA-256).
    """
    digest = hashlib.sha256("\x00".join(("bridgework", *parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
