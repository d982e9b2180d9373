"""Mass delete: up to 500 ids at once, or the records of a view as a job (fact sheet §3.7)."""

from __future__ import annotations

import asyncio
from typing import Any

from .addressing import record_module
from .call import Answer, Call, answer_json
from .deleting import Deleter, delete_many
from .errors import Json, Rejected, ZohoError
from .jobs import Job, load_job, started, unfinished
from .metadata import Module
from .org import Org
from .record_ids import record_id
from .table import Table

KIND = "mass_delete"
IDS_MAX = 500
VIEW_MAX = 50_000
CHUNK_ROWS = 200


def mass_delete(call: Call) -> Answer:
    """``POST /{module}/actions/mass_delete``: up to 500 ids at once, or a view as a job."""
    module = record_module(call)
    body = call.json()
    if "cvid" in body and "ids" not in body:
        return _schedule(call, module, body["cvid"])
    if "ids" not in body:
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
    if len(ids) > IDS_MAX:
        raise ZohoError(400, "INVALID_DATA", "invalid data", {"maximum_length": IDS_MAX, **place})
    texts = [str(item) for item in ids]
    answer, deleted = delete_many(call, module, texts, "record is deleted")
    if deleted and call.org.behaviour.mass_delete_fires_workflows:
        call.org.fire(["workflow"], module.api_name, "delete", deleted, call.source)
    return answer


def _schedule(call: Call, module: Module, cvid: Any) -> Answer:
    org = call.org
    if record_id(cvid) != module.view_id:
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"api_name": "cvid", "json_path": "$.cvid"}
        )
    running = unfinished(org, KIND)
    if running is not None:
        details = {"job_id": str(running.id)}
        raise ZohoError(400, "ALREADY_SCHEDULED", "mass delete is already scheduled", details)
    total = min(Table(org.database, module).count(), VIEW_MAX)
    if total == 0:
        raise ZohoError(400, "NO_RECORDS_FOUND", "no record found to update")
    doc = {"state": "SCHEDULED", "module": module.api_name, "person": call.person.id}
    counts = {"total": total, "deleted": 0, "failed": 0, "last": 0}
    job = Job(org, org.ids.take(), KIND, {**doc, **counts})
    job.save()
    org.jobs.submit(job.id)
    element = {
        "code": "SUCCESS",
        "details": {"job_id": str(job.id)},
        "message": "mass delete scheduled successfully",
        "status": "success",
    }
    return answer_json(200, {"data": [element]})


async def run_mass_delete(org: Org, job: Job) -> None:
    """Delete the records of a module's view, the oldest first, 200 in one transaction."""
    doc = job.doc
    module, person = org.modules[doc["module"]], org.people[doc["person"]]
    failing = await started(job, "mass_delete.job", module.api_name, running="RUNNING")
    doc["state"] = "RUNNING"
    job.save()
    while failing is None and doc["deleted"] + doc["failed"] < doc["total"]:
        left = doc["total"] - doc["deleted"] - doc["failed"]
        rows = org.database.all(
            f"select id from r{module.slot} where id > ? order by id limit ?",
            (doc["last"], min(left, CHUNK_ROWS)),
        )
        if not rows:
            break
        with org.database.transaction():
            _delete_chunk(org, job, Deleter(org, module, person), [row[0] for row in rows])
        await asyncio.sleep(0)
    doc["state"] = "COMPLETED" if failing is None else "FAILED"
    job.save()


def _delete_chunk(org: Org, job: Job, deleter: Deleter, ids: list[int]) -> None:
    doc, gone = job.doc, []
    for record in ids:
        try:
            deleter.delete(str(record), "record is deleted")
            gone.append(record)
        except Rejected:
            doc["failed"] += 1
    doc["deleted"] += len(gone)
    doc["last"] = ids[-1]
    if gone and org.behaviour.mass_delete_fires_workflows:
        org.fire(["workflow"], doc["module"], "delete", gone, "api")
    job.save()


def mass_delete_status(call: Call) -> Answer:
    """``GET /{module}/actions/mass_delete?job_id=``: how far a delete by view has come."""
    record_module(call)
    text = call.params.get("job_id")
    if not text:
        raise ZohoError(
            400, "MANDATORY_NOT_FOUND", "mandatory param missing", {"param_name": "job_id"}
        )
    job = load_job(call.org, record_id(text), KIND)
    if job is None or job.doc["module"] != call.args["module"]:
        raise ZohoError(
            400, "INVALID_DATA", "The jobid given seems to be invalid", {"param_name": "job_id"}
        )
    doc = job.doc
    shown = {
        "Status": doc["state"],
        "Total_Count": doc["total"],
        "Deleted_Count": doc["deleted"],
        "Failed_Count": doc["failed"],
    }
    return answer_json(200, {"data": [shown]})
