"""Stored values back into Zoho's JSON: instants in the caller's zone, references with names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .clock import iso
from .errors import Json
from .metadata import FieldMeta, Module
from .org import Org
from .people import Person
from .table import Record, Table

RICH_TEXT_IN_LISTS = 500
NOT_IN_LISTS = frozenset({"subform", "multiselectlookup"})
_SYSTEM = frozenset(
    {
        "Owner",
        "Created_By",
        "Modified_By",
        "Created_Time",
        "Modified_Time",
        "Last_Activity_Time",
        "Tag",
        "Full_Name",
    }
)
Render = Callable[[Record, Json], Any]


class Renderer:
    """Renders records of one module for one caller.

    Args:
        wanted: Field names to show; ``None`` shows every live field.
        in_list: List answers cut rich text at 500 characters and leave subforms out.
    """

    def __init__(
        self,
        org: Org,
        module: Module,
        person: Person,
        *,
        wanted: Iterable[str] | None = None,
        in_list: bool = False,
        full_text: bool = True,
    ) -> None:
        self.org = org
        self.module = module
        self.person = person
        self._zone = person.time_zone
        self._names: dict[tuple[str, int], str | None] = {}
        self._tables: dict[str, Table] = {}
        self._cut = RICH_TEXT_IN_LISTS if in_list or not full_text else None
        self._hide_phi = org.behaviour.hipaa_restrict_api
        everything = wanted is None
        fields = [
            module.fields[name]
            for name in (module.fields if wanted is None else wanted)
            if name in module.fields and not module.fields[name].deleted
        ]
        shown = [field for field in fields if not (in_list and field.data_type in NOT_IN_LISTS)]
        # Most values are shown as they are stored; only the others have a function of their own.
        self._shown = [field.api_name for field in shown]
        made = [(field.api_name, self._render_of(field)) for field in shown]
        self._special = [(name, render) for name, render in made if render is not None]
        self._linked = any(field.data_type == "linked" for field in fields)
        self._everything = everything

    def render(self, record: Record) -> Json:
        """Return one record as JSON."""
        values = record.values()
        out: Json = self._shown_values(record, values)
        if self._linked:
            out["$se_module"] = values.get("$se_module")
        out["id"] = str(record.id)
        if self._everything:
            out["$approval_state"] = "approved"
            out["$approved"] = True
            out["$editable"] = True
            out["$in_merge"] = False
            out["$state"] = "save"
            out["Record_Status__s"] = "Available"
        return out

    def render_row(self, values: Json) -> Json:
        """Return one row of a subform."""
        record = Record(values["id"], 0, 0, 0, 0, self.person.id, None, "{}")
        out = self._shown_values(record, values)
        out["id"] = str(values["id"])
        return out

    def _shown_values(self, record: Record, values: Json) -> Json:
        get = values.get
        out: Json = {name: get(name) for name in self._shown}
        for name, render in self._special:
            out[name] = render(record, values)
        return out

    def name_of(self, module: str, record: int) -> str | None:
        """Return the display name of a referenced record, ``None`` when it is gone."""
        key = (module, record)
        if key not in self._names:
            table = self._tables.get(module)
            if table is None:
                table = self._tables[module] = Table(self.org.database, self.org.modules[module])
            self._names.update(
                {(module, item): name for item, name in table.names([record]).items()}
            )
            self._names.setdefault(key, None)
        return self._names[key]

    def _render_of(self, field: FieldMeta) -> Render | None:
        """Return what shows a field, ``None`` when its stored value is shown as it is."""
        name = field.api_name
        if self._hide_phi and field.hipaa:
            return lambda _, __: None
        if name in _SYSTEM:
            return self._system(name)
        if field.textarea_type == "rich_text" and self._cut is not None:
            cut = self._cut
            return lambda _, values: None if (v := values.get(name)) is None else v[:cut]
        return self._by_kind(field).get(field.data_type)

    def _by_kind(self, field: FieldMeta) -> dict[str, Render]:
        name, target = field.api_name, field.lookup_module

        def person(_: Record, values: Json) -> Any:
            return self.org.person_reference(values.get(name))

        return {
            "datetime": lambda _, values: self._moment(values.get(name)),
            "ownerlookup": person,
            "userlookup": person,
            "lookup": lambda _, values: self._reference(target, values.get(name)),
            "linked": lambda _, values: self._reference(values.get("$se_module"), values.get(name)),
            "bigint": lambda _, values: None if (v := values.get(name)) is None else str(v),
            "boolean": lambda _, values: bool(values.get(name)),
            "subform": lambda _, values: self._rows(field, values.get(name)),
            "multiselectpicklist": lambda _, values: values.get(name) or [],
        }

    def _system(self, name: str) -> Render:
        org = self.org
        table: dict[str, Render] = {
            "Owner": lambda record, _: org.person_reference(record.owner),
            "Created_By": lambda record, _: org.person_reference(record.created_by),
            "Modified_By": lambda record, _: org.person_reference(record.modified_by),
            "Created_Time": lambda record, _: iso(record.created, self._zone),
            "Modified_Time": lambda record, _: iso(record.modified, self._zone),
            "Last_Activity_Time": lambda record, _: iso(record.modified, self._zone),
            "Full_Name": lambda record, _: record.name,
            "Tag": lambda _, values: [{"name": tag} for tag in values.get("Tag") or ()],
        }
        return table[name]

    def _moment(self, value: Any) -> str | None:
        return None if value is None else iso(value, self._zone)

    def _reference(self, module: str | None, record: Any) -> Json | None:
        if record is None or module not in self.org.modules:
            return None
        return {"name": self.name_of(module, record), "id": str(record)}

    def _rows(self, field: FieldMeta, rows: Any) -> list[Json]:
        module = self.org.modules[field.subform_module or ""]
        inner = Renderer(self.org, module, self.person, wanted=module.fields)
        return [inner.render_row(row) for row in rows or ()]
