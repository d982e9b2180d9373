"""Lists, single records, counts, deleted records (fact sheet §3.4)."""

from __future__ import annotations

from typing import Any

import pytest
from bridgework_zoho_sandbox import paging

from tests.contract.zoho.kit import ID, STAMP, Json, Like, Org, answers, error, fact

TOKEN = Like(r"[A-Za-z0-9_-]{40,}")


async def leads(org: Org, count: int) -> list[str]:
    """Insert Leads L0, L1, … and return their ids."""
    ids: list[str] = []
    for start in range(0, count, 100):
        rows = [{"Last_Name": f"L{n}"} for n in range(start, min(count, start + 100))]
        answer = await org.insert("Leads", *rows)
        ids += [item["details"]["id"] for item in answer.json["data"]]
    return ids


@fact("§3.4", "V7", "fields is mandatory: REQUIRED_PARAM_MISSING")
async def test_fields_is_mandatory(zoho: Org) -> None:
    """With its documented message."""
    (await zoho.get("/Contacts")).is_(
        400,
        error(
            "REQUIRED_PARAM_MISSING",
            "One of the expected parameter is missing",
            param_name="fields",
        ),
    )


@fact("§0.14", "V7", "fields takes at most 50 names: LIMIT_EXCEEDED")
async def test_fields_takes_fifty(zoho: Org) -> None:
    """51 names are refused."""
    (await zoho.get("/Contacts", fields=",".join(["id"] * 50))).is_(204, None)
    (await zoho.get("/Contacts", fields=",".join(["id"] * 51))).refused(
        400, "LIMIT_EXCEEDED", limit=50, param_name="fields"
    )


@fact("§3.4", "U", "the fields string may be capped at 1,024 characters (a setting)")
async def test_fields_length_is_a_setting(zoho: Org) -> None:
    """Not enforced by default."""
    long = ",".join(["Mailing_Country_and_more"] * 45)
    assert (await zoho.get("/Contacts", fields=long)).status == 204
    await zoho.set(fields_param_max_chars=1024)
    (await zoho.get("/Contacts", fields=long)).refused(
        400, "INVALID_DATA", param_name="fields", maximum_length=1024
    )


@fact("§3.4", "V7", "no rows: 204 with an empty body")
async def test_no_rows_is_204(zoho: Org) -> None:
    """No JSON to parse."""
    answer = await zoho.get("/Contacts", fields="id")
    assert (answer.status, answer.content) == (204, b"")


@fact("§3.4", "V7", "a page: only the asked fields and the id, newest first, with info")
async def test_list_shows_asked_fields(zoho: Org) -> None:
    """The whole body."""
    ids = await leads(zoho, 2)
    (await zoho.get("/Leads", fields="Last_Name")).is_(
        200,
        {
            "data": [{"Last_Name": "L1", "id": ids[1]}, {"Last_Name": "L0", "id": ids[0]}],
            "info": {
                "per_page": 200,
                "count": 2,
                "page": 1,
                "sort_by": "id",
                "sort_order": "desc",
                "more_records": False,
                "next_page_token": None,
                "previous_page_token": None,
                "page_token_expiry": None,
            },
        },
    )


@fact("§3.4", "V7", "ids are decimal strings of 17 to 19 digits")
async def test_ids_are_strings(zoho: Org) -> None:
    """Beyond 2**53, hence text."""
    record = await zoho.contact()
    assert record == ID
    assert int(record) > 2**53


@pytest.mark.parametrize(
    ("name", "value", "details"),
    [
        ("per_page", "201", {"maximum_length": 200}),
        ("per_page", "0", {"expected_data_type": "integer"}),
        ("per_page", "x", {"expected_data_type": "integer"}),
        ("page", "-1", {"expected_data_type": "integer"}),
        ("sort_by", "Phone", {"supported_values": ["id", "Created_Time", "Modified_Time"]}),
        ("sort_order", "up", {"supported_values": ["asc", "desc"]}),
        ("page_token", "made-up", {}),
    ],
)
@fact("§3.4", "V7", "paging parameters have limits and fixed values")
async def test_bad_paging_parameter(zoho: Org, name: str, value: str, details: Any) -> None:
    """INVALID_DATA names the parameter."""
    (await zoho.get("/Leads", fields="id", **{name: value})).refused(
        400, "INVALID_DATA", param_name=name, **details
    )


@fact("§3.4", "V7", "page and page_token together are ambiguous, so are cvid and sort_by")
async def test_ambiguous_parameters(zoho: Org) -> None:
    """AMBIGUITY_DURING_PROCESSING names both."""
    (await zoho.get("/Leads", fields="id", page="1", page_token="x")).refused(
        400,
        "AMBIGUITY_DURING_PROCESSING",
        ambiguity_due_to=[{"param_name": "page"}, {"param_name": "page_token"}],
    )
    (await zoho.get("/Leads", fields="id", cvid="1", sort_by="id")).refused(
        400,
        "AMBIGUITY_DURING_PROCESSING",
        ambiguity_due_to=[{"param_name": "cvid"}, {"param_name": "sort_by"}],
    )


@fact("§3.4", "V7", "beyond row 2,000 without token: DISCRETE_PAGINATION_LIMIT_EXCEEDED")
@answers("DISCRETE_PAGINATION_LIMIT_EXCEEDED")
async def test_pages_reach_row_two_thousand(zoho: Org) -> None:
    """Page 10 of 200 is the last."""
    assert (await zoho.get("/Leads", fields="id", page="10")).status == 204
    (await zoho.get("/Leads", fields="id", page="11")).refused(
        400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", limit=2000, param_name="page"
    )


@fact("§3.4", "V7", "page tokens walk the whole list, each row once")
async def test_page_tokens_walk_the_list(zoho: Org) -> None:
    """450 rows in three pages."""
    ids = await leads(zoho, 450)
    seen: list[str] = []
    params: dict[str, str] = {"fields": "id"}
    for expected in (200, 200, 50):
        answer = await zoho.get("/Leads", **params)
        info = answer.json["info"]
        assert info["count"] == expected
        seen += [row["id"] for row in answer.json["data"]]
        params["page_token"] = info["next_page_token"]
        if info["more_records"]:
            assert info["next_page_token"] == TOKEN
            assert info["page_token_expiry"] == STAMP
    assert params["page_token"] is None
    assert seen == ids[::-1]


@fact("§3.4", "V7", "a page token is bound to the other parameters: TOKEN_BOUND_DATA_MISMATCH")
@answers("TOKEN_BOUND_DATA_MISMATCH")
async def test_page_token_is_bound_to_parameters(zoho: Org) -> None:
    """One more field and it is dead."""
    await leads(zoho, 3)
    first = await zoho.get("/Leads", fields="id", per_page="2")
    token = first.json["info"]["next_page_token"]
    (await zoho.get("/Leads", fields="id,Last_Name", per_page="2", page_token=token)).refused(
        400, "TOKEN_BOUND_DATA_MISMATCH", param_name="page_token"
    )
    assert (await zoho.get("/Leads", fields="id", per_page="2", page_token=token)).status == 200


@fact("§3.4", "V7", "a page token is bound to its user")
async def test_page_token_is_bound_to_the_user(zoho: Org) -> None:
    """Another administrator cannot go on with it."""
    await leads(zoho, 3)
    first = await zoho.get("/Leads", fields="id", per_page="2")
    token = first.json["info"]["next_page_token"]
    made = (await zoho.admin("POST", "/credentials", {"user": "bo@example.com"})).json
    await zoho.sign_in(made["refresh_token"])
    (await zoho.get("/Leads", fields="id", per_page="2", page_token=token)).refused(
        400, "TOKEN_BOUND_DATA_MISMATCH", param_name="page_token"
    )


@fact("§3.4", "V7", "page tokens end at row 100,000: PAGINATION_LIMIT_EXCEEDED")
@answers("PAGINATION_LIMIT_EXCEEDED")
async def test_page_tokens_end(zoho: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown with row 4 in the place of row 100,000, the same code at work."""
    assert paging.TOKEN_ROWS_MAX == 100_000
    monkeypatch.setattr(paging, "TOKEN_ROWS_MAX", 4)
    await zoho.insert("Leads", *[{"Last_Name": "A"}] * 7)
    page = await zoho.get("/Leads", fields="id", per_page=2)
    query: Json = {"fields": "id", "per_page": 2}
    page = await zoho.get("/Leads", **query, page_token=page.json["info"]["next_page_token"])
    assert page.status == 200
    page = await zoho.get("/Leads", **query, page_token=page.json["info"]["next_page_token"])
    page.refused(400, "PAGINATION_LIMIT_EXCEEDED", limit=4, param_name="page_token")


@fact("§3.4", "V7", "a page token lives 24 h: EXPIRED_VALUE")
async def test_page_token_expires(zoho: Org) -> None:
    """A day and a bit later."""
    await leads(zoho, 3)
    first = await zoho.get("/Leads", fields="id", per_page="2")
    token = first.json["info"]["next_page_token"]
    await zoho.pass_time(24 * 3600 + 1)
    await zoho.sign_in()
    (await zoho.get("/Leads", fields="id", per_page="2", page_token=token)).refused(
        400, "EXPIRED_VALUE", param_name="page_token"
    )


@pytest.mark.parametrize("order", ["asc", "desc"])
@fact("§3.4", "V7", "sort_by id, Created_Time, Modified_Time in both orders")
async def test_sorting(zoho: Org, order: str) -> None:
    """A changed record moves by Modified_Time."""
    ids = await leads(zoho, 3)
    await zoho.pass_time(5)
    await zoho.put(f"/Leads/{ids[0]}", {"data": [{"City": "X"}]})
    expected = [ids[1], ids[2], ids[0]]
    answer = await zoho.get("/Leads", fields="id", sort_by="Modified_Time", sort_order=order)
    found = [row["id"] for row in answer.json["data"]]
    assert found == (expected if order == "asc" else expected[::-1])


@fact("§3.4", "V7", "ids picks up to 100 records")
async def test_ids_pick_records(zoho: Org) -> None:
    """101 ids are refused."""
    ids = await leads(zoho, 3)
    answer = await zoho.get("/Leads", fields="id", ids=f"{ids[0]},{ids[2]}")
    assert {row["id"] for row in answer.json["data"]} == {ids[0], ids[2]}
    (await zoho.get("/Leads", fields="id", ids=",".join(["1"] * 101))).refused(
        400, "LIMIT_EXCEEDED", limit=100, param_name="ids"
    )


@fact("§3.4", "V7", "If-Modified-Since: only newer rows, or 304")
async def test_if_modified_since(zoho: Org) -> None:
    """Strictly newer."""
    ids = await leads(zoho, 2)
    await zoho.pass_time(100)
    await zoho.put(f"/Leads/{ids[0]}", {"data": [{"City": "X"}]})
    changed = (await zoho.read("Leads", ids[0]))["Modified_Time"]
    created = (await zoho.read("Leads", ids[1]))["Modified_Time"]
    headers = {"If-Modified-Since": created}
    answer = await zoho.get("/Leads", fields="id", headers=headers)
    assert [row["id"] for row in answer.json["data"]] == [ids[0]]
    answer = await zoho.get("/Leads", fields="id", headers={"If-Modified-Since": changed})
    assert (answer.status, answer.content) == (304, b"")


@fact("§3.4", "V7", "rich text is cut at 500 characters in lists, whole in fetch_full_data")
async def test_rich_text_is_cut(zoho: Org) -> None:
    """Only rich text; plain text areas stay whole."""
    name = await zoho.new_field("Contacts", "Story", "textarea", textarea={"type": "rich_text"})
    text = "x" * 600
    record = await zoho.contact(**{name: text, "Description": text})
    row = (await zoho.get("/Contacts", fields=f"{name},Description")).first
    assert (len(row[name]), len(row["Description"])) == (500, 600)
    full = await zoho.get(f"/Contacts/{record}/actions/fetch_full_data")
    assert full.first[name] == text


@fact("§3.4", "V7", "subforms are absent in lists and present in a single read")
async def test_subforms_are_absent_in_lists(zoho: Org) -> None:
    """Both reads of one record."""
    made = await zoho.admin(
        "POST",
        "/subforms",
        {
            "module": "Contacts",
            "label": "Lines",
            "fields": [{"field_label": "Tooth", "data_type": "text"}],
        },
    )
    name = made.json["api_name"]
    record = await zoho.contact(**{name: [{"Tooth": "14"}]})
    assert name not in (await zoho.get("/Contacts", fields=f"Last_Name,{name}")).first
    rows = (await zoho.read("Contacts", record))[name]
    assert rows == [{"Tooth": "14", "id": ID}]


@fact("§3.4", "U", "an unknown id is 204 or 400 INVALID_DATA (a setting)")
async def test_unknown_id(zoho: Org) -> None:
    """Default 204."""
    path = "/Contacts/4000000000000000001"
    (await zoho.get(path)).is_(204, None)
    await zoho.set(unknown_id_on_get="400")
    (await zoho.get(path)).refused(400, "INVALID_DATA", resource_path_index=1)


@fact("§6.3", "V", "an id that is none: INVALID_DATA, resource_path_index 1")
async def test_malformed_id(zoho: Org) -> None:
    """Letters in the id."""
    (await zoho.get("/Contacts/abc")).is_(
        400,
        error("INVALID_DATA", "the id given seems to be invalid", resource_path_index=1),
    )


@fact("§3.4", "V7", "a single read takes optional fields")
async def test_single_read_with_fields(zoho: Org) -> None:
    """Only those and the id."""
    record = await zoho.contact(Title="x")
    answer = await zoho.get(f"/Contacts/{record}", fields="Title")
    answer.is_(200, {"data": [{"Title": "x", "id": record}]})


@fact("§3.4", "V7", "count of a module and of a criterion")
async def test_count(zoho: Org) -> None:
    """One number."""
    await leads(zoho, 12)
    (await zoho.get("/Leads/actions/count")).is_(200, {"count": 12})
    await zoho.pass_time(10)
    answer = await zoho.get("/Leads/actions/count", criteria="(Last_Name:starts_with:L1)")
    answer.is_(200, {"count": 3})


@fact("§3.4", "V7", "deleted records: id, name, type, people, time; 204 without any")
async def test_deleted_records(zoho: Org) -> None:
    """The whole body."""
    (await zoho.get("/Leads/deleted")).is_(204, None)
    [record] = await leads(zoho, 1)
    await zoho.delete("/Leads", ids=record)
    who = {"name": "Ada Admin", "id": ID}
    (await zoho.get("/Leads/deleted")).is_(
        200,
        {
            "data": [
                {
                    "id": record,
                    "display_name": "L0",
                    "type": "recycle",
                    "deleted_by": who,
                    "created_by": who,
                    "deleted_time": STAMP,
                }
            ],
            "info": {"per_page": 200, "count": 1, "page": 1, "more_records": False},
        },
    )
    assert (await zoho.get("/Leads/deleted", type="permanent")).status == 204
    (await zoho.get("/Leads/deleted", type="x")).refused(
        400,
        "INVALID_DATA",
        param_name="type",
        supported_values=["all", "recycle", "permanent"],
    )


@fact("§3.4", "V", "recycle-bin entries live 60 days, permanent ones 120")
async def test_deleted_records_age(zoho: Org) -> None:
    """Recycle, then permanent, then gone."""
    [record] = await leads(zoho, 1)
    await zoho.delete("/Leads", ids=record)
    await zoho.pass_time(61 * 86_400)
    await zoho.sign_in()
    assert (await zoho.get("/Leads/deleted")).first["type"] == "permanent"
    await zoho.pass_time(60 * 86_400)
    await zoho.sign_in()
    assert (await zoho.get("/Leads/deleted")).status == 204


@fact("§3.15", "V", "related lists read the records that point to a record")
async def test_related_records(zoho: Org) -> None:
    """Contacts of an Account."""
    account = await zoho.add("Accounts", Account_Name="Delta")
    mine = await zoho.contact(Account_Name={"id": account})
    await zoho.contact()
    answer = await zoho.get(f"/Accounts/{account}/Contacts", fields="Last_Name")
    assert answer.json["data"] == [{"Last_Name": "Okafor", "id": mine}]
    other = await zoho.add("Accounts", Account_Name="Empty")
    assert (await zoho.get(f"/Accounts/{other}/Contacts", fields="id")).status == 204
