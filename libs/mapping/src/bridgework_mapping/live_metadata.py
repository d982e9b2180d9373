"""Zoho's own description of an org, read leniently: what we do not know is not an error.

Accepted forms: ``{"modules": [GET /settings/modules rows], "fields": {module: [GET
/settings/fields rows]}}``; ``{"modules": [{"api_name", "fields": […]}]}``; ``{module: [rows]}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LiveField:
    """One field as it stands in the org."""

    api_name: str
    label: str
    data_type: str
    length: int | None
    unique: bool
    lookup_module: str | None
    values: tuple[str, ...]
    writable: bool
    id: str | None = None


@dataclass(frozen=True)
class LiveModule:
    """One module as it stands in the org; ``fields`` is empty where nobody read them."""

    api_name: str
    labels: tuple[str, ...] = ()
    fields: tuple[LiveField, ...] = ()


@dataclass(frozen=True)
class LiveOrg:
    """The modules of an org by live API name."""

    modules: Mapping[str, LiveModule] = field(default_factory=dict)


def read_org(metadata: Mapping[str, Any]) -> LiveOrg:
    """Return the org that the metadata describes."""
    listed = metadata.get("modules")
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        by_module = _mapping(metadata.get("fields"))
        rows = [(row, by_module.get(row["api_name"], row.get("fields"))) for row in listed]
    else:
        rows = [({"api_name": name}, found) for name, found in metadata.items()]
    modules = [_module(row, found) for row, found in rows]
    return LiveOrg({module.api_name: module for module in modules})


def _module(row: Mapping[str, Any], fields: Any) -> LiveModule:
    names = ("plural_label", "module_label", "module_name", "singular_label")
    return LiveModule(
        api_name=str(row["api_name"]),
        labels=tuple(str(row[name]) for name in names if row.get(name)),
        fields=tuple(_field(found) for found in _rows(fields) if found.get("api_name")),
    )


def _field(row: Mapping[str, Any]) -> LiveField:
    operations = _mapping(row.get("operation_type"))
    read_only = bool(row.get("read_only") or row.get("field_read_only"))
    length = row.get("length")
    lookup = _mapping(row.get("lookup"))
    target = lookup.get("module") or row.get("lookup_module")
    return LiveField(
        api_name=str(row["api_name"]),
        label=str(row.get("field_label") or row.get("display_label") or ""),
        data_type=str(row.get("data_type") or ""),
        length=length if isinstance(length, int) else None,
        unique=bool(row.get("unique")),
        lookup_module=str(target.get("api_name")) if isinstance(target, dict) else target or None,
        values=tuple(_value(value) for value in row.get("pick_list_values") or ()),
        writable=bool(operations.get("api_create", not read_only)),
        id=str(row["id"]) if row.get("id") else None,
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("display_value") or value.get("actual_value") or "")
    return str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value or () if isinstance(row, Mapping)]
