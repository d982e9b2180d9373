"""One person under two numbers, and one number under two persons.

What differs inside a duplicate pair follows SOURCE_DATA §3.2: middle name 58 %, SSN 54 %; half of
the differing first names and a third of the differing last names are misspellings.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.families import Family
from bridgework_synthetic.names import LAST, MALE
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.patients import contact_fields
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Fields, Household, Person, Row
from bridgework_synthetic.words import words

_COMPARED: Final = (
    "acct_id",
    "address1",
    "dob",
    "email",
    "first",
    "home_phone",
    "last",
    "mi",
    "ssn",
)
_KEPT: Final = words(
    "resp_party_id last first mi preferred title dob sex marital ssn address1 address2 "
    "city st zip home_phone work_phone cell_phone email status prim_prov hyg_prov "
    "fee_sched ref_src ref_date drug_interaction premed"
)


def add_duplicates(
    practice: Practice,
    household: Household,
    family: Family,
    dice: Dice,
    numbers: Numbers,
    quotas: Quotas,
) -> None:
    """Strike the household's patients with the two defects of identity."""
    contacts = {contact.key: contact for contact in household.contacts}
    rows = {row.key: row for row in household.of("patients")}
    for person in family.people:
        if person.status == "NonPatient":
            continue
        if quotas.strikes("duplicate patient") and "look_alike" not in person.facts:
            _duplicate(practice, household, family, person, rows[person.pat_id],
                       contacts[person.pat_id], dice, numbers)  # fmt: skip
        if person.first_visit and quotas.strikes("patient number used twice"):
            _reused(practice, household, family, person, dice, numbers)
        look_alike = person.facts.get("look_alike")
        if look_alike:
            household.defects.append(
                {"kind": look_alike[0], "file": "patients", "columns": [], "expect": "separate",
                 "other": look_alike[1], "raw": {}, "true": {}, "key": person.pat_id}
            )  # fmt: skip


def _duplicate(
    practice: Practice,
    household: Household,
    family: Family,
    person: Person,
    row: Row,
    contact: Row,
    dice: Dice,
    numbers: Numbers,
) -> None:
    twin = replace(person, pat_id=numbers.take("patients"), facts=dict(person.facts))
    swapped = _rename(twin, dice)
    transposed = dice.chance(0.08)
    if transposed:
        twin.born = _transposed(person.born)
    values = _second_entry(practice, family, person, twin, row, dice, numbers)
    if dice.chance(0.25) and not swapped:
        account = numbers.take("accounts")
        values |= {"acct_id": account, "resp_party_id": twin.pat_id}
        printed = {"acct_id": account, "billing_type": "Standard"}
        true = {"Contact": person.pat_id, "Billing_Type": "Standard"}
        household.add(Row("accounts", account, printed, true)).also("Contact", twin.pat_id)
    double = household.add(Row("patients", twin.pat_id, values))
    double.facts["twin"] = row.facts["twin"] = True
    merge = "review" if transposed or swapped else "auto"
    fields = contact_fields(practice, family, twin, double)
    fields["Source_Account_ID"] = values["acct_id"]
    fields |= {name: contact.true[name] for name in ("Drug_Interaction_Flag", "Premedication")}
    for name, value in fields.items():
        if value != contact.true[name]:
            contact.also(name, value)
    contact.facts["keys"].append(twin.pat_id)
    contact.facts["merge"] = merge
    differs = [name for name in _COMPARED if double.cells.get(name, "") != row.cells.get(name, "")]
    pair: Fields = {"keep": person.pat_id, "duplicate": twin.pat_id, "differs": differs}
    household.duplicates.append({**pair, "merge": merge})
    household.defects.append(
        {
            "kind": "duplicate patient",
            "file": "patients",
            "columns": [],
            "expect": "merged" if merge == "auto" else "review",
            "other": person.pat_id,
            "differs": differs,
            "raw": {},
            "true": {},
            "key": twin.pat_id,
        }
    )
    _move_a_task(household, person, twin)


def _second_entry(
    practice: Practice,
    family: Family,
    person: Person,
    twin: Person,
    row: Row,
    dice: Dice,
    numbers: Numbers,
) -> dict[str, str]:
    """The cells of the second entry; what it forgets is forgotten in ``twin`` too."""
    values = {name: row.cells[name] for name in _KEPT if name in row.cells}
    if dice.chance(0.54):
        ssn = f"9{dice.digits(2)}-{dice.digits(2)}-{dice.digits(4)}"
        values["ssn"] = "" if dice.chance(0.4) else ssn
    if dice.chance(0.45):
        twin.email = ""
    if dice.chance(0.2):
        twin.home = "" if dice.chance(0.5) or family.shares_contact else numbers.phone()
        values["home_phone"] = cells.phone(twin.home, dice)
    twin.coverage = []
    if dice.chance(0.12):
        values |= {"address1": f"{dice.between(1, 900)} Former Street", "address2": ""}
    created: datetime = min(
        person.facts["created"] + timedelta(days=dice.between(20, 300)),
        practice.as_of - timedelta(days=2),
    )
    return values | {
        "pat_id": twin.pat_id,
        "acct_id": family.acct_id,
        "chart_no": f"{int(twin.pat_id):06d}" if dice.chance(0.3) else "",
        "last": twin.last,
        "first": twin.first,
        "mi": twin.middle,
        "dob": cells.day(twin.born),
        "email": twin.email,
        "created": cells.moment(created),
        "last_update": cells.moment(created),
    }


def _rename(twin: Person, dice: Dice) -> bool:
    """Change names the way desks do; true when first and last name changed places."""
    if dice.chance(0.58):
        letters = [c for c in "BDFGHJKLMNPRSTVW" if c != twin.middle]
        twin.middle = "" if twin.middle and dice.chance(0.6) else dice.pick(letters)
    if dice.chance(0.22):
        if dice.chance(0.53):
            twin.first = _misspelt(twin.first, dice)
        else:
            twin.first = twin.preferred or f"{twin.first} {dice.pick(('Jo', 'Lee', 'Ann', 'Ray'))}"
    elif dice.chance(0.16):
        twin.last = (
            _misspelt(twin.last, dice) if dice.chance(0.34) else f"{twin.last}-{dice.pick(LAST)}"
        )
    elif dice.chance(0.04):
        twin.first, twin.last = twin.last, twin.first
        return True
    return False


def _misspelt(name: str, dice: Dice) -> str:
    """Two neighbouring letters exchanged, one dropped, or one doubled."""
    if len(name) < 4:
        return name + name[-1]
    at = dice.between(1, len(name) - 3)
    match dice.between(0, 2):
        case 0 if name[at] != name[at + 1]:
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        case 1:
            return name[:at] + name[at + 1 :]
        case _:
            return name[: at + 1] + name[at] + name[at + 1 :]


def _transposed(born: date) -> date:
    """Day and month exchanged, else the last two digits of the year, else one day off."""
    if born.day <= 12 and born.day != born.month:
        return born.replace(month=born.day, day=born.month)
    year = born.year - born.year % 100 + born.year % 10 * 10 + born.year // 10 % 10
    if year != born.year and 1931 <= year <= 2024 and (born.month, born.day) != (2, 29):
        return born.replace(year=year)
    return born - timedelta(days=1 if born.day > 1 else -1)


def _move_a_task(household: Household, person: Person, twin: Person) -> None:
    """Something of the person is filed under the second number; it still belongs to the person."""
    row = next((r for r in household.of("tasks") if r.cells["pat_id"] == person.pat_id), None)
    if row:
        row.cells["pat_id"] = twin.pat_id
        row.also("Contact", twin.pat_id)


def _reused(
    practice: Practice,
    household: Household,
    family: Family,
    person: Person,
    dice: Dice,
    numbers: Numbers,
) -> None:
    """Somebody was purged and the number given out again; two old rows still bear it."""
    first, last = dice.pick(MALE), dice.pick(LAST)
    while last == person.last:
        last = dice.pick(LAST)
    born = date(dice.between(1932, 1950), dice.between(1, 12), dice.between(1, 28))
    since: datetime = person.facts["created"] - timedelta(days=900)
    ghost = replace(
        person, first=first, last=last, middle="", preferred="", born=born, status="Deleted",
        home="", work="", cell="", email="", coverage=[], facts={"printed_sex": "M"},
    )  # fmt: skip
    payer = "" if family.guarantor == "outsider" else person.pat_id
    row = Row(
        "patients",
        person.pat_id,
        {
            "pat_id": person.pat_id,
            "acct_id": family.acct_id,
            "resp_party_id": payer,
            "last": last,
            "first": first,
            "dob": cells.day(born),
            "sex": "M",
            "status": "Deleted",
            "address1": "",
            "address2": "",
            "created": cells.moment(since),
            "last_update": cells.moment(person.facts["created"] - timedelta(days=30)),
        },
    )
    row.facts["twin"] = True
    next(r for r in household.of("patients") if r.key == person.pat_id).facts["twin"] = True
    fields = contact_fields(practice, family, ghost, row)
    fields |= dict.fromkeys(("Mailing_City", "Mailing_State", "Mailing_Zip", "Mailing_Street"))
    contact = Row("contacts", f"G{person.pat_id}", {}, fields, "optional")
    contact.facts = {"keys": [person.pat_id], "merge": None}
    contact.aside["note"] = "purged person; number now belongs to somebody else"
    household.contacts.insert(0, contact)
    household.rows["patients"].insert(0, row)
    defect: Fields = {"kind": "patient number used twice", "file": "patients", "columns": [],
                      "expect": "separate", "other": person.pat_id, "raw": {}, "true": {},
                      "key": person.pat_id}  # fmt: skip
    household.defects.append(defect)
    _old_rows(household, person, since + timedelta(days=300), dice, numbers)


def _old_rows(
    household: Household, person: Person, at: datetime, dice: Dice, numbers: Numbers
) -> None:
    """An appointment and a note of the purged person, dated before the new one came."""
    ghost = f"G{person.pat_id}"
    models = [next(iter(household.of(file)), None) for file in ("appointments", "notes")]
    if models[0] is None or models[1] is None:
        return
    at = at.replace(hour=9, minute=20 if dice.chance(0.5) else 40)
    appointment, note = models[0].copy(), models[1].copy()
    for row in (appointment, note):
        row.key = numbers.take(row.file)
        row.accept, row.expect = None, "parked"
        row.cells["pat_id"] = person.pat_id
        row.facts["old"] = True
    units = int(appointment.cells["length_units"])
    start = datetime.fromisoformat(appointment.true["Start_DateTime"] or "2020-01-01T09:00")
    end = datetime.fromisoformat(appointment.true["End_DateTime"] or "2020-01-01T09:30")
    appointment.cells |= {
        "appt_id": appointment.key, "date": cells.day(at.date()),
        "time": cells.clock(at, "reception1"), "status": "Complete", "created_by": "reception1",
        "created": cells.moment(at - timedelta(days=9)), "length_units": str(units),
        "last_update": cells.moment(at.replace(hour=17)),
    }  # fmt: skip
    appointment.true |= {
        "Contact": ghost, "Start_DateTime": cells.iso_minute(at),
        "End_DateTime": cells.iso_minute(at + (end - start)), "Appointment_Status": "Complete",
    }  # fmt: skip
    appointment.aside["group"] = "history"
    appointment.facts |= {"at": at, "login": "reception1"}
    text = "Moving out of state, records released to patient."
    note.cells |= {
        "note_id": note.key, "format": "text", "body": text, "addendum_of": "",
        "note_date": cells.day(at.date()), "entered_at": cells.moment(at),
    }  # fmt: skip
    note.true |= {
        "Parent": ghost, "Text": text, "Note_Date": at.date().isoformat(), "Format": "text",
        "Entered_At": cells.iso_minute(at), "Addendum_Of": None, "Images": [],
    }  # fmt: skip
    for row in (appointment, note):
        household.add(row)
        household.defects.append(
            {
                "kind": "row of a purged patient under a reused number",
                "file": row.file,
                "columns": [],
                "expect": "parked",
                "person": ghost,
                "raw": {},
                "true": {},
                "key": row.key,
            }
        )
