"""Three questions a platform asks over HTTP: do you live, are you ready, what do you count?

``/healthz`` asks nobody outside the process: it is green while the event loop turns. ``/readyz``
asks the dependencies, each within a time limit, and is red as soon as the shutdown begins.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from bridgework_contracts.errors import BridgeworkError, ConfigurationError
from bridgework_eventlog.port import EventLog
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from bridgework_service.metrics import CONTENT_TYPE, Metrics

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency answers, raises when it does not."""

CHECK_TIMEOUT_S = 2.0
_BEAT_S = 0.5
_STOP_GRACE_S = 5


class Heartbeat:
    """Says when the event loop last turned, and how late it is (its lag in seconds)."""

    def __init__(self, max_age_s: float = 10.0) -> None:
        self.lag_s = 0.0
        self._max_age_s = max_age_s
        self._last = time.monotonic()

    @property
    def alive(self) -> bool:
        """True while the last beat is younger than ``max_age_s``."""
        return time.monotonic() - self._last < self._max_age_s

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            asked = time.monotonic()
            await asyncio.sleep(_BEAT_S)
            self._last = time.monotonic()
            self.lag_s = max(0.0, self._last - asked - _BEAT_S)


class Readiness:
    """Whether the process wants work: opened after the start, closed first at the shutdown."""

    def __init__(self) -> None:
        self.state = "starting"

    def open(self) -> None:
        """The service takes work from now on."""
        self.state = "ready"

    def close(self) -> None:
        """The service is going away; send nothing more."""
        self.state = "draining"


def store_check(pool: Pool) -> Check:
    """Return a check that PostgreSQL answers."""

    async def check() -> None:
        with translate_errors():
            await pool.fetchval("select 1")

    return check


def event_log_check(event_log: EventLog) -> Check:
    """Return a check that the event log answers."""

    async def check() -> None:
        await event_log.topics()

    return check


def health_app(
    *,
    service: str,
    checks: Mapping[str, Check],
    heartbeat: Heartbeat,
    readiness: Readiness,
    metrics: Metrics | None = None,
    http: ASGIApp | None = None,
) -> Starlette:
    """Build the ASGI app with ``/healthz``, ``/readyz`` and ``/metrics``; ``http`` gets the rest.

    Args:
        service: Repeated in the answers.
        checks: Name to check; all are asked at the same time, each for at most two seconds.
        heartbeat: Must be running.
        readiness: Opened and closed by the lifecycle.
        metrics: What ``/metrics`` shows; the default registry if not given.
        http: The service's own app. Its lifespan is not run: ``open_app`` does that work.
    """
    shown = metrics or Metrics()
    shown.register_process_memory()

    async def healthz(_: Request) -> Response:
        return _answer(heartbeat.alive, {"service": service, "lag_s": round(heartbeat.lag_s, 3)})

    async def readyz(_: Request) -> Response:
        if readiness.state != "ready":
            return _answer(False, {"service": service, "state": readiness.state, "checks": {}})
        results = await asyncio.gather(*(_ask(check) for check in checks.values()))
        said = dict(zip(checks, results, strict=True))
        ready = all(result["ok"] for result in results)
        return _answer(ready, {"service": service, "state": readiness.state, "checks": said})

    async def show_metrics(_: Request) -> Response:
        return Response(shown.exposition(), media_type=CONTENT_TYPE)

    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", show_metrics),
    ]
    if http is not None:
        routes.append(Mount("/", app=http))
    return Starlette(routes=routes)


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    on_started: Callable[[int], None] | None = None,
) -> None:
    """Serve ``app`` until ``stop`` is set; signals stay with the process.

    Requests in flight get five seconds to end. Nothing is logged per request.

    Args:
        app: The ASGI app.
        host: Address to listen on.
        port: 0 takes a free one.
        stop: Ends serving.
        on_started: Called with the real port once connections are accepted.

    Raises:
        ConfigurationError: the address cannot be listened on (taken, not ours, not allowed).
    """
    listener = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_GRACE_S,
        )
    )
    with listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
        accepting = asyncio.create_task(server.accepting.wait(), name="http accepting")
        stopping = asyncio.create_task(stop.wait(), name="http stopping")
        try:
            await asyncio.wait({serving, accepting}, return_when=asyncio.FIRST_COMPLETED)
            if server.started and on_started is not None:
                on_started(listener.getsockname()[1])
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            accepting.cancel()
            stopping.cancel()
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the lifecycle owns the signals of the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen on port {port} of the configured host: {exc.strerror or 'refused'}.",
            code="port_unavailable",
            port=port,
        ) from exc


async def _ask(check: Check) -> dict[str, Any]:
    started = time.monotonic()
    code: str | None = None
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        code = "timeout"
    except BridgeworkError as exc:
        code = exc.code
    said: dict[str, Any] = {"ok": code is None, "duration_s": round(time.monotonic() - started, 3)}
    if code is not None:
        said["code"] = code
    return said


def _answer(good: bool, body: dict[str, Any]) -> JSONResponse:  # noqa: FBT001  # two private callers
    return JSONResponse(
        {"ok": good, **body},
        status_code=200 if good else 503,
        headers={"cache-control": "no-store"},
    )
