"""Delete, mass delete, recycle bin (fact sheet §3.7)."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.zoho.kit import ANY, ID, STAMP, Org, answers, error, fact, invalid, success

NOT_DELETED = "record not deleted"


@fact("§3.7", "V7", "delete by ids: 200, each element its id and 'record deleted'")
async def test_delete_by_ids(zoho: Org) -> None:
    """The whole body."""
    one, two = await zoho.contact(), await zoho.contact()
    (await zoho.delete("/Contacts", ids=f"{one},{two}")).is_(
        200,
        {
            "data": [
                success("record deleted", {"id": one}),
                success("record deleted", {"id": two}),
            ]
        },
    )
    assert await zoho.count("Contacts") == 0


@fact("§3.7", "V", "an id already gone: INVALID_DATA 'record not deleted', 207 beside a success")
async def test_delete_of_a_gone_record(zoho: Org) -> None:
    """Positional."""
    one = await zoho.contact()
    gone = "4000000000000000001"
    (await zoho.delete("/Contacts", ids=f"{gone},{one}")).is_(
        207,
        {
            "data": [
                error("INVALID_DATA", NOT_DELETED, id=gone),
                success("record deleted", {"id": one}),
            ]
        },
    )
    (await zoho.delete("/Contacts", ids=one)).is_(
        400, {"data": [error("INVALID_DATA", NOT_DELETED, id=one)]}
    )


@fact("§3.7", "V7", "delete of one by its URL")
async def test_delete_one(zoho: Org) -> None:
    """Same element."""
    one = await zoho.contact()
    (await zoho.delete(f"/Contacts/{one}")).is_(
        200, {"data": [success("record deleted", {"id": one})]}
    )


@fact("§3.7", "V7", "ids is mandatory, at most 100, digits only")
@answers("UNABLE_TO_PARSE_DATA_TYPE")
async def test_ids_parameter(zoho: Org) -> None:
    """Missing, too many, malformed."""
    (await zoho.delete("/Contacts")).refused(400, "REQUIRED_PARAM_MISSING", param_name="ids")
    (await zoho.delete("/Contacts", ids=",".join(["1"] * 101))).refused(
        400, "LIMIT_EXCEEDED", limit=100, param_name="ids"
    )
    (await zoho.delete("/Contacts", ids="1,x")).refused(
        400, "UNABLE_TO_PARSE_DATA_TYPE", param_name="ids"
    )


@fact("§3.7", "U", "the ids string may be capped at 1,024 characters (a setting)")
async def test_ids_length_is_a_setting(zoho: Org) -> None:
    """About 51 ids."""
    ids = ",".join(["4000000000000000001"] * 52)
    assert (await zoho.delete("/Contacts", ids=ids)).status == 400
    await zoho.set(ids_param_max_chars=1024)
    (await zoho.delete("/Contacts", ids=ids)).refused(
        400, "INVALID_DATA", param_name="ids", maximum_length=1024
    )


@fact("§0.12", "V7", "deletes fire workflows unless wf_trigger=false")
async def test_delete_fires_unless_told_not_to(zoho: Org) -> None:
    """With and without."""
    one = await zoho.add("Tasks", Subject="a")
    two = await zoho.add("Tasks", Subject="b")
    await zoho.delete("/Tasks", ids=one, wf_trigger="false")
    assert await zoho.fired() == []
    await zoho.delete("/Tasks", ids=two)
    assert [(item["feature"], item["action"]) for item in await zoho.fired()] == [
        ("workflow", "delete")
    ]


@fact("§3.7", "V", "a locked record is not deleted: RECORD_LOCKED")
async def test_locked_record_is_not_deleted(zoho: Org) -> None:
    """Details as for update, action delete."""
    record = await zoho.contact()
    await zoho.admin("POST", "/locks", {"id": record})
    answer = await zoho.delete("/Contacts", ids=record)
    refusal = error(
        "RECORD_LOCKED", id=record, api_name="id", json_path="$.data.id", action="delete"
    )
    answer.is_(400, {"data": [refusal]})


@fact("§3.7", "V", "mass delete of up to 500 ids at once, message 'record is deleted'")
async def test_mass_delete(zoho: Org) -> None:
    """207 when one is unknown."""
    one = await zoho.contact()
    answer = await zoho.post("/Contacts/actions/mass_delete", {"ids": [one, "12"]})
    answer.is_(
        207,
        {
            "data": [
                success("record is deleted", {"id": one}),
                error("INVALID_DATA", NOT_DELETED, id="12"),
            ]
        },
    )
    (await zoho.post("/Contacts/actions/mass_delete", {"ids": ["1"] * 501})).refused(
        400, "INVALID_DATA", maximum_length=500, api_name="ids", json_path="$.ids"
    )
    (await zoho.post("/Contacts/actions/mass_delete", {})).refused(
        400, "MANDATORY_NOT_FOUND", api_name="ids", json_path="$.ids"
    )


@fact("§3.7", "V", "mass delete status: job_id is mandatory and must exist")
async def test_mass_delete_status(zoho: Org) -> None:
    """Both refusals with their messages."""
    path = "/Contacts/actions/mass_delete"
    (await zoho.get(path)).is_(
        400, error("MANDATORY_NOT_FOUND", "mandatory param missing", param_name="job_id")
    )
    (await zoho.get(path, job_id="1")).is_(
        400, error("INVALID_DATA", "The jobid given seems to be invalid", param_name="job_id")
    )


@fact("§3.7", "U", "whether mass delete fires workflows is a setting")
async def test_mass_delete_workflows_are_a_setting(zoho: Org) -> None:
    """Silent by default."""
    one, two = await zoho.add("Tasks", Subject="a"), await zoho.add("Tasks", Subject="b")
    await zoho.post("/Tasks/actions/mass_delete", {"ids": [one]})
    assert await zoho.fired() == []
    await zoho.set(mass_delete_fires_workflows=True)
    await zoho.post("/Tasks/actions/mass_delete", {"ids": [two]})
    assert len(await zoho.fired()) == 1


@fact("§3.7", "V", "the recycle bin lists, counts and restores")
async def test_recycle_bin(zoho: Org) -> None:
    """The whole road of one record."""
    record = await zoho.contact()
    (await zoho.get("/settings/recycle_bin")).is_(204, None)
    await zoho.delete("/Contacts", ids=record)
    entry = {
        "id": record,
        "display_name": "Okafor",
        "deleted_time": STAMP,
        "deleted_by": {"name": "Ada Admin", "id": ID},
        "module": {"api_name": "Contacts", "id": ID},
    }
    answer = await zoho.get("/settings/recycle_bin")
    assert answer.json["recycle_bin"] == [entry]
    (await zoho.get("/settings/recycle_bin/actions/count")).is_(200, {"count": 1})
    (await zoho.get(f"/settings/recycle_bin/{record}")).is_(200, {"recycle_bin": [entry]})
    (await zoho.post(f"/settings/recycle_bin/{record}/actions/restore")).is_(
        200, {"recycle_bin": [success("record restored", {"id": record})]}
    )
    assert (await zoho.read("Contacts", record))["Last_Name"] == "Okafor"


@fact("§3.7", "V", "children stay attached and come back with their parent")
async def test_children_come_back_with_their_parent(zoho: Org) -> None:
    """A note and an attachment."""
    record = await zoho.contact()
    await zoho.post(f"/Contacts/{record}/Notes", {"data": [{"Note_Content": "n"}]})
    await zoho.attach(record, b"x")
    await zoho.delete("/Contacts", ids=record)
    state = (await zoho.admin("GET", "/state?module=Notes")).json
    assert state == {"Notes": []}
    answer = await zoho.post("/settings/recycle_bin/actions/restore", {"ids": [record, "12"]})
    missing = error("INVALID_DATA", "the id given seems to be invalid", id="12")
    answer.is_(207, {"recycle_bin": [success("record restored", {"id": record}), missing]})
    notes = await zoho.get(f"/Contacts/{record}/Notes", fields="Note_Content")
    files = await zoho.get(f"/Contacts/{record}/Attachments", fields="File_Name")
    assert (notes.first["Note_Content"], files.first["File_Name"]) == ("n", "x-ray.png")


@fact("§3.7", "U", "a restore that would break a unique value is refused (SIM)")
async def test_restore_meets_unique_fields(zoho: Org) -> None:
    """Somebody else has the value meanwhile."""
    name = await zoho.unique_field()
    record = await zoho.contact(**{name: "1"})
    await zoho.delete("/Contacts", ids=record)
    await zoho.contact(**{name: "1"})
    answer = await zoho.post(f"/settings/recycle_bin/{record}/actions/restore")
    answer.is_(
        400, {"recycle_bin": [error("DUPLICATE_DATA", "duplicate data", api_name=name, id=record)]}
    )


@fact("§3.7", "V", "what shall come back: ids, filters or everything, and exactly one of them")
@answers("EXPECTED_FIELD_MISSING", "AMBIGUITY_DURING_PROCESSING")
async def test_ways_to_restore(zoho: Org) -> None:
    """None, two, a wrong type, too many; everything is scheduled."""
    path = "/settings/recycle_bin/actions/restore"
    ids = {"api_name": "ids", "json_path": "$.ids"}
    every = {"api_name": "restore_all_records", "json_path": "$.restore_all_records"}
    filters = {"api_name": "filters", "json_path": "$.filters"}
    (await zoho.post(path, {"restore_all_records": False})).refused(
        400, "EXPECTED_FIELD_MISSING", expected_fields=[ids, filters, every]
    )
    answer = await zoho.post(path, {"ids": ["1"], "restore_all_records": True})
    answer.refused(400, "AMBIGUITY_DURING_PROCESSING", ambiguity_due_to=[ids, every])
    answer = await zoho.post(path, {"ids": "1"})
    answer.refused(400, "INVALID_DATA", expected_data_type="jsonarray", **ids)
    answer = await zoho.post(path, {"ids": ["1"] * 201})
    answer.refused(400, "INVALID_DATA", maximum_length=200, **ids)
    one, two = await zoho.contact(), await zoho.add("Leads", Last_Name="A")
    await zoho.delete("/Contacts", ids=one)
    await zoho.delete("/Leads", ids=two)
    answer = await zoho.post(path, {"restore_all_records": True})
    assert (answer.status, answer.json["recycle_bin"][0]["code"]) == (202, "SCHEDULED")
    assert (await zoho.count("Contacts"), await zoho.count("Leads")) == (1, 1)


@fact("§3.7", "V", "several are deleted from the bin by ids: 207 beside an unknown one")
async def test_delete_several_from_the_bin(zoho: Org) -> None:
    """Positional; ids or filters must be given."""
    record = await zoho.contact()
    await zoho.delete("/Contacts", ids=record)
    answer = await zoho.delete("/settings/recycle_bin", ids=f"{record},12")
    assert answer.status == 207
    assert [row["code"] for row in answer.json["recycle_bin"]] == ["SUCCESS", "INVALID_DATA"]
    answer = await zoho.delete("/settings/recycle_bin")
    answer.refused(400, "EXPECTED_PARAM_MISSING", param_names=["ids", "filters"])


@pytest.mark.parametrize("whole", [True, False])
@fact("§3.7", "V", "deleted from the bin, or the bin emptied: gone for good")
async def test_gone_for_good(zoho: Org, whole: bool) -> None:
    """No restore after it."""
    record = await zoho.contact()
    await zoho.delete("/Contacts", ids=record)
    if whole:
        answer = await zoho.post("/settings/recycle_bin/actions/empty")
    else:
        answer = await zoho.delete(f"/settings/recycle_bin/{record}")
    assert answer.status == 200
    assert (await zoho.post(f"/settings/recycle_bin/{record}/actions/restore")).status == 400
    assert (await zoho.get("/Contacts/deleted")).first["type"] == "permanent"


async def view_of(org: Org, module: str) -> str:
    """Return the id of a module's view of every record."""
    [view] = (await org.get("/settings/custom_views", module=module)).json["custom_views"]
    return str(view["id"])


async def until(org: Org, path: str, job: str, status: str) -> None:
    """Watch a mass delete until it has this status."""
    for _ in range(1000):
        if (await org.get(path, job_id=job)).first["Status"] == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never {status}")


@fact("§3.7", "SIM", "a module has one custom view, of every record")
async def test_one_view_of_every_record(zoho: Org) -> None:
    """System-defined, and the default."""
    answer = await zoho.get("/settings/custom_views", module="Leads")
    [view] = answer.json["custom_views"]
    assert (view["name"], view["system_defined"], view["default"]) == ("All Leads", True, True)
    assert view["module"]["api_name"] == "Leads"
    assert answer.json["info"]["default"] == view["id"]
    await zoho.add("Leads", Last_Name="A")
    listed = await zoho.get("/Leads", fields="Last_Name", cvid=view["id"])
    assert [row["Last_Name"] for row in listed.json["data"]] == ["A"]
    wrong = await zoho.get("/Leads", fields="Last_Name", cvid="12")
    wrong.refused(400, "INVALID_DATA", param_name="cvid")


@fact("§3.7", "V", "mass delete by view is a job: scheduled, watched, completed, with counts")
@answers("ALREADY_SCHEDULED")
async def test_mass_delete_by_view(zoho: Org) -> None:
    """Locked records fail, the others go."""
    locked = await zoho.add("Leads", Last_Name="Locked")
    await zoho.insert("Leads", *[{"Last_Name": "A"}] * 3)
    await zoho.admin("POST", "/locks", {"id": locked})
    path, view = "/Leads/actions/mass_delete", await view_of(zoho, "Leads")
    await zoho.admin("POST", "/clock/freeze", {})
    made = await zoho.post(path, {"cvid": view})
    message = "mass delete scheduled successfully"
    made.is_(200, {"data": [success(message, {"job_id": ID})]})
    job = made.first["details"]["job_id"]
    counts = {"Total_Count": 4, "Deleted_Count": 0, "Failed_Count": 0}
    waiting = {"data": [{"Status": "SCHEDULED", **counts}]}
    (await zoho.get(path, job_id=job)).is_(200, waiting)
    (await zoho.post(path, {"cvid": view})).refused(400, "ALREADY_SCHEDULED", job_id=job)
    await zoho.pass_time(1)
    await until(zoho, path, job, "COMPLETED")
    counts = {"Total_Count": 4, "Deleted_Count": 3, "Failed_Count": 1}
    (await zoho.get(path, job_id=job)).is_(200, {"data": [{"Status": "COMPLETED", **counts}]})
    assert await zoho.count("Leads") == 1
    assert {entry["action"] for entry in await zoho.fired()} == {"create"}


@fact("§3.7", "V", "mass delete by view: unknown view, nothing to delete, wrong body")
@answers("NO_RECORDS_FOUND")
async def test_refused_mass_delete_by_view(zoho: Org) -> None:
    """No job."""
    path, view = "/Leads/actions/mass_delete", await view_of(zoho, "Leads")
    (await zoho.post(path, {"cvid": view})).is_(
        400, error("NO_RECORDS_FOUND", "no record found to update")
    )
    (await zoho.post(path, {"cvid": "12"})).is_(400, invalid("cvid", "$.cvid"))
    (await zoho.post(path, {})).refused(400, "MANDATORY_NOT_FOUND", api_name="ids", json_path=ANY)
    (await zoho.get(path)).refused(400, "MANDATORY_NOT_FOUND", param_name="job_id")
    (await zoho.get(path, job_id="12")).refused(400, "INVALID_DATA", param_name="job_id")


@fact("§3.7", "V", "stuck and failing mass deletes are scripted like other jobs")
async def test_scripted_mass_delete(zoho: Org) -> None:
    """RUNNING for as long as it is told, then FAILED by the next fault."""
    await zoho.insert("Leads", *[{"Last_Name": "A"}] * 3)
    path, view = "/Leads/actions/mass_delete", await view_of(zoho, "Leads")
    await zoho.fault("stuck_job", operation="mass_delete.job", seconds=1200, times=1)
    await zoho.fault("fail_job", operation="mass_delete.job", times=1)
    job = (await zoho.post(path, {"cvid": view})).first["details"]["job_id"]

    await until(zoho, path, job, "RUNNING")
    await zoho.pass_time(1201)
    await until(zoho, path, job, "FAILED")
    assert await zoho.count("Leads") == 3


@fact("§3.7", "V", "more than 1,000 related records: 202 and SCHEDULED")
async def test_restore_with_many_related_records(zoho: Org) -> None:
    """The parent with its notes; the bin with its records."""
    record = await zoho.contact()
    notes = {"data": [{"Note_Content": "n"}] * 100}
    for _ in range(11):
        assert (await zoho.post(f"/Contacts/{record}/Notes", notes)).status == 201
    await zoho.delete("/Contacts", ids=record)
    answer = await zoho.post(f"/settings/recycle_bin/{record}/actions/restore")
    assert (answer.status, answer.json["recycle_bin"][0]["code"]) == (202, "SCHEDULED")
    assert (await zoho.read("Contacts", record))["Last_Name"] == "Okafor"
    for _ in range(11):
        made = await zoho.insert("Leads", *[{"Last_Name": "x"}] * 100)
        ids = [row["details"]["id"] for row in made.json["data"]]
        assert (await zoho.delete("/Leads", ids=",".join(ids))).status == 200
    answer = await zoho.post("/settings/recycle_bin/actions/empty")
    assert (answer.status, answer.json["code"]) == (202, "SCHEDULED")
    assert (await zoho.get("/settings/recycle_bin")).status == 204
