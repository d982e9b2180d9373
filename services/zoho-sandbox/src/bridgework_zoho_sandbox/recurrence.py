"""Repeating meetings and tasks: one insert becomes one record per occurrence (§5, §8.18)."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta

from .errors import Json

OCCURRENCES_MAX = 50
_DAYS = {"DAILY": 1, "WEEKLY": 7}
_MONTHS = {"MONTHLY": 1, "YEARLY": 12}


def _parts(rrule: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in rrule.removeprefix("RRULE:").split(";"))
    return {name.upper(): value for name, _, value in pairs}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 5 else None  # noqa: PLR2004 - a count


def _shifted(day: date, parts: dict[str, str], step: int) -> date | None:
    every = (_number(parts.get("INTERVAL")) or 1) * step
    frequency = parts.get("FREQ", "")
    try:
        if frequency in _DAYS:
            return day + timedelta(days=_DAYS[frequency] * every)
        month = day.month - 1 + _MONTHS[frequency] * every
        year, month = day.year + month // 12, month % 12 + 1
        return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    except (KeyError, OverflowError, ValueError):
        return None


def _until(parts: dict[str, str]) -> date | None:
    text = parts.get("UNTIL", "").replace("-", "")[:8]
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date
    except ValueError:
        return None


def _moved(text: object, days: timedelta) -> object:
    """Move an ISO date or datetime text by whole days, its offset kept."""
    try:
        if isinstance(text, str) and "T" in text:
            return (datetime.fromisoformat(text) + days).isoformat()
        if isinstance(text, str):
            return (date.fromisoformat(text) + days).isoformat()
    except (ValueError, OverflowError):
        return text
    return text


def occurrences(sent: Json) -> list[Json]:
    """Return the records one insert stands for: itself, or one per occurrence."""
    activity = sent.get("Recurring_Activity")
    rrule = activity.get("RRULE") if isinstance(activity, dict) else None
    start = sent.get("Start_DateTime") or sent.get("Due_Date")
    if not isinstance(rrule, str) or not isinstance(start, str):
        return [sent]
    parts = _parts(rrule)
    try:
        first = date.fromisoformat(start[:10])
    except ValueError:
        return [sent]
    count, until = _number(parts.get("COUNT")), _until(parts)
    if count is None and until is None:
        return [sent]
    made: list[Json] = []
    for step in range(min(count or OCCURRENCES_MAX, OCCURRENCES_MAX)):
        day = _shifted(first, parts, step)
        if day is None or (until is not None and day > until):
            break
        names = ("Start_DateTime", "End_DateTime", "Due_Date")
        moved = {name: _moved(sent[name], day - first) for name in names if name in sent}
        made.append({**sent, **moved})
    return made or [sent]
