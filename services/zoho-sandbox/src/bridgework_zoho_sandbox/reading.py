"""The record API's reads: lists, single records, counts of rows, deleted rows, related lists."""

from __future__ import annotations

from typing import Any

import orjson

from .addressing import path_record, record_module
from .call import PER_PAGE_MAX, Answer, Call, answer_json, no_content
from .clock import iso, parse_iso
from .errors import Json, ZohoError, bad_param, bad_path_id, invalid_url
from .metadata import Module
from .paging import SORTABLE, fields_param, ids_param, page_info, page_request, page_sql
from .record_ids import record_id
from .rendering import Renderer
from .search import criteria_count
from .table import COLUMNS, Record, Table

IDS_MAX = 100
NOT_MODIFIED = 304
_KINDS = {"all": ("recycle", "permanent"), "recycle": ("recycle",), "permanent": ("permanent",)}
BIN_LIFE_S = 60 * 86_400
PERMANENT_LIFE_S = 120 * 86_400


def modified_since(call: Call) -> int | None:
    """Return the ``If-Modified-Since`` header as epoch seconds."""
    header = call.headers.get("if-modified-since")
    if header is None:
        return None
    moment = parse_iso(header)
    if moment is None:
        raise bad_param("If-Modified-Since", expected_data_type="datetime")
    return int(moment)


def list_records(call: Call) -> Answer:
    """``GET /{module}``: one page, newest first unless told otherwise."""
    module = record_module(call)
    names = fields_param(call)
    page = page_request(call)
    if "cvid" in call.params and record_id(call.params["cvid"]) != module.view_id:
        raise bad_param("cvid")
    where = "1"
    values: list[Any] = []
    ids = ids_param(call, most=IDS_MAX)
    if ids is not None:
        known = [found for text in ids if (found := record_id(text)) is not None]
        where += " and id in (select value from json_each(?))"
        values.append(orjson.dumps(known).decode())
    since = modified_since(call)
    if since is not None:
        where += " and modified > ?"
        values.append(since)
    more, order, keys = page_sql(page)
    rows = call.org.database.all(
        f"select {COLUMNS} from r{module.slot} where {where}{more} {order}",
        (*values, *keys),
    )
    if not rows:
        return Answer(NOT_MODIFIED) if since is not None else no_content()
    return _page_answer(call, module, names, page, rows)


def _page_answer(
    call: Call, module: Module, names: list[str], page: Any, rows: list[Any]
) -> Answer:
    records = [Record(*row) for row in rows[: page.per_page]]
    last = None
    if len(rows) > page.per_page:
        tail = records[-1]
        last = [getattr(tail, SORTABLE[page.sort_by]), tail.id]
    renderer = Renderer(call.org, module, call.person, wanted=names, in_list=True)
    return answer_json(
        200,
        {
            "data": [renderer.render(record) for record in records],
            "info": page_info(call, page, len(records), last),
        },
    )


def _one(call: Call, *, full_text: bool) -> Answer:
    module = record_module(call)
    record = Table(call.org.database, module).get(path_record(call, module))
    if record is None:
        if call.org.behaviour.unknown_id_on_get == "400":
            raise bad_path_id(1)
        return no_content()
    text = call.params.get("fields")
    wanted = None if not text else [name.strip() for name in text.split(",")]
    renderer = Renderer(call.org, module, call.person, wanted=wanted, full_text=full_text)
    return answer_json(200, {"data": [renderer.render(record)]})


def get_record(call: Call) -> Answer:
    """``GET /{module}/{id}``: one record with its subforms, 204 when there is none."""
    return _one(call, full_text=False)


def fetch_full_data(call: Call) -> Answer:
    """``GET /{module}/{id}/actions/fetch_full_data``: one record, rich text in full."""
    return _one(call, full_text=True)


def count_records(call: Call) -> Answer:
    """``GET /{module}/actions/count``: rows in all, or rows that match a criterion."""
    module = record_module(call)
    if any(name in call.params for name in ("criteria", "email", "phone", "word")):
        return answer_json(200, {"count": criteria_count(call, module)})
    return answer_json(200, {"count": Table(call.org.database, module).count()})


def purge_bin(call: Call) -> None:
    """Turn recycle-bin rows over 60 days old into permanent ones, forget those over 120 days."""
    now = call.org.clock.now_s()
    with call.org.database.transaction():
        call.org.database.execute(
            "update bin set kind = 'permanent' where kind = 'recycle' and deleted_at < ?",
            (now - BIN_LIFE_S,),
        )
        call.org.database.execute(
            "delete from bin where kind = 'permanent' and deleted_at < ?",
            (now - PERMANENT_LIFE_S,),
        )


def deleted_records(call: Call) -> Answer:
    """``GET /{module}/deleted``: who deleted what when, latest first."""
    module = record_module(call)
    kind = call.params.get("type", "all")
    if kind not in _KINDS:
        raise bad_param("type", supported_values=list(_KINDS))
    per_page = call.number_param("per_page", PER_PAGE_MAX, most=PER_PAGE_MAX)
    number = call.number_param("page", 1, most=10**6)
    since = modified_since(call) or 0
    purge_bin(call)
    rows = call.org.database.all(
        "select id, name, kind, deleted_by, deleted_at, row from bin where module = ?"
        " and kind in (select value from json_each(?)) and deleted_at > ?"
        " order by deleted_at desc, id desc limit ? offset ?",
        (
            module.id,
            orjson.dumps(_KINDS[kind]).decode(),
            since - 1 if since else -1,
            per_page + 1,
            (number - 1) * per_page,
        ),
    )
    if not rows:
        return no_content()
    shown = rows[:per_page]
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": number,
        "more_records": len(rows) > per_page,
    }
    return answer_json(200, {"data": [_deleted(call, row) for row in shown], "info": info})


def _deleted(call: Call, row: tuple[Any, ...]) -> Json:
    record, name, kind, deleted_by, deleted_at, stored = row
    people = call.org.people
    deleter = people.get(deleted_by, call.person)
    creator = people.get(orjson.loads(stored)[3], call.person)
    return {
        "id": str(record),
        "display_name": name,
        "type": kind,
        "deleted_by": deleter.short(),
        "created_by": creator.short(),
        "deleted_time": iso(deleted_at, call.person.time_zone),
    }


def related_records(call: Call) -> Answer:
    """``GET /{module}/{id}/{related_list}``: records whose lookup points here."""
    module = record_module(call)
    parent = path_record(call, module)
    child = call.org.modules.get(call.args["related"])
    if child is None:
        raise invalid_url()
    names = fields_param(call)
    page = page_request(call)
    if not Table(call.org.database, module).exists(parent):
        raise bad_path_id(1)
    links = [
        field.api_name
        for field in child.live_fields()
        if field.lookup_module == module.api_name or field.data_type == "linked"
    ]
    if not links:
        raise ZohoError(
            400,
            "INVALID_DATA",
            "the relation name given seems to be invalid",
            {"resource_path_index": 2},
        )
    condition = " or ".join(f"json_extract(doc, '$.{name}') = ?" for name in links)
    more, order, keys = page_sql(page)
    rows = call.org.database.all(
        f"select {COLUMNS} from r{child.slot} where ({condition}){more} {order}",
        (*[parent for _ in links], *keys),
    )
    if not rows:
        return no_content()
    return _page_answer(call, child, names, page, rows)
