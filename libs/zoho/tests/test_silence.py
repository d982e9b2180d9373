"""Every write keeps the org's automation quiet: shown for every public method of the client."""

import contextlib
import inspect
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from bridgework_zoho.bulk_files import pack_rows
from bridgework_zoho.bulk_read import BulkReadJob
from bridgework_zoho.bulk_write import BulkColumn, BulkWriteJob
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.composite import SubRequest
from bridgework_zoho.costs import COSTS, Operation
from bridgework_zoho.errors import ZohoError
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.notes import NewNote
from bridgework_zoho.requests import SILENCE, Silence
from bridgework_zoho.testing import ScriptedZoho, Seen, accepted, scripted_client

APIS = (
    "records",
    "notes",
    "attachments",
    "files",
    "bulk_write",
    "bulk_read",
    "users",
    "org",
    "meta",
    "recycle_bin",
    "composite",
    "coql",
)
KEY = "Source_Patient_ID"
ROW = {"id": "1", KEY: "P1"}
CADENCES = [{"name": "cadences"}]


async def _bytes() -> AsyncIterator[bytes]:
    yield b"abc"


async def _packed_upload(zoho: ZohoClient) -> None:
    packed = await pack_rows([KEY], [["P1"]], name="contacts")
    await zoho.bulk_write.upload(packed)
    packed.close()


async def _drain(pages: AsyncIterator[Any]) -> None:
    async for _ in pages:
        pass


async def _opened(block: Any) -> None:
    async with block:
        pass


COLUMNS = [BulkColumn(KEY)]
WRITE_JOB = BulkWriteJob("9", "COMPLETED", {}, "/x.zip")
READ_JOB = BulkReadJob("9", "COMPLETED", 1, more=False, next_page_token=None, download_url=None)
SUB = SubRequest(Operation.RECORDS_INSERT, "POST", "/Contacts", "a", body={"data": [ROW]})

# One invocation per public method; a method that is not here fails the first test below.
INVOCATIONS: dict[str, Callable[[ZohoClient], Awaitable[Any]]] = {
    "records.insert": lambda z: z.records.insert("Contacts", [ROW]),
    "records.update": lambda z: z.records.update("Contacts", [ROW]),
    "records.upsert": lambda z: z.records.upsert("Contacts", [ROW], [KEY]),
    "records.get": lambda z: z.records.get("Contacts", ["1"], [KEY]),
    "records.get_one": lambda z: z.records.get_one("Contacts", "1"),
    "records.list": lambda z: _drain(z.records.list("Contacts", [KEY])),
    "records.delete": lambda z: z.records.delete("Contacts", ["1"]),
    "records.mass_delete": lambda z: z.records.mass_delete("Contacts", ["1"]),
    "records.count": lambda z: z.records.count("Contacts"),
    "records.deleted": lambda z: _drain(z.records.deleted("Contacts")),
    "notes.create": lambda z: z.notes.create([NewNote("Contacts", "1", "text")]),
    "notes.update": lambda z: z.notes.update([{"id": "1", "Note_Content": "text"}]),
    "notes.delete": lambda z: z.notes.delete(["1"]),
    "notes.list": lambda z: _drain(z.notes.list()),
    "notes.list_for": lambda z: z.notes.list_for("Contacts", "1"),
    "attachments.upload": lambda z: z.attachments.upload("Contacts", "1", "a.txt", _bytes, 3),
    "attachments.list": lambda z: z.attachments.list("Contacts", "1"),
    "attachments.find": lambda z: z.attachments.find("Contacts", "1", "a.txt", 3),
    "attachments.download": lambda z: _opened(z.attachments.download("Contacts", "1", "2")),
    "attachments.delete": lambda z: z.attachments.delete("Contacts", "1", "2"),
    "files.upload": lambda z: z.files.upload("a.txt", _bytes, 3),
    "files.download": lambda z: _opened(z.files.download("f")),
    "bulk_write.__call__": lambda z: z.bulk_write(
        "Contacts", COLUMNS, [["P1"]], operation="insert", key=KEY
    ),
    "bulk_write.upload": _packed_upload,
    "bulk_write.create": lambda z: z.bulk_write.create(
        "Contacts", "f", COLUMNS, file_name="contacts.csv", operation="insert"
    ),
    "bulk_write.status": lambda z: z.bulk_write.status("9"),
    "bulk_write.wait": lambda z: z.bulk_write.wait("9"),
    "bulk_write.result": lambda z: z.bulk_write.result(WRITE_JOB, KEY),
    "bulk_read.__call__": lambda z: _drain(z.bulk_read("Contacts", [KEY])),
    "bulk_read.create": lambda z: z.bulk_read.create("Contacts", [KEY]),
    "bulk_read.status": lambda z: z.bulk_read.status("9"),
    "bulk_read.wait": lambda z: z.bulk_read.wait("9"),
    "bulk_read.result": lambda z: _drain(z.bulk_read.result(READ_JOB)),
    "users.list": lambda z: _drain(z.users.list()),
    "users.get": lambda z: z.users.get("1"),
    "users.update": lambda z: z.users.update("1", {"NPI": "1"}),
    "org.get": lambda z: z.org.get(),
    "meta.modules": lambda z: z.meta.modules(),
    "meta.module": lambda z: z.meta.module("Contacts"),
    "meta.fields": lambda z: z.meta.fields("Contacts"),
    "meta.layouts": lambda z: z.meta.layouts("Contacts"),
    "meta.pipelines": lambda z: z.meta.pipelines("1"),
    "meta.profiles": lambda z: z.meta.profiles(),
    "meta.related_lists": lambda z: z.meta.related_lists("Contacts"),
    "meta.price_list": lambda z: z.meta.price_list(),
    "meta.create_field": lambda z: z.meta.create_field(
        "Contacts", NewField(label="A", data_type="text")
    ),
    "meta.create_fields": lambda z: z.meta.create_fields(
        "Contacts", [NewField(label="A", data_type="text")]
    ),
    "meta.update_field": lambda z: z.meta.update_field("Contacts", "1", {"length": 9}),
    "meta.delete_field": lambda z: z.meta.delete_field("Contacts", "1"),
    "meta.create_module": lambda z: z.meta.create_module(
        NewModule(api_name="A", singular_label="A", plural_label="As", profile_ids=["1"])
    ),
    "recycle_bin.list": lambda z: _drain(z.recycle_bin.list()),
    "recycle_bin.restore": lambda z: z.recycle_bin.restore(["1"]),
    "composite.__call__": lambda z: z.composite([SUB]),
    "coql.__call__": lambda z: z.coql("select id from Contacts where id is not null"),
    "coql.scan": lambda z: _drain(z.coql.scan("Contacts", [KEY])),
}

# Requests that change no record of the org and for which Zoho documents no such key, by path.
UNSILENCEABLE = (
    "/actions/mass_delete",
    "/Attachments",
    "/files",
    "/upload",
    "/bulk/v8/write",
    "/bulk/v8/read",
    "/users",
    "/settings/",
    "/__composite_requests",
    "/coql",
)


def _public_methods(client: ZohoClient) -> set[str]:
    found = set()
    for name in APIS:
        for method, _ in inspect.getmembers(getattr(client, name), inspect.isroutine):
            if not method.startswith("_") or method == "__call__":
                found.add(f"{name}.{method}")
    return {one for one in found if not one.endswith("__call__") or one in INVOCATIONS}


def _answer(seen: Seen) -> httpx.Response:
    """Accept everything, in whatever envelope the path wants."""
    if seen.path.endswith("/bulk/v8/write/9"):
        return httpx.Response(200, json={"id": "9", "status": "COMPLETED"})
    body: dict[str, Any] = {"details": {"id": "9", "file_id": "f"}, "count": 1}
    for key in ("users", "fields", "modules", "recycle_bin", "__composite_requests"):
        body[key] = [{"status": "success", "code": "SUCCESS", "id": "1", "details": {"id": "1"}}]
    body["org"] = [{"id": "1"}]
    body |= accepted("1")
    body["data"][0] |= {"id": "1", "state": "COMPLETED"}
    return httpx.Response(200, json=body)


async def test_no_public_method_of_the_client_is_forgotten() -> None:
    """A new method must be added here, and so be judged, before it can be merged."""
    client = scripted_client(ScriptedZoho())
    assert _public_methods(client) == set(INVOCATIONS)
    apis = {name for name, value in vars(client).items() if type(value).__name__.endswith("Api")}
    assert apis == set(APIS)


@pytest.mark.parametrize("method", INVOCATIONS)
async def test_every_request_that_writes_records_is_silent(method: str) -> None:
    """Body writes carry an empty trigger, deletes carry wf_trigger=false."""
    zoho = ScriptedZoho(_answer)
    async with scripted_client(zoho) as client:
        # The answers are rough; what was sent is what this test looks at.
        with contextlib.suppress(ZohoError, KeyError, zipfile.BadZipFile):
            await INVOCATIONS[method](client)
    assert zoho.seen, "nothing was sent"
    for seen in zoho.seen:
        if seen.method == "GET" or any(part in seen.path for part in UNSILENCEABLE):
            continue
        if seen.method == "DELETE":
            assert seen.params["wf_trigger"] == "false"
        else:
            assert seen.body["trigger"] == []
            if "Notes" not in seen.path:
                assert {"name": "cadences"}.items() <= seen.body["skip_feature_execution"][
                    0
                ].items()


async def test_the_exact_keys_of_each_kind_of_write() -> None:
    """Insert, upsert, delete and a write inside a composite call, key by key."""
    zoho = ScriptedZoho(_answer)
    async with scripted_client(zoho) as client:
        await client.records.insert("Contacts", [ROW])
        await client.records.upsert("Contacts", [ROW], [KEY])
        await client.notes.create([NewNote("Contacts", "1", "text")])
        await client.records.delete("Contacts", ["1"])
        await client.composite([SUB])
    insert, upsert, note, delete, composite = zoho.seen
    assert insert.body == {"data": [ROW], "trigger": [], "skip_feature_execution": CADENCES}
    assert upsert.body == {
        "data": [ROW],
        "duplicate_check_fields": [KEY],
        "trigger": [],
        "skip_feature_execution": [
            {"name": "cadences", "action": "insert"},
            {"name": "cadences", "action": "update"},
        ],
    }
    assert note.body["trigger"] == []
    assert delete.params == {"ids": "1", "wf_trigger": "false"}
    assert composite.body["__composite_requests"][0]["body"] == insert.body


def test_every_writing_operation_says_how_it_is_silenced() -> None:
    """The table of silence covers exactly the operations the cost table calls writes."""
    assert set(SILENCE) == {operation for operation in Operation if COSTS[operation].writes}
    assert set(COSTS) == set(Operation)


def test_only_operations_without_a_documented_key_are_loud() -> None:
    """Operations on records and notes are all silenced but mass delete, which has no key."""
    loud = {one.value for one, how in SILENCE.items() if how is Silence.NONE_EXISTS}
    assert {one for one in loud if one.startswith(("records.", "notes."))} == {
        "records.mass_delete"
    }
