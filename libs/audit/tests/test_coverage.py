"""Every column ends somewhere, or blocks."""

from typing import Any

import pytest
from bridgework_audit.coverage import cover
from bridgework_audit.lineage import load_lineage, parse_lineage
from bridgework_contracts.errors import ConfigurationError
from bridgework_dental_exec.profile import load_profile
from bridgework_mapping.document import MappingDocument

from libs.audit.tests.kit import Audited, Auditor

HEADER = "pat_id,last,first"


def ends(audited: Audited) -> dict[str, dict[str, Any]]:
    """Return ``table.column`` → end of an audit."""
    return {
        f"{row['table']}.{row['column']}": row
        for row in audited.audit.report["coverage"]["columns"]
    }


def test_every_column_of_the_profile_has_an_end(audited: Audited) -> None:
    """The default mapping accounts for each column of all 25 files."""
    coverage = audited.audit.report["coverage"]
    columns = sum(len(t.columns) for t in load_profile("dental_exec_v1").tables.values())
    assert coverage["counts"]["unaccounted"] == 0
    assert len(coverage["columns"]) == columns
    assert audited.audit.report["blockers"] == []


def test_a_column_that_stays_as_it_is_is_mapped(audited: Audited) -> None:
    """A last name goes unchanged; a date is read, so it is transformed."""
    found = ends(audited)
    assert found["patients.last"]["end"] == "mapped"
    assert found["patients.last"]["to"] == ["Contacts.Last_Name"]
    assert found["patients.dob"]["end"] == "transformed"


def test_a_folded_column_names_the_field_it_ends_in(audited: Audited) -> None:
    """Address lines become the street; a perio site becomes part of the exam's readings."""
    found = ends(audited)
    assert found["patients.address2"]["to"] == ["Contacts.Mailing_Street"]
    assert found["perio_readings.mb"]["to"] == ["Perio_Exams.Readings__c"]


def test_what_stays_behind_says_why(audited: Audited) -> None:
    """Archived and dropped columns carry a reason, always."""
    left = [row for row in ends(audited).values() if row["end"] in {"archived", "dropped"}]
    assert left
    assert all(row["reason"] for row in left)
    assert ends(audited)["patients.ssn"]["end"] == "archived"


def test_an_unknown_filled_column_blocks(auditor: Auditor) -> None:
    """A column nobody knows has no end, and the blocker names file and column."""
    found = auditor({"patients.csv": f"{HEADER},shoe_size\n1,Adams,Ann,42\n"})
    assert ends(found)["patients.shoe_size"]["end"] == "unaccounted"
    (blocker,) = found.audit.report["blockers"]
    assert blocker.startswith("patients.csv: column shoe_size ends nowhere")


def test_an_unknown_empty_column_does_not_block(auditor: Auditor) -> None:
    """Nothing is lost with a column that no row fills."""
    found = auditor({"patients.csv": f"{HEADER},shoe_size\n1,Adams,Ann,\n"})
    assert ends(found)["patients.shoe_size"] | {"to": []} == {
        "table": "patients", "file": "patients.csv", "column": "shoe_size", "end": "dropped",
        "to": [], "reason": "no row has a value",
    }  # fmt: skip
    assert found.audit.report["blockers"] == []


def test_an_unknown_file_blocks(auditor: Auditor) -> None:
    """A file that is no known table was not read, and that is said."""
    found = auditor(
        {"patients.csv": f"{HEADER}\n1,Adams,Ann\n", "implants.csv": "lot,torque\nA1,35\n"}
    )
    assert any(b.startswith("implants.csv was not read") for b in found.audit.report["blockers"])


def test_an_export_without_patients_blocks(auditor: Auditor) -> None:
    """There is nothing to hang records on."""
    found = auditor({"locations.csv": "loc_id,name\n1,Main Street\n"})
    assert "There are no patients in this export" in found.audit.report["blockers"][0]


def test_a_file_without_its_key_blocks(auditor: Auditor) -> None:
    """Rows without numbers cannot be referred to, and a delta would have no stable keys."""
    found = auditor(
        {"patients.csv": f"{HEADER}\n1,Adams,Ann\n", "alerts.csv": "pat_id,flag\n1,Y\n"}
    )
    assert any("its key column is missing" in b for b in found.audit.report["blockers"])
    assert found.audit.report["estimate"]["measured"]["unstable_keys"] is True


def document_without(name: str, spec: str) -> MappingDocument:
    """Return the default mapping without one line."""
    data = MappingDocument.default().dump()
    for entry in data["objects"]:
        if entry["object"] == name:
            entry["fields"] = [line for line in entry["fields"] if line["spec"] != spec]
    return MappingDocument.parse(data)


def test_a_line_taken_out_of_the_mapping_leaves_its_column_homeless(audited: Audited) -> None:
    """Coverage follows the mapping: without the street line both address columns end nowhere."""
    document = document_without("patient", "Mailing_Street")
    filled = {("patients", "address1"): 1, ("patients", "address2"): 1}
    coverage = cover(audited.snapshot, document, load_lineage("dental_exec_v1"), filled)
    assert [c.column for c in coverage.unaccounted] == ["address1", "address2"]
    assert coverage.unaccounted[0].reason == "the mapping does not carry patient.street"


def test_a_clinical_column_without_a_home_needs_people(audited: Audited) -> None:
    """A perio exam whose readings go nowhere is a clinical object without an agreed home."""
    document = document_without("perio_exam", "Readings__c")
    filled = {("perio_readings", "mb"): 1}
    coverage = cover(audited.snapshot, document, load_lineage("dental_exec_v1"), filled)
    assert coverage.clinical_without_home == ("perio_readings",)


def test_the_lineage_names_only_what_exists() -> None:
    """Every object, field, table and column of the lineage is one of the profile's."""
    profile, lineage = load_profile("dental_exec_v1"), load_lineage("dental_exec_v1")
    for name, field in lineage.folded:
        assert field in profile.objects[name].fields, (name, field)
    assert set(lineage.keys) <= set(profile.objects)
    for table, column in lineage.kept:
        assert column in profile.tables[table].columns, (table, column)


def test_every_target_of_the_lineage_is_a_canonical_field() -> None:
    """A misspelt target would quietly leave a column homeless."""
    document, lineage = MappingDocument.default(), load_lineage("dental_exec_v1")
    for targets in (*lineage.folded.values(), *lineage.keys.values()):
        for target in targets:
            if target != "file":
                name, field = target.split(".")
                assert field in document.coverage(name), target


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"foldd": {}}, "sections"),
        ({"kept": {"patients": {"ssn": ["lost", "why"]}}}, "patients.ssn"),
        ({"kept": {"patients": {"ssn": ["archived", ""]}}}, "with a reason"),
        ({"folded": {"patient": {"address1": "street"}}}, "object.field or file"),
    ],
)
def test_a_lineage_that_does_not_hold_together_is_refused(data: Any, message: str) -> None:
    """Unknown sections, unknown ends, missing reasons and half targets are errors."""
    with pytest.raises(ConfigurationError, match=message):
        parse_lineage(data)
