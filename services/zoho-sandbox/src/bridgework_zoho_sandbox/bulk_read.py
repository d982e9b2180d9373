"""Bulk read: a query becomes a CSV of up to 200,000 rows in a zip (fact sheet §3.12)."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
import zipfile
from collections.abc import Callable
from typing import Any

import orjson

from .bulk_criteria import criteria_sql, refuse
from .bulk_write import callback_of, resource_not_found
from .call import Answer, Call, answer_json, file_answer
from .callbacks import call_back
from .clock import iso
from .columns import kind_of
from .errors import TOO_MANY_REQUESTS, Json, ZohoError
from .jobs import Job, load_job, started
from .metadata import Module
from .org import Org
from .people import Person
from .record_ids import record_id
from .rendering import Renderer
from .search import Clause
from .table import COLUMNS, Record

ROWS_PER_JOB = 200_000
CHUNK_ROWS = 2_000
FIELDS_MAX = 200
PAGE_MAX = 500
RESULT_LIFE_S = 86_400
DOWNLOADS_PER_MINUTE = 10
MINUTE_S = 60


def _module(call: Call, query: Json) -> Module:
    module = query.get("module")
    name = module.get("api_name") if isinstance(module, dict) else None
    found = call.org.modules.get(name) if isinstance(name, str) else None
    if found is None:
        raise refuse("MODULE_NOT_AVAILABLE", "the module is not available", module=str(name)[:50])
    if found.api_name in {"Notes", "Attachments", "Users"} or found.generated_type == "subform":
        raise refuse("MODULE_NOT_SUPPORTED", "the module is not supported", module=str(name))
    return found


def _fields(module: Module, query: Json) -> list[str]:
    fields = query.get("fields")
    if fields is None:
        return ["id", *(item.api_name for item in module.live_fields())]
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise refuse(
            "VALUE_TYPE_NOT_SUPPORTED",
            "the value type is wrong",
            api_name="fields",
            supported="string",
        )
    if len(fields) > FIELDS_MAX:
        raise refuse("LIMIT_EXCEEDED", "fields limit exceeded", limit=FIELDS_MAX)
    for name in fields:
        if kind_of(module, name.split(".")[0]) is None:
            raise refuse("FIELD_NOT_AVAILABLE", "the field is not available", api_name=name[:100])
    return fields


def _body(call: Call) -> Json:
    if not call.body.strip():
        raise refuse("REQUEST_BODY_IS_EMPTY", "the request body is empty")
    try:
        return call.json()
    except ZohoError:
        raise refuse("REQUEST_BODY_NOT_READABLE", "the request body cannot be read") from None


def _page_token(doc: Json) -> str:
    """Return the token of the page after this one: the last id and when it was made."""
    return f"{doc['last']}.{int(doc['completed'])}"


def _after(call: Call, query: Json) -> int:
    """Return the id after which the asked-for page starts; 0 without a page token."""
    token = query.get("page_token")
    if token is None:
        return 0
    text, _, made = str(token).partition(".")
    found = record_id(text)
    if found is None or not (made.isascii() and made.isdigit() and len(made) < 12):  # noqa: PLR2004 - seconds
        raise refuse("INVALID_DATA", "invalid data", api_name="page_token")
    if call.org.clock.now() - int(made) > RESULT_LIFE_S:
        raise refuse("EXPIRED_VALUE", "the page token has expired", api_name="page_token")
    return found


def create(call: Call) -> Answer:
    """``POST /crm/bulk/v8/read``: 50 credits, up to 200,000 rows."""
    body = _body(call)
    query = body.get("query")
    if not isinstance(query, dict):
        raise refuse("MANDATORY_NOT_FOUND", "required field not found", api_name="query")
    if body.get("file_type", "csv") != "csv":
        raise refuse("NOT_SUPPORTED", "only csv is supported by the sandbox")
    module = _module(call, query)
    fields = _fields(module, query)
    if "cvid" in query and record_id(query["cvid"]) != module.view_id:
        raise refuse("CVID_NOT_SUPPORTED", "the custom view is not supported")
    callback = callback_of(body)
    clause = Clause("1", [])
    if query.get("criteria") is not None:
        clause = criteria_sql(module, query["criteria"])
    page = query.get("page", 1)
    if type(page) is not int or page < 1:
        raise refuse("INVALID_DATA", "invalid data", api_name="page")
    if page > PAGE_MAX:
        raise refuse("PAGE_RANGE_EXCEEDED", "the page is out of range", max_limit=PAGE_MAX)
    after = _after(call, query)
    org, now = call.org, call.org.clock.now_s()
    job = Job(
        org,
        org.ids.take(),
        "read",
        {
            "state": "ADDED",
            "module": module.api_name,
            "fields": fields,
            "sql": clause.sql,
            "values": clause.values,
            "page": page,
            "after": after,
            "person": call.person.id,
            "created": now,
            "query": {k: query[k] for k in ("module", "fields", "criteria", "page") if k in query},
            "result": None,
            "callback": callback,
        },
    )
    job.save()
    org.jobs.submit(job.id)
    details = {
        "id": str(job.id),
        "operation": "read",
        "state": "ADDED",
        "created_by": call.person.short(),
        "created_time": iso(now, call.person.time_zone),
    }
    element = {
        "status": "success",
        "code": "ADDED_SUCCESSFULLY",
        "message": "Added successfully.",
        "details": details,
    }
    return answer_json(201, {"data": [element], "info": {}})


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value.get("id", ""))
    if isinstance(value, list):
        return ";".join(
            _cell(item.get("name") if isinstance(item, dict) else item) for item in value
        )
    return str(value)


def _reader(name: str) -> Callable[[Json], Any]:
    lookup, _, inner = name.partition(".")
    if not inner:
        return lambda row: row.get(name)

    def read(row: Json) -> Any:
        reference = row.get(lookup)
        if not isinstance(reference, dict):
            return None
        return reference.get("id") if inner == "id" else reference.get("name")

    return read


async def run_bulk_read(org: Org, job: Job) -> None:
    """Write the job's rows into a zip."""
    doc = job.doc
    failing = await started(job, "bulk_read.job", doc["module"])
    if failing is not None:
        doc["state"] = "FAILURE"
        job.save()
        return
    doc["state"] = "IN PROGRESS"
    job.save()
    module = org.modules[doc["module"]]
    person = org.people[doc["person"]]
    wanted = list(dict.fromkeys(name.split(".")[0] for name in doc["fields"]))
    renderer = Renderer(org, module, person, wanted=wanted)
    plain = all("." not in name for name in doc["fields"])
    readers = [_reader(name) for name in doc["fields"]]
    result = f"{secrets.token_hex(16)}.zip"
    count, last = 0, doc["after"]
    skip = (doc["page"] - 1) * ROWS_PER_JOB
    with (
        zipfile.ZipFile(org.files / result, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{job.id}.csv", "w") as raw,
    ):
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(doc["fields"])
        while count < ROWS_PER_JOB:
            rows = org.database.all(
                f"select {COLUMNS} from r{module.slot} where ({doc['sql']}) and id > ?"
                " order by id limit ? offset ?",
                (*doc["values"], last, min(CHUNK_ROWS, ROWS_PER_JOB - count), skip),
            )
            if not rows:
                break
            skip = 0
            for row in rows:
                shown = renderer.render(Record(*row))
                values = map(shown.get, doc["fields"]) if plain else (r(shown) for r in readers)
                writer.writerow([v if type(v) is str else _cell(v) for v in values])
            count += len(rows)
            last = rows[-1][0]
            await asyncio.sleep(0)
        text.flush()
        text.detach()
    more = org.database.one(
        f"select 1 from r{module.slot} where ({doc['sql']}) and id > ? limit 1",
        (*doc["values"], last),
    )
    doc.update(
        state="COMPLETED",
        result=result,
        count=count,
        more=more is not None and count == ROWS_PER_JOB,
        last=last,
        completed=org.clock.now_s(),
    )
    job.save()
    if doc.get("callback") is not None:
        told = orjson.dumps({"data": [_shown(org, job, person)]})
        await asyncio.to_thread(call_back, doc["callback"]["url"], told)


def _shown(org: Org, job: Job, viewer: Person) -> Json:
    """Return a job as its poll and its callback show it."""
    doc = job.doc
    shown: Json = {
        "id": str(job.id),
        "operation": "read",
        "state": doc["state"],
        "query": doc["query"],
        "created_by": org.people[doc["person"]].short(),
        "created_time": iso(doc["created"], viewer.time_zone),
        "file_type": "csv",
    }
    if doc["result"] is not None:
        shown["result"] = {
            "page": doc["page"],
            "count": doc["count"],
            "download_url": f"/crm/bulk/v8/read/{job.id}/result",
            "per_page": ROWS_PER_JOB,
            "more_records": doc["more"],
            "next_page_token": _page_token(doc) if doc["more"] else None,
        }
    return shown


def status(call: Call) -> Answer:
    """``GET /crm/bulk/v8/read/{id}``."""
    job = load_job(call.org, record_id(call.args["id"]), "read")
    if job is None:
        raise resource_not_found(call.args["id"])
    return answer_json(200, {"data": [_shown(call.org, job, call.person)]})


def result(call: Call) -> Answer:
    """``GET /crm/bulk/v8/read/{id}/result``: kept one day, ten downloads a minute."""
    org = call.org
    job = load_job(org, record_id(call.args["id"]), "read")
    expired = job is not None and org.clock.now_s() - job.doc["created"] > RESULT_LIFE_S
    if job is None or job.doc["result"] is None or expired:
        raise resource_not_found(call.args["id"])
    now = org.clock.now()
    while org.download_times and org.download_times[0] <= now - MINUTE_S:
        org.download_times.popleft()
    if len(org.download_times) >= DOWNLOADS_PER_MINUTE:
        raise ZohoError(TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "You have made too many requests")
    org.download_times.append(now)
    return file_answer(org.files / job.doc["result"], f"{job.id}.zip")
