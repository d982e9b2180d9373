"""The run's part of the report."""

import json
from typing import Any

from bridgework_contracts.outcomes import Conflict
from bridgework_reconciler.domain.counting import Counts
from bridgework_reconciler.domain.reporting import conflict_rows, object_counts, quarantine_rows

NAMES = {"patient": "Contacts", "appointment": "Events", "task": "Tasks", "recall": "Tasks"}


def name(object_name: str) -> str:
    """The report's name of an object."""
    return NAMES[object_name]


ROW: dict[str, Any] = {
    "object": "patient",
    "key": "1201",
    "outcome": "inserted",
    "reason": None,
    "provenance": [{"file": "patients.csv", "line": 12}],
    "problems": None,
}
PROBLEM = {
    "file": "patients.csv",
    "line": 12,
    "field": "birth_date",
    "code": "date_unparsable",
    "shape": "99/99/9999",
    "effect": "left_out",
    "remedy": "Correct it.",
}
REASON = {
    "code": "parent_missing",
    "sentence": "Its patient is not in Zoho.",
    "remedy": "Repair the patient.",
    "field": None,
    "missing_object": "patient",
    "missing_key": "9999",
}


def test_every_object_shows_extracted_and_all_seven_outcomes() -> None:
    """Also the ones that are nought: a reader sees that nothing failed."""
    rows = object_counts(
        Counts({"patient": 3}, {}, {"patient": {"inserted": 2, "failed": 1}}), name
    )
    assert rows == {
        "Contacts": {
            "extracted": 3,
            "inserted": 2,
            "updated": 0,
            "unchanged": 0,
            "merged": 0,
            "skipped": 0,
            "failed": 1,
            "parked": 0,
        }
    }


def test_objects_that_share_a_report_name_are_added_up() -> None:
    """Tasks come from two source objects; unchanged ones that did not travel are in."""
    rows = object_counts(
        Counts(
            {"task": 2, "recall": 5},
            {"recall": 3},
            {"task": {"inserted": 2}, "recall": {"unchanged": 1, "inserted": 1}},
        ),
        name,
    )
    assert rows["Tasks"]["extracted"] == 7
    assert rows["Tasks"]["inserted"] == 3
    assert rows["Tasks"]["unchanged"] == 4


def test_an_object_with_outcomes_only_is_shown_too() -> None:
    """What should not be there must be seen."""
    rows = object_counts(Counts({}, {}, {"appointment": {"inserted": 1}}), name)
    assert rows["Events"]["extracted"] == 0
    assert rows["Events"]["inserted"] == 1


def test_each_problem_of_a_record_is_a_line_with_its_place_and_remedy() -> None:
    """The record landed; its value is still named."""
    lines = quarantine_rows([{**ROW, "problems": [PROBLEM, {**PROBLEM, "field": "zip"}]}], name)
    assert [line["field"] for line in lines] == ["birth_date", "zip"]
    assert lines[0] == {"object": "Contacts", "key": "1201", "outcome": "inserted", **PROBLEM}


def test_a_record_that_did_not_land_is_a_line_with_its_sentence_and_what_it_misses() -> None:
    """Parked for a parent: the parent is named."""
    lines = quarantine_rows([{**ROW, "outcome": "parked", "reason": REASON}], name)
    assert lines == [
        {
            "object": "Contacts",
            "key": "1201",
            "outcome": "parked",
            "file": "patients.csv",
            "line": 12,
            "field": "",
            "code": "parent_missing",
            "shape": "",
            "effect": "parked",
            "sentence": "Its patient is not in Zoho.",
            "missing": "patient 9999",
            "remedy": "Repair the patient.",
        }
    ]


def test_a_reason_without_a_place_or_a_missing_parent_still_makes_a_line() -> None:
    """Old rows hold less."""
    reason = {"code": "undated", "sentence": "It has no date."}
    (line,) = quarantine_rows(
        [{**ROW, "outcome": "skipped", "reason": reason, "provenance": None}], name
    )
    assert (line["file"], line["line"], line["missing"], line["remedy"]) == ("", 0, "", "")


def test_a_reason_of_a_record_that_landed_is_not_a_line() -> None:
    """Merged records have reasons too; they need nobody."""
    assert quarantine_rows([{**ROW, "outcome": "merged", "reason": REASON}], name) == []


def test_conflicts_are_listed_field_by_field_as_shapes() -> None:
    """No value of a person stands in the report."""
    conflicts = [
        Conflict(field="Phone", base="2125550100", theirs="2125550199", ours=None),
        Conflict(field="Last_Name", base="Quimby", theirs="Featherstone", ours="Q", kept="ours"),
    ]
    lines = conflict_rows([({"object": "patient", "key": "1", "zoho_id": "500"}, conflicts)], name)
    assert lines == [
        {
            "object": "Contacts",
            "key": "1",
            "zoho_id": "500",
            "field": "Phone",
            "base": "9999999999",
            "theirs": "9999999999",
            "ours": "∅",
            "kept": "theirs",
        },
        {
            "object": "Contacts",
            "key": "1",
            "zoho_id": "500",
            "field": "Last_Name",
            "base": "Aaaaaa",
            "theirs": "Aaaaaaaaaaaa",
            "ours": "A",
            "kept": "ours",
        },
    ]
    assert "Quimby" not in json.dumps(lines)
