"""Bulk write, bulk read, composite (fact sheet §3.11-3.13)."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from typing import Any

import pytest

from tests.contract.zoho.kit import (
    ANY,
    APPROVED,
    ID,
    STAMP,
    Json,
    Org,
    answers,
    error,
    fact,
    success,
)

HEADER = ["Last_Name", "Source_Patient_ID", "Email", "Date_of_Birth", "Account_Name"]


def zipped(rows: list[list[str]], *, name: str = "contacts.csv", delimiter: str = ",") -> bytes:
    """Return a zip with one CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, text.getvalue())
    return target.getvalue()


async def upload(org: Org, content: bytes, **headers: str) -> Any:
    """Upload to the content host."""
    sent = {"feature": "bulk-write", "X-CRM-ORG": org.org_id, **headers}
    return await org.call(
        "POST", "/crm/v8/upload", files={"file": ("data.zip", content)}, headers=sent
    )


async def create(
    org: Org, rows: list[list[str]], operation: str = "insert", **resource: Any
) -> Any:
    """Upload rows and create a job for Contacts."""
    file_id = (await upload(org, zipped(rows))).json["details"]["file_id"]
    entry = {"type": "data", "module": {"api_name": "Contacts"}, "file_id": file_id, **resource}
    return await org.post("/crm/bulk/v8/write", {"operation": operation, "resource": [entry]})


async def finished(org: Org, path: str, key: str = "status") -> Json:
    """Poll a job until it has ended."""
    for _ in range(1000):
        answer = await org.get(path)
        body: Json = answer.json if key == "status" else answer.json["data"][0]
        if body[key] in {"COMPLETED", "FAILED", "FAILURE"}:
            return body
        await asyncio.sleep(0.01)
    raise AssertionError("the job did not end")


async def run(org: Org, rows: list[list[str]], operation: str = "insert", **resource: Any) -> Json:
    """Run a job to its end and return its state with its result rows."""
    made = await create(org, rows, operation, **resource)
    assert made.status == 201, made.json
    job = await finished(org, f"/crm/bulk/v8/write/{made.json['details']['id']}")
    if job["result"]:
        job["rows"] = await result(org, job["result"]["download_url"])
    return job


async def result(org: Org, url: str) -> list[list[str]]:
    """Download and read a result."""
    answer = await org.get(url)
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        [name] = archive.namelist()
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


def mapping(*names: str) -> list[Json]:
    """Map columns by their place."""
    return [{"api_name": name, "index": index} for index, name in enumerate(names)]


@fact("§3.11", "V", "upload to the content host: FILE_UPLOAD_SUCCESS with file_id")
async def test_upload(zoho: Org) -> None:
    """The whole body."""
    (await upload(zoho, zipped([["Last_Name"], ["A"]]))).is_(
        200,
        {
            "status": "success",
            "code": "FILE_UPLOAD_SUCCESS",
            "message": "file uploaded.",
            "details": {"file_id": ID, "created_time": STAMP},
        },
    )


@fact("§3.11", "V", "upload needs the feature header, the org's id and a zip")
@answers("FILE_TOO_LARGE", "INVALID_FILE_FORMAT", "NOT_SUPPORTED_FEATURE")
async def test_refused_upload(zoho: Org) -> None:
    """NOT_SUPPORTED_FEATURE, INVALID_DATA, INVALID_FILE_FORMAT, FILE_TOO_LARGE."""
    good = zipped([["Last_Name"]])
    (await upload(zoho, good, feature="other")).refused(400, "NOT_SUPPORTED_FEATURE")
    (await upload(zoho, good, **{"X-CRM-ORG": "1"})).refused(
        400, "INVALID_DATA", param_name="X-CRM-ORG"
    )
    (await upload(zoho, b"no zip")).refused(400, "INVALID_FILE_FORMAT")
    (await upload(zoho, b"x" * (25 * 1024 * 1024 + 1))).refused(
        413, "FILE_TOO_LARGE", limit=25 * 1024 * 1024
    )


@fact("§3.11", "V", "create answers 201 with the job's id and creator")
async def test_create(zoho: Org) -> None:
    """The whole body."""
    made = await create(zoho, [["Last_Name"], ["A"]], field_mappings=mapping("Last_Name"))
    made.is_(
        201,
        {
            "status": "success",
            "code": "SUCCESS",
            "message": "success",
            "details": {"id": ID, "created_by": {"name": "Ada Admin", "id": ID}},
        },
    )


@fact("§3.11", "V", "the job's state: counts per file, resource status, result url")
async def test_job_state(zoho: Org) -> None:
    """One row added, one skipped."""
    rows = [["Last_Name", "Phone"], ["A", "555-0101"], ["B", "n/a"]]
    job = await run(zoho, rows, field_mappings=mapping("Last_Name", "Phone"))
    del job["rows"]
    assert job == {
        "status": "COMPLETED",
        "character_encoding": "UTF-8",
        "resource": [
            {
                "status": "COMPLETED",
                "type": "data",
                "module": {"api_name": "Contacts", "id": ID},
                "field_mappings": mapping("Last_Name", "Phone"),
                "file": {
                    "status": "COMPLETED",
                    "name": "contacts.csv",
                    "added_count": 1,
                    "updated_count": 0,
                    "skipped_count": 1,
                    "total_count": 2,
                },
                "find_by": None,
            }
        ],
        "id": ID,
        "callback": None,
        "operation": "insert",
        "created_by": {"name": "Ada Admin", "id": ID},
        "created_time": STAMP,
        "result": {"download_url": ANY},
    }


@fact("§3.11", "V", "the result has the first three mapped columns, STATUS, RECORD_ID, ERRORS")
async def test_result_has_three_columns(zoho: Org) -> None:
    """The fourth mapped column is not in it."""
    names = ["Last_Name", "First_Name", "Title", "Phone"]
    rows = [names, ["A", "b", "c", "555-0101"], ["B", "b", "c", "n/a"], ["", "b", "c", "1"]]
    job = await run(zoho, rows, field_mappings=mapping(*names))
    assert job["rows"] == [
        ["Last_Name", "First_Name", "Title", "STATUS", "RECORD_ID", "ERRORS"],
        ["A", "b", "c", "ADDED", ID, ""],
        ["B", "b", "c", "SKIPPED", "", "INVALID_DATA-Phone"],
        ["", "b", "c", "SKIPPED", "", "MANDATORY_NOT_FOUND-Last_Name"],
    ]


@fact("§3.11", "V", "without mappings the CSV header names API names; lookups dotted")
async def test_header_names_fields(zoho: Org) -> None:
    """Account_Name.id and Account_Name.Account_Name."""
    account = await zoho.add("Accounts", Account_Name="Delta")
    for header, cell in (("Account_Name.id", account), ("Account_Name.Account_Name", "Delta")):
        job = await run(zoho, [["Last_Name", header], ["A", cell]])
        record = job["rows"][1][-2]
        assert (await zoho.read("Contacts", record))["Account_Name"]["id"] == account


@fact("§3.11", "V", "with mappings only the mapped columns are imported; defaults fill in")
async def test_only_mapped_columns(zoho: Org) -> None:
    """The unmapped Title stays empty."""
    mappings = [
        {"api_name": "Last_Name", "index": 1},
        {"api_name": "Lead_Source", "default_value": {"value": "Migration"}},
    ]
    job = await run(zoho, [["Title", "Last_Name"], ["Dr", "A"]], field_mappings=mappings)
    found = await zoho.read("Contacts", job["rows"][1][-2])
    assert (found["Last_Name"], found["Title"], found["Lead_Source"]) == ("A", None, "Migration")


@pytest.mark.parametrize(
    ("text", "format_", "shown"),
    [
        ("02/29/1980", None, "1980-02-29"),
        ("1980-02-29", "yyyy-MM-dd", "1980-02-29"),
        ("29.02.1980", "dd.MM.yyyy", "1980-02-29"),
        ("1980-02-29", None, None),
    ],
)
@fact("§3.11", "V", "dates are MM/dd/yyyy unless a format is given")
async def test_dates(zoho: Org, text: str, format_: str | None, shown: str | None) -> None:
    """An ISO date without format is refused."""
    birth: Json = {"api_name": "Date_of_Birth", "index": 1}
    if format_:
        birth["format"] = format_
    mappings = [{"api_name": "Last_Name", "index": 0}, birth]
    job = await run(zoho, [["a", "b"], ["A", text]], field_mappings=mappings)
    row = job["rows"][1]
    if shown is None:
        assert row[-3:] == ["SKIPPED", "", "INVALID_DATA-Date_of_Birth"]
    else:
        assert (await zoho.read("Contacts", row[-2]))["Date_of_Birth"] == shown


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("01/15/2026 07:00:00", None),
        ("2026-01-15T07:00:00", "yyyy-MM-dd'T'HH:mm:ss"),
        ("2026-01-15T12:00:00+00:00", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ],
)
@fact(
    "§3.11", "V/U", "datetimes are MM/dd/yyyy HH:mm:ss in the org's zone unless a format is given"
)
async def test_datetimes(zoho: Org, text: str, format_: str | None) -> None:
    """Three spellings of one instant."""
    name = await zoho.new_field("Contacts", "Seen At", "datetime")
    seen: Json = {"api_name": name, "index": 1}
    if format_:
        seen["format"] = format_
    mappings = [{"api_name": "Last_Name", "index": 0}, seen]
    job = await run(zoho, [["a", "b"], ["A", text]], field_mappings=mappings)
    record = job["rows"][1][-2]
    assert (await zoho.read("Contacts", record))[name] == "2026-01-15T07:00:00-05:00"


@fact("§3.11", "V", "upsert finds by a unique field: ADDED and UPDATED")
async def test_upsert_by_unique_field(zoho: Org) -> None:
    """The same file twice."""
    name = await zoho.unique_field()
    rows = [["Last_Name", name], ["A", "P-1"], ["B", "P-2"]]
    resource = {"field_mappings": mapping("Last_Name", name), "find_by": name}
    first = await run(zoho, rows, "upsert", **resource)
    second = await run(zoho, rows, "upsert", **resource)
    assert [row[-3] for row in first["rows"][1:]] == ["ADDED", "ADDED"]
    assert [row[-3] for row in second["rows"][1:]] == ["UPDATED", "UPDATED"]
    assert await zoho.count("Contacts") == 2


@fact("§3.11", "V", "update skips rows it does not find; insert with find_by skips those it finds")
async def test_skipped_rows(zoho: Org) -> None:
    """Both kinds of SKIPPED."""
    name = await zoho.unique_field()
    record = await zoho.contact(**{name: "P-1"})
    resource = {"field_mappings": mapping("Last_Name", name), "find_by": name}
    job = await run(zoho, [["a", "b"], ["A", "P-9"]], "update", **resource)
    assert job["rows"][1] == ["A", "P-9", "SKIPPED", "", f"RESOURCE_NOT_FOUND-{name}"]
    job = await run(zoho, [["a", "b"], ["A", "P-1"]], "insert", **resource)
    assert job["rows"][1] == ["A", "P-1", "SKIPPED", record, f"DUPLICATE_DATA-{name}"]


@fact("§3.11", "V", "a lookup is found by a unique field of its target")
async def test_lookup_by_unique_field(zoho: Org) -> None:
    """And an unknown key skips the row."""
    key = await zoho.unique_field("Accounts", "Source Clinic ID")
    account = await zoho.add("Accounts", Account_Name="Delta", **{key: "C-1"})
    mappings = [
        {"api_name": "Last_Name", "index": 0},
        {"api_name": "Account_Name", "index": 1, "find_by": key},
    ]
    rows = [["a", "b"], ["A", "C-1"], ["B", "C-2"]]
    job = await run(zoho, rows, field_mappings=mappings)
    assert (await zoho.read("Contacts", job["rows"][1][-2]))["Account_Name"]["id"] == account
    assert job["rows"][2][-3:] == ["SKIPPED", "", "INVALID_DATA-Account_Name"]


@fact("§3.11", "V", "ignore_empty decides whether an empty cell clears a field")
async def test_ignore_empty(zoho: Org) -> None:
    """Both settings."""
    name = await zoho.unique_field()
    record = await zoho.contact(**{name: "1", "Title": "Dr"})
    names = ("Last_Name", name, "Title")
    resource = {"field_mappings": mapping(*names), "find_by": name}
    rows = [list(names), ["A", "1", ""]]
    await run(zoho, rows, "update", ignore_empty=True, **resource)
    assert (await zoho.read("Contacts", record))["Title"] == "Dr"
    await run(zoho, rows, "update", **resource)
    assert (await zoho.read("Contacts", record))["Title"] is None


@pytest.mark.parametrize("delimiter", [",", ";", ":", "|"])
@fact("§3.11", "V7", "delimiters are detected from the header")
async def test_delimiters(zoho: Org, delimiter: str) -> None:
    """Comma, semicolon, colon, pipe."""
    content = zipped([["Last_Name", "Title"], ["A", "Dr"]], delimiter=delimiter)
    file_id = (await upload(zoho, content)).json["details"]["file_id"]
    entry = {"type": "data", "module": {"api_name": "Contacts"}, "file_id": file_id}
    made = await zoho.post("/crm/bulk/v8/write", {"operation": "insert", "resource": [entry]})
    job = await finished(zoho, f"/crm/bulk/v8/write/{made.json['details']['id']}")
    assert job["resource"][0]["file"]["added_count"] == 1


@fact("§3.11", "V", "child rows of a subform join their parent by parent_column_index")
async def test_child_rows(zoho: Org) -> None:
    """Two files in one zip."""
    made = await zoho.admin(
        "POST",
        "/subforms",
        {
            "module": "Contacts",
            "label": "Plan Lines",
            "fields": [{"field_label": "Tooth", "data_type": "text"}],
        },
    )
    name, rows_module = made.json["api_name"], made.json["module"]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("parents.csv", "Last_Name,Key\nA,k1\nB,k2\n")
        archive.writestr("lines.csv", "Key,Tooth\nk1,14\nk1,15\nk2,3\n")
    file_id = (await upload(zoho, target.getvalue())).json["details"]["file_id"]
    parent = {
        "type": "data",
        "module": {"api_name": "Contacts"},
        "file_id": file_id,
        "file_names": ["parents.csv"],
        "field_mappings": [{"api_name": "Last_Name", "index": 0}],
    }
    child = {
        "type": "data",
        "module": {"api_name": rows_module},
        "file_names": ["lines.csv"],
        "field_mappings": [
            {"api_name": "Parent_Id", "index": 0, "parent_column_index": 1},
            {"api_name": "Tooth", "index": 1},
        ],
    }
    body = {"operation": "insert", "resource": [parent, child]}
    created = await zoho.post("/crm/bulk/v8/write", body)
    assert created.status == 201, created.json
    job = await finished(zoho, f"/crm/bulk/v8/write/{created.json['details']['id']}")
    rows = await result(zoho, job["result"]["download_url"])
    teeth = [
        [line["Tooth"] for line in (await zoho.read("Contacts", row[-2]))[name]] for row in rows[1:]
    ]
    assert teeth == [["14", "15"], ["3"]]


@fact("§3.11", "S", "Tasks and custom modules can; Notes, Events, Calls cannot")
async def test_modules_of_bulk_write(zoho: Org) -> None:
    """MODULE_NOT_AVAILABLE."""
    for module in ("Notes", "Events", "Calls", "Attachments", "Users"):
        entry = {"type": "data", "module": {"api_name": module}, "file_id": "1"}
        (
            await zoho.post("/crm/bulk/v8/write", {"operation": "insert", "resource": [entry]})
        ).refused(400, "MODULE_NOT_AVAILABLE")
    file_id = (await upload(zoho, zipped([["Subject"], ["a"]]))).json["details"]["file_id"]
    entry = {"type": "data", "module": {"api_name": "Tasks"}, "file_id": file_id}
    body = {"operation": "insert", "resource": [entry]}
    assert (await zoho.post("/crm/bulk/v8/write", body)).status == 201


REFUSED: list[Any] = [
    ({"operation": "merge"}, {}, "INVALID_DATA", {"api_name": "operation"}),
    ({"callback": {"url": "ftp://x", "method": "post"}}, {}, "INVALID_CALLBACK_URL", {}),
    (
        {"callback": {"url": "https://x.com", "method": "get"}},
        {},
        "INVALID_CALLBACK_METHOD",
        {"supported_callback_methods": ["post"]},
    ),
    ({"resource": None}, {}, "MISSING_REQUIRED_KEY", {"json_path": "$.resource"}),
    ({"operation": "upsert"}, {}, "MANDATORY_NOT_FOUND", {}),
    ({"operation": "update"}, {}, "MANDATORY_NOT_FOUND", {}),
    ({}, {"file_id": "12"}, "FILE_NOT_FOUND", {}),
    ({}, {"module": {}}, "MISSING_REQUIRED_KEY", {"json_path": "$.resource[0].module.api_name"}),
    ({}, {"file_id": None}, "MISSING_REQUIRED_KEY", {"json_path": "$.resource[0].file_id"}),
    ({}, {"find_by": "Title"}, "INVALID_DATA", {"api_name": "find_by"}),
    (
        {},
        {"field_mappings": [{"api_name": "Title", "index": 0}]},
        "MANDATORY_FIELDS_NOT_MAPPED",
        {"api_name": "Last_Name"},
    ),
    (
        {},
        {"field_mappings": [{"api_name": "Nope", "index": 0}]},
        "INVALID_FIELD",
        {"api_name": "Nope"},
    ),
    (
        {},
        {"field_mappings": [{"api_name": "Last_Name"}]},
        "COLUMN_INDEX_NOT_FOUND",
        {"api_name": "Last_Name"},
    ),
]


@pytest.mark.parametrize(("body", "resource", "code", "details"), REFUSED)
@fact("§3.11", "V", "errors of job creation")
async def test_refused_job(zoho: Org, body: Json, resource: Json, code: str, details: Json) -> None:
    """400 and no job."""
    file_id = (await upload(zoho, zipped([["Last_Name"], ["A"]]))).json["details"]["file_id"]
    entry = {"type": "data", "module": {"api_name": "Contacts"}, "file_id": file_id, **resource}
    sent = {"operation": "insert", "resource": [entry], **body}
    (await zoho.post("/crm/bulk/v8/write", sent)).refused(400, code, **details)


@fact("§3.11", "U", "find_by a unique field, or id only (a setting)")
async def test_find_by_is_a_setting(zoho: Org) -> None:
    """The newest OAS knows only id."""
    name = await zoho.unique_field()
    await zoho.set(bulk_find_by="id")
    made = await create(zoho, [["a"]], "upsert", find_by=name, field_mappings=mapping("Last_Name"))
    made.refused(400, "INVALID_DATA", api_name="find_by")


@fact("§3.11", "V", "at most 25,000 rows and 200 columns: the job fails")
@answers("HEADER_LIMIT_EXCEEDED")
async def test_file_limits(zoho: Org) -> None:
    """HEADER_LIMIT_EXCEEDED and the row limit."""
    wide = [f"c{n}" for n in range(201)]
    job = await run(zoho, [["Last_Name", *wide]], field_mappings=mapping("Last_Name"))
    assert (job["status"], job["resource"][0]["code"]) == ("FAILED", "HEADER_LIMIT_EXCEEDED")
    rows = [["Last_Name"], *([["x"]] * 25_001)]
    job = await run(zoho, rows, field_mappings=mapping("Last_Name"))
    assert (job["status"], job["resource"][0]["code"]) == ("FAILED", "LIMIT_EXCEEDED")
    assert await zoho.count("Contacts") == 0


@fact("§3.11", "V", "an unknown job: 404 RESOURCE_NOT_FOUND")
@answers("RESOURCE_NOT_FOUND")
async def test_unknown_job(zoho: Org) -> None:
    """With the resource named."""
    (await zoho.get("/crm/bulk/v8/write/12")).refused(404, "RESOURCE_NOT_FOUND", resource="12")


@fact("§3.11", "V", "a result is kept seven days")
async def test_result_is_kept_a_week(zoho: Org) -> None:
    """Then 404."""
    job = await run(zoho, [["Last_Name"], ["A"]], field_mappings=mapping("Last_Name"))
    url = job["result"]["download_url"]
    await zoho.pass_time(6 * 86_400)
    await zoho.sign_in()
    assert (await zoho.get(url)).status == 200
    await zoho.pass_time(2 * 86_400)
    await zoho.sign_in()
    assert (await zoho.get(url)).status == 404


@fact("§3.11", "U", "whether bulk write runs workflows is a setting")
async def test_bulk_workflows_are_a_setting(zoho: Org) -> None:
    """Silent by default."""
    rows = [["Last_Name"], ["A"]]
    await run(zoho, rows, field_mappings=mapping("Last_Name"))
    assert await zoho.fired() == []
    await zoho.set(bulk_write_fires_workflows=True)
    await run(zoho, rows, field_mappings=mapping("Last_Name"))
    assert {entry["source"] for entry in await zoho.fired()} == {"bulk"}


@fact("§3.11", "U", "a FAILED job may have written rows: a scripted failure leaves some")
async def test_failed_job_leaves_rows(zoho: Org) -> None:
    """Reconcile before sending again."""
    await zoho.fault("fail_job", elements=[3], code="INTERNAL_ERROR")
    rows = [["Last_Name"], *([["x"]] * 10)]
    job = await run(zoho, rows, field_mappings=mapping("Last_Name"))
    assert (job["status"], job["result"]) == ("FAILED", None)
    assert await zoho.count("Contacts") == 3


@fact("§3.11", "V", "statuses go ADDED, INPROGRESS (or 'IN PROGRESS'), COMPLETED")
async def test_job_statuses(zoho: Org) -> None:
    """A stuck job shows the one in the middle until time passes."""
    await zoho.set(bulk_in_progress_text="IN PROGRESS", bulk_start_delay_s=100)
    await zoho.fault("stuck_job", seconds=1000)
    made = await create(zoho, [["Last_Name"], ["A"]], field_mappings=mapping("Last_Name"))
    path = f"/crm/bulk/v8/write/{made.json['details']['id']}"
    assert (await zoho.get(path)).json["status"] == "ADDED"
    await zoho.pass_time(101)
    for _ in range(100):
        if (await zoho.get(path)).json["status"] != "ADDED":
            break
        await asyncio.sleep(0.01)
    assert (await zoho.get(path)).json["status"] == "IN PROGRESS"
    await zoho.pass_time(1000)
    assert (await finished(zoho, path))["status"] == "COMPLETED"


# Bulk read.


async def bulk_read(org: Org, **query: Any) -> Any:
    """Create a bulk read."""
    return await org.post("/crm/bulk/v8/read", {"query": query, "file_type": "csv"})


@fact("§3.12", "V", "create: 201 ADDED_SUCCESSFULLY with id, operation, state")
async def test_bulk_read_create(zoho: Org) -> None:
    """The whole body."""
    (await bulk_read(zoho, module={"api_name": "Contacts"}, fields=["id"])).is_(
        201,
        {
            "data": [
                {
                    "status": "success",
                    "code": "ADDED_SUCCESSFULLY",
                    "message": "Added successfully.",
                    "details": {
                        "id": ID,
                        "operation": "read",
                        "state": "ADDED",
                        "created_by": {"name": "Ada Admin", "id": ID},
                        "created_time": STAMP,
                    },
                }
            ],
            "info": {},
        },
    )


@fact("§3.12", "V", "the result is a CSV of the asked fields, by criteria")
async def test_bulk_read_result(zoho: Org) -> None:
    """Lookups are ids, dotted ones names."""
    account = await zoho.add("Accounts", Account_Name="Delta")
    record = await zoho.contact(Account_Name={"id": account}, Title="Dr")
    await zoho.contact(Title="Mr")
    criteria = {
        "group_operator": "and",
        "group": [
            {"field": {"api_name": "Title"}, "comparator": "equal", "value": "dr"},
            {"field": {"api_name": "Last_Name"}, "comparator": "starts_with", "value": "Oka"},
        ],
    }
    fields = ["id", "Last_Name", "Account_Name", "Account_Name.Account_Name"]
    made = await bulk_read(zoho, module={"api_name": "Contacts"}, fields=fields, criteria=criteria)
    path = f"/crm/bulk/v8/read/{made.id}"
    job = await finished(zoho, path, "state")
    assert job["result"] == {
        "page": 1,
        "count": 1,
        "download_url": f"{path}/result",
        "per_page": 200_000,
        "more_records": False,
        "next_page_token": None,
    }
    rows = await result(zoho, job["result"]["download_url"])
    assert rows == [fields, [record, "Okafor", account, "Delta"]]


@pytest.mark.parametrize(
    ("comparator", "value", "found"),
    [
        ("equal", "b", ["b"]),
        ("not_equal", "b", ["a", "c"]),
        ("in", ["a", "c"], ["a", "c"]),
        ("not_in", ["a", "c"], ["b"]),
        ("contains", "B", ["b"]),
        ("ends_with", "c", ["c"]),
        ("equal", "${EMPTY}", []),
        ("not_equal", "${EMPTY}", ["a", "b", "c"]),
    ],
)
@fact("§3.12", "V7", "comparators of bulk read")
async def test_bulk_read_comparators(
    zoho: Org, comparator: str, value: Any, found: list[str]
) -> None:
    """On text."""
    await zoho.insert("Leads", *({"Last_Name": text} for text in "abc"))
    criteria = {"field": {"api_name": "Last_Name"}, "comparator": comparator, "value": value}
    made = await bulk_read(
        zoho, module={"api_name": "Leads"}, fields=["Last_Name"], criteria=criteria
    )
    job = await finished(zoho, f"/crm/bulk/v8/read/{made.id}", "state")
    rows = await result(zoho, job["result"]["download_url"])
    assert sorted(row[0] for row in rows[1:]) == found


def where(field: str = "City", comparator: str = "equal", value: Any = "x", **more: Any) -> Json:
    """Return a query of Leads with one criterion."""
    one = {"field": {"api_name": field}, "comparator": comparator, "value": value, **more}
    return {"module": {"api_name": "Leads"}, "criteria": one}


LEADS: Json = {"module": {"api_name": "Leads"}}
ONE: Json = where()["criteria"]
READ_REFUSALS: list[tuple[Json, str, Json]] = [
    ({"module": {"api_name": "Nope"}}, "MODULE_NOT_AVAILABLE", {"module": "Nope"}),
    ({"module": {"api_name": "Notes"}}, "MODULE_NOT_SUPPORTED", {"module": "Notes"}),
    ({**LEADS, "fields": ["Nope"]}, "FIELD_NOT_AVAILABLE", {"api_name": "Nope"}),
    ({**LEADS, "fields": ["id"] * 201}, "LIMIT_EXCEEDED", {"limit": 200}),
    (
        {**LEADS, "fields": [1]},
        "VALUE_TYPE_NOT_SUPPORTED",
        {"api_name": "fields", "supported": "string"},
    ),
    ({**LEADS, "page": "x"}, "INVALID_DATA", {"api_name": "page"}),
    ({**LEADS, "page": 501}, "PAGE_RANGE_EXCEEDED", {"max_limit": 500}),
    ({**LEADS, "page_token": "x"}, "INVALID_DATA", {"api_name": "page_token"}),
    ({**LEADS, "cvid": "1"}, "CVID_NOT_SUPPORTED", {}),
    ({**LEADS, "criteria": []}, "INVALID_CRITERIA", {}),
    (
        {**LEADS, "criteria": {"group": [ONE], "group_operator": "and", "comparator": "equal"}},
        "AMBIGUOUS_CRITERIA",
        {},
    ),
    (
        {**LEADS, "criteria": {"group": [], "group_operator": "and"}},
        "AMBIGUOUS_GROUP_IN_CRITERIA",
        {},
    ),
    (
        {**LEADS, "criteria": {"group": [ONE], "group_operator": "xor"}},
        "GROUP_OPERATOR_NOT_SUPPORTED",
        {"supported": ["and", "or"]},
    ),
    (
        {**LEADS, "criteria": {"group": [ONE] * 26, "group_operator": "and"}},
        "CRITERIA_LIMIT_EXCEEDED",
        {"max_limit": 25},
    ),
    (where("Nope"), "FIELD_IN_CRITERIA_NOT_AVAILABLE", {"api_name": "Nope"}),
    (
        {**where("Record_Image"), "module": {"api_name": "Contacts"}},
        "FIELD_IN_CRITERIA_NOT_SUPPORTED",
        {"api_name": "Record_Image"},
    ),
    (
        where(comparator="like"),
        "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
        {"api_name": "City", "comparator": "like", "supported": ANY},
    ),
    (
        where(value={"a": 1}),
        "VALUE_IN_CRITERIA_NOT_SUPPORTED",
        {"api_name": "City", "comparator": "equal"},
    ),
    (
        where(comparator="in", value=["x"] * 21),
        "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
        {"max_limit": 20},
    ),
    (
        where(comparator="less_than", value=1),
        "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
        {"api_name": "City", "comparator": "less_than"},
    ),
    (
        where("No_of_Employees", "less_than", "many"),
        "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        {"api_name": "No_of_Employees", "comparator": "less_than"},
    ),
    (
        where("No_of_Employees", "between", [1]),
        "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        {"api_name": "No_of_Employees", "comparator": "between"},
    ),
]


@pytest.mark.parametrize(("query", "code", "details"), READ_REFUSALS)
@fact("§3.12", "V", "refusals of bulk read, each with its own code")
async def test_bulk_read_refusals(zoho: Org, query: Json, code: str, details: Json) -> None:
    """400 and no job."""
    (await bulk_read(zoho, **query)).refused(400, code, **details)


@fact("§3.12", "V", "bulk read refuses a body it cannot read, an ics file and a bad callback")
@answers("NOT_SUPPORTED", "REQUEST_BODY_IS_EMPTY", "REQUEST_BODY_NOT_READABLE")
async def test_bulk_read_bodies(zoho: Org) -> None:
    """Each with its own code."""
    path, query = "/crm/bulk/v8/read", {"query": LEADS}
    (await zoho.call("POST", path)).refused(400, "REQUEST_BODY_IS_EMPTY")
    (await zoho.call("POST", path, content=b"{")).refused(400, "REQUEST_BODY_NOT_READABLE")
    (await zoho.post(path, {})).refused(400, "MANDATORY_NOT_FOUND", api_name="query")
    (await zoho.post(path, {**query, "file_type": "ics"})).refused(400, "NOT_SUPPORTED")
    callback = {"url": "ftp://x", "method": "post"}
    answer = await zoho.post(path, {**query, "callback": callback})
    answer.refused(400, "INVALID_CALLBACK_URL")
    callback = {"url": "http://127.0.0.1:1/x", "method": "get"}
    answer = await zoho.post(path, {**query, "callback": callback})
    answer.refused(400, "INVALID_CALLBACK_METHOD", supported_callback_methods=["post"])


@fact("§3.12", "V7", "a page token lives 24 h: EXPIRED_VALUE")
@answers("EXPIRED_VALUE")
async def test_bulk_read_page_token_expires(zoho: Org) -> None:
    """The next page starts after the id the token holds, for a day."""
    first, second = await zoho.add("Leads", Last_Name="A"), await zoho.add("Leads", Last_Name="B")
    now = int((await zoho.admin("POST", "/clock/freeze", {})).json["now"])
    await zoho.set(bulk_start_delay_s=0)
    token = f"{first}.{now}"
    made = await bulk_read(zoho, **LEADS, fields=["id"], page_token=token)
    path = f"/crm/bulk/v8/read/{made.id}"
    await finished(zoho, path, "state")
    assert await result(zoho, f"{path}/result") == [["id"], [second]]
    await zoho.pass_time(86_401)
    await zoho.sign_in()
    answer = await bulk_read(zoho, **LEADS, page_token=token)
    answer.refused(400, "EXPIRED_VALUE", api_name="page_token")


@fact("§3.12", "V", "a result is kept one day")
async def test_bulk_read_result_is_kept_a_day(zoho: Org) -> None:
    """Then 404."""
    made = await bulk_read(zoho, module={"api_name": "Leads"}, fields=["id"])
    path = f"/crm/bulk/v8/read/{made.id}"
    await finished(zoho, path, "state")
    await zoho.pass_time(86_401)
    await zoho.sign_in()
    (await zoho.get(f"{path}/result")).refused(404, "RESOURCE_NOT_FOUND", resource=made.id)


# Composite.


def sub(name: str, method: str, uri: str, body: Any = None, **more: Any) -> Json:
    """Return one sub-request."""
    entry: Json = {"sub_request_id": name, "method": method, "uri": f"/crm/v8{uri}", **more}
    return entry if body is None else {**entry, "body": body}


async def composite(org: Org, *subs: Json, **siblings: Any) -> Any:
    """Run sub-requests."""
    return await org.post("/__composite_requests", {"__composite_requests": list(subs), **siblings})


@fact("§3.13", "V7", "sub-requests answer in order; references use earlier answers")
async def test_composite_with_reference(zoho: Org) -> None:
    """A note on a Contact that was just added."""
    reference = "/Contacts/@{person:$.data[0].details.id}/Notes"
    answer = await composite(
        zoho,
        sub("person", "POST", "/Contacts", {"data": [{"Last_Name": "A"}], "trigger": []}),
        sub("note", "POST", reference, {"data": [{"Note_Content": "n"}]}),
    )
    assert answer.status == 200
    first, second = answer.json["__composite_requests"]
    assert first == {
        "code": "SUCCESS",
        "details": {
            "status_code": 201,
            "headers": {"Content-Type": ANY},
            "response": {"data": [success("record added", APPROVED)]},
        },
        "message": ANY,
        "status": "success",
        "sub_request_id": "person",
    }
    assert second["details"]["status_code"] == 201
    assert await zoho.fired() == [ANY]  # cadences only: trigger was empty


@fact("§3.13", "V7", "one fails: 207, the others stay")
@answers("EXECUTION_FAILED")
async def test_composite_partial_failure(zoho: Org) -> None:
    """Without rollback."""
    answer = await composite(
        zoho,
        sub("a", "POST", "/Leads", {"data": [{"Last_Name": "A"}]}),
        sub("b", "POST", "/Leads", {"data": [{}]}),
    )
    assert answer.status == 207
    found = [item["status"] for item in answer.json["__composite_requests"]]
    assert found == ["success", "error"]
    assert await zoho.count("Leads") == 1


@fact("§3.13", "V7", "rollback_on_fail: ROLLBACK_PERFORMED before, PROCESSING_STOPPED after")
@answers("PROCESSING_STOPPED", "ROLLBACK_PERFORMED")
async def test_composite_rollback(zoho: Org) -> None:
    """Nothing stays."""
    answer = await composite(
        zoho,
        sub("a", "POST", "/Leads", {"data": [{"Last_Name": "A"}]}),
        sub("b", "POST", "/Leads", {"data": [{}]}),
        sub("c", "POST", "/Leads", {"data": [{"Last_Name": "C"}]}),
        rollback_on_fail=True,
    )
    assert answer.status == 207
    codes = [item["code"] for item in answer.json["__composite_requests"]]
    assert codes == ["ROLLBACK_PERFORMED", ANY, "PROCESSING_STOPPED"]
    assert await zoho.count("Leads") == 0
    assert await zoho.fired() == []


@fact("§3.13", "V7", "rollback and parallel execution together are ambiguous")
async def test_composite_ambiguity(zoho: Org) -> None:
    """AMBIGUITY_DURING_PROCESSING."""
    answer = await composite(
        zoho, sub("a", "GET", "/org"), rollback_on_fail=True, parallel_execution=True
    )
    assert (answer.status, answer.json["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")


@fact("§3.13", "V7", "at most five sub-requests, one record per write")
async def test_composite_limits(zoho: Org) -> None:
    """Six are refused, two records in one too."""
    six = [sub(str(number), "GET", "/org") for number in range(6)]
    (await composite(zoho, *six)).refused(
        400,
        "INVALID_DATA",
        maximum_length=5,
        api_name="__composite_requests",
        json_path="$.__composite_requests",
    )
    two = sub("a", "POST", "/Leads", {"data": [{"Last_Name": "A"}, {"Last_Name": "B"}]})
    answer = await composite(zoho, two)
    [entry] = answer.json["__composite_requests"]
    assert entry["details"]["response"]["code"] == "LIMIT_EXCEEDED"


@fact("§3.13", "V7", "sub-requests that refer to each other: LOOPING_FOUND")
@answers("LOOPING_FOUND")
async def test_composite_loop(zoho: Org) -> None:
    """Nothing runs."""
    one = sub("a", "POST", "/Leads", {"data": [{"Last_Name": "@{b:$.data[0].details.id}"}]})
    two = sub("b", "POST", "/Leads", {"data": [{"Last_Name": "@{a:$.data[0].details.id}"}]})
    path = "$.__composite_requests[1]"
    answer = await composite(zoho, sub("c", "GET", "/org"), one, two)
    answer.refused(400, "LOOPING_FOUND", json_path=path, api_name="sub_request_id")
    assert await zoho.count("Leads") == 0


@fact("§3.13", "V7", "a reference to nothing: INVALID_REFERENCE")
@answers("INVALID_REFERENCE")
async def test_composite_bad_reference(zoho: Org) -> None:
    """The sub-request fails alone."""
    answer = await composite(zoho, sub("a", "GET", "/Leads/@{nobody:$.data[0].id}"))
    [entry] = answer.json["__composite_requests"]
    assert entry["details"]["response"] == error("INVALID_REFERENCE")
