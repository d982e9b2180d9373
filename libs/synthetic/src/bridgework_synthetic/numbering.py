"""Record numbers and telephone numbers, handed out in order."""

from __future__ import annotations

from typing import Final

from bridgework_synthetic.names import AREA_CODES

_FIRST: Final[dict[str, int]] = {
    "accounts": 301,
    "patients": 2001,
    "coverage": 5001,
    "treatment_plans": 6001,
    "treatment_items": 10001,
    "appointments": 30001,
    "tasks": 50001,
    "perio_exams": 701,
    "claims": 70001,
    "notes": 80001,
    "documents": 90001,
    "ledger": 200001,
    "missing": 9000001,
    "phones": 0,
}
_STRIDE: Final = 7919
"""Prime, so that neighbours in a family do not have neighbouring telephone numbers."""


class Numbers:
    """The next free number of each file; ``missing`` are numbers no record has."""

    def __init__(self, first: dict[str, int] | None = None) -> None:
        """Start at the beginning, or where an earlier export stopped."""
        self.next_free = {**_FIRST, **(first or {})}

    def take(self, file: str) -> str:
        """The next record number of a file."""
        number = self.next_free[file]
        self.next_free[file] = number + 1
        return str(number)

    def phone(self) -> str:
        """Ten digits, ``NPA 555-01xx``; the first 32,000 of a practice are all different."""
        place = self.next_free["phones"] * _STRIDE % (len(AREA_CODES) * 100)
        self.next_free["phones"] += 1
        return f"{AREA_CODES[place // 100]}55501{place % 100:02d}"
