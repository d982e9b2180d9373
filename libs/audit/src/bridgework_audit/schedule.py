"""How long a migration takes, in business days, step by step."""

import math
from dataclasses import dataclass
from typing import Any

from bridgework_audit.credits import Credits
from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import GRADES, Rules
from bridgework_audit.scoring import Measured, Score

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Step:
    """One step and why it takes so long."""

    name: str
    days: float
    because: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """All steps; the range widens with the grade."""

    steps: tuple[Step, ...]
    spread: float

    @property
    def days(self) -> float:
        """Sum of the steps."""
        return sum(step.days for step in self.steps)

    @property
    def most_days(self) -> float:
        """Upper end of the range."""
        return self.days * (1 + self.spread)

    def as_dict(self) -> dict[str, Any]:
        """Return the schedule as the report shows it."""
        return {
            "business_days": round(self.days, 1),
            "business_days_most": round(self.most_days, 1),
            "steps": [
                {"step": s.name, "days": round(s.days, 2), "because": s.because} for s in self.steps
            ],
        }


def schedule(
    measured: Measured, facts: PracticeFacts, graded: Score, cost: Credits, rules: Rules
) -> Schedule:
    """Lay out the steps of a migration."""
    rule = rules.timeline
    audit = min(
        max(rule.audit.base + rule.audit.per_object * measured.objects, rule.audit.least),
        rule.audit.most,
    )
    provision = rule.provision.base + rule.provision.per_custom_module * measured.custom_modules
    full, because = _full_run(measured, facts, cost, rules)
    careful = graded.grade_index >= GRADES.index(rule.validate_step.from_grade)
    steps = [
        Step("audit", audit, f"{measured.objects} objects"),
        Step("mapping", math.ceil(measured.unclear_fields / rule.mapping_fields_per_day),
             f"{measured.unclear_fields} fields to review"),
        Step("provision", 0.0 if facts.provisioned_by_api else provision,
             "made through the API the same day" if facts.provisioned_by_api
             else f"{measured.custom_modules} custom modules made by hand"),
        Step("sample", rule.sample.base + rule.sample.per_review_cycle * facts.review_cycles,
             f"{facts.review_cycles} review cycles"),
        Step("full run", full, because),
        Step("validate", rule.validate_step.base + (rule.validate_step.more if careful else 0.0),
             f"grade {graded.grade}"),
    ]  # fmt: skip
    if facts.delta:
        two = facts.window_h > 24  # noqa: PLR2004  # hours of a day
        days = rule.delta.most if two else rule.delta.least
        steps.append(Step("delta", days, f"pick-up window of {facts.window_h:g} h"))
    return Schedule(tuple(steps), rule.spread_per_grade * graded.grade_index)


def _full_run(
    measured: Measured, facts: PracticeFacts, cost: Credits, rules: Rules
) -> tuple[float, str]:
    rates = rules.timeline.full_run
    limits = {
        "credits": cost.needed / (cost.daily * facts.credit_share),
        "records": measured.records / (rates.records_per_s * _DAY_S),
        "file size": measured.file_gb / rates.file_gb_per_day,
    }
    slowest = max(limits, key=lambda name: limits[name])
    return max(1.0, math.ceil(limits[slowest])), f"{slowest} decide"
