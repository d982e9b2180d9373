"""The recycle bin: what is in it, how it comes back, how it goes for good (fact sheet §3.7).

More than 1,000 related records make the answer 202 ``SCHEDULED``; here the work is done at once.
"""

from __future__ import annotations

from typing import Any

import orjson

from .call import Answer, Call, answer_json, element_answer, no_content
from .clock import iso
from .deleting import drop_keys
from .errors import Json, Rejected, bad_path_id, error_body
from .metadata import Module
from .org import Org
from .reading import purge_bin
from .record_ids import record_id
from .table import Record, Table, match_key

RELATED_AT_ONCE = 1_000
ACCEPTED = 202
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
        return answer_json(_accepted([element]), {"recycle_bin": [element]})
    except Rejected as refusal:
        return answer_json(400, {"recycle_bin": [refusal.body()]})


def restore_records(call: Call) -> Answer:
    """``POST /settings/recycle_bin/actions/restore`` with ``{"recycle_bin": [{"id"}, …]}``."""
    items = call.batch("recycle_bin")
    elements: list[Json] = []
    failed = 0
    for item in items:
        try:
            with call.org.database.transaction():
                elements.append(restore_one(call.org, str(item.get("id"))))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    return element_answer(elements, failed, ok=_accepted(elements), key="recycle_bin")


def _accepted(elements: list[Json]) -> int:
    """Return 202 where something of many related records is restored later, else 200."""
    return ACCEPTED if any(item["code"] == "SCHEDULED" for item in elements) else 200


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
    element = {
        "code": "SUCCESS",
        "details": {"id": str(found)},
        "message": "record deleted permanently",
        "status": "success",
    }
    return answer_json(200, {"recycle_bin": [element]})


def empty_bin(call: Call) -> Answer:
    """``POST /settings/recycle_bin/actions/empty``: everything in it is gone for good."""
    rows = call.org.database.all("select id from bin where kind = 'recycle' and parent is null")
    for (record,) in rows:
        _purge(call.org, record)
    if len(rows) > RELATED_AT_ONCE:
        body = {**error_body("SCHEDULED", "recycle bin is being emptied"), "status": "success"}
        return answer_json(ACCEPTED, body)
    return answer_json(200, {**error_body("SUCCESS", "recycle bin emptied"), "status": "success"})
