"""Values as shapes: enough to see what kind of thing differs, nothing of the person."""

from typing import Any

_LONGEST = 40


def shape(value: Any) -> str:
    """Return the masked shape of a JSON value: letters → a/A, digits → 9, lists by length."""
    if value is None:
        return "∅"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return f"{{{len(value)} keys}}"
    if isinstance(value, list | tuple):
        return f"[{len(value)}]"
    text = str(value)
    masked = "".join(
        "9" if c.isnumeric() else "A" if c.isupper() else "a" if c.isalpha() else c
        for c in text[:_LONGEST]
    )
    return masked + (f"…({len(text)})" if len(text) > _LONGEST else "")
