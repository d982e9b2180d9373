"""A Zoho that says what it is told to: for tests of code that uses the client, without a server.

For behaviour close to the real thing use the sandbox service; this one only plays a script.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from pydantic import SecretStr

from bridgework_zoho.client import ZohoClient
from bridgework_zoho.data_centres import DataCentre
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.settings import ZohoConnection, ZohoSettings

Handler = Callable[["Seen"], httpx.Response]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived.

    Attributes:
        body: Parsed JSON, or None where the body was no JSON.
        content: The raw body.
    """

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    content: bytes = field(repr=False)


class ScriptedZoho(httpx.AsyncBaseTransport):
    """Plays queued answers in order, then asks ``handler``; token requests are served apart."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.seen: list[Seen] = []
        self.minted = 0
        self.token_answers: deque[httpx.Response] = deque()
        self._script: deque[httpx.Response | Exception] = deque()
        self._handler = handler

    def answers(
        self, status: int, body: object = None, headers: Mapping[str, str] | None = None
    ) -> "ScriptedZoho":
        """Queue one answer; a ``str`` body is sent as HTML, anything else as JSON."""
        if isinstance(body, str):
            response = httpx.Response(status, text=body, headers=headers)
            response.headers["content-type"] = "text/html"
        elif isinstance(body, bytes):
            response = httpx.Response(status, content=body, headers=headers)
        elif body is None:
            response = httpx.Response(status, headers=headers)
        else:
            response = httpx.Response(status, content=orjson.dumps(body), headers=headers)
        self._script.append(response)
        return self

    def breaks(self, error: Exception) -> "ScriptedZoho":
        """Queue one broken connection."""
        self._script.append(error)
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path == "/oauth/v2/token":
            return self._token()
        planned = self._script.popleft() if self._script else None
        if isinstance(planned, httpx.ConnectError):
            raise planned
        content = await request.aread()
        seen = Seen(
            request.method,
            request.url.path,
            dict(request.url.params),
            dict(request.headers),
            _parsed(content),
            content,
        )
        self.seen.append(seen)
        if isinstance(planned, Exception):
            raise planned
        if planned is None:
            if self._handler is None:
                raise AssertionError(f"nobody scripted {request.method} {request.url.path}")
            planned = self._handler(seen)
        # A plain byte stream, so that the client reads the body as it would from a socket.
        return httpx.Response(
            planned.status_code, headers=planned.headers, stream=httpx.ByteStream(planned.content)
        )

    def _token(self) -> httpx.Response:
        if self.token_answers:
            return self.token_answers.popleft()
        self.minted += 1
        body = {
            "access_token": f"token-{self.minted}",
            "api_domain": "https://www.zohoapis.test",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        return httpx.Response(200, json=body)


def scripted_connection(**changes: Any) -> ZohoConnection:
    """A connection that leads nowhere."""
    values: dict[str, Any] = {
        "data_centre": DataCentre.US,
        "client_id": "client",
        "client_secret": SecretStr("client-secret"),
        "refresh_token": SecretStr("refresh-token"),
        "org_id": "60000001",
        **changes,
    }
    return ZohoConnection(**values)


def scripted_client(
    zoho: httpx.AsyncBaseTransport,
    *,
    settings: ZohoSettings | None = None,
    allowance: int = 100_000,
    slots: int = 20,
    **more: Any,
) -> ZohoClient:
    """A client with in-memory stores that talks to ``zoho`` and never sleeps long."""
    quick = ZohoSettings(backoff_base_s=0.001, backoff_max_s=0.002, attachment_verify_size=False)
    given: dict[str, Any] = {
        "tokens": InMemoryTokenStore(),
        "credits": InMemoryCreditLedger(allowance),
        "slots": InMemorySlotLimiter(slots),
        **more,
    }
    return ZohoClient(
        given.pop("connection", None) or scripted_connection(),
        settings=settings or quick,
        http=httpx.AsyncClient(transport=zoho),
        **given,
    )


def accepted(*ids: str, **more: Any) -> dict[str, Any]:
    """The body of a write in which every element was accepted."""
    return {
        "data": [
            {
                "code": "SUCCESS",
                "status": "success",
                "message": "record added",
                "details": {"id": one},
                **more,
            }
            for one in ids
        ]
    }


def refused(code: str, message: str = "refused", **details: Any) -> dict[str, Any]:
    """One refused element, or the body of a request refused as a whole."""
    return {"code": code, "status": "error", "message": message, "details": details}


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
