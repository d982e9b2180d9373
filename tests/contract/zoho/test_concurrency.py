"""Calls in flight (fact sheet §2.3, §2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.zoho.kit import Json, Maker, Org, answers, error, fact

SLOW: Json = {"latency": {"mean_s": 0.6}}
"""Long enough that calls sent at once overlap on a busy machine too."""


async def statuses(org: Org, count: int, method: str, path: str, body: Any = None) -> list[int]:
    """Send calls at once and return their sorted statuses."""
    calls = (org.call(method, path, json=body) for _ in range(count))
    return sorted(answer.status for answer in await asyncio.gather(*calls))


@pytest.mark.parametrize(
    ("edition", "limit"),
    [("free", 5), ("standard", 10), ("professional", 15), ("enterprise", 20), ("ultimate", 25)],
)
@fact("§2.3", "V", "calls in flight per org and app: 5, 10, 15, 20, 25 by edition")
async def test_concurrency_limit_by_edition(make: Maker, edition: str, limit: int) -> None:
    """One more than the limit: exactly one 429."""
    org = await make(edition=edition)
    await org.fault("latency", **SLOW)
    assert await statuses(org, limit + 1, "GET", "/org") == [200] * limit + [429]


@fact("§2.4", "V", "too many calls in flight is 429 TOO_MANY_REQUESTS and costs nothing")
@answers("TOO_MANY_REQUESTS")
async def test_concurrency_429_costs_nothing(make: Maker) -> None:
    """Body and meter."""
    org = await make(settings={"concurrency_override": 1})
    await org.fault("latency", **SLOW)
    first, second = await asyncio.gather(org.get("/org"), org.get("/org"))
    refused = first if first.status == 429 else second
    refused.is_(429, error("TOO_MANY_REQUESTS"))
    assert await org.spent() == 1


@fact("§2.3", "V", "an upload is in flight from its first byte")
async def test_upload_is_in_flight_while_it_arrives(make: Maker) -> None:
    """A second call is refused while the body still trickles in."""
    org = await make(settings={"concurrency_override": 1})
    record = await org.contact()
    half_sent, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx'
        half_sent.set()
        await go_on.wait()
        yield b"y\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    path = f"/Contacts/{record}/Attachments"
    upload = asyncio.create_task(org.call("POST", path, content=body(), headers=headers))
    await half_sent.wait()
    for _ in range(200):
        if (await org.get("/org")).status == 429:
            break
        await asyncio.sleep(0.01)
    (await org.get("/org")).is_(429, error("TOO_MANY_REQUESTS"))
    go_on.set()
    assert (await upload).status == 200
    assert (await org.get("/org")).status == 200


@fact("§2.3", "V", "the limit is per app: another app has its own")
async def test_concurrency_is_per_app(make: Maker) -> None:
    """Two apps, each at its limit."""
    org = await make(settings={"concurrency_override": 1})
    await org.fault("latency", **SLOW)
    made = (
        await org.admin("POST", "/credentials", {"client_id": "1000.C", "client_secret": "s"})
    ).json
    form = {
        "grant_type": "refresh_token",
        "client_id": "1000.C",
        "client_secret": "s",
        "refresh_token": made["refresh_token"],
    }
    other = (await org.accounts(form)).json["access_token"]
    headers = {"Authorization": f"Zoho-oauthtoken {other}"}
    first, second = await asyncio.gather(org.get("/org"), org.get("/org", headers=headers))
    assert (first.status, second.status) == (200, 200)


def leads(count: int) -> Json:
    """Return an insert body."""
    return {"data": [{"Last_Name": "x"}] * count, "trigger": []}


HEAVY: list[Any] = [
    pytest.param("POST", "/Leads", leads(11), id="insert of 11"),
    pytest.param("POST", "/Leads/upsert", leads(11), id="upsert of 11"),
    pytest.param("PUT", "/Leads", leads(11), id="update of 11"),
    pytest.param("GET", "/Leads?fields=id&sort_by=id", None, id="list with sort_by"),
    pytest.param("GET", "/Leads?fields=id&cvid=1", None, id="list with cvid"),
    pytest.param(
        "POST", "/coql", {"select_query": "select id from Leads where id is not null"}, id="COQL"
    ),
]
LIGHT: list[Any] = [
    pytest.param("POST", "/Leads", leads(10), id="insert of 10"),
    pytest.param("PUT", "/Leads", leads(10), id="update of 10"),
    pytest.param("GET", "/Leads?fields=id", None, id="plain list"),
    pytest.param("GET", "/Leads/1", None, id="get one"),
    pytest.param("GET", "/Leads/search?word=ab", None, id="search by API"),
    pytest.param("POST", "/Notes", leads(11), id="notes of 11"),
]


@pytest.mark.parametrize(("method", "path", "body"), HEAVY)
@fact("§2.3", "V", "heavy calls share a sub-concurrency of 10 in every edition")
async def test_heavy_calls_share_ten_slots(make: Maker, method: str, path: str, body: Any) -> None:
    """The eleventh is refused though 25 calls may fly."""
    org = await make(edition="ultimate")
    await org.fault("latency", **SLOW)
    assert (await statuses(org, 11, method, path, body)).count(429) == 1


@pytest.mark.parametrize(("method", "path", "body"), LIGHT)
@fact("§2.3", "V", "light calls take no sub-concurrency")
async def test_light_calls_take_no_slot(make: Maker, method: str, path: str, body: Any) -> None:
    """Eleven at once are fine."""
    org = await make(edition="ultimate")
    await org.fault("latency", **SLOW)
    assert (await statuses(org, 11, method, path, body)).count(429) == 0


@fact("§2.3", "V7", "a composite call uses 5 concurrency units and 1 sub-concurrency unit")
async def test_composite_takes_five_units(make: Maker) -> None:
    """Twenty units are four composites."""
    org = await make()
    await org.fault("latency", **SLOW)
    sub = {"sub_request_id": "a", "method": "GET", "uri": "/crm/v8/org"}
    body = {"__composite_requests": [sub]}
    found = await statuses(org, 5, "POST", "/__composite_requests", body)
    assert found == [200] * 4 + [429]


@fact("§2.3", "V", "bulk-read results: ten downloads a minute, then 429")
async def test_eleventh_bulk_read_download_is_429(zoho: Org) -> None:
    """And again after the minute."""
    answer = await zoho.post(
        "/crm/bulk/v8/read", {"query": {"module": {"api_name": "Contacts"}, "fields": ["id"]}}
    )
    job = answer.json["data"][0]["details"]["id"]
    path = f"/crm/bulk/v8/read/{job}"
    for _ in range(200):
        if (await zoho.get(path)).json["data"][0]["state"] == "COMPLETED":
            break
        await asyncio.sleep(0.01)
    found = [(await zoho.get(f"{path}/result")).status for _ in range(11)]
    assert found == [200] * 10 + [429]
    await zoho.pass_time(61)
    assert (await zoho.get(f"{path}/result")).status == 200
