"""Daily allowance and price list (fact sheet §2.1, §2.2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.zoho.kit import Json, Maker, Org, answers, error, fact


@pytest.mark.parametrize(
    ("edition", "seats", "allowance"),
    [
        ("free", 3, 5_000),
        ("standard", 10, 52_500),
        ("standard", 1_000, 100_000),
        ("professional", 10, 55_000),
        ("enterprise", 10, 60_000),
        ("enterprise", 6_000, 5_000_000),
        ("ultimate", 10, 70_000),
        ("ultimate", 10_000, 20_050_000),
    ],
)
@fact("§2.1", "V", "the daily allowance follows edition and licences, up to a ceiling")
async def test_allowance_by_edition(make: Maker, edition: str, seats: int, allowance: int) -> None:
    """The formula of each edition."""
    org = await make(edition=edition, seats=seats)
    meter = (await org.admin("GET", "/meters")).json["credits"]
    assert meter["allowance"] == allowance


def contacts(count: int) -> Json:
    """Return an insert body."""
    return {"data": [{"Last_Name": f"L{n}"} for n in range(count)], "trigger": []}


@pytest.mark.parametrize(
    ("records", "price"), [(1, 1), (10, 1), (11, 2), (20, 2), (21, 3), (99, 10), (100, 10)]
)
@fact("§2.2", "V", "insert costs one credit per started ten records")
async def test_insert_costs_by_ten(zoho: Org, records: int, price: int) -> None:
    """1 to 10 credits a call."""
    assert await zoho.cost_of(zoho.post("/Contacts", contacts(records))) == price


@pytest.mark.parametrize(("records", "price"), [(10, 1), (11, 2), (100, 10)])
@fact("§2.2", "V", "upsert costs one credit per started ten records")
async def test_upsert_costs_by_ten(zoho: Org, records: int, price: int) -> None:
    """1 to 10 credits a call."""
    assert await zoho.cost_of(zoho.post("/Contacts/upsert", contacts(records))) == price


@fact("§2.2", "V", "update costs one credit per started ten records")
async def test_update_costs_by_ten(zoho: Org) -> None:
    """Eleven records are two credits."""
    ids = [item["details"]["id"] for item in (await zoho.post("/Leads", contacts(11))).json["data"]]
    body = {"data": [{"id": record, "City": "X"} for record in ids], "trigger": []}
    assert await zoho.cost_of(zoho.put("/Leads", body)) == 2


CALLS: list[Any] = [
    pytest.param("V", "list", "GET", "/Contacts?fields=id", None, 1, id="list 1"),
    pytest.param("V", "list", "GET", "/Contacts?fields=id&cvid=1", None, 3, id="list with cvid 3"),
    pytest.param("V", "get", "GET", "/Contacts/1", None, 1, id="get one 1"),
    pytest.param("U", "search", "GET", "/Contacts/search?word=ab", None, 1, id="search 1"),
    pytest.param("V7", "deleted", "GET", "/Contacts/deleted", None, 2, id="deleted list 2"),
    pytest.param("U", "delete", "DELETE", "/Contacts?ids=1,2,3", None, 1, id="delete 1 per call"),
    pytest.param("V7", "attachments", "GET", "/Contacts/1/Attachments", None, 1, id="attachments"),
    pytest.param("V", "org", "GET", "/org", None, 1, id="org 1"),
    pytest.param("V", "users", "GET", "/users", None, 1, id="users 1"),
    pytest.param("V", "count", "GET", "/Contacts/actions/count", None, 1, id="count 1"),
    pytest.param("V7", "apis", "GET", "/__apis", None, 1, id="apis 1"),
    pytest.param("V", "modules", "GET", "/settings/modules", None, 1, id="modules 1"),
    pytest.param("V", "bulk write", "POST", "/crm/bulk/v8/write", {}, 500, id="bulk write 500"),
    pytest.param("V", "bulk read", "POST", "/crm/bulk/v8/read", {}, 50, id="bulk read 50"),
    pytest.param("V", "module", "POST", "/settings/modules", {}, 500, id="custom module 500"),
    pytest.param(
        "S",
        "mass delete",
        "POST",
        "/Contacts/actions/mass_delete",
        {"ids": ["1"] * 101},
        2,
        id="mass delete 1 per 100",
    ),
    pytest.param(
        "V",
        "fields",
        "POST",
        "/settings/fields?module=Contacts",
        {"fields": [{"field_label": f"F{n}", "data_type": "text"} for n in range(3)]},
        30,
        id="custom field 10 each",
    ),
    pytest.param(
        "U",
        "notes",
        "POST",
        "/Notes",
        {"data": [{"Note_Content": "x"}] * 21},
        3,
        id="notes by ten",
    ),
    pytest.param("V7", "composite", "POST", "/__composite_requests", {}, 1, id="composite 1"),
]


@pytest.mark.parametrize(("mark", "name", "method", "path", "body", "price"), CALLS)
@fact("§2.2", "V/U", "the price list")
async def test_price(
    zoho: Org, mark: str, name: str, method: str, path: str, body: Any, price: int
) -> None:
    """Each call's price, whatever its answer."""
    assert await zoho.cost_of(zoho.call(method, path, json=body)) == price


@pytest.mark.parametrize(
    ("limit", "price"), [(1, 1), (200, 1), (201, 2), (1000, 2), (1001, 3), (2000, 3)]
)
@fact("§2.2", "V", "COQL costs 1, 2 or 3 by its limit")
async def test_coql_costs_by_limit(zoho: Org, limit: int, price: int) -> None:
    """The bands of LIM."""
    query = f"select id from Contacts where id is not null limit {limit}"
    assert await zoho.cost_of(zoho.coql(query)) == price


@fact("§2.2", "V7", "composite with rollback costs 2 when all succeed and 1 when rolled back")
async def test_composite_with_rollback_costs_by_outcome(zoho: Org) -> None:
    """Both outcomes."""

    def body(name: str) -> Json:
        sub = {
            "sub_request_id": "a",
            "method": "POST",
            "uri": "/crm/v8/Leads",
            "body": {"data": [{"Last_Name": name} if name else {}]},
        }
        return {"rollback_on_fail": True, "__composite_requests": [sub]}

    assert await zoho.cost_of(zoho.post("/__composite_requests", body("x"))) == 2
    assert await zoho.cost_of(zoho.post("/__composite_requests", body(""))) == 1


@fact("§0.17", "V", "each attachment is a call of its own and costs one credit")
async def test_attachments_cost_one_each(zoho: Org) -> None:
    """The file count is a floor for credits."""
    record = await zoho.contact()
    assert await zoho.cost_of(zoho.attach(record, b"x" * 10_000)) == 1


@fact("§2.2", "V", "tags cost one credit per started 50 records")
async def test_tags_cost_by_fifty(zoho: Org) -> None:
    """51 ids are two."""
    body = {"tags": [{"name": "x"}], "ids": ["1"] * 51}
    assert await zoho.cost_of(zoho.post("/Contacts/actions/add_tags", body)) == 2


@fact("§2.2", "U", "bulk uploads cost 1 or 0 (a setting)")
async def test_upload_price_is_a_setting(zoho: Org) -> None:
    """Whatever the upload's answer."""

    async def upload() -> None:
        await zoho.call("POST", "/crm/v8/upload", files={"file": ("a.zip", b"x")})

    assert await zoho.cost_of(upload()) == 1
    await zoho.set(upload_credits=0)
    assert await zoho.cost_of(upload()) == 0


@fact("§0.10", "V", "there is no requests-per-minute limit")
async def test_no_limit_per_minute(zoho: Org) -> None:
    """Two hundred calls in a row."""
    assert {(await zoho.get("/org")).status for _ in range(200)} == {200}


@fact("§2.2", "U", "search costs 1 or 3, a setting")
async def test_search_price_is_a_setting(make: Maker) -> None:
    """Three credits where somebody measured three."""
    org = await make(settings={"search_credits": 3})
    assert await org.cost_of(org.get("/Contacts/search", word="ab")) == 3


@fact("§2.2", "U", "delete costs 1 per call or 1 per record, a setting")
async def test_delete_price_is_a_setting(make: Maker) -> None:
    """One credit per id."""
    org = await make(settings={"delete_credit_per_record": True})
    assert await org.cost_of(org.delete("/Contacts", ids="1,2,3")) == 3


@fact("§2.1", "V", "each credit returns 24 h after it was spent, with no midnight reset")
async def test_credits_return_a_day_later(zoho: Org) -> None:
    """Two spends, an hour apart, come back an hour apart."""
    await zoho.admin("POST", "/clock/freeze", {})
    await zoho.get("/org")
    await zoho.pass_time(3600)
    await zoho.sign_in()
    await zoho.get("/org")
    await zoho.get("/org")
    assert await zoho.spent() == 3
    await zoho.pass_time(23 * 3600 - 1)
    assert await zoho.spent() == 3
    await zoho.pass_time(1)
    assert await zoho.spent() == 2
    await zoho.pass_time(3600)
    assert await zoho.spent() == 0


@fact("§2.1", "V", "the window belongs to the org: every app spends from it")
async def test_apps_share_the_window(zoho: Org) -> None:
    """A second app's call is on the same meter."""
    made = (
        await zoho.admin("POST", "/credentials", {"client_id": "1000.B", "client_secret": "s"})
    ).json
    answer = await zoho.accounts(
        {
            "grant_type": "refresh_token",
            "client_id": "1000.B",
            "client_secret": "s",
            "refresh_token": made["refresh_token"],
        }
    )
    await zoho.get("/org")
    zoho.token = answer.json["access_token"]
    await zoho.get("/org")
    assert await zoho.spent() == 2


@fact("§2.1", "V", "X-API-CREDITS-REMAINING appears once half of the allowance is used")
async def test_header_appears_at_half(make: Maker) -> None:
    """Absent below 50 %, exact from there on."""
    org = await make(settings={"credits_override": 4})
    assert "x-api-credits-remaining" not in (await org.get("/org")).headers
    assert (await org.get("/org")).headers["x-api-credits-remaining"] == "2"
    assert (await org.get("/org")).headers["x-api-credits-remaining"] == "1"


@fact("§2.1", "V", "the 50 % are of the plan's allowance, add-ons not counted")
async def test_header_ignores_add_ons(make: Maker) -> None:
    """Half of four is two, though six may be spent."""
    org = await make(settings={"credits_override": 4, "credits_add_on": 2})
    assert "x-api-credits-remaining" not in (await org.get("/org")).headers
    assert (await org.get("/org")).headers["x-api-credits-remaining"] == "4"


@fact("§2.1", "V", "out of credits is 429 TOO_MANY_REQUESTS until the oldest spend ages out")
async def test_out_of_credits_is_429(make: Maker) -> None:
    """And free again a day after."""
    org = await make(settings={"credits_override": 2})
    await org.get("/org")
    await org.get("/org")
    answer = await org.get("/org")
    answer.is_(429, error("TOO_MANY_REQUESTS"))
    assert "retry-after" not in answer.headers
    assert await org.spent() == 2
    await org.pass_time(24 * 3600)
    await org.sign_in()
    assert (await org.get("/org")).status == 200


@fact("§2.1", "V", "a call that costs more than what is left is refused whole")
async def test_call_over_the_rest_is_refused(make: Maker) -> None:
    """Nothing of it happens."""
    org = await make(settings={"credits_override": 5})
    (await org.post("/Leads", contacts(100))).is_(429, error("TOO_MANY_REQUESTS"))
    assert await org.count("Leads") == 0


@fact("§2.1", "V", "calls in flight together never overspend")
async def test_calls_in_flight_do_not_overspend(make: Maker) -> None:
    """Five at once, credits for three."""
    org = await make(settings={"credits_override": 3})
    await org.fault("latency", latency={"mean_s": 0.05})
    found = sorted(
        answer.status for answer in await asyncio.gather(*(org.get("/org") for _ in range(5)))
    )
    assert found == [200, 200, 200, 429, 429]
    assert await org.spent() == 3


@fact("§2.4", "U", "Retry-After is not documented; a setting sends it")
async def test_retry_after_is_a_setting(make: Maker) -> None:
    """A client that honours it can be tested."""
    org = await make(settings={"credits_override": 0, "retry_after_s": 7})
    assert (await org.get("/org")).headers["retry-after"] == "7"


@fact("§2.4", "V", "429 may carry RATE_LIMIT_EXCEEDED instead (a setting)")
@answers("RATE_LIMIT_EXCEEDED")
async def test_limit_code_is_a_setting(make: Maker) -> None:
    """The newer OAS name."""
    org = await make(settings={"credits_override": 0, "limit_code": "RATE_LIMIT_EXCEEDED"})
    (await org.get("/org")).is_(429, error("RATE_LIMIT_EXCEEDED"))


@fact("§2.1", "U", "refused calls (4xx) are charged, a setting; 401 and 429 never")
@answers("INVALID_TOKEN")
async def test_refused_calls_are_charged(zoho: Org) -> None:
    """By default yes."""
    assert await zoho.cost_of(zoho.get("/Nope", fields="id")) == 1
    await zoho.set(charge_client_errors=False)
    assert await zoho.cost_of(zoho.get("/Nope", fields="id")) == 0
    zoho.token = "dead"
    assert await zoho.cost_of(zoho.get("/org")) == 0


@fact("§2.2", "V7", "GET /__apis tells min and max credits per path and method")
async def test_apis_tells_prices(zoho: Org) -> None:
    """The sample of the docs: upsert 1 to 10."""
    apis = (await zoho.get("/__apis")).json["__apis"]
    upsert = next(item for item in apis if item["path"] == "/crm/v8/{module}/upsert")
    assert upsert == {
        "path": "/crm/v8/{module}/upsert",
        "operation_types": [
            {
                "method": "POST",
                "oauth_scope": "ZohoCRM.modules.{module}.CREATE,ZohoCRM.modules.{module}.UPDATE",
                "min_credits": 1,
                "max_credits": 10,
            }
        ],
    }


@fact("§2.2", "V7", "GET /__apis takes one equals filter")
async def test_apis_takes_a_filter(zoho: Org) -> None:
    """By method; anything else is refused."""
    text = '{"field":{"api_name":"operation_types.method"},"comparator":"equal","value":"PATCH"}'
    apis = (await zoho.get("/__apis", filters=text)).json["__apis"]
    assert {kind["method"] for item in apis for kind in item["operation_types"]} == {"PATCH"}
    assert (await zoho.get("/__apis", filters="{}")).status == 400
