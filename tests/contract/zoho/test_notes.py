"""Notes (fact sheet §3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import (
    ANY,
    ID,
    STAMP,
    STAMPS,
    WHO,
    Json,
    Org,
    error,
    fact,
    invalid,
    success,
)

NOTED = success("record added", STAMPS)
CHANGED = success("record updated", STAMPS)


def parent(record: str, module: str = "Contacts") -> Json:
    """Return a Parent_Id as v8 wants it."""
    return {"module": {"api_name": module}, "id": record}


@fact("§3.8", "V", "notes are created under a parent given as an object: 201")
async def test_create_notes(zoho: Org) -> None:
    """Positional elements."""
    record = await zoho.contact()
    rows = [
        {"Note_Title": "t", "Note_Content": "c", "Parent_Id": parent(record)},
        {"Note_Content": "only content", "Parent_Id": parent(record)},
    ]
    (await zoho.post("/Notes", {"data": rows})).is_(201, {"data": [NOTED, NOTED]})


@fact("§3.8", "V", "notes of one record need no Parent_Id")
async def test_create_related_notes(zoho: Org) -> None:
    """POST /{module}/{id}/Notes."""
    record = await zoho.contact()
    answer = await zoho.post(f"/Contacts/{record}/Notes", {"data": [{"Note_Content": "c"}]})
    answer.is_(201, {"data": [NOTED]})


REFUSED: list[Any] = [
    pytest.param(
        {"Note_Content": "x"},
        error("MANDATORY_NOT_FOUND", api_name="Parent_Id", json_path="$.data[0].Parent_Id"),
        id="no parent",
    ),
    pytest.param(
        {"Note_Content": "x", "Parent_Id": "123"},
        invalid("Parent_Id", "$.data[0].Parent_Id", expected_data_type="jsonobject"),
        id="old form of the parent",
    ),
    pytest.param(
        {"Note_Content": "x", "Parent_Id": parent("12", "Nope")},
        invalid("api_name", "$.data[0].Parent_Id.module.api_name"),
        id="unknown module",
    ),
    pytest.param(
        {"Note_Content": "x", "Parent_Id": parent("12")},
        error("INVALID_DATA", api_name="id", json_path="$.data[0].Parent_Id.id"),
        id="unknown parent",
    ),
    pytest.param(
        {"Parent_Id": "PARENT"},
        error(
            "EXPECTED_FIELD_MISSING",
            expected_fields=[
                {"api_name": "Note_Title", "json_path": "$.data[0].Note_Title"},
                {"api_name": "Note_Content", "json_path": "$.data[0].Note_Content"},
            ],
        ),
        id="neither title nor content",
    ),
    pytest.param(
        {"Note_Title": "x" * 121, "Parent_Id": "PARENT"},
        invalid("Note_Title", "$.data[0].Note_Title", maximum_length=120),
        id="title over 120",
    ),
    pytest.param(
        {"Note_Content": "x" * 65_536, "Parent_Id": "PARENT"},
        invalid("Note_Content", "$.data[0].Note_Content", maximum_length=65_535),
        id="content over 65,535",
    ),
    pytest.param(
        {"Note_Content": 5, "Parent_Id": "PARENT"},
        invalid("Note_Content", "$.data[0].Note_Content", expected_data_type="string"),
        id="content no text",
    ),
]


@pytest.mark.parametrize(("row", "refusal"), REFUSED)
@fact("§3.8", "V", "what a note must have, and its lengths")
async def test_refused_note(zoho: Org, row: Json, refusal: Json) -> None:
    """400 when it is alone, 207 beside a good one."""
    record = await zoho.contact()
    row = {**row, **({"Parent_Id": parent(record)} if row.get("Parent_Id") == "PARENT" else {})}
    (await zoho.post("/Notes", {"data": [row]})).is_(400, {"data": [refusal]})
    good = {"Note_Content": "x", "Parent_Id": parent(record)}
    (await zoho.post("/Notes", {"data": [row, good]})).is_(207, {"data": [refusal, NOTED]})


@fact("§3.8", "V", "at most 100 notes a call; the longest content passes")
async def test_note_limits(zoho: Org) -> None:
    """101 are refused."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Notes"
    (await zoho.post(path, {"data": [{"Note_Content": "x"}] * 101})).refused(
        400, "INVALID_DATA", maximum_length=100, api_name="data", json_path="$.data"
    )
    answer = await zoho.post(path, {"data": [{"Note_Content": "x" * 65_535}]})
    assert answer.status == 201


@fact("§3.8", "V", "update changes title and content only; owner and times stay")
async def test_update_note(zoho: Org) -> None:
    """Owner and Created_Time are read only."""
    record = await zoho.contact()
    made = await zoho.post(
        f"/Contacts/{record}/Notes", {"data": [{"Note_Title": "t", "Note_Content": "c"}]}
    )
    note = made.id
    change = {
        "id": note,
        "Note_Content": "new",
        "Owner": {"id": zoho.users[1]["id"]},
        "Created_Time": "2001-01-01T00:00:00+00:00",
    }
    (await zoho.put("/Notes", {"data": [change]})).is_(200, {"data": [CHANGED]})
    (await zoho.get(f"/Notes/{note}")).is_(
        200,
        {
            "data": [
                {
                    "id": note,
                    "Note_Title": "t",
                    "Note_Content": "new",
                    "Parent_Id": {
                        "module": {"api_name": "Contacts", "id": ID},
                        "name": "Okafor",
                        "id": record,
                    },
                    "Owner": {**WHO, "email": "ada@example.com"},
                    "Created_Time": STAMP,
                    "Modified_Time": STAMP,
                    "Created_By": {**WHO, "email": ANY},
                    "Modified_By": {**WHO, "email": ANY},
                    "$attachments": None,
                }
            ]
        },
    )
    (await zoho.put(f"/Notes/{note}", {"data": [{"Note_Title": "u"}]})).is_(
        200, {"data": [CHANGED]}
    )
    path = f"/Contacts/{record}/Notes/{note}"
    (await zoho.put(path, {"data": [{"Note_Title": "v"}]})).is_(200, {"data": [CHANGED]})
    assert (await zoho.get(path, fields="Note_Title")).first["Note_Title"] == "v"


@fact("§3.8", "V", "update of unknown notes: by body and by URL")
async def test_update_of_unknown_notes(zoho: Org) -> None:
    """MANDATORY_NOT_FOUND, INVALID_DATA, resource_path_index."""
    (await zoho.put("/Notes", {"data": [{"Note_Content": "x"}]})).is_(
        400, {"data": [error("MANDATORY_NOT_FOUND", api_name="id", json_path="$.data[0].id")]}
    )
    (await zoho.put("/Notes", {"data": [{"id": "12", "Note_Content": "x"}]})).is_(
        400, {"data": [error("INVALID_DATA", api_name="id", json_path="$.data[0].id")]}
    )
    (await zoho.put("/Notes/12", {"data": [{"Note_Content": "x"}]})).refused(
        400, "INVALID_DATA", resource_path_index=1
    )


@fact("§3.8", "V", "a record's notes: fields mandatory, oldest first, paged")
async def test_list_related_notes(zoho: Org) -> None:
    """204 for none."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Notes"
    (await zoho.get(path)).refused(400, "REQUIRED_PARAM_MISSING", param_name="fields")
    (await zoho.get(path, fields="Note_Content")).is_(204, None)
    await zoho.post(path, {"data": [{"Note_Content": f"n{n}"} for n in range(3)]})
    answer = await zoho.get(path, fields="Note_Content", per_page="2")
    assert [row["Note_Content"] for row in answer.json["data"]] == ["n0", "n1"]
    token = answer.json["info"]["next_page_token"]
    answer = await zoho.get(path, fields="Note_Content", per_page="2", page_token=token)
    assert [row["Note_Content"] for row in answer.json["data"]] == ["n2"]


@fact("§8.21", "V", "GET /Notes of the whole org needs an administrator: 403 NO_PERMISSION")
async def test_all_notes_need_an_administrator(zoho: Org) -> None:
    """A standard user is refused."""
    record = await zoho.contact()
    await zoho.post(f"/Contacts/{record}/Notes", {"data": [{"Note_Content": "x"}]})
    assert (await zoho.get("/Notes", fields="Note_Content")).first["Note_Content"] == "x"
    made = (await zoho.admin("POST", "/credentials", {"user": "cy@example.com"})).json
    await zoho.sign_in(made["refresh_token"])
    (await zoho.get("/Notes", fields="Note_Content")).is_(
        403,
        error("NO_PERMISSION", "permission denied", permissions=["Crm_Implied_View_Notes"]),
    )


@fact("§3.8", "V", "delete notes by ids and one by one")
async def test_delete_notes(zoho: Org) -> None:
    """Unknown ids fail alone."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Notes"
    made = await zoho.post(path, {"data": [{"Note_Content": f"n{n}"} for n in range(4)]})
    one, two, three, four = (item["details"]["id"] for item in made.json["data"])
    (await zoho.delete("/Notes", ids=f"{one},12")).is_(
        207,
        {
            "data": [
                success("record deleted", {"id": one}),
                error("INVALID_DATA", "record not deleted", id="12"),
            ]
        },
    )
    (await zoho.delete(f"/Notes/{two}")).is_(
        200, {"data": [success("record deleted", {"id": two})]}
    )
    (await zoho.delete(path, ids=three)).is_(
        200, {"data": [success("record deleted", {"id": three})]}
    )
    (await zoho.delete(f"{path}/{four}")).is_(
        200, {"data": [success("record deleted", {"id": four})]}
    )
    (await zoho.delete("/Notes")).refused(400, "REQUIRED_PARAM_MISSING", param_name="ids")
    (await zoho.get(path, fields="id")).is_(204, None)


@fact("§3.8", "V", "no automation runs for notes")
async def test_notes_fire_nothing(zoho: Org) -> None:
    """There is no trigger key to send."""
    record = await zoho.add("Tasks", Subject="a")
    await zoho.post(f"/Tasks/{record}/Notes", {"data": [{"Note_Content": "x"}]})
    assert await zoho.fired() == []


@fact("§3.8", "U", "Owner at creation is ignored, or honoured (a setting)")
async def test_note_owner_is_a_setting(zoho: Org) -> None:
    """Default: the caller."""
    record = await zoho.contact()
    bo = zoho.users[1]["id"]
    row = {"Note_Content": "x", "Owner": {"id": bo}}
    path = f"/Contacts/{record}/Notes"
    made = await zoho.post(path, {"data": [row]})
    assert (await zoho.get(f"/Notes/{made.id}")).first["Owner"]["name"] == "Ada Admin"
    await zoho.set(note_owner_on_create="honour")
    made = await zoho.post(path, {"data": [row]})
    assert (await zoho.get(f"/Notes/{made.id}")).first["Owner"]["name"] == "Bo Dentist"


@fact("§3.8", "U", "HTML in notes is kept or stripped (a setting)")
async def test_note_html_is_a_setting(zoho: Org) -> None:
    """Default: kept as sent."""
    record = await zoho.contact()
    path = f"/Contacts/{record}/Notes"
    row = {"data": [{"Note_Content": "<b>bold</b>\nnext"}]}
    await zoho.post(path, row)
    await zoho.set(note_html="strip")
    await zoho.post(path, row)
    found = (await zoho.get(path, fields="Note_Content")).json["data"]
    assert [item["Note_Content"] for item in found] == ["<b>bold</b>\nnext", "bold\nnext"]


@pytest.mark.parametrize("module", ["Leads", "Accounts", "Deals", "Tasks", "Events", "Calls"])
@fact("§3.8", "V", "modules that take notes")
async def test_module_takes_notes(zoho: Org, module: str) -> None:
    """Activities included."""
    stamp = "2026-01-01T10:00:00+00:00"
    values: dict[str, Json] = {
        "Leads": {"Last_Name": "x"},
        "Accounts": {"Account_Name": "x"},
        "Deals": {"Deal_Name": "x", "Stage": "Qualification"},
        "Tasks": {"Subject": "x"},
        "Events": {"Event_Title": "x", "Start_DateTime": stamp, "End_DateTime": stamp},
        "Calls": {
            "Subject": "x",
            "Call_Type": "Inbound",
            "Call_Start_Time": stamp,
            "Call_Duration": "5",
        },
    }
    record = await zoho.add(module, **values[module])
    answer = await zoho.post(f"/{module}/{record}/Notes", {"data": [{"Note_Content": "x"}]})
    answer.is_(201, {"data": [NOTED]})


@fact("§3.8", "V7", "a note takes at most five files")
async def test_note_takes_five_files(zoho: Org) -> None:
    """The sixth is refused."""
    record = await zoho.contact()
    made = await zoho.post(f"/Contacts/{record}/Notes", {"data": [{"Note_Content": "x"}]})
    path = f"/Notes/{made.id}/Attachments"
    for _ in range(5):
        answer = await zoho.call("POST", path, files={"file": ("a.txt", b"x")})
        assert answer.status == 200
    (await zoho.call("POST", path, files={"file": ("a.txt", b"x")})).refused(
        400, "LIMIT_EXCEEDED", limit=5
    )
