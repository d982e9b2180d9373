"""``/settings/fields``: read, create, change and delete fields."""

from __future__ import annotations

from typing import Any

from .call import Answer, Call, answer_json, element_answer, no_content
from .errors import (
    Json,
    Rejected,
    ZohoError,
    bad_id,
    bad_param,
    bad_path_id,
    invalid_data,
    invalid_module,
    mandatory_not_found,
)
from .field_rules import (
    checked_label,
    is_unique,
    new_field,
    read_choices,
    refuse_phi,
    refuse_unique,
)
from .fields_json import field_json
from .metadata import FieldMeta, Module
from .org import Org
from .record_ids import record_id
from .table import COLUMNS, Record, Table, match_key

CLOSED_MODULES = frozenset({"Notes", "Attachments"})


def module_param(call: Call) -> Module:
    """Return the module of the mandatory ``module`` parameter."""
    module = call.org.modules.get(call.param("module"))
    if module is None:
        raise invalid_module()
    return module


def list_fields(call: Call) -> Answer:
    """``GET /settings/fields?module=``."""
    module = module_param(call)
    kind = call.params.get("type", "all")
    if kind not in {"all", "used", "unused"}:
        raise bad_param("type", supported_values=["all", "used", "unused"])
    fields = module.live_fields()
    if kind != "all":
        fields = [item for item in fields if item.in_layout == (kind == "used")]
    if not fields:
        return no_content()
    return answer_json(200, {"fields": [field_json(call.org, module, item) for item in fields]})


def _path_field(call: Call, module: Module) -> FieldMeta:
    found = record_id(call.args["id"])
    field = None if found is None else module.field_by_id(found)
    if field is None:
        raise bad_path_id(2)
    return field


def get_field(call: Call) -> Answer:
    """``GET /settings/fields/{id}?module=``."""
    module = module_param(call)
    field = _path_field(call, module)
    return answer_json(200, {"fields": [field_json(call.org, module, field)]})


def get_choices(call: Call) -> Answer:
    """``GET /settings/fields/{id}/pick_list_values?module=``."""
    field = _path_field(call, module_param(call))
    if not field.choices:
        return no_content()
    return answer_json(200, {"pick_list_values": [item.to_json() for item in field.choices]})


def _success(field_id: int, message: str) -> Json:
    return {
        "code": "SUCCESS",
        "details": {"id": str(field_id)},
        "message": message,
        "status": "success",
    }


def _open_module(call: Call) -> Module:
    module = module_param(call)
    if not call.person.admin:
        raise ZohoError(
            400,
            "AUTHORIZATION_FAILED",
            "User does not have sufficient privilege to customise fields",
        )
    if module.api_name in CLOSED_MODULES:
        raise ZohoError(400, "NOT_SUPPORTED", "fields of this module cannot be changed")
    return module


def create_fields(call: Call) -> Answer:
    """``POST /settings/fields?module=``: up to five fields, 10 credits each."""
    module = _open_module(call)
    org = call.org
    elements: list[Json] = []
    failed = 0
    for index, sent in enumerate(call.batch("fields", limit=org.behaviour.fields_per_create)):
        if index in call.forced_failures:
            elements.append(call.forced_failures[index])
            failed += 1
            continue
        try:
            field = new_field(org, module, sent, f"$.fields[{index}]")
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
            continue
        module.fields[field.api_name] = field
        org.save_module(module)
        elements.append(_success(field.id, "field created"))
    return element_answer(elements, failed, ok=201, key="fields")


def _change(call: Call, module: Module, field: FieldMeta, sent: Json, path: str) -> Json:
    org = call.org
    for name in ("data_type", "external"):
        if name in sent:
            place = {"api_name": name, "json_path": f"{path}.{name}"}
            raise Rejected("NOT_ALLOWED", "the property cannot be changed", place)
    if not field.custom and set(sent) - {"id", "pick_list_values", "profiles", "tooltip"}:
        raise Rejected(
            "NOT_ALLOWED",
            "a system field cannot be changed",
            {"api_name": "id", "json_path": f"{path}.id"},
        )
    if "field_label" in sent:
        field.label = checked_label(org, module, sent, path, own=field.id)
    if "length" in sent:
        _change_length(org, module, field, sent, path)
    if "unique" in sent:
        _change_unique(org, module, field, sent["unique"], path)
    if "pick_list_values" in sent:
        _add_choices(org, field, sent["pick_list_values"], path)
    if isinstance(sent.get("hipaa_compliance_enabled"), bool):
        if sent["hipaa_compliance_enabled"] and not field.hipaa:
            refuse_phi(org, module, field.data_type, path)
        field.hipaa = sent["hipaa_compliance_enabled"]
    field.modified_at = org.clock.now_s()
    org.save_module(module)
    return _success(field.id, "field updated")


def _change_length(org: Org, module: Module, field: FieldMeta, sent: Json, path: str) -> None:
    length = sent["length"]
    place = {"api_name": "length", "json_path": f"{path}.length"}
    if field.data_type != "text" or type(length) is not int or not 1 <= length <= 255:  # noqa: PLR2004 - §3.15
        raise invalid_data({"maximum_length": 255, **place})
    row = org.database.one(
        f"select 1 from r{module.slot}"
        f" where length(json_extract(doc, '$.{field.api_name}')) > ? limit 1",
        (length,),
    )
    if row is not None:
        raise invalid_data(place)
    field.length = length


def _change_unique(org: Org, module: Module, field: FieldMeta, wanted: Any, path: str) -> None:
    table = Table(org.database, module)
    if isinstance(wanted, dict) and "_disable" in wanted:
        if field.unique:
            field.unique = False
            if field.api_name != module.duplicate_field:
                table.drop_keys_of(field)
        return
    if not is_unique(wanted, path) or field.unique:
        return
    refuse_unique(org, module, field.data_type, path)
    seen: dict[str, int] = {}
    for row in org.database.all(f"select {COLUMNS} from r{module.slot}"):
        record = Record(*row)
        key = match_key(
            field,
            record.values().get(field.api_name),
            case_sensitive=org.behaviour.unique_case_sensitive,
        )
        if key is None:
            continue
        if key in seen:
            raise Rejected(
                "DUPLICATE_DATA",
                "duplicate data",
                {"api_name": "unique", "json_path": f"{path}.unique"},
            )
        seen[key] = record.id
    field.unique = True
    for key, record_number in seen.items():
        table.add_key(field, key, record_number)


def _add_choices(org: Org, field: FieldMeta, values: Any, path: str) -> None:
    place = {"api_name": "pick_list_values", "json_path": f"{path}.pick_list_values"}
    if field.data_type not in {"picklist", "multiselectpicklist"}:
        raise Rejected(
            "DEPENDENT_MISMATCH",
            "dependent field mismatch",
            {**place, "dependee": {"api_name": "data_type", "json_path": f"{path}.data_type"}},
        )
    if not isinstance(values, list) or not values:
        raise invalid_data({"expected_data_type": "jsonarray", **place})
    known = {choice.id for choice in field.choices}
    added = [v for v in values if not (isinstance(v, dict) and record_id(v.get("id")) in known)]
    first = len(field.choices) + 1
    choices = read_choices(org, added, place["json_path"], first=first)
    present = {choice.display_value for choice in field.choices}
    field.choices += [choice for choice in choices if choice.display_value not in present]


def _named(module: Module, sent: Json, path: str) -> FieldMeta:
    if sent.get("id") is None:
        raise mandatory_not_found("id", f"{path}.id")
    field = module.field_by_id(record_id(sent["id"]) or 0)
    if field is None:
        raise bad_id(path)
    return field


def _change_all(call: Call, module: Module, data: list[Json], only: FieldMeta | None) -> Answer:
    elements: list[Json] = []
    failed = 0
    for index, sent in enumerate(data):
        path = f"$.fields[{index}]"
        try:
            field = only or _named(module, sent, path)
            elements.append(_change(call, module, field, sent, path))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    return element_answer(elements, failed, ok=200, key="fields")


def update_fields(call: Call) -> Answer:
    """``PATCH /settings/fields?module=``."""
    module = _open_module(call)
    data = call.batch("fields", limit=call.org.behaviour.fields_per_create)
    return _change_all(call, module, data, None)


def update_field(call: Call) -> Answer:
    """``PATCH /settings/fields/{id}?module=``."""
    module = _open_module(call)
    field = _path_field(call, module)
    return _change_all(call, module, call.batch("fields", limit=1), field)


def delete_field(call: Call) -> Answer:
    """``DELETE /settings/fields/{id}?module=``: a custom field and its values go."""
    module = _open_module(call)
    org = call.org
    field = _path_field(call, module)
    if not field.custom:
        raise ZohoError(
            400, "NOT_ALLOWED", "a system field cannot be deleted", {"resource_path_index": 2}
        )
    field.deleted = True
    Table(org.database, module).drop_keys_of(field)
    if module.api_name != "Users":
        org.database.execute(
            f"update r{module.slot} set doc = json_remove(doc, '$.{field.api_name}')"
            f" where json_extract(doc, '$.{field.api_name}') is not null"
        )
    org.save_module(module)
    return answer_json(200, {"fields": [_success(field.id, "field deleted")]})
