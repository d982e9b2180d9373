"""Carriers under their many spellings, and the plans employers buy from them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.names import AREA_CODES, EMPLOYERS
from bridgework_synthetic.practice import Plan, Practice
from bridgework_synthetic.rows import Row

_CARRIERS: Final = (
    ("04417", ("Beacon Dental Plans", "BEACON DENTAL", "Beacon Dent. Plans")),
    ("31822", ("Harvest Mutual Dental", "Harvest Mutual Dntl")),
    ("00936", ("Delta Dental", "DELTA DENTAL", "Delta Dental of {state}", "DELTA DENT.")),
    ("77120", ("Silverline Benefit Trust",)),
    ("52009-{state}2", ("Copperfield Dental PPO", "COPPERFIELD DENTAL")),
    ("68241", ("Unity Smiles of {state}",)),
    ("68242", ("Unity Smiles of the Lakes", "UNITY SMILES OF THE LAKES")),
    ("09915", ("Meridian Dental", "Meridian Dental HMO", "Meridian Dntl.")),
    ("45530", ("Pioneer Guild Dental",)),
    ("12076", ("Quill & Anchor Dental Fund",)),
    ("", ("Shipwrights Local 88 Fund",)),
)
"""Payer id and the spellings under which the office entered it. Unity Smiles is two payers."""


def add_carriers(practice: Practice, dice: Dice) -> None:
    """Fill ``carriers`` and ``plans``; one true carrier per payer id, whatever its spellings."""
    number = 401
    for payer_id, spellings in _CARRIERS:
        payer = payer_id.format(state=practice.town.state)
        city, phone = dice.pick(_CITIES), f"{dice.pick(AREA_CODES)}55501{dice.digits(2)}"
        street = f"{dice.between(100, 9900)} {dice.pick(('Exchange', 'Commerce', 'Harbor'))} Plaza"
        ids = [str(number + offset) for offset in range(len(spellings))]
        names = [spelling.format(state=practice.town.state) for spelling in spellings]
        for place, (carrier_id, name) in enumerate(zip(ids, names, strict=True)):
            practice.add(
                Row(
                    "carriers",
                    carrier_id,
                    {
                        "carrier_id": carrier_id,
                        "name": name,
                        "address1": street if place < 2 else f"PO Box {dice.between(100, 9999)}",
                        "city": city[0],
                        "st": city[1],
                        "zip": city[2],
                        "phone": cells.phone(phone, dice),
                        "payer_id": payer,
                        "active": "N" if place and dice.chance(0.2) else "Y",
                    },
                )
            )
        practice.carriers.append(
            {
                "key": ids[0],
                "keys": ids,
                "expect": "required",
                "fields": {
                    "Account_Name": names[0],
                    "Account_Type": "Insurance Carrier",
                    "Payer_ID": payer or None,
                    "Billing_City": city[0],
                    "Billing_State": city[1],
                },
                "accept": {"Account_Name": names, "Payer_ID": [payer or None]},
            }
        )
        number += len(spellings) + dice.between(0, 2)
    _add_plans(practice, dice)


_CITIES: Final = (
    ("Ashgrove", "PA", "17055"),
    ("Meridian Falls", "MN", "55411"),
    ("Old Saltworks", "RI", "02907"),
    ("Tallow Creek", "GA", "30318"),
    ("Birch Haven", "WI", "53204"),
)


def _add_plans(practice: Practice, dice: Dice) -> None:
    number = 801
    for carrier in practice.carriers:
        for _ in range(dice.between(2, 4)):
            carrier_id = dice.pick(carrier["keys"])
            printed = next(
                row.cells["name"] for row in practice.rows["carriers"] if row.key == carrier_id
            )
            employer = dice.pick(EMPLOYERS)
            plan = Plan(
                plan_id=str(number),
                carrier_id=carrier_id,
                carrier_name=printed,
                carrier_ids=list(carrier["keys"]),
                group_no=dice.pick(("0", "00", "000", "", "")) + str(dice.between(1000, 99999)),
                deductible=Decimal(dice.pick((25, 50, 50, 75, 100))),
            )
            practice.plans.append(plan)
            practice.add(
                Row(
                    "plans",
                    plan.plan_id,
                    {
                        "plan_id": plan.plan_id,
                        "carrier_id": plan.carrier_id,
                        "employer": employer,
                        "group_name": employer[:24],
                        "group_no": plan.group_no,
                        "type": dice.weighted(
                            (("PPO", 5), ("%", 4), ("flat copay", 1), ("capitation", 1))
                        ),
                        "annual_max": cells.amount(
                            Decimal(dice.pick((1000, 1250, 1500, 2000))), dice
                        ),
                        "deductible": cells.cents(plan.deductible),
                        "renew_month": str(dice.pick((0, 0, 0, 1, 4, 7, 10))),
                    },
                )
            )
            number += 1
