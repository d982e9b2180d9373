"""A household leaves the generator: its rows into the CSV files, its truth into the key."""

from __future__ import annotations

from typing import Any, Final

from bridgework_synthetic.folder import ExportFolder
from bridgework_synthetic.ledger import settle
from bridgework_synthetic.notes import note_attachments
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.rows import MODULE_OF, Fields, Household, Row
from bridgework_synthetic.truth import TruthWriter

_FIELD_OF: Final[dict[str, dict[str, str]]] = {
    "patients": {
        "last": "Last_Name",
        "first": "First_Name",
        "preferred": "Preferred_Name",
        "zip": "Mailing_Zip",
        "dob": "Date_of_Birth",
        "ins1_subscriber_id": "Subscriber_ID",
        "ins1_group_no": "Group_Number",
        "ins2_subscriber_id": "Secondary_Subscriber_ID",
        "ins2_group_no": "Secondary_Group_Number",
    },
    "treatment_items": {"tooth": "Tooth_Number"},
    "treatment_plans": {"title": "Name"},
    "ledger": {"tooth": "Tooth_Number"},
    "notes": {"body": "Text"},
}
"""Columns whose loss in a reprinting changes what can be expected of a field."""
_HIDDEN: Final[dict[str, frozenset[str]]] = {
    "a": frozenset(),
    "b": frozenset({"code without D", "code as decimal"}),
    "c": frozenset(),
    "d": frozenset({"zip without leading zero"}),
}
"""Defects that a dialect does to every row anyway; they are counted as habits, not listed."""


class Emission:
    """Writes households; counts what the key's header needs."""

    def __init__(self, practice: Practice, folder: ExportFolder, truth: TruthWriter) -> None:
        """Both sinks stay the caller's to close."""
        self._practice = practice
        self._folder = folder
        self._truth = truth
        self._hidden = _HIDDEN[practice.recipe.dialect]

    def small_files(self, rows: dict[str, list[Row]]) -> None:
        """The files that exist once, with carriers, owners and goals of the key."""
        for file_rows in rows.values():
            for row in file_rows:
                self._write(row)
                module = MODULE_OF.get(row.file)
                if module:
                    self._object(module, row)
        for carrier in self._practice.carriers:
            payer = carrier["fields"]["Payer_ID"]
            printed = self._instead("carriers", "payer_id", payer or "")
            accept = dict(carrier["accept"])
            if printed:
                accept["Payer_ID"] = [payer, printed]
            self._truth.object("Accounts", **{**carrier, "accept": accept})
        for owner in self._practice.owners:
            self._truth.add("owners", owner)
        for defect in self._practice.defects:
            self._defect(defect)

    def household(self, household: Household) -> None:
        """Everything of one account, settled."""
        balances = settle(household, self._practice.recipe.now.date())
        if household.balance_error:
            self._wrong_balance(household, balances[0])
        charts: dict[str, dict[str, list[Fields]]] = {}
        for row in household.everything():
            self._write(row)
            if row.file == "patients":
                self._lost_on_patient(household, row)
            elif row.file in MODULE_OF:
                self._lost(row, row)
                self._object(MODULE_OF[row.file], row)
            self._beside(row, charts)
        self._people(household)
        for name, entries in (("balances", balances), ("duplicates", household.duplicates)):
            for entry in entries:
                self._truth.add(name, entry)
        for patient, chart in charts.items():
            teeth = {
                tooth: sorted(chart[tooth], key=lambda entry: str(entry["date"]))
                for tooth in sorted(chart)
            }
            self._truth.add("tooth_charts", [patient, teeth])
        for defect in household.defects:
            self._defect(defect)
        for picture in household.pictures:
            self._folder.picture(picture)
        self._habits(household)

    def _beside(self, row: Row, charts: dict[str, dict[str, list[Fields]]]) -> None:
        """What the key says of a row besides its object."""
        if row.file == "tooth_chart" and "orphan" not in row.facts:
            teeth = charts.setdefault(str(row.true["Contact"]), {})
            teeth.setdefault(row.facts["tooth"], []).append(row.facts["entry"])
        elif row.file == "tasks":
            self._truth.add("recalls", row.facts["recall"])
        elif row.file == "notes":
            for attachment in note_attachments(row):
                self._truth.object("Attachments", **attachment)

    def _people(self, household: Household) -> None:
        """Contacts, guarantors, and one Deal per account."""
        truth = self._truth
        for row in household.of("accounts"):
            names = ("Amount", "Contact", "Lines", "Billing_Type")
            fields = {name: row.true[name] for name in names}
            truth.object("Deals", row.key, fields, row.expect, row.accept or {})
        for contact in household.contacts:
            truth.object(
                "Contacts",
                contact.key,
                contact.true,
                contact.expect,
                contact.accept or {},
                keys=contact.facts["keys"],
                merge=contact.facts["merge"],
                **contact.aside,
            )
        for guarantor in household.guarantors:
            truth.object("Guarantors", guarantor.key, guarantor.true, guarantor.expect)

    def _wrong_balance(self, household: Household, balance: Fields) -> None:
        ledger, stored = balance["ledger_sum"], balance["stored"]
        self._defect(
            {
                "kind": "stored balance differs from ledger",
                "file": "accounts",
                "columns": ["balance"],
                "expect": "flag",
                "ledger": ledger,
                "stored": stored,
                "raw": {"balance": stored},
                "true": {"balance": ledger},
                "key": household.of("accounts")[0].key,
            }
        )

    def _write(self, row: Row) -> None:
        sheet = self._folder.files[row.file]
        printed = sheet.manner.row(row.cells)
        sheet.write(printed)
        lost = sheet.manner.losses(row.cells, printed)
        if lost:
            self._truth.add("dialect_losses", {"file": row.file, "key": row.key, "columns": lost})

    def _object(self, module: str, row: Row) -> None:
        accept = row.accept
        if accept is None and module == "Treatment_Items":
            accept = {}
        key = row.key
        if row.file == "production_goals":
            key = f"{row.true['Provider']}|{row.true['Month']}"
        self._truth.object(module, key, row.true, row.expect, accept, **row.aside)

    def _instead(self, file: str, column: str, text: str) -> str | None:
        return self._folder.files[file].manner.instead(column, text)

    def _lost(self, row: Row, target: Row) -> None:
        """Let the key accept what a reader finds where the printing destroyed a cell."""
        for column, name in _FIELD_OF.get(row.file, {}).items():
            text = row.cells.get(column, "")
            if not text or name not in target.true:
                continue
            found = self._instead(row.file, column, text)
            if found is not None and found != target.true[name]:
                target.also(name, found)
                if column == "tooth":
                    target.also(name, None)

    def _lost_on_patient(self, household: Household, row: Row) -> None:
        for contact in household.contacts:
            if row.key in contact.facts["keys"] and not contact.key.startswith("G"):
                self._lost(row, contact)

    def _defect(self, entry: Fields) -> None:
        """List a defect with its raw cells as this dialect prints them."""
        kind = entry["kind"]
        if kind in self._hidden or self._is_plausible_now(entry):
            self._truth.habits[kind] += 1
            return
        printed: dict[str, Any] = {
            column: self._folder.files[entry["file"]].manner.cell(column, text)
            for column, text in entry["raw"].items()
            if isinstance(text, str)
        }
        if kind == "code as decimal" and not any("." in str(raw) for raw in printed.values()):
            kind = "code without D"
        self._truth.defect({**entry, "kind": kind, "raw": {**entry["raw"], **printed}})

    def _is_plausible_now(self, entry: Fields) -> bool:
        """A birth still to come, whose two-digit year reads as one a century ago."""
        born = str(entry["raw"].get("dob", ""))
        return entry["kind"] == "impossible date" and bool(
            born and self._instead("patients", "dob", born)
        )

    def _habits(self, household: Household) -> None:
        habits = self._truth.habits
        for guarantor in household.guarantors:
            patient = guarantor.true["patient"]
            habits[
                "guarantor block repeats a patient (accounts)"
                if patient
                else "guarantor block names a non-patient (accounts)"
            ] += 1
        unallocated = sum(
            row.cells["kind"] == "Patient payment" and not row.cells["pat_id"]
            for row in household.of("ledger")
        )
        if household.facts["family"].shares_contact:
            habits["shared family telephone or e-mail (households)"] += 1
        if unallocated:
            habits["payment at guarantor level (ledger rows)"] += unallocated
        quotes = sum("smart quotes" in row.facts for row in household.everything())
        if quotes:
            habits["smart quotes"] += quotes
