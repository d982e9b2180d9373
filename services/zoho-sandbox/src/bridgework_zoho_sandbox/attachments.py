"""Attachments and the file system of the org: one file per call, streamed to disk (§3.9-3.10)."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import orjson

from .addressing import NOT_RECORDS
from .call import Answer, Call, Upload, answer_json, element_answer, file_answer, no_content
from .clock import iso
from .deleting import DELETE_MAX
from .errors import Json, Rejected, ZohoError, bad_path_id, invalid_module, param_missing
from .multipart import not_multipart
from .org import Org
from .paging import SORTABLE, fields_param, ids_param, page_info, page_request, page_sql
from .record_ids import record_id
from .rendering import Renderer
from .table import Table

TITLE_MAX = 255
URL_MAX = 3_000
NAME_MAX = 255
FILES_PER_CALL = 10
FILE_MAX = 20 * 1024 * 1024
FILES_PER_NOTE = 5
_COLUMNS = (
    "id, parent_module, parent, name, size, path, sha256, link, owner, created, modified,"
    " created_by, modified_by"
)


def _parent(call: Call) -> tuple[str, int]:
    """Return module and id of the record the attachments hang on; notes are records here."""
    org = call.org
    module = org.modules.get(call.args["module"])
    if module is None:
        raise invalid_module()
    if module.api_name in NOT_RECORDS - {"Notes"} or module.generated_type == "subform":
        raise invalid_module(message="The given module is not supported in API")
    record = record_id(call.args["id"])
    if record is None:
        raise bad_path_id(1, "the related id given seems to be invalid")
    if module.api_name == "Notes":
        found = org.database.one("select 1 from note where id = ?", (record,)) is not None
    else:
        found = Table(org.database, module).exists(record)
    if not found:
        raise bad_path_id(1, "the related id given seems to be invalid")
    return module.api_name, record


def _form(uploads: list[Upload], name: str) -> str | None:
    return next((part.value for part in uploads if part.name == name and part.path is None), None)


def _refuse_size(call: Call, size: int, parent: tuple[str, int]) -> None:
    behaviour = call.org.behaviour
    if size > behaviour.attachment_max_bytes:
        raise ZohoError(
            413,
            "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
            "Please check if the size of the file is in the correct range",
            {"limit": behaviour.attachment_max_bytes},
        )
    row = call.org.database.one(
        "select coalesce(sum(size), 0), count(*) from attachment where parent = ?", (parent[1],)
    )
    stored, count = row if row is not None else (0, 0)
    if stored + size > behaviour.attachments_per_record_bytes:
        raise ZohoError(
            400,
            "FILE_SIZE_EXCEEDS",
            "the attachments of the record exceed the allowed size",
            {"limit": behaviour.attachments_per_record_bytes},
        )
    if parent[0] == "Notes" and count >= FILES_PER_NOTE:
        raise ZohoError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": FILES_PER_NOTE})
    call.org.storage.keep_file(size)


def keep_file(org: Org, upload: Upload) -> Path:
    """Move an uploaded file to its final place and return it."""
    if upload.path is None:
        raise FileNotFoundError(upload.name)
    kept = org.files / secrets.token_hex(16)
    upload.path.rename(kept)
    upload.path = None
    return kept


def upload_attachment(call: Call) -> Answer:
    """``POST /{module}/{id}/Attachments``: one file, or a link with a title."""
    parent = _parent(call)
    files = [part for part in call.uploads if part.name == "file" and part.path is not None]
    link = _form(call.uploads, "attachmentUrl") or call.params.get("attachmentUrl")
    title = _form(call.uploads, "title") or call.params.get("title")
    if not call.uploads and not link:
        raise not_multipart()
    if files and link:
        raise ZohoError(
            400,
            "AMBIGUITY_DURING_PROCESSING",
            "ambiguity while processing the request",
            {"ambiguity_due_to": [{"param_name": "file"}, {"param_name": "attachmentUrl"}]},
        )
    if len(files) > 1:
        raise ZohoError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": 1, "param_name": "file"})
    if not files and not link:
        raise ZohoError(
            400, "MANDATORY_NOT_FOUND", "required field not found", {"param_name": "file"}
        )
    path: str | None = None
    sha256: str | None = None
    size = 0
    if files:
        upload = files[0]
        size, sha256 = upload.size, upload.sha256
        name = (upload.filename or "file")[:NAME_MAX] or "file"
        _refuse_size(call, size, parent)
        path = keep_file(call.org, upload).name
    else:
        name = title or link or ""
        for text, limit, param in ((link, URL_MAX, "attachmentUrl"), (name, TITLE_MAX, "title")):
            if text is not None and len(text) > limit:
                details = {"param_name": param, "maximum_length": limit}
                raise ZohoError(400, "INVALID_DATA", "invalid data", details)
    now, who = call.org.clock.now_s(), call.person
    new_id = call.org.ids.take()
    call.org.database.execute(
        f"insert into attachment ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (new_id, *parent, name, size, path, sha256, link, who.id, now, now, who.id, who.id),
    )
    stamp = iso(now, who.time_zone)
    details = {
        "Modified_Time": stamp,
        "Modified_By": who.short(),
        "Created_Time": stamp,
        "id": str(new_id),
        "Created_By": who.short(),
    }
    element = {
        "code": "SUCCESS",
        "details": details,
        "message": "attachment uploaded successfully",
        "status": "success",
    }
    return answer_json(200, {"data": [element]})


def _render(call: Call, row: tuple[Any, ...], names: list[str]) -> Json:
    org, zone_name = call.org, call.person.time_zone
    module = org.modules[row[1]]
    parent_name = None
    if row[1] != "Notes":
        parent_name = Renderer(org, module, call.person, wanted=()).name_of(row[1], row[2])
    everything: Json = {
        "File_Name": row[3],
        "Size": str(row[4]),
        "Parent_Id": {
            "module": {"api_name": row[1], "id": str(module.id)},
            "name": parent_name,
            "id": str(row[2]),
        },
        "Owner": org.person_reference(row[8]),
        "Created_Time": iso(row[9], zone_name),
        "Modified_Time": iso(row[10], zone_name),
        "Created_By": org.person_reference(row[11]),
        "Modified_By": org.person_reference(row[12]),
        "$type": "Link URL" if row[7] else "Attachment",
        "$file_id": row[5],
        "$link_url": row[7],
        "$editable": True,
    }
    shown = {name: everything[name] for name in names if name in everything}
    return {**shown, "id": str(row[0])}


def list_attachments(call: Call) -> Answer:
    """``GET /{module}/{id}/Attachments``: ``fields`` is mandatory here too."""
    _, parent = _parent(call)
    names = fields_param(call)
    page = page_request(call)
    more, order, keys = page_sql(page)
    rows = call.org.database.all(
        f"select {_COLUMNS} from attachment where parent = ?{more} {order}", (parent, *keys)
    )
    if not rows:
        return no_content()
    shown = rows[: page.per_page]
    last = None
    if len(rows) > page.per_page:
        index = {"id": 0, "created": 9, "modified": 10}[SORTABLE[page.sort_by]]
        last = [shown[-1][index], shown[-1][0]]
    info = page_info(call, page, len(shown), last)
    return answer_json(200, {"data": [_render(call, row, names) for row in shown], "info": info})


def _stored(call: Call) -> tuple[Any, ...] | None:
    _, parent = _parent(call)
    found = record_id(call.args["attachment"])
    if found is None:
        raise bad_path_id(3, "the related id given seems to be invalid")
    return call.org.database.one(
        f"select {_COLUMNS} from attachment where id = ? and parent = ?", (found, parent)
    )


def download_attachment(call: Call) -> Answer:
    """``GET /{module}/{id}/Attachments/{attachment}``: the bytes; 204 when there is none."""
    row = _stored(call)
    if row is None:
        return no_content()
    if row[5] is None:
        raise ZohoError(
            400,
            "DOWNLOAD_NOT_ALLOWED",
            "As it is a linked attachment, you can not download it",
            {"param_name": "id"},
        )
    return file_answer(call.org.files / row[5], row[3])


def delete_attachment(call: Call) -> Answer:
    """``DELETE /{module}/{id}/Attachments/{attachment}``."""
    row = _stored(call)
    if row is None:
        raise bad_path_id(3, "the related id given seems to be invalid")
    return answer_json(200, {"data": [_remove(call, row)]})


def delete_attachments(call: Call) -> Answer:
    """``DELETE /{module}/{id}/Attachments?ids=``: several of one record."""
    _, parent = _parent(call)
    ids = ids_param(call, most=DELETE_MAX)
    if not ids:
        raise param_missing("ids")
    elements: list[Json] = []
    failed = 0
    for text in ids:
        row = call.org.database.one(
            f"select {_COLUMNS} from attachment where id = ? and parent = ?",
            (record_id(text), parent),
        )
        if row is None:
            refusal = Rejected("INVALID_DATA", "record not deleted", {"id": text})
            elements.append(refusal.body())
            failed += 1
        else:
            elements.append(_remove(call, row))
    return element_answer(elements, failed, ok=200)


def _remove(call: Call, row: tuple[Any, ...]) -> Json:
    org = call.org
    org.database.execute(
        "insert or replace into bin values (?, ?, ?, ?, 'recycle', ?, ?, null)",
        (
            row[0],
            org.modules["Attachments"].id,
            org.clock.now_s(),
            call.person.id,
            row[3],
            orjson.dumps(row).decode(),
        ),
    )
    org.database.execute("delete from attachment where id = ?", (row[0],))
    return {
        "code": "SUCCESS",
        "details": {"id": str(row[0])},
        "message": "record deleted",
        "status": "success",
    }


def upload_files(call: Call) -> Answer:
    """``POST /files``: up to ten files of 20 MB; one too large refuses the whole call."""
    files = [part for part in call.uploads if part.path is not None]
    if not files or len(files) > FILES_PER_CALL:
        raise not_multipart()
    if any(part.size > FILE_MAX for part in files):
        raise ZohoError(
            415,
            "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
            "Please check if the size of the file is in the correct range",
        )
    elements: list[Json] = []
    for part in files:
        file_id = secrets.token_hex(24)
        name = (part.filename or "file")[:NAME_MAX]
        path = keep_file(call.org, part).name
        call.org.database.execute(
            "insert into file values (?, ?, ?, ?, 'zfs', ?)",
            (file_id, name, part.size, path, call.org.clock.now_s()),
        )
        elements.append(
            {
                "code": "SUCCESS",
                "details": {"name": name, "id": file_id},
                "message": f"{name} uploaded Succesfuly",
                "status": "success",
            }
        )
    return answer_json(200, {"data": elements})


def download_file(call: Call) -> Answer:
    """``GET /files?id=``: the bytes; 204 for an unknown id."""
    file_id = call.param("id")
    row = call.org.database.one(
        "select path, name from file where id = ? and kind = 'zfs'", (file_id,)
    )
    return no_content() if row is None else file_answer(call.org.files / row[0], row[1])
