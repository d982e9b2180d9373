"""The patient file: printed rows, the true person behind them, coverage, and guarantors."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.families import Family
from bridgework_synthetic.names import EMPLOYERS
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.rows import Fields, Household, Person, Row

_NOTES: Final = (
    "Prefers early morning", "Allow extra time", "Sensitive gag reflex", "Text, do not call",
    "Uses wheelchair, room 2", "Interpreter needed (ASL)", "Mother brings child",
    "Bill to PO box\nsee account", "Moved here from Dr. Lockhart 2021", "No latex in room",
)  # fmt: skip
_ALERTS: Final = (
    "Sulfa allergy", "Amoxicillin - rash", "Asthma, inhaler", "Hip replacement 2019",
    "Blood thinner", "Type 1 diabetes", "Pacemaker", "Hypertension, controlled",
)  # fmt: skip
_INTERVALS: Final[dict[int, tuple[str, ...]]] = {
    2: ("2M", "8W"),
    3: ("3M", "90D", "12W", "3M+1D"),
    4: ("4M", "4M+1D", "120D"),
    6: ("6M", "6M+1D", "180D", "6M"),
    9: ("9M",),
    12: ("12M", "1Y", "1Y1D"),
}
GENDER: Final = {"F": "Female", "M": "Male", "U": "Unknown", "": None}


def add_people(
    practice: Practice, household: Household, family: Family, dice: Dice, numbers: Numbers
) -> None:
    """Coverage, patients and contacts of one family; the account row follows in ``ledger``."""
    _insure(practice, household, family, dice, numbers)
    for person in family.people:
        row = _patient_row(practice, family, person, dice)
        household.add(row)
        contact = Row("contacts", person.pat_id, {}, contact_fields(practice, family, person, row))
        contact.facts = {"keys": [person.pat_id], "merge": None}
        if row.cells["address2"]:
            first, second = row.cells["address1"], row.cells["address2"]
            contact.also("Mailing_Street", f"{first}, {second}", f"{first}\n{second}")
        if person.status in ("Deleted", "NonPatient"):
            contact.expect = "optional"
        household.contacts.append(contact)
        _links(practice, household, person, dice)
        _alerts(household, person, row, contact, dice)
    _guarantor(household, family)


def _insure(
    practice: Practice, household: Household, family: Family, dice: Dice, numbers: Numbers
) -> None:
    """Employer plans: 53 % of people insured, some twice, a very few three times."""
    if not dice.chance(0.56):
        return
    holders = [person for person in family.people if person.role in ("head", "spouse")][:2]
    count = dice.weighted(((1, 82.0), (2, 16.0), (3, 2.0)))
    for ordinal in range(1, count + 1):
        holder = holders[(ordinal - 1) % len(holders)]
        plan = dice.pick(practice.plans)
        effective = holder.facts["created"].date() - timedelta(days=dice.between(5, 500))
        term = None
        if ordinal == 1 and dice.chance(0.05):
            term = effective + timedelta(days=dice.between(520, 900))
            term = term if term < practice.today else None
        number = dice.pick(("", "", "W", "XQ", "KD")) + dice.pick(("0", "00", "")) + dice.digits(8)
        if not number.strip("0"):
            number = "7" + number
        for person in family.people:
            if person is not holder and not dice.chance(0.9):
                continue
            if len(person.coverage) != ordinal - 1:
                continue
            relation = {"spouse": "Spouse", "child": "Child", "other": "Other Dependent"}.get(
                person.role, "Spouse"
            )
            if person is holder:
                relation = "Self"
            person.coverage.append(
                {"plan": plan, "relation": relation, "holder": holder, "subscriber_id": number,
                 "effective": effective, "term": term}
            )  # fmt: skip
            cov_id = numbers.take("coverage")
            household.add(
                Row(
                    "coverage",
                    cov_id,
                    {
                        "cov_id": cov_id,
                        "pat_id": person.pat_id,
                        "plan_id": plan.plan_id,
                        "ordinal": str(ordinal),
                        "relation": relation,
                        "subscriber_pat_id": holder.pat_id,
                        "subscriber_id": number,
                        "eff": cells.day(effective),
                        "term": cells.day(term),
                    },
                    {"Contact": person.pat_id},
                )
            )


def _patient_row(practice: Practice, family: Family, person: Person, dice: Dice) -> Row:
    today = practice.today
    created: datetime = person.facts["created"]
    blank = family.guarantor == "outsider"
    street, _, unit = family.street.partition(" Apt ")
    values = {
        "pat_id": person.pat_id,
        "acct_id": family.acct_id,
        "resp_party_id": "" if blank else family.head.pat_id,
        "chart_no": _chart_number(person, dice),
        "last": person.last,
        "first": person.first,
        "mi": person.middle,
        "preferred": person.preferred,
        "title": dice.pick(("", "", "", "Ms." if person.sex == "F" else "Mr.")),
        "dob": cells.day(person.born),
        "sex": person.facts["printed_sex"],
        "marital": _marital(person, family, dice),
        "ssn": _ssn(dice),
        "address1": street,
        "address2": f"Apt {unit}" if unit else "",
        "city": family.city,
        "st": practice.town.state,
        "zip": family.zip_code,
        "home_phone": cells.phone(person.home, dice),
        "work_phone": cells.phone(person.work, dice),
        "cell_phone": cells.phone(person.cell, dice),
        "email": person.email,
        "status": person.status,
        "prim_prov": person.dentist if person.status != "NonPatient" else "",
        "hyg_prov": person.hygienist if dice.chance(0.75) else "",
        "fee_sched": "UCR" if person.status != "NonPatient" else "",
        "notes1": dice.pick(_NOTES) if dice.chance(0.2) else "",
        "created": cells.moment(created),
        "last_update": cells.moment(created),
    }
    if dice.chance(0.52):
        spelling, meaning, ref_id = dice.pick(practice.referrals)
        on = created.date() - timedelta(days=dice.between(0, 3))
        values |= {"ref_src": spelling, "ref_date": cells.day(on)}
        person.facts["referral"] = (meaning, on, ref_id)
    for place, cover in enumerate(person.coverage[:2], start=1):
        plan = cover["plan"]
        values |= {
            f"ins{place}_carrier": plan.carrier_name,
            f"ins{place}_subscriber_id": cover["subscriber_id"],
            f"ins{place}_subscriber_name": f"{cover['holder'].last}, {cover['holder'].first}",
            f"ins{place}_relation": cover["relation"],
            f"ins{place}_group_no": plan.group_no,
            f"ins{place}_effective": cells.day(cover["effective"]),
            f"ins{place}_term": cells.day(cover["term"]),
            f"ins{place}_deductible": cells.cents(plan.deductible),
        }
    row = Row("patients", person.pat_id, values)
    if dice.chance(0.46) and person.status in ("Active", "Inactive"):
        values["recall_code"] = "PERIO" if person.facts["perio"] else "PROPHY"
        values["recall_int"] = dice.pick(_INTERVALS[person.facts["interval"]])
        values["due_back"] = cells.day(today + timedelta(days=dice.between(-200, 330)))
    return row


def _chart_number(person: Person, dice: Dice) -> str:
    throw = dice.random()
    if throw < 0.5:
        return f"{int(person.pat_id):06d}"
    if throw < 0.8:
        letters = "".join(c for c in person.last.upper() if c.isascii())[:2].replace("E", "X")
        return f"{letters}{person.pat_id}"
    return f"0{person.pat_id}{dice.pick('ABCD')}" if throw < 0.95 else ""


def _marital(person: Person, family: Family, dice: Dice) -> str:
    if person.role == "child":
        return "Child"
    if any(other.role == "spouse" for other in family.people):
        return "Married"
    return dice.weighted((("Single", 4.0), ("Married", 4.0), ("Divorced", 1.4), ("Widowed", 0.6),
                          ("", 0.5)))  # fmt: skip


def _ssn(dice: Dice) -> str:
    """Masked, blank, all zeros, or whole from the block 9xx that no person has."""
    throw = dice.random()
    if throw < 0.40:
        return f"***-**-{dice.digits(4)}"
    if throw < 0.75:
        return ""
    if throw < 0.80:
        return "000-00-0000"
    return f"9{dice.digits(2)}-{dice.digits(2)}-{dice.digits(4)}"


def contact_fields(practice: Practice, family: Family, person: Person, row: Row) -> Fields:
    """What a Contact must say, by the key's field names."""
    flag = {"Y": True, "N": False, "": None}
    meaning, on, _ = person.facts.get("referral", (None, None, None))
    values = row.cells
    street = values["address1"]
    if values["address2"]:
        street += f" {values['address2']}"
    fields: Fields = {
        "First_Name": person.first,
        "Last_Name": person.last,
        "Middle_Name": person.middle or None,
        "Preferred_Name": person.preferred or None,
        "Date_of_Birth": person.born.isoformat(),
        "Gender": GENDER[person.facts["printed_sex"]],
        "Patient_Status": person.status,
        "Email": person.email or None,
        "Home_Phone": person.home or None,
        "Other_Phone": person.work or None,
        "Mobile": person.cell or None,
        "Mailing_Street": street or None,
        "Mailing_City": family.city,
        "Mailing_State": practice.town.state,
        "Mailing_Zip": family.zip_code,
        "Drug_Interaction_Flag": flag[values.get("drug_interaction", "")],
        "Premedication": flag[values.get("premed", "")],
        "Referral_Source": meaning,
        "Referral_Date": on.isoformat() if on else None,
        "Source_Account_ID": family.acct_id,
        "Guarantor": values["resp_party_id"] or None,
    }
    for place, prefix in ((0, ""), (1, "Secondary_")):
        fields |= _insurance_fields(person, place, prefix)
    return fields


def _insurance_fields(person: Person, place: int, prefix: str) -> Fields:
    names = ("Insurance_Carrier", "Insurance_Carrier_Printed", "Subscriber_ID", "Group_Number",
             "Insurance_Effective_Date", "Insurance_Term_Date", "Insurance_Relation")  # fmt: skip
    values: list[Any] = [None] * len(names)
    if place < len(person.coverage):
        cover = person.coverage[place]
        plan = cover["plan"]
        term: date | None = cover["term"]
        values = [plan.carrier_ids, plan.carrier_name, cover["subscriber_id"], plan.group_no,
                  cover["effective"].isoformat(), term.isoformat() if term else None,
                  cover["relation"]]  # fmt: skip
    return {prefix + name: value for name, value in zip(names, values, strict=True)}


def _links(practice: Practice, household: Household, person: Person, dice: Dice) -> None:
    """Who treats whom, since when."""
    since = person.facts["created"].date()
    number_of = {provider.abbr: provider for provider in practice.providers}
    links = [(number_of[person.dentist], "primary", since)]
    if dice.chance(0.85):
        links.append((number_of[person.hygienist], "hygiene", since))
    if practice.specialist and dice.chance(0.05):
        later = min(practice.today, since + timedelta(days=200))
        links.append((practice.specialist, "specialist", later))
    if person.status == "NonPatient":
        links = []
    for provider, role, start in links:
        household.add(
            Row(
                "patient_providers",
                f"{person.pat_id}|{provider.prov_id}|{role}",
                {
                    "pat_id": person.pat_id,
                    "prov_id": provider.prov_id,
                    "role": role,
                    "from": cells.day(start),
                    "to": cells.day(provider.left),
                },
                {"Contact": person.pat_id},
            )
        )
    if "referral" in person.facts and dice.chance(0.8):
        _, on, ref_id = person.facts["referral"]
        household.add(
            Row(
                "patient_referrals",
                f"{person.pat_id}|{ref_id}",
                {"pat_id": person.pat_id, "ref_id": ref_id, "date": cells.day(on)},
            )
        )


def _alerts(household: Household, person: Person, row: Row, contact: Row, dice: Dice) -> None:
    """Drug flags are three-valued: Y, N, or nobody asked; the alert file repeats most of them."""
    if person.first_visit is None:
        return
    flag = dice.weighted((("N", 6.0), ("Y", 0.6), ("", 3.4)))
    premed = dice.weighted((("N", 6.0), ("Y", 0.25), ("", 3.75)))
    row.cells |= {"drug_interaction": flag, "premed": premed}
    known = {"Y": True, "N": False, "": None}
    contact.true["Drug_Interaction_Flag"] = known[flag]
    contact.true["Premedication"] = known[premed]
    kinds = []
    if (flag and dice.chance(0.9)) or dice.chance(0.06):
        kinds.append(("Drug interaction", flag))
    if dice.chance(0.12):
        row.cells["med_alert"] = dice.pick(_ALERTS)
        kinds.append(("Allergy", "Y"))
    if premed == "Y":
        kinds.append(("Premed", "Y"))
    for kind, value in kinds:
        household.add(
            Row(
                "alerts",
                f"{person.pat_id}|{kind}",
                {
                    "pat_id": person.pat_id,
                    "kind": kind,
                    "flag": value,
                    "since": cells.day(person.first_visit) if value else "",
                },
                {"Contact": person.pat_id},
            )
        )


def _guarantor(household: Household, family: Family) -> None:
    """The account's first guarantor as a person: merged into a patient, or on their own."""
    if family.guarantor == "blank":
        return
    if family.outsider:
        first, last, born = family.outsider
        printed, patient, expect = f"{last}, {first}", None, "optional"
    else:
        head = family.head
        first, last, born = head.first, head.last, head.born
        printed, patient, expect = head.printed, head.pat_id, "merged"
    household.guarantors.append(
        Row(
            "guarantors",
            f"G1-{family.acct_id}",
            {},
            {"acct_id": family.acct_id, "printed": printed, "first": first, "last": last,
             "dob": born.isoformat(), "patient": patient},
            expect,
        )
    )  # fmt: skip


def account_block(family: Family, dice: Dice) -> dict[str, str]:
    """The ``g1_`` and ``g2_`` columns of an account."""
    block: dict[str, str] = {}
    if family.guarantor == "outsider" and family.outsider:
        first, last, born = family.outsider
        block = {"g1_name": f"{last}, {first}", "g1_dob": cells.day(born),
                 "g1_cell_phone": cells.phone(family.outsider_phone, dice)}  # fmt: skip
    elif family.guarantor == "patient":
        head = family.head
        block = {"g1_name": head.printed, "g1_dob": cells.day(head.born),
                 "g1_home_phone": cells.phone(head.home, dice),
                 "g1_cell_phone": cells.phone(head.cell, dice)}  # fmt: skip
    if block:
        block |= {
            "g1_address1": family.street,
            "g1_city": family.city,
            "g1_st": family.facts.get("state", ""),
            "g1_zip": family.zip_code,
            "g1_employer": dice.pick(EMPLOYERS),
        }
        plan = next((p.coverage[0]["plan"].plan_id for p in family.people if p.coverage), "")
        block["g1_plan"] = plan if dice.chance(0.4) else ""
    spouse = next((p for p in family.people if p.role == "spouse"), None)
    if spouse and dice.chance(0.3):
        block |= {"g2_name": spouse.printed, "g2_dob": cells.day(spouse.born),
                  "g2_cell_phone": cells.phone(spouse.cell, dice)}  # fmt: skip
        if len(family.people) > 3 and dice.chance(0.1):
            block["g3_name"] = f"{family.head.last} Family Trust"
    return block
