"""The money of one account: charges, claims, payments, and the balance they come to.

Every amount is kept as its signed effect on the balance; how it is printed is the kind's business.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.families import Family
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.patients import account_block
from bridgework_synthetic.practice import Plan, Practice
from bridgework_synthetic.rows import Fields, Household, Person, Row
from bridgework_synthetic.visits import Visit

_ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
_TENDER: Final = (
    ("visa", 4.0),
    ("mastercard", 2.0),
    ("check", 2.5),
    ("cash", 1.2),
    ("HSA card", 0.8),
)
_HISTORY_DAYS: Final = 540
"""Entries older than this were moved to history (flag ``*``)."""


class Books:
    """Writes the ledger and the claims of one account."""

    def __init__(
        self, practice: Practice, household: Household, family: Family, dice: Dice, numbers: Numbers
    ) -> None:
        """All rows go to ``household``."""
        self._practice = practice
        self._household = household
        self._family = family
        self._dice = dice
        self._numbers = numbers

    def keep(self, visits: list[Visit]) -> None:
        """Book every visit, the missed ones, and what an account collects besides."""
        self._open_account()
        if self._family.people[0].first_visit and self._dice.chance(0.03):
            start = self._family.people[0].first_visit
            self._entry(self._family.people[0].pat_id, start, "Starting balance",
                        self._dice.money(-60, 260), memo="From previous system")  # fmt: skip
        for visit in visits:
            self._visit(visit)
        for row in self._household.of("appointments"):
            if row.cells["status"] == "Broken" and self._dice.chance(0.2):
                self._entry(row.cells["pat_id"], row.facts["at"].date(), "Charge",
                            Decimal(45), code="ZZMISS", memo="No show")  # fmt: skip
        self._extras()
        self._household.of("ledger").sort(key=lambda row: row.facts["on"])

    def book(self, visit: Visit) -> None:
        """The charges of one visit, its claim, and what was paid."""
        self._visit(visit)

    def _open_account(self) -> None:
        dice, family = self._dice, self._family
        billing = dice.weighted(
            (("Standard", 94.0), ("Pre-collections", 3.5), ("Collections", 2.5))
        )
        codes = "C" if billing == "Collections" else ""
        if all(person.status != "Active" for person in family.people):
            codes = "I" + codes
        payer = None if family.guarantor == "outsider" else family.head.pat_id
        family.facts["state"] = self._practice.town.state
        self._household.add(
            Row(
                "accounts",
                family.acct_id,
                {
                    "acct_id": family.acct_id,
                    **account_block(family, dice),
                    "billing_type": billing,
                    "user_codes": codes,
                    "notes1": dice.pick(
                        ("Autopay 15th", "Stmt to office", "Court order: both parents")
                    )
                    if dice.chance(0.06)
                    else "",
                },
                {"Contact": payer, "Billing_Type": billing},
            )
        )

    def _entry(self, pat_id: str, on: date, kind: str, effect: Decimal, **more: str) -> str:
        """One ledger line; its number."""
        dice = self._dice
        entry_id = self._numbers.take("ledger")
        age = (self._practice.today - on).days
        flag = "*" if age > _HISTORY_DAYS else ""
        entered = on + timedelta(days=1) if dice.chance(0.05) and age > 1 else on
        if not flag and age > 40 and dice.chance(0.006):
            flag, entered = "^", on + timedelta(days=dice.between(4, 20))
        if kind == "Patient payment" and dice.chance(0.006):
            flag = "+"
        counted = _ZERO if flag == "+" else effect
        printed = cells.ledger_amount(effect, kind, dice)
        true: Fields = {"Deal": self._family.acct_id}
        if pat_id:
            true["Patient"] = pat_id
        true |= {
            "Entry_Date": on.isoformat(),
            "Entry_Type": kind,
            "Amount": cells.cents(counted),
        }
        for name, value in (
            ("Procedure_Code", more.get("code")), ("Tooth_Number", more.get("tooth")),
            ("Claim_Number", more.get("claim_id")), ("Flag", flag),
        ):  # fmt: skip
            if value:
                true[name] = value
        row = Row(
            "ledger",
            entry_id,
            {
                "entry_id": entry_id,
                "acct_id": self._family.acct_id,
                "pat_id": pat_id,
                "post_date": cells.day(on),
                "entry_date": cells.day(entered),
                "kind": kind,
                "amount": printed,
                "flag": flag,
                **more,
            },
            true,
            "optional" if flag == "+" else "required",
        )
        if flag == "+":
            row.aside["written"] = cells.cents(abs(effect))
        row.facts = {"effect": counted, "on": on}
        self._household.add(row)
        return entry_id

    def _visit(self, visit: Visit) -> None:
        person, on, dice = visit.person, visit.at.date(), self._dice
        cover = next(
            (
                c
                for c in person.coverage
                if c["effective"] <= on and not (c["term"] and c["term"] < on)
            ),
            None,
        )
        billed = sum((item.fee for item in visit.work), _ZERO)
        if not billed:
            return
        claim_id = self._numbers.take("claims") if cover else ""
        first = ""
        for item in visit.work:
            entry = self._entry(
                person.pat_id, on, "Charge", item.fee, code=item.code, tooth=item.tooth,
                surf=item.surface, prov=visit.provider, claim_id=claim_id,
            )  # fmt: skip
            first = first or entry
        owed = billed
        if cover:
            owed -= self._claim(claim_id, person, cover["plan"], on, billed)
        if dice.chance(0.03):
            off = min(owed, dice.money(5, 40)).quantize(_CENT)
            if off > 0:
                self._entry(person.pat_id, on, "Adjustment -", -off, memo="- Senior courtesy")
                owed -= off
        if owed > 0 and dice.chance(0.86):
            late = on if dice.chance(0.5) else on + timedelta(days=dice.between(10, 60))
            if late <= self._practice.today:
                self._pay(person, late, owed, first)

    def _pay(self, person: Person, on: date, owed: Decimal, applied_to: str) -> None:
        dice = self._dice
        paid = owed if dice.chance(0.9) else (owed * dice.money(0.3, 0.8)).quantize(_CENT)
        tender = dice.weighted(_TENDER)
        number = str(dice.between(1000, 29999)) if tender == "check" else ""
        whole = self._family.pays_as_family
        self._entry(
            "" if whole else person.pat_id, on, "Patient payment", -paid, memo=tender,
            check_no=number, applied_to=applied_to if not whole and dice.chance(0.4) else "",
        )  # fmt: skip

    def _claim(
        self, claim_id: str, person: Person, plan: Plan, on: date, billed: Decimal
    ) -> Decimal:
        """Send the claim; what the carrier took over, written off included."""
        dice, today = self._dice, self._practice.today
        age = (today - on).days
        sent: date | None = on + timedelta(days=dice.between(0, 3))
        status = "Received" if age > 45 else dice.pick(("Sent", "Pending"))
        if age <= 3 and dice.chance(0.5):
            status, sent = "Waiting to send", None
        elif age > 45 and dice.chance(0.05):
            status = dice.pick(("Denied", "Denied", "Pending"))
        if sent and sent > today:
            status, sent = "Waiting to send", None
        paid = off = _ZERO
        if status == "Received":
            paid = (billed * dice.money(0.45, 0.82)).quantize(_CENT)
            off = (billed * dice.money(0.0, 0.16)).quantize(_CENT)
            back = min(today, (sent or on) + timedelta(days=dice.between(12, 42)))
            check = dice.digits(5) if dice.chance(0.6) else f"6{dice.digits(13)}"
            self._entry(person.pat_id, back, "Insurance payment", -paid, claim_id=claim_id,
                        check_no=check, memo=plan.carrier_name)  # fmt: skip
            if off:
                self._entry(person.pat_id, back, "Insurance write-off", -off, claim_id=claim_id)
        self._household.add(
            Row(
                "claims",
                claim_id,
                {
                    "claim_id": claim_id,
                    "pat_id": person.pat_id,
                    "plan_id": plan.plan_id,
                    "sent": cells.day(sent),
                    "status": status,
                    "billed": cells.cents(billed),
                    "paid": cells.cents(paid),
                    "write_off": cells.cents(off),
                },
                {
                    "Contact": person.pat_id,
                    "Status": status,
                    "Billed": cells.cents(billed),
                    "Paid": cells.cents(paid),
                    "Write_Off": cells.cents(off),
                    "Sent_Date": sent.isoformat() if sent else None,
                },
            )
        )
        return paid + off

    def _extras(self) -> None:
        dice, people = self._dice, [p for p in self._family.people if p.first_visit]
        if not people:
            return
        today = self._practice.today
        on = dice.day(people[0].first_visit or today, today)
        person = people[0]
        throw = dice.random()
        if throw < 0.02:
            self._entry(person.pat_id, on, "Adjustment +", Decimal(35), memo="+ Returned check")
        elif throw < 0.05:
            self._entry(person.pat_id, on, "Finance charge", dice.money(1, 19), memo="1.25% month")
        elif throw < 0.06:
            self._entry(person.pat_id, on, "Refund", dice.money(12, 90), memo="overpaid")
        if len(people) > 1 and dice.chance(0.06):
            moved = dice.money(15, 120)
            other = people[1]
            self._entry(person.pat_id, on, "Transfer", -moved, memo=f"to {other.first}")
            self._entry(other.pat_id, on, "Transfer", moved, memo=f"from {person.first}")


def settle(household: Household, today: date) -> list[Fields]:
    """Give every account of a household its balance, ageing and Deal; the key's ``balances``.

    Called last, and again after an evolution has changed the ledger.
    """
    balances = []
    for account in household.of("accounts"):
        entries = [r for r in household.of("ledger") if r.cells["acct_id"] == account.key]
        total = sum((row.facts["effect"] for row in entries), _ZERO)
        error = household.balance_error if account is household.of("accounts")[0] else _ZERO
        stored = total + error
        account.cells["balance"] = cells.cents(stored)
        account.cells |= _ageing(entries, stored, today)
        account.cells["last_stmt"] = cells.day(today.replace(day=1)) if stored > 0 else ""
        account.true["Amount"] = cells.cents(total)
        account.true["Lines"] = len(entries)
        account.expect = "required" if entries else "optional"
        if error:
            accept = account.accept or {}
            account.accept = accept | {"Amount": [cells.cents(total), cells.cents(stored)]}
        shares: dict[str, Decimal] = {}
        for row in entries:
            name = row.cells["pat_id"] or "unallocated"
            shares[name] = shares.get(name, _ZERO) + row.facts["effect"]
        balances.append(
            {
                "acct_id": account.key,
                "ledger_sum": cells.cents(total),
                "stored": cells.cents(stored),
                "agrees": not error,
                "entries": len(entries),
                "invalidated": sum(row.cells["flag"] == "+" for row in entries),
                "per_patient": {name: cells.cents(share) for name, share in shares.items()},
            }
        )
    return balances


def _ageing(entries: list[Row], balance: Decimal, today: date) -> dict[str, str]:
    """Spread a debit balance over the newest charges; a credit stands under ``aging_0``."""
    buckets = {"aging_0": _ZERO, "aging_30": _ZERO, "aging_60": _ZERO, "aging_90": _ZERO}
    left = balance
    if left < 0:
        buckets["aging_0"], left = left, _ZERO
    for row in sorted(entries, key=lambda entry: entry.facts["on"], reverse=True):
        if left <= 0:
            break
        effect = row.facts["effect"]
        if effect > 0:
            age = (today - row.facts["on"]).days
            part = min(left, effect)
            name = "aging_0" if age < 30 else "aging_30" if age < 60 else "aging_60"
            buckets[name if age < 90 else "aging_90"] += part
            left -= part
    buckets["aging_90"] += left
    return {name: cells.cents(part) for name, part in buckets.items()}
