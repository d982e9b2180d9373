"""The answer key against an independent recount of the files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Make = Callable[..., Any]
"""The ``make`` fixture of conftest: a practice by its arguments."""

ONE_TO_ONE = {
    "treatment_plans": "Treatment_Plans",
    "treatment_items": "Treatment_Items",
    "appointments": "Events",
    "tasks": "Tasks",
    "notes": "Notes",
    "ledger": "Billing_Ledger",
    "production_goals": "Sales_Rep_Performance",
    "claims": "Claims",
    "perio_exams": "Perio_Exams",
    "coverage": "Coverage",
    "patient_providers": "Provider_Links",
    "locations": "Locations",
    "alerts": "Alerts",
    "tooth_chart": "Tooth_Chart_Rows",
    "providers": "Users",
    "accounts": "Deals",
}
ADDS = {"Charge", "Adjustment +", "Finance charge", "Refund"}
TAKES = {"Patient payment", "Insurance payment", "Adjustment -", "Insurance write-off"}


def effect(row: dict[str, str]) -> Decimal:
    """A ledger row's effect on the balance, from its printed cells alone."""
    if row["flag"] == "+":
        return Decimal(0)
    text = row["amount"].replace(",", "")
    bare = Decimal(text.strip("()").rstrip("-"))
    if row["kind"] in ADDS:
        return abs(bare)
    if row["kind"] in TAKES:
        return -abs(bare)
    return bare


@pytest.mark.parametrize("dialect", ["a", "b", "c", "d"])
def test_source_rows_equal_the_records_in_the_files(make: Make, dialect: str) -> None:
    """``source_rows`` counts records, without header and trailer, in every dialect."""
    export = make(dialect)
    counted = {file: len(export.rows(file)) for file in export.truth["source_rows"]}
    assert counted == export.truth["source_rows"]


def test_every_row_of_a_one_to_one_file_has_one_object(make: Make) -> None:
    """Keys of objects are unique and as many as the rows."""
    export = make()
    for file, module in ONE_TO_ONE.items():
        keys = [entry["key"] for entry in export.truth["objects"][module]]
        assert len(keys) == len(set(keys)) == len(export.rows(file)), module


def test_expected_counts_are_the_sum_of_the_objects(make: Make) -> None:
    """The header of the key says what its body holds."""
    truth = make().truth
    for module, counts in truth["expected_counts"].items():
        found = Counter(entry["expect"] for entry in truth["objects"][module])
        assert dict(found) == counts, module


def test_contacts_hold_every_patient_number_exactly_as_often_as_the_file(make: Make) -> None:
    """Merged people have two numbers, a reused number two people, everybody else one of each."""
    export = make()
    numbers = Counter(key for c in export.truth["objects"]["Contacts"] for key in c["keys"])
    assert numbers == Counter(row["pat_id"] for row in export.rows("patients"))


@pytest.mark.parametrize("defects", [0.0, 1.0])
def test_ledger_effects_sum_to_the_stored_balance_except_where_the_key_says(
    make: Make, defects: float
) -> None:
    """Independent sums per account agree with ``balances`` and with the account file."""
    export = make(defects=defects)
    sums: Counter[str] = Counter()
    for row in export.rows("ledger"):
        sums[row["acct_id"]] += effect(row)  # type: ignore[assignment]  # Decimal counts
    wrong = {d["key"] for d in export.defects("stored balance differs from ledger")}
    assert bool(wrong) == bool(defects)
    stored = {row["acct_id"]: Decimal(row["balance"]) for row in export.rows("accounts")}
    for entry in export.truth["balances"]:
        account = entry["acct_id"]
        assert Decimal(entry["ledger_sum"]) == sums[account]
        assert entry["agrees"] == (stored[account] == sums[account]) == (account not in wrong)
        shares = sum(Decimal(share) for share in entry["per_patient"].values())
        assert shares == sums[account]


def test_ageing_spreads_the_whole_balance(make: Make) -> None:
    """The four buckets add up to the balance."""
    for row in make().rows("accounts"):
        buckets = [Decimal(row[f"aging_{days}"]) for days in (0, 30, 60, 90)]
        assert sum(buckets) == Decimal(row["balance"])


def test_plans_and_exams_count_their_lines(make: Make) -> None:
    """``Items`` and ``Readings`` equal the child rows in the files."""
    export = make()
    items = Counter(row["tp_id"] for row in export.rows("treatment_items"))
    for key, plan in export.objects("Treatment_Plans").items():
        assert plan["fields"]["Items"] == items[key]
    readings = Counter(row["exam_id"] for row in export.rows("perio_readings"))
    for key, exam in export.objects("Perio_Exams").items():
        assert exam["fields"]["Readings"] == readings[key]


def test_carriers_are_one_per_payer_id(make: Make) -> None:
    """Spellings of one payer are one Account; two payers of nearly one name stay two."""
    export = make()
    payers = {row["carrier_id"]: row["payer_id"] for row in export.rows("carriers")}
    accounts = export.truth["objects"]["Accounts"]
    assert sorted(key for a in accounts for key in a["keys"]) == sorted(payers)
    assert all(len({payers[key] for key in account["keys"]}) == 1 for account in accounts)
    assert len(accounts) == len(set(payers.values()))
    assert any(len(account["keys"]) > 1 for account in accounts)


def test_documents_on_disk_have_the_size_and_hash_of_the_key(make: Make) -> None:
    """Every present, empty or huge document is where the key says; missing ones are not."""
    export = make()
    for key, entry in export.objects("Attachments").items():
        fields = entry["fields"]
        if key.startswith("note-"):
            continue
        path = export.folder / "export" / fields["Path"]
        if fields["State"] == "missing":
            assert not path.exists()
            continue
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == fields["Sha256"]
        if fields["State"] != "empty":
            assert len(content) == fields["Size"]


def test_manifest_hashes_and_counts_are_right(make: Make) -> None:
    """The manifest names all 26 files but itself, with records and SHA-256."""
    for dialect in ("a", "b", "c", "d"):
        export = make(dialect)
        manifest = export.rows("manifest")
        assert len(manifest) == 25
        for row in manifest:
            content = (export.folder / "export" / row["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row["sha256"]
            file = row["file"].removesuffix(".csv")
            assert int(row["rows"]) == export.truth["source_rows"][file]


def test_content_has_the_promised_shape(make: Make) -> None:
    """Insurance, unscheduled treatment, guarantors and rows per patient are near the targets."""
    export = make(defects=0.0, patients=600, seed=5)
    patients = export.rows("patients")
    people = len(patients)
    insured = sum(bool(row["ins1_carrier"]) for row in patients) / people
    assert 0.44 < insured < 0.62
    planned = {
        entry["fields"]["Contact"]
        for entry in export.truth["objects"]["Treatment_Items"]
        if entry["fields"]["Status"] == "TP"
    }
    assert 0.68 < len(planned) / people < 0.84
    merged = export.truth["expected_counts"]["Guarantors"]["merged"]
    assert 0.28 < merged / len(export.rows("accounts")) < 0.42
    rows = sum(export.truth["source_rows"].values()) - len(export.rows("perio_readings"))
    assert 30 < rows / people < 46
    assert {row["ordinal"] for row in export.rows("coverage")} >= {"1", "2"}
