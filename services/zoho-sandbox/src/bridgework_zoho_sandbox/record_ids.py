"""Record ids: decimal strings of 17 to 19 digits in JSON, integers inside."""

from __future__ import annotations

from typing import Any

ID_DIGITS_MAX = 19
ID_MAX = 2**63 - 1


def record_id(value: Any) -> int | None:
    """Read an id: a string of digits (a JSON integer too); ``None`` when it is none."""
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= ID_DIGITS_MAX:
            number = int(value)
            return number if number <= ID_MAX else None
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ID_MAX:
        return value
    return None
