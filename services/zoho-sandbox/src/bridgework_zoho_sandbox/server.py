"""uvicorn with uvloop and httptools, and a way to hang up without an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import SandboxApp, open_app
from .gateway import ABORT
from .settings import Settings

KEEP_ALIVE_S = 75


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


class _Server(uvicorn.Server):
    """A server that says when it listens, and leaves signals alone when it is a guest."""

    def __init__(self, config: uvicorn.Config, *, guest: bool) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._guest = guest

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell who waits for it."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take over signals only in a process of our own."""
        if self._guest:
            yield
        else:
            with super().capture_signals():
                yield

    def url(self) -> str:
        """Return the address the server listens on."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"


async def _until_listening(server: _Server, task: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(server.listening.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
        raise ConnectionError("the sandbox could not listen")


@contextlib.asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[tuple[SandboxApp, str]]:
    """Serve a sandbox in this event loop; yield the application and its base URL."""
    async with open_app(settings) as app:
        server = _Server(server_config(app, settings), guest=True)
        task = asyncio.create_task(server.serve())
        try:
            await _until_listening(server, task)
            yield app, server.url()
        finally:
            server.should_exit = True
            await asyncio.wait({task})


async def run(settings: Settings, *, announce: bool = False) -> None:
    """Serve until a signal asks to stop; with ``announce`` print the address once it listens."""
    async with open_app(settings) as app:
        server = _Server(server_config(app, settings), guest=False)
        task = asyncio.create_task(server.serve())
        await _until_listening(server, task)
        if announce:
            sys.stdout.write(json.dumps({"url": server.url()}) + "\n")
            sys.stdout.flush()
        await task
