"""What a new custom field may be: types, lengths, quotas, names (fact sheet §3.15, §4.2-4.5)."""

from __future__ import annotations

import re
from typing import Any

from .errors import Json, Rejected, invalid_data, mandatory_not_found
from .metadata import Choice, FieldMeta, Module
from .org import Org
from .patterns import is_api_name
from .plan import PLANS
from .record_ids import record_id

UNIQUE_MAX = 2
LABEL = re.compile(r"[\w ]+")
# data type → (default length, greatest length)
LENGTHS: dict[str, tuple[int, int]] = {
    "text": (255, 255),
    "email": (100, 100),
    "phone": (30, 30),
    "picklist": (120, 120),
    "multiselectpicklist": (1000, 1000),
    "date": (20, 20),
    "datetime": (120, 120),
    "integer": (9, 9),
    "bigint": (18, 18),
    "double": (18, 18),
    "currency": (16, 16),
    "percent": (5, 5),
    "boolean": (5, 5),
    "website": (450, 450),
    "autonumber": (120, 120),
    "lookup": (120, 120),
    "userlookup": (120, 120),
    "fileupload": (1, 5),
    "imageupload": (10, 10),
}
TEXTAREA_LENGTHS = {"small": 2_000, "large": 32_000, "rich_text": 50_000}
UNIQUE_TYPES = frozenset(
    {"text", "email", "phone", "integer", "bigint", "double", "currency", "percent", "website"}
)
UNAVAILABLE = frozenset(
    {"subform", "formula", "rollup_summary", "multiselectlookup", "multiuserlookup", "datavalue"}
)
RESERVED = frozenset(
    {"id", "data", "module", "layout", "order", "group", "select", "where", "limit", "offset"}
)
DECIMALS_MAX = 9
PHI_FIELDS_MAX = 25
PHI_MODULES_MAX = 10


def _place(name: str, path: str) -> Json:
    return {"api_name": name, "json_path": f"{path}.{name}"}


def generated_name(module: Module, label: str) -> str:
    """Return the API name Zoho makes of a label; a digit is added where the name is taken."""
    base = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]+", "_", label)).strip("_")
    if not base or not base[0].isalpha():
        base = f"Field_{base}".rstrip("_")
    base = base[:50].rstrip("_")
    name, number = base, 1
    taken = {item.api_name.lower() for item in module.live_fields()}
    while name.lower() in taken:
        name = f"{base[:48]}{number}"
        number += 1
    return name


def checked_label(org: Org, module: Module, sent: Json, path: str, own: int | None = None) -> str:
    """Return a usable field label.

    Raises:
        Rejected: missing, too long, with special characters, reserved or already there.
    """
    label = sent.get("field_label")
    place = _place("field_label", path)
    if label is None or label == "":
        raise mandatory_not_found("field_label", place["json_path"])
    if not isinstance(label, str):
        raise invalid_data({"expected_data_type": "string", **place})
    limit = org.behaviour.field_label_max
    if len(label) > limit:
        raise invalid_data({"maximum_length": limit, **place})
    if org.behaviour.label_special_characters == "reject" and not LABEL.fullmatch(label):
        raise invalid_data(place)
    if label.strip().lower() in RESERVED:
        raise Rejected("RESERVED_KEYWORD_NOT_ALLOWED", "reserved keyword not allowed", place)
    blocked = (
        module.fields.values()
        if org.behaviour.deleted_field_blocks_label
        else (module.live_fields())
    )
    for item in blocked:
        if item.label.lower() == label.lower() and item.id != own:
            raise Rejected("DUPLICATE_DATA", "duplicate data", place)
    return label


def checked_type(sent: Json, path: str) -> str:
    """Return a data type that can be created through the API."""
    kind = sent.get("data_type")
    place = _place("data_type", path)
    if kind is None:
        raise mandatory_not_found("data_type", place["json_path"])
    if kind in UNAVAILABLE:
        raise Rejected("FIELD_TYPE_UNAVAILABLE", "the field type is not available", place)
    if not isinstance(kind, str) or (kind not in LENGTHS and kind != "textarea"):
        supported = [*LENGTHS, "textarea"]
        raise invalid_data({"supported_values": supported, **place})
    return kind


def checked_length(sent: Json, kind: str, path: str) -> tuple[int, str | None]:
    """Return (length, textarea type)."""
    place = _place("length", path)
    textarea_type: str | None = None
    if kind == "textarea":
        textarea = sent.get("textarea") or {"type": "small"}
        textarea_type = textarea.get("type") if isinstance(textarea, dict) else None
        if not isinstance(textarea_type, str) or textarea_type not in TEXTAREA_LENGTHS:
            details = {"supported_values": list(TEXTAREA_LENGTHS), **_place("textarea", path)}
            raise invalid_data(details)
        default = most = TEXTAREA_LENGTHS[textarea_type]
    else:
        default, most = LENGTHS[kind]
    length = sent.get("length")
    if length is None:
        return default, textarea_type
    if type(length) is not int or length < 1:
        raise invalid_data({"expected_data_type": "integer", **place})
    if length > most:
        raise invalid_data({"maximum_length": most, **place})
    return length, textarea_type


def _dependee(path: str, *, name: str = "data_type") -> Json:
    return {"dependee": {"api_name": name, "json_path": f"{path}.{name}"}}


def is_unique(value: Any, path: str) -> bool:
    """Read ``unique``: only ``{"case_sensitive": false}`` is accepted."""
    if value is None or value is False or value == {}:
        return False
    if value is True:
        return True
    if isinstance(value, dict) and value.get("case_sensitive", False) is False:
        return True
    raise invalid_data(
        {
            "api_name": "case_sensitive",
            "json_path": f"{path}.unique.case_sensitive",
            "supported_values": [False],
        }
    )


def refuse_unique(org: Org, module: Module, kind: str, path: str) -> None:
    """Refuse a unique field of the wrong type, in the wrong module, or over the quota of two."""
    if kind not in UNIQUE_TYPES:
        details = {
            **_place("unique", path),
            **_dependee(path),
            "supported_values": sorted(UNIQUE_TYPES),
        }
        raise Rejected("DEPENDENT_MISMATCH", "dependent field mismatch", details)
    activity = module.api_name in {"Tasks", "Events", "Calls"}
    if activity and org.behaviour.activity_unique_fields == "reject":
        raise Rejected("NOT_SUPPORTED", "unique is not supported here", _place("unique", path))
    held = sum(
        item.unique or (item.external is not None and org.behaviour.external_counts_as_unique)
        for item in module.live_fields()
    )
    if held >= UNIQUE_MAX:
        due = [{"api_name": "unique", "json_path": f"{path}.unique"}]
        raise Rejected(
            "LIMIT_EXCEEDED",
            "unique field limit exceeded",
            {"limit": UNIQUE_MAX, "limit_due_to": due},
        )


def refuse_phi(org: Org, module: Module, kind: str, path: str) -> None:
    """Refuse marking a field as health data: wrong type, 26th field, or 11th module."""
    place = _place("hipaa_compliance_enabled", path)
    if kind in {"lookup", "multiselectlookup", "autonumber"}:
        raise Rejected(
            "DEPENDENT_MISMATCH", "dependent field mismatch", {**place, **_dependee(path)}
        )
    marked = {
        name: sum(item.hipaa for item in other.live_fields()) for name, other in org.modules.items()
    }
    modules = {name for name, count in marked.items() if count}
    over_fields = marked[module.api_name] >= PHI_FIELDS_MAX
    if over_fields or (module.api_name not in modules and len(modules) >= PHI_MODULES_MAX):
        limit = PHI_FIELDS_MAX if over_fields else PHI_MODULES_MAX
        raise Rejected(
            "LIMIT_EXCEEDED", "limit exceeded", {"limit": limit, "limit_due_to": [place]}
        )


def _external(module: Module, sent: Json, kind: str, path: str) -> Json | None:
    external = sent.get("external")
    if external is None:
        return None
    place = _place("external", path)
    if not isinstance(external, dict) or external.get("type") not in {"user", "org"}:
        raise invalid_data({"supported_values": ["user", "org"], **place})
    if not isinstance(external.get("show"), bool):
        raise mandatory_not_found("show", f"{path}.external.show")
    if kind != "text":
        raise Rejected(
            "DEPENDENT_MISMATCH",
            "dependent field mismatch",
            {**place, **_dependee(path), "supported_values": ["text"]},
        )
    if module.api_name == "Calls":
        raise Rejected("NOT_SUPPORTED", "external fields are not supported here", place)
    return {"type": external["type"], "show": external["show"]}


def _choices(org: Org, sent: Json, kind: str, path: str) -> list[Choice]:
    if kind not in {"picklist", "multiselectpicklist"}:
        return []
    values = sent.get("pick_list_values")
    place = _place("pick_list_values", path)
    if values is None:
        details = {**place, **_dependee(path)}
        raise Rejected("DEPENDENT_FIELD_MISSING", "dependent field missing", details)
    if not isinstance(values, list) or not values:
        raise invalid_data({"expected_data_type": "jsonarray", **place})
    return read_choices(org, values, place["json_path"], first=1)


def read_choices(org: Org, values: list[Any], path: str, *, first: int) -> list[Choice]:
    """Read picklist values; display value is mandatory, actual value defaults to it."""
    choices: list[Choice] = []
    seen: set[str] = set()
    for index, value in enumerate(values):
        shown = value.get("display_value") if isinstance(value, dict) else None
        where = f"{path}[{index}].display_value"
        if not isinstance(shown, str) or not shown:
            raise mandatory_not_found("display_value", where)
        if shown in seen:
            raise Rejected(
                "DUPLICATE_DATA",
                "duplicate data",
                {"api_name": "display_value", "json_path": where},
            )
        seen.add(shown)
        actual = value.get("actual_value")
        stored = actual if isinstance(actual, str) and actual else shown
        choices.append(Choice(org.ids.take(), shown, stored, first + index))
    return choices


def _lookup_target(org: Org, sent: Json, kind: str, path: str) -> str | None:
    if kind != "lookup":
        return None
    lookup = sent.get("lookup")
    place = _place("lookup", path)
    if not isinstance(lookup, dict) or not isinstance(lookup.get("module"), dict):
        details = {**place, **_dependee(path)}
        raise Rejected("DEPENDENT_FIELD_MISSING", "dependent field missing", details)
    target = lookup["module"].get("api_name")
    known = org.modules.get(target) if isinstance(target, str) else None
    if known is None or known.api_name in {"Notes", "Attachments", "Users"}:
        raise invalid_data({"api_name": "api_name", "json_path": f"{path}.lookup.module.api_name"})
    return known.api_name


def _decimals(sent: Json, kind: str, path: str) -> int | None:
    if kind not in {"double", "currency", "percent"}:
        return None
    currency = sent.get("currency")
    value = sent.get("decimal_place")
    if kind == "currency" and isinstance(currency, dict) and currency.get("precision") is not None:
        text = str(currency["precision"])
        value = int(text) if text.isascii() and text.isdigit() and len(text) < DECIMALS_MAX else -1
    if value is None:
        return 2
    if type(value) is not int or not 0 <= value <= DECIMALS_MAX:
        raise invalid_data({"maximum_length": DECIMALS_MAX, **_place("decimal_place", path)})
    return value


def _refuse_quota(org: Org, module: Module) -> None:
    limit = PLANS[org.edition].custom_fields
    if limit == 0:
        raise Rejected("NOT_SUPPORTED", "custom fields are not part of this edition", {})
    held = sum(item.custom for item in module.live_fields())
    if held >= limit:
        raise Rejected(
            "LIMIT_EXCEEDED",
            "custom field limit exceeded",
            {"limit": limit, "limit_due_to": [{"api_name": "fields", "json_path": "$.fields"}]},
        )


def _refuse_profiles(org: Org, sent: Json, path: str) -> None:
    profiles = sent.get("profiles")
    if profiles is None:
        return
    known = set(org.profiles.values())
    if not isinstance(profiles, list) or not all(
        isinstance(item, dict) and record_id(item.get("id")) in known for item in profiles
    ):
        raise invalid_data(_place("profiles", path))


def new_field(org: Org, module: Module, sent: Json, path: str) -> FieldMeta:
    """Return the field a create request describes.

    Raises:
        Rejected: with the element's error.
    """
    _refuse_quota(org, module)
    label = checked_label(org, module, sent, path)
    kind = checked_type(sent, path)
    if kind == "autonumber" and any(f.data_type == kind for f in module.live_fields() if f.custom):
        due = [{"api_name": "data_type", "json_path": f"{path}.data_type"}]
        raise Rejected("LIMIT_EXCEEDED", "limit exceeded", {"limit": 1, "limit_due_to": due})
    length, textarea_type = checked_length(sent, kind, path)
    unique = is_unique(sent.get("unique"), path)
    external = _external(module, sent, kind, path)
    if unique and external is not None:
        raise Rejected(
            "AMBIGUITY_DURING_PROCESSING",
            "ambiguity while processing the request",
            {"ambiguity_due_to": [_place("unique", path), _place("external", path)]},
        )
    if unique or (external is not None and org.behaviour.external_counts_as_unique):
        refuse_unique(org, module, kind, path)
    _refuse_profiles(org, sent, path)
    if sent.get("hipaa_compliance_enabled") is True:
        refuse_phi(org, module, kind, path)
    name = generated_name(module, label)
    if not is_api_name(name):
        raise invalid_data(_place("field_label", path))
    now = org.clock.now_s()
    auto = sent.get("auto_number")
    return FieldMeta(
        id=org.ids.take(),
        api_name=name,
        label=label,
        data_type=kind,
        length=length,
        custom=True,
        read_only=kind == "autonumber",
        unique=unique,
        external=external,
        lookup_module=_lookup_target(org, sent, kind, path),
        choices=_choices(org, sent, kind, path),
        decimal_place=_decimals(sent, kind, path),
        textarea_type=textarea_type,
        hipaa=sent.get("hipaa_compliance_enabled") is True,
        tooltip=sent.get("tooltip") if isinstance(sent.get("tooltip"), dict) else None,
        auto_number=_auto_number(auto) if kind == "autonumber" else None,
        created_at=now,
        modified_at=now,
    )


def _auto_number(auto: Any) -> Json:
    given = auto if isinstance(auto, dict) else {}
    start = str(given.get("start_number") or "1")
    usable = start.isascii() and start.isdigit() and len(start) <= 16  # noqa: PLR2004 - §3.15
    return {
        "prefix": str(given.get("prefix") or ""),
        "start_number": start if usable else "1",
        "suffix": str(given.get("suffix") or ""),
    }
