"""The default document against a practice's answer key, where one stands beside the project."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.writes import WriteRecord
from bridgework_mapping.compile import Mapper
from bridgework_mapping.owners import resolve_owners

ARCHIVE = Path(__file__).parents[4] / "shared" / "data" / "harbor-dental.zip"


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """The answer key."""
    if not ARCHIVE.exists():
        pytest.skip("no answer key beside the project")
    return _read("truth.json")


def _read(name: str) -> dict[str, Any]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        path = next(entry for entry in archive.namelist() if entry.endswith(f"/{name}"))
        loaded: dict[str, Any] = json.loads(archive.read(path))
        return loaded


def test_every_provider_gets_the_owner_of_the_key(key: dict[str, Any]) -> None:
    """E-mail, NPI or fallback, with the same evidence and review flag."""
    providers = [
        {
            "key": row["prov_id"],
            "first_name": row["first"],
            "last_name": row["last"],
            "email": row["email"],
            "npi": row["npi"],
        }
        for row in key["owners"]
    ]
    decisions = resolve_owners(providers, _read("org_users.json")["users"], "U-fallback")
    assert [(d.user_id, d.evidence, d.review) for d in decisions] == [
        (row["user"] or "U-fallback", row["evidence"], row["review"]) for row in key["owners"]
    ]


def test_contacts_come_out_as_the_key_has_them(
    key: dict[str, Any], mapper: Mapper, make_record: Any
) -> None:
    """Canonical values of the key go in; its field values come out under our live names."""
    sources = {
        "First_Name": "first_name",
        "Last_Name": "last_name",
        "Middle_Name": "middle_name",
        "Preferred_Name": "preferred_name",
        "Date_of_Birth": "birth_date",
        "Gender": "gender",
        "Patient_Status": "status",
        "Email": "email",
        "Home_Phone": "home_phone",
        "Other_Phone": "work_phone",
        "Mobile": "cell_phone",
        "Mailing_Street": "street",
        "Mailing_City": "city",
        "Mailing_State": "state",
        "Mailing_Zip": "zip",
        "Referral_Source": "referral_source",
        "Referral_Date": "referral_date",
        "Source_Account_ID": "account_key",
        "Guarantor": "guarantor_key",
        "Insurance_Carrier_Printed": "primary_carrier_printed",
        "Subscriber_ID": "primary_subscriber_id",
        "Group_Number": "primary_group_number",
        "Insurance_Effective_Date": "primary_effective",
        "Insurance_Relation": "primary_relation",
        "Secondary_Subscriber_ID": "secondary_subscriber_id",
        "Secondary_Group_Number": "secondary_group_number",
    }
    flags = {True: "Yes", False: "No", None: "Unknown"}
    for row in key["objects"]["Contacts"]:
        values = row["fields"]
        flag = flags[values["Drug_Interaction_Flag"]]
        record = make_record(
            "patient",
            key=row["key"],
            drug_interaction=flag,
            **{canonical: values[name] for name, canonical in sources.items()},
        )
        made = mapper.write_for(record)
        assert isinstance(made, WriteRecord)
        assert made.fields["Drug_Interaction_Flag"] == flag
        assert {name: made.fields[name] for name in sources} == {
            name: values[name] for name in sources
        }


def test_ledger_and_deals_agree_with_the_key(
    key: dict[str, Any], mapper: Mapper, make_record: Any
) -> None:
    """Kinds, signed amounts and balances are written without loss, all of them."""
    for row in key["objects"]["Billing_Ledger"]:
        values = row["fields"]
        made = mapper.write_for(
            make_record(
                "ledger_entry",
                key=row["key"],
                account_key=values["Deal"],
                patient_key=values.get("Patient"),
                post_date=values["Entry_Date"],
                kind=values["Entry_Type"],
                amount=values["Amount"],
                flag=values.get("Flag"),
            )
        )
        assert isinstance(made, WriteRecord), row["key"]
        assert f"{made.fields['Amount']:.2f}" == values["Amount"]
        assert made.fields["Entry_Type"] == values["Entry_Type"]
    for row in key["objects"]["Deals"]:
        made = mapper.write_for(
            make_record("account", key=row["key"], balance=row["fields"]["Amount"])
        )
        assert isinstance(made, WriteRecord)
        assert f"{made.fields['Amount']:.2f}" == row["fields"]["Amount"]


def test_appointments_keep_their_wall_clock(
    key: dict[str, Any], mapper: Mapper, make_record: Any
) -> None:
    """Dated ones land at the printed time in New York; undated ones are skipped."""
    for row in key["objects"]["Events"]:
        values = row["fields"]
        start, end = values["Start_DateTime"], values["End_DateTime"]
        made = mapper.write_for(
            make_record(
                "appointment",
                key=row["key"],
                title=values["Event_Title"] or values["Appointment_Status"],
                start=start and f"{start}:00",
                end=end and f"{end}:00",
                status=values["Appointment_Status"],
                undated=start is None,
            )
        )
        assert isinstance(made, WriteRecord) == (start is not None)
        if isinstance(made, WriteRecord):
            assert made.fields["Start_DateTime"][:16] == start
            assert made.fields["End_DateTime"][:16] == end


def test_notes_fit_and_give_their_keys_back(
    key: dict[str, Any], mapper: Mapper, make_record: Any
) -> None:
    """Whole text in, whole text readable."""
    for row in key["objects"]["Notes"]:
        text = row["fields"]["Text"]
        made = mapper.write_for(make_record("note", key=row["key"], text=text))
        assert isinstance(made, WriteRecord)
        content = made.fields["Note_Content"]
        assert mapper.key_from("note", {"Note_Content": content}) == row["key"]
        assert (text or "").strip() in content
