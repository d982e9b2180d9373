"""Whether a token's scopes allow a call (fact sheet §1.5)."""

from __future__ import annotations

from functools import lru_cache

_WRITES = frozenset({"create", "update", "delete"})
_NAMES = 2


@lru_cache(maxsize=4096)
def allows(granted: str, needed: tuple[str, ...]) -> bool:
    """Return whether comma-separated granted scopes cover every needed one."""
    held = {scope.strip().lower() for scope in granted.replace(" ", ",").split(",")}
    return all(_covered(held, scope.lower()) for scope in needed)


def _covered(held: set[str], needed: str) -> bool:
    *family, operation = needed.split(".")
    operations = {operation, "all"} | ({"write"} if operation in _WRITES else set())
    # ZohoCRM.modules.contacts.CREATE is also granted by ZohoCRM.modules.ALL or .CREATE.
    for length in range(len(family), _NAMES - 1, -1):
        prefix = ".".join(family[:length])
        if any(f"{prefix}.{name}" in held for name in operations):
            return True
    return False
