"""The audit as a whole: one report, the same for the same input, without a value in it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bridgework_audit import Audit, PracticeFacts
from bridgework_audit.audit import report_hash

from libs.audit.tests.kit import Audited, Auditor, Practice, audit_folder


def test_two_audits_of_one_export_are_byte_identical(practice: Practice, tmp_path: Path) -> None:
    """Another seal, another folder, another moment: the same two files."""
    written = []
    for number in (1, 2):
        audit = audit_folder(practice.export, tmp_path / f"work{number}").audit
        places = audit.write(tmp_path / f"out{number}")
        written.append([place.read_bytes() for place in places])
    assert written[0] == written[1]


def test_the_hash_is_of_the_rest_of_the_report(audited: Audited) -> None:
    """Anybody can recompute it from the JSON file."""
    report = audited.audit.report
    again = json.loads(json.dumps(report))
    assert report["hash"] == report_hash(again)
    assert report_hash(again | {"grade": "A+"}) != report["hash"]


def test_written_json_is_the_report(audited: Audited, tmp_path: Path) -> None:
    """Nothing is lost or added on the way to disk."""
    json_file, page = audited.audit.write(tmp_path / "out")
    assert json.loads(json_file.read_text(encoding="utf-8")) == audited.audit.report
    assert (json_file.name, page.name) == ("audit.json", "audit.html")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"audit.json", "audit.html"}


def personal_values(audited: Audited) -> set[str]:
    """Return names, numbers, dates, phones and mails of the practice's people."""
    columns = {
        "patients": ("last", "first", "dob", "ssn", "home_phone", "cell_phone", "work_phone",
                     "email", "address1", "ins1_subscriber_id"),
        "accounts": ("g1_name", "g1_dob", "g1_home_phone"),
        "providers": ("last", "npi", "email"),
    }  # fmt: skip
    connection = audited.snapshot.connect()
    found: set[str] = set()
    for table, names in columns.items():
        for name in names:
            rows = connection.execute(f'SELECT DISTINCT "{name}" FROM "{table}"').fetchall()
            found |= {text for (text,) in rows if text and len(text) > 3}
    connection.close()
    return found


WORDS_OF_OURS = {"None", "none", "Unlisted", "unlisted", "Practice"}


def test_no_personal_value_is_in_the_report(audited: Audited, tmp_path: Path) -> None:
    """Neither file holds any name, number, date, phone or mail of the export."""
    values = personal_values(audited) - WORDS_OF_OURS
    assert len(values) > 500
    for place in audited.audit.write(tmp_path / "out"):
        words = set(re.findall(r"[^\s\"<>,;]+", place.read_text(encoding="utf-8")))
        text = place.read_text(encoding="utf-8")
        single = {v for v in values if " " not in v}
        assert not single & words, place.name
        assert not [v for v in values - single if v in text], place.name


def test_the_page_is_self_contained(audited: Audited, tmp_path: Path) -> None:
    """Nothing is fetched and nothing runs."""
    _, page = audited.audit.write(tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|<script|@import|url\(|https?://", text)
    assert text.count("<h2>") == 10


def test_what_is_counted_is_what_the_source_counts(audited: Audited) -> None:
    """Objects and parts add up to the canonical source's own counts."""
    objects = dict(audited.audit.report["objects"])
    objects.pop("provider")
    assert objects == {k: v for k, v in audited.source.counts().items() if v}


def test_the_summary_leaves_the_long_lists_out(audited: Audited) -> None:
    """Counts and estimate stay; columns and places go."""
    summary = audited.audit.summary
    assert summary["hash"] == audited.audit.report["hash"]
    assert "columns" not in summary
    assert all("places" not in entry for entry in summary["defects"].values())
    assert summary["defects"]["orphan"]["count"] == audited.audit.book["orphan"]


@pytest.fixture(scope="module")
def cramped(practice: Practice, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The practice on a free edition that takes files of one byte, two places kept per class."""
    facts = PracticeFacts(edition="free", attachment_limit_bytes=1)
    folder = tmp_path_factory.mktemp("cramped")
    return audit_folder(practice.export, folder, facts=facts, places=2).audit


def test_places_are_capped_and_counts_are_not(cramped: Audit) -> None:
    """With two places per class the counts are still whole."""
    few = cramped.report["defects"]
    assert max(len(entry["places"]) for entry in few.values()) == 2
    assert few["code_without_d"]["count"] > 100


def test_what_the_practice_says_enters_the_estimate(cramped: Audit) -> None:
    """A practice on a free edition cannot be written to: people quote, and that blocks."""
    assert cramped.report["grade"] == "E"
    assert any("through its API" in line for line in cramped.report["blockers"])


def test_a_smaller_limit_of_the_org_finds_more_large_files(cramped: Audit) -> None:
    """The limit read from the org wins over the assumed one."""
    assert cramped.book["file_over_limit"] > 50


ROWS: dict[str, str] = {
    "patients.csv": "pat_id,acct_id,last,first,dob\n"
    "1,7,Adams,Ann,01/02/1980\n2,7,Adams,Bea,01/02/1980\n",
    "accounts.csv": "acct_id,balance\n7,10.00\n",
    "ledger.csv": "entry_id,acct_id,pat_id,post_date,kind,amount\n1,7,1,02/03/2026,Charge,12.00\n"
    "2,9,1,02/03/2026,Charge,1.00\n",
    "tasks.csv": "task_id,pat_id,subject\n1,,Order gloves\n2,99,Call back\n",
}


def found(audited: Audited, name: str) -> list[dict[str, Any]]:
    """Return the listed places of a class."""
    places: list[dict[str, Any]] = audited.audit.report["defects"].get(name, {}).get("places", [])
    return places


def test_orphans_are_named_by_the_column_that_points_nowhere(auditor: Auditor) -> None:
    """A ledger line of a missing account and a task of a missing patient; a blank is no orphan."""
    audited = auditor(ROWS)
    assert [(p["file"], p["line"], p["column"], p["shape"]) for p in found(audited, "orphan")] == [
        ("ledger.csv", 3, "acct_id", "9"),
        ("tasks.csv", 3, "pat_id", "99"),
    ]


def test_an_uneven_ledger_is_named_with_its_account(auditor: Auditor) -> None:
    """12.00 charged, 10.00 stored."""
    audited = auditor(ROWS)
    assert [(p["file"], p["line"]) for p in found(audited, "balance_differs")] == [
        ("accounts.csv", 2)
    ]
    assert audited.audit.report["estimate"]["measured"]["ledger_mismatch_pct"] == 100.0


def test_twins_are_kept_apart(auditor: Auditor) -> None:
    """Same household, name and birthday: two people."""
    audited = auditor(ROWS)
    assert [(p["line"], p["other_line"]) for p in found(audited, "look_alike")] == [(3, 2)]
    assert found(audited, "duplicate_patient") == []


def test_namesakes_of_one_household_are_two_generations_or_unclear(auditor: Auditor) -> None:
    """A father and a son, a senior and a junior; a pair nine years apart is for a person."""
    rows = (
        "pat_id,acct_id,last,first,dob,address1\n"
        "1,7,Adams,Al,01/02/1980,1 Elm St\n"
        "2,7,Adams,Al,03/04/2006,1 Elm St\n"
        "3,8,Brown,Bo,05/06/1980,2 Elm St\n"
        "4,8,Brown Jr,Bo,07/08/1989,2 Elm St\n"
        "5,9,Clark,Cy,01/11/1981,3 Elm St\n"
        "6,9,Clark,Cy,08/10/1990,3 Elm St\n"
    )
    audited = auditor({"patients.csv": rows})
    pairs = [(p["line"], p["other_line"]) for p in found(audited, "look_alike")]
    assert pairs == [(3, 2), (5, 4)]
    assert [(p["line"], p["other_line"]) for p in found(audited, "namesake_unclear")] == [(7, 6)]
    assert found(audited, "duplicate_patient") == []


def test_a_person_under_two_numbers_is_proposed_with_evidence(auditor: Auditor) -> None:
    """Same name, birth date, phone and street: a duplicate, in words without values."""
    rows = (
        "pat_id,acct_id,last,first,dob,home_phone,address1\n"
        "1,7,Adams,Ann,01/02/1980,(617) 555-0100,1 Elm St\n"
        "2,8,Adams,Ann,01/02/1980,617-555-0100,1 Elm St\n"
    )
    (place,) = found(auditor({"patients.csv": rows}), "duplicate_patient")
    assert {place["line"], place["other_line"]} == {2, 3}
    assert "birth date same" in place["remedy"]


def test_a_chart_number_of_two_people_is_named(auditor: Auditor) -> None:
    """Two different people, one chart."""
    rows = "pat_id,chart_no,last,first\n1,A1,Adams,Ann\n2,B2,Brown,Bob\n3,A1,Clark,Cy\n"
    (place,) = found(auditor({"patients.csv": rows}), "chart_number_shared")
    assert (place["line"], place["other_line"], place["shape"]) == (4, 2, "A9")


def test_staff_that_makes_owners_hard_is_named(auditor: Auditor) -> None:
    """No mail, mail of two, a mail in mixed case, no NPI, wrong NPI, shared initials."""
    rows = (
        "prov_id,abbr,last,first,type,npi,email,active\n"
        "1,D1,Adams,Ann,Dentist,1234567893,a@office.example,Y\n"
        "2,D2,Able,Al,Dentist,1234567890,A@Office.example,Y\n"
        "3,H1,Brown,Bob,Hygienist,,,Y\n"
        "4,H2,Clark,Cy,Hygienist,1234567893,,N\n"
        "5,OFF,Office,,Non-person,,,Y\n"
    )
    audited = auditor({"patients.csv": "pat_id,last\n1,Adams\n", "providers.csv": rows})
    lines = {
        name: [p["line"] for p in found(audited, name)]
        for name in (
            "provider_email_blank", "provider_departed_without_email", "provider_email_shared",
            "email_case", "npi_blank", "npi_check_digit", "shared_initials",
        )
    }  # fmt: skip
    assert lines == {
        "provider_email_blank": [4],
        "provider_departed_without_email": [5],
        "provider_email_shared": [3],
        "email_case": [3],
        "npi_blank": [4],
        "npi_check_digit": [3],
        "shared_initials": [3],
    }


def test_codes_are_counted_by_how_they_are_printed(auditor: Auditor) -> None:
    """Without D, as a decimal, retired, and one that is as it should be."""
    rows = (
        "item_id,tp_id,code,status\n"
        "1,1,0120,C\n2,1,120.00,C\n3,1,D1203,C\n4,1,D0120,C\n5,1,1203,C\n"
    )
    audited = auditor({
        "patients.csv": "pat_id,last\n1,Adams\n",
        "treatment_plans.csv": "tp_id,pat_id\n1,1\n",
        "treatment_items.csv": rows,
    })  # fmt: skip
    lines = {
        name: [p["line"] for p in found(audited, name)]
        for name in ("code_without_d", "code_decimal", "code_retired")
    }
    assert lines == {"code_without_d": [2, 6], "code_decimal": [3], "code_retired": [4, 6]}


def test_lines_that_are_no_row_are_listed(auditor: Auditor) -> None:
    """A line with too few cells is in the report with its shape, and in the counts."""
    audited = auditor({"patients.csv": "pat_id,last,first,dob\n1,Adams,Ann,01/02/1980\n2\n"})
    (place,) = found(audited, "row_unreadable")
    assert (place["file"], place["line"]) == ("patients.csv", 3)
    assert place["remedy"]


def test_a_missing_column_is_a_defect(auditor: Auditor) -> None:
    """What the profile expects and the file lacks is said, per column."""
    audited = auditor({"alerts.csv": "pat_id,kind\n1,Allergy\n", "patients.csv": "pat_id\n1\n"})
    missing = {p["column"] for p in found(audited, "column_missing") if p["file"] == "alerts.csv"}
    assert missing == {"flag", "since"}


def test_a_spreadsheets_work_is_told_cell_by_cell(auditor: Auditor) -> None:
    """An error, a shortened number, numbers without zeros, a text cut at 32,767 characters."""
    notes = "note_id,pat_id,body\n1,1," + "word " * 6553 + "ab\n2,1,short\n"
    audited = auditor({
        "patients.csv": "pat_id,chart_no,last\n1,2001,Adams\n2,301,Brown\n3,A7,Clark\n",
        "ledger.csv": "entry_id,acct_id,check_no,memo\n1,7,6.2E+13,ok\n2,7,12,#NAME?\n",
        "notes.csv": notes,
    })  # fmt: skip
    cells = {
        name: [(p["file"], p["line"], p["column"]) for p in found(audited, name)]
        for name in ("spreadsheet_error", "number_destroyed", "zeros_lost", "text_cut")
    }
    assert cells == {
        "spreadsheet_error": [("ledger.csv", 3, "memo")],
        "number_destroyed": [("ledger.csv", 2, "check_no")],
        "zeros_lost": [
            ("ledger.csv", 1, "check_no"),
            ("patients.csv", 1, "chart_no"),
            ("patients.csv", 3, "chart_no"),
        ],
        "text_cut": [("notes.csv", 2, "body")],
    }


def test_a_zero_at_the_front_shows_that_none_was_lost(auditor: Auditor) -> None:
    """One leading zero in the column, and nothing is said about it."""
    audited = auditor({
        "patients.csv": "pat_id,chart_no,last\n1,02001,Adams\n2,301,Brown\n",
        "ledger.csv": "entry_id,acct_id,memo\n1,7,#NAME?\n",
    })  # fmt: skip
    assert found(audited, "zeros_lost") == []
