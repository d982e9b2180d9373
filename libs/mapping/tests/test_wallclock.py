"""Wall-clock times in the practice zone, clock changes included."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from bridgework_contracts.errors import MappingError
from bridgework_mapping.wallclock import instant, load_zone, to_offset
from hypothesis import given
from hypothesis import strategies as st

FIRST = datetime(1950, 1, 1)  # noqa: DTZ001  # a wall-clock time has no zone
LAST = datetime(2100, 1, 1)  # noqa: DTZ001  # likewise
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("wall", "zoho", "fared"),
    [
        ("2024-01-11T09:20:00", "2024-01-11T09:20:00-05:00", "plain"),
        ("2024-07-11T09:20", "2024-07-11T09:20:00-04:00", "plain"),
        ("2024-11-03T01:30:00", "2024-11-03T01:30:00-04:00", "ambiguous"),
        ("2024-03-10T02:30:00", "2024-03-10T03:30:00-04:00", "nonexistent"),
        ("2024-01-11T14:20:00+00:00", "2024-01-11T09:20:00-05:00", "plain"),
        ("1880-01-01T12:00:00", "1880-01-01T16:56:02+00:00", "plain"),
    ],
)
def test_offset_is_right_on_the_day(wall: str, zoho: str, fared: str) -> None:
    """Winter, summer, the doubled hour, the skipped hour, an instant, local mean time."""
    assert to_offset(wall, NEW_YORK) == (zoho, fared)


@given(
    st.datetimes(min_value=FIRST, max_value=LAST),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin"]),
)
def test_wall_clock_survives_unless_the_clocks_change(moment: datetime, zone: str) -> None:
    """What the office printed is what the practice sees in Zoho."""
    wall = moment.replace(microsecond=0)
    text, fared = to_offset(wall.isoformat(), load_zone(zone))
    shown = instant(text).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert (shown == wall) == (fared != "nonexistent")
    assert len(text) == 25


def test_unknown_zone_is_a_mapping_error() -> None:
    """It names the zone and the remedy."""
    with pytest.raises(MappingError, match="America/New_York"):
        load_zone("Boston time")


def test_an_instant_needs_an_offset() -> None:
    """A naive time is no instant."""
    with pytest.raises(ValueError, match="no offset"):
        instant("2024-01-11T09:20:00")
