"""The price: base by grade and record band, plus add-ons. No fee per record."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import Rules
from bridgework_audit.scoring import Measured, Score


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of the quote."""

    what: str
    amount: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A price, or ``None`` where people quote."""

    currency: str
    lines: tuple[PriceLine, ...]
    scoped: bool
    valid_until: str | None
    assumptions: tuple[str, ...]
    exclusions: tuple[str, ...]

    @property
    def total(self) -> int | None:
        """Sum of the lines; ``None`` where the grade or the volume is scoped by people."""
        return None if self.scoped else sum(line.amount for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the quote as the report shows it."""
        return {
            "currency": self.currency,
            "total": self.total,
            "scoped_individually": self.scoped,
            "lines": [{"what": line.what, "amount": line.amount} for line in self.lines],
            "valid_until": self.valid_until,
            "assumptions": list(self.assumptions),
            "exclusions": list(self.exclusions),
        }


def quote(
    measured: Measured,
    facts: PracticeFacts,
    graded: Score,
    rules: Rules,
    exported_on: dt.date | None,
) -> Quote:
    """Price a migration; validity counts from the day of the export."""
    price = rules.price
    place = next((i for i, b in enumerate(price.bands) if measured.records <= b.most), None)
    row = price.base.get(graded.grade)
    lines = []
    if row is not None and place is not None:
        name = f"Grade {graded.grade}, {price.bands[place].name}"
        lines = [PriceLine(name, row[place]), *_add_ons(measured, facts, rules)]
    until = exported_on + dt.timedelta(days=price.valid_days) if exported_on else None
    return Quote(
        currency=price.currency,
        lines=tuple(lines),
        scoped=not lines,
        valid_until=until.isoformat() if until else None,
        assumptions=price.assumptions,
        exclusions=price.exclusions,
    )


def _add_ons(measured: Measured, facts: PracticeFacts, rules: Rules) -> list[PriceLine]:
    table = rules.price.add_ons
    band = next(b for b in table.file_bands if b.most_gb is None or measured.file_gb <= b.most_gb)
    offices, dialects = measured.locations - 1, measured.dialects - 1
    lines = [
        PriceLine(band.name, band.amount),
        PriceLine(f"{offices} extra locations", offices * table.extra_location),
        PriceLine(f"{dialects} extra dialects", dialects * table.extra_dialect),
        PriceLine(
            f"{facts.extra_rehearsals} extra rehearsals",
            facts.extra_rehearsals * table.extra_rehearsal,
        ),
        PriceLine("window out of hours", table.out_of_hours_window if facts.out_of_hours else 0),
    ]
    return [line for line in lines if line.amount]
