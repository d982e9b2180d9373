"""Who may do what: no key, an unknown key, a tenant's key, a key for all."""

import hashlib
from typing import Any

import pytest
from bridgework_contracts.deadletters import DeadLetter
from fastapi import FastAPI

from services.control.tests.conftest import BOOTSTRAP, LEAD, Api, World, job, tenant


def letter(letter_id: str = "dl_1") -> DeadLetter:
    """A dead letter."""
    return DeadLetter(
        dead_letter_id=letter_id,
        topic="bridgework.harbor.records.v1",
        partition=0,
        offset=7,
        key="1201",
        group="g",
        service="transformer",
        error_class="ContractViolation",
        code="undecodable_message",
        hint="Look at it.",
        attempts=1,
        value_b64="",
        at="2026-11-23T10:00:00+00:00",
    )


def operations(world: World) -> list[tuple[str, str]]:
    """Every method and path the API says it has."""
    assert isinstance(world.app.http, FastAPI)
    paths = world.app.http.openapi()["paths"]
    found = [(method.upper(), path) for path, item in paths.items() for method in item]
    assert len(found) > 20
    return found


BODIES: dict[str, Any] = {
    "/v1/tenants": tenant("other"),
    "/v1/api-keys": {"name": "k"},
    "/v1/jobs": job("harbor"),
    "/v1/jobs/{job_id}/mapping/confirm": LEAD,
    "/v1/jobs/{job_id}/gates/{gate}/approve": LEAD,
    "/v1/jobs/{job_id}/runs": {"kind": "rehearsal"},
    "/v1/jobs/{job_id}/quarantine/{item_id}/fix": {"value": "1", "by": "lead", "why": "asked"},
    "/v1/jobs/{job_id}/quarantine/{item_id}/accept": {"by": "lead", "why": "asked"},
    "/v1/jobs/{job_id}/quarantine/{item_id}/withdraw": {"by": "lead", "why": "asked"},
    "/v1/jobs/{job_id}/quarantine/release": {"by": "lead"},
    "/v1/tenants/{tenant_id}/dead-letters/{dead_letter_id}/replay": {"operator": "ops"},
}


async def ask(api: Api, method: str, path: str, **names: str) -> Any:
    """Ask one operation about named things, with a body that would be taken."""
    where = (
        path.format(**{"gate": "G1", "dead_letter_id": "dl_1", "item_id": "q_1", **names})
        if names
        else path
    )
    body = BODIES.get(path) if method == "POST" else None
    return await api.ask(method, where.removeprefix("/v1"), body)


@pytest.mark.parametrize("key", [None, "bw_nobody", "", BOOTSTRAP + "x", "schlüssel"])
async def test_every_operation_refuses_a_request_without_a_known_key(
    world: World, key: str | None
) -> None:
    """401 everywhere, before anything is looked at; the answer says how to ask."""
    names = {"tenant_id": "harbor", "job_id": "job_1", "run_id": "run_1"}
    for method, path in operations(world):
        api = Api(world.http, None if key is None else key.encode().decode("latin-1"))
        answer = await ask(api, method, path, **names)
        answer.problem(401, "unauthorised")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_another_scheme_is_not_a_key(world: World) -> None:
    """Basic credentials that would be right as a bearer token are not."""
    answer = await Api(world.http, None).ask("GET", "/jobs", Authorization=f"Basic {BOOTSTRAP}")
    answer.problem(401, "unauthorised")


async def test_a_tenants_key_finds_nothing_of_another_tenant(world: World) -> None:
    """404 for jobs, runs, tenants and dead letters that exist, as for those that do not."""
    mine, theirs = await world.tenant(), await world.tenant()
    job_id = await world.ready(theirs)
    run_id = await world.start(job_id)
    await world.bury(theirs, letter())
    names = {"tenant_id": theirs, "job_id": job_id, "run_id": run_id}
    nothing = {"tenant_id": "nobody", "job_id": "job_none", "run_id": "run_none"}
    api = await world.key_for(mine)
    before = await world.pool.fetch("select * from control.job_runs")
    about = [(method, path) for method, path in operations(world) if "_id}" in path]
    assert len(about) >= 18
    for method, path in about:
        (await ask(api, method, path, **names)).problem(404, "not_found")
        (await ask(api, method, path, **nothing)).problem(404, "not_found")
    assert await world.pool.fetch("select * from control.job_runs") == before


async def test_a_tenants_key_reaches_what_is_its_own_and_lists_nothing_else(world: World) -> None:
    """Tenants and jobs are filtered; the key for all sees both."""
    mine, theirs = await world.tenant(), await world.tenant()
    own, other = await world.job(mine), await world.job(theirs)
    api = await world.key_for(mine)
    assert [one["tenant_id"] for one in await api.get("/tenants")] == [mine]
    assert (await api.get(f"/tenants/{mine}"))["tenant_id"] == mine
    assert [one["job_id"] for one in (await api.get("/jobs"))["data"]] == [own]
    assert (await api.get(f"/jobs/{own}"))["tenant_id"] == mine
    assert {one["job_id"] for one in (await world.api.get("/jobs"))["data"]} == {own, other}
    everywhere = await world.key_for(None)
    assert {one["tenant_id"] for one in await everywhere.get("/tenants")} >= {mine, theirs}


async def test_a_tenants_key_cannot_register_tenants_nor_issue_keys(world: World) -> None:
    """403: it is known, and it is not allowed."""
    api = await world.key_for(await world.tenant())
    (await api.ask("POST", "/tenants", tenant("another"))).problem(403, "forbidden")
    (await api.ask("POST", "/api-keys", {"name": "k"})).problem(403, "forbidden")
    assert "another" not in {one["tenant_id"] for one in await world.api.get("/tenants")}


async def test_a_tenants_key_cannot_create_a_job_for_another_tenant(world: World) -> None:
    """The body names the tenant; the key decides."""
    api = await world.key_for(await world.tenant())
    theirs = await world.tenant()
    (await api.ask("POST", "/jobs", job(theirs))).problem(404, "not_found")
    assert (await world.api.get("/jobs"))["data"] == []


async def test_an_issued_key_is_shown_once_and_stored_as_its_hash_only(world: World) -> None:
    """Who reads the table cannot use what stands there."""
    answer = await world.api.post("/api-keys", {"name": "ops"})
    key = answer["api_key"]
    rows = await world.pool.fetch("select * from control.api_keys")
    assert [row["key_hash"] for row in rows] == [hashlib.sha256(key.encode()).hexdigest()]
    assert key not in repr(rows)
    assert len(key) > 40


async def test_a_key_is_not_issued_for_a_tenant_that_does_not_exist(world: World) -> None:
    """A typo would be a key that reaches nothing, or somebody else later."""
    answer = await world.api.ask("POST", "/api-keys", {"name": "k", "tenant_id": "nobody"})
    answer.problem(404, "not_found")


async def test_a_dead_letter_is_found_under_its_own_tenant_only(world: World) -> None:
    """Also for the key that reaches every tenant."""
    mine, theirs = await world.tenant(), await world.tenant()
    await world.bury(theirs, letter("dl_x"))
    assert (await world.api.get(f"/tenants/{theirs}/dead-letters/dl_x"))["code"]
    answer = await world.api.ask("GET", f"/tenants/{mine}/dead-letters/dl_x")
    answer.problem(404, "not_found")
