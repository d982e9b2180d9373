"""Custom views, as far as mass delete and list reads need them: one per module, every record."""

from __future__ import annotations

from .addressing import record_module
from .call import Answer, Call, answer_json


def list_views(call: Call) -> Answer:
    """``GET /settings/custom_views?module=``: the module's only view, "All …"."""
    module = record_module(call, call.param("module"))
    name = f"All {module.plural_label}"
    view = {
        "id": str(module.view_id),
        "name": name,
        "display_value": name,
        "system_name": "ALLVIEWS",
        "system_defined": True,
        "default": True,
        "category": "public_views",
        "access_type": "public",
        "module": {"api_name": module.api_name, "id": str(module.id)},
    }
    info = {"per_page": 200, "count": 1, "page": 1, "more_records": False, "default": view["id"]}
    return answer_json(200, {"custom_views": [view], "info": info})
