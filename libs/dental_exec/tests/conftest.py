"""Answer keys: where they are, and a comparison of canonical records with one."""

import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.records import Change
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord

Changes = dict[str, dict[Change, set[str]]]
"""Object → change → keys."""
SEAL = b"0123456789abcdef0123456789abcdef"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

PATIENT = {
    "First_Name": "first_name", "Last_Name": "last_name", "Middle_Name": "middle_name",
    "Preferred_Name": "preferred_name", "Date_of_Birth": "birth_date", "Gender": "gender",
    "Patient_Status": "status", "Email": "email", "Home_Phone": "home_phone",
    "Other_Phone": "work_phone", "Mobile": "cell_phone", "Mailing_Street": "street",
    "Mailing_City": "city", "Mailing_State": "state", "Mailing_Zip": "zip",
    "Referral_Date": "referral_date", "Source_Account_ID": "account_key",
    "Insurance_Carrier_Printed": "primary_carrier_printed",
    "Subscriber_ID": "primary_subscriber_id", "Group_Number": "primary_group_number",
    "Insurance_Effective_Date": "primary_effective", "Insurance_Term_Date": "primary_term",
    "Insurance_Relation": "primary_relation",
    "Secondary_Insurance_Carrier_Printed": "secondary_carrier_printed",
    "Secondary_Subscriber_ID": "secondary_subscriber_id",
    "Secondary_Group_Number": "secondary_group_number",
    "Secondary_Insurance_Effective_Date": "secondary_effective",
    "Secondary_Insurance_Term_Date": "secondary_term",
    "Secondary_Insurance_Relation": "secondary_relation",
}  # fmt: skip
THREE = {"Yes": True, "No": False, "Unknown": None}


@dataclass(frozen=True)
class Difference:
    """One value that is not what the key says."""

    object: str
    key: str
    field: str
    got: Any
    want: Any


class AnswerKey:
    """Compares a canonical source with a truth.json, value by value."""

    def __init__(self, folder: Path, source: CanonicalSource) -> None:
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text("utf-8"))
        self.objects: dict[str, list[dict[str, Any]]] = self.truth["objects"]
        self.source = source
        self.differences: list[Difference] = []
        self.compared: Counter[str] = Counter()
        self.abbr = {p.key: p.abbr for p in source.providers()}
        self.merged = {k: x["key"] for x in self.objects["Contacts"] for k in x["keys"]}

    def check(self, name: str, row: dict[str, Any], field: str, got: Any) -> None:
        """Compare one value; ``accept`` lists values as good as the expected one."""
        self.compared[name] += 1
        want = row["fields"][field]
        accept = (row.get("accept") or {}).get(field, [])
        if not any(_same(got, w) for w in [want, *accept]):
            self.differences.append(Difference(name, row["key"], field, got, want))

    def missing(self, name: str, key: str) -> None:
        """Note a record that the key has and the source lacks."""
        self.differences.append(Difference(name, key, "missing", None, key))

    def records(
        self, name: str, object_name: str
    ) -> Iterator[tuple[CanonicalRecord, dict[str, Any]]]:
        """Yield pairs; what has no partner becomes a difference."""
        found = {r.key: r for r in self.source.records(object_name)}
        for row in self.objects[name]:
            record = found.pop(row["key"], None)
            if record is None:
                self.missing(name, row["key"])
            else:
                yield record, row
        for key in found:
            self.differences.append(Difference(name, key, "extra", key, None))

    def patient(self, name: str, row: dict[str, Any], field: str, got: str | None) -> None:
        """Compare a reference to a patient; orphans and purged patients name nobody present."""
        want = row["fields"].get(field)
        if got in self.merged:
            if self.merged[got] != self.merged.get(str(want), want):
                self.differences.append(Difference(name, row["key"], field, got, want))
        elif want is not None and not str(want).startswith("G"):
            self.differences.append(Difference(name, row["key"], field, got, want))

    def run(self) -> list[Difference]:
        """Compare every object."""
        self._contacts()
        self._carriers()
        self._treatment()
        self._clinic()
        self._ledger()
        self._files()
        self._charts()
        return self.differences

    def _contacts(self) -> None:
        found = {r.key: r for r in self.source.records("patient")}
        for row in self.objects["Contacts"]:
            if row["key"].startswith("G"):
                continue
            record = found.get(row["key"])
            if record is None:
                self.missing("Contacts", row["key"])
                continue
            f = record.fields
            for name, field in PATIENT.items():
                self.check("Contacts", row, name, f[field])
            self.check("Contacts", row, "Drug_Interaction_Flag", THREE[f["drug_interaction"]])
            self.check("Contacts", row, "Premedication", THREE[f["premedication"]])
            for side in ("", "Secondary_"):
                got = f[f"{side.lower() or 'primary_'}carrier_key"]
                name = f"{side}Insurance_Carrier"
                want = row["fields"][name]
                accept = [want, *(row.get("accept") or {}).get(name, [])]
                if not any(w is None if got is None else got in (w or []) for w in accept):
                    self.differences.append(Difference("Contacts", row["key"], name, got, want))

    def _carriers(self) -> None:
        found = {r.key: r for r in self.source.records("carrier")}
        for row in self.objects["Accounts"]:
            records = [found.pop(k) for k in row["keys"] if k in found]
            if len(records) != 1:
                self.missing("Accounts", row["key"])
                continue
            self.check("Accounts", row, "Account_Name", records[0].fields["name"])
            self.check("Accounts", row, "Payer_ID", records[0].fields["payer_id"])
        for key in found:
            self.differences.append(Difference("Accounts", key, "extra", key, None))

    def _compare(
        self, name: str, object_name: str, fields: dict[str, Any], patient: str = ""
    ) -> None:
        for record, row in self.records(name, object_name):
            for want, got in fields.items():
                if want in row["fields"]:
                    value = got(record.fields) if callable(got) else record.fields[got]
                    self.check(name, row, want, value)
            if patient and patient in row["fields"]:
                self.patient(name, row, patient, record.fields["patient_key"])

    def _provider(self, fields: dict[str, Any]) -> str | None:
        return self.abbr.get(fields["provider_key"])

    def _treatment(self) -> None:
        self._compare("Treatment_Plans", "treatment_plan", {
            "Name": "title", "Status": "status", "Plan_Date": "plan_date",
            "Provider": self._provider, "Items": "items",
        }, "Contact")  # fmt: skip
        self._compare("Treatment_Items", "treatment_item", {
            "Plan": "plan_key", "Procedure_Code": "code", "Tooth_Number": "tooth",
            "Tooth_Surface": "surface", "Provider": self._provider,
            "Estimated_Cost": "estimated_cost", "Actual_Cost": "actual_cost", "Status": "status",
            "Date_Planned": "date_planned", "Completed_Date": "date_done", "Priority": "priority",
        }, "Contact")  # fmt: skip

    def _clinic(self) -> None:
        self._compare("Events", "appointment", {
            "Start_DateTime": lambda f: (f["start"] or "")[:16] or None,
            "End_DateTime": lambda f: (f["end"] or "")[:16] or None,
            "Operatory": "operatory", "Appointment_Status": "status", "Provider": self._provider,
            "Codes": lambda f: [p["code"] for p in f["procedures"]],
        }, "Contact")  # fmt: skip
        self._compare("Tasks", "task", {
            "Subject": "subject", "Body": "body", "Status": "status",
            "Recall_Interval": lambda f: [r["interval"] for r in f["recalls"]
                                          if r["interval"] and r["confidence"] >= 0.75],
        }, "Contact")  # fmt: skip
        self._compare("Notes", "note", {
            "Text": "text", "Note_Date": "note_date",
            "Entered_At": lambda f: (f["entered_at"] or "")[:16] or None, "Type": "type",
            "Signed": "signed", "Format": "format", "Addendum_Of": "addendum_of",
            "Initials": "author_initials",
        }, "Parent")  # fmt: skip
        self._compare(
            "Perio_Exams", "perio_exam", {"Date": "date", "Readings": "readings"}, "Contact"
        )
        self._compare("Sales_Rep_Performance", "production_goal", {
            "Provider": "provider_key", "Month": lambda f: f["month"][:7],
            "Monthly_Production_Goal": "goal", "Monthly_Production_Actual": "actual",
        })  # fmt: skip
        shared = {
            i for i, people in self.source.context.people_by_initials.items() if len(people) > 1
        }
        notes = {r.key: r.fields for r in self.source.records("note")}
        for row in self.objects["Notes"]:
            got = notes[row["key"]]["author_key"] if row["key"] in notes else None
            if got is None and row["fields"]["Initials"] in shared:
                continue
            self.check("Notes", row, "Author", got)

    def _ledger(self) -> None:
        self._compare("Deals", "account", {
            "Amount": "balance", "Lines": "lines", "Billing_Type": "billing_type",
        }, "Contact")  # fmt: skip
        self._compare("Billing_Ledger", "ledger_entry", {
            "Deal": "account_key", "Entry_Date": "post_date", "Entry_Type": "kind",
            "Amount": "amount", "Procedure_Code": "code", "Claim_Number": "claim_key",
            "Flag": "flag",
        }, "Patient")  # fmt: skip
        self._compare("Claims", "claim", {
            "Status": "status", "Billed": "billed", "Paid": "paid", "Write_Off": "write_off",
            "Sent_Date": "sent_date",
        }, "Contact")  # fmt: skip
        accounts = {r.key: r.fields for r in self.source.records("account")}
        for balance in self.truth["balances"]:
            account = accounts[balance["acct_id"]]
            for field, want in (("balance", "ledger_sum"), ("balance_agrees", "agrees")):
                if account[field] != balance[want]:
                    self.differences.append(
                        Difference(
                            "balances", balance["acct_id"], field, account[field], balance[want]
                        )
                    )

    def _files(self) -> None:
        files: dict[str, CanonicalFile] = {f.key: f for f in self.source.files()}
        states = {"not in the export": "missing", "huge": "present"}
        for row in self.objects["Attachments"]:
            key = row["key"]
            if key.startswith("note-"):
                key = "#".join(key.removeprefix("note-").rsplit("-", 1))
            file = files.pop(key, None)
            if file is None:
                self.missing("Attachments", key)
                continue
            want = row["fields"]
            self.check("Attachments", row, "Sha256", file.sha256)
            self.check("Attachments", row, "Mime", file.mime)
            state = states.get(want["State"], want["State"])
            if state == "broken":
                if not {p.code for p in file.problems} & {"image_broken"}:
                    self.missing("Attachments", key)
            elif file.state != state:
                self.differences.append(Difference("Attachments", key, "State", file.state, state))
            self.patient("Attachments", row, "Parent", file.parent_key)
        for key in files:
            self.differences.append(Difference("Attachments", key, "extra", key, None))

    def _charts(self) -> None:
        patients = {r.key: r.fields for r in self.source.records("patient")}
        for key, want in self.truth["tooth_charts"].items():
            if key not in patients:
                continue
            text = patients[key]["tooth_chart"]
            got = json.loads(text)["teeth"] if text else {}
            if _findings(got) != _findings(want):
                self.differences.append(Difference("tooth_charts", key, "chart", got, want))


def _findings(chart: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {
        tooth: sorted(json.dumps(f, sort_keys=True) for f in findings)
        for tooth, findings in chart.items()
    }


def _same(got: Any, want: Any) -> bool:
    if isinstance(want, list) and isinstance(got, list):
        return sorted(map(str, got)) == sorted(map(str, want))
    if isinstance(want, int) and isinstance(got, str):
        return got == str(want)
    if isinstance(want, str) and isinstance(got, str):
        return got.strip() == want.strip()
    return bool(got == want)


def open_source(folder: Path, work: Path, **spec: Any) -> CanonicalSource:
    """Seal a practice's export below ``work`` and return its canonical source."""
    export = open_export(folder / "export", work / "unpacked")
    snapshot = seal_snapshot(export, work / "snapshot", seal=SEAL)
    facts_file = folder / "practice_facts.json"
    facts = json.loads(facts_file.read_text("utf-8")) if facts_file.exists() else {}
    source = SourceSpec(
        export_path=str(folder / "export"),
        appointment_unit_min=facts.get("appointment_book_unit_min", 10),
        **spec,
    )
    return CanonicalSource(snapshot, source, export=export)


def unzip_shared(name: str, target: Path) -> Path:
    """Unzip a practice of the shared data, or skip where it is not there."""
    archive = SHARED / f"{name}.zip"
    if not archive.exists():
        pytest.skip(f"{archive.name} is not beside the project")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(target)
    return target / name


@pytest.fixture(scope="session")
def answer_key() -> Callable[[Path, CanonicalSource], AnswerKey]:
    """A function that compares a source with the key in a folder."""
    return AnswerKey


@pytest.fixture(scope="session")
def open_practice() -> Callable[..., CanonicalSource]:
    """A function that seals the export in a practice's folder."""
    return open_source


@pytest.fixture(scope="session")
def changes() -> Callable[[CanonicalSource, CanonicalSource], Changes]:
    """A function that says what a delta finds between two sources, by content hash."""

    def compare(before: CanonicalSource, after: CanonicalSource) -> Changes:
        old, new = content_hashes(before), content_hashes(after)
        found: Changes = {}
        for at in old.keys() | new.keys():
            if at not in old:
                change = Change.NEW
            elif at not in new:
                change = Change.DELETED
            elif old[at] != new[at]:
                change = Change.CHANGED
            else:
                continue
            found.setdefault(at[0], {}).setdefault(change, set()).add(at[1])
        return found

    return compare


def content_hashes(source: CanonicalSource) -> dict[tuple[str, str], str]:
    """Return (object, key) → content hash of every record and file."""
    found = {(file.object, file.key): file.content_hash for file in source.files()}
    for name in source.objects():
        found |= {(name, record.key): record.content_hash for record in source.records(name)}
    return found


@pytest.fixture(scope="session")
def harbor_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harbor practice with its answer key."""
    return unzip_shared("harbor-dental", tmp_path_factory.mktemp("harbor"))


@pytest.fixture(scope="session")
def harbor(harbor_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CanonicalSource:
    """The harbor practice, sealed."""
    return open_source(harbor_folder, tmp_path_factory.mktemp("harbor-work"))


@pytest.fixture(scope="session")
def harbor_later(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CanonicalSource]:
    """The same practice two days later."""
    folder = unzip_shared("harbor-dental-delta", tmp_path_factory.mktemp("later"))
    return folder, open_source(folder, tmp_path_factory.mktemp("later-work"))


@pytest.fixture
def practice(tmp_path: Path) -> Callable[[dict[str, str]], CanonicalSource]:
    """A function that seals a small export given as file name → text."""

    def make(files: dict[str, str], **spec: Any) -> CanonicalSource:
        folder = tmp_path / "practice"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "export").mkdir(parents=True)
        for name, text in files.items():
            (folder / "export" / name).write_bytes(text.encode())
        return open_source(folder, tmp_path / f"work{len(list(tmp_path.iterdir()))}", **spec)

    return make
