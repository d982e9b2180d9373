"""Households: who lives together, who pays, which numbers and addresses they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from bridgework_synthetic.dice import Dice
from bridgework_synthetic.names import (
    ACCENTED_LAST,
    FAR_LAST,
    FEMALE,
    LAST,
    MALE,
    NICKNAMES,
    STREET_KINDS,
    STREETS,
    UNITS,
)
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Person

_SIZES: Final = ((1, 62.0), (2, 18.0), (3, 9.0), (4, 7.0), (5, 4.0))
_ADULT_AGES: Final = (((18, 34), 24.0), ((35, 49), 25.0), ((50, 64), 27.0), ((65, 79), 18.0),
                      ((80, 94), 6.0))  # fmt: skip
_STATUSES: Final = (
    ("Active", 86.0), ("Inactive", 7.2), ("Archived", 2.8), ("Deceased", 0.8), ("Deleted", 0.8),
    ("NonPatient", 1.0), ("Prospect", 1.4),
)  # fmt: skip
_OLDEST_BIRTH: Final = date(1931, 1, 1)
"""Later than any two-digit year that could also be a child's."""


@dataclass(slots=True)
class Family:
    """One account's people and what they have in common."""

    acct_id: str
    people: list[Person]
    guarantor: str
    """``patient``: the account's block repeats a patient; ``outsider``: it names somebody who is
    not one; ``blank``: the patients' responsible party says it."""
    street: str
    city: str
    zip_code: str
    outsider: tuple[str, str, date] | None = None
    outsider_phone: str = ""
    pays_as_family: bool = False
    """Payments are booked on the account, not on a patient."""
    shares_contact: bool = False
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> Person:
        """The first adult."""
        return self.people[0]


def found_family(
    practice: Practice, dice: Dice, numbers: Numbers, quotas: Quotas, capacity: int
) -> Family:
    """The next household, at most ``capacity`` people."""
    size = min(capacity, dice.weighted(_SIZES))
    throw = dice.random()
    last = dice.pick(LAST)
    if throw < 0.02:
        last = dice.pick(ACCENTED_LAST)
    elif throw < 0.025:
        last = dice.pick(FAR_LAST)
    town = practice.town
    city = town.city if dice.chance(0.7) else dice.pick(town.neighbours)
    zip_code = f"{town.zip3}{dice.digits(2)}"
    if dice.chance(0.15):
        zip_code += f"-{dice.between(1000, 9899)}"
    people = _people(practice, dice, numbers, size, last)
    if len(people) > 1:
        _look_alikes(people, dice, quotas)
    throw = dice.random()
    guarantor = "patient" if throw < 0.35 else "outsider" if throw < 0.45 else "blank"
    family = Family(
        acct_id=numbers.take("accounts"),
        people=people,
        guarantor=guarantor,
        street=_street(dice),
        city=city,
        zip_code=zip_code,
        pays_as_family=size > 1 and dice.chance(0.3),
        shares_contact=size > 1 and dice.chance(0.4),
    )
    if guarantor == "outsider":
        first = dice.pick([n for n in FEMALE + MALE if n not in {p.first for p in people}])
        born = practice.today - timedelta(days=dice.between(30 * 365, 62 * 365))
        family.outsider, family.outsider_phone = (first, last, born), numbers.phone()
    _numbers(practice, family, dice, numbers)
    return family


def _street(dice: Dice) -> str:
    street = f"{dice.between(1, 1900)} {dice.pick(STREETS)} {dice.pick(STREET_KINDS)}"
    if dice.chance(0.25):
        street += f" {dice.pick(UNITS)} {dice.between(1, 60)}"
    return street


def _people(practice: Practice, dice: Dice, numbers: Numbers, size: int, last: str) -> list[Person]:
    today = practice.today
    taken: set[str] = set()
    people: list[Person] = []
    low, high = dice.weighted(_ADULT_AGES)
    if size > 2:
        low, high = 29, 54
    for place in range(size):
        role = "head" if place == 0 else "spouse" if place == 1 and dice.chance(0.7) else "child"
        if place == 1 and size == 2 and role == "child" and dice.chance(0.15):
            role = "other"
        ages = {"head": (low, high), "spouse": (low, high), "child": (1, 17), "other": (19, 26)}[
            role
        ]
        born = today - timedelta(days=dice.between(ages[0] * 365 + 10, ages[1] * 365 + 360))
        sex = dice.pick("FM")
        if role == "spouse":
            sex = "M" if people[0].sex == "F" else "F"
        first = dice.pick([n for n in (FEMALE if sex == "F" else MALE) if n not in taken])
        taken.add(first)
        printed_sex = sex if dice.chance(0.97) else dice.pick(("U", "", ""))
        person = Person(
            pat_id=numbers.take("patients"),
            first=first,
            last=last if role != "spouse" or dice.chance(0.85) else dice.pick(LAST),
            middle=dice.pick("ABCDEFGHJKLMNOPRSTW") if dice.chance(0.24) else "",
            sex=sex,
            born=max(born, _OLDEST_BIRTH),
            role=role,
            status=dice.weighted(_STATUSES),
            preferred=NICKNAMES.get(first, "") if dice.chance(0.6) else "",
        )
        person.facts["printed_sex"] = printed_sex
        if place == 0 and size > 1 and person.status in ("Deleted", "Prospect", "Deceased"):
            person.status = "Active"
        people.append(person)
    return people


def _look_alikes(people: list[Person], dice: Dice, quotas: Quotas) -> None:
    """Twins, and fathers and sons of one name: two people each, whatever they share."""
    children = [person for person in people if person.role == "child"]
    if children and len(people) > 2 and quotas.strikes("look-alike: twins"):
        older = children[0]
        younger = next((p for p in children[1:]), None) or people[-2]
        if younger is not older and younger.role != "head":
            younger.role, younger.born, younger.last = "child", older.born, older.last
            pool = [n for n in (FEMALE if younger.sex == "F" else MALE) if n[0] == older.first[0]]
            pool = [n for n in pool if n not in {p.first for p in people}]
            younger.first = dice.pick(pool) if pool else younger.first
            younger.preferred = ""
            younger.facts["look_alike"] = ("look-alike: twins", older.pat_id)
            return
    head = people[0]
    younger = people[-1]
    if (
        younger.role in ("child", "other")
        and "look_alike" not in younger.facts
        and quotas.strikes("look-alike: junior-senior")
    ):
        younger.first, younger.last, younger.sex = head.first, head.last, head.sex
        younger.middle, younger.preferred = head.middle, ""
        younger.facts["printed_sex"] = head.facts["printed_sex"]
        younger.facts["look_alike"] = ("look-alike: junior-senior", head.pat_id)


def _numbers(practice: Practice, family: Family, dice: Dice, numbers: Numbers) -> None:
    """Telephones, mail, providers and the day each person first came."""
    home = numbers.phone() if family.shares_contact or dice.chance(0.6) else ""
    shared_mail = ""
    for person in family.people:
        adult = person.role != "child"
        person.home = (
            home if family.shares_contact else (numbers.phone() if dice.chance(0.6) else "")
        )
        if not family.shares_contact and home:
            person.home, home = home, ""
        person.cell = numbers.phone() if dice.chance(0.88 if adult else 0.1) else ""
        person.work = numbers.phone() if adult and dice.chance(0.42) else ""
        if adult and dice.chance(0.87):
            local = f"{person.first}.{person.last}{int(person.pat_id) % 997}".lower()
            local = "".join(c if c.isascii() and (c.isalnum() or c == ".") else "" for c in local)
            person.email = f"{local}@example.{dice.pick(('com', 'net', 'org'))}"
        if family.shares_contact:
            shared_mail = shared_mail or person.email
            person.email = shared_mail if not adult or not person.email else person.email
        _join(practice, person, dice)


def _join(practice: Practice, person: Person, dice: Dice) -> None:
    today = practice.today
    since = today - timedelta(days=dice.between(60, 930))
    dentist = dice.pick(practice.working(practice.dentists, since))
    hygienist = dice.pick(practice.working(practice.hygienists, since))
    person.dentist, person.hygienist = dentist.abbr, hygienist.abbr
    created = since - timedelta(days=dice.between(1, 40))
    clock = time(dice.between(8, 16), dice.between(0, 59))
    person.facts["created"] = datetime.combine(created, clock)
    if person.status not in ("Prospect", "NonPatient", "Deleted") or (
        person.status == "Deleted" and dice.chance(0.5)
    ):
        person.first_visit = since
    low_risk = person.role == "child" or dice.chance(0.72)
    person.facts["interval"] = (
        dice.weighted(((6, 8.0), (12, 2.0), (9, 0.5)))
        if low_risk
        else dice.weighted(((3, 4.0), (4, 4.0), (2, 0.6)))
    )
    person.facts["perio"] = not low_risk
