"""What single modules demand beyond their fields (fact sheet §5).

Meetings end after they start, calls last longer than nothing, deals stay in their pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import Json, Rejected, invalid_data, mandatory_not_found
from .metadata import Module
from .org import Org

PROBABILITY_MAX = 100


def full_name(doc: Json) -> str | None:
    """Return first and last name as Zoho joins them."""
    first, last = doc.get("First_Name"), doc.get("Last_Name")
    return f"{first} {last}" if first and last else first or last


def display_name(module: Module, doc: Json) -> str | None:
    """Return the record's name as shown in lookups."""
    if module.display_field == "Full_Name":
        return full_name(doc)
    value: Any = doc.get(module.display_field)
    return None if value is None else str(value)


def _events(_: Org, __: Module, doc: Json, path: str, *, new: bool, now: int) -> None:
    del new, now
    start, end = doc.get("Start_DateTime"), doc.get("End_DateTime")
    if start is not None and end is not None and end < start:
        raise invalid_data({"api_name": "End_DateTime", "json_path": f"{path}.End_DateTime"})
    if doc.get("Recurring_Activity") and not doc.get("Remind_At"):
        raise mandatory_not_found("Remind_At", f"{path}.Remind_At")


def _tasks(_: Org, __: Module, doc: Json, ___: str, *, new: bool, now: int) -> None:
    del new
    if doc.get("Status") == "Completed":
        doc.setdefault("Closed_Time", now)
    else:
        doc.pop("Closed_Time", None)


def _calls(_: Org, __: Module, doc: Json, path: str, *, new: bool, now: int) -> None:
    del new, now
    duration = str(doc.get("Call_Duration") or "")
    if not any(digit in "123456789" for digit in duration):
        raise invalid_data({"api_name": "Call_Duration", "json_path": f"{path}.Call_Duration"})


def _deals(org: Org, module: Module, doc: Json, path: str, *, new: bool, now: int) -> None:
    del now
    if new and org.behaviour.pipeline_required and not doc.get("Pipeline"):
        raise mandatory_not_found("Pipeline", f"{path}.Pipeline")
    if new and org.behaviour.closing_date_required and not doc.get("Closing_Date"):
        raise mandatory_not_found("Closing_Date", f"{path}.Closing_Date")
    pipeline = doc.get("Pipeline") or next(iter(module.pipelines))
    stages = module.pipelines.get(pipeline)
    if stages is None:
        raise Rejected(
            "INVALID_DATA",
            "Layout doesn't contain the Pipeline",
            {"api_name": "Pipeline", "json_path": f"{path}.Pipeline"},
        )
    doc["Pipeline"] = pipeline
    stage = next((item for item in stages if item.name == doc.get("Stage")), None)
    if stage is None:
        raise Rejected(
            "INVALID_DATA",
            "Pipeline doesn't contain the Stage",
            {"api_name": "Stage", "json_path": f"{path}.Stage"},
        )
    probability = doc.get("Probability")
    if probability is None:
        probability = doc["Probability"] = stage.probability
    if not 0 <= probability <= PROBABILITY_MAX:
        raise invalid_data(
            {
                "api_name": "Probability",
                "json_path": f"{path}.Probability",
                "range": {"from": 0, "to": PROBABILITY_MAX},
            }
        )
    amount = doc.get("Amount")
    doc["Expected_Revenue"] = None if amount is None else round(amount * probability / 100, 2)


Rule = Callable[..., None]  # raises Rejected for the first rule that is broken
RULES: dict[str, Rule] = {
    "Events": _events,
    "Tasks": _tasks,
    "Calls": _calls,
    "Deals": _deals,
}


def number_automatically(org: Org, module: Module, doc: Json, names: tuple[str, ...]) -> None:
    """Fill the auto-number fields of a new record."""
    for name in names:
        form = module.fields[name].auto_number or {}
        key = f"autonumber:{module.slot}:{name}"
        number = org.database.get_meta(key) or int(form.get("start_number") or 1)
        org.database.put_meta(key, number + 1)
        doc[name] = f"{form.get('prefix') or ''}{number}{form.get('suffix') or ''}"
