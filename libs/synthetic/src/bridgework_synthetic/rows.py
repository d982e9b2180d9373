"""A row on its way to a file, together with what is true about it.

``cells`` are printed in dialect (a); ``true`` is what a faithful reader must come to. Defects
change the first and, where nothing better can be known from the export, the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

Fields = dict[str, Any]
"""Field name to JSON value, as the answer key prints it."""

MODULE_OF: Final[dict[str, str]] = {
    "treatment_plans": "Treatment_Plans",
    "treatment_items": "Treatment_Items",
    "appointments": "Events",
    "tasks": "Tasks",
    "notes": "Notes",
    "documents": "Attachments",
    "ledger": "Billing_Ledger",
    "production_goals": "Sales_Rep_Performance",
    "claims": "Claims",
    "perio_exams": "Perio_Exams",
    "coverage": "Coverage",
    "patient_providers": "Provider_Links",
    "locations": "Locations",
    "alerts": "Alerts",
    "tooth_chart": "Tooth_Chart_Rows",
    "providers": "Users",
}
"""Files of which every row is one object of the key."""

MODULES: Final = (
    "Contacts", "Guarantors", "Accounts", "Treatment_Plans", "Treatment_Items", "Events", "Tasks",
    "Notes", "Attachments", "Deals", "Billing_Ledger", "Sales_Rep_Performance", "Claims",
    "Perio_Exams", "Coverage", "Provider_Links", "Locations", "Alerts", "Tooth_Chart_Rows", "Users",
)  # fmt: skip
"""Destination objects in the order of ``expected_counts``."""


@dataclass(slots=True)
class Row:
    """One line of one file.

    ``key`` is the record's key (dates in it as ISO), ``true`` the expected fields of its object,
    ``aside`` further members of the object (``group``, ``tooth_raw`` ...), ``facts`` what the
    generator itself still needs and the key does not print.
    """

    file: str
    key: str
    cells: dict[str, str]
    true: Fields = field(default_factory=dict)
    expect: str = "required"
    accept: dict[str, list[Any]] | None = None
    aside: Fields = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def also(self, name: str, *values: Any) -> None:
        """Let the key accept these values for a field beside the expected one."""
        if self.accept is None:
            self.accept = {}
        accepted = self.accept.setdefault(name, [self.true.get(name)])
        accepted.extend(value for value in values if value not in accepted)

    def copy(self) -> Row:
        """A row whose cells and fields can be changed without touching this one."""
        return Row(
            self.file,
            self.key,
            dict(self.cells),
            dict(self.true),
            self.expect,
            {name: list(values) for name, values in self.accept.items()} if self.accept else None,
            dict(self.aside),
            dict(self.facts),
        )


@dataclass(slots=True)
class Picture:
    """A file of the export: a document, or a note's picture lying under ``NOTEIMG``."""

    path: str
    content: bytes
    size: int
    """Bytes on disk; more than the content where the file is padded with zeros."""


@dataclass(slots=True)
class Household:
    """Everything the practice holds about the people of one account."""

    index: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    contacts: list[Row] = field(default_factory=list)
    """One per true person; ``facts['keys']`` are the patient numbers that person has."""
    guarantors: list[Row] = field(default_factory=list)
    duplicates: list[Fields] = field(default_factory=list)
    defects: list[Fields] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    balance_error: Decimal = Decimal(0)
    """What the stored balance has too much (a defect)."""
    facts: dict[str, Any] = field(default_factory=dict)
    """``family``: who they are, for a later export."""

    def add(self, row: Row) -> Row:
        """Put a row at the end of its file."""
        self.rows.setdefault(row.file, []).append(row)
        return row

    def of(self, file: str) -> list[Row]:
        """The rows of one file, oldest first."""
        return self.rows.get(file, [])

    def copy(self) -> Household:
        """A household whose rows can be changed without touching this one."""
        return Household(
            self.index,
            {file: [row.copy() for row in rows] for file, rows in self.rows.items()},
            [contact.copy() for contact in self.contacts],
            list(self.guarantors),
            list(self.duplicates),
            list(self.defects),
            list(self.pictures),
            self.balance_error,
            dict(self.facts),
        )

    def everything(self) -> Iterator[Row]:
        """All rows, file by file."""
        for rows in self.rows.values():
            yield from rows


@dataclass(slots=True)
class Person:
    """A true person: what the generator knows and the export only prints."""

    pat_id: str
    first: str
    last: str
    middle: str
    sex: str
    born: date
    role: str
    """``head``, ``spouse``, ``child`` or ``other``."""
    status: str = "Active"
    preferred: str = ""
    home: str = ""
    work: str = ""
    cell: str = ""
    email: str = ""
    dentist: str = ""
    hygienist: str = ""
    first_visit: date | None = None
    coverage: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def printed(self) -> str:
        """``Last, First M``."""
        return f"{self.last}, {self.first}" + (f" {self.middle}" if self.middle else "")
