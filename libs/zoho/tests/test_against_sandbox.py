"""The client against the local Zoho over HTTP: every sub-API, and the faults that matter."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bridgework_testkit.zoho_world import client_of
from bridgework_zoho.bulk_write import BulkColumn
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.composite import SubRequest
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import (
    BulkJobFailed,
    FileRefused,
    RequestRefused,
    WriteOutcomeUnknown,
    ZohoUnavailable,
)
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.metadata import OrgSchema
from bridgework_zoho.names import label_for, resolve
from bridgework_zoho.notes import NewNote
from bridgework_zoho.settings import ZohoSettings

KEY = "Source_Patient_ID"
QUICK = ZohoSettings(backoff_base_s=0.01, bulk_poll_interval_s=0.05)


@pytest.fixture
async def zoho(org: LocalOrg) -> AsyncIterator[ZohoClient]:
    """A client of a fresh org whose contacts have the external key."""
    async with client_of(org, QUICK) as client:
        new = NewField(label=label_for("Source_Patient_ID__c"), data_type="text", unique=True)
        assert (await client.meta.create_field("Contacts", new)).ok
        yield client


def patients(count: int, **more: object) -> list[dict[str, object]]:
    """Rows with distinct keys."""
    return [{"Last_Name": f"Name {at}", KEY: f"P{at}", **more} for at in range(count)]


async def test_a_spec_name_is_created_by_label_and_read_back(zoho: ZohoClient) -> None:
    """The live name is what the metadata says, not what we hoped."""
    schema = await OrgSchema.load(zoho, ["Contacts"])
    contacts = schema.module("Contacts")
    assert contacts is not None
    field = resolve("Source_Patient_ID__c", contacts)
    assert (field.api_name, field.unique, field.custom) == (KEY, True, True)
    assert [one.api_name for one in contacts.required_fields] == ["Last_Name"]


async def test_upsert_inserts_then_updates_then_reports_each_element(zoho: ZohoClient) -> None:
    """Positional results, in a batch where one row is bad."""
    first = await zoho.records.upsert("Contacts", patients(100), [KEY])
    assert [one.action for one in first] == ["insert"] * 100
    rows = patients(3)
    rows[1]["Email"] = "nobody"
    second = await zoho.records.upsert("Contacts", rows, [KEY])
    assert [one.ok for one in second] == [True, False, True]
    assert (second[1].code, second[1].field) == ("INVALID_DATA", "Email")
    assert (second[2].id, second[2].action) == (first[2].id, "update")


async def test_a_taken_unique_value_names_its_holder(zoho: ZohoClient) -> None:
    """An insert that meets an existing key can be turned into an update."""
    (first,) = await zoho.records.insert("Contacts", patients(1))
    (again,) = await zoho.records.insert("Contacts", patients(1))
    assert (again.ok, again.code, again.duplicate_id) == (False, "DUPLICATE_DATA", first.id)


async def test_wide_modules_are_read_in_passes_and_joined(zoho: ZohoClient) -> None:
    """More fields than one call takes, over several pages; list and query agree."""
    await zoho.records.upsert("Contacts", patients(45, Mailing_City="Town"), [KEY])
    contacts = await zoho.meta.module("Contacts")
    names = list(contacts.fields)
    narrow = client_settings(fields_per_call=7, coql_columns_per_call=9, coql_rows_per_call=20)
    async with ZohoClient(
        zoho.transport.connection,
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(60_000),
        slots=InMemorySlotLimiter(20),
        settings=narrow,
    ) as passes:
        pages = [page async for page in passes.records.list("Contacts", names, page_size=20)]
        scanned = [
            row
            async for page in passes.coql_scan("Contacts", ["Last_Name", KEY, "Mailing_City"])
            for row in page.rows
        ]
    rows = {row["id"]: row for page in pages for row in page.rows}
    assert [len(page.rows) for page in pages] == [20, 20, 5]
    assert [page.more for page in pages] == [True, True, False]
    assert set(names) <= set(next(iter(rows.values())))
    assert {row["id"]: row[KEY] for row in scanned} == {one: rows[one][KEY] for one in rows}
    assert [row["id"] for row in scanned] == sorted(rows, key=int)


def client_settings(**changes: int) -> ZohoSettings:
    """Quick settings with some changed."""
    return QUICK.model_copy(update=changes)


async def test_many_records_come_back_in_order(zoho: ZohoClient) -> None:
    """More than one request's worth of ids, one of them unknown."""
    made: list[str] = []
    for _ in range(3):
        results = await zoho.records.insert("Leads", [{"Last_Name": "x"}] * 100)
        made += [one.id or "" for one in results]
    assert all(one.ok for one in await zoho.records.delete("Leads", made))
    asked = [*made[:150], "12", *made[150:]]
    back = await zoho.recycle_bin.restore(asked)
    assert [one.index for one in back] == list(range(301))
    assert [one.ok for one in back] == [one != "12" for one in asked]
    assert [one.id for one in back if one.ok] == made
    await zoho.records.delete("Leads", made)


async def test_get_and_count_and_delete_and_restore(zoho: ZohoClient) -> None:
    """What is deleted is gone, listed as deleted, and can come back; gone twice is still gone."""
    ids = [one.id or "" for one in await zoho.records.upsert("Contacts", patients(70), [KEY])]
    assert len(await zoho.records.get("Contacts", [*ids, "1"], ["Last_Name"])) == 70
    assert await zoho.records.count("Contacts") == 70
    gone = await zoho.records.delete("Contacts", ids[:60])
    again = await zoho.records.delete("Contacts", ids[:60])
    assert [one.id for one in gone] == [one.id for one in again] == ids[:60]
    assert all(one.ok for one in gone + again)
    assert [one.index for one in again] == list(range(60))
    assert await zoho.records.get_one("Contacts", ids[0]) is None
    listed = {one.id async for one in zoho.records.deleted("Contacts")}
    assert listed == set(ids[:60])
    (back,) = await zoho.recycle_bin.restore([ids[0]])
    assert back.ok
    assert await zoho.records.get_one("Contacts", ids[0]) is not None


async def test_notes_live_on_their_record(zoho: ZohoClient) -> None:
    """Created, listed, changed, deleted."""
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    parent = contact.id or ""
    long = "line one\nline two " * 3000
    made = await zoho.notes.create(
        [NewNote("Contacts", parent, long, "Title"), NewNote("Contacts", "1", "no parent")]
    )
    assert [one.ok for one in made] == [True, False]
    (note,) = await zoho.notes.list_for("Contacts", parent)
    assert note["Note_Content"] == long
    (changed,) = await zoho.notes.update([{"id": note["id"], "Note_Title": "New"}])
    assert changed.ok
    everything = [row["id"] async for page in zoho.notes.list() for row in page.rows]
    assert everything == [note["id"]]
    assert (await zoho.notes.delete([note["id"]]))[0].ok
    assert await zoho.notes.list_for("Contacts", parent) == []


async def test_a_file_goes_up_and_comes_down_unchanged(zoho: ZohoClient) -> None:
    """Streamed both ways, verified by size and hash, found by name and size."""
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    parent = contact.id or ""
    content = bytes(range(256)) * 4000
    name = 'x-ray "left" ü.png'

    async def opened() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 50_000):
            yield content[at : at + 50_000]

    up = await zoho.attachments.upload("Contacts", parent, name, opened, len(content), "image/png")
    assert up.result.ok
    assert up.sha256 == hashlib.sha256(content).hexdigest()
    assert up.listed_size_bytes == len(content)
    (found,) = await zoho.attachments.list("Contacts", parent)
    attachment = up.result.id or ""
    assert found.id == attachment
    async with zoho.attachments.download("Contacts", parent, attachment) as down:
        assert b"".join([chunk async for chunk in down.chunks()]) == content
    assert (await zoho.attachments.delete("Contacts", parent, attachment)).ok
    assert (await zoho.attachments.delete("Contacts", parent, attachment)).ok
    with pytest.raises(FileRefused):
        async with zoho.attachments.download("Contacts", parent, attachment):
            pass


async def test_a_file_that_changed_its_size_is_not_uploaded(zoho: ZohoClient) -> None:
    """More or fewer bytes than declared never become a truncated attachment."""
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    parent = contact.id or ""

    async def opened() -> AsyncIterator[bytes]:
        yield b"12345"

    for declared in (4, 6):
        with pytest.raises(FileRefused, match="bytes"):
            await zoho.attachments.upload("Contacts", parent, "a.txt", opened, declared)
    assert await zoho.attachments.list("Contacts", parent) == []


async def test_an_upload_stored_behind_a_500_is_found_not_repeated(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """Zoho can answer 5xx though the file is there: ask before sending it again."""
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    parent = contact.id or ""

    async def opened() -> AsyncIterator[bytes]:
        yield b"12345"

    await org.fault(kind="error", when="after", method="POST", path="Attachments", times=1)
    with pytest.raises(WriteOutcomeUnknown):
        await zoho.attachments.upload("Contacts", parent, "a.txt", opened, 5)
    assert len(await zoho.attachments.find("Contacts", parent, "a.txt", 5)) == 1


async def test_an_upsert_that_was_applied_behind_a_dropped_answer_is_applied_once(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """The retry says update, and that it may be our own insert."""
    await org.fault(kind="drop", when="after", method="POST", path="upsert", times=1)
    (result,) = await zoho.records.upsert("Contacts", patients(1), [KEY])
    assert (result.action, result.repeated) == ("update", True)
    assert await zoho.records.count("Contacts") == 1


async def test_an_insert_behind_a_dropped_answer_is_asked_about(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """It was applied; the client neither repeats it nor claims that it failed."""
    await org.fault(kind="drop", when="after", method="POST", path="Contacts", times=1)
    with pytest.raises(WriteOutcomeUnknown):
        await zoho.records.insert("Contacts", patients(1))
    page = await zoho.coql(f"select id from Contacts where {KEY} = 'P0' limit 1")
    assert len(page.rows) == 1


async def test_expired_tokens_are_replaced_without_the_caller_noticing(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """Zoho can kill a token before its hour is over."""
    await org.expire_tokens()
    assert (await zoho.records.insert("Contacts", patients(1)))[0].ok


async def test_an_outage_of_reads_ends_as_unavailable(org: LocalOrg, zoho: ZohoClient) -> None:
    """HTML from the edge, as long as our patience lasts."""
    await org.fault(kind="html", method="GET", status=503)
    with pytest.raises(ZohoUnavailable):
        await zoho.records.count("Contacts")
    await org.clear_faults()
    assert await zoho.records.count("Contacts") == 0


async def test_a_bulk_write_reports_every_row_by_its_key(zoho: ZohoClient) -> None:
    """Added, updated and skipped rows are joined by the external key, and read back in bulk."""
    await zoho.records.upsert("Contacts", patients(10), [KEY])
    jobs: list[str] = []

    async def remember(job_id: str) -> None:
        jobs.append(job_id)

    rows = [(f"P{at}", f"Bulk {at}", "nobody" if at == 7 else None) for at in range(500)]
    outcome = await zoho.bulk_write(
        "Contacts",
        [BulkColumn(KEY), BulkColumn("Last_Name"), BulkColumn("Email")],
        rows,
        operation="upsert",
        key=KEY,
        find_by=KEY,
        on_job=remember,
    )
    assert jobs == [outcome.job.id]
    by_key = {row.key: row for row in outcome.rows}
    assert set(by_key) == {row[0] for row in rows}
    assert (by_key["P0"].action, by_key["P499"].action) == ("update", "insert")
    assert by_key["P7"].errors == (("INVALID_DATA", "Email"),)
    assert not by_key["P7"].ok
    read = [row async for step in zoho.bulk_read("Contacts", [KEY, "Last_Name"]) for row in step]
    names = {row[KEY]: row["Last_Name"] for row in read}
    assert len(names) == 500
    assert (names["P3"], names["P7"]) == ("Bulk 3", "Name 7")


async def test_a_failed_bulk_job_is_a_question_not_an_answer(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """Rows may have been written before it failed."""
    await org.fault(kind="fail_job", elements=[3])
    with pytest.raises(BulkJobFailed) as caught:
        await zoho.bulk_write(
            "Contacts",
            [BulkColumn(KEY), BulkColumn("Last_Name")],
            [(f"P{at}", "x") for at in range(10)],
            operation="insert",
            key=KEY,
        )
    assert caught.value.details["job_id"]


async def test_composite_calls_join_small_requests(zoho: ZohoClient) -> None:
    """Two requests, one call; with rollback, all or nothing."""
    good = SubRequest(
        Operation.RECORDS_INSERT, "POST", "/Contacts", "a", body={"data": [{"Last_Name": "A"}]}
    )
    bad = SubRequest(
        Operation.RECORDS_INSERT, "POST", "/Contacts", "b", body={"data": [{"First_Name": "B"}]}
    )
    answers = await zoho.composite([good, bad])
    assert [one.status for one in answers] == [201, 400]
    await zoho.composite([good, bad], rollback_on_fail=True)
    assert await zoho.records.count("Contacts") == 1


async def test_a_module_of_our_own(zoho: ZohoClient) -> None:
    """Created with fields of several types, then written to."""
    profile = (await zoho.meta.profiles())[0]["id"]
    new = NewModule(
        api_name="TreatmentPlans",
        singular_label="Treatment Plan",
        plural_label="Treatment Plans",
        profile_ids=[profile],
    )
    assert (await zoho.meta.create_module(new)).ok
    fields = [
        NewField(label="Source Plan ID", data_type="text", length=60, unique=True),
        NewField(label="Patient", data_type="lookup", lookup_module="Contacts"),
        NewField(label="Details", data_type="textarea", textarea="large"),
        NewField(label="Phase", data_type="picklist", pick_values=["Open", "Done"]),
        NewField(label="Cost", data_type="currency", decimal_places=2),
        NewField(label="Seen At", data_type="datetime"),
    ]
    made = await zoho.meta.create_fields("TreatmentPlans", fields)
    assert [one.ok for one in made] == [True] * 6
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    row = {
        "Name": "Plan 1",
        "Source_Plan_ID": "T1",
        "Patient": {"id": contact.id},
        "Phase": "Open",
        "Cost": 12.5,
        "Seen_At": "2026-01-02T03:04:05-05:00",
    }
    (plan,) = await zoho.records.upsert("TreatmentPlans", [row], ["Source_Plan_ID"])
    read = await zoho.records.get("TreatmentPlans", [plan.id or ""], ["Patient", "Phase", "Cost"])
    assert read[plan.id or ""]["Patient"]["id"] == contact.id
    assert read[plan.id or ""]["Cost"] == 12.5


async def test_users_and_org_say_what_the_licence_allows(
    local_zoho: LocalZoho, zoho: ZohoClient, org: LocalOrg
) -> None:
    """Credits and concurrency follow from edition and seats."""
    found = await zoho.org.get()
    assert (found.edition.name, found.daily_credits, found.edition.slots) == (
        "enterprise",
        60_000,
        20,
    )
    assert found.zgid == org.connection.org_id
    users = [one async for one in zoho.users.list("ActiveUsers")]
    assert [one.id for one in users] == [org.user_id]
    assert users[0].active
    small = await local_zoho.create_org(edition="standard", seats=4)
    async with client_of(small, QUICK) as other:
        assert (await other.org.get()).daily_credits == 51_000


async def test_a_deal_stage_and_its_pipeline_are_read(zoho: ZohoClient) -> None:
    """Layout, pipeline, stages: what pre-validation of deals needs."""
    (layout,) = await zoho.meta.layouts("Deals")
    (pipeline,) = await zoho.meta.pipelines(layout.id)
    assert pipeline.default
    assert "Closed Won" in pipeline.stages
    assert "Stage" in layout.fields


async def test_a_query_that_zoho_does_not_understand_is_refused_with_its_code(
    zoho: ZohoClient,
) -> None:
    """A defect of ours, not an outage."""
    with pytest.raises(RequestRefused) as caught:
        await zoho.coql("select id form Contacts")
    assert caught.value.code == "SYNTAX_ERROR"


async def test_an_update_that_came_too_late_is_told_apart(zoho: ZohoClient, org: LocalOrg) -> None:
    """If-Unmodified-Since: somebody changed the record since we read it."""
    now = await org.freeze()
    (contact,) = await zoho.records.insert("Contacts", patients(1))
    row = {"id": contact.id, "Last_Name": "Mine"}
    late = await zoho.records.update("Contacts", [row], unmodified_since=now - timedelta(seconds=5))
    assert (late[0].ok, late[0].code) == (False, "ALREADY_MODIFIED")
    assert (await zoho.records.update("Contacts", [row], unmodified_since=now))[0].ok


async def test_nothing_the_client_writes_sets_automation_off(
    org: LocalOrg, zoho: ZohoClient
) -> None:
    """The org's own log of fired rules stays empty through every kind of write."""
    results = await zoho.records.upsert("Contacts", patients(3), [KEY])
    ids = [one.id or "" for one in results]
    await zoho.records.insert("Accounts", [{"Account_Name": "Carrier"}])
    await zoho.records.update("Contacts", [{"id": ids[0], "Last_Name": "New"}])
    await zoho.notes.create([NewNote("Contacts", ids[0], "text")])
    await zoho.composite(
        [
            SubRequest(
                Operation.RECORDS_INSERT, "POST", "/Leads", "a", body={"data": [{"Last_Name": "L"}]}
            )
        ]
    )
    await zoho.records.delete("Contacts", ids[1:])
    await zoho.bulk_write(
        "Contacts",
        [BulkColumn(KEY), BulkColumn("Last_Name")],
        [("B1", "Bulk")],
        operation="insert",
        key=KEY,
    )
    assert await org.fired() == 0
