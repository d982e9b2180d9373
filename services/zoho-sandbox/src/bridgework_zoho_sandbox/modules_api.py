"""``/settings/modules``, layouts, related lists, pipelines, profiles."""

from __future__ import annotations

import re

from .addressing import require_admin
from .call import Answer, Call, answer_json, element_answer, no_content
from .errors import (
    Json,
    Rejected,
    bad_param,
    bad_path_id,
    invalid_data,
    invalid_module,
    mandatory_not_found,
)
from .field_rules import RESERVED
from .fields_api import module_param
from .fields_json import layout_json, module_json, pipelines_json, related_lists_json
from .metadata import FieldMeta, Module
from .org import Org
from .orgs import parse_field
from .patterns import is_api_name
from .plan import PLANS
from .record_ids import record_id
from .standard import system_fields

LABEL_MAX = 25
API_NAME_MAX = 50
_LABEL = re.compile(r"[A-Za-z0-9 ]+")
_CUSTOM_FIELDS = """
Email|Email|email:100
Secondary_Email|Secondary Email|email:100
Email_Opt_Out|Email Opt Out|boolean:5
"""


def list_modules(call: Call) -> Answer:
    """``GET /settings/modules``."""
    modules = [
        module_json(call.org, module, number)
        for number, module in enumerate(call.org.modules.values(), 1)
    ]
    return answer_json(200, {"modules": modules})


def _by_name_or_id(org: Org, text: str) -> Module:
    module = org.modules.get(text)
    if module is None:
        wanted = record_id(text)
        module = next((item for item in org.modules.values() if item.id == wanted), None)
    if module is None:
        raise invalid_module(2)
    return module


def get_module(call: Call) -> Answer:
    """``GET /settings/modules/{api_name or id}``."""
    module = _by_name_or_id(call.org, call.args["id"])
    number = list(call.org.modules.values()).index(module) + 1
    shown = module_json(call.org, module, number)
    shown["fields"] = [
        {"api_name": item.api_name, "id": str(item.id)} for item in module.live_fields()
    ]
    return answer_json(200, {"modules": [shown]})


def _label(sent: Json, name: str, path: str) -> str:
    place = {"api_name": name, "json_path": f"{path}.{name}"}
    value = sent.get(name)
    if value is None or value == "":
        raise mandatory_not_found(name, place["json_path"])
    if not isinstance(value, str):
        raise invalid_data({"expected_data_type": "string", **place})
    if len(value) > LABEL_MAX:
        raise invalid_data({"maximum_length": LABEL_MAX, **place})
    if not _LABEL.fullmatch(value) or not value.strip():
        raise invalid_data(place)
    if value.strip().lower() in RESERVED:
        raise Rejected("RESERVED_KEYWORD_NOT_ALLOWED", "reserved keyword not allowed", place)
    return value.strip()


def _api_name(org: Org, sent: Json, plural: str, path: str) -> str:
    place = {"api_name": "api_name", "json_path": f"{path}.api_name"}
    value = sent.get("api_name")
    if value is None:
        value = re.sub(r"\s+", "_", plural)
        place = {"api_name": "plural_label", "json_path": f"{path}.plural_label"}
    if not isinstance(value, str):
        raise invalid_data({"expected_data_type": "string", **place})
    if len(value) > API_NAME_MAX:
        raise invalid_data({"maximum_length": API_NAME_MAX, **place})
    plain = not org.behaviour.module_name_alphanumeric or value.isalnum()
    if not is_api_name(value) or not plain:
        raise invalid_data(place)
    if value.lower() in RESERVED:
        raise Rejected("RESERVED_KEYWORD_NOT_ALLOWED", "reserved keyword not allowed", place)
    if value.lower() in {name.lower() for name in org.modules}:
        raise Rejected("DUPLICATE_DATA", "duplicate data", place)
    return value


def _profiles(org: Org, sent: Json, path: str) -> None:
    profiles = sent.get("profiles")
    place = {"api_name": "profiles", "json_path": f"{path}.profiles"}
    if profiles is None:
        raise mandatory_not_found("profiles", place["json_path"])
    if not isinstance(profiles, list):
        raise invalid_data({"expected_data_type": "jsonarray", **place})
    if not profiles:
        raise Rejected("MINIMUM_DATA_NOT_FOUND", "minimum data not found", place)
    known = set(org.profiles.values())
    for index, profile in enumerate(profiles):
        if not isinstance(profile, dict) or record_id(profile.get("id")) not in known:
            raise invalid_data({"api_name": "id", "json_path": f"{path}.profiles[{index}].id"})


def _build(org: Org, sent: Json, path: str) -> Module:
    plural = _label(sent, "plural_label", path)
    singular = _label(sent, "singular_label", path)
    api_name = _api_name(org, sent, plural, path)
    labels = {m.plural_label.lower() for m in org.modules.values()}
    if plural.lower() in labels:
        place = {"api_name": "plural_label", "json_path": f"{path}.plural_label"}
        raise Rejected("DUPLICATE_DATA", "duplicate data", place)
    _profiles(org, sent, path)
    display = sent.get("display_field")
    display = display if isinstance(display, dict) else {}
    kind = display.get("data_type", "text")
    if kind not in {"text", "autonumber"}:
        raise invalid_data(
            {
                "api_name": "data_type",
                "json_path": f"{path}.display_field.data_type",
                "supported_values": ["text", "autonumber"],
            }
        )
    return new_module(
        org,
        api_name,
        plural,
        singular,
        display_label=str(display.get("field_label") or f"{singular} Name"),
        display_type=kind,
        auto_number=display.get("auto_number"),
    )


def new_module(
    org: Org,
    api_name: str,
    plural: str,
    singular: str,
    *,
    display_label: str,
    display_type: str = "text",
    auto_number: object = None,
    parent: str | None = None,
) -> Module:
    """Create a custom module, or a subform's module when ``parent`` is given."""
    now = org.clock.now_s()
    slot = max(item.slot for item in org.modules.values()) + 1
    module = Module(
        id=org.ids.take(),
        slot=slot,
        api_name=api_name,
        plural_label=plural,
        singular_label=singular,
        generated_type="custom" if parent is None else "subform",
        duplicate_field="Name" if parent is None else None,
        layout_id=org.ids.take(),
        section_id=org.ids.take(),
        view_id=org.ids.take(),
        modified_at=now,
        parent=parent,
    )
    if parent is None:
        module.fields["Name"] = FieldMeta(
            id=org.ids.take(),
            api_name="Name",
            label=display_label,
            data_type=display_type,
            length=120,
            mandatory=display_type == "text",
            read_only=display_type == "autonumber",
            auto_number=auto_number if isinstance(auto_number, dict) else None,
            created_at=now,
            modified_at=now,
        )
        for line in (_CUSTOM_FIELDS + system_fields(singular)).strip().splitlines():
            if line:
                field = parse_field(org.ids, line, now)
                module.fields[field.api_name] = field
    org.database.add_module_tables(slot)
    org.save_module(module)
    return module


def _refuse_quota(org: Org) -> None:
    limit = PLANS[org.edition].custom_modules
    custom = sum(item.generated_type == "custom" for item in org.modules.values())
    if org.edition not in org.behaviour.module_api_editions:
        raise Rejected("NOT_SUPPORTED", "not supported in this edition", {})
    if custom >= limit:
        raise Rejected("LIMIT_EXCEEDED", "module limit exceeded", {"limit": limit})


def create_module(call: Call) -> Answer:
    """``POST /settings/modules``: one custom module, 500 credits."""
    org = call.org
    require_admin(call, "Crm_Implied_Customize_Zoho_CRM")
    sent = call.batch("modules", limit=1)[0]
    try:
        _refuse_quota(org)
        module = _build(org, sent, "$.modules[0]")
    except Rejected as refusal:
        return answer_json(400, {"modules": [refusal.body()]})
    element = {
        "code": "SUCCESS",
        "details": {"id": str(module.id)},
        "message": "module created successfully",
        "status": "success",
    }
    return answer_json(201, {"modules": [element]})


def _rename(call: Call, module: Module, sent: Json, path: str) -> Json:
    if module.generated_type != "custom":
        raise Rejected(
            "NOT_ALLOWED", "the module cannot be changed", {"api_name": "id", "json_path": path}
        )
    for name in ("plural_label", "singular_label"):
        if name in sent:
            setattr(module, name, _label(sent, name, path))
    if "profiles" in sent:
        _profiles(call.org, sent, path)
    module.modified_at = call.org.clock.now_s()
    call.org.save_module(module)
    return {
        "code": "SUCCESS",
        "details": {"id": str(module.id)},
        "message": "module updated successfully",
        "status": "success",
    }


def update_modules(call: Call) -> Answer:
    """``PUT /settings/modules``: labels and profiles of custom modules."""
    elements: list[Json] = []
    failed = 0
    for index, sent in enumerate(call.batch("modules")):
        path = f"$.modules[{index}]"
        try:
            if sent.get("id") is None:
                raise mandatory_not_found("id", f"{path}.id")
            wanted = record_id(sent["id"])
            module = next((m for m in call.org.modules.values() if m.id == wanted), None)
            if module is None:
                raise invalid_data({"api_name": "id", "json_path": f"{path}.id"})
            elements.append(_rename(call, module, sent, path))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    return element_answer(elements, failed, ok=200, key="modules")


def update_module(call: Call) -> Answer:
    """``PUT /settings/modules/{api_name or id}``."""
    module = _by_name_or_id(call.org, call.args["id"])
    sent = call.batch("modules", limit=1)[0]
    try:
        return answer_json(200, {"modules": [_rename(call, module, sent, "$.modules[0]")]})
    except Rejected as refusal:
        return answer_json(400, {"modules": [refusal.body()]})


def list_layouts(call: Call) -> Answer:
    """``GET /settings/layouts?module=``."""
    module = module_param(call)
    return answer_json(200, {"layouts": [layout_json(call.org, module, call.person)]})


def get_layout(call: Call) -> Answer:
    """``GET /settings/layouts/{id}?module=``."""
    module = module_param(call)
    if record_id(call.args["id"]) != module.layout_id:
        return no_content()
    return answer_json(200, {"layouts": [layout_json(call.org, module, call.person)]})


def update_layout(call: Call) -> Answer:
    """``PATCH /settings/layouts/{id}?module=``: a field's ``required``, or taking it off."""
    module = module_param(call)
    if record_id(call.args["id"]) != module.layout_id:
        raise bad_path_id(2)
    sent = call.batch("layouts", limit=1)[0]
    sections = sent.get("sections")
    for section in sections if isinstance(sections, list) else ():
        fields = section.get("fields") if isinstance(section, dict) else None
        for item in fields if isinstance(fields, list) else ():
            field = (
                module.field_by_id(record_id(item.get("id")) or 0)
                if (isinstance(item, dict))
                else None
            )
            if field is None:
                body = invalid_data(
                    {"api_name": "id", "json_path": "$.layouts[0].sections.fields.id"}
                ).body()
                return answer_json(400, {"layouts": [body]})
            if "_delete" in item and field.custom:
                field.in_layout = False
            else:
                field.in_layout = True
                field.layout_required = item.get("required", field.layout_required) is True
    call.org.save_module(module)
    element = {
        "code": "SUCCESS",
        "details": {"id": str(module.layout_id)},
        "message": "layout updated",
        "status": "success",
    }
    return answer_json(200, {"layouts": [element]})


def list_related_lists(call: Call) -> Answer:
    """``GET /settings/related_lists?module=``."""
    module = module_param(call)
    return answer_json(200, {"related_lists": related_lists_json(call.org, module)})


def list_pipelines(call: Call) -> Answer:
    """``GET /settings/pipeline?layout_id=``."""
    wanted = record_id(call.param("layout_id"))
    module = next((m for m in call.org.modules.values() if m.layout_id == wanted), None)
    if module is None:
        raise bad_param("layout_id")
    if not module.pipelines:
        return no_content()
    return answer_json(200, {"pipeline": pipelines_json(module)})


def list_profiles(call: Call) -> Answer:
    """``GET /settings/profiles``."""
    shown = [
        {
            "id": str(profile_id),
            "name": name,
            "display_label": name,
            "api_name": name,
            "type": "normal_profile",
            "custom": False,
            "category": name == "Standard",
            "description": None,
        }
        for name, profile_id in call.org.profiles.items()
    ]
    return answer_json(200, {"profiles": shown})
