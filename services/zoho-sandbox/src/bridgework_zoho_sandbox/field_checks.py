"""One check per field type: a JSON value goes in, the value to store comes out or a refusal.

Stored form: instants as epoch seconds, references as integer ids, the rest as sent. Nothing is
ever truncated except surplus decimals (fact sheet §4.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from .behaviour import Behaviour
from .errors import Json
from .metadata import FieldMeta
from .patterns import is_email, is_phone, is_url
from .record_ids import record_id

if TYPE_CHECKING:
    from .validation import ModuleChecks

SUBFORM_ROWS_MAX = 100
PARTICIPANTS_MAX = 50
WHOLE_DIGITS = {"double": 16, "currency": 16, "percent": 5}
PICKLIST_MAX = 120
ISO_DATETIME_LENGTH = 25
ISO_DATE_LENGTH = 10
YEAR_MIN, YEAR_MAX = 1000, 9998  # every zone can show it


class Bad(Exception):
    """A value is refused; the caller adds field name and path."""

    def __init__(
        self, details: Json, *, code: str = "INVALID_DATA", message: str = "invalid data"
    ) -> None:
        super().__init__(code)
        self.details = details
        self.code = code
        self.message = message


class Lookups(Protocol):
    """What checks must ask the org while a request runs."""

    se_module: str | None

    def record_exists(self, module: str, record: int) -> bool:
        """Return whether a live record has this id."""
        ...

    def active_person(self, value: Any, *, by_email: bool) -> int | None:
        """Return the id of an active user for ``{"id"}`` (or e-mail), ``None`` without one."""
        ...

    def by_external(self, path: str, value: Json) -> tuple[str, int | None] | None:
        """Return (module, id) for a reference by external field; ``None``: not in the header."""
        ...

    def may_link(self, module: str) -> bool:
        """Return whether activities may point to the module with ``What_Id``."""
        ...

    def file_exists(self, file_id: str) -> bool:
        """Return whether ``POST /files`` gave out this id."""
        ...

    def new_row_id(self) -> int:
        """Return an id for a subform row."""
        ...

    def subform_checks(self, module: str) -> ModuleChecks:
        """Return the validator of a subform's rows."""
        ...


Check = Callable[[Any, Lookups], Any]


def expected(kind: str) -> Bad:
    """Refuse a value of the wrong type."""
    return Bad({"expected_data_type": kind})


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


def _reference_id(value: Any, *, bare_ids: bool) -> int:
    if isinstance(value, dict):
        found = record_id(value.get("id"))
        if found is None:
            raise Bad({}, message="the id given seems to be invalid")
        return found
    if bare_ids and (found := record_id(value)) is not None:
        return found
    raise expected("jsonobject")


def _lookup(field: FieldMeta, behaviour: Behaviour) -> Check:
    target = field.lookup_module or ""
    path = field.api_name
    bare = behaviour.bare_lookup_ids

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is dict and "id" not in value:
            external = lookups.by_external(path, value)
            if external is not None:
                module, record = external
                if record is None or module != target:
                    raise Bad({}, message="the id given seems to be invalid")
                return record
        record = _reference_id(value, bare_ids=bare)
        if not lookups.record_exists(target, record):
            raise Bad({}, message="the id given seems to be invalid")
        return record

    return check


def _linked(field: FieldMeta, behaviour: Behaviour) -> Check:
    path = field.api_name
    bare = behaviour.bare_lookup_ids

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is dict and "id" not in value:
            external = lookups.by_external(path, value)
            if external is not None:
                module, record = external
                if record is None:
                    raise Bad({}, message="the id given seems to be invalid")
                lookups.se_module = module
                return record
        record = _reference_id(value, bare_ids=bare)
        target = lookups.se_module
        if target is None:
            raise Bad({"api_name": "$se_module"}, code="DEPENDENT_FIELD_MISSING")
        if not lookups.may_link(target):
            raise Bad({"api_name": "$se_module"})
        if not lookups.record_exists(target, record):
            raise Bad({}, message="the id given seems to be invalid")
        return record

    return check


def _person(_: FieldMeta, behaviour: Behaviour) -> Check:
    by_email = behaviour.owner_by_email

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is not dict and not (type(value) is str and by_email):
            raise expected("jsonobject")
        person = lookups.active_person(value, by_email=by_email)
        if person is None:
            raise Bad({}, message="the id given seems to be invalid")
        return person

    return check


def _files(field: FieldMeta, _: Behaviour) -> Check:
    most = field.length

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is not list:
            raise expected("jsonarray")
        if len(value) > most:
            raise Bad({"maximum_length": most})
        for item in value:
            if type(item) is not dict or not lookups.file_exists(str(item.get("File_Id__s"))):
                raise Bad({}, message="the file id given seems to be invalid")
        return [{"File_Id__s": item["File_Id__s"]} for item in value]

    return check


def _subform(field: FieldMeta, _: Behaviour) -> Check:
    module = field.subform_module or ""

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is not list:
            raise expected("jsonarray")
        if len(value) > SUBFORM_ROWS_MAX:
            raise Bad({"maximum_length": SUBFORM_ROWS_MAX})
        checks = lookups.subform_checks(module)
        rows = []
        for index, row in enumerate(value):
            if type(row) is not dict:
                raise expected("jsonobject")
            stored = checks.build(row, lookups, f"{field.api_name}[{index}]")
            stored["id"] = record_id(row.get("id")) or lookups.new_row_id()
            if "_delete" in row:
                stored["_delete"] = None
            rows.append(stored)
        return rows

    return check


def _participants(_: FieldMeta, __: Behaviour) -> Check:
    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not list:
            raise expected("jsonarray")
        if len(value) > PARTICIPANTS_MAX:
            raise Bad(
                {"limit": PARTICIPANTS_MAX},
                code="LIMIT_EXCEEDED",
                message="participants limit exceeded",
            )
        for item in value:
            if type(item) is not dict or item.get("type") not in {
                "contact",
                "lead",
                "user",
                "email",
            }:
                raise expected("jsonobject")
        return value

    return check


def _json_of(kind: type, name: str) -> Callable[[FieldMeta, Behaviour], Check]:
    def make(_: FieldMeta, __: Behaviour) -> Check:
        def check(value: Any, _: Lookups) -> Any:
            if not isinstance(value, kind):
                raise expected(name)
            return value

        return check

    return make


def _tags(_: FieldMeta, __: Behaviour) -> Check:
    def check(value: Any, _: Lookups) -> Any:
        if type(value) is not list:
            raise expected("jsonarray")
        names = []
        for item in value:
            name = item.get("name") if type(item) is dict else item
            if type(name) is not str or not name:
                raise expected("jsonobject")
            names.append(name)
        return list(dict.fromkeys(names))

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
    "lookup": _lookup,
    "linked": _linked,
    "ownerlookup": _person,
    "userlookup": _person,
    "fileupload": _files,
    "imageupload": _files,
    "subform": _subform,
    "participants": _participants,
    "reminder": _json_of(list, "jsonarray"),
    "rrule": _json_of(dict, "jsonobject"),
    "alarm": _json_of(dict, "jsonobject"),
    "tags": _tags,
}
