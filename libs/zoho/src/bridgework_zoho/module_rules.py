"""What single modules demand beyond their fields (fact sheet §5)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridgework_zoho.field_checks import PARTICIPANTS, Fault
from bridgework_zoho.metadata import Pipeline

Rule = Callable[[Mapping[str, Any]], tuple[str, Fault] | None]
"""Looks at a whole record whose fields are fine; returns the field and what is wrong with it."""

_PROBABILITY = 100
_NO_LINK_MODULE = Fault(
    "DEPENDENT_FIELD_MISSING",
    "What_Id is given without $se_module",
    "Send the API name of the module it points to as $se_module.",
)
_END_BEFORE_START = Fault(
    "INVALID_DATA", "the end lies before the start", "Correct the times at the source."
)
_NO_DURATION = Fault(
    "INVALID_DATA", "the call has no duration", "Give a duration of at least a second."
)
_NO_REMINDER = Fault(
    "MANDATORY_NOT_FOUND", "a recurring event has no Remind_At", "Send a reminder, or single events"
)
_TOO_MANY_PEOPLE = Fault(
    "LIMIT_EXCEEDED", f"more than {PARTICIPANTS} participants", "Leave some out.", PARTICIPANTS
)
_UNKNOWN_PIPELINE = Fault(
    "INVALID_DATA", "the layout has no such pipeline", "Choose one of the layout's pipelines."
)
_UNKNOWN_STAGE = Fault(
    "INVALID_DATA", "the pipeline has no such stage", "Map it to a stage of the pipeline."
)
_NO_PROBABILITY = Fault(
    "INVALID_DATA", "the probability is not between 0 and 100", "Correct it, or leave it out."
)


def rules_for(module: str, pipelines: Sequence[Pipeline] = ()) -> tuple[Rule, ...]:
    """Collect the rules of one module; deals are checked against the pipelines given."""
    if module == "Events":
        return (_linked, _ends_after_start, _event_extras)
    if module == "Tasks":
        return (_linked,)
    if module == "Calls":
        return (_linked, _lasts)
    if module == "Deals":
        return (_deal(pipelines),)
    return ()


def _linked(record: Mapping[str, Any]) -> tuple[str, Fault] | None:
    if record.get("What_Id") is not None and not record.get("$se_module"):
        return "What_Id", _NO_LINK_MODULE
    return None


def _ends_after_start(record: Mapping[str, Any]) -> tuple[str, Fault] | None:
    start, end = record.get("Start_DateTime"), record.get("End_DateTime")
    if not isinstance(start, str) or not isinstance(end, str):
        return None
    if datetime.fromisoformat(end) < datetime.fromisoformat(start):
        return "End_DateTime", _END_BEFORE_START
    return None


def _event_extras(record: Mapping[str, Any]) -> tuple[str, Fault] | None:
    if record.get("Recurring_Activity") and not record.get("Remind_At"):
        return "Remind_At", _NO_REMINDER
    people = record.get("Participants")
    if isinstance(people, list) and len(people) > PARTICIPANTS:
        return "Participants", _TOO_MANY_PEOPLE
    return None


def _lasts(record: Mapping[str, Any]) -> tuple[str, Fault] | None:
    duration = record.get("Call_Duration")
    if duration is not None and not any(digit in "123456789" for digit in str(duration)):
        return "Call_Duration", _NO_DURATION
    return None


def _deal(pipelines: Sequence[Pipeline]) -> Rule:
    stages = {one.name: frozenset(one.stages) for one in pipelines}
    default = next((one.name for one in pipelines if one.default), None)

    def check(record: Mapping[str, Any]) -> tuple[str, Fault] | None:
        probability = record.get("Probability")
        if isinstance(probability, int | float) and not 0 <= probability <= _PROBABILITY:
            return "Probability", _NO_PROBABILITY
        if not stages:
            return None
        pipeline = record.get("Pipeline") or default
        if pipeline not in stages:
            return "Pipeline", _UNKNOWN_PIPELINE
        stage = record.get("Stage")
        if stage is not None and stage not in stages[pipeline]:
            return "Stage", _UNKNOWN_STAGE
        return None

    return check
