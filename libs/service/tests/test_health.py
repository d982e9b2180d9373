"""Health over real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from bridgework_contracts.errors import ConfigurationError, StoreUnavailable
from bridgework_service import health
from bridgework_service.health import (
    Check,
    Heartbeat,
    Readiness,
    health_app,
    serve,
    store_check,
)
from bridgework_service.metrics import Metrics
from bridgework_store.pool import Pool
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an app on a free port for the block."""
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serve(app, "127.0.0.1", 0, stop, on_started=port.set_result))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}") as client:
        yield client
    stop.set()
    await asyncio.wait_for(running, 5)


def an_app(
    checks: dict[str, Check] | None = None,
    *,
    heartbeat: Heartbeat | None = None,
    readiness: Readiness | None = None,
    http: ASGIApp | None = None,
) -> Starlette:
    """Build a health app that is ready unless told otherwise."""
    ready = Readiness()
    ready.open()
    return health_app(
        service="loader",
        checks=checks or {},
        heartbeat=heartbeat or Heartbeat(),
        readiness=readiness or ready,
        metrics=Metrics(CollectorRegistry()),
        http=http,
    )


async def fine() -> None:
    """Answer like a healthy dependency."""


async def unavailable() -> None:
    """Fail like a store that is down."""
    raise StoreUnavailable("down")


async def test_health_is_green_while_the_loop_turns_and_red_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A running heartbeat keeps /healthz green; a stopped one turns it red."""
    monkeypatch.setattr(health, "_BEAT_S", 0.01)
    heartbeat = Heartbeat(max_age_s=0.3)
    beating = asyncio.create_task(heartbeat.run())
    async with serving(an_app(heartbeat=heartbeat)) as client:
        await asyncio.sleep(0.4)
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()["ok"]) == (200, True)
        assert answer.headers["cache-control"] == "no-store"
        beating.cancel()
        await asyncio.sleep(0.4)
        assert (await client.get("/healthz")).status_code == 503


async def test_readiness_names_what_does_not_answer() -> None:
    """One failing dependency makes the service unready; all are reported, with codes."""
    async with serving(an_app({"store": fine, "event_log": unavailable})) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["store"]["ok"] is True
    assert checks["event_log"]["ok"] is False
    assert checks["event_log"]["code"] == "store_unavailable"


async def test_readiness_does_not_wait_for_a_hanging_dependency(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A check that hangs is reported as a timeout."""
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.05)

    async def hanging() -> None:
        await asyncio.sleep(60)

    async with serving(an_app({"store": fine, "zoho": hanging})) as client:
        answer = await client.get("/readyz", timeout=2)
    assert answer.status_code == 503
    assert answer.json()["checks"]["zoho"]["code"] == "timeout"


async def test_readiness_follows_the_lifecycle() -> None:
    """Before the start and during the drain nothing is asked and the answer is no."""
    readiness = Readiness()
    async with serving(an_app({"store": fine}, readiness=readiness)) as client:
        assert (await client.get("/readyz")).json()["state"] == "starting"
        readiness.open()
        assert (await client.get("/readyz")).status_code == 200
        readiness.close()
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["state"]) == (503, "draining")


async def test_the_store_check_asks_postgresql(pool: Pool) -> None:
    """It passes on a living pool and fails as unavailable on a closed one."""
    await store_check(pool)()
    await pool.close()
    with pytest.raises(StoreUnavailable):
        await store_check(pool)()


async def test_metrics_and_the_services_own_paths_share_the_port() -> None:
    """Everything that is not a health path belongs to the service."""

    async def jobs(_: Request) -> PlainTextResponse:
        return PlainTextResponse("jobs")

    own = Starlette(routes=[Route("/v1/jobs", jobs)])
    async with serving(an_app(http=own)) as client:
        assert (await client.get("/v1/jobs")).text == "jobs"
        shown = await client.get("/metrics")
        assert "bridgework_process_peak_memory_bytes" in shown.text
        assert shown.headers["content-type"].startswith("text/plain")
        assert (await client.get("/nothing")).status_code == 404


async def test_a_taken_port_is_a_configuration_error() -> None:
    """The start is refused instead of the process being killed by the server library."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}"):
            await serve(an_app(), "127.0.0.1", port, asyncio.Event())


async def test_stopping_does_not_wait_for_an_endless_response(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A page that streams events for ever is cut after the grace time."""
    monkeypatch.setattr(health, "_STOP_GRACE_S", 0.1)

    async def endless(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]  # ASGI
        await send({"type": "http.response.body", "body": b"x", "more_body": True})  # type: ignore[operator]  # ASGI
        await asyncio.sleep(60)

    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(an_app(http=endless), "127.0.0.1", 0, stop, on_started=port.set_result)
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", await port)
    writer.write(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"x")
    stop.set()
    await asyncio.wait_for(running, 5)
    writer.close()
