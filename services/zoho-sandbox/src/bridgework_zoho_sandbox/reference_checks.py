"""Checks of fields that point to something else: records, users, files, rows, people, tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .behaviour import Behaviour
from .checking import Bad, Check, Lookups, expected
from .metadata import FieldMeta
from .record_ids import record_id

SUBFORM_ROWS_MAX = 100
PARTICIPANTS_MAX = 50


def _reference_id(value: Any, *, bare_ids: bool) -> int:
    if isinstance(value, dict):
        found = record_id(value.get("id"))
        if found is None:
            raise Bad({}, message="the id given seems to be invalid")
        return found
    if bare_ids and (found := record_id(value)) is not None:
        return found
    raise expected("jsonobject")


def lookup(field: FieldMeta, behaviour: Behaviour) -> Check:
    """Return the check of a reference to a record of one module."""
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


def linked(field: FieldMeta, behaviour: Behaviour) -> Check:
    """Return the check of ``What_Id``: a record of the module ``$se_module`` names."""
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


def person(_: FieldMeta, behaviour: Behaviour) -> Check:
    """Return the check of an owner or user lookup: an active user."""
    by_email = behaviour.owner_by_email

    def check(value: Any, lookups: Lookups) -> Any:
        if type(value) is not dict and not (type(value) is str and by_email):
            raise expected("jsonobject")
        person = lookups.active_person(value, by_email=by_email)
        if person is None:
            raise Bad({}, message="the id given seems to be invalid")
        return person

    return check


def files(field: FieldMeta, _: Behaviour) -> Check:
    """Return the check of a file field: ids from ``POST /files``."""
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


def subform(field: FieldMeta, _: Behaviour) -> Check:
    """Return the check of a subform: each row by the checks of its own module."""
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


def participants(_: FieldMeta, __: Behaviour) -> Check:
    """Return the check of a meeting's participants."""

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


def json_of(kind: type, name: str) -> Callable[[FieldMeta, Behaviour], Check]:
    """Return the maker of a check that only wants a JSON type."""

    def make(_: FieldMeta, __: Behaviour) -> Check:
        def check(value: Any, _: Lookups) -> Any:
            if not isinstance(value, kind):
                raise expected(name)
            return value

        return check

    return make


def tags(_: FieldMeta, __: Behaviour) -> Check:
    """Return the check of tags: names, each once."""

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
