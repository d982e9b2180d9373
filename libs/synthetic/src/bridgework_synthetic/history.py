"""What happens at a practice between two exports: people move, pay, come, and are corrected.

An evolution never touches a row that a defect struck, so that the answer key of the later export
still explains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from bridgework_synthetic import cells, pictures
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.families import Family, found_family
from bridgework_synthetic.ledger import Books
from bridgework_synthetic.notes import NoteBook
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.paperwork import Archive, add_tasks
from bridgework_synthetic.patients import add_people
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.recipe import Evolution
from bridgework_synthetic.rows import Household, Picture, Row
from bridgework_synthetic.visits import Chart

Change = Callable[["Step", Household, Row], None]
_UNTOUCHED: Final = frozenset({"old", "orphan", "twin"})
_DELETABLE: Final = (
    "notes",
    "tasks",
    "appointments",
    "tooth_chart",
    "ledger",
    "documents",
    "treatment_items",
)
_ROWS_PER_EVENT: Final = 3.0
"""Rows one new visit, plan, task or document brings, on average."""


class Step:
    """One evolution at work; pass the households through it in order."""

    def __init__(self, practice: Practice, evolution: Evolution) -> None:
        """``practice`` stands at the time of the export this step leads to."""
        self.practice = practice
        self.evolution = evolution
        self.numbers = Numbers(evolution.first_numbers)
        self.dice = Dice(evolution.seed, "step")
        self.day = practice.today - timedelta(days=1)
        self._quotas = Quotas(evolution.seed, 0.0, 1)
        self._archive = Archive(practice, self.numbers, self._quotas)
        self.document_bytes_changed: list[str] = []

    def household(self, before: Household) -> Household | None:
        """The household two days later; ``None`` when the practice deleted it."""
        self.dice = Dice(self.evolution.seed, "step", before.index)
        if self._is_deleted(before):
            return None
        after = before.copy()
        kept = {(defect["file"], defect["key"]) for defect in after.defects}
        self._change(after, kept)
        self._delete(after, kept)
        self._add(after)
        _recount(after)
        return after

    def newcomers(self, people: int, index: int) -> Iterator[Household]:
        """New patients nobody has treated yet."""
        for place in range(people):
            dice = self.dice = Dice(self.evolution.seed, "newcomer", place)
            family = found_family(self.practice, dice, self.numbers, self._quotas, 1)
            person = family.head
            person.status, person.first_visit = "Active", None
            person.dentist = next(p.abbr for p in self.practice.dentists if p.active)
            person.hygienist = next(p.abbr for p in self.practice.hygienists if p.active)
            person.facts["created"] = datetime.combine(self.day, time(9, place % 60))
            household = Household(index + place, facts={"family": family})
            add_people(self.practice, household, family, dice, self.numbers)
            Books(self.practice, household, family, dice, self.numbers).keep([])
            yield household

    def _is_deleted(self, household: Household) -> bool:
        """Whole people go only where nothing ever happened to them."""
        family: Family = household.facts["family"]
        empty = len(family.people) == 1 and family.head.first_visit is None
        nothing = not household.of("ledger") and not household.defects
        return empty and nothing and self.dice.chance(min(0.9, 40 * self.evolution.deleted))

    def _change(self, household: Household, kept: set[tuple[str, str]]) -> None:
        dice, share = self.dice, self.evolution.changed
        for file, change in CHANGES.items():
            for row in household.of(file):
                if dice.random() >= share:
                    continue
                free = (row.file, row.key) not in kept and not _UNTOUCHED & row.facts.keys()
                if free and "struck" not in row.facts:
                    change(self, household, row)

    def _delete(self, household: Household, kept: set[tuple[str, str]]) -> None:
        dice, share = self.dice, self.evolution.deleted
        needed = {row.cells["appt_id"] for row in household.of("treatment_items")}
        needed |= {row.cells.get("applied_to", "") for row in household.of("ledger")}
        needed |= {row.cells["addendum_of"] for row in household.of("notes")}
        for file in _DELETABLE:
            rows = household.of(file)
            gone = [
                row
                for row in rows
                if dice.random() < share
                and row.key not in needed
                and (file, row.key) not in kept
                and not _UNTOUCHED & row.facts.keys()
            ]
            for row in gone:
                rows.remove(row)
                self._take_pictures_away(household, row)

    @staticmethod
    def _take_pictures_away(household: Household, row: Row) -> None:
        paths = set()
        if row.file == "documents":
            paths = {row.true["Path"].removeprefix("documents/")}
        elif row.file == "notes":
            paths = {image.get("document") for image in row.true["Images"]}
        household.pictures = [p for p in household.pictures if p.path not in paths]

    def _add(self, household: Household) -> None:
        """New visits, appointments, plans, tasks and documents: about the asked share of rows."""
        dice, family = self.dice, household.facts["family"]
        people = [p for p in family.people if p.first_visit and p.status == "Active"]
        rows = sum(len(file_rows) for file_rows in household.rows.values())
        events = rows * self.evolution.added / _ROWS_PER_EVENT
        count = int(events) + dice.chance(events % 1)
        for _ in range(count if people else 0):
            person = dice.pick(people)
            chart = Chart(self.practice, household, person, dice, self.numbers)
            match dice.between(0, 5):
                case 0 | 1:
                    unit = self.practice.unit_min
                    clock = time(8) if unit == 10 else time(9, 15)
                    visit = chart.see(datetime.combine(self.day, clock))
                    NoteBook(self.practice, household, dice, self.numbers, self._quotas).chart(
                        person, visit
                    )
                    Books(self.practice, household, family, dice, self.numbers).book(visit)
                case 2:
                    chart.book(self.day + timedelta(days=dice.between(5, 150)))
                case 3:
                    chart.propose(self.day)
                case 4:
                    add_tasks(self.practice, household, person, dice, self.numbers)
                case _:
                    if self.practice.recipe.documents:
                        at = datetime.combine(self.day, time(10, dice.between(0, 59)))
                        self._archive.add(household, person, at, dice.between(6, 90), dice)


def _recount(household: Household) -> None:
    """Counts the key keeps beside the rows."""
    items: dict[str, int] = {}
    for row in household.of("treatment_items"):
        items[row.cells["tp_id"]] = items.get(row.cells["tp_id"], 0) + 1
    for row in household.of("treatment_plans"):
        row.true["Items"] = items.get(row.key, 0)


def _patient(step: Step, household: Household, row: Row) -> None:
    dice = step.dice
    contact = next(c for c in household.contacts if row.key in c.facts["keys"])
    free = contact.accept or {}
    choice = dice.between(0, 4)
    if choice == 0 and "Mobile" not in free:
        number = step.numbers.phone()
        row.cells["cell_phone"], contact.true["Mobile"] = cells.phone(number, dice), number
    elif choice == 1 and "Mailing_Street" not in free:
        street = f"{dice.between(10, 990)} Newbuild Crescent"
        row.cells |= {"address1": street, "address2": ""}
        contact.true["Mailing_Street"] = street
    elif choice == 2 and row.cells["status"] == "Active":
        row.cells["status"] = contact.true["Patient_Status"] = "Inactive"
    elif choice == 3 and "Email" not in free:
        mail = f"moved{row.key}@example.com"
        row.cells["email"] = contact.true["Email"] = mail
    else:
        row.cells["notes1"] = f"Chart checked {step.day:%m/%d}"
    row.cells["last_update"] = cells.moment(datetime.combine(step.day, time(10, 0)))


def _account(step: Step, _household: Household, row: Row) -> None:
    row.cells["notes1"] = step.dice.pick(("Paperless billing", "Card on file updated"))


def _link(step: Step, _household: Household, row: Row) -> None:
    row.cells["to"] = cells.day(step.day)


def _coverage(step: Step, household: Household, row: Row) -> None:
    """A plan ends; the patient screen says so too."""
    person = row.cells["pat_id"]
    patient = next(r for r in household.of("patients") if r.key == person)
    place = row.cells["ordinal"]
    if row.cells["term"] or "twin" in patient.facts or place not in ("1", "2"):
        return
    end = step.day.replace(day=1)
    row.cells["term"] = patient.cells[f"ins{place}_term"] = cells.day(end)
    contact = next(c for c in household.contacts if person in c.facts["keys"])
    prefix = "" if place == "1" else "Secondary_"
    contact.true[f"{prefix}Insurance_Term_Date"] = end.isoformat()


def _plan(step: Step, _household: Household, row: Row) -> None:
    if row.cells["status"] == "Proposed":
        row.cells["status"] = row.true["Status"] = "Accepted"
    row.cells["note"] = f"{row.cells['note']}\nseen {step.day:%m/%d}".strip()


def _item(step: Step, _household: Household, row: Row) -> None:
    if row.cells["status"] == "TP":
        fee = Decimal(row.true["Estimated_Cost"])
        row.cells |= {
            "status": "C",
            "actual_fee": cells.cents(fee),
            "date_done": cells.day(step.day),
        }
        row.true |= {
            "Status": "C",
            "Actual_Cost": cells.cents(fee),
            "Completed_Date": step.day.isoformat(),
        }
    else:
        phase = row.true["Priority"] + 1
        row.cells["priority"], row.true["Priority"] = str(phase), phase


def _appointment(step: Step, _household: Household, row: Row) -> None:
    if row.cells["status"] == "Scheduled" and row.facts["at"] and not row.accept:
        length = datetime.fromisoformat(row.true["End_DateTime"]) - row.facts["at"]
        at = row.facts["at"] = row.facts["at"] + timedelta(days=7)
        row.cells["date"] = cells.day(at.date())
        row.true["Start_DateTime"] = cells.iso_minute(at)
        row.true["End_DateTime"] = cells.iso_minute(at + length)
    else:
        row.cells["note"] = f"{row.cells['note']} / ok {step.day:%m/%d}".strip(" /")
    row.cells["last_update"] = cells.moment(datetime.combine(step.day, time(11, 0)))


def _task(_step: Step, _household: Household, row: Row) -> None:
    status = "Done" if row.cells["status"] != "Done" else "Open"
    row.cells["status"] = row.true["Status"] = status


def _note(step: Step, _household: Household, row: Row) -> None:
    if row.cells["format"] == "text" and step.dice.chance(0.5):
        line = f"Late entry {step.day:%m/%d}: see ledger."
        row.facts["lines"] = [*row.facts["lines"], line]
        row.cells["body"] += "\n" + line
        row.true["Text"] += "\n" + line
    else:
        signed = not row.true["Signed"]
        row.cells["signed"], row.true["Signed"] = "Y" if signed else "N", signed


def _finding(_step: Step, _household: Household, row: Row) -> None:
    active = row.cells["active"] != "Y"
    row.cells["active"] = "Y" if active else "N"
    row.facts["entry"] = {**row.facts["entry"], "active": active}


def _entry(step: Step, _household: Household, row: Row) -> None:
    if row.cells["kind"] == "Charge" and step.dice.chance(0.1) and row.cells["flag"] != "+":
        effect = row.facts["effect"] + 5
        row.facts["effect"] = effect
        row.cells["amount"] = row.true["Amount"] = cells.cents(effect)
    else:
        memo = row.cells.get("memo", "")
        row.cells["memo"] = "corrected" if memo != "corrected" else "corrected 2"


def _claim(step: Step, _household: Household, row: Row) -> None:
    if row.cells["status"] in ("Waiting to send", "Sent", "Pending"):
        row.cells["status"] = row.true["Status"] = "Denied"
    row.cells["sent"], row.true["Sent_Date"] = cells.day(step.day), step.day.isoformat()


def _referral(step: Step, _household: Household, row: Row) -> None:
    row.cells["date"] = cells.day(step.day)


def _document(step: Step, household: Household, row: Row) -> None:
    """Mostly a new label; sometimes the file itself was replaced."""
    path = row.true["Path"].removeprefix("documents/")
    mime = row.true["Mime"]
    if mime not in ("image/jpeg", "image/png") or not step.dice.chance(0.3):
        row.cells["note"] = "checked label" if row.cells["note"] != "checked label" else "checked"
        return
    draw = pictures.jpeg if mime == "image/jpeg" else pictures.png
    content = draw(f"{row.facts['label']} replaced {step.evolution.seed} with a clearer one")
    household.pictures = [
        Picture(path, content, len(content)) if picture.path == path else picture
        for picture in household.pictures
    ]
    row.cells["size"], row.true["Size"] = str(len(content)), len(content)
    row.true["Sha256"] = hashlib.sha256(content).hexdigest()
    step.document_bytes_changed.append(row.key)


def _alert(step: Step, _household: Household, row: Row) -> None:
    row.cells["since"] = cells.day(step.day)


CHANGES: Final[dict[str, Change]] = {
    "patients": _patient,
    "accounts": _account,
    "patient_providers": _link,
    "coverage": _coverage,
    "treatment_plans": _plan,
    "treatment_items": _item,
    "appointments": _appointment,
    "tasks": _task,
    "notes": _note,
    "tooth_chart": _finding,
    "ledger": _entry,
    "claims": _claim,
    "patient_referrals": _referral,
    "documents": _document,
    "alerts": _alert,
}
"""How a changed row of each file differs from what it was."""


def change_small_files(practice: Practice, evolution: Evolution) -> dict[str, list[Row]]:
    """The practice's own files at the later export; ``practice`` keeps its rows."""
    dice = Dice(evolution.seed, "small files")
    changed = {file: [row.copy() for row in rows] for file, rows in practice.rows.items()}
    if not evolution.changed:
        return changed
    dice.pick(changed["providers"][:2]).cells["specialty"] = "General Dentistry"
    dice.pick(changed["staff_users"][:5]).cells["role"] = "Lead"
    dice.pick(changed["plans"]).cells["annual_max"] = "1775.00"
    carrier = dice.pick(changed["carriers"])
    carrier.cells["phone"] = cells.phone(f"8005550{dice.between(100, 199)}", dice)
    fee = dice.pick(changed["proc_codes"]).cells
    fee["fee1"] = cells.cents(Decimal(fee["fee1"]) + 4)
    goal = dice.pick(changed["production_goals"])
    amount = Decimal(goal.true["Monthly_Production_Goal"]) + 500
    goal.cells["goal"] = goal.true["Monthly_Production_Goal"] = cells.cents(amount)
    return changed
