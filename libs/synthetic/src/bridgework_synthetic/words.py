"""Word lists are kept as running text, so that a hundred names take ten lines and not a hundred."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text, in order."""
    return tuple(text.split())
