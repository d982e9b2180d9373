"""Modules, fields and layouts: what an org knows about its own shape, as Zoho would tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import Json

JSON_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "multiselectlookup": "jsonarray",
    "multiuserlookup": "jsonarray",
    "subform": "jsonarray",
    "fileupload": "jsonarray",
    "imageupload": "jsonarray",
    "participants": "jsonarray",
    "reminder": "jsonarray",
    "rrule": "jsonobject",
    "alarm": "jsonobject",
    "tags": "jsonarray",
}
USER_TYPES = frozenset({"ownerlookup", "userlookup"})
# What Zoho itself calls the types we keep apart internally.
PUBLIC_TYPES = {
    "participants": "jsonarray",
    "reminder": "event_reminder",
    "rrule": "RRULE",
    "alarm": "ALARM",
    "tags": "text",
    "linked": "lookup",
}


@dataclass(slots=True)
class Choice:
    """One value of a picklist."""

    id: int
    display_value: str
    actual_value: str
    sequence_number: int

    def to_json(self) -> Json:
        """Return the value as it stands in field metadata."""
        return {
            "id": str(self.id),
            "display_value": self.display_value,
            "actual_value": self.actual_value,
            "reference_value": self.actual_value,
            "sequence_number": self.sequence_number,
            "colour_code": None,
            "type": "used",
        }


@dataclass(slots=True)
class FieldMeta:
    """One field of one module."""

    id: int
    api_name: str
    label: str
    data_type: str
    length: int
    custom: bool = False
    mandatory: bool = False
    read_only: bool = False
    unique: bool = False
    external: Json | None = None
    lookup_module: str | None = None
    choices: list[Choice] = field(default_factory=list)
    decimal_place: int | None = None
    textarea_type: str | None = None
    hipaa: bool = False
    visible: bool = True
    in_layout: bool = True
    layout_required: bool = False
    tooltip: Json | None = None
    auto_number: Json | None = None
    subform_module: str | None = None
    deleted: bool = False
    created_at: int = 0
    modified_at: int = 0

    @property
    def json_type(self) -> str:
        """Return the JSON type a value must have."""
        return JSON_TYPES.get(self.data_type, "string")

    @property
    def keyed(self) -> bool:
        """Return whether values are kept in the key table: unique or external."""
        return self.unique or self.external is not None

    @classmethod
    def load(cls, doc: Json) -> FieldMeta:
        """Rebuild a field from its JSON."""
        choices = [Choice(**choice) for choice in doc.pop("choices")]
        return cls(**doc, choices=choices)


@dataclass(slots=True)
class Stage:
    """One stage of the sales pipeline."""

    id: int
    name: str
    probability: int
    forecast_type: str


@dataclass(slots=True)
class Module:
    """One module of one org with its fields, its only layout and its only view (every record)."""

    id: int
    slot: int
    api_name: str
    plural_label: str
    singular_label: str
    generated_type: str = "default"
    upsertable: bool = True
    bulk_writable: bool = True
    has_notes: bool = True
    duplicate_field: str | None = None
    display_field: str = "Name"
    layout_id: int = 0
    section_id: int = 0
    view_id: int = 0
    modified_at: int = 0
    parent: str | None = None
    fields: dict[str, FieldMeta] = field(default_factory=dict)
    pipelines: dict[str, list[Stage]] = field(default_factory=dict)
    pipeline_ids: dict[str, int] = field(default_factory=dict)
    version: int = 0

    def live_fields(self) -> list[FieldMeta]:
        """Return the fields that are not deleted, in order of creation."""
        return [item for item in self.fields.values() if not item.deleted]

    def field_by_id(self, field_id: int) -> FieldMeta | None:
        """Return a live field by its id."""
        for item in self.fields.values():
            if item.id == field_id and not item.deleted:
                return item
        return None

    def match_fields(self) -> list[FieldMeta]:
        """Return the fields whose values are indexed: system duplicate field, unique, external."""
        return [
            item
            for item in self.live_fields()
            if item.keyed or item.api_name == self.duplicate_field
        ]

    @classmethod
    def load(cls, doc: Json) -> Module:
        """Rebuild a module from its JSON."""
        fields = [FieldMeta.load(item) for item in doc.pop("fields").values()]
        pipelines = {
            name: [Stage(**stage) for stage in stages]
            for name, stages in doc.pop("pipelines").items()
        }
        return cls(**doc, fields={item.api_name: item for item in fields}, pipelines=pipelines)


def details_of(module: Module, **extra: Any) -> Json:
    """Return the small module object used inside other answers."""
    return {"api_name": module.api_name, "id": str(module.id), **extra}
