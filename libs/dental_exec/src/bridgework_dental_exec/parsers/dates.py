"""Dates and wall-clock moments. Order of day and month is a rule of the column, never of the row.

A date is ``YYYY-MM-DD`` or nothing: no date ever keeps only its year, and no time zone is applied.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Parsed = tuple[str | None, str | None]

_NUMERIC = re.compile(r"^(\d{1,4})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{1,4})$")
_COMPACT = re.compile(r"^(19|20)(\d{2})(\d{2})(\d{2})$")
_SERIAL = re.compile(r"^\d{4,5}(\.\d+)?$")
_NAMED = re.compile(
    r"^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
    r"(?:(\d{1,2})(?:st|nd|rd|th)?[\s\-./]+([a-z]{3,9})\.?|([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?)"
    r",?[\s\-./]+(\d{4}|\d{2})$",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"^(\d{1,2})(?:[:.h](\d{2}))?(?:[:.](\d{2})(?:\.\d+)?)?\s*([ap])?\.?(?:m\.?)?$", re.IGNORECASE
)
_PACKED_TIME = re.compile(r"^(\d{1,2})(\d{2})\s*([ap])?\.?(?:m\.?)?$", re.IGNORECASE)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_SERIAL_FROM, _SERIAL_TO = 3_000, 80_000
_EARLIEST_YEAR = 1850
_LATEST_YEAR = 2200
_CENTURY = 100
_NOON = 12


class Order(StrEnum):
    """Which number stands first in a slashed date."""

    MDY = "mdy"
    DMY = "dmy"


Kind = Literal["birth", "past", "any", "moment"]


@dataclass(frozen=True, slots=True)
class DateRule:
    """How one column's dates are read.

    Attributes:
        order: Order of day and month of this column.
        today: Day of the export; birth dates and past dates are not read as later years.
        kind: ``birth`` (never in the future), ``past``, ``any`` (may lie ahead), ``moment``.
        sure: False where nothing in the data told day from month.
    """

    order: Order = Order.MDY
    today: dt.date = dt.date(2100, 1, 1)
    kind: Kind = "any"
    sure: bool = True

    @property
    def pivot(self) -> int:
        """Two-digit years up to this one belong to the export's century."""
        ahead = 25 if self.kind == "any" else 0 if self.kind == "birth" else 1
        return self.today.year % _CENTURY + ahead


def is_blank_date(text: str) -> bool:
    """True for forms that mean no date: ``/  /``, ``--``, ``none``."""
    return not text.strip(" /.-:_\t") or text.strip().lower() in {"n/a", "na", "none", "null"}


def parse_date(text: str, rule: DateRule) -> Parsed:  # noqa: PLR0911 - one return per form
    """Read one printed date by its column's rule.

    Returns:
        ``(YYYY-MM-DD, code)``. A date that cannot be (``02/30/2002``, ``00/00/0000``) is
        ``(None, "date_impossible")``; one that only fits the other order is kept with
        ``date_swapped``.
    """
    text = text.strip()
    if is_blank_date(text):
        return None, None
    day_part, time_part = split_moment(text)
    if time_part is not None:
        text = day_part
    match = _NUMERIC.match(text)
    if match:
        return _numeric(match, rule)
    if match := _COMPACT.match(text):
        return _checked(int(match[1] + match[2]), int(match[3]), int(match[4]), rule, None)
    if match := _NAMED.match(text):
        month = _MONTHS.get((match[2] or match[3]).lower())
        if month is None:
            return None, "date_unreadable"
        year = _full_year(match[5], rule)
        return _checked(year, month, int(match[1] or match[4]), rule, None)
    if _SERIAL.match(text) and _SERIAL_FROM <= float(text) <= _SERIAL_TO:
        day = _EXCEL_EPOCH + dt.timedelta(days=int(float(text)))
        return _checked(day.year, day.month, day.day, rule, "date_serial")
    return None, "date_unreadable"


def _numeric(match: re.Match[str], rule: DateRule) -> Parsed:
    first, second, third = match.groups()
    if len(first) > 2:  # noqa: PLR2004 - a year first
        return _checked(int(first), int(second), int(third), rule, None)
    if len(third) == 3:  # noqa: PLR2004 - no year has three digits
        return None, "date_unreadable"
    year = _full_year(third, rule)
    a, b = int(first), int(second)
    month, day = (a, b) if rule.order is Order.MDY else (b, a)
    if month > 12 and day <= 12:  # noqa: PLR2004 - only the other order makes sense
        return _checked(year, day, month, rule, "date_swapped")
    code = None if rule.sure or a == b or max(a, b) > _NOON else "date_ambiguous"
    return _checked(year, month, day, rule, code)


def _full_year(text: str, rule: DateRule) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004 - already full
        return year
    century = rule.today.year // _CENTURY * _CENTURY
    return century + year if year <= rule.pivot else century - _CENTURY + year


def _checked(year: int, month: int, day: int, rule: DateRule, code: str | None) -> Parsed:
    if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
        return None, "date_impossible"
    try:
        value = dt.date(year, month, day)
    except ValueError:
        return None, "date_impossible"
    if rule.kind == "birth" and value > rule.today:
        return None, "date_future"
    return value.isoformat(), code


def split_moment(text: str) -> tuple[str, str | None]:
    """Split a printed moment into its date and its time, ``None`` where it has no time."""
    text = text.strip()
    if len(text) > 10 and text[10] == "T":  # noqa: PLR2004 - ISO
        return text[:10], text[11:].removesuffix("Z")
    head, gap, tail = text.partition(" ")
    if gap and ":" in tail and not any(c.isalpha() for c in head):
        return head, tail.strip()
    if _SERIAL.match(text) and "." in text:
        whole, _, _ = text.partition(".")
        return whole, f"0.{text.partition('.')[2]}"
    return text, None


def parse_time(text: str) -> Parsed:
    """Read a wall-clock time: ``08:30a``, ``0830``, ``830``, ``8:30 AM``, ``0.354166``."""
    text = text.strip()
    if not text.strip(" :-"):
        return None, None
    if text.startswith(("0.", ".")) and text.replace(".", "", 1).isdigit() and len(text) > 3:  # noqa: PLR2004
        seconds = round(float(text) * 86_400 / 60) * 60
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:00", None
    match = _PACKED_TIME.match(text)
    if match:
        hour, minute, second, half = int(match[1]), int(match[2]), 0, match[3]
    else:
        match = _TIME.match(text)
        if match is None:
            return None, "time_unreadable"
        hour, minute = int(match[1]), int(match[2] or 0)
        second, half = int(match[3] or 0), match[4]
        if match[2] is None and half is None and hour != 0:
            return None, "time_unreadable"
    if half is not None and hour <= _NOON:
        hour = hour % _NOON + (_NOON if half.lower() == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - the clock
        return None, "time_unreadable"
    return f"{hour:02d}:{minute:02d}:{second:02d}", None


def parse_moment(text: str, rule: DateRule) -> Parsed:
    """Read a printed moment as practice wall clock ``YYYY-MM-DDTHH:MM:SS``.

    A moment without a time is midnight. A time that cannot be read leaves midnight and says so.
    """
    day_text, time_text = split_moment(text)
    day, code = parse_date(day_text, rule)
    if day is None:
        return None, code
    if time_text is None:
        return f"{day}T00:00:00", code
    clock, clock_code = parse_time(time_text)
    return f"{day}T{clock or '00:00:00'}", code or clock_code


def parse_month(text: str, rule: DateRule) -> Parsed:
    """Read a month as ``YYYY-MM-01``: ``2026-03``, ``Mar-26``, ``3/1/2026``, ``03/2026``."""
    text = text.strip()
    if is_blank_date(text):
        return None, None
    if match := re.match(r"^(\d{4})[-/.](\d{1,2})$", text):
        return _checked(int(match[1]), int(match[2]), 1, rule, None)
    if match := re.match(r"^(\d{1,2})[-/.](\d{4})$", text):
        return _checked(int(match[2]), int(match[1]), 1, rule, None)
    if match := re.match(r"^([A-Za-z]{3,9})\.?[\s\-/,']*(\d{4}|\d{2})$", text):
        month = _MONTHS.get(match[1].lower())
        if month is not None:
            return _checked(_full_year(match[2], rule), month, 1, rule, None)
    if match := re.match(r"^(\d{4}|\d{2})[\s\-/]+([A-Za-z]{3,9})$", text):
        month = _MONTHS.get(match[2].lower())
        if month is not None:
            return _checked(_full_year(match[1], rule), month, 1, rule, None)
    day, code = parse_date(text, rule)
    return (None, code) if day is None else (f"{day[:7]}-01", code)
