"""Opaque cursors of paged lists."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import orjson

from bridgework_control.http.problems import ApiError

_INTEGER_DIGITS = 10


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


def decode_moment_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Return moment and id of a cursor of a list that is ordered by time.

    Raises:
        ApiError: ``invalid_request``, not a cursor of this list.
    """
    parts = decode_cursor(cursor, 2)
    if parts is None:
        return None
    try:
        return datetime.fromisoformat(parts[0]).astimezone(UTC), parts[1]
    except (ValueError, OverflowError) as exc:
        raise ApiError("Not a cursor of this list.", code="invalid_request") from exc


def decode_place_cursor(cursor: str | None) -> tuple[str, int, str] | None:
    """Return file, line and item of a cursor of the quarantine.

    Raises:
        ApiError: ``invalid_request``, not a cursor of this list.
    """
    parts = decode_cursor(cursor, 3)
    if parts is None:
        return None
    file, line, item_id = parts
    if not (line.isascii() and line.isdigit() and len(line) < _INTEGER_DIGITS):
        raise ApiError("Not a cursor of this list.", code="invalid_request")
    return file, int(line), item_id
