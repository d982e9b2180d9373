"""uvicorn with uvloop and httptools, and a way to hang up without an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import SandboxApp, open_app
from .gateway import ABORT
from .settings import Settings

KEEP_ALIVE_S = 75
START_POLL_S = 0.005


class HangingUpProtocol(HttpToolsProtocol):
    """Gives the application a way to close the connection at once."""

    def on_message_begin(self) -> None:
        """Put the transport's abort into the request's scope."""
        super().on_message_begin()
        extras: dict[str, object] = {ABORT: self.transport.abort}
        self.scope.update(extras)  # type: ignore[typeddict-item]  # the scope is a plain dict


def server_config(app: SandboxApp, settings: Settings) -> uvicorn.Config:
    """Return the uvicorn configuration of one sandbox."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=HangingUpProtocol,
        lifespan="off",
        access_log=False,
        log_level=settings.log_level,
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        date_header=False,
        ws="none",
        proxy_headers=False,
    )


class _QuietServer(uvicorn.Server):
    """A server inside somebody else's event loop: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signal handlers alone."""
        yield


@contextlib.asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[tuple[SandboxApp, str]]:
    """Serve a sandbox in this event loop; yield the application and its base URL."""
    async with open_app(settings) as app:
        server = _QuietServer(server_config(app, settings))
        task = asyncio.create_task(server.serve())
        try:
            while not server.started:
                if task.done():
                    await task
                    raise ConnectionError("the sandbox could not listen")
                await asyncio.sleep(START_POLL_S)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield app, f"http://{settings.host}:{port}"
        finally:
            server.should_exit = True
            await task


async def run(settings: Settings, *, announce: bool = False) -> None:
    """Serve until a signal asks to stop; with ``announce`` print the address once it listens."""
    async with open_app(settings) as app:
        server = uvicorn.Server(server_config(app, settings))
        task = asyncio.create_task(server.serve())
        while announce and not server.started and not task.done():
            await asyncio.sleep(START_POLL_S)
        if announce and server.started:
            port = server.servers[0].sockets[0].getsockname()[1]
            sys.stdout.write(json.dumps({"url": f"http://{settings.host}:{port}"}) + "\n")
            sys.stdout.flush()
        await task
