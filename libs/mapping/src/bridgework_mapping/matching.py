"""Which live module or field is which line of the plan: API name first, then label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridgework_mapping.live_metadata import LiveField, LiveOrg

if TYPE_CHECKING:
    from bridgework_mapping.plan import FieldPlan, SchemaPlan


def live_modules(plan: "SchemaPlan", org: LiveOrg) -> dict[str, str]:
    """Return spec module → live module name, by API name, alternative or label."""
    found: dict[str, str] = {}
    by_label = {
        label.casefold(): module.api_name
        for module in org.modules.values()
        for label in module.labels
    }
    for module in plan.modules:
        names = [name for name in (module.api_name, *module.alternatives) if name in org.modules]
        labelled = by_label.get(module.plural.casefold()) if module.plural else None
        live = names[0] if names else labelled
        if live is not None:
            found[module.spec] = live
    return found


def find_field(line: "FieldPlan", fields: Sequence[LiveField]) -> LiveField | None:
    """Return the live field that is this line: by API name, then label, whatever the case."""
    by_name = {live.api_name: live for live in fields}
    for name in line.known_as:
        if name in by_name:
            return by_name[name]
    if not line.custom:
        return None
    folded = {live.api_name.casefold(): live for live in fields}
    by_label = {live.label.casefold(): live for live in fields if live.label}
    wanted = [folded.get(name.casefold()) for name in line.known_as]
    wanted += [by_label.get(label.casefold()) for label in line.labels]
    return next((live for live in wanted if live is not None), None)


def missing_values(line: "FieldPlan", live: LiveField) -> tuple[str, ...]:
    """Return planned picklist values the live field does not offer."""
    if line.data_type != "picklist" or live.data_type != "picklist":
        return ()
    offered = set(live.values)
    return tuple(value for value in line.values if value not in offered)
