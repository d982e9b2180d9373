"""Single values: what fits a Zoho field of a kind, and what does not.

Every function takes the source's value and returns Zoho's, or raises :class:`Unusable`.
"""

import re
from datetime import date
from typing import Any, NamedTuple

from bridgework_mapping.notes import cut, zoho_length

EMAIL_LIMIT = 100
PHONE_LIMIT = 30
PICKLIST_LIMIT = 120
YEARS = ("1000", "9998")
"""First and last year of a moment: every time zone can show it in four digits."""
_ELLIPSIS = "…"
_MOMENT_LENGTH = 19
_DATE_LENGTH = 10

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
BREAKS = re.compile(r"\s*[\r\n\u0085\u2028\u2029]+\s*")
_CURRENCY = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]{1,2})?")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])(?:-[0-9]{2})?")
_EMAIL = re.compile(
    r"[+\-\w][\w!#$%&'*+\-/=?^`{|}~.]*+@(?=.{4,256}\Z)(?:[^\W_]++(?:[\-_]++[^\W_]++)*+\.)+"
    r"[^\W\d_]{2,22}"
)
_PHONE = re.compile(
    r"([+]?)(?![.-])(?>(?>[.-]?[ ]?[\da-zA-Z]+)+"
    r"|([ ]?\((?![.-])(?>[ .-]?[\da-zA-Z]+)+\)(?![.])([ -]?[\da-zA-Z]+)?)+)+"
    r"(?>(?>([,]+)?[;]?[\da-zA-Z]+)+(([#][\da-zA-Z]+)+)?)?[#;]?"
)
"""Zoho's published patterns (insert-records, v7/v8); the e-mail one is no wider than Zoho's."""

TRUE_WORDS = frozenset({True, "Y", "Yes", "yes", "true", "True"})
FALSE_WORDS = frozenset({False, "N", "No", "no", "false", "False"})


class Unusable(Exception):  # says what the value is; it never leaves this package
    """The value does not fit the field.

    Attributes:
        code: What is wrong, snake_case.
        remedy: What a person can do.
        kept: A shortened value that would fit, or None.
    """

    def __init__(self, code: str, remedy: str, kept: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.remedy = remedy
        self.kept = kept


class Trouble(NamedTuple):
    """Something a person may want to know about a converted value."""

    spec: str
    code: str
    effect: str
    shape: str
    remedy: str


def shape_of(value: Any) -> str:
    """Return the value's masked shape: letters A/a, digits 9, at most 24 characters."""
    text = value if isinstance(value, str) else str(value)
    masked = [
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text[:24]
    ]
    return "".join(c if c.isprintable() else "·" for c in masked)


def clean(text: str) -> str:
    """Return the text trimmed, with LF line ends and without control characters."""
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = CONTROL.sub("", text)
    return text.strip()


def fit(text: str, limit: int) -> str:
    """Return the text, or raise with its longest fitting start and an ellipsis."""
    if len(text) * 2 > limit and zoho_length(text) > limit:
        raise Unusable(
            "too_long",
            f"Zoho takes {limit} characters here; shorten it in the source or map it to a longer "
            "field. The whole value is in the sealed snapshot.",
            kept=cut(text, limit - 1).rstrip() + _ELLIPSIS,
        )
    return text


def as_text(value: Any) -> str:
    """Return text; numbers in their shortest form, anything else is no text."""
    if type(value) is str:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unusable("not_text", "The mapping expects text here; check the line's source.")


def to_date(value: Any) -> str:
    """Return ``YYYY-MM-DD``; of a moment, its day. The calendar is checked, no zone is involved."""
    text = value if type(value) is str else ""
    if len(text) >= _MOMENT_LENGTH and text[_DATE_LENGTH] == "T":
        text = text[:_DATE_LENGTH]
    if len(text) == _DATE_LENGTH and text[4] == "-":
        try:
            date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    raise Unusable("not_a_date", "Correct the date in the source.")


def to_month(value: Any) -> str:
    """Return the first day of the month that ``YYYY-MM`` or a date names."""
    if type(value) is str and _MONTH.fullmatch(value):
        return f"{value[:7]}-01"
    raise Unusable("not_a_month", "Correct the month in the source.")


def to_phone(value: Any) -> str | None:
    """Return the number as it is, if Zoho's pattern and length take it."""
    text = as_text(value).strip()
    if not text:
        return None
    if len(text) <= PHONE_LIMIT and ((text.isascii() and text.isalnum()) or _PHONE.fullmatch(text)):
        return text
    raise Unusable("not_a_phone", "Correct the phone number in the source.")


def to_email(value: Any) -> str | None:
    """Return the address as it is, if Zoho's pattern and length take it."""
    text = as_text(value).strip()
    if not text:
        return None
    if len(text) <= EMAIL_LIMIT and _EMAIL.fullmatch(text):
        return text
    raise Unusable("not_an_email", "Correct the e-mail address in the source.")


def to_currency(value: Any) -> float:
    """Return the amount as a number whose JSON form is the decimal itself, exact to the cent."""
    if type(value) is str and _CURRENCY.fullmatch(value):
        # At most 15 significant digits: the shortest form of the float is the decimal itself.
        return float(value) or 0.0
    if type(value) is int and abs(value) < 10**13:
        return float(value)
    raise Unusable("not_money", "Correct the amount in the source (two decimal places).")


def to_integer(value: Any) -> int:
    """Return a whole number of at most nine digits."""
    if type(value) is int and -(10**9) < value < 10**9:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    raise Unusable("not_an_integer", "Correct the number in the source (at most nine digits).")


def to_boolean(value: Any) -> bool:
    """Return true or false; anything else is not guessed at."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str):
        if value in TRUE_WORDS:
            return True
        if value in FALSE_WORDS:
            return False
    raise Unusable("not_yes_or_no", "Correct the flag in the source.")


def split(text: str, limit: int) -> list[str]:
    """Return the text in pieces of at most ``limit``; joined they are the text again.

    No piece starts or ends with white space, because Zoho trims what it stores.
    """
    pieces = []
    while zoho_length(text) > limit:
        head = cut(text, limit)
        end = len(head)
        while end > 1 and (text[end - 1].isspace() or text[end].isspace()):
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    pieces.append(text)
    return pieces
