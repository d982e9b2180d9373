"""Delete, mass delete and the recycle bin: what goes away, with what, and how it comes back."""

from __future__ import annotations

from typing import Any

import orjson

from .addressing import path_record, record_module
from .call import Answer, Call, answer_json, element_answer, no_content
from .clock import iso
from .errors import Json, Rejected, ZohoError, bad_path_id, error_body, param_missing
from .metadata import Module
from .org import Org
from .paging import ids_param
from .people import Person
from .reading import purge_bin
from .record_ids import record_id
from .table import Record, Table, match_key
from .writing import Writer

DELETE_MAX = 100
MASS_DELETE_MAX = 500


def bin_record(org: Org, module: Module, person: Person, record: Record) -> None:
    """Move one live record into the recycle bin, its notes and attachments with it."""
    database = org.database
    table = Table(database, module)
    database.execute(
        "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, null)",
        (
            record.id,
            module.id,
            org.clock.now_s(),
            person.id,
            record.name,
            orjson.dumps(tuple(record)).decode(),
        ),
    )
    table.delete(record.id)
    if not org.behaviour.bin_blocks_unique:
        _drop_keys(org, module, table, record)
    if org.behaviour.delete_cascades_children:
        for child in ("note", "attachment"):
            _bin_children(org, child, person, record.id)


def _drop_keys(org: Org, module: Module, table: Table, record: Record) -> None:
    values = record.values()
    case = org.behaviour.unique_case_sensitive
    for field in module.match_fields():
        key = match_key(field, values.get(field.api_name), case_sensitive=case)
        if key is not None:
            table.drop_key(field, key, record.id)


def _bin_children(org: Org, kind: str, person: Person, parent: int) -> None:
    database = org.database
    module = org.modules["Notes" if kind == "note" else "Attachments"]
    for row in database.all(f"select * from {kind} where parent = ?", (parent,)):
        database.execute(
            "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, ?)",
            (
                row[0],
                module.id,
                org.clock.now_s(),
                person.id,
                row[3],
                orjson.dumps(row).decode(),
                parent,
            ),
        )
    database.execute(f"delete from {kind} where parent = ?", (parent,))


def delete_one(org: Org, module: Module, person: Person, text: str, message: str) -> Json:
    """Delete one record by its id text and return the success element.

    Raises:
        Rejected: ``INVALID_DATA`` "record not deleted" when there is no such live record.
    """
    found = record_id(text)
    record = None if found is None else Table(org.database, module).get(found)
    if record is None:
        raise Rejected("INVALID_DATA", "record not deleted", {"id": text})
    Writer(org, module, person).refuse_locked(record.id, "delete")
    bin_record(org, module, person, record)
    return {
        "code": "SUCCESS",
        "details": {"id": str(record.id)},
        "message": message,
        "status": "success",
    }


def _delete_many(
    call: Call, module: Module, ids: list[str], message: str
) -> tuple[Answer, list[int]]:
    elements: list[Json] = []
    deleted: list[int] = []
    call.elements = len(ids)
    for index, text in enumerate(ids):
        if index in call.forced_failures:
            elements.append(call.forced_failures[index])
            continue
        try:
            elements.append(delete_one(call.org, module, call.person, text, message))
            deleted.append(int(text))
        except Rejected as refusal:
            elements.append(refusal.body())
    return element_answer(elements, len(ids) - len(deleted), ok=200), deleted


def _fires(call: Call) -> bool:
    wanted = call.params.get("wf_trigger")
    call.trigger_given = wanted is not None
    call.trigger = wanted
    return wanted != "false"


def delete_records(call: Call) -> Answer:
    """``DELETE /{module}?ids=``: up to 100 records into the recycle bin."""
    module = record_module(call)
    ids = ids_param(call, most=DELETE_MAX)
    if not ids:
        raise param_missing("ids")
    if any(record_id(text) is None for text in ids):
        raise ZohoError(
            400,
            "UNABLE_TO_PARSE_DATA_TYPE",
            "either the request body or parameters is in wrong format",
            {"param_name": "ids"},
        )
    answer, deleted = _delete_many(call, module, ids, "record deleted")
    if _fires(call) and deleted:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer


def delete_record(call: Call) -> Answer:
    """``DELETE /{module}/{id}``."""
    module = record_module(call)
    record = path_record(call, module)
    answer, deleted = _delete_many(call, module, [str(record)], "record deleted")
    if _fires(call) and deleted:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer


def mass_delete(call: Call) -> Answer:
    """``POST /{module}/actions/mass_delete`` with up to 500 ids, at once."""
    module = record_module(call)
    body = call.json()
    if "ids" not in body:
        if "cvid" in body:
            raise ZohoError(
                400,
                "NOT_SUPPORTED",
                "custom views are not part of the sandbox",
                {"resource_path_index": 0},
            )
        raise ZohoError(
            400,
            "MANDATORY_NOT_FOUND",
            "required field not found",
            {"api_name": "ids", "json_path": "$.ids"},
        )
    ids = body["ids"]
    place: Json = {"api_name": "ids", "json_path": "$.ids"}
    if not isinstance(ids, list) or not ids:
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place}
        )
    if len(ids) > MASS_DELETE_MAX:
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"maximum_length": MASS_DELETE_MAX, **place}
        )
    texts = [str(item) for item in ids]
    answer, deleted = _delete_many(call, module, texts, "record is deleted")
    if deleted and call.org.behaviour.mass_delete_fires_workflows:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer


def mass_delete_status(call: Call) -> Answer:
    """``GET /{module}/actions/mass_delete``: only deletes by custom view have jobs."""
    record_module(call)
    if not call.params.get("job_id"):
        raise ZohoError(
            400, "MANDATORY_NOT_FOUND", "mandatory param missing", {"param_name": "job_id"}
        )
    raise ZohoError(
        400, "INVALID_DATA", "The jobid given seems to be invalid", {"param_name": "job_id"}
    )


# The recycle bin.


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
    module = _module_of(org, module_id)
    values = orjson.loads(stored)
    if module is None:
        raise Rejected("INVALID_DATA", "the id given seems to be invalid", {"id": text})
    if module.api_name in {"Notes", "Attachments"}:
        _restore_child(org, module.api_name, values)
    else:
        _restore_record(org, module, Record(*values))
    org.database.execute("delete from bin where id = ?", (record,))
    return {
        "code": "SUCCESS",
        "details": {"id": str(record)},
        "message": "record restored",
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
        return answer_json(200, {"recycle_bin": [restore_one(call.org, call.args["id"])]})
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
    return element_answer(elements, failed, ok=200, key="recycle_bin")


def _purge(org: Org, record: int) -> bool:
    row = _bin_row(org, record)
    if row is None:
        return False
    module = _module_of(org, row[1])
    if module is not None and org.behaviour.bin_blocks_unique and module.api_name != "Notes":
        _drop_keys(org, module, Table(org.database, module), Record(*orjson.loads(row[5])))
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
    for (record,) in call.org.database.all(
        "select id from bin where kind = 'recycle' and parent is null"
    ):
        _purge(call.org, record)
    body = {**error_body("SUCCESS", "recycle bin emptied"), "status": "success"}
    return answer_json(200, body)
