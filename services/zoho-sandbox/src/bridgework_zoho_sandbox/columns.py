"""Fields as SQL: where a value is stored, and how a literal must look to be compared with it."""

from __future__ import annotations

import math
from typing import Any

from .clock import parse_iso
from .metadata import USER_TYPES, FieldMeta, Module
from .record_ids import record_id

_COLUMNS = {
    "Owner": "owner",
    "Created_By": "created_by",
    "Modified_By": "modified_by",
    "Created_Time": "created",
    "Modified_Time": "modified",
    "Last_Activity_Time": "modified",
    "Full_Name": "name",
}
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
REFERENCES = frozenset({"lookup", "linked", *USER_TYPES})
TEXTS = frozenset(
    {"text", "textarea", "email", "phone", "website", "picklist", "autonumber", "id_text"}
)
UNQUERYABLE = frozenset(
    {"subform", "fileupload", "imageupload", "profileimage", "participants", "reminder", "rrule"}
)


SAFE_INTEGER = 2**53  # beyond it a float no longer holds every integer


def column_sql(field_name: str, alias: str = "") -> str:
    """Return the SQL expression of a field's stored value; names are legal API names."""
    dot = f"{alias}." if alias else ""
    if field_name == "id":
        return f"{dot}id"
    column = _COLUMNS.get(field_name)
    return f"{dot}{column}" if column else f"json_extract({dot}doc, '$.{field_name}')"


def in_doc(field_name: str) -> bool:
    """Return whether a field's value is inside the stored document, not a column of its own."""
    return field_name != "id" and field_name not in _COLUMNS


def kind_of(module: Module, field_name: str) -> str | None:
    """Return the data type of a field, ``"id"`` for the record id, ``None`` for no such field."""
    if field_name == "id":
        return "id"
    field = module.fields.get(field_name)
    return None if field is None or field.deleted else field.data_type


def literal(kind: str, text: Any) -> Any:
    """Return a literal in stored form; ``ValueError`` when it does not fit the type."""
    if kind == "id" or kind in REFERENCES:
        found = record_id(text)
        if found is None:
            raise ValueError(kind)
        return found
    if kind == "datetime":
        moment = parse_iso(str(text)) if isinstance(text, str) else None
        if moment is None:
            raise ValueError(kind)
        return int(moment)
    if kind in NUMBERS:
        return _number(text)
    if kind == "boolean":
        return _boolean(text)
    return str(text)


def _number(text: Any) -> float | int:
    if isinstance(text, bool):
        raise ValueError("number")  # noqa: TRY004 - one exception type for a bad literal
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("number")
    if value.is_integer() and abs(value) < SAFE_INTEGER:
        return int(text) if isinstance(text, (int, float)) else int(value)
    return value


def _boolean(text: Any) -> int:
    if text in (True, "true", "True"):
        return 1
    if text in (False, "false", "False"):
        return 0
    raise ValueError("boolean")


def is_text(kind: str) -> bool:
    """Return whether values are compared as text, without regard to case."""
    return kind in TEXTS or kind == "multiselectpicklist"


def queryable(field: FieldMeta) -> bool:
    """Return whether criteria may name the field."""
    return field.data_type not in UNQUERYABLE
