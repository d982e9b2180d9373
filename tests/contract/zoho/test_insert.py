"""Insert records (fact sheet §3.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import ADDED, ANY, ID, Json, Maker, Org, answers, error, fact, invalid

REQUIRED = error(
    "MANDATORY_NOT_FOUND",
    "required field not found",
    api_name="Last_Name",
    json_path="$.data[1].Last_Name",
)


@fact("§3.1", "V7", "all added: 201, each element with id, times, people, approval state")
async def test_all_added_is_201(zoho: Org) -> None:
    """The whole body."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A"}, {"Last_Name": "B"})
    answer.is_(201, {"data": [ADDED, ADDED]})


@fact("§3.1", "V", "some failed: 207, elements in the order of the request")
async def test_partial_failure_is_207_in_order(zoho: Org) -> None:
    """Element 1 of 3 fails and stands at place 1."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A"}, {}, {"Last_Name": "C"})
    answer.is_(207, {"data": [ADDED, REQUIRED, ADDED]})
    assert await zoho.count("Contacts") == 2


@fact("§3.1", "V", "all failed: 400, the elements still positional")
async def test_all_failed_is_400(zoho: Org) -> None:
    """No record is added."""
    answer = await zoho.insert("Contacts", {"Phone": "555-1234"})
    element = error(
        "MANDATORY_NOT_FOUND",
        "required field not found",
        api_name="Last_Name",
        json_path="$.data[0].Last_Name",
    )
    answer.is_(400, {"data": [element]})


@fact("§3.1", "V", "more than 100 records: INVALID_DATA with maximum_length 100")
async def test_more_than_a_hundred_records_are_refused(zoho: Org) -> None:
    """100 pass, 101 do not."""
    rows = [{"Last_Name": "x"}] * 100
    assert (await zoho.insert("Leads", *rows)).status == 201
    (await zoho.insert("Leads", *rows, {"Last_Name": "x"})).refused(
        400, "INVALID_DATA", maximum_length=100, api_name="data", json_path="$.data"
    )


BODIES: list[Any] = [
    pytest.param(
        {}, error("MANDATORY_NOT_FOUND", api_name="data", json_path="$.data"), id="no data"
    ),
    pytest.param(
        {"data": {}}, invalid("data", "$.data", expected_data_type="jsonarray"), id="no array"
    ),
    pytest.param({"data": []}, invalid("data", "$.data", minimum_length=1), id="empty array"),
    pytest.param(
        {"data": ["x"]},
        invalid("data", "$.data[0]", expected_data_type="jsonobject", index=0),
        id="no object",
    ),
    pytest.param([], error("UNABLE_TO_PARSE_DATA_TYPE", param_name="body"), id="array body"),
]


@pytest.mark.parametrize(("body", "refusal"), BODIES)
@fact("§3.1", "U", "a body of the wrong form is refused as a whole (SIM shape)")
async def test_body_of_the_wrong_form(zoho: Org, body: Any, refusal: Json) -> None:
    """Request-level errors of a write."""
    (await zoho.post("/Contacts", body)).is_(400, refusal)


@fact("§6.3", "V", "a body that is no JSON: UNABLE_TO_PARSE_DATA_TYPE")
async def test_broken_json_is_unparsable(zoho: Org) -> None:
    """With its documented message."""
    answer = await zoho.call("POST", "/Contacts", content=b'{"data": [')
    answer.is_(
        400,
        error(
            "UNABLE_TO_PARSE_DATA_TYPE",
            "either the request body or parameters is in wrong format",
            param_name="body",
        ),
    )


@fact("§3.1", "V7", "apply_feature_execution is a list of names")
async def test_apply_feature_execution(zoho: Org) -> None:
    """layout_rules passes; another form is refused as a whole."""
    row = {"Last_Name": "A"}
    answer = await zoho.insert("Leads", row, apply_feature_execution=[{"name": "layout_rules"}])
    answer.is_(201, {"data": [ADDED]})
    answer = await zoho.insert("Leads", row, apply_feature_execution="layout_rules")
    name = "apply_feature_execution"
    answer.refused(
        400, "INVALID_DATA", expected_data_type="jsonarray", api_name=name, json_path=f"$.{name}"
    )


@fact("§0.12", "V7", "an absent trigger fires every automation")
async def test_absent_trigger_fires_everything(zoho: Org) -> None:
    """Workflow, approval, blueprint, pathfinder, orchestration, and cadences."""
    await zoho.post("/Contacts", {"data": [{"Last_Name": "A"}]})
    assert [entry["feature"] for entry in await zoho.fired()] == [
        "workflow",
        "approval",
        "blueprint",
        "pathfinder",
        "orchestration",
        "cadences",
    ]


@fact("§0.12", "V7", "trigger [] fires nothing but cadences; those need skip_feature_execution")
async def test_empty_trigger_leaves_cadences(zoho: Org) -> None:
    """Silence needs both keys."""
    await zoho.post("/Contacts", {"data": [{"Last_Name": "A"}], "trigger": []})
    assert [entry["feature"] for entry in await zoho.fired()] == ["cadences"]
    await zoho.admin("DELETE", "/fired")
    skip = [{"name": "cadences"}]
    body = {"data": [{"Last_Name": "B"}], "trigger": [], "skip_feature_execution": skip}
    await zoho.post("/Contacts", body)
    assert await zoho.fired() == []


@fact("§3.1", "V7", "trigger names choose what fires")
async def test_trigger_names_choose(zoho: Org) -> None:
    """Only approval, for a module without cadences."""
    answer = await zoho.post("/Tasks", {"data": [{"Subject": "A"}], "trigger": ["approval"]})
    assert await zoho.fired() == [
        {
            "seq": ANY,
            "at": ANY,
            "feature": "approval",
            "module": "Tasks",
            "action": "create",
            "record": answer.id,
            "source": "api",
        }
    ]


@fact("§3.1", "U", "a trigger outside its list is refused (SIM)")
async def test_unknown_trigger_is_refused(zoho: Org) -> None:
    """With the supported values."""
    answer = await zoho.post("/Tasks", {"data": [{"Subject": "A"}], "trigger": ["magic"]})
    answer.refused(
        400,
        "INVALID_DATA",
        supported_values=["workflow", "approval", "blueprint", "pathfinder", "orchestration"],
        api_name="trigger",
        json_path="$.trigger[0]",
    )


@fact("§3.1", "V7", "lar_id runs an assignment rule")
async def test_lar_id_runs_an_assignment_rule(zoho: Org) -> None:
    """It stands beside data and is recorded."""
    skip = [{"name": "cadences"}]
    siblings = {"lar_id": "42", "skip_feature_execution": skip}
    await zoho.insert("Leads", {"Last_Name": "A"}, **siblings)
    assert [entry["feature"] for entry in await zoho.fired()] == ["assignment_rule"]


@fact("§3.1", "U", "unknown field names are ignored, a setting refuses them")
async def test_unknown_fields_are_ignored(zoho: Org) -> None:
    """Default and strict switch."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Nope": 1})
    answer.is_(201, {"data": [ADDED]})
    assert "Nope" not in await zoho.read("Contacts", answer.id)
    await zoho.set(unknown_fields="reject")
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Nope": 1})
    answer.is_(400, {"data": [invalid("Nope", "$.data[0].Nope")]})


@fact("§3.1", "V7", "Layout must be the module's; only then layout-mandatory fields are checked")
async def test_layout_decides_about_layout_rules(zoho: Org) -> None:
    """Without Layout the record passes, with it the required field is missed."""
    layout = (await zoho.get("/settings/layouts", module="Contacts")).json["layouts"][0]
    phone = (await zoho.field("Contacts", "Phone"))["id"]
    body = {"layouts": [{"sections": [{"fields": [{"id": phone, "required": True}]}]}]}
    assert (
        await zoho.patch(f"/settings/layouts/{layout['id']}?module=Contacts", body)
    ).status == 200
    assert (await zoho.insert("Contacts", {"Last_Name": "A"})).status == 201
    record = {"Last_Name": "A", "Layout": {"id": layout["id"]}}
    (await zoho.insert("Contacts", record)).is_(
        400,
        {"data": [error("MANDATORY_NOT_FOUND", api_name="Phone", json_path="$.data[0].Phone")]},
    )
    (await zoho.insert("Contacts", {"Last_Name": "A", "Layout": {"id": "1"}})).is_(
        400, {"data": [invalid("Layout", "$.data[0].Layout")]}
    )


@fact("§3.1", "V7", "with Layout, fields off the layout are ignored")
async def test_fields_off_the_layout_are_ignored(zoho: Org) -> None:
    """The value is dropped, not refused."""
    name = await zoho.new_field("Contacts", "Chart Colour")
    layout = (await zoho.get("/settings/layouts", module="Contacts")).json["layouts"][0]["id"]
    field_id = (await zoho.field("Contacts", name))["id"]
    take_off = {"fields": [{"id": field_id, "_delete": {"permanent": None}}]}
    await zoho.patch(
        f"/settings/layouts/{layout}?module=Contacts", {"layouts": [{"sections": [take_off]}]}
    )
    record = {"Last_Name": "A", name: "blue"}
    plain = await zoho.add("Contacts", **record)
    laid = await zoho.add("Contacts", **record, Layout={"id": layout})
    assert (await zoho.read("Contacts", plain))[name] == "blue"
    assert (await zoho.read("Contacts", laid))[name] is None


@fact("§3.1", "V7", "every insert is checked against unique fields: DUPLICATE_DATA, v8 shape")
async def test_insert_meets_unique_fields(zoho: Org) -> None:
    """The holder is named with owner and module."""
    name = await zoho.unique_field()
    holder = await zoho.contact(**{name: "P-1"})
    answer = await zoho.insert("Contacts", {"Last_Name": "B", name: "P-1"})
    duplicate = error(
        "DUPLICATE_DATA",
        "duplicate data",
        api_name=name,
        json_path=f"$.data[0].{name}",
        id=holder,
        more_records=False,
        duplicate_record={
            "id": holder,
            "Owner": {"id": ID, "name": "Ada Admin", "zuid": ANY},
            "module": {"api_name": "Contacts", "id": ID},
        },
    )
    answer.is_(400, {"data": [duplicate]})


@fact("§6.3", "V", "two unique fields violated: MULTIPLE_OR_MULTI_ERRORS with both errors")
@answers("MULTIPLE_OR_MULTI_ERRORS")
async def test_two_duplicates_are_multiple_errors(zoho: Org) -> None:
    """Each error is a DUPLICATE_DATA of its own."""
    one = await zoho.unique_field(label="Key One")
    two = await zoho.unique_field(label="Key Two")
    await zoho.contact(**{one: "1", two: "2"})
    answer = await zoho.insert("Contacts", {"Last_Name": "B", one: "1", two: "2"})
    assert answer.status == 400
    assert answer.first["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    found = [
        (item["code"], item["details"]["api_name"]) for item in answer.first["details"]["errors"]
    ]
    assert found == [("DUPLICATE_DATA", one), ("DUPLICATE_DATA", two)]


@fact("§3.1", "V7", "a duplicate inside one request fails at its own place")
async def test_duplicate_inside_one_request(zoho: Org) -> None:
    """The first is added, the second refused."""
    name = await zoho.unique_field()
    answer = await zoho.insert(
        "Contacts", {"Last_Name": "A", name: "P"}, {"Last_Name": "B", name: "P"}
    )
    assert answer.status == 207
    assert [item["code"] for item in answer.json["data"]] == ["SUCCESS", "DUPLICATE_DATA"]
    assert answer.json["data"][1]["details"]["id"] == answer.id


@fact("§3.1", "V7", "owner is the caller unless an active user is given")
async def test_owner_must_be_an_active_user(zoho: Org) -> None:
    """Default, given, and a disabled user."""
    ada, bo, _, di = (user["id"] for user in zoho.users)
    assert (await zoho.read("Contacts", await zoho.contact()))["Owner"]["id"] == ada
    given = await zoho.contact(Owner={"id": bo})
    assert (await zoho.read("Contacts", given))["Owner"] == {
        "name": "Bo Dentist",
        "id": bo,
        "email": "bo@example.com",
    }
    for nobody in (di, "4000000000000000001"):
        answer = await zoho.insert("Contacts", {"Last_Name": "A", "Owner": {"id": nobody}})
        answer.is_(400, {"data": [invalid("Owner", "$.data[0].Owner")]})


@fact("§3.1", "V7", "Tag takes names and a tag list comes back")
async def test_tags_at_insert(zoho: Org) -> None:
    """Names in, names out."""
    record = await zoho.contact(Tag=[{"name": "VIP"}])
    assert (await zoho.read("Contacts", record))["Tag"] == [{"name": "VIP"}]


@pytest.mark.parametrize("module", ["Nope", "Notes1", "contacts"])
@fact("§6.3", "V", "an unknown module: INVALID_MODULE with resource_path_index 0")
async def test_unknown_module_is_invalid(zoho: Org, module: str) -> None:
    """Names are case-sensitive."""
    (await zoho.insert(module, {"Last_Name": "x"})).is_(
        400,
        error("INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0),
    )


@fact("§6.3", "V", "a module without record API: INVALID_MODULE, not supported in API")
async def test_module_without_api_is_not_supported(zoho: Org) -> None:
    """Attachments are no record module."""
    (await zoho.insert("Attachments", {"File_Name": "x"})).is_(
        400,
        error("INVALID_MODULE", "The given module is not supported in API", resource_path_index=0),
    )


@fact("§3.1", "V7", "a failed element costs nothing of its neighbours (lookup refused)")
async def test_bad_lookup_fails_its_own_record_only(zoho: Org) -> None:
    """INVALID_DATA names field and path."""
    answer = await zoho.insert(
        "Contacts",
        {"Last_Name": "A", "Account_Name": {"id": "4000000000000000001"}},
        {"Last_Name": "B"},
    )
    answer.is_(207, {"data": [invalid("Account_Name", "$.data[0].Account_Name"), ADDED]})


@fact("§7", "V", "data storage full: STORAGE_SPACE_EXCEEDED (limit by setting)")
async def test_full_storage_refuses(make: Maker) -> None:
    """Two records fit."""
    org = await make(settings={"data_storage_records": 2})
    assert (await org.insert("Leads", {"Last_Name": "a"}, {"Last_Name": "b"})).status == 201
    (await org.insert("Leads", {"Last_Name": "c"})).refused(400, "STORAGE_SPACE_EXCEEDED", limit=2)
