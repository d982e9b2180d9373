"""The three silent corruptions of public converters, as named regressions, and insurance."""

from collections.abc import Callable

import pytest
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.parsers.dates import DateRule, Order, parse_date

Practice = Callable[..., CanonicalSource]

PATIENTS = (
    "pat_id,last,first,dob,drug_interaction,ins1_carrier,ins1_subscriber_id,ins1_group_no,"
    "ins2_carrier,ins2_subscriber_id,created\n"
    "1,Ash,Ann,03/25/1982,,Delta Dental,A1,G1,Unheard Of Mutual,B7,01/02/2024 09:00 AM\n"
    "2,Birch,Bo,11/30/1975,N,,,,,,01/02/2024 09:00 AM\n"
)
CARRIERS = "carrier_id,name,payer_id\n7,Delta Dental,00077\n8,DELTA DENT.,77\n"


@pytest.mark.parametrize(
    ("text", "order"),
    [("03/25/1982", Order.MDY), ("25/03/1982", Order.DMY), ("1982-03-25", Order.MDY),
     ("25.3.82", Order.DMY), ("3/25/82", Order.MDY), ("25-Mar-82", Order.MDY),
     ("March 25, 1982", Order.MDY), ("19820325", Order.MDY), ("30035", Order.MDY),
     ("3/25/1982 0:00", Order.MDY)],
)  # fmt: skip
def test_a_birth_date_keeps_day_month_and_year(text: str, order: Order) -> None:
    """However it is printed, all three parts survive; never only the year, never a day off."""
    import datetime as dt

    rule = DateRule(order=order, today=dt.date(2026, 10, 6), kind="birth")
    assert parse_date(text, rule)[0] == "1982-03-25"


def test_a_birth_date_survives_the_whole_way(practice: Practice) -> None:
    """From the file to the canonical record, day, month and year are equal."""
    source = practice({"patients.csv": PATIENTS, "carriers.csv": CARRIERS})
    born = {r.key: r.fields["birth_date"] for r in source.records("patient")}
    assert born == {"1": "1982-03-25", "2": "1975-11-30"}


@pytest.mark.parametrize(
    ("printed", "status"),
    [("TP", "TP"), ("tp", "TP"), ("C", "C"), ("EC", "EC"), ("EO", "EO"), ("R", "R"), ("D", "D"),
     ("Condition", "Condition"), ("Treatment planned", "TP"), ("P", None), ("?", None), ("", None)],
)  # fmt: skip
def test_planned_treatment_never_becomes_completed(
    practice: Practice, printed: str, status: str | None
) -> None:
    """Each status stays itself; one nobody knows is left out and said, never taken for done."""
    items = f"item_id,tp_id,code,status\n5,1,D2740,{printed}\n"
    plans = "tp_id,pat_id,title,status,created\n1,1,Crown,Proposed,03/25/2026\n"
    source = practice(
        {"patients.csv": PATIENTS, "treatment_plans.csv": plans, "treatment_items.csv": items}
    )
    record = next(source.records("treatment_item"))
    assert record.fields["status"] == status
    plan = next(source.records("treatment_plan"))
    assert plan.fields["completed_date"] is None
    if printed and status is None:
        assert "choice_unknown" in {p.code for p in record.problems}


def test_insurance_is_never_dropped_silently(practice: Practice) -> None:
    """Both sides stay, printed name and link; a carrier nobody knows is said, not lost."""
    source = practice({"patients.csv": PATIENTS, "carriers.csv": CARRIERS})
    record = next(source.records("patient", keys={"1"}))
    f = record.fields
    assert (f["primary_carrier_key"], f["primary_subscriber_id"]) == ("7", "A1")
    assert f["secondary_carrier_key"] is None
    assert f["secondary_carrier_printed"] == "Unheard Of Mutual"
    assert f["secondary_subscriber_id"] == "B7"
    assert "carrier_unknown" in {p.code for p in record.problems}


def test_coverage_without_a_printed_policy_fills_the_patient(practice: Practice) -> None:
    """A policy that stands only in the coverage list reaches the patient; a third one is listed."""
    plans = "plan_id,carrier_id,group_no,annual_max\n70,8,G9,1500.00\n"
    coverage = (
        "cov_id,pat_id,plan_id,ordinal,relation,subscriber_id,eff,term\n"
        "1,2,70,1,Self,S1,01/31/2024,\n2,2,70,3,Child,S3,01/31/2024,\n3,99,70,1,Self,S9,,\n"
    )
    source = practice(
        {"patients.csv": PATIENTS, "carriers.csv": CARRIERS, "plans.csv": plans,
         "coverage.csv": coverage}
    )  # fmt: skip
    f = next(source.records("patient", keys={"2"})).fields
    assert (f["primary_carrier_key"], f["primary_subscriber_id"]) == ("7", "S1")
    assert (f["primary_group_number"], f["primary_annual_max"]) == ("G9", "1500.00")
    assert [c["subscriber_id"] for c in f["other_coverage"]] == ["S3"]
    parked = [d for d in source.decided() if d.outcome == "parked"]
    assert [(d.object, d.key, d.reason.missing_key) for d in parked] == [("coverage", "3", "99")]


def test_carriers_with_one_payer_are_one_carrier(practice: Practice) -> None:
    """A payer id without its zeros is the same payer id; the other spelling ends as merged."""
    source = practice({"patients.csv": PATIENTS, "carriers.csv": CARRIERS})
    assert [r.key for r in source.records("carrier")] == ["7"]
    merged = [(d.key, d.merged_into) for d in source.decided() if d.outcome == "merged"]
    assert merged == [("8", "7")]


def test_a_blank_flag_is_unknown_and_never_no(practice: Practice) -> None:
    """Nobody asked is not the same as no; an alert's yes wins."""
    alerts = "pat_id,kind,flag,since\n2,Drug interaction,Y,01/31/2026\n"
    source = practice({"patients.csv": PATIENTS, "alerts.csv": alerts})
    flags = {r.key: r.fields["drug_interaction"] for r in source.records("patient")}
    assert flags == {"1": "Unknown", "2": "Yes"}


def test_a_confirmed_duplicate_gives_its_children_and_what_only_it_knows(
    practice: Practice,
) -> None:
    """Children carry the survivor and the printed number; the duplicate ends as merged."""
    notes = "note_id,pat_id,body,note_date\n1,2,Seen today,01/31/2026\n"
    alerts = "pat_id,kind,flag,since\n2,Allergy,Y,01/31/2026\n"
    files = {"patients.csv": PATIENTS, "notes.csv": notes, "alerts.csv": alerts}
    source = practice(files, merges={"2": "1"})
    patients = list(source.records("patient"))
    assert [p.key for p in patients] == ["1"]
    assert patients[0].parts == {"alert": 1}
    assert patients[0].fields["drug_interaction"] == "No"
    note = next(source.records("note"))
    assert (note.fields["patient_key"], note.fields["source_patient_key"]) == ("1", "2")
    assert note.partition_key == "1"
    assert [(d.key, d.outcome, d.merged_into) for d in source.decided()] == [("2", "merged", "1")]
    assert source.counts()["patient"] == 2
