"""What really failed: the exceptions inside a group, however deeply task groups nested them."""

from __future__ import annotations


def leaves(exc: BaseException) -> list[BaseException]:
    """Return the exceptions that are no groups, in the order they stand in the group."""
    if isinstance(exc, BaseExceptionGroup):
        return [leaf for member in exc.exceptions for leaf in leaves(member)]
    return [exc]
