"""Comparing a record as Zoho shows it with what the source says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from bridgework_contracts.outcomes import Conflict
from bridgework_contracts.writes import Ref
from bridgework_reconciler.domain.comparing import (
    ACCEPTED,
    Difference,
    Tally,
    compare_record,
    lookup_id,
)


@dataclass
class Said:
    """What the source says about one record."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    refs: Sequence[Ref] = ()
    owner_id: str | None = None


class Trimmed:
    """A comparator that knows one thing: spaces around a text do not matter."""

    def compare(self, object_name: str, field: str, expected: Any, actual: Any, /) -> bool:
        """Compare."""
        assert object_name == "appointment"
        assert field
        if isinstance(expected, str) and isinstance(actual, str):
            return expected.strip() == actual.strip()
        return bool(expected == actual)


def compared(
    row: dict[str, Any],
    said: Said,
    *,
    zoho_ids: Mapping[tuple[str, str], str] | None = None,
    conflicts: Mapping[str, Conflict] | None = None,
    edited: bool = False,
) -> Tally:
    """The tally of one comparison."""
    tally = Tally()
    compare_record(
        "appointment",
        "a-1",
        {"id": "500", **row},
        said,
        comparator=Trimmed(),
        zoho_ids=zoho_ids or {},
        conflicts=conflicts or {},
        edited_by_person=edited,
        tally=tally,
    )
    return tally


def kinds(tally: Tally) -> list[tuple[str, str]]:
    """(field, kind) of each difference."""
    return [(one.field, one.kind) for one in tally.differences]


def test_equal_fields_lookups_and_owner_leave_no_difference_and_are_all_counted() -> None:
    """Two fields, a lookup and the owner: four fields of one record."""
    tally = compared(
        {"Title": " Cleaning", "Room": None, "What_Id": {"id": "7", "name": "n"}, "Owner": "3"},
        Said(
            {"Title": "Cleaning", "Room": None},
            [Ref(field="What_Id", object="patient", key="1")],
            "3",
        ),
        zoho_ids={("patient", "1"): "7"},
    )
    assert (tally.records, tally.fields, tally.differences) == (1, 4, [])


def test_a_different_value_is_a_difference_with_both_sides() -> None:
    """Both sides are kept, sealed later, so that a person can decide."""
    tally = compared({"Title": "Crown"}, Said({"Title": "Cleaning"}))
    assert tally.differences == [
        Difference("appointment", "a-1", "Title", "different", "500", "Cleaning", "Crown")
    ]


def test_a_field_that_zoho_does_not_show_is_compared_as_empty() -> None:
    """A field missing from the answer is not equal to a value."""
    assert kinds(compared({}, Said({"Title": "Cleaning"}))) == [("Title", "different")]
    assert kinds(compared({}, Said({"Title": None}))) == []


def test_a_value_written_where_the_source_has_none_is_a_difference() -> None:
    """Blank in the source is a statement too."""
    assert kinds(compared({"Title": "x"}, Said({"Title": None}))) == [("Title", "different")]


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ({"id": "7", "name": "n"}, True),
        ({"id": 7}, True),
        ("7", True),
        ({"id": "8"}, False),
        ({"name": "n"}, False),
        ("", False),
        (None, False),
    ],
)
def test_a_lookup_is_compared_by_the_id_of_what_it_must_point_at(shown: Any, *, same: bool) -> None:
    """In any of the forms Zoho shows a lookup in."""
    tally = compared(
        {"What_Id": shown},
        Said(refs=[Ref(field="What_Id", object="patient", key="1")]),
        zoho_ids={("patient", "1"): "7"},
    )
    assert kinds(tally) == ([] if same else [("What_Id", "lookup")])
    assert tally.fields == 1


def test_a_required_lookup_to_a_record_that_is_not_in_zoho_must_not_point_anywhere() -> None:
    """A lookup that shows somebody although the parent never landed is wrong."""
    said = Said(refs=[Ref(field="What_Id", object="patient", key="1")])
    assert kinds(compared({"What_Id": {"id": "7"}}, said)) == [("What_Id", "lookup")]
    assert kinds(compared({}, said)) == []


def test_an_optional_lookup_to_a_record_that_is_not_in_zoho_is_not_compared() -> None:
    """It was left out with a problem of its own; nothing can be expected of it."""
    tally = compared({}, Said(refs=[Ref(field="C", object="carrier", key="9", required=False)]))
    assert (tally.fields, tally.differences) == (0, [])


def test_another_owner_is_a_difference_unless_the_module_has_no_owner_of_ours() -> None:
    """No record may end at an owner nobody decided."""
    assert kinds(compared({"Owner": {"id": "4"}}, Said(owner_id="3"))) == [("Owner", "owner")]
    assert kinds(compared({"Owner": {"id": "4"}}, Said(owner_id=None))) == []


def test_what_a_person_edited_is_listed_as_such_whatever_differs() -> None:
    """Field, lookup and owner of a record that somebody else modified last."""
    tally = compared(
        {"Title": "x", "What_Id": None, "Owner": "4"},
        Said({"Title": "y"}, [Ref(field="What_Id", object="patient", key="1")], "3"),
        zoho_ids={("patient", "1"): "7"},
        edited=True,
    )
    assert kinds(tally) == [
        ("Title", "edited_by_person"),
        ("What_Id", "edited_by_person"),
        ("Owner", "edited_by_person"),
    ]


def test_a_person_who_changed_nothing_of_ours_leaves_no_difference() -> None:
    """An edit elsewhere in the record is nobody's business."""
    assert kinds(compared({"Title": "y"}, Said({"Title": "y"}), edited=True)) == []


def test_a_kept_conflict_covers_its_own_field_only() -> None:
    """The conflict was decided for the title; the room is simply wrong."""
    tally = compared(
        {"Title": "theirs", "Room": "1"},
        Said({"Title": "ours", "Room": "2"}),
        conflicts={"Title": Conflict(field="Title", theirs="theirs", ours="ours")},
    )
    assert kinds(tally) == [("Title", "conflict_kept"), ("Room", "different")]


def test_only_a_persons_decisions_are_accepted() -> None:
    """Everything else is a mismatch and blocks its gate."""
    assert {"edited_by_person", "conflict_kept"} == ACCEPTED


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"id": "7", "name": "n"}, "7"),
        ({"id": None}, None),
        ({}, None),
        ("7", "7"),
        (7, "7"),
        ("", None),
        (None, None),
    ],
)
def test_the_id_of_a_lookup_is_found_in_every_form(value: Any, found: str | None) -> None:
    """Object, bare id or nothing."""
    assert lookup_id(value) == found
