"""Metadata as the settings API shows it: modules, fields, layouts, related lists, pipelines."""

from __future__ import annotations

from .clock import iso
from .errors import Json
from .metadata import PUBLIC_TYPES, FieldMeta, Module, details_of
from .org import Org
from .people import Person


def field_json(org: Org, module: Module, field: FieldMeta) -> Json:
    """Return one field of ``GET /settings/fields``."""
    data_type = PUBLIC_TYPES.get(field.data_type, field.data_type)
    writable = not field.read_only
    view = {"view": field.visible, "edit": writable, "create": writable, "quick_create": False}
    return {
        "id": str(field.id),
        "api_name": field.api_name,
        "field_label": field.label,
        "display_label": field.label,
        "data_type": data_type,
        "json_type": field.json_type,
        "length": field.length,
        "decimal_place": field.decimal_place,
        "custom_field": field.custom,
        "created_source": "custom" if field.custom else "default",
        "system_mandatory": field.mandatory,
        "mandatory": field.mandatory,
        "read_only": field.read_only,
        "field_read_only": field.read_only,
        "visible": field.visible,
        "view_type": view,
        "operation_type": {
            "web_create": writable,
            "web_update": writable,
            "api_create": writable,
            "api_update": writable,
        },
        "unique": {"case_sensitive": False} if field.unique else {},
        "external": field.external,
        "lookup": _lookup_json(org, module, field),
        "multiselectlookup": {},
        "pick_list_values": [choice.to_json() for choice in field.choices],
        "textarea": {"type": field.textarea_type} if field.textarea_type else None,
        "currency": {"rounding_option": "normal", "precision": field.decimal_place}
        if field.data_type == "currency"
        else {},
        "auto_number": field.auto_number or {},
        "formula": {},
        "rollup_summary": {},
        "subform": _subform_json(org, field),
        "associated_module": _subform_json(org, field),
        "crypt": None,
        "private": None,
        "hipaa_compliance_enabled": field.hipaa,
        "hipaa_compliance": None,
        "history_tracking": None,
        "layout_associations": [
            {"name": "Standard", "id": str(module.layout_id), "api_name": "Standard"}
        ]
        if field.in_layout
        else [],
        "profiles": [
            {
                "id": str(profile_id),
                "name": name,
                "permission_type": "read_write" if writable else "read_only",
            }
            for name, profile_id in org.profiles.items()
        ],
        "quick_sequence_number": None,
        "sequence_number": None,
        "tooltip": field.tooltip,
        "webhook": True,
        "searchable": True,
        "sortable": True,
        "filterable": True,
        "blueprint_supported": True,
        "pick_list_values_sorted_lexically": False,
        "enable_colour_code": False,
        "number_separator": False,
        "mass_update": writable,
        "type": "used",
        "created_time": iso(field.created_at, "UTC"),
        "modified_time": iso(field.modified_at, "UTC"),
    }


def _lookup_json(org: Org, module: Module, field: FieldMeta) -> Json:
    target = field.lookup_module
    if target is None or target not in org.modules:
        return {}
    return {
        "id": str(field.id),
        "api_name": f"{module.api_name}_{field.api_name}",
        "display_label": module.plural_label,
        "module": details_of(org.modules[target]),
        "query_details": {},
        "revalidate_filter_during_edit": False,
    }


def _subform_json(org: Org, field: FieldMeta) -> Json | None:
    target = field.subform_module
    if target is None or target not in org.modules:
        return None
    return {"module": target, "id": str(org.modules[target].id)}


def module_json(org: Org, module: Module, sequence: int) -> Json:
    """Return one module of ``GET /settings/modules``."""
    record = module.api_name not in {"Attachments", "Users"}
    return {
        "id": str(module.id),
        "api_name": module.api_name,
        "module_name": module.plural_label,
        "plural_label": module.plural_label,
        "singular_label": module.singular_label,
        "actual_plural_label": module.plural_label,
        "actual_singular_label": module.singular_label,
        "generated_type": module.generated_type,
        "api_supported": True,
        "creatable": record,
        "editable": record,
        "deletable": record,
        "viewable": True,
        "convertable": module.api_name == "Leads",
        "quick_create": record,
        "feeds_required": False,
        "filter_supported": record,
        "scoring_supported": record,
        "webform_supported": record,
        "email_template_support": record,
        "inventory_template_supported": False,
        "presence_sub_menu": record,
        "show_as_tab": module.generated_type in {"default", "custom"},
        "visibility": 1,
        "visible": True,
        "status": "visible",
        "sequence_number": sequence,
        "global_search_supported": record,
        "isBlueprintSupported": record,
        "profile_count": len(org.profiles),
        "business_card_field_limit": 5,
        "parent_module": {} if module.parent is None else details_of(org.modules[module.parent]),
        "profiles": [
            {"name": name, "id": str(profile_id)} for name, profile_id in org.profiles.items()
        ],
        "modified_by": None,
        "modified_time": iso(module.modified_at, "UTC"),
        "web_link": None,
        "arguments": [],
        "description": None,
    }


def layout_json(org: Org, module: Module, person: Person) -> Json:
    """Return the module's Standard layout with its one section."""
    fields = [
        {
            **field_json(org, module, field),
            "required": field.mandatory or field.layout_required,
            "sequence_number": number,
            "section_id": 1,
        }
        for number, field in enumerate(module.live_fields(), 1)
        if field.in_layout
    ]
    return {
        "id": str(module.layout_id),
        "name": "Standard",
        "api_name": "Standard",
        "display_label": "Standard",
        "status": "active",
        "visible": True,
        "has_more_profiles": False,
        "generated_type": "system",
        "source": "crm",
        "show_business_card": True,
        "created_for": None,
        "convert_mapping": None,
        "mode": "edit",
        "created_time": None,
        "created_by": None,
        "modified_time": iso(module.modified_at, person.time_zone),
        "modified_by": None,
        "profiles": [
            {
                "default": True,
                "name": name,
                "id": str(profile_id),
                "_default_view": None,
            }
            for name, profile_id in org.profiles.items()
        ],
        "sections": [
            {
                "id": str(module.section_id),
                "name": f"{module.singular_label} Information",
                "api_name": f"{module.singular_label.replace(' ', '_')}_Information",
                "display_label": f"{module.singular_label} Information",
                "sequence_number": 1,
                "column_count": 2,
                "tab_traversal": "left_to_right",
                "type": "used",
                "isSubformSection": False,
                "issubformsection": False,
                "generated_type": "default",
                "properties": None,
                "fields": fields,
            }
        ],
    }


def related_lists_json(org: Org, module: Module) -> list[Json]:
    """Return what hangs below records of a module."""
    lists: list[tuple[str, str, str | None]] = []
    if module.has_notes:
        lists.append(("Notes", "Notes", "Notes"))
    lists.append(("Attachments", "Attachments", "Attachments"))
    for child in org.modules.values():
        if child.api_name in {"Notes", "Attachments", "Users"}:
            continue
        links = [f for f in child.live_fields() if f.lookup_module == module.api_name]
        lists += [(child.api_name, child.plural_label, child.api_name) for _ in links[:1]]
    return [
        {
            "id": str(module.id * 100 % 10**18 + number),
            "sequence_number": str(number),
            "api_name": api_name,
            "name": name,
            "display_label": name,
            "module": None if target is None else details_of(org.modules[target]),
            "href": f"{module.api_name}/{{ENTITYID}}/{api_name}",
            "type": "default",
            "action": None,
            "connectedmodule": None,
            "linkingmodule": None,
            "status": "visible",
            "customize_sort": True,
            "customize_fields": True,
            "customize_display_label": True,
        }
        for number, (api_name, name, target) in enumerate(lists, 1)
    ]


def pipelines_json(module: Module) -> list[Json]:
    """Return the pipelines of a layout with their stages."""
    return [
        {
            "id": str(module.pipeline_ids[name]),
            "display_value": name,
            "actual_value": name,
            "default": number == 0,
            "child_available": False,
            "parent": None,
            "maps": [
                {
                    "id": str(stage.id),
                    "display_value": stage.name,
                    "actual_value": stage.name,
                    "sequence_number": place,
                    "forecast_type": stage.forecast_type,
                    "forecast_category": {"name": "Pipeline", "id": str(stage.id)},
                    "delete": False,
                }
                for place, stage in enumerate(stages, 1)
            ],
        }
        for number, (name, stages) in enumerate(module.pipelines.items())
    ]
