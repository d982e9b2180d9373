"""Single named defects, put into an otherwise ordinary practice for a test to look for."""

from __future__ import annotations

from typing import Final

from bridgework_synthetic.practice import Practice
from bridgework_synthetic.rows import Household

MISSING_COLUMN: Final = "patients.last_perio"
UNPARSABLE_DATE: Final = "see chart"
UNKNOWN_CARRIER: Final = "Nowhere Mutual Assurance"


class Injector:
    """Puts each asked-for defect into the first household that can hold it.

    ``provider without user`` is the staffing's business and already in ``practice.injected``.
    """

    def __init__(self, practice: Practice) -> None:
        """Reads ``practice.recipe.inject``, writes ``practice.injected``."""
        self._practice = practice
        self._left = set(practice.recipe.inject) - {"provider without user"}
        self.without: frozenset[str] = frozenset()

    def small_files(self) -> None:
        """What is decided before the first household."""
        if "missing column" in self._left:
            self._left.discard("missing column")
            self.without = frozenset({MISSING_COLUMN})
            file, _, column = MISSING_COLUMN.partition(".")
            self._practice.injected.append(
                {"name": "missing column", "file": file, "column": column}
            )

    def household(self, household: Household) -> None:
        """Look whether this household can hold one of the defects still to be placed."""
        if "unparsable date row" in self._left:
            row = next((r for r in household.of("appointments") if r.facts.get("at")), None)
            if row:
                self._left.discard("unparsable date row")
                row.cells["date"] = UNPARSABLE_DATE
                row.also("Start_DateTime", None)
                row.also("End_DateTime", None)
                self._practice.injected.append(
                    {"name": "unparsable date row", "file": "appointments", "key": row.key,
                     "column": "date", "raw": UNPARSABLE_DATE}
                )  # fmt: skip
        if "unknown carrier" in self._left:
            row = next((r for r in household.of("patients") if r.cells.get("ins1_carrier")), None)
            if row:
                self._left.discard("unknown carrier")
                row.cells["ins1_carrier"] = UNKNOWN_CARRIER
                for contact in household.contacts:
                    if row.key in contact.facts["keys"]:
                        contact.also("Insurance_Carrier", None)
                        contact.also("Insurance_Carrier_Printed", UNKNOWN_CARRIER)
                self._practice.injected.append(
                    {"name": "unknown carrier", "file": "patients", "key": row.key,
                     "column": "ins1_carrier", "raw": UNKNOWN_CARRIER}
                )  # fmt: skip

    def finished(self) -> None:
        """Complain about what found no place.

        Raises:
            ValueError: The practice is too small or too clean to hold an injection.
        """
        if self._left:
            raise ValueError(f"no household could hold: {', '.join(sorted(self._left))}")
