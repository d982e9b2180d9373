"""Money as exact decimal strings with two places, and whole numbers."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

Parsed = tuple[str | None, str | None]

_PLAIN = re.compile(r"^-?\d{1,13}\.\d\d$")
_SCIENTIFIC = re.compile(r"^[+-]?\d(?:[.,]\d+)?[eE]\+?\d+$")
_CENT = Decimal("0.01")
_MAX_DIGITS = 14

_ADDS = {"charge", "adjustment +", "finance charge", "refund"}
_TAKES = {"patient payment", "insurance payment", "adjustment -", "insurance write-off"}
_OWN_SIGN = {"transfer", "starting balance"}


def parse_money(text: str) -> Parsed:  # noqa: C901 - one step per way to write an amount
    """Read an amount with its written sign: ``1,234.50``, ``(45.00)``, ``45.00-``, ``1.234,50``.

    Returns:
        The amount as ``"-45.00"``; more than two decimals are rounded and reported unless they
        are only a spreadsheet's floating-point dust.
    """
    if _PLAIN.match(text):
        return ("0.00" if text == "-0.00" else text), None
    bare = text.strip().replace("\u2212", "-").replace("\u00a0", "")
    if not bare.strip(" -.$()"):
        return None, None
    negative = False
    if bare.startswith("(") and bare.endswith(")"):
        negative, bare = True, bare[1:-1]
    bare = bare.replace("$", "").replace("USD", "").replace(" ", "").replace("'", "")
    if bare[-2:].upper() in {"CR", "DR"}:
        negative ^= bare[-2:].upper() == "CR"
        bare = bare[:-2]
    if bare.endswith("-"):
        negative, bare = not negative, bare[:-1]
    if bare.startswith(("-", "+")):
        negative, bare = negative ^ (bare[0] == "-"), bare[1:]
    if _SCIENTIFIC.match(bare):
        return None, "number_destroyed"
    bare = _plain_decimal(bare)
    try:
        amount = Decimal(bare)
    except InvalidOperation:
        return None, "money_unreadable"
    if not amount.is_finite() or amount.adjusted() >= _MAX_DIGITS:
        return None, "money_unreadable"
    cents = amount.quantize(_CENT, rounding=ROUND_HALF_EVEN)
    code = "money_rounded" if abs(cents - amount) > Decimal("0.000001") else None
    if negative:
        cents = -cents
    return (f"{cents:f}" if cents else "0.00"), code


def _plain_decimal(text: str) -> str:
    """Remove thousands marks and turn a decimal comma into a point."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma < 0:
        return text.replace(".", "") if text.count(".") > 1 else text
    if point < 0:
        whole, _, tail = text.rpartition(",")
        decimal_comma = text.count(",") == 1 and len(tail) != 3  # noqa: PLR2004 - not a thousand
        return f"{whole}.{tail}" if decimal_comma else text.replace(",", "")
    if comma > point:
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")


def signed_effect(written: str, kind: str) -> tuple[str, str | None]:
    """Return what an amount does to the balance (debit positive), by its kind.

    Args:
        written: The amount as :func:`parse_money` gives it, with its written sign.
        kind: Ledger kind; it decides the sign, whatever the text looks like. Transfers,
            starting balances and kinds nobody knows keep their own sign.

    Returns:
        The effect, and ``money_sign_odd`` where a charge was written as a negative amount.
    """
    word = kind.strip().lower()
    bare = written.removeprefix("-")
    if word in _ADDS:
        return (bare, "money_sign_odd") if written != bare else (bare, None)
    if word in _TAKES:
        return ("0.00" if bare == "0.00" else f"-{bare}"), None
    return written, None if word in _OWN_SIGN else "choice_unknown"


def parse_int(text: str) -> tuple[int | None, str | None]:
    """Read a whole number: ``12``, ``12.0``, ``1,200``."""
    bare = text.strip().replace(",", "")
    if not bare:
        return None, None
    if _SCIENTIFIC.match(bare):
        return None, "number_destroyed"
    if re.fullmatch(r"[+-]?\d{1,15}(\.0*)?", bare):
        return int(bare.split(".")[0]), None
    return None, "number_unreadable"
