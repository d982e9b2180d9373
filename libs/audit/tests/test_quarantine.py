"""The places a person should correct: found whole, named alike in every export, without a value."""

from pathlib import Path

from bridgework_audit.quarantine import QuarantineCollector
from bridgework_contracts.progress import QuarantinedPlace
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_mapping.document import MappingDocument

from libs.audit.tests.kit import SEAL

KEY = b"h" * 32
PATIENTS = (
    "pat_id,last,first,dob,cell_phone\n"
    "1,Quimby,Ottoline,02/28/1984,n/a\n"
    "2,Featherstone,Rose,13/45/1990,555-0134\n"
    ",Hill,Ann,01/02/1970,\n"
    "4,Broken\n"
    "1,Other,Person,03/04/1960,\n"
)
PLANS = "tp_id,pat_id,title,status\n10,1,A,Proposed\n11,9,B,Proposed\n"
ITEMS = "item_id,tp_id,code\n100,10,D0120\n101,11,D0120\n"


def places_of(folder: Path, *, most: int = 100, **files: str) -> tuple[list[QuarantinedPlace], int]:
    """Collect the places of an export given as table → text."""
    export_folder = folder / "export"
    export_folder.mkdir(parents=True)
    for name, text in files.items():
        (export_folder / f"{name}.csv").write_text(text, encoding="utf-8")
    export = open_export(export_folder, folder / "work")
    snapshot = seal_snapshot(export, folder / "snapshot", seal=SEAL)
    spec = SourceSpec(export_path=str(export_folder))
    source = CanonicalSource(snapshot, spec, export=export, hash_key=KEY)
    collector = QuarantineCollector(snapshot.profile, MappingDocument.default(), most=most)
    for name in source.objects():
        for record in source.records(name):
            collector.record(record)
    for one in source.decided():
        collector.decided(one)
    for file in source.files():
        collector.file(file)
    places, left_out = collector.places(snapshot, export, KEY, {})
    return list(places), left_out


def test_rows_that_do_not_travel_and_values_left_behind_are_listed(tmp_path: Path) -> None:
    """Each with file, line, column, code, masked shape, remedy; nothing that needs no one."""
    places, left_out = places_of(
        tmp_path, patients=PATIENTS, treatment_plans=PLANS, treatment_items=ITEMS
    )
    found = {(p.file, p.line, p.column, p.code) for p in places}
    assert found == {
        ("patients.csv", 3, "dob", "date_impossible"),
        ("patients.csv", 3, "cell_phone", "phone_no_area_code"),
        ("patients.csv", 4, "pat_id", "key_missing"),
        ("patients.csv", 5, "", "cells_missing"),
        ("patients.csv", 2, "pat_id", "number_used_twice"),
        # The item of this plan waits for it: only the plan is to be corrected.
        ("treatment_plans.csv", 3, "pat_id", "parent_missing"),
    }
    assert left_out == 0
    assert all(p.row_mark and p.remedy for p in places)
    shapes = {p.code: p.shape for p in places}
    assert shapes["date_impossible"] == "99/99/9999"
    assert shapes["cells_missing"] == "9,Aaaaaa"
    told = repr(places)
    for value in ("Quimby", "Featherstone", "Broken", "13/45/1990", "555-0134"):
        assert value not in told


def test_a_place_has_one_name_wherever_its_row_stands(tmp_path: Path) -> None:
    """Shuffled and re-quoted: the same ids and marks; another defect has another id."""
    first, _ = places_of(tmp_path / "1", patients=PATIENTS)
    header, *rows = PATIENTS.strip().split("\n")
    # The last of two rows with one number travels, so these two keep their order.
    shuffled = [rows[3], rows[2], rows[0], rows[1], rows[4]]
    quoted = [",".join(f'"{cell}"' for cell in row.split(",")) for row in shuffled[1:]]
    text = "\n".join([header, shuffled[0], *quoted]) + "\n"
    later, _ = places_of(tmp_path / "2", patients=text)
    assert {(p.item_id, p.row_mark, p.code) for p in first} == {
        (p.item_id, p.row_mark, p.code) for p in later
    }
    assert len({p.item_id for p in first}) == len(first)
    lines = {p.item_id: p.line for p in first}
    assert any(lines[p.item_id] != p.line for p in later)


def test_what_comes_after_the_limit_is_counted(tmp_path: Path) -> None:
    """Of rows and of values apart, so that neither hides the other."""
    rows = "".join(f"{n},Hill,Ann,99/99/1970,\n" for n in range(20))
    keyless = ",Hill,Ann,01/02/1970,\n,Dale,Ann,01/02/1970,\n"
    text = PATIENTS.split("\n", maxsplit=1)[0] + "\n" + rows + keyless
    places, left_out = places_of(tmp_path, most=5, patients=text)
    codes = [p.code for p in places]
    assert (codes.count("date_impossible"), codes.count("key_missing"), left_out) == (5, 2, 15)


def test_a_file_without_its_key_is_listed_but_no_one_correction_repairs_it(tmp_path: Path) -> None:
    """It has no mark."""
    places, _ = places_of(tmp_path, patients="last,first\nHill,Ann\n")
    (place,) = (p for p in places if p.code == "key_column_missing")
    assert place.row_mark is None
    assert place.remedy
