"""Practice wall-clock time to Zoho's datetime: an offset that is right on the day, DST included.

``2024-01-11T09:20:00`` in America/New_York becomes ``2024-01-11T09:20:00-05:00``. A wall time that
happens twice (clocks go back) is taken as the first; one that never happens (clocks go forward) is
moved on by the gap. Both are told to the caller, so that a person can look.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bridgework_contracts.errors import MappingError

WallTime = Literal["plain", "ambiguous", "nonexistent"]


def load_zone(name: str) -> ZoneInfo:
    """Return the IANA zone.

    Raises:
        MappingError: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise MappingError(
            f"Practice time zone {name!r} is not an IANA zone name such as America/New_York; "
            "correct it in the job's source settings.",
            code="unknown_timezone",
        ) from None


def to_offset(value: str, zone: ZoneInfo) -> tuple[str, WallTime]:
    """Return ``value`` with the zone's offset, and how the wall time fared.

    Args:
        value: ``YYYY-MM-DDTHH:MM[:SS]``, or one that already carries an offset (kept as an
            instant and expressed in the practice zone).
        zone: The practice's zone.

    Raises:
        ValueError: not a moment.
    """
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        return _text(moment.astimezone(zone)), "plain"
    moment = moment.replace(tzinfo=zone)
    first = moment.utcoffset()
    second = moment.replace(fold=1).utcoffset()
    if first == second:
        return _text(moment), "plain"
    if first is not None and second is not None and first > second:
        return _text(moment), "ambiguous"
    return _text(moment.astimezone(UTC).astimezone(zone)), "nonexistent"


def instant(value: str) -> datetime:
    """Return the instant a Zoho datetime names, to the second.

    Raises:
        ValueError: not a datetime with an offset.
    """
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC).replace(microsecond=0)


def _text(moment: datetime) -> str:
    """Format as Zoho documents it: seconds, ±HH:MM, no fraction, no Z.

    Offsets before standard time had seconds (-04:56:02 in 1880); those are given in UTC.
    """
    offset = moment.utcoffset()
    if offset is None or offset % _MINUTE:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds")


_MINUTE = timedelta(minutes=1)

Localise = Callable[[str], tuple[str, WallTime]]
