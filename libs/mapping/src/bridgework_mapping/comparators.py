"""Equal or not, by kind of field: what we expected against what Zoho gives back.

Each comparator forgives exactly what Zoho is known to do to a value of that kind (trim, re-zone,
reformat), and nothing else. Blank forms (null, empty text, empty list) are all the same blank.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from bridgework_mapping.notes import without_marker
from bridgework_mapping.wallclock import instant

Comparator = Callable[[Any, Any], bool]

_NOT_PHONE = re.compile(r"[^0-9a-z]")
_TRUE = (True, "true", 1)
_FALSE = (False, "false", 0, None, "")


def _blank(value: Any) -> bool:
    return value is None or value in ("", [], {})


def normal_text(value: Any) -> str:
    """Return text with LF line ends, no trailing blanks on lines, trimmed."""
    text = value if isinstance(value, str) else str(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def same_text(expected: Any, actual: Any) -> bool:
    """Text, line ends and outer blanks aside."""
    return normal_text(expected) == normal_text(actual)


def same_note(expected: Any, actual: Any) -> bool:
    """Note text without its marker."""
    return normal_text(without_marker(str(expected))) == normal_text(without_marker(str(actual)))


def same_date(expected: Any, actual: Any) -> bool:
    """Calendar days, as strings: no time zone can move them."""
    return str(expected)[:10] == str(actual)[:10]


def same_datetime(expected: Any, actual: Any) -> bool:
    """Instants, to the second, whatever zone Zoho answers in."""
    try:
        return instant(str(expected)) == instant(str(actual))
    except ValueError:
        return False


def same_currency(expected: Any, actual: Any) -> bool:
    """Amounts to the cent, in decimal arithmetic."""
    try:
        return _cents(expected) == _cents(actual)
    except (InvalidOperation, ValueError):
        return False


def _cents(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def same_integer(expected: Any, actual: Any) -> bool:
    """Whole numbers; Zoho may answer with text."""
    try:
        return int(str(expected)) == int(str(actual))
    except ValueError:
        return False


def same_boolean(expected: Any, actual: Any) -> bool:
    """True against true; false and blank are one (an unchecked box)."""
    return (expected in _TRUE) == (actual in _TRUE)


def same_phone(expected: Any, actual: Any) -> bool:
    """Digits and letters; punctuation is formatting."""
    return _digits(expected) == _digits(actual)


def _digits(value: Any) -> str:
    return _NOT_PHONE.sub("", str(value).casefold())


def same_picklist(expected: Any, actual: Any) -> bool:
    """The displayed value, exactly."""
    shown = actual.get("display_value") if isinstance(actual, dict) else actual
    return str(expected).strip() == str(shown).strip()


def same_lookup(expected: Any, actual: Any) -> bool:
    """Ids, whether given as text or as ``{"id": …}``."""
    return _id(expected) == _id(actual)


def _id(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    return None if value is None or value == "" else str(value)


def same_json(expected: Any, actual: Any) -> bool:
    """The same data; a page of a longer text, which is no JSON by itself, as text."""
    if normal_text(expected) == normal_text(actual):
        return True
    try:
        return bool(json.loads(str(expected)) == json.loads(str(actual)))
    except ValueError:
        return False


_BY_KIND: dict[str, Comparator] = {
    "text": same_text,
    "note": same_note,
    "date": same_date,
    "datetime": same_datetime,
    "currency": same_currency,
    "integer": same_integer,
    "phone": same_phone,
    "picklist": same_picklist,
    "lookup": same_lookup,
    "json": same_json,
}


def comparator(kind: str) -> Comparator:
    """Return the comparison of a kind; blanks are handled before the kind is asked."""
    if kind == "boolean":
        return same_boolean
    if kind == "ignore":
        return lambda _expected, _actual: True
    same = _BY_KIND[kind]

    def compare(expected: Any, actual: Any) -> bool:
        if _blank(expected) or _blank(actual):
            return _blank(expected) and _blank(actual)
        return same(expected, actual)

    return compare
