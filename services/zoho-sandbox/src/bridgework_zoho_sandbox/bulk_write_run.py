"""The work of a bulk write job: rows of a CSV through the same writer as the API.

Every 200 rows are one transaction together with the job's progress, so that after a crash or a
failure the rows written and the rows reported are the same.
"""

from __future__ import annotations

import asyncio
import csv
import io
import secrets
import zipfile
from dataclasses import dataclass, field
from typing import Any

import orjson

from .bulk_write import job_json
from .callbacks import call_back
from .csv_values import Cell, cell_reader, csv_rows
from .errors import Json, Rejected, ZohoError
from .faults import Fault
from .features import TRIGGERS
from .jobs import Job, started
from .metadata import USER_TYPES, FieldMeta, Module
from .org import Org
from .people import Person
from .record_ids import record_id
from .writing import Writer

CHUNK_ROWS = 200
ROWS_MAX = 25_000
COLUMNS_MAX = 200
RESULT_COLUMNS = 3


class JobFailed(Exception):
    """The job cannot go on; ``code`` is shown on its resource."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Column:
    """One mapped field: its cell, its reader, how a reference is found."""

    name: str
    index: int | None
    read: Cell
    default: Any
    find_by: str | None
    meta: FieldMeta | None


@dataclass(slots=True)
class Child:
    """The rows of one subform file, by the key that joins them to their parent."""

    field_name: str
    parent_index: int | None
    rows: dict[str, list[Json]] = field(default_factory=dict)


def _open_csv(archive: zipfile.ZipFile, wanted: list[str], taken: set[str]) -> str:
    names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    for name in wanted:
        if name in names:
            return name
    free = [name for name in names if name not in taken]
    if wanted or not free:
        raise JobFailed("FILE_NOT_FOUND")
    return free[0]


def _read(archive: zipfile.ZipFile, name: str) -> list[list[str]]:
    try:
        with archive.open(name) as raw:
            return list(csv_rows(io.TextIOWrapper(raw, encoding="utf-8", newline="")))
    except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile):
        raise JobFailed("INVALID_FORMAT") from None


def _columns(org: Org, module: Module, mappings: list[Json], header: list[str]) -> list[Column]:
    zone_name = org.profile["time_zone"]
    if not mappings:
        mappings = []
        for index, text in enumerate(header):
            name, _, find_by = text.strip().partition(".")
            mapping: Json = {"api_name": name, "index": index}
            mappings.append({**mapping, "find_by": find_by} if find_by else mapping)
    columns = []
    for mapping in mappings:
        name = mapping["api_name"]
        meta = module.fields.get(name)
        default = mapping.get("default_value")
        given = mapping.get("format")
        pattern = given if isinstance(given, str) else None
        columns.append(
            Column(
                name=name,
                index=mapping.get("index"),
                read=cell_reader(meta, pattern, zone_name) if meta is not None else str,
                default=default.get("value") if isinstance(default, dict) else None,
                find_by=mapping.get("find_by"),
                meta=meta,
            )
        )
    return columns


def _reference(writer: Writer, column: Column, text: str) -> Any:
    meta = column.meta
    if meta is None:
        return text
    find_by = column.find_by or "id"
    if meta.data_type in USER_TYPES:
        key = "id" if find_by == "id" else "email"
        person = writer.active_person({key: text}, by_email=key == "email")
        return {"id": str(person if person is not None else 0)}
    if find_by == "id":
        return {"id": text}
    target = meta.lookup_module or ""
    found = writer.find(target, find_by, text)
    if found is None and target in writer.org.modules:
        other = writer.org.modules[target]
        if find_by in {other.display_field, "name"}:
            row = writer.org.database.one(
                f"select id from r{other.slot} where name = ? collate nocase limit 1", (text,)
            )
            found = None if row is None else row[0]
    return {"id": str(found or 0)}


def _record(writer: Writer, columns: list[Column], row: list[str], *, ignore_empty: bool) -> Json:
    record: Json = {}
    for column in columns:
        text = ""
        if column.index is not None and column.index < len(row):
            text = row[column.index].strip()
        if text == "" and column.default is not None:
            record[column.name] = column.default
            continue
        if text == "":
            if not ignore_empty and column.name != "id":
                record[column.name] = None
            continue
        meta = column.meta
        if meta is not None and (meta.data_type == "lookup" or meta.data_type in USER_TYPES):
            record[column.name] = _reference(writer, column, text)
        else:
            record[column.name] = column.read(text)
    layout = record.get("Layout")
    if isinstance(layout, str):
        record["Layout"] = {"id": layout}
    return record


def _children(org: Org, job: Job, archive: zipfile.ZipFile, writer: Writer) -> list[Child]:
    parent = org.modules[job.doc["parent"]["module"]]
    children = []
    for resource in job.doc["children"]:
        module = org.modules[resource["module"]]
        holder = next(
            (f for f in parent.live_fields() if f.subform_module == module.api_name), None
        )
        if holder is None:
            raise JobFailed("MODULE_NOT_AVAILABLE")
        rows = _read(archive, _open_csv(archive, resource["file_names"], set()))
        mappings = resource["field_mappings"]
        link = next(item for item in mappings if item["api_name"] == "Parent_Id")
        rest = [item for item in mappings if item["api_name"] != "Parent_Id"]
        columns = _columns(org, module, rest, rows[0] if rows else [])
        child = Child(holder.api_name, link.get("parent_column_index"))
        for row in rows[1:]:
            index = link.get("index", 0)
            key = row[index].strip() if index < len(row) else ""
            child.rows.setdefault(key, []).append(_record(writer, columns, row, ignore_empty=True))
        children.append(child)
    return children


def _errors(refusal: Rejected) -> str:
    """Return the ERRORS cell: ``CODE-Column``, several errors by ``:``."""
    inner = refusal.details.get("errors")
    if isinstance(inner, list):
        return ":".join(f"{item['code']}-{item['details']['api_name']}" for item in inner)
    name = refusal.details.get("api_name")
    return refusal.code if name is None else f"{refusal.code}-{name}"


@dataclass(slots=True)
class _Work:
    """What one job needs while its rows go by."""

    org: Org
    job: Job
    module: Module
    person: Person
    columns: list[Column]
    children: list[Child]

    def row(self, writer: Writer, row: list[str]) -> tuple[str, str, str]:
        """Process one row and return (STATUS, RECORD_ID, ERRORS)."""
        doc = self.job.doc
        ignore_empty = doc["ignore_empty"] or doc["parent"]["ignore_empty"] is True
        record = _record(writer, self.columns, row, ignore_empty=ignore_empty)
        for child in self.children:
            index = child.parent_index
            key = str(record.get("id")) if index is None else row[index].strip()
            if key in child.rows:
                record[child.field_name] = child.rows[key]
        find_by = doc["parent"]["find_by"]
        found: int | None = None
        if find_by == "id":
            found = record_id(record.get("id"))
            found = (
                found
                if found is not None and writer.record_exists(self.module.api_name, found)
                else None
            )
        elif find_by is not None:
            found = writer.find(self.module.api_name, find_by, record.get(find_by))
        operation = doc["operation"]
        if operation == "insert" and found is not None:
            return "SKIPPED", str(found), f"DUPLICATE_DATA-{find_by}"
        if operation == "update" and found is None:
            return "SKIPPED", "", f"RESOURCE_NOT_FOUND-{find_by}"
        try:
            if found is None:
                return "ADDED", str(writer.insert(record, "$")), ""
            writer.update(found, record, "$", unmodified_since=None)
        except Rejected as refusal:
            return "SKIPPED", "" if found is None else str(found), _errors(refusal)
        return "UPDATED", str(found), ""


def _shown(columns: list[Column], row: list[str]) -> list[str]:
    cells = []
    for column in columns[:RESULT_COLUMNS]:
        index = column.index
        cells.append(row[index] if index is not None and index < len(row) else "")
    return cells


def _prepare(org: Org, job: Job) -> tuple[_Work, list[list[str]]]:
    doc = job.doc
    module = org.modules[doc["parent"]["module"]]
    person = org.people[doc["person"]]
    try:
        archive = zipfile.ZipFile(org.files / doc["parent"]["path"])
    except (zipfile.BadZipFile, OSError):
        raise JobFailed("INVALID_FORMAT") from None
    with archive:
        child_files = {name for child in doc["children"] for name in child["file_names"]}
        name = _open_csv(archive, doc["parent"]["file_names"], child_files)
        doc["file_name"] = name
        rows = _read(archive, name)
        writer = Writer(org, module, person)
        children = _children(org, job, archive, writer)
    header = rows[0] if rows else []
    if len(header) > COLUMNS_MAX:
        raise JobFailed("HEADER_LIMIT_EXCEEDED")
    if len(rows) - 1 > ROWS_MAX:
        raise JobFailed("LIMIT_EXCEEDED")
    columns = _columns(org, module, doc["parent"]["field_mappings"], header)
    return _Work(org, job, module, person, columns, children), rows[1:]


def _chunk(work: _Work, rows: list[list[str]]) -> None:
    org, job, counts = work.org, work.job, work.job.doc["counts"]
    if job.doc["operation"] != "update":
        try:
            org.storage.keep_records(len(rows))
        except ZohoError as full:
            raise JobFailed(full.body["code"]) from None
    with org.database.transaction():
        writer = Writer(org, work.module, work.person)
        lines = []
        for number, row in enumerate(rows, job.doc["done"]):
            status, record, errors = work.row(writer, row)
            counts[status.lower()] = counts.get(status.lower(), 0) + 1
            line = [*_shown(work.columns, row), status, record, errors]
            lines.append((job.id, number, orjson.dumps(line).decode()))
        org.database.executemany("insert into job_line values (?, ?, ?)", lines)
        writer.flush()
        if org.behaviour.bulk_write_fires_workflows:
            for action, ids in (("create", writer.inserted), ("update", writer.updated)):
                org.fire(list(TRIGGERS), work.module.api_name, action, ids, "bulk")
        job.doc["done"] += len(rows)
        job.save()


def _write_result(work: _Work) -> str:
    names = [column.name for column in work.columns[:RESULT_COLUMNS]]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*names, "STATUS", "RECORD_ID", "ERRORS"])
    database = work.org.database
    lines = database.execute(
        "select line from job_line where job = ? order by number", (work.job.id,)
    )
    writer.writerows(orjson.loads(line) for (line,) in lines)
    result = f"{secrets.token_hex(16)}.zip"
    path = work.org.files / result
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{work.job.id}.csv", text.getvalue())
    database.execute("delete from job_line where job = ?", (work.job.id,))
    return result


async def _work_through(org: Org, job: Job, failing: Fault | None) -> None:
    doc = job.doc
    work, rows = _prepare(org, job)
    doc["counts"]["total"] = len(rows)
    stop_at = len(rows) if failing is None else min(len(rows), failing.spec.elements[0])
    while doc["done"] < stop_at:
        batch = rows[doc["done"] : min(doc["done"] + CHUNK_ROWS, stop_at)]
        _chunk(work, batch)
        await org.clock.sleep(org.behaviour.bulk_s_per_1000_rows * len(batch) / 1000)
        await asyncio.sleep(0)
    if failing is not None:
        raise JobFailed(failing.spec.code)
    doc["result"] = _write_result(work)


async def run_bulk_write(org: Org, job: Job) -> None:
    """Process a job from where it stands to its end."""
    doc = job.doc
    failing: Fault | None = await started(job, "bulk_write.job", doc["parent"]["module"])
    doc["status"] = org.behaviour.bulk_in_progress_text
    job.save()
    try:
        await _work_through(org, job, failing)
        doc["status"] = "COMPLETED"
    except JobFailed as failure:
        doc["status"] = "FAILED"
        doc["code"] = failure.code
    job.save()
    if doc["callback"] is not None:
        await asyncio.to_thread(call_back, doc["callback"]["url"], orjson.dumps(job_json(job)))
