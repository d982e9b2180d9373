"""A value that must be asked for by name before it can be seen.

Wrap personal data where it travels through code that logs, formats or raises: an accidental
``f"{value}"`` then fails in the first test instead of leaking in production.
"""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Redacted(Generic[T]):
    """Holds a value that refuses ``str()``, ``format()``, pickling; ``repr`` shows a marker."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value. Every call of this is a place to review."""
        return self._value

    def __repr__(self) -> str:
        return "Redacted(***)"

    def __str__(self) -> NoReturn:
        raise _refused()

    def __format__(self, format_spec: str) -> NoReturn:
        raise _refused()

    def __reduce__(self) -> NoReturn:
        raise _refused()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Redacted) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash((Redacted, self._value))


def _refused() -> TypeError:
    return TypeError("a redacted value cannot become text; reveal() it where that is allowed")
