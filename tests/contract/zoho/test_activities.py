"""System fields, owners, deals, meetings, tasks, calls (fact sheet §5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import ADDED, Json, Org, answers, error, fact, invalid

PAST = "2001-01-01T00:00:00+00:00"
TEN, ELEVEN = "2026-03-01T10:00:00-05:00", "2026-03-01T11:00:00-05:00"
MEETING: Json = {"Event_Title": "Exam", "Start_DateTime": TEN, "End_DateTime": ELEVEN}


@pytest.mark.parametrize("way", ["insert", "update", "upsert"])
@fact("§0.5", "V7", "system times and people cannot be written; sent values are ignored (U)")
async def test_system_fields_are_ignored(zoho: Org, way: str) -> None:
    """By every way of writing."""
    sent: Json = {
        "Last_Name": "A",
        "Email": "a@example.com",
        "Created_Time": PAST,
        "Modified_Time": PAST,
        "Created_By": {"id": zoho.users[1]["id"]},
        "Modified_By": {"id": zoho.users[1]["id"]},
        "Full_Name": "Somebody Else",
        "Last_Activity_Time": PAST,
    }
    record = await zoho.contact(Email="a@example.com") if way != "insert" else ""
    if way == "insert":
        record = (await zoho.insert("Contacts", sent)).id
    elif way == "update":
        await zoho.put(f"/Contacts/{record}", {"data": [sent]})
    else:
        await zoho.post("/Contacts/upsert", {"data": [sent]})
    found = await zoho.read("Contacts", record)
    assert not found["Created_Time"].startswith("2001")
    assert not found["Modified_Time"].startswith("2001")
    assert found["Created_By"]["name"] == "Ada Admin"
    assert found["Modified_By"]["name"] == "Ada Admin"
    assert found["Full_Name"] == "A"


@fact("§5", "U", "read-only fields that are sent: ignored, or refused (a setting)")
@answers("NOT_ALLOWED")
async def test_read_only_fields_are_a_setting(zoho: Org) -> None:
    """NOT_ALLOWED when strict."""
    await zoho.set(read_only_fields="reject")
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Created_Time": PAST})
    refusal = error("NOT_ALLOWED", api_name="Created_Time", json_path="$.data[0].Created_Time")
    answer.is_(400, {"data": [refusal]})


@fact("§5", "V", "so the original times live in custom datetime fields")
async def test_original_times_in_custom_fields(zoho: Org) -> None:
    """The instant survives."""
    name = await zoho.new_field("Contacts", "Source Created At", "datetime")
    record = await zoho.contact(**{name: PAST})
    assert (await zoho.read("Contacts", record))[name] == "2000-12-31T19:00:00-05:00"


MANDATORY: list[Any] = [
    ("Contacts", {}, "Last_Name"),
    ("Leads", {}, "Last_Name"),
    ("Accounts", {}, "Account_Name"),
    ("Deals", {"Stage": "Qualification"}, "Deal_Name"),
    ("Deals", {"Deal_Name": "x"}, "Stage"),
    ("Tasks", {}, "Subject"),
    ("Calls", {"Call_Type": "Inbound", "Call_Start_Time": TEN, "Call_Duration": "5"}, "Subject"),
    ("Calls", {"Subject": "x", "Call_Start_Time": TEN, "Call_Duration": "5"}, "Call_Type"),
    ("Calls", {"Subject": "x", "Call_Type": "Inbound", "Call_Duration": "5"}, "Call_Start_Time"),
    ("Calls", {"Subject": "x", "Call_Type": "Inbound", "Call_Start_Time": TEN}, "Call_Duration"),
    ("Events", {"Start_DateTime": TEN, "End_DateTime": ELEVEN}, "Event_Title"),
    ("Events", {"Event_Title": "x", "End_DateTime": ELEVEN}, "Start_DateTime"),
    ("Events", {"Event_Title": "x", "Start_DateTime": TEN}, "End_DateTime"),
    ("Products", {}, "Product_Name"),
    ("Vendors", {}, "Vendor_Name"),
    ("Campaigns", {}, "Campaign_Name"),
    ("Cases", {"Status": "New", "Case_Origin": "Phone"}, "Subject"),
    ("Cases", {"Status": "New", "Subject": "x"}, "Case_Origin"),
    ("Cases", {"Subject": "x", "Case_Origin": "Phone"}, "Status"),
]


@pytest.mark.parametrize(("module", "record", "missing"), MANDATORY)
@fact("§5", "V7", "system-mandatory fields on insert")
async def test_mandatory_field(zoho: Org, module: str, record: Json, missing: str) -> None:
    """MANDATORY_NOT_FOUND names field and path."""
    path = f"$.data[0].{missing}"
    refusal = error(
        "MANDATORY_NOT_FOUND", "required field not found", api_name=missing, json_path=path
    )
    (await zoho.insert(module, record)).is_(400, {"data": [refusal]})


# Deals.


@fact("§5", "V7", "Stage must be in the pipeline")
async def test_stage_must_be_in_the_pipeline(zoho: Org) -> None:
    """The documented message."""
    refusal = error(
        "INVALID_DATA",
        "Pipeline doesn't contain the Stage",
        api_name="Stage",
        json_path="$.data[0].Stage",
    )
    answer = await zoho.insert("Deals", {"Deal_Name": "x", "Stage": "Balance Due"})
    answer.is_(400, {"data": [refusal]})


@fact("§5", "V7", "Pipeline must be in the layout")
async def test_pipeline_must_be_in_the_layout(zoho: Org) -> None:
    """The documented message."""
    refusal = error(
        "INVALID_DATA",
        "Layout doesn't contain the Pipeline",
        api_name="Pipeline",
        json_path="$.data[0].Pipeline",
    )
    deal = {"Deal_Name": "x", "Stage": "Qualification", "Pipeline": "Dental"}
    (await zoho.insert("Deals", deal)).is_(400, {"data": [refusal]})


@pytest.mark.parametrize(
    ("probability", "good"), [(0, True), (100, True), (101, False), (-1, False)]
)
@fact("§5", "V7", "Probability is 0 to 100; absent, it follows the stage")
async def test_probability(zoho: Org, probability: int, good: bool) -> None:
    """Range in the details."""
    deal = {"Deal_Name": "x", "Stage": "Needs Analysis"}
    answer = await zoho.insert("Deals", {**deal, "Probability": probability})
    if good:
        answer.is_(201, {"data": [ADDED]})
    else:
        refusal = invalid("Probability", "$.data[0].Probability", range={"from": 0, "to": 100})
        answer.is_(400, {"data": [refusal]})
    default = await zoho.add("Deals", **deal)
    assert (await zoho.read("Deals", default))["Probability"] == 20


@fact("§5", "U", "Pipeline and Closing_Date may be demanded (settings)")
async def test_deal_demands_are_settings(zoho: Org) -> None:
    """Both default to not demanded."""
    deal = {"Deal_Name": "x", "Stage": "Qualification"}
    assert (await zoho.insert("Deals", deal)).status == 201
    await zoho.set(pipeline_required=True, closing_date_required=True)
    for missing in ("Pipeline", "Closing_Date"):
        refusal = error("MANDATORY_NOT_FOUND", api_name=missing, json_path=f"$.data[0].{missing}")
        (await zoho.insert("Deals", deal)).is_(400, {"data": [refusal]})
        deal["Pipeline"] = "Standard"


# Meetings.


@fact("§5", "V7", "a meeting that ends before it starts is refused")
async def test_meeting_ends_after_it_starts(zoho: Org) -> None:
    """Equal is fine."""
    refusal = invalid("End_DateTime", "$.data[0].End_DateTime")
    answer = await zoho.insert("Events", {**MEETING, "Start_DateTime": ELEVEN, "End_DateTime": TEN})
    answer.is_(400, {"data": [refusal]})
    (await zoho.insert("Events", {**MEETING, "End_DateTime": TEN})).is_(201, {"data": [ADDED]})


@fact("§5", "V7", "What_Id needs $se_module; both come back")
@answers("DEPENDENT_FIELD_MISSING")
async def test_what_id_needs_se_module(zoho: Org) -> None:
    """Contact as Who_Id beside it."""
    account = await zoho.add("Accounts", Account_Name="Delta")
    contact = await zoho.contact()
    links = {"What_Id": {"id": account}, "Who_Id": {"id": contact}}
    refusal = error(
        "DEPENDENT_FIELD_MISSING",
        api_name="$se_module",
        json_path="$.data[0].$se_module",
        dependee={"api_name": "What_Id", "json_path": "$.data[0].What_Id"},
    )
    (await zoho.insert("Events", {**MEETING, **links})).is_(400, {"data": [refusal]})
    record = await zoho.add("Events", **MEETING, **links, **{"$se_module": "Accounts"})
    found = await zoho.read("Events", record)
    assert found["What_Id"] == {"name": "Delta", "id": account}
    assert found["Who_Id"] == {"name": "Okafor", "id": contact}
    assert found["$se_module"] == "Accounts"


@fact("§5", "V7", "$se_module must be a module that can be linked; Contacts go into Who_Id")
async def test_se_module_must_be_linkable(zoho: Org) -> None:
    """And the record must be of that module."""
    contact = await zoho.contact()
    link = {"What_Id": {"id": contact}, "$se_module": "Contacts"}
    answer = await zoho.insert("Events", {**MEETING, **link})
    assert answer.first["details"]["api_name"] == "$se_module"
    link = {"What_Id": {"id": contact}, "$se_module": "Accounts"}
    (await zoho.insert("Events", {**MEETING, **link})).is_(
        400, {"data": [invalid("What_Id", "$.data[0].What_Id")]}
    )


@fact("§5", "V7", "at most 50 participants: LIMIT_EXCEEDED")
async def test_participants(zoho: Org) -> None:
    """51 are refused."""
    one = {"type": "email", "Email": "a@example.com"}
    record = await zoho.add("Events", **MEETING, Participants=[one] * 50)
    assert len((await zoho.read("Events", record))["Participants"]) == 50
    answer = await zoho.insert("Events", {**MEETING, "Participants": [one] * 51})
    refusal = error(
        "LIMIT_EXCEEDED", api_name="Participants", json_path="$.data[0].Participants", limit=50
    )
    answer.is_(400, {"data": [refusal]})


@fact("§8.18", "V7", "a recurring insert answers one element per occurrence")
async def test_recurring_meeting(zoho: Org) -> None:
    """Positions no longer match."""
    rule = {
        "Recurring_Activity": {"RRULE": "FREQ=WEEKLY;INTERVAL=1;COUNT=3"},
        "Remind_At": [{"unit": 15, "period": "minutes"}],
    }
    answer = await zoho.insert("Events", {**MEETING, **rule}, MEETING)
    answer.is_(201, {"data": [ADDED] * 4})
    rows = (await zoho.get("/Events", fields="Start_DateTime", sort_order="asc")).json["data"]
    assert [row["Start_DateTime"][:10] for row in rows] == [
        "2026-03-01",
        "2026-03-08",
        "2026-03-15",
        "2026-03-01",
    ]


@fact("§5", "V7", "a recurring meeting needs Remind_At")
async def test_recurring_meeting_needs_a_reminder(zoho: Org) -> None:
    """MANDATORY_NOT_FOUND."""
    rule = {"Recurring_Activity": {"RRULE": "FREQ=DAILY;COUNT=1"}}
    refusal = error("MANDATORY_NOT_FOUND", api_name="Remind_At", json_path="$.data[0].Remind_At")
    (await zoho.insert("Events", {**MEETING, **rule})).is_(400, {"data": [refusal]})


# Tasks and calls.


@fact("§5", "S", "a completed task is inserted directly; Closed_Time is Zoho's")
async def test_completed_task(zoho: Org) -> None:
    """The sent Closed_Time is ignored."""
    record = await zoho.add("Tasks", Subject="Recall", Status="Completed", Closed_Time=PAST)
    found = await zoho.read("Tasks", record)
    assert found["Status"] == "Completed"
    assert found["Closed_Time"] not in {None, PAST}
    assert not found["Closed_Time"].startswith("200")
    open_task = await zoho.add("Tasks", Subject="Recall", Status="Not Started")
    assert (await zoho.read("Tasks", open_task))["Closed_Time"] is None


@fact("§5", "V7", "a task's subject has 255 characters; Due_Date is a date")
async def test_task_limits(zoho: Org) -> None:
    """256 and a datetime are refused."""
    answer = await zoho.insert("Tasks", {"Subject": "x" * 256}, {"Subject": "x", "Due_Date": TEN})
    answer.is_(
        400,
        {
            "data": [
                invalid("Subject", "$.data[0].Subject", maximum_length=255),
                invalid("Due_Date", "$.data[1].Due_Date", expected_data_type="date"),
            ]
        },
    )


@fact("§5", "V7", "for a Lead use What_Id with $se_module Leads")
async def test_task_of_a_lead(zoho: Org) -> None:
    """Who_Id takes Contacts only."""
    lead = await zoho.add("Leads", Last_Name="L")
    link = {"What_Id": {"id": lead}, "$se_module": "Leads"}
    record = await zoho.add("Tasks", Subject="Call", **link)
    assert (await zoho.read("Tasks", record))["What_Id"] == {"name": "L", "id": lead}
    answer = await zoho.insert("Tasks", {"Subject": "x", "Who_Id": {"id": lead}})
    answer.is_(400, {"data": [invalid("Who_Id", "$.data[0].Who_Id")]})


@pytest.mark.parametrize("duration", ["0", "00:00"])
@fact("§5", "V7", "a call lasts longer than nothing")
async def test_call_duration(zoho: Org, duration: str) -> None:
    """Zero is refused."""
    call = {"Subject": "x", "Call_Type": "Inbound", "Call_Start_Time": TEN}
    (await zoho.insert("Calls", {**call, "Call_Duration": duration})).is_(
        400, {"data": [invalid("Call_Duration", "$.data[0].Call_Duration")]}
    )
    (await zoho.insert("Calls", {**call, "Call_Duration": "00:05"})).is_(201, {"data": [ADDED]})
