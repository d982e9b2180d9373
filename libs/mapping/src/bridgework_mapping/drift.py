"""Where an org differs from the plan; what is missing or would refuse records stops a run."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridgework_mapping.live_metadata import LiveField, LiveOrg
from bridgework_mapping.matching import find_field, live_modules, missing_values

if TYPE_CHECKING:
    from bridgework_mapping.plan import FieldPlan, ModulePlan, SchemaPlan

_TAKES: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "textarea"}),
    "textarea": frozenset({"textarea"}),
    "email": frozenset({"email", "text"}),
    "phone": frozenset({"phone", "text"}),
    "picklist": frozenset({"picklist", "text"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "currency": frozenset({"currency", "double"}),
    "integer": frozenset({"integer"}),
    "boolean": frozenset({"boolean"}),
    "lookup": frozenset({"lookup"}),
    "userlookup": frozenset({"userlookup", "ownerlookup"}),
}
"""Planned type → live types that take the same JSON."""

_SIZED = frozenset({"text", "textarea", "email", "phone"})


@dataclass(frozen=True)
class Missing:
    """A module (``spec`` empty) or field the org does not have."""

    module: str
    spec: str
    api_name: str
    label: str

    def __str__(self) -> str:
        what = f"Field {self.spec} (label {self.label!r})" if self.spec else "The module"
        return f"{self.module}: {what} is missing."


@dataclass(frozen=True)
class Difference:
    """A field that is not as planned; ``blocking`` where records would be refused or lost."""

    module: str
    spec: str
    live: str
    aspect: str
    planned: str
    found: str
    blocking: bool

    def __str__(self) -> str:
        return (
            f"{self.module}.{self.live} ({self.spec}): {self.aspect} is {self.found}, "
            f"planned {self.planned}."
        )


@dataclass(frozen=True)
class Drift:
    """The outcome of a comparison."""

    missing: tuple[Missing, ...]
    different: tuple[Difference, ...]
    live_names: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """True where a run must not start."""
        return bool(self.missing) or any(found.blocking for found in self.different)

    def lines(self, *, blocking_only: bool = True) -> list[str]:
        """Return the drift as sentences, missing things first."""
        different = [d for d in self.different if d.blocking or not blocking_only]
        return [str(found) for found in (*self.missing, *different)]


def compare_plan(plan: "SchemaPlan", org: LiveOrg) -> Drift:
    """Compare; modules whose fields nobody read (Notes in some orgs) are taken on trust."""
    names = live_modules(plan, org)
    missing: list[Missing] = []
    different: list[Difference] = []
    found: dict[str, dict[str, str]] = {"": dict(names)}
    for module in plan.modules:
        live_name = names.get(module.spec)
        if live_name is None:
            missing.append(Missing(module.spec, "", module.api_name, module.plural))
            missing += [_missing(line) for line in module.custom_fields]
            continue
        fields = org.modules[live_name].fields
        if fields or module.custom_fields:
            found[module.spec] = _compare_module(module, fields, names, missing, different)
    return Drift(tuple(missing), tuple(different), found)


def _compare_module(
    module: "ModulePlan",
    fields: tuple[LiveField, ...],
    names: dict[str, str],
    missing: list[Missing],
    different: list[Difference],
) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in module.fields:
        live = find_field(line, fields)
        if live is None:
            missing.append(_missing(line))
            continue
        found[line.spec] = live.api_name
        different += _differences(line, live, names)
    return found


def _missing(line: "FieldPlan") -> Missing:
    return Missing(line.module, line.spec, line.api_name, line.label)


def _differences(line: "FieldPlan", live: LiveField, names: dict[str, str]) -> list[Difference]:
    rows: list[tuple[str, str, str, bool]] = []
    if live.data_type and live.data_type not in _TAKES[line.data_type]:
        rows.append(("type", line.data_type, live.data_type, True))
    short = line.length and live.length is not None and live.length < line.length
    if line.data_type in _SIZED and short:
        rows.append(("length", str(line.length), str(live.length), True))
    if line.unique and not live.unique:
        rows.append(("unique", "yes", "no", True))
    target = names.get(line.lookup_module or "", line.lookup_module)
    if target and live.lookup_module and live.lookup_module != target:
        rows.append(("lookup", target, live.lookup_module, True))
    if not live.writable:
        rows.append(("access", "writable", "read only", True))
    absent = missing_values(line, live)
    if absent:
        # Zoho stores a value that is not in the list; on a standard field the list is not ours.
        rows.append(("values", ", ".join(absent), "not offered", line.custom and not line.open))
    return [Difference(line.module, line.spec, live.api_name, *row) for row in rows]
