"""The practice as the households see it: who works there, which plans there are, who refers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from bridgework_synthetic.names import Town
from bridgework_synthetic.recipe import Recipe
from bridgework_synthetic.rows import Fields, Row


@dataclass(slots=True)
class Provider:
    """Somebody, or a role, that can be put on a procedure."""

    prov_id: str
    abbr: str
    first: str
    last: str
    kind: str
    npi: str
    email: str
    active: bool
    hired: date | None
    left: date | None = None
    printed_npi: str = ""
    """What the export says; differs from ``npi`` where a defect struck."""
    printed_email: str = ""

    @property
    def initials(self) -> str:
        """What notes are signed with."""
        return (self.first[:1] + self.last[:1]).upper()


@dataclass(slots=True)
class Plan:
    """An employer's plan; ``carrier_ids`` are all entries of the same payer."""

    plan_id: str
    carrier_id: str
    carrier_name: str
    carrier_ids: list[str]
    group_no: str
    deductible: Decimal


@dataclass(slots=True)
class Practice:
    """Everything the households need to know about the office."""

    recipe: Recipe
    town: Town
    name: str
    domain: str
    unit_min: int
    as_of: datetime
    """Wall clock of the export being made; nothing is known of later."""
    dentists: list[Provider] = field(default_factory=list)
    hygienists: list[Provider] = field(default_factory=list)
    specialist: Provider | None = None
    departed: list[Provider] = field(default_factory=list)
    providers: list[Provider] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    staff: list[tuple[str, str]] = field(default_factory=list)
    """Name and login of those who answer tasks."""
    referrals: list[tuple[str, str, str]] = field(default_factory=list)
    """Printed source, what it means, its number."""
    referral_values: dict[str, list[str]] = field(default_factory=dict)
    """Meaning of a referral source to its spellings."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    carriers: list[Fields] = field(default_factory=list)
    owners: list[Fields] = field(default_factory=list)
    users: list[Fields] = field(default_factory=list)
    defects: list[Fields] = field(default_factory=list)
    injected: list[Fields] = field(default_factory=list)

    @property
    def today(self) -> date:
        """Day of the export; history ends here."""
        return self.as_of.date()

    def add(self, row: Row) -> Row:
        """Put a row at the end of its file."""
        self.rows.setdefault(row.file, []).append(row)
        return row

    def working(self, group: list[Provider], day: date) -> list[Provider]:
        """Those of a group who were on the books that day."""
        found = [
            p for p in group if (not p.hired or p.hired <= day) and (not p.left or day <= p.left)
        ]
        return found or group[:1]
