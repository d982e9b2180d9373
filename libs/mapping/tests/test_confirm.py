"""Confirmed versions: who, when, which rows, and what changed since."""

from datetime import UTC, datetime

import pytest
from bridgework_contracts.errors import MappingError
from bridgework_mapping.confirm import MappingVersion, confirm
from bridgework_mapping.document import MappingDocument
from pydantic import ValidationError

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_a_version_names_person_time_hash_and_every_row(doc: MappingDocument) -> None:
    """Lines, decisions not to map, and each object's policies."""
    version = confirm(doc, confirmed_by="dr.abernathy", confirmed_at=NOW)
    assert (version.version, version.hash) == (1, doc.hash)
    names = {(row.object, row.row) for row in version.rows}
    assert {("patient", "Last_Name"), ("note", "(pages)"), ("patient", "(policies)")} <= names
    assert len(names) == len(version.rows)
    assert version.covers(doc)
    assert version.changed_rows(doc) == ()
    assert MappingVersion.model_validate_json(version.model_dump_json()) == version


def test_a_change_is_a_new_version_and_shows_its_row(doc: MappingDocument) -> None:
    """Only what differs needs to be looked at again."""
    first = confirm(doc, confirmed_by="a", confirmed_at=NOW)
    data = doc.dump()
    patient = next(entry for entry in data["objects"] if entry["object"] == "patient")
    patient["match"] = "create_only"
    next(line for line in patient["fields"] if line["spec"] == "Last_Name")["length"] = 60
    patient["fields"] = [line for line in patient["fields"] if line["spec"] != "Fee_Schedule__c"]
    changed = MappingDocument.parse(data)
    assert not first.covers(changed)
    assert set(first.changed_rows(changed)) == {
        "patient.(policies)",
        "patient.Last_Name",
        "patient.Fee_Schedule__c",
    }
    assert confirm(changed, confirmed_by="b", confirmed_at=NOW, previous=first).version == 2


def test_confirming_the_same_document_again_changes_nothing(doc: MappingDocument) -> None:
    """A second click is no second version."""
    first = confirm(doc, confirmed_by="a", confirmed_at=NOW)
    assert confirm(doc, confirmed_by="b", confirmed_at=NOW, previous=first) is first


def test_nobody_and_no_zone_are_refused(doc: MappingDocument) -> None:
    """A confirmation is a person's, at a known moment."""
    with pytest.raises(MappingError, match="named person"):
        confirm(doc, confirmed_by=" ", confirmed_at=NOW)
    with pytest.raises(ValidationError):
        confirm(doc, confirmed_by="a", confirmed_at=NOW.replace(tzinfo=None))
