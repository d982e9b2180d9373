"""What an org looks like: modules, fields, layouts, pipelines, read leniently from Zoho.

Zoho adds field types faster than anyone can list them, so a type we do not know is kept as the
word Zoho used and nothing fails (fact sheet §8, gotcha 23).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridgework_zoho.requests import JsonObject

if TYPE_CHECKING:
    from bridgework_zoho.client import ZohoClient


@dataclass(frozen=True, slots=True)
class PickValue:
    """One choice of a picklist: what people see, and what is stored."""

    display_value: str
    actual_value: str


@dataclass(frozen=True, slots=True)
class FieldMeta:
    """One field of a module.

    Attributes:
        id: Field id; needed to change or delete it.
        api_name: The live name, the only one that may be sent.
        label: What people see.
        data_type: Zoho's word: text, textarea, email, phone, picklist, lookup, datetime …
        json_type: How it travels: string, integer, double, boolean, jsonarray, jsonobject.
        length: Longest value in characters (digits for numbers); None if Zoho names none.
        decimal_places: Digits after the point, for currency and decimals.
        custom: Made by somebody in the org.
        required: Zoho refuses an insert without it (system mandatory).
        creatable: May be sent with an insert.
        updatable: May be sent with an update.
        unique: Holds a value no second record may have.
        external: Addressable by ``X-EXTERNAL``; ``user`` or ``org``.
        lookup_module: API name of the module a lookup points to.
        pick_values: Choices of a picklist, in order.
        textarea: ``small``, ``large`` or ``rich_text``.
        restricted: May read back as null because of a health or privacy mark (§4.6).
        raw: Everything Zoho said.
    """

    id: str
    api_name: str
    label: str
    data_type: str
    json_type: str = "string"
    length: int | None = None
    decimal_places: int | None = None
    custom: bool = False
    required: bool = False
    creatable: bool = True
    updatable: bool = True
    unique: bool = False
    external: str | None = None
    lookup_module: str | None = None
    pick_values: tuple[PickValue, ...] = ()
    textarea: str | None = None
    restricted: bool = False
    raw: JsonObject = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "FieldMeta":
        """Read one element of ``fields[]``."""
        operations = _mapping(row.get("operation_type"))
        read_only = bool(row.get("read_only") or row.get("field_read_only"))
        private = row.get("private")
        lookup = _mapping(row.get("lookup"))
        module = lookup.get("module")
        external = _mapping(row.get("external"))
        return cls(
            id=str(row.get("id") or ""),
            api_name=str(row["api_name"]),
            label=str(row.get("field_label") or row.get("display_label") or row["api_name"]),
            data_type=str(row.get("data_type") or "unknown"),
            json_type=str(row.get("json_type") or "string"),
            length=_integer(row.get("length")),
            decimal_places=_integer(row.get("decimal_place")),
            custom=bool(row.get("custom_field")),
            required=bool(row.get("system_mandatory")),
            creatable=bool(operations.get("api_create", not read_only)),
            updatable=bool(operations.get("api_update", not read_only)),
            unique=_is_unique(row.get("unique")),
            external=str(external["type"]) if external.get("type") else None,
            lookup_module=_module_name(module),
            pick_values=tuple(
                PickValue(
                    str(value.get("display_value") or ""),
                    str(value.get("actual_value") or value.get("display_value") or ""),
                )
                for value in _rows(row.get("pick_list_values"))
            ),
            textarea=_mapping(row.get("textarea")).get("type"),
            restricted=bool(row.get("hipaa_compliance_enabled"))
            or bool(_mapping(private).get("restricted")),
            raw=dict(row),
        )


@dataclass(frozen=True, slots=True)
class ModuleMeta:
    """One module and its fields.

    Attributes:
        fields: Live API name → field; empty where only the list of modules was read.
    """

    api_name: str
    id: str = ""
    singular_label: str = ""
    plural_label: str = ""
    generated_type: str = "default"
    api_supported: bool = True
    creatable: bool = True
    editable: bool = True
    deletable: bool = True
    fields: Mapping[str, FieldMeta] = field(default_factory=dict)
    raw: JsonObject = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "ModuleMeta":
        """Read one element of ``modules[]``."""
        return cls(
            api_name=str(row["api_name"]),
            id=str(row.get("id") or ""),
            singular_label=str(row.get("singular_label") or ""),
            plural_label=str(row.get("plural_label") or ""),
            generated_type=str(row.get("generated_type") or "default"),
            api_supported=bool(row.get("api_supported", True)),
            creatable=bool(row.get("creatable", True)),
            editable=bool(row.get("editable", True)),
            deletable=bool(row.get("deletable", True)),
            raw=dict(row),
        )

    def with_fields(self, fields: Iterable[FieldMeta]) -> "ModuleMeta":
        """Give the module its fields."""
        return replace(self, fields={one.api_name: one for one in fields})

    @property
    def unique_fields(self) -> tuple[FieldMeta, ...]:
        """Fields whose values no two records share."""
        return tuple(one for one in self.fields.values() if one.unique)

    @property
    def required_fields(self) -> tuple[FieldMeta, ...]:
        """Fields without which Zoho refuses an insert."""
        return tuple(one for one in self.fields.values() if one.required)

    def by_label(self, label: str) -> FieldMeta | None:
        """Find a field by what people see, without regard to case."""
        wanted = label.casefold()
        return next((one for one in self.fields.values() if one.label.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class LayoutMeta:
    """One layout of a module.

    Attributes:
        required: API names the layout makes mandatory (checked only when ``Layout`` is sent).
        fields: API names on the layout.
    """

    id: str
    name: str
    active: bool
    required: frozenset[str]
    fields: frozenset[str]
    raw: JsonObject = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "LayoutMeta":
        """Read one element of ``layouts[]``."""
        placed = [
            one for section in _rows(row.get("sections")) for one in _rows(section.get("fields"))
        ]
        return cls(
            id=str(row.get("id") or ""),
            name=str(row.get("name") or ""),
            active=row.get("status", "active") in ("active", 0),
            required=frozenset(str(one["api_name"]) for one in placed if one.get("required")),
            fields=frozenset(str(one["api_name"]) for one in placed if "api_name" in one),
            raw=dict(row),
        )


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One sales pipeline of a layout: a deal's stage must be one of its stages (§5)."""

    name: str
    default: bool
    stages: tuple[str, ...]

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Pipeline":
        """Read one element of ``pipeline[]``."""
        return cls(
            name=str(row.get("display_value") or ""),
            default=bool(row.get("default")),
            stages=tuple(str(one.get("display_value") or "") for one in _rows(row.get("maps"))),
        )


@dataclass(frozen=True, slots=True)
class OrgSchema:
    """The modules of an org, by live API name; fields only of those that were asked for."""

    modules: Mapping[str, ModuleMeta]

    @classmethod
    async def load(cls, client: "ZohoClient", modules: Sequence[str] | None = None) -> "OrgSchema":
        """Read the list of modules, and the fields of some.

        Args:
            client: An open client.
            modules: API names whose fields are wanted; None for every module the API may write.
                Names the org does not have are left out of the result.

        Costs one credit for the list and one per module.
        """
        known = {one.api_name: one for one in await client.meta.modules()}
        wanted = (
            [name for name, one in known.items() if one.api_supported and one.creatable]
            if modules is None
            else [name for name in modules if name in known or name == "Users"]
        )
        loaded = dict(known)
        for name in wanted:
            base = known.get(name) or ModuleMeta(api_name=name)
            loaded[name] = base.with_fields(await client.meta.fields(name))
        return cls(loaded)

    def module(self, api_name: str) -> ModuleMeta | None:
        """Find a module; None if the org does not have it."""
        return self.modules.get(api_name)


def _is_unique(value: object) -> bool:
    # Zoho writes {} for "not unique" and {"case_sensitive": false} for unique.
    return bool(value)


def _module_name(module: object) -> str | None:
    if isinstance(module, dict):
        name = module.get("api_name")
        return str(name) if name else None
    return module if isinstance(module, str) and module else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdigit() else None
