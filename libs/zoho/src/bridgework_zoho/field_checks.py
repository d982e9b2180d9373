"""One compiled check per field: a value goes in, nothing or what is wrong with it comes out.

Compiled once per module, because a run asks about every field of every record. A field type we do
not know is not judged: Zoho will say (fact sheet §4.1, §8 gotcha 23).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bridgework_zoho.metadata import FieldMeta
from bridgework_zoho.patterns import is_email, is_phone, is_url

ID_DIGITS = 19
CHOICE_CHARACTERS = 120
SUBFORM_ROWS = 100
PARTICIPANTS = 50
INTEGER_DIGITS, BIGINT_DIGITS = 9, 18
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 1000, 9998  # every time zone can show these


@dataclass(frozen=True, slots=True)
class Fault:
    """Why Zoho would refuse a value.

    Attributes:
        code: Zoho's code for it.
        detail: What is wrong, without the value.
        remedy: What to do about it.
        limit: Longest length allowed, where length is what is wrong.
    """

    code: str
    detail: str
    remedy: str
    limit: int | None = None


Check = Callable[[Any], Fault | None]
Exists = Callable[[str, str], bool]
"""Whether a module has a record (or the org an active user, module ``Users``) of this id."""


def compile_check(
    field: FieldMeta, *, accept_unknown_choices: bool = False, exists: Exists | None = None
) -> Check | None:
    """Build the check of one field; None for a type nobody has described.

    Args:
        field: Live metadata.
        accept_unknown_choices: Let picklist values pass that the org does not define; Zoho would
            store them, and typos would become data (§8 gotcha 11).
        exists: Asked about lookups and owners; None leaves existence to Zoho.
    """
    kind = field.data_type
    if kind == "text" and field.json_type == "jsonarray":
        return _rows(None)  # tags call themselves text
    if kind in _SIMPLE:
        return _SIMPLE[kind](field)
    if kind in ("picklist", "multiselectpicklist"):
        known = frozenset(value.display_value for value in field.pick_values)
        one = _choice(known, closed=not accept_unknown_choices)
        return one if kind == "picklist" else _choices(one)
    if kind in ("lookup", "ownerlookup", "userlookup"):
        target = "Users" if kind != "lookup" else field.lookup_module
        # An activity's What_Id points to the module its $se_module names.
        return _reference(None if field.api_name == "What_Id" else target, exists)
    return None


def _wrong_type(expected: str) -> Fault:
    return Fault(
        "INVALID_DATA",
        f"the value is not a {expected}",
        f"Map this field to a {expected}, or correct it at the source.",
    )


def _too_long(limit: int, unit: str = "characters") -> Fault:
    return Fault(
        "INVALID_DATA",
        f"the value is longer than {limit} {unit}",
        "Shorten it at the source, map it to a longer field, or let it be cut with a note.",
        limit,
    )


_NOT_TEXT = _wrong_type("text")
_NOT_BOOLEAN = _wrong_type("true or false")
_NOT_NUMBER = _wrong_type("number")
_NOT_WHOLE = _wrong_type("whole number")
_NOT_LIST = _wrong_type("list")
_NOT_DATE = Fault(
    "INVALID_DATA", "the value is no date of the form yyyy-MM-dd", "Correct the date at the source."
)
_NOT_MOMENT = Fault(
    "INVALID_DATA",
    "the value is no moment of the form yyyy-MM-ddTHH:mm:ss+HH:mm",
    "Give seconds and an offset, without fractions; correct it at the source.",
)
_UNKNOWN_CHOICE = Fault(
    "INVALID_DATA",
    "the value is none of the field's choices",
    "Add it to the value map of this field, or add the choice in Zoho.",
)
_NOT_REFERENCE = Fault(
    "INVALID_DATA",
    "the value does not name a record by id",
    'Send {"id": "…"} with the Zoho id of the record it points to.',
)
_NOT_THERE = Fault(
    "INVALID_DATA",
    "the record or user it points to does not exist or is not active",
    "Load the parent first, or choose another owner.",
)
_PATTERN_FAULTS = {
    "email": Fault(
        "INVALID_DATA",
        "the value is no e-mail address as Zoho understands them",
        "Correct it at the source, or keep it in a text field.",
    ),
    "phone": Fault(
        "INVALID_DATA",
        "the value is no phone number as Zoho understands them",
        "Correct it at the source, or keep it in a text field.",
    ),
    "website": Fault(
        "INVALID_DATA",
        "the value is no web address",
        "Add http:// or www. in the mapping, or keep it in a text field.",
    ),
}


def _text(length: int | None) -> Check:
    if length is None:
        return lambda value: None if type(value) is str else _NOT_TEXT
    fault = _too_long(length)

    def check(value: Any) -> Fault | None:
        if type(value) is not str:
            return _NOT_TEXT
        return fault if len(value) > length else None

    return check


def _patterned(kind: str, length: int | None) -> Check:
    matches = {"email": is_email, "phone": is_phone, "website": is_url}[kind]
    unmatched = _PATTERN_FAULTS[kind]
    limit = length if length is not None else 10_000
    too_long = _too_long(limit)

    def check(value: Any) -> Fault | None:
        if type(value) is not str:
            return _NOT_TEXT
        if len(value) > limit:
            return too_long
        return None if matches(value) else unmatched

    return check


def _date(value: Any) -> Fault | None:
    if type(value) is not str or _DATE.fullmatch(value) is None:
        return _NOT_DATE
    try:
        date.fromisoformat(value)
    except ValueError:
        return _NOT_DATE
    return None


def _moment(value: Any) -> Fault | None:
    if type(value) is not str or _MOMENT.fullmatch(value) is None:
        return _NOT_MOMENT
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _NOT_MOMENT
    return None if _FIRST_YEAR <= moment.year <= _LAST_YEAR else _NOT_MOMENT


def _boolean(value: Any) -> Fault | None:
    return None if value is True or value is False else _NOT_BOOLEAN


def _whole(digits: int, *, text_allowed: bool) -> Check:
    limit = 10**digits
    too_long = _too_long(digits, "digits")

    def check(value: Any) -> Fault | None:
        if type(value) is str and text_allowed:
            plain = value.removeprefix("-")
            if not (plain.isascii() and plain.isdigit()):
                return _NOT_WHOLE
            return too_long if len(plain) > digits else None
        if type(value) is not int:
            return _NOT_WHOLE
        return None if -limit < value < limit else too_long

    return check


def _decimal(digits: int) -> Check:
    limit = 10**digits
    too_long = _too_long(digits, "digits before the point")

    def check(value: Any) -> Fault | None:
        if type(value) is not int and type(value) is not float:
            return _NOT_NUMBER
        # Not a number compares false with everything, and JSON cannot carry it.
        return None if -limit < value < limit else too_long

    return check


def _choice(known: frozenset[str], *, closed: bool) -> Check:
    too_long = _too_long(CHOICE_CHARACTERS)

    def check(value: Any) -> Fault | None:
        if type(value) is not str:
            return _NOT_TEXT
        if value in known or value == "":
            return None
        if len(value) > CHOICE_CHARACTERS:
            return too_long
        return _UNKNOWN_CHOICE if closed else None

    return check


def _choices(one: Check) -> Check:
    def check(value: Any) -> Fault | None:
        if type(value) is not list:
            return _NOT_LIST
        return next(filter(None, map(one, value)), None)

    return check


def _reference(module: str | None, exists: Exists | None) -> Check:
    def check(value: Any) -> Fault | None:
        found = reference_id(value)
        if found is None:
            return _NOT_REFERENCE
        if module is not None and exists is not None and not exists(module, found):
            return _NOT_THERE
        return None

    return check


def reference_id(value: Any) -> str | None:
    """Read the id out of ``{"id": "…"}``; None if there is none."""
    found = value.get("id") if type(value) is dict else None
    if type(found) is int and found > 0:
        found = str(found)
    if type(found) is not str or not (found.isascii() and found.isdigit()):
        return None
    return found if len(found) <= ID_DIGITS and int(found) < 2**63 else None


def _rows(most: int | None) -> Check:
    too_many = None if most is None else _too_long(most, "rows")

    def check(value: Any) -> Fault | None:
        if type(value) is not list or not all(type(row) is dict for row in value):
            return _NOT_LIST
        return too_many if most is not None and len(value) > most else None

    return check


def _files(most: int | None) -> Check:
    rows = _rows(most)

    def check(value: Any) -> Fault | None:
        fault = rows(value)
        if fault is None and not all(type(row.get("File_Id__s")) is str for row in value):
            return _NOT_REFERENCE
        return fault

    return check


_SIMPLE: dict[str, Callable[[FieldMeta], Check]] = {
    "text": lambda field: _text(field.length),
    "textarea": lambda field: _text(field.length),
    "autonumber": lambda field: _text(field.length),
    "email": lambda field: _patterned("email", field.length),
    "phone": lambda field: _patterned("phone", field.length),
    "website": lambda field: _patterned("website", field.length),
    "integer": lambda field: _whole(field.length or INTEGER_DIGITS, text_allowed=False),
    "bigint": lambda field: _whole(field.length or BIGINT_DIGITS, text_allowed=True),
    "double": lambda _: _decimal(16),
    "currency": lambda _: _decimal(16),
    "percent": lambda _: _decimal(5),
    "date": lambda _: _date,
    "datetime": lambda _: _moment,
    "boolean": lambda _: _boolean,
    "subform": lambda _: _rows(SUBFORM_ROWS),
    "multiselectlookup": lambda _: _rows(None),
    "multiuserlookup": lambda _: _rows(None),
    "fileupload": lambda field: _files(field.length),
    "imageupload": lambda field: _files(field.length),
}
