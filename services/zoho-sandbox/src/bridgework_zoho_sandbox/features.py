"""Which automations a write sets off: absent ``trigger`` means all of them, ``[]`` means none."""

from __future__ import annotations

from dataclasses import dataclass

from .call import Call
from .errors import Json, ZohoError
from .metadata import Module

TRIGGERS = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
_CADENCE_MODULES = frozenset({"Leads", "Contacts", "Accounts", "Deals"})


@dataclass(frozen=True, slots=True)
class Features:
    """The automations that will run for the records of one call."""

    names: tuple[str, ...]


def _names(body: Json, key: str) -> list[str] | None:
    items = body.get(key)
    if items is None:
        return None
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
    ):
        raise ZohoError(
            400,
            "INVALID_DATA",
            "invalid data",
            {"expected_data_type": "jsonarray", "api_name": key, "json_path": f"$.{key}"},
        )
    return [item["name"] for item in items]


def features_of(call: Call, module: Module) -> Features:
    """Read ``trigger`` and its siblings from a write's body and note them for the log."""
    body = call.json()
    call.trigger_given = "trigger" in body
    trigger = body.get("trigger")
    call.trigger = trigger
    place: Json = {"api_name": "trigger", "json_path": "$.trigger"}
    if trigger is not None and not isinstance(trigger, list):
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place}
        )
    for index, name in enumerate(trigger or ()):
        if name not in TRIGGERS:
            place["json_path"] = f"$.trigger[{index}]"
            details = {"supported_values": list(TRIGGERS), **place}
            raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    _names(body, "apply_feature_execution")
    skipped = _names(body, "skip_feature_execution")
    call.skip_features = skipped
    fired = list(TRIGGERS if trigger is None else trigger)
    if body.get("lar_id"):
        fired.append("assignment_rule")
    cadences = module.api_name in _CADENCE_MODULES or module.generated_type == "custom"
    if call.org.behaviour.cadences_active and cadences and "cadences" not in (skipped or ()):
        fired.append("cadences")
    return Features(tuple(fired))
