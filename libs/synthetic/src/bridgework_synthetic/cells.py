"""How values are printed in dialect (a), the program's own manner.

Every other dialect is a reprinting of these cells.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from bridgework_synthetic.dice import Dice

MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_CENT: Final = Decimal("0.01")


def day(value: date | None) -> str:
    """``MM/DD/YYYY`` or blank."""
    return "" if value is None else f"{value.month:02d}/{value.day:02d}/{value.year:04d}"


def moment(value: datetime | None) -> str:
    """``MM/DD/YYYY hh:mm AM`` or blank."""
    if value is None:
        return ""
    half = "AM" if value.hour < 12 else "PM"
    return f"{day(value)} {(value.hour - 1) % 12 + 1:02d}:{value.minute:02d} {half}"


def iso_minute(value: datetime) -> str:
    """``YYYY-MM-DDTHH:MM``, the key's way to write a wall clock."""
    return value.isoformat(timespec="minutes")


def clock(value: datetime, workstation: str) -> str:
    """Time of day as this workstation prints it: ``9:20 AM``, ``0920``, ``09:20a``."""
    hour12 = (value.hour - 1) % 12 + 1
    half = "AM" if value.hour < 12 else "PM"
    match workstation:
        case "reception1":
            return f"{hour12}:{value.minute:02d} {half}"
        case "reception2":
            return f"{value.hour:02d}{value.minute:02d}"
        case "hygdesk":
            return f"{hour12:02d}:{value.minute:02d} {half}"
        case _:
            return f"{hour12:02d}:{value.minute:02d}{half[0].lower()}"


def cents(value: Decimal) -> str:
    """Plain amount with two decimals, minus sign in front."""
    return str(value.quantize(_CENT))


def amount(value: Decimal, dice: Dice) -> str:
    """An amount as people leave it: one in three large ones carries a thousands comma."""
    if abs(value) >= 1000 and dice.chance(0.34):
        return f"{value:,.2f}"
    return cents(value)


def ledger_amount(value: Decimal, kind: str, dice: Dice) -> str:
    """A ledger amount; ``value`` is the signed effect, ``kind`` decides what is printed."""
    if kind == "Patient payment":
        return f"{amount(-value, dice)}-"
    if kind in ("Adjustment -", "Insurance write-off"):
        return f"({amount(-value, dice)})"
    if kind == "Insurance payment":
        return amount(-value, dice)
    return amount(value, dice)


def phone(digits: str, dice: Dice) -> str:
    """A ten-digit number in one of four everyday shapes."""
    if not digits:
        return ""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    throw = dice.random()
    if throw < 0.62:
        return f"({area}) {exchange}-{line}"
    if throw < 0.80:
        return f"{area}-{exchange}-{line}"
    if throw < 0.93:
        return digits
    return f"{area}.{exchange}.{line}"


def month(first: date, style: int) -> str:
    """A month in one of three spellings: ``2026-03``, ``Mar-26``, ``3/1/2026``."""
    match style % 3:
        case 0:
            return f"{first.year:04d}-{first.month:02d}"
        case 1:
            return f"{MONTHS[first.month - 1]}-{first.year % 100:02d}"
        case _:
            return f"{first.month}/1/{first.year:04d}"
