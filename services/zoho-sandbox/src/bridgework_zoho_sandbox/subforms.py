"""Subforms: made in the layout editor, hence by the admin API; rows live inside their record."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from .errors import Json
from .field_rules import generated_name, new_field
from .metadata import FieldMeta, Module
from .org import Org


class NewSubform(BaseModel):
    """A subform of a module; ``fields`` are as in ``POST /settings/fields``."""

    model_config = ConfigDict(extra="forbid")

    module: str
    label: str = Field(min_length=1, max_length=50)
    fields: list[Json] = Field(min_length=1)


def add_subform(org: Org, wanted: NewSubform, make: Callable[..., Module]) -> Json:
    """Create the subform's module and the field that holds its rows.

    Raises:
        Rejected: when one of the fields is refused.
    """
    parent = org.modules[wanted.module]
    name = generated_name(parent, wanted.label)
    module_name = name if name not in org.modules else f"{name}_{parent.api_name}"
    rows = make(
        org,
        module_name,
        wanted.label,
        wanted.label,
        display_label=wanted.label,
        parent=parent.api_name,
    )
    for index, sent in enumerate(wanted.fields):
        field = new_field(org, rows, sent, f"$.fields[{index}]")
        rows.fields[field.api_name] = field
    org.save_module(rows)
    now = org.clock.now_s()
    parent.fields[name] = FieldMeta(
        id=org.ids.take(),
        api_name=name,
        label=wanted.label,
        data_type="subform",
        length=100,
        custom=True,
        subform_module=module_name,
        created_at=now,
        modified_at=now,
    )
    org.save_module(parent)
    return {
        "api_name": name,
        "module": module_name,
        "fields": [item.api_name for item in rows.live_fields()],
    }
