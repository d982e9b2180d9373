"""When a recall is due: days and months in a task's text, told from other dates in it."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from bridgework_dental_exec import recall_grammar as g
from bridgework_dental_exec.recall_text import Field, TaskContext, TaskText, refused

_YEARS_AHEAD = 6


@dataclass(frozen=True, slots=True)
class Due:
    """A day or month that a recall is due, and where the text says so."""

    value: str
    precision: Literal["day", "month"]
    field: Field
    span: tuple[int, int]
    text: str
    clause: tuple[int, int]


def due_dates(text: TaskText, context: TaskContext, written: dt.date | None) -> list[Due]:
    """Find days or months a recall is due; other dates (calls, appointments) are none."""
    found = []
    for match in g.DUE_DATE.finditer(text.low):
        lead = g.DUE_LEAD.search(text.low[: match.start()])
        if lead is None:
            continue
        start = _clause_from(text, lead.start())
        clause = text.low[start : match.end() + 24].split("\n")[0]
        if g.MONEY_OR_OFFICE.search(clause) or g.FALSE_RECALL.search(text.low):
            continue
        named = (
            g.RECALL.search(clause)
            or any(p.search(clause) for _, p in g.TYPES)
            or re.search(r"(?<![a-z])(?:due\s+back|d/b|db)(?![a-z])", clause)
            or context.recall[text.field]
            or context.types[text.field]
            or context.named_elsewhere(text.field)
        )
        if not named or (g.OTHER_CARE.search(clause) and not g.RECALL.search(clause)):
            continue
        if refused(text, start, match.end()):
            continue
        value = _due_value(match, written)
        if value is None:
            continue
        kinds = [t for t in context.types[text.field] if start <= t[0] <= match.end() + 24]
        first = min([lead.start(), *(k[0] for k in kinds)])
        span = (first, match.end())
        found.append(
            Due(
                value[0],
                value[1],
                text.field,
                span,
                text.raw[span[0] : span[1]],
                (start, match.end()),
            )
        )
    return found


def _clause_from(text: TaskText, at: int) -> int:
    return next((start for start, end in text.clauses if start <= at < end), 0)


def _due_value(
    match: re.Match[str], written: dt.date | None
) -> tuple[str, Literal["day", "month"]] | None:
    if match["iso"]:
        return _valid(match["iso"])
    if match["m"]:
        year = int(match["y"])
        year += 2000 if year < 100 else 0  # noqa: PLR2004 - two digits
        return _valid(f"{year}-{int(match['m']):02d}-{int(match['d']):02d}")
    if match["m2"]:
        return _month_and(int(match["m2"]), match["x"], written)
    month = g.MONTHS[match["name"][:3]]
    day, year_text = match["nd"], match["ny"]
    if year_text:
        year = int(year_text) + (2000 if len(year_text) == 2 else 0)  # noqa: PLR2004
    else:
        year = _next_year(month, int(day) if day else None, written)
        if year == 0:
            return None
    return _valid(f"{year}-{month:02d}-{int(day):02d}") if day else (f"{year}-{month:02d}", "month")


def _month_and(
    month: int, text: str, written: dt.date | None
) -> tuple[str, Literal["day", "month"]] | None:
    """Read ``9/24``: month and year where the year lies ahead, else month and day."""
    if not 1 <= month <= 12:  # noqa: PLR2004 - no month
        return None
    number = int(text)
    if len(text) == 4:  # noqa: PLR2004 - a full year
        return f"{number}-{month:02d}", "month"
    if written is not None and len(text) == 2:  # noqa: PLR2004
        year = 2000 + number
        if written.year <= year <= written.year + _YEARS_AHEAD and (
            year > written.year or month >= written.month
        ):
            return f"{year}-{month:02d}", "month"
    if written is None and number > 31:  # noqa: PLR2004 - no day
        return f"{2000 + number}-{month:02d}", "month"
    year = _next_year(month, number, written)
    return _valid(f"{year}-{month:02d}-{number:02d}") if year and number else None


def _next_year(month: int, day: int | None, written: dt.date | None) -> int:
    """Return the year in which a month (and day) next comes after the task was written."""
    if written is None:
        return 0
    this_year = (month, day or 31) >= (written.month, written.day)
    return written.year if this_year else written.year + 1


def _valid(text: str) -> tuple[str, Literal["day", "month"]] | None:
    try:
        return dt.date.fromisoformat(text).isoformat(), "day"
    except ValueError:
        return None


def day_of(text: str | None) -> dt.date | None:
    """Return the day of an ISO date or moment, ``None`` where there is none."""
    try:
        return dt.date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
