"""Names as printed in one cell, initials, and the NPI's check digit."""

import re
from dataclasses import dataclass

_SUFFIX = re.compile(r"[\s,]+(jr|sr|ii|iii|iv|v|dmd|dds|rdh|md|phd|esq)\.?$", re.IGNORECASE)
_NPI = re.compile(r"^\d{10}$")


@dataclass(frozen=True, slots=True)
class PrintedName:
    """A name cut into its parts; parts that are not printed are empty."""

    last: str = ""
    first: str = ""
    middle: str = ""
    suffix: str = ""


def split_name(text: str) -> PrintedName:
    """Cut ``Keller, Imogen A``, ``Imogen A Keller`` or ``Freeman Jr, Aaron`` into parts."""
    bare = " ".join(text.split())
    suffix = ""
    if "," in bare:
        last, _, rest = bare.partition(",")
        if rest.strip().rstrip(".").lower() in {"jr", "sr", "ii", "iii", "iv"}:
            suffix, bare, rest = rest.strip(), last, ""
        else:
            match = _SUFFIX.search(last)
            if match:
                suffix, last = match[1], last[: match.start()]
            first, _, middle = rest.strip().partition(" ")
            return PrintedName(last.strip(), first, middle.strip(), suffix)
    match = _SUFFIX.search(bare)
    if match:
        suffix, bare = match[1], bare[: match.start()]
    words = bare.split()
    if not words:
        return PrintedName(suffix=suffix)
    if len(words) == 1:
        return PrintedName(last=words[0], suffix=suffix)
    return PrintedName(words[-1], words[0], " ".join(words[1:-1]), suffix)


def initials(first: str | None, last: str | None) -> str:
    """Return the two letters a provider signs with, upper case; empty where a part is missing."""
    return f"{first[0]}{last[0]}".upper() if first and last else ""


def npi_is_valid(npi: str) -> bool:
    """Check an NPI's last digit (Luhn over ``80840`` and the number)."""
    if not _NPI.match(npi):
        return False
    total = 0
    for place, digit in enumerate(reversed("80840" + npi)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - Luhn
    return total % 10 == 0
