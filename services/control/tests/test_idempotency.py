"""Same ``Idempotency-Key``, same request: one effect, and the first answer again."""

import asyncio
from typing import Any

import pytest

from services.control.tests.conftest import LEAD, World, job, tenant


async def twice(world: World, path: str, body: Any = None) -> dict[str, Any]:
    """Send one request twice under one key; check the answers are the same; return one."""
    first = await world.api.ask("POST", path, body, Idempotency_Key="k-1")
    second = await world.api.ask("POST", path, body, Idempotency_Key="k-1")
    assert first.status in {201, 202}, first.body
    assert (first.status, first.body) == (second.status, second.body)
    assert first.headers["location"] == second.headers["location"]
    made: dict[str, Any] = first.body
    return made


async def test_a_tenant_registered_twice_under_one_key_is_registered_once(world: World) -> None:
    """Without the key the second would be a 409."""
    await twice(world, "/tenants", tenant("harbor"))
    assert len(await world.api.get("/tenants")) == 1
    (await world.api.ask("POST", "/tenants", tenant("harbor"))).problem(409, "tenant_exists")


async def test_a_job_created_twice_under_one_key_is_one_job_with_one_audit(world: World) -> None:
    """Without a key there are two."""
    tenant_id = await world.tenant()
    await twice(world, "/jobs", job(tenant_id))
    assert len((await world.api.get("/jobs"))["data"]) == 1
    assert len(await world.owed(tenant_id)) == 1
    await world.api.post("/jobs", job(tenant_id))
    await world.api.post("/jobs", job(tenant_id))
    assert len((await world.api.get("/jobs"))["data"]) == 3


async def test_a_run_and_its_undo_asked_for_twice_under_one_key_are_started_once(
    world: World,
) -> None:
    """The second answer is the first one's, although the job is busy by then."""
    job_id = await world.ready()
    run = await twice(world, f"/jobs/{job_id}/runs", {"kind": "rehearsal"})
    assert len(await world.api.get(f"/jobs/{job_id}/runs")) == 1
    assert len(await world.owed(await world.tenant_of(job_id))) == 2
    await world.api.post(f"/runs/{run['run_id']}/cancel")
    first = await world.api.ask("POST", f"/runs/{run['run_id']}/undo", Idempotency_Key="k-2")
    second = await world.api.ask("POST", f"/runs/{run['run_id']}/undo", Idempotency_Key="k-2")
    assert (first.status, first.body) == (202, second.body)
    assert len(await world.api.get(f"/jobs/{job_id}/runs")) == 2


async def test_a_key_that_came_with_another_request_is_refused(world: World) -> None:
    """Another body, another operation, another thing: 409 each time, and no effect."""
    tenant_id = await world.tenant()
    job_id, other = await world.ready(tenant_id), await world.ready(tenant_id)
    await world.api.post(f"/jobs/{job_id}/runs", {"kind": "rehearsal"}, Idempotency_Key="k")
    for path, body in (
        (f"/jobs/{job_id}/runs", {"kind": "full"}),
        (f"/jobs/{other}/runs", {"kind": "rehearsal"}),
        ("/jobs", job(tenant_id)),
        ("/tenants", tenant("another")),
    ):
        answer = await world.api.ask("POST", path, body, Idempotency_Key="k")
        answer.problem(409, "idempotency_key_reused")
    assert await world.api.get(f"/jobs/{other}/runs") == []


async def test_two_callers_do_not_meet_under_one_key(world: World) -> None:
    """A key belongs to who sent it."""
    one, other = await world.tenant(), await world.tenant()
    for tenant_id in (one, other):
        api = await world.key_for(tenant_id)
        made = await api.post("/jobs", job(tenant_id), Idempotency_Key="k")
        assert made["tenant_id"] == tenant_id


async def test_a_refused_request_is_not_remembered(world: World) -> None:
    """After the repair the same request under the same key has its effect."""
    job_id = await world.job()
    path, body = f"/jobs/{job_id}/runs", {"kind": "rehearsal"}
    answer = await world.api.ask("POST", path, body, Idempotency_Key="k")
    answer.problem(409, "job_busy")
    ready = await world.ready()
    await world.pool.execute("delete from control.jobs where job_id = $1", ready)
    await world.audited(job_id)
    answer = await world.api.ask("POST", path, body, Idempotency_Key="k")
    answer.problem(409, "gate_not_ready")
    await world.pool.execute(
        "update control.jobs set schema_plan = '{\"applied\": true}', fallback_user_id = '9',"
        ' owners = \'[{"provider_key": "1", "user_id": "2", "evidence": "email",'
        ' "review": false}]\''
    )
    await world.approve(job_id, "G1", "G2")
    await world.api.post(f"/jobs/{job_id}/mapping/confirm", LEAD)
    answer = await world.api.ask("POST", path, body, Idempotency_Key="k")
    assert answer.status == 202


@pytest.mark.parametrize("key", ["", " ", "two words", "k" * 256, "ü"])
async def test_a_malformed_key_is_refused_before_anything_happens(world: World, key: str) -> None:
    """422, and no tenant."""
    answer = await world.api.ask("POST", "/tenants", tenant("harbor"), Idempotency_Key=key)
    answer.problem(422, "invalid_request")
    assert await world.api.get("/tenants") == []


async def test_two_requests_under_one_key_at_the_same_moment_start_one_run(world: World) -> None:
    """The second is either the same answer or a 409, never a second run."""
    job_id = await world.ready()
    path, body = f"/jobs/{job_id}/runs", {"kind": "rehearsal"}
    answers = await asyncio.gather(
        *(world.api.ask("POST", path, body, Idempotency_Key="k") for _ in range(5))
    )
    assert len(await world.api.get(f"/jobs/{job_id}/runs")) == 1
    accepted = [answer.body for answer in answers if answer.status == 202]
    assert accepted
    assert all(body == accepted[0] for body in accepted)
    assert {answer.status for answer in answers} <= {202, 409}


async def test_two_requests_under_one_key_at_the_same_moment_create_one_job(world: World) -> None:
    """Nothing else would refuse the second job: only the claimed key does."""
    tenant_id = await world.tenant()
    answers = await asyncio.gather(
        *(world.api.ask("POST", "/jobs", job(tenant_id), Idempotency_Key="k") for _ in range(5))
    )
    assert len((await world.api.get("/jobs"))["data"]) == 1
    assert {answer.status for answer in answers} <= {202, 409}
    for answer in answers:
        if answer.status == 409:
            answer.problem(409, "request_under_way")
    again = await world.api.ask("POST", "/jobs", job(tenant_id), Idempotency_Key="k")
    assert again.body in [answer.body for answer in answers]


async def test_a_claim_whose_process_died_is_taken_over(world: World) -> None:
    """Not at once, but nobody waits for ever."""
    tenant_id = await world.tenant()
    body = job(tenant_id)
    made = await world.api.post("/jobs", body, Idempotency_Key="k")
    cut_off = "update control.idempotency set status = 0, created_at = clock_timestamp()"
    await world.pool.execute(cut_off)
    answer = await world.api.ask("POST", "/jobs", body, Idempotency_Key="k")
    answer.problem(409, "request_under_way")
    await world.pool.execute(f"{cut_off} - interval '6 minutes'")
    second = await world.api.post("/jobs", body, Idempotency_Key="k")
    assert second["job_id"] != made["job_id"]
