"""Opaque cursors of paged lists."""

import base64
import binascii
from typing import Any

import orjson

from bridgework_control.http.problems import ApiError


def encode_cursor(*parts: Any) -> str:
    """Return a cursor that says where the next page starts."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode()


def decode_cursor(cursor: str | None, length: int) -> list[str] | None:
    """Return the parts of a cursor, ``None`` for the first page.

    Raises:
        ApiError: ``invalid_request``, not a cursor of this list.
    """
    if cursor is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii", "strict")))
    except (binascii.Error, UnicodeEncodeError, orjson.JSONDecodeError) as exc:
        raise ApiError("Not a cursor of this list.", code="invalid_request") from exc
    if (
        not isinstance(parts, list)
        or len(parts) != length
        or not all(isinstance(part, str) and "\x00" not in part for part in parts)
    ):
        raise ApiError("Not a cursor of this list.", code="invalid_request")
    return parts
