"""E-mail addresses and United States zip codes."""

import re

Parsed = tuple[str | None, str | None]

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_NOTHING = {"none", "n/a", "na", "no", "no email", "declined", "refused", "unknown", "-", "x"}
_LEADING_ZERO = {"CT", "MA", "ME", "NH", "NJ", "RI", "VT", "PR", "VI", "AE"}
"""States and territories whose zip codes begin with 0 (USPS ranges 005-099)."""


def parse_email(text: str) -> Parsed:
    """Read one address in lower case; what is none gives ``None`` and a code."""
    bare = text.strip()
    if bare.lower() in _NOTHING:
        return None, None
    found = _EMAIL.findall(bare)
    if not found:
        return None, "email_unreadable"
    address = found[0].strip(".").lower()
    local = address.split("@")[0]
    if ".." in address or local.startswith(".") or local.endswith("."):
        return None, "email_unreadable"
    if len({a.lower() for a in found}) > 1:
        return address, "email_two"
    return address, None if found[0] == address else "email_case"


def parse_zip(text: str, state: str | None) -> Parsed:
    """Read a zip code as ``02111`` or ``02111-1943``.

    A zero lost in front is restored where the state's codes begin with zero or the state is
    unknown; any other short code is kept as it stands, with a problem.
    """
    bare = re.sub(r"\.0$", "", text.strip())
    bare = re.sub(r"\s*-\s*$", "", bare)
    match = re.fullmatch(r"(\d{5})(?:[\s-]*(\d{4}))?", bare)
    if match:
        return (f"{match[1]}-{match[2]}" if match[2] else match[1]), None
    match = re.fullmatch(r"(\d{3,4})(?:\s*-\s*(\d{4}))?", bare) or re.fullmatch(
        r"(\d{4})(\d{4})", bare
    )
    if match and (state is None or state.strip().upper() in _LEADING_ZERO):
        head = match[1].zfill(5)
        return (f"{head}-{match[2]}" if match[2] else head), "zip_zero_restored"
    return bare or None, "zip_odd"
