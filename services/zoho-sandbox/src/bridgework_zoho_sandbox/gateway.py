"""The way of every request: route, token, limits, faults, handler, meter, log.

Order matters and is this: unknown URLs first, then the token, then scope, then concurrency and
credits (429), then faults that strike before the call takes effect, then the handler inside one
transaction, then faults that strike after it, then the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from .call import Answer, Call, answer_json
from .errors import TOO_MANY_REQUESTS, ZohoError, error_body, invalid_url
from .faults import Fault
from .multipart import MultipartReader, body_too_large
from .oauth import Grant, TokenBook
from .operation import Operation
from .org import Org
from .request_log import Entry
from .router import Router
from .scopes import allows

ABORT = "sandbox.abort"
CHUNK_BYTES = 64 * 1024
EDGE_HTML = (
    b"<!DOCTYPE html><html><head><title>Zoho - Service unavailable</title></head>"
    b"<body><h1>Sorry for the inconvenience</h1><p>We will be back in a moment.</p></body></html>"
)
_TOKEN_PREFIXES = ("Zoho-oauthtoken ",)


class Hangup(Exception):
    """Close the connection without an answer."""


class Gateway:
    """Runs API calls against the orgs behind their tokens."""

    def __init__(self, router: Router, tokens: TokenBook, *, max_body_bytes: int) -> None:
        self.router = router
        self.tokens = tokens
        self.max_body_bytes = max_body_bytes

    async def handle(self, scope: Scope, receive: Receive, send: Send, base_url: str) -> None:
        """Serve one request under ``/crm`` or the content host's paths."""
        started = time.perf_counter()
        method = scope["method"]
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        body = Body(receive)
        try:
            operation, args = self._route(method, path)
            grant = self._authenticate(headers)
            _check_host(grant.org, headers)
        except ZohoError as error:
            await body.drain(self.max_body_bytes)
            await send_answer(send, answer_json(error.status, error.body))
            return
        call = Call(
            org=grant.org,
            person=grant.org.people[grant.person],
            client_id=grant.client_id,
            method=method,
            path=path,
            args=args,
            params=_query(scope),
            headers=headers,
            body=b"",
            base_url=base_url,
        )
        flight = Flight(self, operation, grant, call, started)
        await flight.run(body, scope, send)

    def _route(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        route = self.router.find(method, path)
        if route is None:
            parts = path.split("/")
            if len(parts) > 2 and parts[1] == "crm" and parts[2] not in {"v8", "bulk"}:  # noqa: PLR2004 - /crm/{version}
                raise ZohoError(
                    400,
                    "API_NOT_SUPPORTED",
                    "api not supported in this version",
                    {"supported_version": 8},
                )
            raise invalid_url()
        if route.operation is None:
            raise ZohoError(
                400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one"
            )
        return route.operation, route.args

    def _authenticate(self, headers: dict[str, str]) -> Grant:
        text = headers.get("authorization", "")
        for prefix in (*_TOKEN_PREFIXES, "Bearer "):
            if text.startswith(prefix):
                grant = self.tokens.live(text[len(prefix) :].strip(), "access")
                if grant is None or (prefix == "Bearer " and not grant.org.behaviour.accept_bearer):
                    raise ZohoError(401, "INVALID_TOKEN", "invalid oauth token")
                person = grant.org.people.get(grant.person)
                if person is None or not person.active:
                    raise ZohoError(401, "INVALID_TOKEN", "invalid oauth token")
                return grant
        raise ZohoError(401, "AUTHENTICATION_FAILURE", "Authentication failed")


def _check_host(org: Org, headers: dict[str, str]) -> None:
    hosts = org.behaviour.api_hosts
    if hosts and headers.get("host", "").partition(":")[0] not in hosts:
        raise ZohoError(400, "INVALID_HOST", "the host is not a valid one")


class Flight:
    """One admitted call on its way through limits, faults and handler."""

    def __init__(
        self, gateway: Gateway, operation: Operation, grant: Grant, call: Call, started: float
    ) -> None:
        self.gateway = gateway
        self.operation = operation
        self.grant = grant
        self.call = call
        self.org: Org = grant.org
        self.started = started
        self.credits = 0
        self.heavy = False
        self.faults: list[Fault] = []

    async def run(self, body: Body, scope: Scope, send: Send) -> None:
        """Read the body, decide, answer, log."""
        org, operation, call = self.org, self.operation, self.call
        gate = org.gate(call.client_id)
        units = heavy_units = 0
        answer: Answer
        try:
            try:
                self._check_scope()
                # In flight from the first byte: a long upload holds its slot all the while.
                if not gate.enter(operation.units, 0):
                    raise self._too_many()
                units = operation.units
                await self._read(body)
                self.heavy = operation.heavy(call)
                if self.heavy and not gate.enter(0, 1):
                    raise self._too_many()
                heavy_units = 1 if self.heavy else 0
                answer = await self._serve()
            except ZohoError as error:
                await body.drain(self.gateway.max_body_bytes)
                answer = answer_json(error.status, error.body)
            self._finish(answer)
            await self._reply(answer, send)
        except Hangup:
            _abort(scope)
        finally:
            gate.leave(units, heavy_units)
            for upload in call.uploads:
                if upload.path is not None:
                    upload.path.unlink(missing_ok=True)

    async def _read(self, body: Body) -> None:
        most = self.gateway.max_body_bytes
        kind = self.call.headers.get("content-type", "")
        if self.operation.body == "multipart" and kind.lower().startswith("multipart/"):
            reader = MultipartReader(kind, self.org.files)
            self.call.uploads = await reader.read(body.chunks(), most=most)
        else:
            self.call.body = await body.whole(most)

    def _check_scope(self) -> None:
        module = self.call.args.get("module", "")
        known = self.org.modules.get(module)
        name = "custom" if known is not None and known.generated_type == "custom" else module
        needed = tuple(item.replace("{module}", name) for item in self.operation.scopes)
        if not allows(self.grant.scope, needed):
            raise ZohoError(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")

    def _too_many(self) -> ZohoError:
        return ZohoError(
            TOO_MANY_REQUESTS,
            self.org.behaviour.limit_code,
            "You have made too many requests within the allowed time. Please try again later.",
        )

    async def _serve(self) -> Answer:
        org, call, operation = self.org, self.call, self.operation
        price = operation.price(call)
        if not org.credits.reserve(price):
            raise self._too_many()
        try:
            self.faults = org.faults.striking(
                call.method, call.path, operation.name, call.args.get("module")
            )
            early = await self._before()
        finally:
            org.credits.release(price)
        if early is not None:
            if org.behaviour.charge_edge_faults and early.status != TOO_MANY_REQUESTS:
                self._charge(price)
            return early
        answer = self._handle()
        if answer.status < 400 or org.behaviour.charge_client_errors:  # noqa: PLR2004 - HTTP error
            self._charge(price if call.charge is None else call.charge)
        return self._after(answer)

    def _charge(self, price: int) -> None:
        self.credits = price
        self.org.credits.spend(price)

    def _handle(self) -> Answer:
        call, handler = self.call, self.operation.handler
        try:
            if not self.operation.writes:
                return handler(call)
            with self.org.database.transaction():
                return handler(call)
        except ZohoError as error:
            return answer_json(error.status, error.body)

    async def _before(self) -> Answer | None:
        answer: Answer | None = None
        for fault in self.faults:
            spec = fault.spec
            if spec.kind == "latency":
                await asyncio.sleep(spec.latency.sample(fault.source))
            elif spec.kind == "stall" and spec.when == "before":
                await self.org.clock.sleep(spec.seconds)
            elif spec.kind == "partial":
                for index in spec.elements:
                    self.call.forced_failures[index] = error_body(
                        spec.code, spec.message, dict(spec.details)
                    )
            elif spec.kind == "expire_tokens":
                self.gateway.tokens.expire_access_tokens(self.org)
                answer = answer_json(401, error_body("INVALID_TOKEN", "invalid oauth token"))
            elif spec.when == "before" and (made := _fault_answer(fault)) is not None:
                answer = made
            elif spec.kind == "drop" and spec.when == "before":
                self._finish(Answer(0))
                raise Hangup
        return answer

    def _after(self, answer: Answer) -> Answer:
        for fault in self.faults:
            if fault.spec.when == "after" and (made := _fault_answer(fault)) is not None:
                answer = made
        return answer

    def _finish(self, answer: Answer) -> None:
        org, call = self.org, self.call
        behaviour = org.behaviour
        remaining = org.credits.header()
        if remaining is not None:
            answer.headers["X-API-CREDITS-REMAINING"] = str(remaining)
        if answer.status == TOO_MANY_REQUESTS and behaviour.retry_after_s is not None:
            answer.headers["Retry-After"] = str(behaviour.retry_after_s)
        org.log.add(
            Entry(
                seq=org.log.next_seq(),
                at=org.clock.now(),
                method=call.method,
                path=call.path,
                operation=self.operation.name,
                module=call.args.get("module"),
                status=answer.status,
                credits=self.credits,
                heavy=self.heavy,
                elements=call.elements,
                trigger_given=call.trigger_given,
                trigger=call.trigger,
                skip_features=call.skip_features,
                wf_trigger=call.params.get("wf_trigger"),
                duration_ms=round((time.perf_counter() - self.started) * 1000, 3),
                faults=[fault.spec.kind for fault in self.faults],
                app=call.client_id,
            )
        )

    async def _reply(self, answer: Answer, send: Send) -> None:
        pace: int | None = None
        for fault in self.faults:
            spec = fault.spec
            if spec.kind == "stall" and spec.when == "after":
                await self.org.clock.sleep(spec.seconds)
            elif spec.kind == "drop" and spec.when == "after":
                raise Hangup
            elif spec.kind == "slow_body":
                pace = spec.bytes_per_second
        await send_answer(send, answer, bytes_per_second=pace)


def _fault_answer(fault: Fault) -> Answer | None:
    spec = fault.spec
    if spec.kind == "error":
        body = error_body(spec.code, spec.message, dict(spec.details))
        return answer_json(spec.status, body)
    if spec.kind == "too_many":
        body = error_body("TOO_MANY_REQUESTS", "You have made too many requests")
        return answer_json(TOO_MANY_REQUESTS, body)
    if spec.kind == "html":
        return Answer(spec.status, EDGE_HTML, content_type="text/html;charset=UTF-8")
    return None


def _query(scope: Scope) -> dict[str, str]:
    text = scope["query_string"].decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))


def _abort(scope: Scope) -> None:
    abort: Callable[[], None] | None = scope.get(ABORT)
    if abort is not None:
        abort()


class Body:
    """The request body, read once."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what has not been read yet, as it arrives."""
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Hangup
            self._more = message.get("more_body", False)
            yield message.get("body", b"")

    async def whole(self, most: int) -> bytes:
        """Return the body in one piece."""
        pieces: list[bytes] = []
        total = 0
        async for chunk in self.chunks():
            total += len(chunk)
            if total > most:
                raise body_too_large(most)
            pieces.append(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def drain(self, most: int) -> None:
        """Read the body and forget it."""
        total = 0
        async for chunk in self.chunks():
            total += len(chunk)
            if total > most:
                return


async def send_answer(send: Send, answer: Answer, *, bytes_per_second: int | None = None) -> None:
    """Send an answer; a file from disk in chunks, a slow body at the given pace."""
    size = len(answer.body) if answer.file is None else answer.file.stat().st_size
    headers: list[tuple[bytes, bytes]] = [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in answer.headers.items()
    ]
    if size or answer.status not in {204, 304}:
        headers.append((b"content-length", str(size).encode()))
        if size or answer.body:
            headers.append((b"content-type", answer.content_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.file is not None:
        await _send_file(send, answer)
        return
    if bytes_per_second is None:
        await send({"type": "http.response.body", "body": answer.body})
        return
    step = max(1, bytes_per_second // 10)
    for at in range(0, len(answer.body), step):
        piece = answer.body[at : at + step]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(len(piece) / bytes_per_second)
    await send({"type": "http.response.body", "body": b""})


async def _send_file(send: Send, answer: Answer) -> None:
    if answer.file is None:
        return
    with answer.file.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def form_of(scope: Scope, body: bytes) -> dict[str, str]:
    """Return query and urlencoded body together, as the accounts server reads them."""
    text = body.decode("utf-8", "replace")
    return {**_query(scope), **dict(parse_qsl(text, keep_blank_values=True, errors="replace"))}
