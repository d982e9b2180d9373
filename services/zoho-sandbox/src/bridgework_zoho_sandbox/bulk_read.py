"""Bulk read: a query becomes a CSV of up to 200,000 rows in a zip (fact sheet §3.12)."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
import zipfile
from collections.abc import Callable
from typing import Any

from .bulk_write import resource_not_found
from .call import Answer, Call, answer_json, file_answer
from .clock import iso
from .columns import NUMBERS, column_sql, is_text, kind_of, literal
from .errors import TOO_MANY_REQUESTS, Json, ZohoError
from .jobs import Job, load_job, started
from .metadata import Module
from .org import Org
from .record_ids import record_id
from .rendering import Renderer
from .search import Clause, like
from .table import COLUMNS, Record

ROWS_PER_JOB = 200_000
CHUNK_ROWS = 2_000
FIELDS_MAX = 200
PAGE_MAX = 500
GROUP_MAX = 25
DEPTH_MAX = 10
IN_MAX = 20
PAIR = 2
RESULT_LIFE_S = 86_400
DOWNLOADS_PER_MINUTE = 10
MINUTE_S = 60
EMPTY = "${EMPTY}"
_ORDERED = {"less_than": "<", "less_equal": "<=", "greater_than": ">", "greater_equal": ">="}
_COMPARATORS = (
    "equal",
    "not_equal",
    "in",
    "not_in",
    *_ORDERED,
    "between",
    "not_between",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
)
_LISTS = frozenset({"in", "not_in"})
_BETWEENS = frozenset({"between", "not_between"})
_PATTERNS = {"contains": "%{}%", "not_contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}


def _refuse(code: str, message: str, **details: Any) -> ZohoError:
    return ZohoError(400, code, message, details)


def _module(call: Call, query: Json) -> Module:
    module = query.get("module")
    name = module.get("api_name") if isinstance(module, dict) else None
    found = call.org.modules.get(name) if isinstance(name, str) else None
    if found is None:
        raise _refuse("INVALID_MODULE", "the module is invalid", module=str(name)[:50])
    if found.api_name in {"Notes", "Attachments", "Users"} or found.generated_type == "subform":
        raise _refuse("MODULE_NOT_SUPPORTED", "the module is not supported", module=str(name))
    return found


def _fields(module: Module, query: Json) -> list[str]:
    fields = query.get("fields")
    if fields is None:
        return ["id", *(item.api_name for item in module.live_fields())]
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise _refuse("INVALID_DATA", "invalid data", api_name="fields")
    if len(fields) > FIELDS_MAX:
        raise _refuse("LIMIT_EXCEEDED", "fields limit exceeded", limit=FIELDS_MAX)
    for name in fields:
        if kind_of(module, name.split(".")[0]) is None:
            raise _refuse("INVALID_FIELD", "the field is invalid", api_name=name[:100])
    return fields


def criteria_sql(module: Module, criteria: Any, depth: int = 0) -> Clause:
    """Return a criteria tree as SQL.

    Raises:
        ZohoError: 400 for unknown fields, comparators or values.
    """
    if not isinstance(criteria, dict) or depth > DEPTH_MAX:
        raise _refuse("INVALID_CRITERIA", "the criteria is invalid")
    if "group" in criteria:
        group, word = criteria["group"], criteria.get("group_operator")
        if not isinstance(group, list) or not group or word not in {"and", "or", "AND", "OR"}:
            raise _refuse("AMBIGUOUS_GROUP_IN_CRITERIA", "the group is ambiguous")
        if len(group) > GROUP_MAX:
            raise _refuse("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", limit=GROUP_MAX)
        parts = [criteria_sql(module, item, depth + 1) for item in group]
        return Clause(
            "(" + f" {word} ".join(part.sql for part in parts) + ")",
            [value for part in parts for value in part.values],
        )
    field = criteria.get("field")
    name = field.get("api_name") if isinstance(field, dict) else criteria.get("api_name")
    kind = kind_of(module, name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise _refuse("INVALID_FIELD", "the field is invalid", api_name=str(name)[:100])
    return _comparison(name, kind, str(criteria.get("comparator")).lower(), criteria.get("value"))


def _comparison(name: str, kind: str, comparator: str, value: Any) -> Clause:
    if comparator not in _COMPARATORS:
        raise _refuse("INVALID_COMPARATOR", "the comparator is invalid", comparator=comparator[:50])
    column, text = column_sql(name), is_text(kind)
    if value == EMPTY and comparator in {"equal", "not_equal"}:
        return Clause(f"{column} is {'' if comparator == 'equal' else 'not '}null", [])
    if comparator in _PATTERNS:
        if not text:
            raise _incompatible(name, comparator)
        word = "not like" if comparator.startswith("not") else "like"
        pattern = _PATTERNS[comparator].format(like(str(value)))
        return Clause(f"coalesce({column}, '') {word} ? escape '\\'", [pattern])
    if comparator in _ORDERED and not (kind in NUMBERS or kind in {"date", "datetime", "id"}):
        raise _incompatible(name, comparator)
    values = _literals(name, kind, comparator, value)
    return Clause(_sql(column, comparator, len(values), " collate nocase" if text else ""), values)


def _incompatible(name: str, comparator: str) -> ZohoError:
    return _refuse(
        "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "comparator and value do not fit",
        api_name=name,
        comparator=comparator,
    )


def _literals(name: str, kind: str, comparator: str, value: Any) -> list[Any]:
    several = comparator in _LISTS or comparator in _BETWEENS
    items = value if isinstance(value, list) else str(value).split(",") if several else [value]
    if comparator in _LISTS and len(items) > IN_MAX:
        raise _refuse("LIMIT_EXCEEDED", "too many values", limit=IN_MAX)
    wanted = PAIR if comparator in _BETWEENS else None if several else 1
    if not items or (wanted is not None and len(items) != wanted):
        raise _incompatible(name, comparator)
    try:
        return [literal(kind, item.strip() if isinstance(item, str) else item) for item in items]
    except (ValueError, TypeError, OverflowError):
        raise _incompatible(name, comparator) from None


def _sql(column: str, comparator: str, count: int, nocase: str) -> str:
    if comparator in _BETWEENS:
        return f"{column} {comparator.replace('_', ' ')} ? and ?"
    if comparator in _LISTS:
        marks = ", ".join("?" * count)
        return f"{column}{nocase} {comparator.replace('_', ' ')} ({marks})"
    if comparator in _ORDERED:
        return f"{column} {_ORDERED[comparator]} ?"
    if comparator == "equal":
        return f"{column} = ?{nocase}"
    return f"({column} is null or {column} != ?{nocase})"


def create(call: Call) -> Answer:
    """``POST /crm/bulk/v8/read``: 50 credits, up to 200,000 rows."""
    body = call.json()
    query = body.get("query")
    if not isinstance(query, dict):
        raise _refuse("MANDATORY_NOT_FOUND", "required field not found", api_name="query")
    if body.get("file_type", "csv") != "csv":
        raise _refuse("NOT_SUPPORTED", "only csv is supported by the sandbox")
    module = _module(call, query)
    fields = _fields(module, query)
    clause = Clause("1", [])
    if query.get("criteria") is not None:
        clause = criteria_sql(module, query["criteria"])
    page = query.get("page", 1)
    if type(page) is not int or not 1 <= page <= PAGE_MAX:
        raise _refuse("INVALID_DATA", "invalid data", api_name="page")
    after = 0
    if query.get("page_token") is not None:
        found = record_id(query["page_token"])
        if found is None:
            raise _refuse("INVALID_DATA", "invalid data", api_name="page_token")
        after = found
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


def status(call: Call) -> Answer:
    """``GET /crm/bulk/v8/read/{id}``."""
    job = load_job(call.org, record_id(call.args["id"]), "read")
    if job is None:
        raise resource_not_found(call.args["id"])
    doc = job.doc
    person = call.org.people[doc["person"]]
    shown: Json = {
        "id": str(job.id),
        "operation": "read",
        "state": doc["state"],
        "query": doc["query"],
        "created_by": person.short(),
        "created_time": iso(doc["created"], call.person.time_zone),
        "file_type": "csv",
    }
    if doc["result"] is not None:
        shown["result"] = {
            "page": doc["page"],
            "count": doc["count"],
            "download_url": f"/crm/bulk/v8/read/{job.id}/result",
            "per_page": ROWS_PER_JOB,
            "more_records": doc["more"],
            "next_page_token": str(doc["last"]) if doc["more"] else None,
        }
    return answer_json(200, {"data": [shown]})


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
