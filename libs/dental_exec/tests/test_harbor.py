"""The shared practice against its answer key, and its second export against its change log."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from bridgework_contracts.records import Change
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.duplicates import identities, propose

PARTS = {"Coverage": "coverage", "Alerts": "alert", "Provider_Links": "provider_link",
         "Tooth_Chart_Rows": "tooth_chart_row", "Guarantors": "guarantor"}  # fmt: skip
OBJECT_OF = {
    "treatment_items": "treatment_item", "appointments": "appointment", "notes": "note",
    "ledger": "ledger_entry", "tasks": "task", "claims": "claim", "documents": "document",
    "production_goals": "production_goal", "accounts": "account",
}  # fmt: skip


def test_every_value_of_every_object_is_what_the_answer_key_says(
    harbor_folder: Path, harbor: CanonicalSource, answer_key: Any
) -> None:
    """Not one value differs, over all objects, files, balances and tooth charts."""
    assert answer_key(harbor_folder, harbor).run() == []


def test_every_row_is_counted_exactly_once(harbor_folder: Path, harbor: CanonicalSource) -> None:
    """Records, files and decided outcomes add up to the extracted counts."""
    counts = harbor.counts()
    found: Counter[str] = Counter()
    for name in harbor.objects():
        for record in harbor.records(name):
            found[name] += 1
            found.update(record.parts)
    for file in harbor.files():
        found[file.object] += 1
    for item in harbor.decided():
        found[item.object] += 1
    assert dict(found) == counts
    truth = json.loads((harbor_folder / "truth.json").read_text("utf-8"))
    for name, part in PARTS.items():
        assert counts[part] == len(truth["objects"][name])
    assert counts["patient"] == truth["source_rows"]["patients"]


def test_orphan_rows_travel_with_the_missing_key_or_end_as_parked_parts(
    harbor_folder: Path, harbor: CanonicalSource
) -> None:
    """What has no parent in the export names it, so that the loader can park it."""
    truth = json.loads((harbor_folder / "truth.json").read_text("utf-8"))
    patients = {r.key for r in harbor.records("patient")}
    orphans = [d["key"] for d in truth["defects"]
               if d["kind"] == "orphan row" and d["file"] == "appointments"]  # fmt: skip
    keys = set(orphans)
    for record in harbor.records("appointment", keys=keys):
        keys.remove(record.key)
        assert record.fields["patient_key"] not in patients
    assert keys == set()
    parked = {d.object for d in harbor.decided() if d.outcome == "parked"}
    assert {"coverage", "alert", "tooth_chart_row"} <= parked


def test_rows_of_a_purged_patient_never_hang_on_the_number_s_present_owner(
    harbor: CanonicalSource,
) -> None:
    """Number 1516 was given out again: older rows name nobody present, the rest stay."""
    old = next(harbor.records("appointment", keys={"23862"}))
    assert old.fields["patient_key"] == "1516#purged"
    assert "patient_number_reused" in {p.code for p in old.problems}
    now = next(harbor.records("appointment", keys={"20863"}))
    assert now.fields["patient_key"] == "1516"
    patient = list(harbor.records("patient", keys={"1516"}))
    assert [p.fields["last_name"] for p in patient] == ["Mack"]
    assert ("1516#purged", "skipped") in {(d.key, d.outcome) for d in harbor.decided()}


def test_a_block_of_swapped_dates_is_read_like_its_workstation_wrote_it(
    harbor: CanonicalSource,
) -> None:
    """03/04/2026 inside the block is the third of April; outside it is the fourth of March."""
    rows = {r.key: r for r in harbor.records("appointment", keys={"23337", "23329", "23330"})}
    assert rows["23337"].fields["start"] == "2026-04-03T13:10:00"
    assert {p.code for p in rows["23337"].problems} == {"date_swapped_block"}
    assert rows["23330"].fields["start"][:10] == "2026-06-22"
    assert rows["23329"].fields["start"][:10] == "2026-06-01"
    assert rows["23329"].problems == ()


def test_shared_initials_give_no_author(harbor: CanonicalSource) -> None:
    """KF is two people: the initials are kept, nobody is guessed."""
    note = next(harbor.records("note", keys={"70006"}))
    assert note.fields["author_key"] is None
    assert note.fields["author_initials"] == "KF"
    assert "author_initials_shared" in {p.code for p in note.problems}


def test_duplicates_are_proposed_and_look_alikes_are_not(
    harbor_folder: Path, harbor: CanonicalSource
) -> None:
    """Every duplicate of the key with its grade; twins and Jr/Sr not at all."""
    truth = json.loads((harbor_folder / "truth.json").read_text("utf-8"))
    proposals = propose(identities(harbor))
    got = {(p.keep, p.duplicate, p.grade) for p in proposals}
    assert got == {(d["keep"], d["duplicate"], d["merge"]) for d in truth["duplicates"]}


def test_the_second_export_differs_exactly_where_its_change_log_says(
    harbor: CanonicalSource, harbor_later: tuple[Path, CanonicalSource], changes: Any
) -> None:
    """Shuffled and re-quoted rows are no change; changed, added and deleted keys are found."""
    folder, later = harbor_later
    log = json.loads((folder / "changes.json").read_text("utf-8"))
    found = changes(harbor, later)
    for table, name in OBJECT_OF.items():
        got = found.get(name, {})
        assert got.get(Change.NEW, set()) == set(log[table]["added"]), table
        assert got.get(Change.DELETED, set()) == set(log[table]["deleted"]), table
        if table != "production_goals":
            assert got.get(Change.CHANGED, set()) == set(log[table]["changed"]), table
    assert found["patient"][Change.NEW] == set(log["patients"]["added"])
    assert set(log["patients"]["changed"]) - {"1516"} <= found["patient"][Change.CHANGED]
    assert "carrier" not in found or found["carrier"].keys() == {Change.CHANGED}


def test_patients_of_every_rare_shape_are_found_and_the_same_ones_again(
    harbor: CanonicalSource,
) -> None:
    """Deceased, with a picture in a note, without a birth date, with an undated visit."""
    rare = harbor.rare_patients(seed=3)
    assert rare == harbor.rare_patients(seed=3)
    assert rare != harbor.rare_patients(seed=4)
    patients = [r for r in harbor.records("patient") if r.key in rare]
    assert len(patients) < len(list(harbor.records("patient"))) / 3
    assert {r.fields["status"] for r in patients} >= {"Inactive", "Deceased"}
    assert any(r.fields["birth_date"] is None for r in patients)
    assert any(r.fields["drug_interaction"] == "Yes" for r in patients)
    notes = [r for r in harbor.records("note") if r.fields["patient_key"] in rare]
    assert any(r.fields["images"] for r in notes)
    visits = [r for r in harbor.records("appointment") if r.fields["patient_key"] in rare]
    assert any(r.fields["undated"] for r in visits)
