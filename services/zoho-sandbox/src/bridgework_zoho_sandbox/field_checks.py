"""One check per field type: a JSON value goes in, the value to store comes out or a refusal.

Stored form: instants as epoch seconds, references as integer ids, the rest as sent. Nothing is
ever truncated except surplus decimals (fact sheet §4.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from .behaviour import Behaviour
from .checking import Bad, Check, Lookups, expected
from .metadata import FieldMeta
from .patterns import is_email, is_phone, is_url
from .reference_checks import files, json_of, linked, lookup, participants, person, subform, tags

WHOLE_DIGITS = {"double": 16, "currency": 16, "percent": 5}
PICKLIST_MAX = 120
ISO_DATETIME_LENGTH = 25
ISO_DATE_LENGTH = 10
YEAR_MIN, YEAR_MAX = 1000, 9998  # every zone can show it


def _text(field: FieldMeta, _: Behaviour) -> Check:
    limit = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str:
            raise expected("string")
        if len(value) > limit:
            raise Bad({"maximum_length": limit})
        return value or None

    return check


def _email(field: FieldMeta, _: Behaviour) -> Check:
    limit = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str:
            raise expected("email")
        if len(value) > limit:
            raise Bad({"maximum_length": limit})
        if not is_email(value):
            raise expected("email")
        return value

    return check


def _phone(field: FieldMeta, _: Behaviour) -> Check:
    limit = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str or len(value) > limit or not is_phone(value):
            raise expected("phone")
        return value

    return check


def _website(field: FieldMeta, _: Behaviour) -> Check:
    limit = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str:
            raise expected("website")
        if len(value) > limit:
            raise Bad({"maximum_length": limit})
        if not is_url(value):
            raise expected("website")
        return value

    return check


def _date(_: FieldMeta, __: Behaviour) -> Check:
    def check(value: Any, _: Lookups) -> Any:
        if (
            type(value) is not str
            or len(value) != ISO_DATE_LENGTH
            or value[4] != "-"
            or value[7] != "-"
        ):
            raise expected("date")
        try:
            date.fromisoformat(value)
        except ValueError:
            raise expected("date") from None
        return value

    return check


def _datetime(_: FieldMeta, behaviour: Behaviour) -> Check:
    lenient = behaviour.lenient_datetime

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str:
            raise expected("datetime")
        if not lenient and (
            len(value) != ISO_DATETIME_LENGTH or value[10] != "T" or value[22] != ":"
        ):
            raise expected("datetime")
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None or not YEAR_MIN <= moment.year <= YEAR_MAX:
                raise expected("datetime")
            return math.floor(moment.timestamp())
        except (ValueError, OverflowError):
            raise expected("datetime") from None

    return check


def _integer(field: FieldMeta, _: Behaviour) -> Check:
    limit = 10**field.length
    digits = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not int:
            raise expected("integer")
        if not -limit < value < limit:
            raise Bad({"maximum_length": digits})
        return value

    return check


def _bigint(field: FieldMeta, _: Behaviour) -> Check:
    digits = field.length

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is str:
            plain = value.removeprefix("-")
            if not (plain.isascii() and plain.isdigit()):
                raise expected("bigint")
        elif type(value) is int:
            plain = str(abs(value))
        else:
            raise expected("bigint")
        if len(plain) > digits:
            raise Bad({"maximum_length": digits})
        return int(value)

    return check


def _number(field: FieldMeta, _: Behaviour) -> Check:
    digits = WHOLE_DIGITS[field.data_type]
    limit = 10**digits
    places = field.decimal_place if field.decimal_place is not None else 2
    scale = 10**places
    kind = "double"

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is int:
            number = value
        elif type(value) is float:
            if round(value, places) != value and abs(value) < limit:
                value = math.trunc(value * scale) / scale
            number = value
        else:
            raise expected(kind)
        if not -limit < number < limit:
            raise Bad({"maximum_length": digits})
        return number

    return check


def _boolean(_: FieldMeta, __: Behaviour) -> Check:
    def check(value: Any, _: Lookups) -> Any:
        if value is True or value is False:
            return value
        raise expected("boolean")

    return check


def _picklist(field: FieldMeta, behaviour: Behaviour) -> Check:
    known = {choice.display_value for choice in field.choices}
    values = [choice.display_value for choice in field.choices]
    closed = behaviour.unknown_picklist_values == "reject"

    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not str:
            raise expected("string")
        if value in known:
            return value
        if len(value) > PICKLIST_MAX:
            raise Bad({"maximum_length": PICKLIST_MAX})
        if closed and value:
            raise Bad({"supported_values": values})
        return value or None

    return check


def _multiselect(field: FieldMeta, behaviour: Behaviour) -> Check:
    one = _picklist(field, behaviour)

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is not list:
            raise expected("jsonarray")
        return list(dict.fromkeys(one(item, lookups) for item in value)) or None

    return check


MAKERS: dict[str, Callable[[FieldMeta, Behaviour], Check]] = {
    "text": _text,
    "textarea": _text,
    "autonumber": _text,
    "email": _email,
    "phone": _phone,
    "website": _website,
    "date": _date,
    "datetime": _datetime,
    "integer": _integer,
    "bigint": _bigint,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "boolean": _boolean,
    "picklist": _picklist,
    "multiselectpicklist": _multiselect,
    "lookup": lookup,
    "linked": linked,
    "ownerlookup": person,
    "userlookup": person,
    "fileupload": files,
    "imageupload": files,
    "subform": subform,
    "participants": participants,
    "reminder": json_of(list, "jsonarray"),
    "rrule": json_of(dict, "jsonobject"),
    "alarm": json_of(dict, "jsonobject"),
    "tags": tags,
}
