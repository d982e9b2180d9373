"""Errors: always a problem, never a value that was sent, never a trace."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    MappingError,
    RecordRejected,
    StoreUnavailable,
)
from bridgework_control.http.problems import STATUS_BY_CODE, TITLES, ApiError
from bridgework_store.errors import StoreDefect
from bridgework_testkit.fault_proxy import FaultProxy

from services.control.tests.conftest import LEAD, World, job, opened, settings_for, tenant

SECRET = "Ottoline-Quimby"


def no_value(body: Any) -> None:
    """Check that what was sent does not come back."""
    assert "Ottoline" not in repr(body)
    assert "Quimby" not in repr(body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tenants", tenant("harbor") | {"partitions": SECRET}),
        ("/tenants", tenant("harbor") | {"tenant_id": SECRET}),
        ("/tenants", tenant("harbor", client_secret=[SECRET])),
        ("/tenants", tenant("harbor", accounts_url=SECRET)),
        ("/tenants", tenant("harbor") | {"time_zone": SECRET}),
        ("/tenants", [SECRET]),
        ("/tenants", SECRET),
        ("/jobs", job("harbor") | {"appointment_unit_min": SECRET}),
        ("/jobs", job("harbor") | {"dialect_pins": {"a": [SECRET]}}),
        ("/jobs", job("harbor") | {"name": SECRET + "\x00"}),
        ("/jobs/{job}/mapping/confirm", LEAD | {"merges": {"1": [SECRET]}}),
        ("/jobs/{job}/mapping/confirm", LEAD | {"referral_values": SECRET}),
        ("/jobs/{job}/gates/G1/approve", {"approver": [SECRET]}),
        ("/jobs/{job}/runs", {"kind": SECRET}),
        ("/jobs/{job}/runs", {"kind": "undo", "undo_of": SECRET}),
        ("/tenants/harbor/dead-letters/dl_1/replay", {"operator": [SECRET]}),
    ],
)
async def test_a_malformed_request_is_told_where_and_why_and_not_what(
    world: World, path: str, body: Any
) -> None:
    """A field's place and the rule it breaks; never the input."""
    where = path.format(job=await world.ready() if "{job}" in path else "")
    answer = await world.api.ask("POST", where, body)
    no_value(answer.problem(422, "invalid_request"))


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", SECRET.encode(), b'{"a": Ottoline}', b""])
async def test_a_body_that_is_no_json_is_malformed(world: World, raw: bytes) -> None:
    """422, also for what is no text at all."""
    answer = await world.http.post(
        "/v1/jobs",
        content=raw,
        headers={
            "Authorization": f"Bearer {world.settings.bootstrap_api_key.get_secret_value()}",
            "Content-Type": "application/json",
        },
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    no_value(answer.text)


async def test_an_invalid_mapping_is_told_by_its_path(world: World) -> None:
    """Where in the document; the document itself does not come back."""
    document = {
        "language": 1,
        "name": "n",
        "profile": "p",
        "objects": [{"object": "patient", "kind": SECRET}],
    }
    answer = await world.api.ask("POST", "/jobs", job(await world.tenant(), mapping=document))
    told = answer.problem(422, "mapping_invalid")
    assert "objects" in told["detail"]
    no_value(told)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailable("PostgreSQL does not answer."), 503),
        (MappingError("The mapping is wrong."), 422),
        (ConfigurationError("No."), 409),
        (RecordRejected("No."), 409),
        (ApiError("No.", code="forbidden"), 403),
        (ApiError("No.", code="never heard of"), 400),
        (RuntimeError(SECRET), 500),
        (KeyError(SECRET), 500),
        (StoreDefect("PostgreSQL can never execute this statement."), 500),
    ],
)
async def test_every_error_of_an_operation_becomes_a_problem(
    world: World, error: Exception, status: int
) -> None:
    """Ours by their class; a defect as 500 without its text."""

    async def fail(_job_id: str) -> dict[str, Any]:
        raise error

    setattr(world.control, "job", fail)  # noqa: B010  # mypy lets no method be replaced
    answer = await world.api.ask("GET", "/jobs/job_1")
    code = error.code if isinstance(error, BridgeworkError) else "unexpected"
    no_value(answer.problem(status, code))


def test_every_status_has_a_title() -> None:
    """No problem is called just Error."""
    assert set(STATUS_BY_CODE.values()) <= set(TITLES)


@pytest.fixture
async def cut(prepared: str, tmp_path: Path) -> AsyncIterator[tuple[World, FaultProxy]]:
    """A control that reaches PostgreSQL through a proxy."""
    server = urlsplit(prepared)
    assert server.hostname is not None
    async with FaultProxy(server.hostname, server.port or 5432) as proxy:
        who, at, _ = server.netloc.rpartition("@")
        through = server._replace(netloc=f"{who}{at}127.0.0.1:{proxy.port}").geturl()
        async with opened(settings_for(through, tmp_path)) as made:
            yield made, proxy
            proxy.restore()


async def test_without_postgresql_requests_are_told_to_come_back(
    cut: tuple[World, FaultProxy],
) -> None:
    """503, and 200 again once it answers."""
    world, proxy = cut
    job_id = await world.job()
    await proxy.cut()
    for method, path in (("GET", f"/jobs/{job_id}"), ("POST", f"/jobs/{job_id}/audit")):
        answer = await world.api.ask(method, path)
        answer.problem(503, "store_unavailable")
    proxy.restore()
    assert (await world.api.get(f"/jobs/{job_id}"))["job_id"] == job_id
