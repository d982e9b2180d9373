"""Bulk write: upload a zip, describe the job, watch it, fetch its result (fact sheet §3.11)."""

from __future__ import annotations

import zipfile
from typing import Any

from .attachments import keep_file
from .call import Answer, Call, answer_json, file_answer
from .clock import iso
from .errors import Json, ZohoError
from .jobs import Job, load_job
from .metadata import Module
from .record_ids import record_id

ZIP_MAX = 25 * 1024 * 1024
RESULT_DAYS_S = 7 * 86_400
OPERATIONS = ("insert", "update", "upsert")
_FIND_LATER = frozenset({"update", "upsert"})


def _refuse(code: str, message: str, details: Json | None = None) -> ZohoError:
    return ZohoError(400, code, message, details)


def resource_not_found(resource: str) -> ZohoError:
    """Refuse a job or result that does not exist: 404 ``RESOURCE_NOT_FOUND``."""
    return ZohoError(
        404,
        "RESOURCE_NOT_FOUND",
        "The requested resource doesn't exist.",
        {"resource": resource},
    )


def upload(call: Call) -> Answer:
    """``POST /crm/v8/upload`` of the content host: a zip of at most 25 MB."""
    if call.headers.get("feature") != "bulk-write":
        raise _refuse("NOT_SUPPORTED_FEATURE", "the feature is not supported")
    if call.headers.get("x-crm-org") != call.org.id:
        raise _refuse("INVALID_DATA", "invalid data", {"param_name": "X-CRM-ORG"})
    files = [part for part in call.uploads if part.name == "file" and part.path is not None]
    if not files:
        raise _refuse("MANDATORY_NOT_FOUND", "required field not found", {"param_name": "file"})
    part = files[0]
    if part.size > ZIP_MAX:
        raise ZohoError(413, "FILE_TOO_LARGE", "the file is too large", {"limit": ZIP_MAX})
    if part.path is None or not zipfile.is_zipfile(part.path):
        raise _refuse("INVALID_FILE_FORMAT", "only zip files are supported")
    name, size = part.filename or "file.zip", part.size
    path = keep_file(call.org, part).name
    file_id = str(call.org.ids.take())
    now = call.org.clock.now_s()
    call.org.database.execute(
        "insert into file values (?, ?, ?, ?, 'bulk', ?)", (file_id, name, size, path, now)
    )
    return answer_json(
        200,
        {
            "status": "success",
            "code": "FILE_UPLOAD_SUCCESS",
            "message": "file uploaded.",
            "details": {"file_id": file_id, "created_time": iso(now, call.person.time_zone)},
        },
    )


def callback_of(body: Json) -> Json | None:
    """Return the callback of a job, if it has one."""
    callback = body.get("callback")
    if callback is None:
        return None
    url = callback.get("url") if isinstance(callback, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise _refuse("INVALID_CALLBACK_URL", "the callback url is invalid")
    if callback.get("method") != "post":
        raise _refuse(
            "INVALID_CALLBACK_METHOD",
            "the callback method is invalid",
            {"supported_callback_methods": ["post"]},
        )
    return {"url": url, "method": "post"}


def _module(call: Call, resource: Json) -> Module:
    module = resource.get("module")
    name = module.get("api_name") if isinstance(module, dict) else None
    if not isinstance(name, str):
        raise _refuse(
            "MISSING_REQUIRED_KEY",
            "a required key is missing",
            {"json_path": "$.resource[0].module.api_name"},
        )
    found = call.org.modules.get(name)
    if found is None or not (found.bulk_writable or found.generated_type == "subform"):
        raise _refuse("MODULE_NOT_AVAILABLE", "the module is not available for bulk write")
    return found


def _mappings(module: Module, resource: Json) -> list[Json]:
    mappings = resource.get("field_mappings")
    if mappings is None:
        return []
    if not isinstance(mappings, list) or not all(isinstance(item, dict) for item in mappings):
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "field_mappings"})
    for item in mappings:
        name = item.get("api_name")
        field = module.fields.get(name) if isinstance(name, str) else None
        known = field is not None and not field.deleted
        if not known and name not in {"id", "Layout", "Parent_Id"}:
            raise _refuse("INVALID_FIELD", "the field is invalid", {"api_name": name})
        index = item.get("index")
        if index is None and not isinstance(item.get("default_value"), dict):
            raise _refuse(
                "COLUMN_INDEX_NOT_FOUND", "the column index is missing", {"api_name": name}
            )
        if index is not None and (type(index) is not int or index < 0):
            raise _refuse("INVALID_DATA", "invalid data", {"api_name": "index"})
    return mappings


def _find_by(call: Call, module: Module, operation: str, resource: Json) -> str | None:
    find_by = resource.get("find_by")
    if find_by is None:
        if operation in _FIND_LATER:
            raise _refuse("MANDATORY_NOT_FOUND", "Required key find_by is not available")
        return None
    field = module.fields.get(find_by) if isinstance(find_by, str) else None
    unique = (
        call.org.behaviour.bulk_find_by == "unique"
        and field is not None
        and not field.deleted
        and (field.keyed or field.api_name == module.duplicate_field)
    )
    if find_by != "id" and not unique:
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "find_by"})
    return str(find_by)


def _parent_resource(call: Call, operation: str, resource: Json) -> Json:
    module = _module(call, resource)
    if module.generated_type == "subform":
        raise _refuse("MODULE_NOT_AVAILABLE", "the parent module must come first")
    if resource.get("type") != "data":
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "type"})
    file_id = resource.get("file_id")
    if not isinstance(file_id, str):
        raise _refuse(
            "MISSING_REQUIRED_KEY",
            "a required key is missing",
            {"json_path": "$.resource[0].file_id"},
        )
    row = call.org.database.one("select path from file where id = ? and kind = 'bulk'", (file_id,))
    if row is None:
        raise _refuse("FILE_NOT_FOUND", "the file is not found")
    mappings = _mappings(module, resource)
    names = {item.get("api_name") for item in mappings}
    if mappings and operation == "insert":
        missing = [f.api_name for f in module.live_fields() if f.mandatory and not f.read_only]
        missing = [name for name in missing if name not in names]
        if missing:
            raise _refuse(
                "MANDATORY_FIELDS_NOT_MAPPED",
                "mandatory fields are not mapped",
                {"api_name": missing[0]},
            )
    return {
        "module": module.api_name,
        "path": row[0],
        "file_id": file_id,
        "file_names": _file_names(resource),
        "find_by": _find_by(call, module, operation, resource),
        "ignore_empty": resource.get("ignore_empty"),
        "field_mappings": mappings,
    }


def _file_names(resource: Json) -> list[str]:
    names = resource.get("file_names")
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "file_names"})
    return names


def _child_resource(call: Call, parent: Json, resource: Json) -> Json:
    module = _module(call, resource)
    if module.generated_type != "subform" or module.parent != parent["module"]:
        raise _refuse("MODULE_NOT_AVAILABLE", "the module is no child of the first resource")
    names = _file_names(resource)
    if not names:
        raise _refuse(
            "MISSING_REQUIRED_KEY",
            "a required key is missing",
            {"json_path": "$.resource[1].file_names"},
        )
    mappings = _mappings(module, resource)
    link = next((item for item in mappings if item.get("api_name") == "Parent_Id"), None)
    if link is None or ("parent_column_index" not in link and link.get("find_by") != "id"):
        raise _refuse("MANDATORY_NOT_FOUND", "Required key parent_column_index is not available")
    return {"module": module.api_name, "file_names": names, "field_mappings": mappings}


def create(call: Call) -> Answer:
    """``POST /crm/bulk/v8/write``: 500 credits, at most 25,000 rows."""
    body = call.json()
    operation = body.get("operation")
    if operation not in OPERATIONS:
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "operation"})
    callback = callback_of(body)
    resources = body.get("resource")
    if not isinstance(resources, list) or not resources or not isinstance(resources[0], dict):
        raise _refuse(
            "MISSING_REQUIRED_KEY", "a required key is missing", {"json_path": "$.resource"}
        )
    if body.get("character_encoding", "UTF-8") != "UTF-8":
        raise _refuse("INVALID_DATA", "invalid data", {"api_name": "character_encoding"})
    parent = _parent_resource(call, operation, resources[0])
    children = [
        _child_resource(call, parent, item) for item in resources[1:] if isinstance(item, dict)
    ]
    org, now = call.org, call.org.clock.now_s()
    job = Job(
        org,
        org.ids.take(),
        "write",
        {
            "status": "ADDED",
            "operation": operation,
            "ignore_empty": body.get("ignore_empty") is True,
            "callback": callback,
            "parent": parent,
            "children": children,
            "person": call.person.id,
            "created": now,
            "done": 0,
            "counts": {"added": 0, "updated": 0, "skipped": 0, "total": 0},
            "code": None,
            "result": None,
        },
    )
    job.save()
    org.jobs.submit(job.id)
    return answer_json(
        201,
        {
            "status": "success",
            "code": "SUCCESS",
            "message": "success",
            "details": {"id": str(job.id), "created_by": call.person.short()},
        },
    )


def job_json(job: Job) -> Json:
    """Return a job as its poll and its callback show it."""
    org, doc = job.org, job.doc
    person = org.people[doc["person"]]
    counts, parent = doc["counts"], doc["parent"]
    names = parent["file_names"] or [doc.get("file_name") or "file.csv"]
    resource: Json = {
        "status": doc["status"],
        "type": "data",
        "module": {
            "api_name": parent["module"],
            "id": str(org.modules[parent["module"]].id),
        },
        "field_mappings": parent["field_mappings"],
        "file": {
            "status": doc["status"],
            "name": names[0],
            "added_count": counts["added"],
            "updated_count": counts["updated"],
            "skipped_count": counts["skipped"],
            "total_count": counts["total"],
        },
        "find_by": parent["find_by"],
    }
    if doc["code"] is not None:
        resource["code"] = doc["code"]
    shown: Json = {
        "status": doc["status"],
        "character_encoding": "UTF-8",
        "resource": [resource],
        "id": str(job.id),
        "callback": doc["callback"],
        "operation": doc["operation"],
        "created_by": person.short(),
        "created_time": iso(doc["created"], person.time_zone),
        "result": None,
    }
    if doc["result"] is not None:
        url = f"/v8/crm/org{org.id}/bulk-write/{job.id}/{job.id}.zip"
        shown["result"] = {"download_url": url}
    return shown


def status(call: Call) -> Answer:
    """``GET /crm/bulk/v8/write/{id}``."""
    job = load_job(call.org, record_id(call.args["id"]), "write")
    if job is None:
        raise resource_not_found(call.args["id"])
    return answer_json(200, job_json(job))


def result(call: Call) -> Answer:
    """``GET /v8/crm/org{zgid}/bulk-write/{id}/{id}.zip``: kept seven days."""
    job = load_job(call.org, record_id(call.args["id"]), "write")
    expected: tuple[Any, ...] = (f"org{call.org.id}", f"{call.args['id']}.zip")
    if (
        job is None
        or (call.args["zgid"], call.args["file"]) != expected
        or job.doc["result"] is None
        or call.org.clock.now_s() - job.doc["created"] > RESULT_DAYS_S
    ):
        raise resource_not_found(call.args["file"])
    return file_answer(call.org.files / job.doc["result"], call.args["file"])
