"""The same practice in four dialects, and what each dialect does to its cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bridgework_synthetic.dialects import manner
from bridgework_synthetic.schema import HEADERS

Make = Callable[..., Any]
"""The ``make`` fixture of conftest: a practice by its arguments."""

DIALECTS = ["b", "c", "d"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_seed_is_the_same_practice(make: Make, dialect: str) -> None:
    """Keys, expectations and fields equal dialect (a)'s; only ``accept`` may be wider."""
    plain, other = make("a").truth, make(dialect).truth
    assert other["expected_counts"] == plain["expected_counts"]
    for module, objects in plain["objects"].items():
        for first, second in zip(objects, other["objects"][module], strict=True):
            without = {name: value for name, value in second.items() if name != "accept"}
            assert without == {name: v for name, v in first.items() if name != "accept"}
            for name, values in (first.get("accept") or {}).items():
                assert [v for v in values if v not in second["accept"][name]] == []
    for section in ("duplicates", "recalls", "balances", "owners", "tooth_charts"):
        assert other[section] == plain[section], section


def test_unicode_tab_dialect_loses_nothing(make: Make) -> None:
    """Dialect (c) holds exactly the cells of dialect (a)."""
    for file in HEADERS:
        assert make("c").rows(file) == make("a").rows(file), file
    raw = (make("c").folder / "export" / "patients.csv").read_bytes()
    assert raw[:2] == b"\xff\xfe"
    assert "\t" in make("c").text("patients")


def test_program_text_dialect_prints_empties_and_short_forms(make: Make) -> None:
    """Dialect (b): boxes for blanks, two-digit years, ``08:30a``, decimal codes, a last line."""
    export = make("b")
    patients = export.rows("patients")
    assert all(re.fullmatch(r"(\d\d/){2}\d\d|  /  /  ", row["dob"]) for row in patients)
    assert "(   )   -    " in {row["work_phone"] for row in patients}
    assert "   -  -    " in {row["ssn"] for row in patients}
    times = {row["time"] for row in export.rows("appointments")}
    assert all(re.fullmatch(r"\d\d:\d\d[ap]|", time) for time in times)
    codes = {row["code"] for row in export.rows("treatment_items")}
    assert all(re.fullmatch(r"\d{2,4}\.00", code) for code in codes)
    lines = export.text("ledger").splitlines()
    assert str(export.truth["source_rows"]["ledger"]) in lines[-1]
    raw = (export.folder / "export" / "patients.csv").read_bytes()
    assert raw.startswith(b"~pat_id~,~acct_id~")
    raw.decode("cp1252")


def test_every_birth_year_survives_two_digits_except_future_ones(make: Make) -> None:
    """A pivot at the export year gives back every true birth date of dialect (b)."""
    export = make("b")
    for entry in export.truth["objects"]["Contacts"]:
        born = entry["fields"]["Date_of_Birth"]
        if born:
            year = int(born[2:4])
            assert born[:4] == str(2000 + year if year <= 26 else 1900 + year)


def test_excel_dialect_destroys_zeros_and_the_key_accepts_it(make: Make) -> None:
    """Dialect (d): leading zeros and long numbers are gone, and ``accept`` lists what is left."""
    export, plain = make("d"), make("a")
    contacts = export.objects("Contacts")
    lost = 0
    for before, after in zip(plain.rows("patients"), export.rows("patients"), strict=True):
        group = before["ins1_group_no"]
        if group.startswith("0"):
            assert after["ins1_group_no"] == group.lstrip("0")
            contact = contacts.get(before["pat_id"])
            if contact and contact["fields"]["Group_Number"] == group:
                assert group.lstrip("0") in contact["accept"]["Group_Number"]
                lost += 1
    assert lost
    checks = [row["check_no"] for row in export.rows("ledger")]
    if "Excel" in export.truth["meta"]["files"]["ledger"]:
        assert any(re.fullmatch(r"\d\.\d+E\+\d\d", check) for check in checks)


@pytest.mark.parametrize("seed", range(6))
def test_excel_dates_stay_the_same_days(seed: int) -> None:
    """Whichever way round a file is localised, the day can be told from the file's own note."""
    for file in ("patients", "ledger", "treatment_items", "tooth_chart", "appointments"):
        how = manner("d", file, seed, again=False, patients=500)
        column = next(c for c in ("dob", "post_date", "date_planned", "date") if c in how.header)
        printed = how.cell(column, "03/25/2024")
        expected = {"Excel, m/d/yyyy": "3/25/2024", "Excel, dd/mm/yyyy": "25/03/2024"}
        assert printed == expected.get(how.note, "03/25/2024")
        assert how.cell(column, "02/30/2024") == "02/30/2024"


def test_some_seed_prints_some_file_day_first() -> None:
    """The British laptop exists, and never touches the file with the swapped workstation."""
    notes = {
        (file, manner("d", file, seed, again=False, patients=500).note)
        for seed in range(20)
        for file in HEADERS
    }
    assert ("ledger", "Excel, dd/mm/yyyy") in notes
    assert ("appointments", "Excel, dd/mm/yyyy") not in notes


def test_losses_are_listed_by_row_and_column(make: Make) -> None:
    """``dialect_losses`` names exactly the rows whose cells cannot be told any more."""
    assert make("a").truth["dialect_losses"] == make("c").truth["dialect_losses"] == []
    export, plain = make("d"), make("a")
    told = {(loss["file"], loss["key"]): loss["columns"] for loss in export.truth["dialect_losses"]}
    for before, after in zip(plain.rows("patients"), export.rows("patients"), strict=True):
        columns = told.get(("patients", before["pat_id"]), [])
        for column in ("chart_no", "zip", "ins1_group_no", "ins1_subscriber_id"):
            if before[column] != after[column]:
                assert column in columns
        assert "dob" not in columns


def cases() -> list[tuple[str, str, str, str]]:
    """Dialect, column, cell in (a), cell there."""
    return [
        ("b", "dob", "05/24/1983", "05/24/83"),
        ("b", "created", "06/10/2024 04:53 PM", "06/10/24 04:53p"),
        ("b", "home_phone", "413-555-0123", "(413)555-0123"),
        ("b", "home_phone", "(413) 555-0123 x12", "(413) 555-0123 x12"),
        ("b", "last", "Nguyễn", "Nguy?n"),
        ("d", "zip", "01745", "1745"),
        ("d", "zip", "01745-0012", "01745-0012"),
        ("d", "created", "06/10/2024 04:53 PM", "6/10/2024 16:53"),
        ("d", "created", "06/10/2024 12:05 AM", "6/10/2024 0:05"),
        ("d", "chart_no", "002001", "2001"),
        ("d", "ins1_subscriber_id", "66892682446028", "6.68927E+13"),
        ("d", "ins1_deductible", "50.00", "50"),
        ("d", "notes1", "x" * 40000, "x" * 32767),
    ]


@pytest.mark.parametrize(("dialect", "column", "plain", "there"), cases())
def test_single_cells_are_reprinted(dialect: Any, column: str, plain: str, there: str) -> None:
    """One example per rule of the reprinting, in the patient file."""
    how = manner(dialect, "patients", 1, again=False, patients=500)
    assert how.cell(column, plain) == there


def excel_cases() -> list[tuple[str, str, str, str]]:
    """File, column, cell in (a), cell after Excel."""
    return [
        ("ledger", "amount", "(45.00)", "-45"),
        ("ledger", "amount", "45.00-", "45.00-"),
        ("ledger", "amount", "1,240.50", "1,240.50"),
        ("ledger", "memo", "- Senior courtesy", "#NAME?"),
        ("treatment_items", "tooth", "3-5", "5-Mar"),
        ("treatment_items", "tooth", "28-30", "28-30"),
        ("treatment_items", "code", "0120", "120"),
        ("treatment_items", "code", "D0120", "D0120"),
        ("production_goals", "month", "Mar-26", "26-Mar"),
        ("production_goals", "month", "2026-03", "Mar-26"),
        ("appointments", "time", "0920", "920"),
        ("appointments", "time", "09:20a", "09:20a"),
        ("appointments", "time", "09:20 AM", "9:20 AM"),
    ]


@pytest.mark.parametrize(("file", "column", "plain", "there"), excel_cases())
def test_excel_makes_numbers_and_dates_of_what_looks_like_them(
    file: str, column: str, plain: str, there: str
) -> None:
    """Excel reads a cell as typed: a range becomes a day in March, a credit a negative number."""
    resaved = (
        how
        for seed in range(50)
        if "Excel" in (how := manner("d", file, seed, again=False, patients=500)).note
    )
    assert next(resaved).cell(column, plain) == there


def test_lost_letters_are_accepted_as_question_marks() -> None:
    """What Windows-1252 cannot print comes out as ``?``, and ``instead`` says so."""
    how = manner("b", "patients", 1, again=False, patients=10)
    assert how.instead("last", "Dvořák") == "Dvo?ák"
    assert how.instead("last", "Núñez") is None
    assert how.instead("dob", "05/24/2041") == "1941-05-24"
    assert how.instead("dob", "05/24/1941") is None
