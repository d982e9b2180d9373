"""The schema plan: what the org must have before a record moves, what it costs, and is it there.

The plan is computed from the mapping, never written by hand. An administrator builds it in Zoho, or
we create it from :meth:`SchemaPlan.payloads`; either way the live metadata is compared with it
afterwards, live names are read from there, and drift stops the run.
Credits: field 10, module 500 each. Source: Zoho API limits page, read 2026-11.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bridgework_mapping.document import MappingDocument, canonical_json
from bridgework_mapping.drift import Drift, compare_plan
from bridgework_mapping.fields import FieldMap
from bridgework_mapping.live_metadata import LiveField, LiveOrg, read_org
from bridgework_mapping.matching import find_field, live_modules, missing_values
from bridgework_mapping.naming import label_for

FIELD_CREDITS = 10
MODULE_CREDITS = 500
PICKLIST_CREDITS = 1
FIELDS_PER_CALL = 5

_DATA_TYPES = {"user": "userlookup", "json": "textarea"}
_SMALL_TEXTAREA = 2_000
_SIZED = frozenset({"text", "email", "phone", "integer"})


@dataclass(frozen=True)
class FieldPlan:
    """One field of the plan; ``api_name`` is expected, the live one is read back."""

    module: str
    spec: str
    label: str
    api_name: str
    data_type: str
    length: int | None
    values: tuple[str, ...]
    open: bool
    lookup_module: str | None
    unique: bool
    custom: bool
    clinical: bool
    phi: str
    credits: int

    @property
    def known_as(self) -> tuple[str, ...]:
        """API names under which the field may stand in an org, likeliest first."""
        return tuple(dict.fromkeys((self.api_name, self.spec.removesuffix("__c"))))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels a person or our request may have given it."""
        return tuple(dict.fromkeys((self.label, label_for(self.spec))))

    def request(self, lookup_module: str | None) -> dict[str, Any]:
        """Return the element of a create request."""
        body: dict[str, Any] = {"field_label": self.label, "data_type": self.data_type}
        if self.length is not None and self.data_type in _SIZED:
            body["length"] = self.length
        if self.data_type == "textarea":
            small = (self.length or 0) <= _SMALL_TEXTAREA
            body["textarea"] = {"type": "small" if small else "large"}
        if self.data_type == "currency":
            body["decimal_place"] = 2
        if self.data_type == "picklist":
            body["pick_list_values"] = choices(self.values)
        if self.unique:
            body["unique"] = {"case_sensitive": False}
        if lookup_module is not None:
            display = f"{label_for(self.module)}"[:25].strip()
            body["lookup"] = {"module": {"api_name": lookup_module}, "display_label": display}
        return body


@dataclass(frozen=True)
class ModulePlan:
    """One module and its fields; ``alternatives`` are other API names it may have."""

    spec: str
    api_name: str
    alternatives: tuple[str, ...]
    singular: str
    plural: str
    custom: bool
    credits: int
    fields: tuple[FieldPlan, ...]

    @property
    def custom_fields(self) -> tuple[FieldPlan, ...]:
        """The fields we make."""
        return tuple(line for line in self.fields if line.custom)


@dataclass(frozen=True)
class Payload:
    """One request that builds a piece of the plan.

    ``alternative`` is the API name to ask for when Zoho refuses the module's first one.
    """

    method: str
    path: str
    params: dict[str, str]
    body: dict[str, Any]
    credits: int
    module: str
    specs: tuple[str, ...] = ()
    alternative: str | None = None


@dataclass(frozen=True)
class SchemaPlan:
    """Everything the org must have."""

    mapping_hash: str
    modules: tuple[ModulePlan, ...]

    @property
    def credits(self) -> int:
        """What building all of it through the API costs."""
        return sum(
            module.credits + sum(line.credits for line in module.fields) for module in self.modules
        )

    @property
    def hash(self) -> str:
        """sha256 (hex) of the plan's content."""
        return hashlib.sha256(canonical_json(_plain(self.modules)).encode()).hexdigest()

    @property
    def module_names(self) -> tuple[str, ...]:
        """Spec names of the modules, to read their metadata."""
        return tuple(module.spec for module in self.modules)

    def module(self, spec: str) -> ModulePlan | None:
        """Return a module of the plan by its spec name."""
        return next((module for module in self.modules if module.spec == spec), None)

    def describe(self) -> dict[str, Any]:
        """Return the plan as plain data for people and the job API, credits per line."""
        return {
            "hash": self.hash,
            "mapping_hash": self.mapping_hash,
            "credits": self.credits,
            "modules_to_create": sum(module.custom for module in self.modules),
            "fields_to_create": sum(len(module.custom_fields) for module in self.modules),
            "modules": _plain(self.modules),
        }

    def payloads(
        self,
        live_metadata: Mapping[str, Any] | None = None,
        *,
        profile_ids: Sequence[str] = (),
    ) -> tuple[Payload, ...]:
        """Return the requests that build what is missing: modules first, fields five by five.

        Args:
            live_metadata: What the org has (see ``live_metadata``); None builds everything.
            profile_ids: Profiles that may use a new module; Zoho wants at least one.
        """
        org = read_org(live_metadata or {})
        names = live_modules(self, org)
        found = [
            _module_payload(module, profile_ids)
            for module in self.modules
            if module.custom and module.spec not in names
        ]
        for module in self.modules:
            found += _field_payloads(module, org, names)
        return tuple(found)

    def compare(self, live_metadata: Mapping[str, Any]) -> Drift:
        """Compare the plan with live metadata; what the org has beyond it does not matter."""
        return compare_plan(self, read_org(live_metadata))


def build_plan(
    doc: MappingDocument, picklists: Mapping[str, tuple[str, ...]] | None = None
) -> SchemaPlan:
    """Return the plan of a mapping.

    Args:
        doc: The mapping.
        picklists: Values a practice adds, by ``Module.Spec`` (e.g. its referring doctors under
            ``Contacts.Referral_Source__c``).
    """
    modules_of = {entry.object: entry.module for entry in doc.records}
    plans = []
    for entry in doc.records:
        made = entry.generated
        plans.append(
            ModulePlan(
                spec=entry.module,
                api_name=entry.module,
                alternatives=(made.alternative,) if made and made.alternative else (),
                singular=made.singular if made else "",
                plural=made.plural if made else "",
                custom=made is not None,
                credits=MODULE_CREDITS if made else 0,
                fields=tuple(
                    plan
                    for line in entry.fields
                    for plan in _field_plans(entry.module, line, modules_of, picklists or {})
                ),
            )
        )
    return SchemaPlan(mapping_hash=doc.hash, modules=tuple(plans))


def resolve_live_names(
    plan: SchemaPlan, live_metadata: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Return spec module → spec name → live name of all that was found; modules under ``""``."""
    return plan.compare(live_metadata).live_names


def choices(values: Sequence[str]) -> list[dict[str, str]]:
    """Return picklist values as Zoho takes them."""
    return [{"display_value": value, "actual_value": value} for value in values]


def _field_plans(
    module: str,
    line: FieldMap,
    modules_of: Mapping[str, str],
    picklists: Mapping[str, tuple[str, ...]],
) -> list[FieldPlan]:
    extra = picklists.get(f"{module}.{line.spec}", ())
    return [
        FieldPlan(
            module=module,
            spec=spec,
            label=label,
            api_name=name,
            data_type=_DATA_TYPES.get(line.type, line.type),
            length=line.limit or None,
            values=tuple(dict.fromkeys((*line.values, *extra))),
            open=line.open,
            lookup_module=modules_of[line.target] if line.target else None,
            unique=line.unique,
            custom=line.custom,
            clinical=line.clinical,
            phi=line.phi.value,
            credits=FIELD_CREDITS if line.custom else 0,
        )
        for spec, label, name in line.page_fields()
    ]


def _module_payload(module: ModulePlan, profile_ids: Sequence[str]) -> Payload:
    body = {
        "plural_label": module.plural,
        "singular_label": module.singular,
        "api_name": module.api_name,
        "profiles": [{"id": profile} for profile in profile_ids],
        "display_field": {"field_label": f"{module.singular} Name"[:25], "data_type": "text"},
    }
    return Payload(
        method="POST",
        path="/settings/modules",
        params={},
        body={"modules": [body]},
        credits=module.credits,
        module=module.spec,
        alternative=next(iter(module.alternatives), None),
    )


def _field_payloads(module: ModulePlan, org: LiveOrg, names: Mapping[str, str]) -> list[Payload]:
    live_name = names.get(module.spec, module.api_name)
    live = org.modules.get(live_name)
    fields = live.fields if live else ()
    missing = [line for line in module.custom_fields if find_field(line, fields) is None]
    found = []
    for start in range(0, len(missing), FIELDS_PER_CALL):
        batch = missing[start : start + FIELDS_PER_CALL]
        targets = [line.lookup_module for line in batch]
        bodies = [
            line.request(names.get(target, target) if target else None)
            for line, target in zip(batch, targets, strict=True)
        ]
        found.append(
            Payload(
                method="POST",
                path="/settings/fields",
                params={"module": live_name},
                body={"fields": bodies},
                credits=FIELD_CREDITS * len(batch),
                module=module.spec,
                specs=tuple(line.spec for line in batch),
            )
        )
    return found + _picklist_payloads(module, live_name, fields)


def _picklist_payloads(
    module: ModulePlan, live_name: str, fields: Sequence[LiveField]
) -> list[Payload]:
    """Return the requests that add missing values to picklists the org already has."""
    found = []
    for line in module.fields:
        live = find_field(line, fields)
        absent = missing_values(line, live) if live is not None else ()
        if live is None or live.id is None or not absent:
            continue
        found.append(
            Payload(
                method="PATCH",
                path=f"/settings/fields/{live.id}",
                params={"module": live_name},
                body={"fields": [{"pick_list_values": choices(absent)}]},
                credits=PICKLIST_CREDITS,
                module=module.spec,
                specs=(line.spec,),
            )
        )
    return found


def _plain(modules: Sequence[ModulePlan]) -> list[dict[str, Any]]:
    return [asdict(module) for module in modules]
