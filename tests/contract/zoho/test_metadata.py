"""Modules, fields, layouts, pipelines, tags, names, quotas (fact sheet §3.15-3.16, §4.2-4.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import (
    ANY,
    ID,
    Json,
    Maker,
    Org,
    answers,
    error,
    fact,
    invalid,
    success,
)


async def create(org: Org, *fields: Json, module: str = "Contacts") -> Any:
    """Create fields."""
    return await org.post(f"/settings/fields?module={module}", {"fields": list(fields)})


def text_field(label: str, **more: Any) -> Json:
    """Return a text field's description."""
    return {"field_label": label, "data_type": "text", **more}


@fact("§3.15", "V", "modules tell api_name, labels, generated_type, api_supported")
async def test_modules(zoho: Org) -> None:
    """Every standard module the migration touches is there."""
    modules = {m["api_name"]: m for m in (await zoho.get("/settings/modules")).json["modules"]}
    assert {"Contacts", "Accounts", "Deals", "Events", "Tasks", "Notes", "Attachments"} <= set(
        modules
    )
    contacts = modules["Contacts"]
    assert contacts["generated_type"] == "default"
    assert (contacts["plural_label"], contacts["singular_label"]) == ("Contacts", "Contact")
    assert contacts["api_supported"] is True
    one = (await zoho.get("/settings/modules/Contacts")).json["modules"][0]
    assert one["id"] == contacts["id"]
    (await zoho.get("/settings/modules/Nope")).refused(400, "INVALID_MODULE", resource_path_index=2)


@fact("§3.15", "V", "a field tells its type, length, read-only state, operations, lookup, values")
async def test_field_metadata(zoho: Org) -> None:
    """The keys that matter, for five fields."""
    last = await zoho.field("Contacts", "Last_Name")
    assert (last["data_type"], last["json_type"], last["length"]) == ("text", "string", 80)
    assert (last["system_mandatory"], last["custom_field"]) == (True, False)
    created = await zoho.field("Contacts", "Created_Time")
    assert created["read_only"] is True
    assert created["operation_type"] == {
        "web_create": False,
        "web_update": False,
        "api_create": False,
        "api_update": False,
    }
    account = await zoho.field("Contacts", "Account_Name")
    assert account["lookup"]["module"] == {"api_name": "Accounts", "id": ID}
    stage = await zoho.field("Deals", "Stage")
    assert stage["pick_list_values"][0] == {
        "id": ID,
        "display_value": "Qualification",
        "actual_value": "Qualification",
        "reference_value": "Qualification",
        "sequence_number": 1,
        "colour_code": None,
        "type": "used",
    }
    choices = await zoho.get(f"/settings/fields/{stage['id']}/pick_list_values", module="Deals")
    assert choices.json["pick_list_values"] == stage["pick_list_values"]


@fact("§3.15", "V", "the module parameter is mandatory and must exist")
async def test_module_parameter(zoho: Org) -> None:
    """REQUIRED_PARAM_MISSING, INVALID_MODULE."""
    (await zoho.get("/settings/fields")).refused(400, "REQUIRED_PARAM_MISSING", param_name="module")
    (await zoho.get("/settings/fields", module="Nope")).refused(
        400, "INVALID_MODULE", resource_path_index=0
    )


@fact("§3.15", "V", "fields by type: all, used on the layout, unused")
async def test_fields_by_use(zoho: Org) -> None:
    """A field taken off the layout is unused."""
    name = await zoho.new_field("Contacts", "Colour")
    [layout] = (await zoho.get("/settings/layouts", module="Contacts")).json["layouts"]
    field_id = (await zoho.field("Contacts", name))["id"]
    off = {"fields": [{"id": field_id, "_delete": {"permanent": None}}]}
    path = f"/settings/layouts/{layout['id']}?module=Contacts"
    await zoho.patch(path, {"layouts": [{"sections": [off]}]})
    answer = await zoho.get("/settings/fields", module="Contacts", type="unused")
    assert [item["api_name"] for item in answer.json["fields"]] == [name]
    answer = await zoho.get("/settings/fields", module="Contacts", type="used")
    assert name not in [item["api_name"] for item in answer.json["fields"]]
    (await zoho.get("/settings/fields", module="Contacts", type="x")).refused(
        400, "INVALID_DATA", param_name="type", supported_values=["all", "used", "unused"]
    )


@fact("§0.2", "V7", "the API name is generated from the label and read back from the metadata")
async def test_api_name_is_generated(zoho: Org) -> None:
    """A sent api_name is not used."""
    answer = await create(zoho, text_field("Source Patient ID", api_name="Mine"))
    answer.is_(201, {"fields": [success("field created", {"id": ID})]})
    field_id = answer.json["fields"][0]["details"]["id"]
    assert (await zoho.field("Contacts", field_id))["api_name"] == "Source_Patient_ID"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Source Patient ID", "Source_Patient_ID"),
        ("Two  Spaces", "Two_Spaces"),
        ("Source Patient ID__c", "Source_Patient_ID_c"),
        ("Trailing_", "Trailing"),
    ],
)
@fact("§0.1", "V", "an API name has no double underscore and does not end in one")
async def test_generated_name_is_legal(zoho: Org, label: str, name: str) -> None:
    """X__c is impossible."""
    assert await zoho.new_field("Contacts", label) == name


@fact("§4.2", "U", "a taken API name gets a digit")
async def test_taken_name_gets_a_digit(zoho: Org) -> None:
    """Different labels, same name."""
    assert await zoho.new_field("Contacts", "Chart Colour") == "Chart_Colour"
    assert await zoho.new_field("Contacts", "Chart_Colour") == "Chart_Colour1"


@pytest.mark.parametrize(
    ("field", "refusal"),
    [
        (
            {"data_type": "text"},
            error(
                "MANDATORY_NOT_FOUND", api_name="field_label", json_path="$.fields[0].field_label"
            ),
        ),
        (
            {"field_label": "A"},
            error("MANDATORY_NOT_FOUND", api_name="data_type", json_path="$.fields[0].data_type"),
        ),
        (
            text_field("Bad/Label"),
            invalid("field_label", "$.fields[0].field_label"),
        ),
        (
            text_field("x" * 51),
            invalid("field_label", "$.fields[0].field_label", maximum_length=50),
        ),
        (
            text_field("Last Name"),
            error("DUPLICATE_DATA", api_name="field_label", json_path="$.fields[0].field_label"),
        ),
        (
            text_field("Select"),
            error(
                "RESERVED_KEYWORD_NOT_ALLOWED",
                api_name="field_label",
                json_path="$.fields[0].field_label",
            ),
        ),
        (
            {"field_label": "A", "data_type": "magic"},
            invalid("data_type", "$.fields[0].data_type", supported_values=ANY),
        ),
        (
            {"field_label": "A", "data_type": "subform"},
            error(
                "FIELD_TYPE_UNAVAILABLE", api_name="data_type", json_path="$.fields[0].data_type"
            ),
        ),
        (
            text_field("A", length=256),
            invalid("length", "$.fields[0].length", maximum_length=255),
        ),
        (
            {"field_label": "A", "data_type": "phone", "length": 31},
            invalid("length", "$.fields[0].length", maximum_length=30),
        ),
        (
            {"field_label": "A", "data_type": "email", "length": 101},
            invalid("length", "$.fields[0].length", maximum_length=100),
        ),
        (
            {"field_label": "A", "data_type": "integer", "length": 10},
            invalid("length", "$.fields[0].length", maximum_length=9),
        ),
        (
            {"field_label": "A", "data_type": "picklist"},
            error(
                "DEPENDENT_FIELD_MISSING",
                api_name="pick_list_values",
                json_path="$.fields[0].pick_list_values",
                dependee={"api_name": "data_type", "json_path": "$.fields[0].data_type"},
            ),
        ),
        (
            {"field_label": "A", "data_type": "lookup"},
            error(
                "DEPENDENT_FIELD_MISSING",
                api_name="lookup",
                json_path="$.fields[0].lookup",
                dependee={"api_name": "data_type", "json_path": "$.fields[0].data_type"},
            ),
        ),
        (
            {
                "field_label": "A",
                "data_type": "lookup",
                "lookup": {"module": {"api_name": "Nope"}},
            },
            invalid("api_name", "$.fields[0].lookup.module.api_name"),
        ),
        (
            text_field("A", unique={"case_sensitive": True}),
            invalid(
                "case_sensitive", "$.fields[0].unique.case_sensitive", supported_values=[False]
            ),
        ),
        (
            {"field_label": "A", "data_type": "date", "unique": {"case_sensitive": False}},
            error(
                "DEPENDENT_MISMATCH",
                api_name="unique",
                json_path="$.fields[0].unique",
                dependee={"api_name": "data_type", "json_path": "$.fields[0].data_type"},
                supported_values=ANY,
            ),
        ),
        (
            {
                "field_label": "A",
                "data_type": "integer",
                "external": {"type": "org", "show": True},
            },
            error(
                "DEPENDENT_MISMATCH",
                api_name="external",
                json_path="$.fields[0].external",
                dependee={"api_name": "data_type", "json_path": "$.fields[0].data_type"},
                supported_values=["text"],
            ),
        ),
        (
            text_field("A", external={"type": "x", "show": True}),
            invalid("external", "$.fields[0].external", supported_values=["user", "org"]),
        ),
        (
            text_field("A", external={"type": "org"}),
            error("MANDATORY_NOT_FOUND", api_name="show", json_path="$.fields[0].external.show"),
        ),
        (
            text_field(
                "A", external={"type": "org", "show": True}, unique={"case_sensitive": False}
            ),
            error(
                "AMBIGUITY_DURING_PROCESSING",
                ambiguity_due_to=[
                    {"api_name": "unique", "json_path": "$.fields[0].unique"},
                    {"api_name": "external", "json_path": "$.fields[0].external"},
                ],
            ),
        ),
    ],
)
@fact("§3.15", "V7", "refusals of field creation, each with its code and details")
async def test_refused_field(zoho: Org, field: Json, refusal: Json) -> None:
    """400 and no field."""
    (await create(zoho, field)).is_(400, {"fields": [refusal]})


@fact("§3.15", "V7", "mixed: 207, the good fields are created")
async def test_mixed_fields(zoho: Org) -> None:
    """Positional."""
    answer = await create(zoho, text_field("Good One"), text_field("Last Name"))
    assert answer.status == 207
    assert [item["code"] for item in answer.json["fields"]] == ["SUCCESS", "DUPLICATE_DATA"]


@fact("§0.18", "V7", "at most five fields a call (or 25, a setting)")
async def test_five_fields_a_call(zoho: Org) -> None:
    """Six are refused."""
    six = [text_field(f"F{number}") for number in range(6)]
    (await create(zoho, *six)).refused(
        400, "INVALID_DATA", maximum_length=5, api_name="fields", json_path="$.fields"
    )
    await zoho.set(fields_per_create=25)
    assert (await create(zoho, *six)).status == 201


@fact("§3.15", "U", "labels: 25 or 50 characters (a setting)")
async def test_label_length_is_a_setting(zoho: Org) -> None:
    """26 characters."""
    await zoho.set(field_label_max=25)
    (await create(zoho, text_field("x" * 26))).is_(
        400, {"fields": [invalid("field_label", "$.fields[0].field_label", maximum_length=25)]}
    )


@pytest.mark.parametrize("edition", ["standard", "professional", "enterprise", "ultimate"])
@fact("§0.3", "V7", "two unique custom fields per module in every edition")
async def test_two_unique_fields(make: Maker, edition: str) -> None:
    """The third is refused, another module has its own two."""
    org = await make(edition=edition)
    await org.unique_field(label="Key One")
    await org.unique_field(label="Key Two")
    refusal = error(
        "LIMIT_EXCEEDED",
        limit=2,
        limit_due_to=[{"api_name": "unique", "json_path": "$.fields[0].unique"}],
    )
    answer = await create(org, text_field("Key Three", unique={"case_sensitive": False}))
    answer.is_(400, {"fields": [refusal]})
    await org.unique_field("Accounts", "Key One")


@pytest.mark.parametrize(
    ("edition", "quota"), [("standard", 10), ("professional", 155), ("free", 0)]
)
@fact("§4.5", "V7", "custom fields per module by edition")
async def test_custom_field_quota(make: Maker, edition: str, quota: int) -> None:
    """One more is refused; Free has none."""
    org = await make(edition=edition, settings={"fields_per_create": 25})
    made = 0
    while made < quota:
        batch = [text_field(f"F{made + number}") for number in range(min(25, quota - made))]
        assert (await create(org, *batch)).status == 201
        made += len(batch)
    [element] = (await create(org, text_field("Over"))).json["fields"]
    if quota:
        assert (element["code"], element["details"]["limit"]) == ("LIMIT_EXCEEDED", quota)
    else:
        assert element["code"] == "NOT_SUPPORTED"


@fact("§4.3", "V7", "external fields: not in Calls")
async def test_no_external_field_in_calls(zoho: Org) -> None:
    """NOT_SUPPORTED."""
    field = text_field("Ext", external={"type": "org", "show": True})
    refusal = error("NOT_SUPPORTED", api_name="external", json_path="$.fields[0].external")
    (await create(zoho, field, module="Calls")).is_(400, {"fields": [refusal]})


@fact("§4.4", "U", "unique fields on Tasks and Events (a setting)")
async def test_unique_on_activities_is_a_setting(zoho: Org) -> None:
    """Allowed by default."""
    await zoho.unique_field("Tasks", "Source Task ID")
    await zoho.set(activity_unique_fields="reject")
    answer = await create(
        zoho, text_field("Key", unique={"case_sensitive": False}), module="Events"
    )
    assert answer.json["fields"][0]["code"] == "NOT_SUPPORTED"


@pytest.mark.parametrize("module", ["Tasks", "Events", "Calls", "Users", "Deals", "Leads"])
@fact("§3.15", "V", "custom fields exist on activities and Users too")
async def test_modules_that_take_fields(zoho: Org, module: str) -> None:
    """Created and listed."""
    name = await zoho.new_field(module, "Source ID")
    assert (await zoho.field(module, name))["custom_field"] is True


@pytest.mark.parametrize(
    ("kind", "more", "length"),
    [
        ("text", {}, 255),
        ("text", {"length": 20}, 20),
        ("textarea", {"textarea": {"type": "small"}}, 2_000),
        ("textarea", {"textarea": {"type": "large"}}, 32_000),
        ("textarea", {"textarea": {"type": "rich_text"}}, 50_000),
        ("email", {}, 100),
        ("phone", {}, 30),
        ("website", {}, 450),
        ("integer", {}, 9),
        ("bigint", {}, 18),
    ],
)
@fact("§3.15", "V7", "lengths of created fields")
async def test_created_length(zoho: Org, kind: str, more: Json, length: int) -> None:
    """Read back from the metadata and enforced."""
    name = await zoho.new_field("Contacts", "Sized", kind, **more)
    assert (await zoho.field("Contacts", name))["length"] == length
    if kind in {"text", "textarea"}:
        answer = await zoho.insert("Contacts", {"Last_Name": "A", name: "x" * (length + 1)})
        answer.is_(400, {"data": [invalid(name, f"$.data[0].{name}", maximum_length=length)]})


@fact("§3.15", "V7", "an auto-number counts by itself, one per module")
async def test_autonumber(zoho: Org) -> None:
    """Prefix, start, suffix."""
    auto = {"prefix": "P-", "start_number": "100", "suffix": "x"}
    name = await zoho.new_field("Contacts", "Chart", "autonumber", auto_number=auto)
    one, two = await zoho.contact(), await zoho.contact(**{name: "mine"})
    found = [(await zoho.read("Contacts", record))[name] for record in (one, two)]
    assert found == ["P-100x", "P-101x"]
    answer = await create(zoho, {"field_label": "Second", "data_type": "autonumber"})
    assert answer.json["fields"][0]["details"]["limit"] == 1


@fact("§3.15", "V7", "PATCH changes label, length, picklist values, unique; not type or external")
async def test_patch_field(zoho: Org) -> None:
    """Each change."""
    name = await zoho.new_field("Contacts", "Colour")
    field_id = (await zoho.field("Contacts", name))["id"]
    path = f"/settings/fields/{field_id}?module=Contacts"
    done = {"fields": [success("field updated", {"id": field_id})]}
    (await zoho.patch(path, {"fields": [{"field_label": "Color", "length": 10}]})).is_(200, done)
    found = await zoho.field("Contacts", name)
    assert (found["field_label"], found["api_name"], found["length"]) == ("Color", "Colour", 10)
    (await zoho.patch(path, {"fields": [{"unique": {"case_sensitive": False}}]})).is_(200, done)
    await zoho.contact(**{name: "a"})
    assert (await zoho.insert("Contacts", {"Last_Name": "B", name: "A"})).status == 400
    (await zoho.patch(path, {"fields": [{"unique": {"_disable": None}}]})).is_(200, done)
    assert (await zoho.insert("Contacts", {"Last_Name": "B", name: "A"})).status == 201
    for key, value in (("data_type", "email"), ("external", {"type": "org", "show": True})):
        refusal = error("NOT_ALLOWED", api_name=key, json_path=f"$.fields[0].{key}")
        (await zoho.patch(path, {"fields": [{key: value}]})).is_(400, {"fields": [refusal]})
    status = (await zoho.field("Leads", "Lead_Status"))["id"]
    body = {"fields": [{"id": status, "pick_list_values": [{"display_value": "New One"}]}]}
    assert (await zoho.patch("/settings/fields?module=Leads", body)).status == 200
    values = (await zoho.field("Leads", "Lead_Status"))["pick_list_values"]
    assert values[-1]["display_value"] == "New One"


@fact("§3.15", "V7", "unique over data that is not unique is refused")
async def test_unique_over_duplicates(zoho: Org) -> None:
    """DUPLICATE_DATA."""
    name = await zoho.new_field("Contacts", "Colour")
    field_id = (await zoho.field("Contacts", name))["id"]
    await zoho.contact(**{name: "a"})
    await zoho.contact(**{name: "A"})
    answer = await zoho.patch(
        f"/settings/fields/{field_id}?module=Contacts",
        {"fields": [{"unique": {"case_sensitive": False}}]},
    )
    refusal = error("DUPLICATE_DATA", api_name="unique", json_path="$.fields[0].unique")
    answer.is_(400, {"fields": [refusal]})


@fact("§8.20", "U", "a deleted field's values go; its label is free again (a setting)")
async def test_delete_field(zoho: Org) -> None:
    """System fields stay."""
    name = await zoho.new_field("Contacts", "Colour")
    record = await zoho.contact(**{name: "blue"})
    field_id = (await zoho.field("Contacts", name))["id"]
    path = f"/settings/fields/{field_id}"
    answer = await zoho.delete(path, module="Contacts")
    answer.is_(200, {"fields": [success("field deleted", {"id": field_id})]})
    assert name not in await zoho.read("Contacts", record)
    await zoho.set(deleted_field_blocks_label=True)
    [element] = (await create(zoho, text_field("Colour"))).json["fields"]
    assert element["code"] == "DUPLICATE_DATA"
    await zoho.set(deleted_field_blocks_label=False)
    assert await zoho.new_field("Contacts", "Colour") == name
    assert (await zoho.read("Contacts", record))[name] is None
    system = (await zoho.field("Contacts", "Phone"))["id"]
    (await zoho.delete(f"/settings/fields/{system}", module="Contacts")).refused(
        400, "NOT_ALLOWED", resource_path_index=2
    )


@fact("§6.3", "V", "customising needs an administrator: AUTHORIZATION_FAILED, NO_PERMISSION")
@answers("AUTHORIZATION_FAILED", "NO_PERMISSION")
async def test_customising_needs_an_administrator(zoho: Org) -> None:
    """Fields and modules."""
    made = (await zoho.admin("POST", "/credentials", {"user": "cy@example.com"})).json
    await zoho.sign_in(made["refresh_token"])
    (await create(zoho, text_field("A"))).refused(400, "AUTHORIZATION_FAILED")
    (await zoho.post("/settings/modules", {"modules": [{}]})).refused(
        403, "NO_PERMISSION", permissions=["Crm_Implied_Customize_Zoho_CRM"]
    )


# Modules.


async def profile(org: Org) -> str:
    """Return a profile's id."""
    return str((await org.get("/settings/profiles")).json["profiles"][0]["id"])


async def new_module(org: Org, **more: Any) -> Any:
    """Create a custom module."""
    module = {
        "plural_label": "Treatment Plans",
        "singular_label": "Treatment Plan",
        "profiles": [{"id": await profile(org)}],
        **more,
    }
    kept = {key: value for key, value in module.items() if value != "absent"}
    return await org.post("/settings/modules", {"modules": [kept]})


@fact("§3.15", "V", "create a custom module: 201, mandatory display field Name")
async def test_create_module(zoho: Org) -> None:
    """Usable at once."""
    answer = await new_module(zoho, api_name="Treatment_Plans")
    answer.is_(201, {"modules": [success("module created successfully", {"id": ID})]})
    name = await zoho.field("Treatment_Plans", "Name")
    assert (name["field_label"], name["system_mandatory"]) == ("Treatment Plan Name", True)
    record = await zoho.add("Treatment_Plans", Name="Plan 1")
    assert (await zoho.read("Treatment_Plans", record))["Name"] == "Plan 1"
    shown = (await zoho.get("/settings/modules/Treatment_Plans")).json["modules"][0]
    assert shown["generated_type"] == "custom"


@pytest.mark.parametrize(
    ("more", "code", "details"),
    [
        ({"plural_label": "absent"}, "MANDATORY_NOT_FOUND", {"api_name": "plural_label"}),
        ({"singular_label": "absent"}, "MANDATORY_NOT_FOUND", {"api_name": "singular_label"}),
        ({"profiles": "absent"}, "MANDATORY_NOT_FOUND", {"api_name": "profiles"}),
        ({"profiles": []}, "MINIMUM_DATA_NOT_FOUND", {"api_name": "profiles"}),
        ({"profiles": [{"id": "1"}]}, "INVALID_DATA", {"api_name": "id"}),
        (
            {"plural_label": "x" * 26},
            "INVALID_DATA",
            {"api_name": "plural_label", "maximum_length": 25},
        ),
        ({"plural_label": "Plans!"}, "INVALID_DATA", {"api_name": "plural_label"}),
        ({"api_name": "Plan__c"}, "INVALID_DATA", {"api_name": "api_name"}),
        ({"api_name": "Plan_"}, "INVALID_DATA", {"api_name": "api_name"}),
        ({"api_name": "1Plan"}, "INVALID_DATA", {"api_name": "api_name"}),
        ({"api_name": "x" * 51}, "INVALID_DATA", {"api_name": "api_name", "maximum_length": 50}),
        ({"api_name": "Contacts"}, "DUPLICATE_DATA", {"api_name": "api_name"}),
        ({"plural_label": "Contacts"}, "DUPLICATE_DATA", {"api_name": "plural_label"}),
        ({"api_name": "Select"}, "RESERVED_KEYWORD_NOT_ALLOWED", {"api_name": "api_name"}),
    ],
)
@fact("§3.15", "V", "refusals of module creation")
async def test_refused_module(zoho: Org, more: Json, code: str, details: Json) -> None:
    """400, the element names code and place."""
    answer = await new_module(zoho, **more)
    [element] = answer.json["modules"]
    assert (answer.status, element["code"]) == (400, code)
    assert details.items() <= element["details"].items()


@pytest.mark.parametrize(
    ("edition", "code"),
    [
        ("free", "NOT_SUPPORTED"),
        ("standard", "NOT_SUPPORTED"),
        ("professional", "NOT_SUPPORTED"),
        ("enterprise", "SUCCESS"),
        ("ultimate", "SUCCESS"),
    ],
)
@fact("§7", "V/U", "modules are created by API in Enterprise and Ultimate")
async def test_module_creation_by_edition(make: Maker, edition: str, code: str) -> None:
    """Standard and Professional are unknown, a setting."""
    org = await make(edition=edition)
    assert (await new_module(org)).json["modules"][0]["code"] == code


@fact("§7", "S", "custom modules per edition")
async def test_custom_module_quota(make: Maker) -> None:
    """Ten in Standard."""
    org = await make(edition="standard", settings={"module_api_editions": ["standard"]})
    for number in range(10):
        answer = await new_module(org, plural_label=f"P{number}", singular_label=f"S{number}")
        assert answer.status == 201
    [element] = (await new_module(org)).json["modules"]
    assert (element["code"], element["details"]) == ("LIMIT_EXCEEDED", {"limit": 10})


@fact("§3.15", "V", "PUT changes labels of custom modules only")
async def test_update_module(zoho: Org) -> None:
    """Standard modules are not touched."""
    made = await new_module(zoho, api_name="Plans")
    module = made.json["modules"][0]["details"]["id"]
    body = {"modules": [{"id": module, "plural_label": "All Plans"}]}
    (await zoho.put("/settings/modules", body)).is_(
        200, {"modules": [success("module updated successfully", {"id": module})]}
    )
    answer = await zoho.put("/settings/modules/Contacts", {"modules": [{"plural_label": "X"}]})
    assert answer.json["modules"][0]["code"] == "NOT_ALLOWED"


@fact("§3.15", "V", "there is no DELETE of a module")
async def test_no_module_delete(zoho: Org) -> None:
    """INVALID_REQUEST_METHOD."""
    (await zoho.delete("/settings/modules/Contacts")).refused(400, "INVALID_REQUEST_METHOD")


@fact("§3.15", "U", "module API names may have to be alphanumeric (a setting)")
async def test_alphanumeric_module_name_is_a_setting(zoho: Org) -> None:
    """The newest OAS pattern."""
    await zoho.set(module_name_alphanumeric=True)
    [element] = (await new_module(zoho, api_name="Treatment_Plans")).json["modules"]
    assert element["code"] == "INVALID_DATA"
    assert (await new_module(zoho, api_name="TreatmentPlans")).status == 201


@fact("§3.15", "V", "layouts list sections and fields with required and values")
async def test_layouts(zoho: Org) -> None:
    """The Standard layout."""
    [layout] = (await zoho.get("/settings/layouts", module="Deals")).json["layouts"]
    assert (layout["name"], layout["status"]) == ("Standard", "active")
    fields = {item["api_name"]: item for item in layout["sections"][0]["fields"]}
    assert fields["Deal_Name"]["required"] is True
    assert fields["Stage"]["pick_list_values"][0]["display_value"] == "Qualification"
    one = await zoho.get(f"/settings/layouts/{layout['id']}", module="Deals")
    assert one.json["layouts"][0]["id"] == layout["id"]
    assert (await zoho.get("/settings/layouts/12", module="Deals")).status == 204


@fact("§3.15", "V", "related lists name what hangs on a record")
async def test_related_lists(zoho: Org) -> None:
    """Notes, Attachments and the modules that look up."""
    lists = (await zoho.get("/settings/related_lists", module="Accounts")).json["related_lists"]
    assert {"Notes", "Attachments", "Contacts", "Deals"} <= {item["api_name"] for item in lists}
    contacts = next(item for item in lists if item["api_name"] == "Contacts")
    assert contacts["href"] == "Accounts/{ENTITYID}/Contacts"
    assert contacts["module"] == {"api_name": "Contacts", "id": ID}


@fact("§3.15", "V", "a pipeline maps stages with forecast types")
async def test_pipeline(zoho: Org) -> None:
    """By the Deals layout; other layouts have none."""
    [layout] = (await zoho.get("/settings/layouts", module="Deals")).json["layouts"]
    [pipeline] = (await zoho.get("/settings/pipeline", layout_id=layout["id"])).json["pipeline"]
    assert (pipeline["display_value"], pipeline["default"]) == ("Standard", True)
    assert pipeline["maps"][0] == {
        "id": ID,
        "display_value": "Qualification",
        "actual_value": "Qualification",
        "sequence_number": 1,
        "forecast_type": "Open",
        "forecast_category": ANY,
        "delete": False,
    }
    [contacts] = (await zoho.get("/settings/layouts", module="Contacts")).json["layouts"]
    assert (await zoho.get("/settings/pipeline", layout_id=contacts["id"])).status == 204
    (await zoho.get("/settings/pipeline")).refused(
        400, "REQUIRED_PARAM_MISSING", param_name="layout_id"
    )


@fact("§3.16", "V7", "tags are created when first used; over_write replaces")
async def test_tags(zoho: Org) -> None:
    """Add, overwrite, remove."""
    record = await zoho.contact()
    body = {"tags": [{"name": "VIP"}], "ids": [record]}
    (await zoho.post("/Contacts/actions/add_tags", body)).is_(
        200,
        {"data": [success("tags updated successfully", {"id": record, "tags": [{"name": "VIP"}]})]},
    )
    listed = (await zoho.get("/settings/tags", module="Contacts")).json["tags"]
    assert listed == [{"id": ID, "name": "VIP"}]
    over = {"tags": [{"name": "New"}], "ids": [record], "over_write": True}
    await zoho.post("/Contacts/actions/add_tags", over)
    assert (await zoho.read("Contacts", record))["Tag"] == [{"name": "New"}]
    await zoho.post(f"/Contacts/{record}/actions/remove_tags", {"tags": [{"name": "New"}]})
    assert (await zoho.read("Contacts", record))["Tag"] == []


@fact("§3.16", "V", "at most ten tags on a record, 500 records a call")
async def test_tag_limits(zoho: Org) -> None:
    """The eleventh is refused for its record."""
    record = await zoho.contact()
    path = "/Contacts/actions/add_tags"
    ten = [{"name": f"T{number}"} for number in range(10)]
    assert (await zoho.post(path, {"tags": ten, "ids": [record]})).status == 200
    answer = await zoho.post(path, {"tags": [{"name": "T10"}], "ids": [record, "12"]})
    assert [item["code"] for item in answer.json["data"]] == ["LIMIT_EXCEEDED", "INVALID_DATA"]
    (await zoho.post(path, {"tags": [{"name": "x"}], "ids": ["1"] * 501})).refused(
        400, "INVALID_DATA", maximum_length=500, api_name="ids", json_path="$.ids"
    )
