"""What was decided about an export's dates: one rule per column, kept with the snapshot."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bridgework_dental_exec.parsers.dates import DateRule, Kind, Order

SLASHED = r"^\s*(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{2}|\d{4})(?:\D|$)"
"""A date of three numbers, day and month first, as DuckDB and Python read it."""


@dataclass(frozen=True, slots=True)
class DateColumn:
    """What one date column's values show.

    Attributes:
        kind: How far its dates may lie, as the profile says.
        month_first: Values that can only be month/day (second number above 12).
        day_first: Values that can only be day/month.
        either: Values both numbers of which are at most 12.
        order: The decision.
        sure: False where nothing in the whole export told day from month.
        evidence: Why, in one sentence.
    """

    table: str
    column: str
    kind: Kind
    month_first: int
    day_first: int
    either: int
    order: Order
    sure: bool
    evidence: str


@dataclass
class DateRules:
    """Rules of all date columns of a snapshot.

    Attributes:
        today: Day of the export.
        columns: (table, column) → what its values show; columns of tables without rows are not
            there.
        swapped_lines: (table, column) → lines inside a block that one workstation wrote in the
            other order.
    """

    today: dt.date
    columns: dict[tuple[str, str], DateColumn] = field(default_factory=dict)
    swapped_lines: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)

    def rule(self, table: str, column: str) -> DateRule:
        """Return the rule of one column; columns the profile calls no date read as any date."""
        seen = self.columns.get((table, column))
        if seen is None:
            return DateRule(today=self.today)
        return DateRule(order=seen.order, today=self.today, kind=seen.kind, sure=seen.sure)

    def other_order(self, table: str, column: str) -> DateRule:
        """Return a column's rule with day and month the other way round."""
        rule = self.rule(table, column)
        order = Order.DMY if rule.order is Order.MDY else Order.MDY
        return DateRule(order=order, today=rule.today, kind=rule.kind, sure=True)

    def as_dict(self) -> dict[str, Any]:
        """Return the decisions in a form JSON can hold."""
        return {
            "today": self.today.isoformat(),
            "columns": [asdict(column) for column in self.columns.values()],
            "swapped_lines": [
                {"table": table, "column": column, "lines": sorted(lines)}
                for (table, column), lines in self.swapped_lines.items()
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "DateRules":
        """Return what :meth:`as_dict` gave."""
        today = dt.date.fromisoformat(data["today"])
        columns = [DateColumn(**{**c, "order": Order(c["order"])}) for c in data["columns"]]
        return cls(
            today=today,
            columns={(c.table, c.column): c for c in columns},
            swapped_lines={
                (s["table"], s["column"]): frozenset(s["lines"]) for s in data["swapped_lines"]
            },
        )
