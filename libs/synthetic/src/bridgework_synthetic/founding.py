"""Founding a practice: every small file that exists once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.insurers import add_carriers
from bridgework_synthetic.names import PRACTICES, TOWNS
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.procedures import PROCEDURES
from bridgework_synthetic.recipe import Recipe
from bridgework_synthetic.rows import Row
from bridgework_synthetic.staffing import add_owners, add_providers, add_staff

_REFERRALS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "Google": (("Google", "google search", "GOOGLE", "google.com"), "Campaign"),
    "Instagram": (("Instagram", "insta ad", "IG"), "Campaign"),
    "Insurance directory": (("Insurance directory", "Ins. directory", "carrier site"), "Campaign"),
    "Neighborhood flyer": (("Neighborhood flyer", "flyer", "Flyer - spring"), "Campaign"),
    "Sign outside": (("Sign outside", "saw sign", "drive by"), "Campaign"),
    "Patient or family": (
        ("Patient or family", "existing pt", "family", "Word of mouth"),
        "Patient",
    ),
    "School fair": (("School fair", "school fair 2025"), "Campaign"),
    "Dr. Imelda Rookwood": (("Dr. Imelda Rookwood", "ROOKWOOD IMELDA DDS"), "Doctor"),
    "Dr. Casimir Oxenham": (("Dr. Casimir Oxenham", "Dr Oxenham"), "Doctor"),
    "Dr. Petra Lockhart": (("Dr. Petra Lockhart",), "Doctor"),
}


def found_practice(recipe: Recipe) -> Practice:
    """The office of a recipe, with all its small files filled."""
    dice = Dice(recipe.seed, "practice")
    name = dice.pick(PRACTICES)
    slug = "".join(letter for letter in name.lower() if letter.isalnum())
    practice = Practice(
        recipe=recipe,
        town=dice.pick(TOWNS),
        name=name,
        domain=f"{slug}.example.org",
        unit_min=dice.pick((10, 15)),
        as_of=recipe.exported_at,
    )
    _add_locations(practice, dice)
    add_providers(practice, dice)
    add_staff(practice)
    add_owners(practice)
    add_carriers(practice, dice)
    _add_procedures(practice)
    _add_referral_sources(practice)
    _add_goals(practice, dice)
    return practice


def _add_locations(practice: Practice, dice: Dice) -> None:
    town = practice.town
    offices = [(practice.name, town.city)]
    if practice.recipe.patients > 5000:
        offices += [(f"{practice.name} {place}", place) for place in town.neighbours[:2]]
    for number, (name, city) in enumerate(offices, start=1):
        practice.add(
            Row(
                "locations",
                str(number),
                {
                    "loc_id": str(number),
                    "name": name,
                    "address1": f"{dice.between(10, 990)} Foundry Street",
                    "city": city,
                    "st": town.state,
                    "zip": f"{town.zip3}{dice.digits(2)}",
                    "phone": cells.phone(f"413555019{number}", dice),
                    "timezone": "" if number > 1 and dice.chance(0.5) else town.time_zone,
                },
                {"Contact": None},
            )
        )


def _add_procedures(practice: Practice) -> None:
    for item in PROCEDURES:
        fee = Decimal(item.fee)
        practice.add(
            Row(
                "proc_codes",
                item.code,
                {
                    "code": item.code,
                    "label": item.label,
                    "area": item.area,
                    "fee1": cells.cents(fee),
                    "fee2": cells.cents(fee * Decimal("0.84")),
                    "fee3": cells.cents(fee * Decimal("0.66")),
                },
            )
        )


def _add_referral_sources(practice: Practice) -> None:
    number = 51
    for meaning, (spellings, kind) in _REFERRALS.items():
        practice.referral_values[meaning] = list(spellings)
        for spelling in spellings:
            practice.referrals.append((spelling, meaning, str(number)))
            practice.add(
                Row(
                    "referral_sources",
                    str(number),
                    {"ref_id": str(number), "name": spelling, "kind": kind},
                )
            )
            number += 1


def _add_goals(practice: Practice, dice: Dice) -> None:
    """Eighteen months per clinician; the running month has no actual yet."""
    today = practice.today
    months = [
        date(today.year + (today.month - 1 - back) // 12, (today.month - 1 - back) % 12 + 1, 1)
        for back in range(17, -1, -1)
    ]
    clinicians = [p for p in practice.dentists + practice.hygienists if p.active]
    for place, provider in enumerate(clinicians):
        base = 24000 if provider.kind == "Dentist" else 9500
        for number, first in enumerate(months):
            goal = Decimal(round(base * (0.7 + 0.6 * dice.random()) / 500) * 500)
            actual = (
                None if number == 17 else (goal * dice.money(0.72, 1.1)).quantize(Decimal("0.01"))
            )
            style = place if number < 9 else place + 1
            practice.add(
                Row(
                    "production_goals",
                    f"{provider.prov_id}|{first.isoformat()}",
                    {
                        "prov_id": provider.prov_id,
                        "month": cells.month(first, style),
                        "goal": cells.amount(goal, dice),
                        "actual": "" if actual is None else cells.amount(actual, dice),
                    },
                    {
                        "Provider": provider.prov_id,
                        "Month": f"{first:%Y-%m}",
                        "Monthly_Production_Goal": cells.cents(goal),
                        "Monthly_Production_Actual": None
                        if actual is None
                        else cells.cents(actual),
                    },
                )
            )
