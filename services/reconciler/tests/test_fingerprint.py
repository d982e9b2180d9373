"""A fingerprint changes with the org and with nothing else."""

from typing import Any

import pytest
from bridgework_reconciler.domain.fingerprint import Fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

FIELDS = ("Last_Name", "Amount", "Account_Name")
ROWS: list[dict[str, Any]] = [
    {"id": "1", "Last_Name": "A", "Amount": 1.5, "Account_Name": {"id": "9", "name": "N"}},
    {"id": "2", "Last_Name": None, "Amount": 0, "Account_Name": None},
    {"id": "3", "Last_Name": "A", "Amount": 1.5, "Account_Name": {"id": "9", "name": "N"}},
]


def printed(rows: list[dict[str, Any]], fields: tuple[str, ...] = FIELDS) -> dict[str, Any]:
    """The fingerprint of some rows."""
    made = Fingerprint()
    for row in rows:
        made.add(row, fields)
    return made.result()


@settings(deadline=None)
@given(st.permutations(ROWS))
def test_the_order_of_reading_does_not_matter(rows: list[dict[str, Any]]) -> None:
    """Zoho pages come in any order."""
    assert printed(rows) == printed(ROWS)


def test_an_empty_module_has_a_fingerprint_of_its_own() -> None:
    """Nothing there is also an answer, always the same."""
    assert printed([]) == {"count": 0, "hash": "0" * 64}


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "7"},
        {"Last_Name": "B"},
        {"Last_Name": ""},
        {"Last_Name": None},
        {"Amount": 1.51},
        {"Amount": "1.5"},
        {"Account_Name": {"id": "8", "name": "N"}},
        {"Account_Name": None},
    ],
)
def test_any_change_of_a_field_we_may_touch_shows(changed: dict[str, Any]) -> None:
    """Also a change of identity: a record deleted and made again is not the same record."""
    assert printed([{**ROWS[0], **changed}, *ROWS[1:]]) != printed(ROWS)


def test_a_record_more_or_fewer_or_twice_shows() -> None:
    """Count and hash both move; adding the same record twice does not cancel out."""
    assert printed(ROWS[:2]) != printed(ROWS)
    twice = printed([*ROWS, ROWS[0]])
    assert twice["count"] == 4
    assert twice["hash"] != printed(ROWS)["hash"]


def test_values_of_two_records_cannot_be_swapped_unseen() -> None:
    """The sum is over whole records, not over values."""
    swapped = [
        {**ROWS[0], "Last_Name": ROWS[1]["Last_Name"]},
        {**ROWS[1], "Last_Name": ROWS[0]["Last_Name"]},
    ]
    assert printed(swapped) != printed(ROWS[:2])


def test_what_is_not_ours_to_touch_does_not_show() -> None:
    """Other fields, and the printed name of what a lookup points at, may change meanwhile."""
    other = {**ROWS[0], "Modified_Time": "now", "Account_Name": {"id": "9", "name": "Renamed"}}
    assert printed([other, *ROWS[1:]]) == printed(ROWS)
