"""The estimate as one: grade, credits, days and price, with everything that led to them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bridgework_mapping.document import MappingDocument

from bridgework_audit.credits import Credits, bill
from bridgework_audit.facts import PracticeFacts
from bridgework_audit.pricing import Quote, quote
from bridgework_audit.rules import Rules, load_rules
from bridgework_audit.schedule import Schedule, schedule
from bridgework_audit.scoring import Measured, Score, score


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a migration of this export takes."""

    measured: Measured
    facts: PracticeFacts
    score: Score
    credits: Credits
    schedule: Schedule
    quote: Quote
    rules: Rules

    def as_dict(self) -> dict[str, Any]:
        """Return the estimate as the report shows it, each driver's points included."""
        rule = next(r for r in self.rules.grades if r.grade == self.score.grade)
        return {
            "version": self.rules.version,
            "rules_sha256": self.rules.digest,
            "grade": self.score.grade,
            "grade_name": rule.name,
            "grade_meaning": rule.meaning,
            "grade_by_score": self.score.grade_by_score,
            "score": round(self.score.value, 1),
            "drivers": [driver.as_dict() for driver in self.score.drivers],
            "triggers": [
                {"grade": grade, "code": code, "sentence": sentence}
                for grade, code, sentence in self.score.triggers
            ],
            "measured": {
                name: round(value, 4) if isinstance(value, float) else value
                for name, value in asdict(self.measured).items()
            },
            "facts": self.facts.model_dump(mode="json"),
            "credits": self.credits.as_dict(),
            "timeline": self.schedule.as_dict(),
            "price": self.quote.as_dict(),
        }


def estimate(
    measured: Measured,
    document: MappingDocument,
    counts: Mapping[str, int],
    facts: PracticeFacts,
    *,
    rules: Rules | None = None,
    exported_on: dt.date | None = None,
) -> Estimate:
    """Estimate a migration.

    Args:
        measured: What the audit counted.
        document: The mapping, for modules and roads.
        counts: Canonical object → records to write.
        facts: What the practice told us.
        rules: The rule set; by default the packaged one.
        exported_on: Day of the export, from which the quote's validity counts.

    The same arguments give the same estimate; no clock is read.
    """
    rules = rules or load_rules()
    graded = score(measured, facts, rules)
    cost = bill(document, counts, facts, rules)
    return Estimate(
        measured=measured,
        facts=facts,
        score=graded,
        credits=cost,
        schedule=schedule(measured, facts, graded, cost, rules),
        quote=quote(measured, facts, graded, rules, exported_on),
        rules=rules,
    )


def error_pct(estimated: float, actual: float) -> float:
    """Return how far an estimate was off, in percent of what it really was.

    Raises:
        ValueError: ``actual`` is not above zero.
    """
    if actual <= 0:
        raise ValueError("An actual of zero tells nothing about an estimate.")
    return 100.0 * (estimated - actual) / actual
