"""Procedure codes: CDT as ``D`` and four digits however printed, office codes as they are."""

import re
from collections.abc import Container

Parsed = tuple[str | None, str | None]

_CDT = re.compile(r"^[dD]?\s*(\d{1,4})(?:\.(\d{1,2}))?$")
_OFFICE = re.compile(r"^[A-Za-z][A-Za-z0-9 ._/\-]{0,19}$")


def parse_code(text: str, office: Container[str] = ()) -> Parsed:
    """Read one printed procedure code.

    Args:
        text: ``D0120``, ``0120``, ``120``, ``120.00``, ``d0120`` or an office code.
        office: Codes of the practice's own list, upper case, taken as they are.

    Returns:
        The code, and what was normalised. A decimal suffix other than ``.00`` is dropped and
        reported; something that is neither CDT nor a word is kept as printed.
    """
    bare = text.strip()
    upper = bare.upper()
    if len(upper) == 5 and upper[0] == "D" and upper[1:].isdigit():  # noqa: PLR2004
        return upper, None if bare == upper else "code_normalised"
    if upper in office and not _CDT.match(upper):
        return upper, None
    match = _CDT.match(bare)
    if match:
        code = f"D{match[1].zfill(4)}"
        if match[2] and match[2].strip("0"):
            return code, "code_suffix"
        return code, "code_normalised"
    if _OFFICE.match(bare):
        return upper, None
    return (upper or None), "code_unreadable" if upper else None
