"""A reader of a few lines comes to exactly the key of a clean export, field by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

Make = Callable[..., Any]
GENDER = {"F": "Female", "M": "Male", "U": "Unknown", "": None}
FLAG = {"Y": True, "N": False, "": None}
ADDS = {"Charge", "Adjustment +", "Finance charge", "Refund"}
SIGNED = {"Transfer", "Starting balance"}


def day(text: str) -> str | None:
    """``MM/DD/YYYY`` as ISO."""
    return f"{text[6:10]}-{text[:2]}-{text[3:5]}" if text else None


def moment(text: str) -> str:
    """``MM/DD/YYYY hh:mm AM`` as ISO minutes."""
    return datetime.strptime(text, "%m/%d/%Y %I:%M %p").isoformat(timespec="minutes")  # noqa: DTZ007


def clock(text: str) -> timedelta:
    """``9:20 AM``, ``0920``, ``09:20a``."""
    found = re.fullmatch(r"(\d{1,2}):?(\d\d) ?([AaPp])?[Mm]?", text)
    assert found
    hour = int(found[1])
    if found[3]:
        hour = hour % 12 + (12 if found[3] in "Pp" else 0)
    return timedelta(hours=hour, minutes=int(found[2]))


def money(text: str) -> str:
    """An unsigned amount."""
    return str(Decimal(text.replace(",", "")).quantize(Decimal("0.01")))


@pytest.fixture(scope="module")
def clean(make: Make) -> Any:
    """A clean practice of 300."""
    return make(defects=0.0, patients=300, seed=9)


def agree(export: Any, module: str, key: str, fields: dict[str, Any]) -> None:
    """The key expects these fields, or accepts them."""
    entry = export.objects(module)[key] if key else {}
    for name, value in fields.items():
        accepted = [entry["fields"].get(name), *(entry.get("accept") or {}).get(name, [])]
        assert value in accepted, (module, key, name, value, accepted)


def test_contacts(clean: Any) -> None:
    """Names, birth date, flags, numbers, address, referral and both insurances."""
    objects = clean.objects("Contacts")
    carriers = {}
    for account in clean.truth["objects"]["Accounts"]:
        for row in clean.rows("carriers"):
            if row["carrier_id"] in account["keys"]:
                carriers[row["name"]] = account["keys"]
    meaning = {s: m for m, spellings in clean.truth["referral_values"].items() for s in spellings}
    for row in clean.rows("patients"):
        fields = {
            "First_Name": row["first"],
            "Last_Name": row["last"],
            "Middle_Name": row["mi"] or None,
            "Preferred_Name": row["preferred"] or None,
            "Date_of_Birth": day(row["dob"]),
            "Gender": GENDER[row["sex"]],
            "Patient_Status": row["status"],
            "Email": row["email"] or None,
            "Mailing_Street": f"{row['address1']} {row['address2']}".strip(),
            "Mailing_City": row["city"],
            "Mailing_State": row["st"],
            "Mailing_Zip": row["zip"],
            "Drug_Interaction_Flag": FLAG[row["drug_interaction"]],
            "Premedication": FLAG[row["premed"]],
            "Referral_Source": meaning.get(row["ref_src"]),
            "Referral_Date": day(row["ref_date"]),
            "Source_Account_ID": row["acct_id"],
            "Guarantor": row["resp_party_id"] or None,
        }
        for column, name in (
            ("home_phone", "Home_Phone"), ("work_phone", "Other_Phone"), ("cell_phone", "Mobile"),
        ):  # fmt: skip
            fields[name] = re.sub(r"\D", "", row[column]) or None
        for place, prefix in (("ins1", ""), ("ins2", "Secondary_")):
            printed = row[f"{place}_carrier"]
            fields |= {
                f"{prefix}Insurance_Carrier": carriers[printed] if printed else None,
                f"{prefix}Insurance_Carrier_Printed": printed or None,
                f"{prefix}Subscriber_ID": row[f"{place}_subscriber_id"] or None,
                f"{prefix}Group_Number": row[f"{place}_group_no"] or None,
                f"{prefix}Insurance_Effective_Date": day(row[f"{place}_effective"]),
                f"{prefix}Insurance_Term_Date": day(row[f"{place}_term"]),
                f"{prefix}Insurance_Relation": row[f"{place}_relation"] or None,
            }
        assert fields.keys() == objects[row["pat_id"]]["fields"].keys()
        agree(clean, "Contacts", row["pat_id"], fields)


def test_events(clean: Any) -> None:
    """Start and end from the book's unit, and the codes of all six triples."""
    unit = clean.truth["meta"]["appointment_unit_min"]
    for row in clean.rows("appointments"):
        start = end = None
        if row["date"]:
            begins = datetime.fromisoformat(str(day(row["date"]))) + clock(row["time"])
            start = begins.isoformat(timespec="minutes")
            length = timedelta(minutes=int(row["length_units"]) * unit)
            end = (begins + length).isoformat(timespec="minutes")
        fields = {
            "Contact": row["pat_id"],
            "Event_Title": row["type"] or None,
            "Start_DateTime": start,
            "End_DateTime": end,
            "Operatory": row["operatory"] or None,
            "Appointment_Status": row["status"],
            "Provider": row["prov"] or None,
            "Codes": [row[f"code{n}"] for n in range(1, 7) if row[f"code{n}"]],
        }
        assert clean.objects("Events")[row["appt_id"]]["fields"] == fields


def test_treatment(clean: Any) -> None:
    """Plans and their items, with every status as printed."""
    patient_of = {row["tp_id"]: row["pat_id"] for row in clean.rows("treatment_plans")}
    for row in clean.rows("treatment_plans"):
        fields = clean.objects("Treatment_Plans")[row["tp_id"]]["fields"]
        assert fields["Contact"] == row["pat_id"]
        assert (fields["Name"], fields["Status"]) == (row["title"], row["status"] or None)
        assert fields["Plan_Date"] == day(row["created"])
        assert fields["Provider"] == row["presented_by"]
    for row in clean.rows("treatment_items"):
        assert clean.objects("Treatment_Items")[row["item_id"]]["fields"] == {
            "Plan": row["tp_id"],
            "Contact": patient_of[row["tp_id"]],
            "Procedure_Code": row["code"],
            "Tooth_Number": row["tooth"] or None,
            "Tooth_Surface": row["surface"] or None,
            "Provider": row["prov"] or None,
            "Estimated_Cost": money(row["est_fee"]),
            "Actual_Cost": money(row["actual_fee"]) if row["actual_fee"] else None,
            "Status": row["status"],
            "Date_Planned": day(row["date_planned"]),
            "Completed_Date": day(row["date_done"]),
            "Priority": int(row["priority"]),
        }


def test_ledger_and_claims(clean: Any) -> None:
    """The kind decides the sign; invalidated entries count nothing."""
    for row in clean.rows("ledger"):
        amount = Decimal(row["amount"].replace(",", "").strip("()").rstrip("-"))
        if row["kind"] not in SIGNED:
            amount = abs(amount) if row["kind"] in ADDS else -abs(amount)
        if row["flag"] == "+":
            amount = Decimal(0)
        fields = {
            "Deal": row["acct_id"],
            "Patient": row["pat_id"],
            "Entry_Date": day(row["post_date"]),
            "Entry_Type": row["kind"],
            "Amount": str(amount.quantize(Decimal("0.01"))),
            "Procedure_Code": row["code"],
            "Tooth_Number": row["tooth"],
            "Claim_Number": row["claim_id"],
            "Flag": row["flag"],
        }
        wanted = {name: value for name, value in fields.items() if value}
        assert clean.objects("Billing_Ledger")[row["entry_id"]]["fields"] == wanted
    for row in clean.rows("claims"):
        assert clean.objects("Claims")[row["claim_id"]]["fields"] == {
            "Contact": row["pat_id"],
            "Status": row["status"],
            "Billed": money(row["billed"]),
            "Paid": money(row["paid"]),
            "Write_Off": money(row["write_off"]),
            "Sent_Date": day(row["sent"]),
        }


def test_tasks_notes_and_goals(clean: Any) -> None:
    """Dates, authors and flags as printed; months in any of their spellings."""
    for row in clean.rows("tasks"):
        fields = dict(clean.objects("Tasks")[row["task_id"]]["fields"])
        fields.pop("Recall_Interval")
        assert fields == {
            "Contact": row["pat_id"] or None,
            "Subject": row["subject"],
            "Body": row["body"] or None,
            "Status": row["status"],
            "Due_Date": day(row["due"]),
        }
    for row in clean.rows("notes"):
        fields = clean.objects("Notes")[row["note_id"]]["fields"]
        assert (fields["Parent"], fields["Type"]) == (row["pat_id"], row["type"])
        assert fields["Note_Date"] == day(row["note_date"])
        assert fields["Entered_At"] == moment(row["entered_at"])
        assert fields["Signed"] == FLAG[row["signed"]]
        assert fields["Addendum_Of"] == (row["addendum_of"] or None)
        if row["prov_id"]:
            assert fields["Author"] == row["prov_id"]
    goals = clean.objects("Sales_Rep_Performance")
    months = {row["month"] for row in clean.rows("production_goals")}
    assert any("/" in m for m in months)
    assert any(m[:1] == "2" for m in months)
    assert any(m[:1].isalpha() for m in months)
    assert len(goals) == len(clean.rows("production_goals"))
    assert sum(g["fields"]["Monthly_Production_Actual"] is None for g in goals.values()) == len(
        {row["prov_id"] for row in clean.rows("production_goals")}
    )


def test_tooth_charts(clean: Any) -> None:
    """Per patient and tooth the findings, oldest first."""
    charts: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in sorted(clean.rows("tooth_chart"), key=lambda r: str(day(r["date"]))):
        entry = {
            "condition": row["condition"],
            "surface": row["surface"] or None,
            "date": day(row["date"]),
            "active": FLAG[row["active"]],
        }
        charts.setdefault(row["pat_id"], {}).setdefault(row["tooth"], []).append(entry)
    assert clean.truth["tooth_charts"] == charts


def test_owners_and_guarantors(clean: Any) -> None:
    """Guarantor blocks name the patient they repeat, by name and birth date."""
    patients = {row["pat_id"]: row for row in clean.rows("patients")}
    accounts = {row["acct_id"]: row for row in clean.rows("accounts")}
    guarantors = clean.objects("Guarantors")
    assert set(guarantors) == {f"G1-{key}" for key, row in accounts.items() if row["g1_name"]}
    for entry in guarantors.values():
        fields = entry["fields"]
        account = accounts[fields["acct_id"]]
        assert (fields["printed"], fields["dob"]) == (account["g1_name"], day(account["g1_dob"]))
        if entry["expect"] == "merged":
            row = patients[fields["patient"]]
            assert (row["last"], row["first"]) == (fields["last"], fields["first"])
            assert day(row["dob"]) == fields["dob"]
