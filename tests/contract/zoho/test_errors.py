"""Statuses, codes and faults (fact sheet §6, §8)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.zoho.kit import ADDED, Json, Maker, Org, answers, error, fact, invalid


@fact("§6.3", "V", "an unknown URL: 404 INVALID_URL_PATTERN, token or not")
@answers("INVALID_URL_PATTERN")
async def test_unknown_url(zoho: Org) -> None:
    """The documented message."""
    refusal = error(
        "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"
    )
    (await zoho.get("/Contacts/1/2/3/4/5")).is_(404, refusal)
    (await zoho.get("/crm/v8")).is_(404, refusal)
    zoho.token = "dead"
    (await zoho.get("/Contacts/1/2/3/4/5")).is_(404, refusal)


@fact("§6.3", "V", "a wrong method: 400 INVALID_REQUEST_METHOD")
@answers("INVALID_REQUEST_METHOD")
async def test_wrong_method(zoho: Org) -> None:
    """The documented message."""
    (await zoho.call("PATCH", "/Contacts")).is_(
        400,
        error("INVALID_REQUEST_METHOD", "The http request method type is not a valid one"),
    )


@pytest.mark.parametrize("version", ["v7", "v2.1", "v99"])
@fact("§6.3", "V", "another API version: API_NOT_SUPPORTED with supported_version")
@answers("API_NOT_SUPPORTED")
async def test_other_version(zoho: Org, version: str) -> None:
    """Only v8 lives here."""
    (await zoho.get(f"/crm/{version}/Contacts")).is_(
        400,
        error("API_NOT_SUPPORTED", "api not supported in this version", supported_version=8),
    )


@fact("§1.1", "V", "a host that is no Zoho API: 400 INVALID_HOST (a setting names the right ones)")
@answers("INVALID_HOST")
async def test_wrong_host(zoho: Org) -> None:
    """Any host is right unless some are named."""
    await zoho.set(api_hosts=["www.zohoapis.com"])
    (await zoho.get("/org")).refused(400, "INVALID_HOST")
    answer = await zoho.get("/org", headers={"Host": "www.zohoapis.com"})
    assert answer.status == 200


@fact("§1.1", "S", "a token of another data centre is unknown here: 401 INVALID_TOKEN")
async def test_token_of_another_data_centre(zoho: Org) -> None:
    """It was never minted here."""
    zoho.token = "1000.somewhere-else"
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")


@fact("§6.1", "V", "a scripted element failure stands at its place")
async def test_scripted_partial_failure(zoho: Org) -> None:
    """207; the element has the given code, the record is not written."""
    await zoho.fault("partial", elements=[1], code="CANNOT_PERFORM_ACTION", message="no", times=1)
    rows = [{"Last_Name": "A"}, {"Last_Name": "B"}]
    answer = await zoho.insert("Leads", *rows)
    answer.is_(207, {"data": [ADDED, error("CANNOT_PERFORM_ACTION", "no")]})
    assert await zoho.count("Leads") == 1
    assert (await zoho.insert("Leads", *rows)).status == 201


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [500, 502])
@fact("§0.13", "V", "a 5xx says nothing about the write: it may have happened")
async def test_5xx_before_and_after_commit(zoho: Org, when: str, written: int, status: int) -> None:
    """INTERNAL_ERROR, and the record is there or not."""
    await zoho.fault("error", when=when, status=status, times=1)
    (await zoho.insert("Leads", {"Last_Name": "A"})).is_(
        status, error("INTERNAL_ERROR", "Internal Server Error")
    )
    assert await zoho.count("Leads") == written


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
@fact("§8.1", "V", "a dropped connection: no answer, the write may have happened")
async def test_dropped_connection(zoho: Org, when: str, written: int) -> None:
    """The client sees a broken connection."""
    await zoho.fault("drop", when=when, times=1)
    with pytest.raises(httpx.TransportError):
        await zoho.insert("Leads", {"Last_Name": "A"})
    assert await zoho.count("Leads") == written


@fact("§0.13", "V", "there is no idempotency key: the same POST twice adds twice")
async def test_same_post_twice_adds_twice(zoho: Org) -> None:
    """Whatever header is sent."""
    body = {"data": [{"Subject": "Recall"}], "trigger": []}
    for _ in range(2):
        await zoho.post("/Tasks", body, Idempotency_Key="one")
    assert await zoho.count("Tasks") == 2


@fact("§6.2", "S", "HTML from the edge instead of JSON")
async def test_html_from_the_edge(zoho: Org) -> None:
    """Content type and body."""
    await zoho.fault("html", status=503, times=1)
    answer = await zoho.get("/org")
    assert answer.status == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.content.startswith(b"<!DOCTYPE html>")


@fact("§8.15", "S", "tokens die sporadically: 401 INVALID_TOKEN until refreshed")
async def test_tokens_die(zoho: Org) -> None:
    """Every access token of the org."""
    await zoho.fault("expire_tokens", times=1)
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")
    await zoho.sign_in()
    assert (await zoho.get("/org")).status == 200


@fact("§2.4", "V", "bursts of 429")
async def test_429_burst(zoho: Org) -> None:
    """Three in a row, then calm."""
    await zoho.fault("too_many", times=3)
    assert [(await zoho.get("/org")).status for _ in range(4)] == [429, 429, 429, 200]


@fact("§9", "SIM", "a stall of 20 minutes on the virtual clock")
async def test_stall(zoho: Org) -> None:
    """Ends at once when virtual time passes."""
    await zoho.fault("stall", seconds=1200, times=1)
    call = asyncio.create_task(zoho.get("/org"))
    await asyncio.sleep(0.1)
    assert not call.done()
    await zoho.pass_time(1201)
    assert (await call).status == 200


@fact("§9", "SIM", "a slow body trickles at the given pace")
async def test_slow_body(zoho: Org) -> None:
    """All of it arrives."""
    await zoho.fault("slow_body", bytes_per_second=20_000)
    answer = await zoho.get("/org")
    assert answer.json["org"][0]["zgid"] == zoho.org_id


@pytest.mark.parametrize("distribution", ["fixed", "uniform", "exponential", "lognormal"])
@fact("§9", "SIM", "latency by distribution")
async def test_latency(zoho: Org, distribution: str) -> None:
    """The log knows how long it took."""
    latency = {"distribution": distribution, "mean_s": 0.02, "spread_s": 0.01}
    await zoho.fault("latency", latency=latency)
    assert (await zoho.get("/org")).status == 200
    assert (await zoho.requests())[-1]["faults"] == ["latency"]


@fact("§9", "SIM", "faults are seeded: the same seed strikes the same calls")
async def test_faults_are_seeded(make: Maker) -> None:
    """Two orgs, one seed."""
    found = []
    for _ in range(2):
        org = await make()
        await org.fault("error", probability=0.5, seed=11)
        found.append([(await org.get("/org")).status for _ in range(20)])
    assert found[0] == found[1]
    assert {200, 500} == set(found[0])


@fact("§9", "SIM", "faults are aimed: method, path, operation, module, skip, times")
async def test_faults_are_aimed(zoho: Org) -> None:
    """Only the second insert into Leads."""
    await zoho.fault(
        "error", method="POST", path="/Leads$", operation="records.insert", skip=1, times=1
    )
    found = [(await zoho.insert("Leads", {"Last_Name": "A"})).status for _ in range(3)]
    assert found == [201, 500, 201]
    assert (await zoho.insert("Tasks", {"Subject": "A"})).status == 201
    [fault] = (await zoho.admin("GET", "/faults")).json["faults"]
    assert (fault["seen"], fault["fired"]) == (3, 1)
    await zoho.admin("DELETE", f"/faults/{fault['id']}")
    assert (await zoho.admin("GET", "/faults")).json == {"faults": []}


@fact("§8.2", "V", "one bad value rejects the record, not the field")
async def test_one_bad_value_rejects_the_record(zoho: Org) -> None:
    """The n8n story: the body says which field and type."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Phone": "none / unknown"})
    answer.is_(400, {"data": [invalid("Phone", "$.data[0].Phone", expected_data_type="phone")]})
    assert await zoho.count("Contacts") == 0


@fact("§9", "SIM", "the request log has path, credits, weight, trigger and status, no values")
async def test_request_log(zoho: Org) -> None:
    """One entry per call."""
    rows = [{"Last_Name": "Very Secret"}] * 11
    await zoho.insert("Leads", *rows)
    [entry] = await zoho.requests()
    wanted: Json = {
        "method": "POST",
        "path": "/crm/v8/Leads",
        "operation": "records.insert",
        "module": "Leads",
        "status": 201,
        "credits": 2,
        "heavy": True,
        "elements": 11,
        "trigger_given": True,
        "trigger": [],
        "skip_features": None,
    }
    assert {key: entry[key] for key in wanted} == wanted
    assert "Secret" not in json.dumps(entry)


@fact("§9", "SIM", "a person's edit: same validation, fires automations, no credits")
async def test_person_edits(zoho: Org) -> None:
    """Create, change, delete as a user."""
    edit: Json = {"action": "create", "module": "Contacts", "user": "cy@example.com"}
    made = await zoho.admin("POST", "/edits", {**edit, "data": {"Last_Name": "Walk-in"}})
    record = made.json["id"]
    assert (await zoho.read("Contacts", record))["Created_By"]["name"] == "Cy Desk"
    refused = await zoho.admin("POST", "/edits", {**edit, "data": {}})
    assert (refused.status, refused.json["code"]) == (400, "MANDATORY_NOT_FOUND")
    edit["id"] = record
    changed: Json = {**edit, "action": "update", "data": {"Title": "Dr"}}
    assert (await zoho.admin("POST", "/edits", changed)).status == 201
    assert (await zoho.admin("POST", "/edits", {**edit, "action": "delete"})).status == 201
    assert await zoho.count("Contacts") == 0
    assert {entry["source"] for entry in await zoho.fired()} == {"person"}
    assert len(await zoho.requests()) == 2  # the two reads; edits are no API calls


@fact("§9", "SIM", "fingerprints: equal after an undo, different after a change, free of order")
async def test_fingerprints(make: Maker) -> None:
    """Within one org by id, between two orgs without ids."""
    one, two = await make(), await make()

    async def mark(org: Org, query: str = "") -> Any:
        return (await org.admin("GET", f"/fingerprint{query}")).json["Contacts"]

    before = await mark(one)
    record = await one.contact(Title="Dr")
    with_record = await mark(one)
    assert with_record["count"] == 1
    assert with_record["hash"] != before["hash"]
    await one.put(f"/Contacts/{record}", {"data": [{"Title": "Mr"}]})
    assert (await mark(one))["hash"] != with_record["hash"]
    await one.put(f"/Contacts/{record}", {"data": [{"Title": "Dr"}]})
    assert await mark(one) == with_record
    await two.contact(Last_Name="Novak")
    await one.contact(Last_Name="Novak")
    await two.contact(Title="Dr")
    assert (await mark(one))["hash"] != (await mark(two))["hash"]
    assert await mark(one, "?ids=false") == await mark(two, "?ids=false")


@fact("§9", "SIM", "state survives a restart when a data folder is given")
async def test_state_survives_a_restart(tmp_path: Path) -> None:
    """Records, files, tokens, page tokens, credits, ids."""
    from bridgework_zoho_sandbox.server import serve
    from bridgework_zoho_sandbox.settings import Settings

    settings = Settings(port=0, data=tmp_path)
    async with serve(settings) as (_, url), httpx.AsyncClient(base_url=url) as http:
        org = await Maker(http)()
        record = await org.contact()
        made = await org.attach(record, b"content")
        await org.contact()
        page = await org.get("/Contacts", fields="id", per_page=1)
        before = (await org.admin("GET", "/fingerprint")).json
        spent = await org.spent()
    async with serve(settings) as (_, url), httpx.AsyncClient(base_url=url) as http:
        org.http = http
        assert (await org.admin("GET", "/fingerprint")).json == before
        assert await org.spent() == spent
        token = page.json["info"]["next_page_token"]
        page = await org.get("/Contacts", fields="id", per_page=1, page_token=token)
        assert page.first["id"] == record
        answer = await org.get(f"/Contacts/{record}/Attachments/{made.id}")
        assert answer.content == b"content"
        assert int(await org.contact()) > int(made.id)


@fact("§9", "SIM", "several orgs live in one process, apart from each other")
async def test_orgs_are_apart(make: Maker) -> None:
    """A token reaches its own org only."""
    one, two = await make(), await make()
    record = await one.contact()
    assert (await two.get(f"/Contacts/{record}")).status == 204
    assert await two.count("Contacts") == 0
