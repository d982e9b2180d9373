"""Tags on records: created when first used, at most ten on a record (fact sheet §3.16)."""

from __future__ import annotations

import orjson

from .addressing import record_module
from .call import Answer, Call, answer_json, element_answer, no_content
from .errors import Json, Rejected, ZohoError
from .fields_api import module_param
from .metadata import Module
from .org import Org
from .record_ids import record_id
from .table import Table

TAGS_PER_CALL = 10
TAG_MAX = 25
TAGS_PER_RECORD = 10
TAG_IDS_MAX = 500


def _tag_names(call: Call) -> list[str]:
    tags = call.batch("tags", limit=TAGS_PER_CALL)
    names: list[str] = []
    for index, tag in enumerate(tags):
        name = tag.get("name")
        place = {"api_name": "name", "json_path": f"$.tags[{index}].name"}
        if not isinstance(name, str) or not name:
            raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
        if len(name) > TAG_MAX:
            raise ZohoError(
                400, "INVALID_DATA", "invalid data", {"maximum_length": TAG_MAX, **place}
            )
        names.append(name)
    return names


def _ensure_tags(org: Org, module: Module, names: list[str]) -> None:
    for name in names:
        row = org.database.one(
            "select 1 from tag where module = ? and name = ?", (module.api_name, name)
        )
        if row is None:
            org.database.execute(
                "insert into tag values (?, ?, ?)", (org.ids.take(), module.api_name, name)
            )


def _tag_ids(call: Call) -> list[str]:
    if "id" in call.args:
        return [call.args["id"]]
    ids = call.json().get("ids")
    place = {"api_name": "ids", "json_path": "$.ids"}
    if not isinstance(ids, list) or not ids:
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if len(ids) > TAG_IDS_MAX:
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"maximum_length": TAG_IDS_MAX, **place}
        )
    return [str(item) for item in ids]


def _retag(call: Call, *, add: bool) -> Answer:
    module = record_module(call)
    names = _tag_names(call)
    over_write = call.json().get("over_write") is True
    table = Table(call.org.database, module)
    _ensure_tags(call.org, module, names)
    elements: list[Json] = []
    failed = 0
    for text in _tag_ids(call):
        record = table.get(record_id(text) or 0)
        if record is None:
            elements.append(
                Rejected("INVALID_DATA", "the id given seems to be invalid", {"id": text}).body()
            )
            failed += 1
            continue
        values = record.values()
        before = [] if (over_write and add) else list(values.get("Tag") or ())
        after = (
            list(dict.fromkeys([*before, *names]))
            if add
            else [name for name in before if name not in names]
        )
        if len(after) > TAGS_PER_RECORD:
            elements.append(
                Rejected("LIMIT_EXCEEDED", "tag limit exceeded", {"limit": TAGS_PER_RECORD}).body()
            )
            failed += 1
            continue
        values["Tag"] = after
        table.update(record._replace(doc=orjson.dumps(values).decode()))
        elements.append(
            {
                "code": "SUCCESS",
                "details": {"id": text, "tags": [{"name": name} for name in after]},
                "message": "tags updated successfully",
                "status": "success",
            }
        )
    return element_answer(elements, failed, ok=200)


def add_tags(call: Call) -> Answer:
    """``POST /{module}/actions/add_tags`` and ``/{module}/{id}/actions/add_tags``."""
    return _retag(call, add=True)


def remove_tags(call: Call) -> Answer:
    """``POST /{module}/actions/remove_tags`` and ``/{module}/{id}/actions/remove_tags``."""
    return _retag(call, add=False)


def list_tags(call: Call) -> Answer:
    """``GET /settings/tags?module=``."""
    module = module_param(call)
    rows = call.org.database.all(
        "select id, name from tag where module = ? order by id", (module.api_name,)
    )
    if not rows:
        return no_content()
    return answer_json(200, {"tags": [{"id": str(tag), "name": name} for tag, name in rows]})
