"""Update and upsert (fact sheet §3.2, §3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import (
    APPROVED,
    STAMPS,
    UPDATED,
    Json,
    Maker,
    Org,
    answers,
    error,
    fact,
    invalid,
    success,
)

INSERTED = success("record added", APPROVED, duplicate_field=None, action="insert")


def matched(field: str | None) -> Json:
    """Return the element of an upsert that updated."""
    return success("record updated", APPROVED, duplicate_field=field, action="update")


@fact("§3.2", "V7", "update of several: each element has its id, message 'record updated'")
async def test_update_several(zoho: Org) -> None:
    """200 and positional."""
    one, two = await zoho.contact(), await zoho.contact()
    body = {"data": [{"id": one, "Title": "a"}, {"id": two, "Title": "b"}], "trigger": []}
    (await zoho.put("/Contacts", body)).is_(200, {"data": [UPDATED, UPDATED]})
    assert (await zoho.read("Contacts", two))["Title"] == "b"


@fact("§3.2", "V7", "update of one by its URL")
async def test_update_one(zoho: Org) -> None:
    """Only what was sent changes."""
    record = await zoho.contact(Title="a", Department="d")
    answer = await zoho.put(f"/Contacts/{record}", {"data": [{"Title": "b"}], "trigger": []})
    answer.is_(200, {"data": [UPDATED]})
    found = await zoho.read("Contacts", record)
    assert (found["Title"], found["Department"]) == ("b", "d")


@fact("§3.2", "V7", "unknown id: INVALID_DATA 'the id given seems to be invalid', api_name id")
async def test_update_of_an_unknown_id(zoho: Org) -> None:
    """And the neighbour passes: 207."""
    record = await zoho.contact()
    body = {"data": [{"id": "4000000000000000001"}, {"id": record, "Title": "t"}]}
    refusal = error(
        "INVALID_DATA",
        "the id given seems to be invalid",
        api_name="id",
        json_path="$.data[0].id",
    )
    (await zoho.put("/Contacts", body)).is_(207, {"data": [refusal, UPDATED]})


@fact("§3.2", "V7", "an element without id: MANDATORY_NOT_FOUND")
async def test_update_without_id(zoho: Org) -> None:
    """Nothing says which record is meant."""
    refusal = error("MANDATORY_NOT_FOUND", api_name="id", json_path="$.data[0].id")
    (await zoho.put("/Contacts", {"data": [{"Title": "x"}]})).is_(400, {"data": [refusal]})


@fact("§6.3", "V", "a bad id in the URL: resource_path_index")
async def test_update_of_an_unknown_url_id(zoho: Org) -> None:
    """The index counts path parts after the version."""
    answer = await zoho.put("/Contacts/4000000000000000001", {"data": [{"Title": "x"}]})
    answer.refused(400, "INVALID_DATA", resource_path_index=1)


@fact("§3.2", "V7", "more than 100 records are refused")
async def test_update_of_more_than_a_hundred(zoho: Org) -> None:
    """maximum_length 100."""
    (await zoho.put("/Contacts", {"data": [{"id": "1"}] * 101})).refused(
        400, "INVALID_DATA", maximum_length=100, api_name="data", json_path="$.data"
    )


@fact("§3.2", "V7", "a multi-select is replaced, or appended with $append_values")
async def test_append_values(zoho: Org) -> None:
    """Both ways."""
    choices = [{"display_value": text} for text in "abc"]
    name = await zoho.new_field(
        "Contacts", "Allergies", "multiselectpicklist", pick_list_values=choices
    )
    record = await zoho.contact(**{name: ["a"]})
    path = f"/Contacts/{record}"
    await zoho.put(path, {"data": [{name: ["b"], "$append_values": {name: True}}]})
    assert (await zoho.read("Contacts", record))[name] == ["a", "b"]
    await zoho.put(path, {"data": [{name: ["c"]}]})
    assert (await zoho.read("Contacts", record))[name] == ["c"]


@fact("§3.2", "V7", "If-Unmodified-Since in the past of the record: 412 ALREADY_MODIFIED")
@answers("ALREADY_MODIFIED")
async def test_if_unmodified_since(zoho: Org) -> None:
    """With the record's stamps; a later instant passes."""
    record = await zoho.contact()
    body = {"data": [{"Title": "x"}]}
    path = f"/Contacts/{record}"
    answer = await zoho.put(path, body, If_Unmodified_Since="2020-01-01T00:00:00+00:00")
    refusal = error(
        "ALREADY_MODIFIED",
        "Record updated time has already passed if-unmodified-since time",
        **STAMPS,
    )
    answer.is_(412, {"data": [refusal]})
    answer = await zoho.put(path, body, If_Unmodified_Since="2090-01-01T00:00:00+00:00")
    answer.is_(200, {"data": [UPDATED]})


@fact("§3.2", "V7", "without If-Unmodified-Since the last writer wins")
async def test_last_writer_wins(zoho: Org) -> None:
    """A lost update, as in life."""
    record = await zoho.contact(Title="mine")
    edit = {"action": "update", "module": "Contacts", "id": record, "data": {"Title": "theirs"}}
    await zoho.admin("POST", "/edits", edit)
    await zoho.put(f"/Contacts/{record}", {"data": [{"Title": "mine again"}]})
    assert (await zoho.read("Contacts", record))["Title"] == "mine again"


@fact("§3.2", "V7", "subform rows: by id changed, new added, _delete removes")
async def test_subform_rows(zoho: Org) -> None:
    """Rows that are not mentioned stay."""
    made = await zoho.admin(
        "POST",
        "/subforms",
        {
            "module": "Contacts",
            "label": "Plan Lines",
            "fields": [{"field_label": "Tooth", "data_type": "text", "length": 5}],
        },
    )
    name = made.json["api_name"]
    record = await zoho.contact(**{name: [{"Tooth": "1"}, {"Tooth": "2"}]})
    one, two = (await zoho.read("Contacts", record))[name]
    rows = [{"id": one["id"], "_delete": None}, {"id": two["id"], "Tooth": "3"}, {"Tooth": "4"}]
    await zoho.put(f"/Contacts/{record}", {"data": [{name: rows}]})
    found = (await zoho.read("Contacts", record))[name]
    assert [row["Tooth"] for row in found] == ["3", "4"]
    answer = await zoho.insert("Contacts", {"Last_Name": "A", name: [{"Tooth": "123456"}]})
    path = f"$.data[0].{name}[0].Tooth"
    answer.is_(400, {"data": [invalid("Tooth", path, maximum_length=5)]})


@fact("§3.2", "U", "null clears a field; a mandatory one refuses it")
async def test_null_clears(zoho: Org) -> None:
    """Optional and mandatory."""
    record = await zoho.contact(Title="x")
    path = f"/Contacts/{record}"
    await zoho.put(path, {"data": [{"Title": None}]})
    assert (await zoho.read("Contacts", record))["Title"] is None
    refusal = error("MANDATORY_NOT_FOUND", api_name="Last_Name", json_path="$.data[0].Last_Name")
    (await zoho.put(path, {"data": [{"Last_Name": None}]})).is_(400, {"data": [refusal]})


@pytest.mark.parametrize(
    "code", ["RECORD_LOCKED", "RECORD_IN_BLUEPRINT", "NOT_APPROVED", "NOT_REVIEWED"]
)
@fact("§6.3", "V", "a record that is held: the code with id and action")
async def test_held_record_is_not_updated(zoho: Org, code: str) -> None:
    """Until it is released."""
    record = await zoho.contact()
    await zoho.admin("POST", "/locks", {"id": record, "code": code})
    answer = await zoho.put(f"/Contacts/{record}", {"data": [{"Title": "x"}]})
    refusal = error(
        code,
        "Sorry, you cannot perform this operation as the record is locked.",
        id=record,
        api_name="id",
        json_path="$.data.id",
        action="update",
    )
    answer.is_(400, {"data": [refusal]})
    await zoho.admin("POST", "/locks", {"id": record, "code": None})
    assert (await zoho.put(f"/Contacts/{record}", {"data": [{"Title": "x"}]})).status == 200


# Upsert.


@pytest.mark.parametrize("module", ["Tasks", "Events", "Calls"])
@fact("§3.3", "V", "upsert does not exist for Tasks, Events, Calls")
async def test_module_without_upsert(zoho: Org, module: str) -> None:
    """INVALID_MODULE, not supported."""
    (await zoho.post(f"/{module}/upsert", {"data": [{"Subject": "x"}]})).refused(
        400, "INVALID_MODULE", resource_path_index=0
    )


@pytest.mark.parametrize(
    ("module", "field"),
    [
        ("Leads", "Email"),
        ("Contacts", "Email"),
        ("Accounts", "Account_Name"),
        ("Deals", "Deal_Name"),
        ("Campaigns", "Campaign_Name"),
        ("Cases", "Subject"),
        ("Products", "Product_Name"),
        ("Vendors", "Vendor_Name"),
    ],
)
@fact("§3.3", "V", "the module's own duplicate-check field matches when no array is given")
async def test_system_duplicate_check_field(zoho: Org, module: str, field: str) -> None:
    """Insert, then update by the same value in other case."""
    needed: dict[str, Json] = {
        "Leads": {"Last_Name": "x"},
        "Contacts": {"Last_Name": "x"},
        "Deals": {"Stage": "Qualification"},
        "Cases": {"Status": "New", "Case_Origin": "Phone"},
    }
    record = {**needed.get(module, {}), field: "same@example.com"}
    (await zoho.post(f"/{module}/upsert", {"data": [record]})).is_(200, {"data": [INSERTED]})
    record[field] = "SAME@example.com"
    (await zoho.post(f"/{module}/upsert", {"data": [record]})).is_(200, {"data": [matched(field)]})


@fact("§0.4", "V", "custom modules match by Name")
async def test_custom_module_matches_by_name(zoho: Org) -> None:
    """Created through the API."""
    profile = (await zoho.get("/settings/profiles")).json["profiles"][0]["id"]
    module = {
        "plural_label": "Plans",
        "singular_label": "Plan",
        "api_name": "Plans",
        "profiles": [{"id": profile}],
    }
    assert (await zoho.post("/settings/modules", {"modules": [module]})).status == 201
    body = {"data": [{"Name": "one"}]}
    (await zoho.post("/Plans/upsert", body)).is_(200, {"data": [INSERTED]})
    (await zoho.post("/Plans/upsert", body)).is_(200, {"data": [matched("Name")]})


@fact("§3.3", "V", "two patients sharing an e-mail merge when no array is given")
async def test_shared_email_merges(zoho: Org) -> None:
    """The trap of the default for Contacts."""
    name = await zoho.unique_field()
    rows = [
        {"Last_Name": "Mother", "Email": "family@example.com", name: "P-1"},
        {"Last_Name": "Child", "Email": "family@example.com", name: "P-2"},
    ]
    (await zoho.post("/Contacts/upsert", {"data": rows})).is_(
        200, {"data": [INSERTED, matched("Email")]}
    )
    assert await zoho.count("Contacts") == 1


@fact("§3.3", "V", "an array without the system field switches the system field off")
async def test_given_array_ignores_the_system_field(zoho: Org) -> None:
    """What a migration must send."""
    name = await zoho.unique_field()
    rows = [
        {"Last_Name": "Mother", "Email": "family@example.com", name: "P-1"},
        {"Last_Name": "Child", "Email": "family@example.com", name: "P-2"},
    ]
    body = {"data": rows, "duplicate_check_fields": [name]}
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [INSERTED, INSERTED]})
    assert await zoho.count("Contacts") == 2


@fact("§4.4", "V7", "a unique value changes hands inside one update, in the order of the elements")
async def test_unique_value_changes_hands(zoho: Org) -> None:
    """Given up first it can be taken; taken first it is refused."""
    name = await zoho.unique_field()
    one, two = await zoho.contact(**{name: "P-1"}), await zoho.contact(**{name: "P-2"})
    rows = [{"id": one, name: "P-3"}, {"id": two, name: "p-1"}]
    (await zoho.put("/Contacts", {"data": rows, "trigger": []})).is_(200, {"data": [UPDATED] * 2})
    rows = [{"id": one, name: "P-1"}, {"id": two, name: "P-4"}, {"id": one, name: "P-1"}]
    answer = await zoho.put("/Contacts", {"data": rows, "trigger": []})
    assert [row["code"] for row in answer.json["data"]] == ["DUPLICATE_DATA", "SUCCESS", "SUCCESS"]
    assert answer.json["data"][0]["details"]["id"] == two
    assert (await zoho.read("Contacts", one))[name] == "P-1"
    assert (await zoho.read("Contacts", two))[name] == "P-4"


@fact("§3.2", "V7", "the same id twice in one update: in order, the second builds on the first")
async def test_same_id_twice_in_one_update(zoho: Org) -> None:
    """Both changes are there."""
    record = await zoho.contact()
    rows = [{"id": record, "Title": "Dr"}, {"id": record, "Department": "Recall", "Title": "Mr"}]
    await zoho.put("/Contacts", {"data": rows, "trigger": []})
    found = await zoho.read("Contacts", record)
    assert (found["Title"], found["Department"]) == ("Mr", "Recall")


@fact("§3.3", "V", "given fields first, then the remaining user unique fields")
async def test_order_of_matching(zoho: Org) -> None:
    """A record that matches by two fields is found by the first given."""
    one = await zoho.unique_field(label="Key One")
    two = await zoho.unique_field(label="Key Two")
    first = await zoho.contact(**{one: "1"})
    second = await zoho.contact(**{two: "2"})
    for order, expected in (([one], first), ([two], second)):
        body = {
            "data": [{"Last_Name": "x", one: "1", two: "2"}],
            "duplicate_check_fields": order,
        }
        answer = await zoho.post("/Contacts/upsert", body)
        assert answer.first["code"] == "DUPLICATE_DATA"  # the other key belongs to the other
        assert answer.first["details"]["id"] == (second if expected == first else first)
    body = {"data": [{"Last_Name": "x", two: "2"}], "duplicate_check_fields": [one]}
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [matched(two)]})


@fact("§3.3", "U", "a field that is not unique in duplicate_check_fields: INVALID_DATA")
async def test_not_unique_check_field(zoho: Org) -> None:
    """The shape is a guess."""
    body = {"data": [{"Last_Name": "x"}], "duplicate_check_fields": ["Title"]}
    (await zoho.post("/Contacts/upsert", body)).refused(
        400,
        "INVALID_DATA",
        api_name="duplicate_check_fields",
        json_path="$.duplicate_check_fields[0]",
    )


@fact("§3.3", "U", "unique values match without regard to case (a setting)")
async def test_unique_match_ignores_case(zoho: Org) -> None:
    """Default and switch."""
    name = await zoho.unique_field()
    await zoho.contact(**{name: "p-1"})
    body = {"data": [{"Last_Name": "x", name: "P-1"}], "duplicate_check_fields": [name]}
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [matched(name)]})
    await zoho.set(unique_case_sensitive=True)
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [INSERTED]})


@fact("§3.3", "U", "the same key twice in one request: in order, the second updates the first")
async def test_same_key_twice_in_one_request(zoho: Org) -> None:
    """SIM."""
    name = await zoho.unique_field()
    rows = [{"Last_Name": "A", name: "1"}, {"Last_Name": "B", name: "1"}]
    body = {"data": rows, "duplicate_check_fields": [name]}
    answer = await zoho.post("/Contacts/upsert", body)
    answer.is_(200, {"data": [INSERTED, matched(name)]})
    assert (await zoho.read("Contacts", answer.id))["Last_Name"] == "B"


@fact("§3.3", "V", "upsert of more than 100 is refused")
async def test_upsert_of_more_than_a_hundred(zoho: Org) -> None:
    """maximum_length 100."""
    (await zoho.post("/Contacts/upsert", {"data": [{"Last_Name": "x"}] * 101})).refused(
        400, "INVALID_DATA", maximum_length=100, api_name="data", json_path="$.data"
    )


@fact("§3.3", "U", "upsert: 200 all right, 207 mixed, 400 all failed (201 by setting)")
async def test_upsert_statuses(make: Maker) -> None:
    """Each status."""
    org = await make()
    good: Any = {"Last_Name": "x"}
    assert (await org.post("/Contacts/upsert", {"data": [good, {}]})).status == 207
    assert (await org.post("/Contacts/upsert", {"data": [{}]})).status == 400
    await org.set(upsert_all_ok_status=201)
    assert (await org.post("/Contacts/upsert", {"data": [good]})).status == 201


@fact("§3.3", "V", "upsert honours If-Unmodified-Since")
async def test_upsert_honours_if_unmodified_since(zoho: Org) -> None:
    """412 for the record that changed."""
    name = await zoho.unique_field()
    await zoho.contact(**{name: "1"})
    body = {"data": [{"Last_Name": "x", name: "1"}], "duplicate_check_fields": [name]}
    answer = await zoho.post(
        "/Contacts/upsert", body, If_Unmodified_Since="2020-01-01T00:00:00+00:00"
    )
    assert (answer.status, answer.first["code"]) == (412, "ALREADY_MODIFIED")


@fact("§3.3", "V", "an upsert's automations are silenced like an insert's")
async def test_upsert_is_silent_with_empty_trigger(zoho: Org) -> None:
    """Trigger [] and cadences skipped for both actions."""
    skip = [{"name": "cadences", "action": action} for action in ("insert", "update")]
    body = {"data": [{"Last_Name": "x"}], "trigger": [], "skip_feature_execution": skip}
    await zoho.post("/Contacts/upsert", body)
    assert await zoho.fired() == []


@fact("§4.3", "V7", "upsert treats external fields as unique without the header")
async def test_upsert_by_external_field(zoho: Org) -> None:
    """External text field."""
    name = await zoho.new_field("Contacts", "Ext Key", external={"type": "org", "show": True})
    body = {"data": [{"Last_Name": "x", name: "E-1"}], "duplicate_check_fields": [name]}
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [INSERTED]})
    (await zoho.post("/Contacts/upsert", body)).is_(200, {"data": [matched(name)]})
    answer = await zoho.insert("Contacts", {"Last_Name": "y", name: "E-1"})
    assert answer.first["code"] == "DUPLICATE_DATA"
