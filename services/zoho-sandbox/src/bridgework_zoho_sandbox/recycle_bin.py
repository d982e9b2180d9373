"""The recycle bin: what is in it, how it comes back, how it goes for good (fact sheet §3.7).

More than 1,000 related records make the answer 202 ``SCHEDULED``; here the work is done at once.
"""

from __future__ import annotations

from typing import Any

import orjson

from .call import Answer, Call, answer_json, element_answer, no_content
from .clock import iso
from .deleting import drop_keys
from .errors import Json, Rejected, ZohoError, bad_path_id, error_body
from .metadata import Module
from .org import Org
from .paging import ids_param
from .reading import purge_bin
from .record_ids import record_id
from .table import Record, Table, match_key

RELATED_AT_ONCE = 1_000
ACCEPTED = 202
IDS_MAX = 200
_WAYS = ("ids", "filters", "restore_all_records")
CHILDREN = frozenset({"Notes", "Attachments"})


def _module_of(org: Org, module_id: int) -> Module | None:
    return next((item for item in org.modules.values() if item.id == module_id), None)


def _bin_row(org: Org, record: int) -> tuple[Any, ...] | None:
    return org.database.one(
        "select id, module, name, deleted_at, deleted_by, row, parent from bin"
        " where id = ? and kind = 'recycle'",
        (record,),
    )


def _bin_json(call: Call, row: tuple[Any, ...]) -> Json:
    record, module_id, name, deleted_at, deleted_by = row[:5]
    module = _module_of(call.org, module_id)
    return {
        "id": str(record),
        "display_name": name,
        "deleted_time": iso(deleted_at, call.person.time_zone),
        "deleted_by": call.org.people.get(deleted_by, call.person).short(),
        "module": None if module is None else {"api_name": module.api_name, "id": str(module.id)},
    }


def list_bin(call: Call) -> Answer:
    """``GET /settings/recycle_bin``: what can still be restored, latest first."""
    per_page = call.number_param("per_page", 200, most=200)
    number = call.number_param("page", 1, most=10**6)
    purge_bin(call)
    rows = call.org.database.all(
        "select id, module, name, deleted_at, deleted_by from bin where kind = 'recycle'"
        " and parent is null order by deleted_at desc, id desc limit ? offset ?",
        (per_page + 1, (number - 1) * per_page),
    )
    if not rows:
        return no_content()
    info = {
        "per_page": per_page,
        "count": min(len(rows), per_page),
        "page": number,
        "more_records": len(rows) > per_page,
    }
    shown = [_bin_json(call, row) for row in rows[:per_page]]
    return answer_json(200, {"recycle_bin": shown, "info": info})


def get_bin(call: Call) -> Answer:
    """``GET /settings/recycle_bin/{id}``."""
    found = record_id(call.args["id"])
    row = None if found is None else _bin_row(call.org, found)
    if row is None:
        raise bad_path_id(2)
    return answer_json(200, {"recycle_bin": [_bin_json(call, row)]})


def count_bin(call: Call) -> Answer:
    """``GET /settings/recycle_bin/actions/count``."""
    purge_bin(call)
    row = call.org.database.one(
        "select count(*) from bin where kind = 'recycle' and parent is null"
    )
    return answer_json(200, {"count": 0 if row is None else row[0]})


def restore_one(org: Org, text: str) -> Json:
    """Bring one record back, its notes and attachments with it; return the element.

    Raises:
        Rejected: when it is not in the bin, or when its unique value was taken meanwhile.
    """
    found = record_id(text)
    row = None if found is None else _bin_row(org, found)
    if row is None:
        raise Rejected("INVALID_DATA", "the id given seems to be invalid", {"id": text})
    record, module_id, _, _, _, stored, _ = row
    counted = org.database.one("select count(*) from bin where parent = ?", (record,))
    related = 0 if counted is None else counted[0]
    module = _module_of(org, module_id)
    values = orjson.loads(stored)
    if module is None:
        raise Rejected("INVALID_DATA", "the id given seems to be invalid", {"id": text})
    if module.api_name in CHILDREN:
        _restore_child(org, module.api_name, values)
    else:
        _restore_record(org, module, Record(*values))
    org.database.execute("delete from bin where id = ?", (record,))
    later = related > RELATED_AT_ONCE
    return {
        "code": "SCHEDULED" if later else "SUCCESS",
        "details": {"id": str(record)},
        "message": "record restore scheduled" if later else "record restored",
        "status": "success",
    }


def _restore_child(org: Org, api_name: str, values: list[Any]) -> None:
    kind = "note" if api_name == "Notes" else "attachment"
    marks = ", ".join("?" * len(values))
    org.database.execute(f"insert or replace into {kind} values ({marks})", tuple(values))


def _restore_record(org: Org, module: Module, record: Record) -> None:
    table = Table(org.database, module)
    doc = record.values()
    case = org.behaviour.unique_case_sensitive
    keys = []
    for field in module.match_fields():
        key = match_key(field, doc.get(field.api_name), case_sensitive=case)
        if key is None:
            continue
        if field.keyed and any(held != record.id for held in table.by_key(field, key)):
            raise Rejected(
                "DUPLICATE_DATA",
                "duplicate data",
                {"api_name": field.api_name, "id": str(record.id)},
            )
        keys.append((field.id, key, record.id))
    table.insert([tuple(record)], keys)
    children = org.database.all("select id, module, row from bin where parent = ?", (record.id,))
    for child, module_id, stored in children:
        owner = _module_of(org, module_id)
        if owner is not None:
            _restore_child(org, owner.api_name, orjson.loads(stored))
            org.database.execute("delete from bin where id = ?", (child,))


def restore_record(call: Call) -> Answer:
    """``POST /settings/recycle_bin/{id}/actions/restore``."""
    try:
        element = restore_one(call.org, call.args["id"])
        status = ACCEPTED if element["code"] == "SCHEDULED" else 200
        return answer_json(status, {"recycle_bin": [element]})
    except Rejected as refusal:
        return answer_json(400, {"recycle_bin": [refusal.body()]})


def _chosen(body: Json) -> str:
    """Return which of the three ways to say what shall come back the body uses."""
    places = [{"api_name": name, "json_path": f"$.{name}"} for name in _WAYS]
    given = [place for place in places if body.get(place["api_name"]) not in (None, False)]
    if not given:
        raise ZohoError(
            400,
            "EXPECTED_FIELD_MISSING",
            "one of the expected fields is missing",
            {"expected_fields": places},
        )
    if len(given) > 1:
        raise ZohoError(
            400,
            "AMBIGUITY_DURING_PROCESSING",
            "ambiguity while processing the request",
            {"ambiguity_due_to": given},
        )
    return given[0]["api_name"]


def _bin_ids(org: Org) -> list[str]:
    rows = org.database.all(
        "select id from bin where kind = 'recycle' and parent is null order by id"
    )
    return [str(row[0]) for row in rows]


def restore_records(call: Call) -> Answer:
    """``POST /settings/recycle_bin/actions/restore`` by ``ids`` or ``restore_all_records``."""
    body = call.json()
    way = _chosen(body)
    if way == "filters":
        raise ZohoError(
            400, "NOT_SUPPORTED", "filters are not part of the sandbox", {"api_name": "filters"}
        )
    everything = way == "restore_all_records"
    ids = _bin_ids(call.org) if everything else body["ids"]
    place: Json = {"api_name": "ids", "json_path": "$.ids"}
    if not isinstance(ids, list):
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place}
        )
    if not ids and not everything:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"minimum_length": 1, **place})
    if len(ids) > IDS_MAX and not everything:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": IDS_MAX, **place})
    elements: list[Json] = []
    failed = 0
    for given in ids:
        try:
            with call.org.database.transaction():
                elements.append(restore_one(call.org, str(given)))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    if everything or any(item["code"] == "SCHEDULED" for item in elements):
        later = {**error_body("SCHEDULED", "restore is scheduled"), "status": "success"}
        return answer_json(ACCEPTED, {"recycle_bin": [later]})
    return element_answer(elements, failed, ok=200, key="recycle_bin")


def _purge(org: Org, record: int) -> bool:
    row = _bin_row(org, record)
    if row is None:
        return False
    module = _module_of(org, row[1])
    if module is not None and org.behaviour.bin_blocks_unique and module.api_name not in CHILDREN:
        drop_keys(org, Table(org.database, module), Record(*orjson.loads(row[5])))
    org.database.execute(
        "update bin set kind = 'permanent' where id = ? or parent = ?", (record, record)
    )
    return True


def delete_bin(call: Call) -> Answer:
    """``DELETE /settings/recycle_bin/{id}``: gone for good."""
    found = record_id(call.args["id"])
    if found is None or not _purge(call.org, found):
        raise bad_path_id(2)
    return answer_json(200, {"recycle_bin": [_gone(found)]})


def _gone(record: int) -> Json:
    return {
        "code": "SUCCESS",
        "details": {"id": str(record)},
        "message": "record deleted permanently",
        "status": "success",
    }


def delete_from_bin(call: Call) -> Answer:
    """``DELETE /settings/recycle_bin?ids=``: several, gone for good."""
    if "filters" in call.params:
        raise ZohoError(
            400, "NOT_SUPPORTED", "filters are not part of the sandbox", {"param_name": "filters"}
        )
    ids = ids_param(call, most=IDS_MAX)
    if not ids:
        raise ZohoError(
            400,
            "EXPECTED_PARAM_MISSING",
            "One of the expected parameter is missing",
            {"param_names": ["ids", "filters"]},
        )
    elements: list[Json] = []
    failed = 0
    for text in ids:
        found = record_id(text)
        if found is not None and _purge(call.org, found):
            elements.append(_gone(found))
        else:
            elements.append(
                Rejected("INVALID_DATA", "the id given seems to be invalid", {"id": text}).body()
            )
            failed += 1
    call.elements = len(ids)
    return element_answer(elements, failed, ok=200, key="recycle_bin")


def empty_bin(call: Call) -> Answer:
    """``POST /settings/recycle_bin/actions/empty``: everything in it is gone for good."""
    ids = _bin_ids(call.org)
    for text in ids:
        _purge(call.org, int(text))
    if len(ids) > RELATED_AT_ONCE:
        body = {**error_body("SCHEDULED", "recycle bin is being emptied"), "status": "success"}
        return answer_json(ACCEPTED, body)
    return answer_json(200, {**error_body("SUCCESS", "recycle bin emptied"), "status": "success"})
