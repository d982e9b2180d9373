"""Notes: created under a parent, changed only in title and content, never upserted (§3.8)."""

from __future__ import annotations

from typing import Any

import orjson

from .addressing import record_module, require_admin
from .call import Answer, Call, answer_json, element_answer, no_content
from .clock import iso
from .deleting import DELETE_MAX
from .errors import (
    Json,
    Rejected,
    ZohoError,
    bad_path_id,
    invalid_data,
    mandatory_not_found,
    param_missing,
)
from .org import Org
from .paging import SORTABLE, fields_param, ids_param, page_info, page_request, page_sql
from .patterns import HTML_TAG
from .record_ids import record_id
from .rendering import Renderer
from .table import Table

TITLE_MAX = 120
CONTENT_MAX = 65_535
_COLUMNS = (
    "id, parent_module, parent, title, content, owner, created, modified, created_by, modified_by"
)


def _checked_text(sent: Json, name: str, limit: int, path: str) -> str | None:
    value = sent.get(name)
    if value is None or value == "":
        return None
    place: Json = {"api_name": name, "json_path": f"{path}.{name}"}
    if not isinstance(value, str):
        raise invalid_data({"expected_data_type": "string", **place})
    if len(value) > limit:
        raise invalid_data({"maximum_length": limit, **place})
    return value


def _texts(org: Org, sent: Json, path: str) -> tuple[str | None, str | None]:
    title = _checked_text(sent, "Note_Title", TITLE_MAX, path)
    content = _checked_text(sent, "Note_Content", CONTENT_MAX, path)
    if content is not None and org.behaviour.note_html == "strip":
        content = HTML_TAG.sub("", content)
    return title, content


def _neither(path: str) -> Rejected:
    names = ("Note_Title", "Note_Content")
    return Rejected(
        "EXPECTED_FIELD_MISSING",
        "expected field missing",
        {"expected_fields": [{"api_name": n, "json_path": f"{path}.{n}"} for n in names]},
    )


def _parent(call: Call, sent: Json, path: str) -> tuple[str, int]:
    parent = sent.get("Parent_Id")
    if parent is None:
        raise mandatory_not_found("Parent_Id", f"{path}.Parent_Id")
    place: Json = {"api_name": "Parent_Id", "json_path": f"{path}.Parent_Id"}
    if not isinstance(parent, dict) or not isinstance(parent.get("module"), dict):
        raise invalid_data({"expected_data_type": "jsonobject", **place})
    module = call.org.modules.get(str(parent["module"].get("api_name")))
    if module is None or not module.has_notes:
        raise invalid_data(
            {"api_name": "api_name", "json_path": f"{path}.Parent_Id.module.api_name"}
        )
    record = record_id(parent.get("id"))
    if record is None or not Table(call.org.database, module).exists(record):
        raise Rejected(
            "INVALID_DATA",
            "the id given seems to be invalid",
            {"api_name": "id", "json_path": f"{path}.Parent_Id.id"},
        )
    return module.api_name, record


def _element(call: Call, row: tuple[Any, ...], message: str) -> Json:
    people = call.org.people
    return {
        "code": "SUCCESS",
        "details": {
            "Modified_Time": iso(row[7], call.person.time_zone),
            "Modified_By": people.get(row[9], call.person).short(),
            "Created_Time": iso(row[6], call.person.time_zone),
            "id": str(row[0]),
            "Created_By": people.get(row[8], call.person).short(),
        },
        "message": message,
        "status": "success",
    }


def _add(call: Call, sent: Json, path: str, parent: tuple[str, int] | None) -> Json:
    if parent is None:
        parent = _parent(call, sent, path)
    title, content = _texts(call.org, sent, path)
    if title is None and content is None:
        raise _neither(path)
    owner = call.person.id
    if call.org.behaviour.note_owner_on_create == "honour" and isinstance(sent.get("Owner"), dict):
        wanted = record_id(sent["Owner"].get("id"))
        owner = wanted if wanted in call.org.people else owner
    now, who = call.org.clock.now_s(), call.person.id
    row = (call.org.ids.take(), *parent, title, content, owner, now, now, who, who)
    call.org.database.execute("insert into note values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return _element(call, row, "record added")


def _each(call: Call, data: list[Json], act: Any, ok: int) -> Answer:
    elements: list[Json] = []
    failed = 0
    for index, sent in enumerate(data):
        try:
            if index in call.forced_failures:
                elements.append(call.forced_failures[index])
                failed += 1
            else:
                elements.append(act(sent, f"$.data[{index}]"))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    return element_answer(elements, failed, ok=ok)


def _note_parent(call: Call) -> tuple[str, int]:
    module = record_module(call)
    if not module.has_notes:
        raise ZohoError(
            400,
            "INVALID_DATA",
            "the relation name given seems to be invalid",
            {"resource_path_index": 2},
        )
    record = record_id(call.args["id"])
    if record is None or not Table(call.org.database, module).exists(record):
        raise bad_path_id(1)
    return module.api_name, record


def create_notes(call: Call) -> Answer:
    """``POST /Notes``: up to 100 notes, each naming its parent."""
    data = call.batch()
    call.org.storage.keep_notes(len(data))
    return _each(call, data, lambda sent, path: _add(call, sent, path, None), 201)


def create_related_notes(call: Call) -> Answer:
    """``POST /{module}/{id}/Notes``: up to 100 notes on one record."""
    parent = _note_parent(call)
    data = call.batch()
    call.org.storage.keep_notes(len(data))
    return _each(call, data, lambda sent, path: _add(call, sent, path, parent), 201)


def _stored(org: Org, note: int | None, parent: int | None = None) -> tuple[Any, ...] | None:
    if note is None:
        return None
    row = org.database.one(f"select {_COLUMNS} from note where id = ?", (note,))
    return None if row is None or (parent is not None and row[2] != parent) else row


def _change(call: Call, sent: Json, path: str, row: tuple[Any, ...]) -> Json:
    title, content = _texts(call.org, sent, path)
    title = title if "Note_Title" in sent else row[3]
    content = content if "Note_Content" in sent else row[4]
    if title is None and content is None:
        raise _neither(path)
    now, who = call.org.clock.now_s(), call.person.id
    call.org.database.execute(
        "update note set title = ?, content = ?, modified = ?, modified_by = ? where id = ?",
        (title, content, now, who, row[0]),
    )
    return _element(
        call, (*row[:3], title, content, row[5], row[6], now, row[8], who), "record updated"
    )


def _update_in(call: Call, parent: int | None) -> Answer:
    def act(sent: Json, path: str) -> Json:
        if sent.get("id") is None:
            raise mandatory_not_found("id", f"{path}.id")
        row = _stored(call.org, record_id(sent["id"]), parent)
        if row is None:
            raise Rejected(
                "INVALID_DATA",
                "the id given seems to be invalid",
                {"api_name": "id", "json_path": f"{path}.id"},
            )
        return _change(call, sent, path, row)

    return _each(call, call.batch(), act, 200)


def update_notes(call: Call) -> Answer:
    """``PUT /Notes``: title and content of up to 100 notes; anything else is read only."""
    return _update_in(call, None)


def update_related_notes(call: Call) -> Answer:
    """``PUT /{module}/{id}/Notes``."""
    return _update_in(call, _note_parent(call)[1])


def _path_note(call: Call, index: int, parent: int | None) -> tuple[Any, ...]:
    row = _stored(call.org, record_id(call.args["note"]), parent)
    if row is None:
        raise bad_path_id(index)
    return row


def update_note(call: Call) -> Answer:
    """``PUT /Notes/{id}``."""
    row = _path_note(call, 1, None)
    return _each(call, call.batch(limit=1), lambda s, path: _change(call, s, path, row), 200)


def update_related_note(call: Call) -> Answer:
    """``PUT /{module}/{id}/Notes/{note}``."""
    row = _path_note(call, 3, _note_parent(call)[1])
    return _each(call, call.batch(limit=1), lambda s, path: _change(call, s, path, row), 200)


def _remove(call: Call, row: tuple[Any, ...]) -> Json:
    org = call.org
    org.database.execute(
        "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, null)",
        (
            row[0],
            org.modules["Notes"].id,
            org.clock.now_s(),
            call.person.id,
            row[3],
            orjson.dumps(row).decode(),
        ),
    )
    org.database.execute("delete from note where id = ?", (row[0],))
    return {
        "code": "SUCCESS",
        "details": {"id": str(row[0])},
        "message": "record deleted",
        "status": "success",
    }


def _delete_in(call: Call, parent: int | None) -> Answer:
    ids = ids_param(call, most=DELETE_MAX)
    if not ids:
        raise param_missing("ids")

    def act(sent: Json, _: str) -> Json:
        row = _stored(call.org, record_id(sent["id"]), parent)
        if row is None:
            raise Rejected("INVALID_DATA", "record not deleted", {"id": sent["id"]})
        return _remove(call, row)

    return _each(call, [{"id": text} for text in ids], act, 200)


def delete_notes(call: Call) -> Answer:
    """``DELETE /Notes?ids=``."""
    return _delete_in(call, None)


def delete_related_notes(call: Call) -> Answer:
    """``DELETE /{module}/{id}/Notes?ids=``."""
    return _delete_in(call, _note_parent(call)[1])


def delete_note(call: Call) -> Answer:
    """``DELETE /Notes/{id}``."""
    return answer_json(200, {"data": [_remove(call, _path_note(call, 1, None))]})


def delete_related_note(call: Call) -> Answer:
    """``DELETE /{module}/{id}/Notes/{note}``."""
    row = _path_note(call, 3, _note_parent(call)[1])
    return answer_json(200, {"data": [_remove(call, row)]})


def _render(call: Call, row: tuple[Any, ...], names: list[str] | None) -> Json:
    org, zone_name = call.org, call.person.time_zone
    module = org.modules.get(row[1])
    parent_name = None
    if module is not None:
        parent_name = Renderer(org, module, call.person, wanted=()).name_of(row[1], row[2])
    everything: Json = {
        "Note_Title": row[3],
        "Note_Content": row[4],
        "Parent_Id": {
            "module": {"api_name": row[1], "id": None if module is None else str(module.id)},
            "name": parent_name,
            "id": str(row[2]),
        },
        "Owner": org.person_reference(row[5]),
        "Created_Time": iso(row[6], zone_name),
        "Modified_Time": iso(row[7], zone_name),
        "Created_By": org.person_reference(row[8]),
        "Modified_By": org.person_reference(row[9]),
        "$attachments": None,
    }
    shown = everything if names is None else {n: everything[n] for n in names if n in everything}
    return {**shown, "id": str(row[0])}


def _list(call: Call, where: str, values: list[Any], *, descending: bool) -> Answer:
    names = fields_param(call)
    page = page_request(call, descending=descending)
    more, order, keys = page_sql(page)
    rows = call.org.database.all(
        f"select {_COLUMNS} from note where {where}{more} {order}", (*values, *keys)
    )
    if not rows:
        return no_content()
    shown = rows[: page.per_page]
    last = None
    if len(rows) > page.per_page:
        index = {"id": 0, "created": 6, "modified": 7}[SORTABLE[page.sort_by]]
        last = [shown[-1][index], shown[-1][0]]
    return answer_json(
        200,
        {
            "data": [_render(call, row, names) for row in shown],
            "info": page_info(call, page, len(shown), last),
        },
    )


def list_notes(call: Call) -> Answer:
    """``GET /Notes``: every note of the org, for administrators only."""
    require_admin(call, "Crm_Implied_View_Notes")
    ids = ids_param(call, most=100)
    if ids is None:
        return _list(call, "1", [], descending=True)
    known = [found for text in ids if (found := record_id(text)) is not None]
    where = "id in (select value from json_each(?))"
    return _list(call, where, [orjson.dumps(known).decode()], descending=True)


def list_related_notes(call: Call) -> Answer:
    """``GET /{module}/{id}/Notes``: a record's notes, oldest first."""
    return _list(call, "parent = ?", [_note_parent(call)[1]], descending=False)


def get_note(call: Call) -> Answer:
    """``GET /Notes/{id}``: 204 when there is none."""
    names = fields_param(call) if call.params.get("fields") else None
    row = _stored(call.org, record_id(call.args["note"]))
    return no_content() if row is None else answer_json(200, {"data": [_render(call, row, names)]})


def get_related_note(call: Call) -> Answer:
    """``GET /{module}/{id}/Notes/{note}``."""
    parent = _note_parent(call)[1]
    names = fields_param(call) if call.params.get("fields") else None
    row = _stored(call.org, record_id(call.args["note"]), parent)
    return no_content() if row is None else answer_json(200, {"data": [_render(call, row, names)]})
