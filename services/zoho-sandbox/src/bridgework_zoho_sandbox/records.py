"""The record API's writes: insert, update and upsert of up to 100 records."""

from __future__ import annotations

from typing import Any

import orjson

from .addressing import external_paths, path_record, record_module
from .call import Answer, Call, element_answer
from .clock import parse_iso
from .errors import Json, Rejected, ZohoError, bad_id, bad_param, bad_path_id, invalid_module
from .features import features_of
from .matching import own_id, upsert_order
from .metadata import Module
from .record_ids import record_id
from .recurrence import occurrences
from .table import Record
from .writing import Writer

PRECONDITION_FAILED = 412


def _unmodified_since(call: Call) -> float | None:
    header = call.headers.get("if-unmodified-since")
    if header is None:
        return None
    moment = parse_iso(header)
    if moment is None:
        raise bad_param("If-Unmodified-Since", expected_data_type="datetime")
    return moment


def _fire(call: Call, module: Module, writer: Writer, names: tuple[str, ...]) -> None:
    for action, ids in (("create", writer.inserted), ("update", writer.updated)):
        if names and ids:
            call.org.fire(list(names), module.api_name, action, ids, call.source)


def _added(writer: Writer, extra: Json) -> tuple[bytes, bytes]:
    """Return what stands before and after the id in the element of an added record."""
    person = writer.person.short()
    stamp = writer.org.stamp(writer.now, writer.person)
    details = {
        "Modified_Time": stamp,
        "Modified_By": person,
        "Created_Time": stamp,
        "id": "#",
        "Created_By": person,
        "$approval_state": "approved",
    }
    element = {
        "code": "SUCCESS",
        **extra,
        "details": details,
        "message": "record added",
        "status": "success",
    }
    before, after = orjson.dumps(element).split(b'"id":"#"')
    return before + b'"id":"', b'"' + after


def _updated(writer: Writer, record: Record, extra: Json) -> Json:
    return {
        "code": "SUCCESS",
        **extra,
        "details": {**writer.stamps(record), "$approval_state": "approved"},
        "message": "record updated",
        "status": "success",
    }


def insert(call: Call) -> Answer:
    """``POST /{module}``: add up to 100 records."""
    module = record_module(call)
    data = call.batch()
    features = features_of(call, module)
    call.org.storage.keep_records(len(data))
    writer = Writer(call.org, module, call.person, external=external_paths(call, module))
    writer.read_ahead(data)
    before, after = _added(writer, {})
    elements: list[Any] = []
    failed = 0
    forced = call.forced_failures
    for index, sent in enumerate(data):
        if forced and index in forced:
            elements.append(forced[index])
            failed += 1
            continue
        for single in occurrences(sent) if "Recurring_Activity" in sent else (sent,):
            try:
                new_id = writer.insert(single, f"$.data[{index}]")
            except Rejected as refusal:
                elements.append(refusal.body())
                failed += 1
                break
            elements.append(orjson.Fragment(b"%b%d%b" % (before, new_id, after)))
    writer.flush()
    _fire(call, module, writer, features.names)
    return element_answer(elements, failed, ok=201)


def _update_elements(call: Call, writer: Writer, data: list[Json], ids: list[int] | None) -> Answer:
    since = _unmodified_since(call)
    writer.read_ahead(data)
    elements: list[Json] = []
    failed = stale = 0
    for index, sent in enumerate(data):
        if index in call.forced_failures:
            elements.append(call.forced_failures[index])
            failed += 1
            continue
        path = f"$.data[{index}]"
        try:
            record = own_id(sent, path, writer) if ids is None else ids[index]
            changed = writer.update(record, sent, path, unmodified_since=since)
            elements.append(_updated(writer, changed, {}))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
            stale += refusal.code == "ALREADY_MODIFIED"
    writer.flush()
    refused = PRECONDITION_FAILED if stale and stale == failed else 400
    return element_answer(elements, failed, ok=200, refused=refused)


def update(call: Call) -> Answer:
    """``PUT /{module}``: change up to 100 records, each named by its ``id``."""
    module = record_module(call)
    data = call.batch()
    features = features_of(call, module)
    writer = Writer(call.org, module, call.person, external=external_paths(call, module))
    answer = _update_elements(call, writer, data, None)
    _fire(call, module, writer, features.names)
    return answer


def update_one(call: Call) -> Answer:
    """``PUT /{module}/{id}``: change one record."""
    module = record_module(call)
    data = call.batch(limit=1)
    features = features_of(call, module)
    record = path_record(call, module)
    writer = Writer(call.org, module, call.person, external=external_paths(call, module))
    if not writer.table.exists(record):
        raise bad_path_id(1)
    answer = _update_elements(call, writer, data, [record])
    _fire(call, module, writer, features.names)
    return answer


def _duplicate_check_fields(body: Json) -> list[str] | None:
    given = body.get("duplicate_check_fields")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ZohoError(
            400,
            "INVALID_DATA",
            "invalid data",
            {
                "expected_data_type": "jsonarray",
                "api_name": "duplicate_check_fields",
                "json_path": "$.duplicate_check_fields",
            },
        )
    return given


def upsert(call: Call) -> Answer:
    """``POST /{module}/upsert``: update the first match of each record, add what has none."""
    module = record_module(call)
    if not module.upsertable:
        raise invalid_module(message="The given module is not supported in API")
    data = call.batch()
    features = features_of(call, module)
    order = upsert_order(module, _duplicate_check_fields(call.json()))
    call.org.storage.keep_records(len(data))
    since = _unmodified_since(call)
    writer = Writer(call.org, module, call.person, external=external_paths(call, module))
    writer.read_ahead(data, order)
    before, after = _added(writer, {"duplicate_field": None, "action": "insert"})
    elements: list[Any] = []
    failed = stale = 0
    for index, sent in enumerate(data):
        if index in call.forced_failures:
            elements.append(call.forced_failures[index])
            failed += 1
            continue
        path = f"$.data[{index}]"
        try:
            found = _upsert_target(writer, sent, order, path)
            if found is None:
                new_id = writer.insert(sent, path)
                elements.append(orjson.Fragment(b"%b%d%b" % (before, new_id, after)))
            else:
                record, by = found
                changed = writer.update(record, sent, path, unmodified_since=since)
                extra = {"duplicate_field": by, "action": "update"}
                elements.append(_updated(writer, changed, extra))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
            stale += refusal.code == "ALREADY_MODIFIED"
    writer.flush()
    _fire(call, module, writer, features.names)
    refused = PRECONDITION_FAILED if stale and stale == failed else 400
    ok = call.org.behaviour.upsert_all_ok_status
    return element_answer(elements, failed, ok=ok, refused=refused)


def _upsert_target(
    writer: Writer, sent: Json, order: list[str], path: str
) -> tuple[int, str | None] | None:
    if sent.get("id") is not None:
        given = record_id(sent["id"])
        if given is None or not writer.table.exists(given):
            raise bad_id(path)
        return given, "id"
    return writer.match(sent, order)
