"""Each defect of SOURCE_DATA §3.5 is where the key says, and nowhere when none is asked for."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridgework_synthetic import Injection, Truth, generate
from bridgework_synthetic.procedures import universal_to_fdi, universal_to_palmer
from bridgework_synthetic.quota import RATES, Quotas
from bridgework_synthetic.schema import HEADERS, KEYS
from bridgework_synthetic.staffing import npi_with_check_digit

Make = Callable[..., Any]
SHARED = Path(__file__).parents[4] / "shared" / "data" / "harbor-dental.zip"

KINDS = {
    "author initials shared by two people",
    "chart number used twice",
    "code as decimal",
    "code without D",
    "control character in text",
    "day and month swapped (one workstation)",
    "departed provider without e-mail",
    "dicom identity differs",
    "document file above the limit",
    "document file empty",
    "document file missing",
    "document type wrong",
    "drug flag only in alerts",
    "duplicate patient",
    "e-mail blank",
    "e-mail in mixed case",
    "e-mail shared by two people",
    "impossible date",
    "inline image broken",
    "look-alike: junior-senior",
    "look-alike: twins",
    "npi blank",
    "npi check digit wrong",
    "orphan row",
    "patient number used twice",
    "phone says none",
    "phone with extension",
    "phone with letters",
    "phone with words",
    "phone without area code",
    "retired code",
    "row of a purged patient under a reused number",
    "stored balance differs from ledger",
    "surface order variant",
    "text decoded twice (mojibake)",
    "tooth in FDI notation",
    "tooth in Palmer notation",
}


def test_no_defects_means_a_clean_export(make: Make) -> None:
    """At factor 0 the key lists no defect, duplicate or look-alike, and no parent is missing."""
    export = make(defects=0.0)
    truth = export.truth
    assert truth["defects"] == truth["duplicates"] == truth["look_alikes"] == []
    patients = {row["pat_id"] for row in export.rows("patients")}
    for file, header in HEADERS.items():
        if "pat_id" in header:
            assert {row["pat_id"] for row in export.rows(file)} <= patients | {""}, file
    for module, counts in truth["expected_counts"].items():
        lost_pictures = module == "Attachments"
        assert lost_pictures or "parked" not in counts, module


def test_every_kind_of_the_table_occurs_at_factor_one(make: Make) -> None:
    """A practice of 400 holds each class at least once (zip codes need a zero to lose)."""
    listed = set(make(patients=400, seed=2).truth["defect_counts"]["listed"])
    assert KINDS - listed == set()
    assert listed - KINDS <= {"zip without leading zero"}


def test_raw_cells_of_every_defect_stand_in_the_file(make: Make) -> None:
    """File, key, column and raw text of each listed defect agree with the export, per dialect."""
    for dialect in ("a", "b", "d"):
        export = make(dialect, patients=400, seed=2)
        rows: dict[str, dict[str, list[dict[str, str]]]] = {}
        for defect in export.defects():
            file = defect["file"]
            if file not in rows:
                rows[file] = {}
                for row in export.rows(file):
                    rows[file].setdefault(row[KEYS[file][0]], []).append(row)
            found = rows[file][defect["key"].split("|")[0]]
            for column, raw in defect["raw"].items():
                assert raw in [row[column] for row in found], (dialect, defect)


def test_defects_listed_agree_with_their_count(make: Make) -> None:
    """``defect_counts.listed`` counts ``defects`` by kind; look-alikes are the separate ones."""
    truth = make().truth
    assert dict(Counter(d["kind"] for d in truth["defects"])) == truth["defect_counts"]["listed"]
    assert truth["look_alikes"] == [d for d in truth["defects"] if d["expect"] == "separate"]


def test_rates_are_those_of_the_table(make: Make) -> None:
    """Counts per opportunity are within a third of the asked share."""
    export = make(patients=900, seed=3)
    listed = export.truth["defect_counts"]["listed"]
    patients = 900
    codes = sum(
        bool(text.strip("ZMISHP"))
        for file in ("treatment_items", "ledger", "appointments")
        for row in export.rows(file)
        for column, text in row.items()
        if column.startswith("code")
    )
    phones = sum(
        bool(row[column])
        for row in export.rows("patients")
        for column in ("home_phone", "work_phone", "cell_phone")
    )
    struck_phones = sum(count for kind, count in listed.items() if kind.startswith("phone"))
    for count, opportunities, share in (
        (listed["duplicate patient"], patients, 0.05),
        (listed["code without D"], codes, 0.20),
        (listed["code as decimal"], codes * 0.8, 0.05),
        (struck_phones, phones, 0.09),
        (listed["document file missing"], len(export.rows("documents")), 0.01),
    ):
        assert 0.66 * share < count / opportunities < 1.34 * share


def test_the_factor_scales_the_rates(make: Make) -> None:
    """Half the factor, about half the defects."""
    full = make(patients=400, seed=2).truth["defect_counts"]["listed"]["code without D"]
    half = make(patients=400, seed=2, defects=0.5).truth["defect_counts"]["listed"][
        "code without D"
    ]
    assert 0.4 < half / full < 0.6


def test_duplicates_name_two_rows_of_one_contact(make: Make) -> None:
    """Each pair is in one Contact, what differs differs, and other dates of birth need review."""
    export = make(patients=400, seed=2)
    contacts = export.objects("Contacts")
    rows = {row["pat_id"]: row for row in export.rows("patients")}
    assert export.truth["duplicates"]
    for pair in export.truth["duplicates"]:
        keep, other = rows[pair["keep"]], rows[pair["duplicate"]]
        assert contacts[pair["keep"]]["keys"] == [pair["keep"], pair["duplicate"]]
        assert pair["duplicate"] not in contacts
        for column in pair["differs"]:
            assert keep[column] != other[column]
        if "dob" in pair["differs"]:
            assert pair["merge"] == "review"


def test_look_alikes_share_a_name_or_a_birthday_and_stay_two(make: Make) -> None:
    """Twins share last name and birth date, Jr and Sr both names; both have Contacts."""
    export = make(patients=400, seed=2)
    contacts = export.objects("Contacts")
    twins = export.defects("look-alike: twins")
    juniors = export.defects("look-alike: junior-senior")
    for defect in twins:
        one, two = contacts[defect["key"]]["fields"], contacts[defect["other"]]["fields"]
        assert one["Date_of_Birth"] == two["Date_of_Birth"]
        assert one["First_Name"] != two["First_Name"]
    for defect in juniors:
        one, two = contacts[defect["key"]]["fields"], contacts[defect["other"]]["fields"]
        assert (one["First_Name"], one["Last_Name"]) == (two["First_Name"], two["Last_Name"])
        assert one["Date_of_Birth"] != two["Date_of_Birth"]
    assert twins
    assert juniors


def test_orphans_name_a_parent_that_is_nowhere(make: Make) -> None:
    """The missing number stands in the row and in no parent file."""
    export = make(patients=400, seed=2)
    parents = {
        "pat_id": {row["pat_id"] for row in export.rows("patients")},
        "acct_id": {row["acct_id"] for row in export.rows("accounts")},
        "tp_id": {row["tp_id"] for row in export.rows("treatment_plans")},
    }
    orphans = export.defects("orphan row")
    assert {d["file"] for d in orphans} >= {"ledger", "notes", "appointments", "treatment_items"}
    for defect in orphans:
        for column, number in defect["missing"].items():
            if not (column == "tp_id" and str(number) in parents["tp_id"]):
                assert str(number) not in parents[column]


def test_a_swapped_date_that_reads_both_ways_is_accepted_both_ways(make: Make) -> None:
    """Days up to the twelfth have the other reading in ``accept``; one workstation did it."""
    export = make(patients=400, seed=2)
    events = export.objects("Events")
    rows = {row["appt_id"]: row for row in export.rows("appointments")}
    swapped = export.defects("day and month swapped (one workstation)")
    assert len(swapped) > 5
    for defect in swapped:
        day, month, year = rows[defect["key"]]["date"].split("/")
        assert defect["true"]["date"] == f"{year}-{month}-{day}"
        assert rows[defect["key"]]["created_by"] == "checkout"
        accepted = (events[defect["key"]].get("accept") or {}).get("Start_DateTime", [])
        other = any(str(v).startswith(f"{year}-{day}-{month}") for v in accepted)
        assert other == (int(day) <= 12)


def test_fdi_and_palmer_numbers_name_the_same_tooth() -> None:
    """The four corners of the mouth in three notations."""
    assert [universal_to_fdi(t) for t in ("1", "8", "9", "16", "17", "24", "25", "32")] == [
        "18", "11", "21", "28", "38", "31", "41", "48",
    ]  # fmt: skip
    assert [universal_to_palmer(t) for t in ("3", "14", "19", "30")] == ["UR6", "UL6", "LL6", "LR6"]


def test_npi_check_digit_follows_the_published_example() -> None:
    """CMS's own example: 123456789 gets check digit 3."""
    assert npi_with_check_digit("123456789") == "1234567893"


def test_a_quota_meets_its_share_and_strikes_early_enough() -> None:
    """5 % of 10,000 opportunities, and the first within half of a small practice."""
    quotas = Quotas(1, 1.0, 10_000)
    assert abs(sum(quotas.strikes("duplicate patient") for _ in range(10_000)) - 500) <= 10
    for seed in range(50):
        small = Quotas(seed, 1.0, 100)
        assert any(small.strikes("patient number used twice") for _ in range(51))
    assert not any(Quotas(1, 0.0, 100).strikes(kind) for kind in RATES)


@pytest.mark.parametrize(
    "name",
    ["missing column", "unparsable date row", "unknown carrier", "provider without user"],
)
def test_a_single_injection_is_where_the_summary_says(tmp_path: Path, name: Injection) -> None:
    """One named defect in an otherwise clean export."""
    summary = generate(tmp_path, patients=40, seed=8, inject=[name])
    (placed,) = summary.injected
    assert placed["name"] == name
    text = (tmp_path / "export" / f"{placed['file']}.csv").read_bytes().decode()
    header, *lines = text.split("\r\n")
    if name == "missing column":
        assert placed["column"] not in header.split(",")
        assert placed["column"] in HEADERS[placed["file"]]
    elif name == "provider without user":
        users = json.loads((tmp_path / "org_users.json").read_text())["users"]
        assert f"U-{placed['key']}" not in {user["id"] for user in users}
        owner = next(o for o in Truth(tmp_path).section("owners") if o["prov_id"] == placed["key"])
        assert (owner["active"], owner["user"], owner["evidence"]) == (True, None, "fallback")
    else:
        line = next(line for line in lines if line.startswith(placed["key"] + ","))
        assert placed["raw"] in line
        assert sum(placed["raw"] in line for line in lines) == 1


def test_owners_are_found_by_the_evidence_the_key_names(make: Make) -> None:
    """Users match by e-mail, NPI or name as stated; departed people fall back."""
    export = make(patients=400, seed=2)
    users = {
        user["id"]: user
        for user in json.loads((export.folder / "org_users.json").read_text())["users"]
    }
    rows = {row["prov_id"]: row for row in export.rows("providers")}
    seen = Counter()  # type: Counter[str]
    for owner in export.truth["owners"]:
        seen[owner["evidence"]] += 1
        row, user = rows[owner["prov_id"]], users.get(owner["user"] or "")
        if owner["evidence"] == "email":
            assert user
            assert row["email"].lower() == user["email"]
        elif owner["evidence"] == "npi":
            assert user
            assert row["npi"] == user["NPI"] != ""
        elif owner["evidence"] == "name":
            assert user
            assert f"{row['first']} {row['last']}" == user["full_name"]
        else:
            assert user is None
    assert set(seen) == {"email", "npi", "name", "fallback"}


@pytest.mark.skipif(not SHARED.exists(), reason="no shared practice data beside the project")
def test_headers_are_those_of_the_published_profile() -> None:
    """The 25 files and the manifest have exactly the headers of PROFILE.md."""
    with zipfile.ZipFile(SHARED) as archive:
        name = next(n for n in archive.namelist() if n.endswith("PROFILE.md"))
        blocks = archive.read(name).decode().split("\n## ")[1:]
    published = {}
    for block in blocks:
        title, _, rest = block.partition("\n")
        published[title.split(".csv")[0]] = tuple(rest.split("```")[1].strip().split(","))
    published.pop("manifest")
    assert published == HEADERS
