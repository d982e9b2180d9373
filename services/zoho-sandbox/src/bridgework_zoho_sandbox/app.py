"""The composition: registry, gateway, accounts server and admin API behind one ASGI application."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .admin import Admin
from .gateway import Body, Gateway, form_of, send_answer
from .oauth import Accounts
from .openapi import openapi_document
from .operations import OPERATIONS
from .orgs import NewOrg, OrgRegistry
from .router import Router
from .settings import Settings

TOKEN_BODY_MAX = 64 * 1024


class SandboxApp:
    """Sends each request to the accounts server, the API gateway or the admin API."""

    def __init__(self, registry: OrgRegistry, settings: Settings) -> None:
        self.registry = registry
        self.gateway = Gateway(
            Router(OPERATIONS), registry.tokens, max_body_bytes=settings.max_body_bytes
        )
        self.accounts = Accounts(registry.tokens)
        document = orjson.dumps(openapi_document(OPERATIONS))

        async def openapi(_: Request) -> Response:
            return Response(document, media_type="application/json")

        routes = [Route("/sandbox/openapi.json", openapi), *Admin(registry).routes()]
        self._admin: ASGIApp = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI event."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("/oauth/"):
            await self._oauth(scope, receive, send)
        elif path == "/sandbox" or path.startswith("/sandbox/"):
            await self._admin(scope, receive, send)
        else:
            await self.gateway.handle(scope, receive, send, base_url(scope))

    async def _oauth(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Body(receive).whole(TOKEN_BODY_MAX)
        form = form_of(scope, body)
        path, method = scope["path"], scope["method"]
        if path == "/oauth/v2/token" and method == "POST":
            answer = self.accounts.token(form, base_url(scope))
        elif path == "/oauth/v2/token/revoke" and method in {"POST", "GET"}:
            answer = self.accounts.revoke(form)
        elif path == "/oauth/v2/auth" and method == "GET":
            answer = self.accounts.authorise(form, base_url(scope))
        else:
            await self.gateway.handle(scope, _empty, send, base_url(scope))
            return
        await send_answer(send, answer)


async def _empty() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


def base_url(scope: Scope) -> str:
    """Return the address under which the caller reached this process."""
    for name, value in scope["headers"]:
        if name == b"host":
            return f"{scope['scheme']}://{value.decode('latin-1')}"
    host, port = scope.get("server") or ("127.0.0.1", 0)
    return f"{scope['scheme']}://{host}:{port}"


def seed_orgs(registry: OrgRegistry, seed: Path) -> None:
    """Create the orgs of a seed file that do not exist yet."""
    content = orjson.loads(seed.read_bytes())
    for item in content if isinstance(content, list) else [content]:
        wanted = NewOrg.model_validate(item)
        if wanted.org_id is None or wanted.org_id not in registry.orgs:
            registry.create(wanted)


@contextlib.asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[SandboxApp]:
    """Open the data folder (or a temporary one) and yield the ASGI application."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.data is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zoho-sandbox-")))
        else:
            root = settings.data
            root.mkdir(parents=True, exist_ok=True)
        registry = OrgRegistry(root, request_log_size=settings.request_log_size)
        stack.push_async_callback(registry.close)
        registry.open_all()
        if settings.seed is not None:
            seed_orgs(registry, settings.seed)
        registry.resume_jobs()
        yield SandboxApp(registry, settings)
