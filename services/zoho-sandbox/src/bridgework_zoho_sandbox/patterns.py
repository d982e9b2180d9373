r"""Zoho's published patterns for phone and e-mail, and ours for web addresses.

Source: the insert-records page, "Sample Attributes" (fact sheet §4.1). The e-mail pattern needs
``\p`` classes; an ASCII address takes an equal pattern of the standard library, four times faster.
"""

from __future__ import annotations

import re

import regex

PHONE = re.compile(
    r"^([+]?)(?![.-])(?>(?>[.-]?[ ]?[\da-zA-Z]+)+|([ ]?\((?![.-])(?>[ .-]?[\da-zA-Z]+)+\)(?![.])"
    r"([ -]?[\da-zA-Z]+)?)+)+(?>(?>([,]+)?[;]?[\da-zA-Z]+)+(([#][\da-zA-Z]+)+)?)?[#;]?$"
)
EMAIL = regex.compile(
    r"^[+\-\p{L}\p{M}\p{N}_]([\p{L}\p{M}\p{N}!#$%&'*+\-/=?^_`{|}~.]*)@(?=.{4,256}$)"
    r"(([\p{L}\p{N}\p{M}]+)(([\-_]*[\p{L}\p{M}\p{N}])*)[.])+[\p{L}\p{M}]{2,22}$"
)
# The usual shapes, decided without backtracking; everything else goes to Zoho's own pattern.
PLAIN_PHONE = re.compile(r"\+?[0-9]+(?:[ .-][0-9]+)*+|\([0-9]{3}\) [0-9]{3}-[0-9]{4}")
_EMAIL_ASCII = re.compile(
    r"^[+\-a-zA-Z0-9_]([a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]*)@(?=.{4,256}$)"
    r"(([a-zA-Z0-9]+)(([\-_]*[a-zA-Z0-9])*)[.])+[a-zA-Z]{2,22}$"
)
URL = re.compile(
    r"(?:(?:https?|ftp)://[^\s/?#.]+(?:\.[^\s/?#.]+)+|www\.[^\s/?#.]+(?:\.[^\s/?#.]+)+)(?:[/?#]\S*)?",
    re.IGNORECASE,
)
API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
HTML_TAG = re.compile(r"<[^<>]*>")


def is_email(text: str) -> bool:
    """Return whether Zoho accepts the text as an e-mail address."""
    pattern = _EMAIL_ASCII if text.isascii() else EMAIL
    return pattern.match(text) is not None


def is_phone(text: str) -> bool:
    """Return whether Zoho accepts the text as a phone number, its length aside."""
    return PLAIN_PHONE.fullmatch(text) is not None or PHONE.match(text) is not None


def is_url(text: str) -> bool:
    """Return whether the text is a web address with scheme or ``www.`` and a dotted host."""
    return URL.fullmatch(text) is not None


def is_api_name(text: str) -> bool:
    """Return whether a custom API name is legal: no ``__``, no trailing ``_``, a letter first."""
    return (
        API_NAME.fullmatch(text) is not None
        and "__" not in text
        and not text.endswith("_")
        and len(text) <= 50  # noqa: PLR2004 - fact sheet §4.2
    )
