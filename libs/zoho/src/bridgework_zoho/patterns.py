"""The patterns Zoho publishes for phone numbers and e-mail addresses, and web addresses.

Source: the insert-records page as restored in the fact sheet (§4.1), checked against the page's
own samples. A value that does not match costs the whole record, so it must not be sent.
"""

import re

import regex

_PHONE = regex.compile(
    r"^([+]?)(?![.-])(?>(?>[.-]?[ ]?[\da-zA-Z]+)+"
    r"|([ ]?\((?![.-])(?>[ .-]?[\da-zA-Z]+)+\)(?![.])([ -]?[\da-zA-Z]+)?)+)+"
    r"(?>(?>([,]+)?[;]?[\da-zA-Z]+)+(([#][\da-zA-Z]+)+)?)?[#;]?$"
)
_EMAIL = regex.compile(
    r"^[+\-\p{L}\p{M}\p{N}_]([\p{L}\p{M}\p{N}!#$%&'*+\-/=?^_`{|}~.]*)@(?=.{4,256}$)"
    r"(([\p{L}\p{N}\p{M}]+)(([\-_]*[\p{L}\p{M}\p{N}])*)[.])+[\p{L}\p{M}]{2,22}$"
)
# The usual shapes, decided without backtracking; everything else goes to Zoho's own pattern.
_PLAIN_PHONE = re.compile(r"\+?[0-9]+(?:[ .-][0-9]+)*+|\([0-9]{3}\) [0-9]{3}-[0-9]{4}")
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.+-]*+@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*+\.)+[A-Za-z]{2,22}"
)
_URL = regex.compile(
    r"(?:(?:https?|ftp)://|www\.)[^\s/?#.]+(?:\.[^\s/?#.]+)+(?:[/?#]\S*)?", regex.IGNORECASE
)
_PLAIN_DOMAIN_MAX = 256
_PLAIN_DOMAIN_MIN = 4


def is_phone(text: str) -> bool:
    """Whether Zoho's pattern takes this phone number; its length is another matter."""
    return _PLAIN_PHONE.fullmatch(text) is not None or _PHONE.match(text) is not None


def is_email(text: str) -> bool:
    """Whether Zoho's pattern takes this e-mail address; its length is another matter."""
    if _PLAIN_EMAIL.fullmatch(text) is not None:
        domain = len(text) - text.index("@") - 1
        return _PLAIN_DOMAIN_MIN <= domain <= _PLAIN_DOMAIN_MAX
    return _EMAIL.match(text) is not None


def is_url(text: str) -> bool:
    """Whether this is a scheme or ``www.`` followed by a dotted host, without blanks (§4.1)."""
    return _URL.fullmatch(text) is not None
