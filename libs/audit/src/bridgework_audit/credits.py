"""Zoho credits a move costs, per object: record calls, bulk jobs, files, schema, reading back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridgework_mapping.document import MappingDocument

from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import CreditRules, Rules


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One object's bill."""

    object: str
    module: str
    records: int
    road: str
    credits: int
    read_back: int


@dataclass(frozen=True, slots=True)
class Credits:
    """The whole bill, and what a day offers."""

    lines: tuple[CreditLine, ...]
    schema: int
    daily: int
    share: float

    @property
    def writing(self) -> int:
        """Credits of records and files."""
        return sum(line.credits for line in self.lines)

    @property
    def files(self) -> int:
        """Credits of files alone."""
        return sum(line.credits for line in self.lines if line.road == "file")

    @property
    def read_back(self) -> int:
        """Credits of reading everything back for the diff."""
        return sum(line.read_back for line in self.lines)

    @property
    def needed(self) -> int:
        """Everything a full run with its diff costs, schema included."""
        return self.writing + self.schema + self.read_back

    def as_dict(self) -> dict[str, Any]:
        """Return the bill as the report shows it."""
        return {
            "needed": self.needed,
            "writing": self.writing,
            "files": self.files,
            "schema": self.schema,
            "read_back": self.read_back,
            "daily": self.daily,
            "share": self.share,
            "lines": [
                {
                    "object": line.object,
                    "module": line.module,
                    "records": line.records,
                    "road": line.road,
                    "credits": line.credits,
                    "read_back": line.read_back,
                }
                for line in self.lines
            ],
        }


def daily_credits(rules: Rules, edition: str, seats: int) -> int:
    """Return what the org may spend in 24 hours, add-ons left out."""
    rule = rules.editions[edition]
    wanted = rule.base + rule.per_user * seats
    return wanted if rule.ceiling is None else min(wanted, rule.ceiling)


def record_credits(records: int, rules: CreditRules, *, bulk: bool) -> tuple[str, int]:
    """Return the cheaper road for so many records and its credits."""
    by_record = math.ceil(records / rules.records_per_credit)
    by_bulk = math.ceil(records / rules.bulk_job_records) * rules.bulk_job
    if bulk and by_bulk < by_record:
        return "bulk", by_bulk
    return "record", by_record


def bill(
    document: MappingDocument, counts: Mapping[str, int], facts: PracticeFacts, rules: Rules
) -> Credits:
    """Price a move.

    Args:
        document: Which object goes to which module, and whether bulk write may be used.
        counts: Canonical object → records (files for ``document`` and ``note_image``).
        facts: Edition, seats and the share of a day's credits.
        rules: The price list.
    """
    lines = []
    for entry in document.objects:
        records = counts.get(entry.object, 0)
        if entry.kind == "reference" or not records:
            continue
        if entry.kind == "file":
            road, cost = "file", records * rules.credits.file
            back = math.ceil(records / rules.credits.list_read_records)
        else:
            road, cost = record_credits(records, rules.credits, bulk=entry.bulk)
            back = _read_back(records, rules.credits, bulk=entry.bulk)
        lines.append(CreditLine(entry.object, entry.module, records, road, cost, back))
    return Credits(
        lines=tuple(lines),
        schema=document.schema_plan().credits,
        daily=daily_credits(rules, facts.edition, facts.seats),
        share=facts.credit_share,
    )


def _read_back(records: int, rules: CreditRules, *, bulk: bool) -> int:
    by_list = math.ceil(records / rules.list_read_records)
    by_bulk = math.ceil(records / rules.bulk_read_records) * rules.bulk_read_job
    return min(by_list, by_bulk) if bulk else by_list
