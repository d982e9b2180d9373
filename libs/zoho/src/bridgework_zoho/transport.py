"""Sends one call: token, slots, credits, time limits, retries, and errors in our own words.

Every attempt takes its own slot and its own credits. What may be sent again is decided here and
nowhere else: a call that was surely not applied, or one that may be repeated by its nature. A
write that may have been applied and may not be repeated ends as ``WriteOutcomeUnknown``.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from bridgework_contracts.errors import TransientError

from bridgework_zoho.advice import explain
from bridgework_zoho.charges import Charge
from bridgework_zoho.costs import Operation, PriceList
from bridgework_zoho.errors import (
    CreditsExhausted,
    WriteOutcomeUnknown,
    ZohoBusy,
    ZohoUnavailable,
)
from bridgework_zoho.losses import grant_lost, lost, server_error, unavailable
from bridgework_zoho.protocols import AccessToken, CreditLedger, SlotLimiter
from bridgework_zoho.refusals import code_of, refusal, retry_after_s
from bridgework_zoho.requests import Base, Call, Outgoing, outgoing
from bridgework_zoho.results import elements_of
from bridgework_zoho.retries import Retries
from bridgework_zoho.settings import ZohoConnection, ZohoSettings
from bridgework_zoho.tokens import TokenSource

_MULTIPLE_CHOICES = 300
_NOT_MODIFIED = 304
_BAD_REQUEST = 400
_UNAUTHORISED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500
_NEVER_ELEMENTS = frozenset({_UNAUTHORISED, _TOO_MANY})
_ELEMENT_KEYS = ("data", "users", "fields", "modules", "recycle_bin", "__composite_requests")
_TOKEN_CODES = frozenset({"INVALID_TOKEN", "AUTHENTICATION_FAILURE", f"HTTP_{_UNAUTHORISED}"})
# httpx raises these before a byte of the request has left.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Zoho said.

    Attributes:
        status: HTTP status.
        body: Parsed JSON; None for an empty body (204, 304).
        headers: Response headers.
        repeated: An earlier attempt of this call may have been applied.
    """

    status: int
    body: Any = field(repr=False)
    headers: httpx.Headers = field(repr=False)
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class CallReport:
    """One attempt, for metrics; holds no personal data.

    Attributes:
        operation: Name in the cost table.
        module: Module touched, if any.
        http_status: None if no answer came.
        credits: Credits charged to the ledger.
        duration_s: From holding the slot to the end of the answer.
        waited_s: Waiting for token and slot.
        attempt: 1 for the first.
    """

    operation: str
    module: str | None
    http_status: int | None
    credits: int
    duration_s: float
    waited_s: float
    attempt: int


_BINARY_OPERATIONS = frozenset(
    {
        Operation.ATTACHMENTS_DOWNLOAD,
        Operation.FILES_DOWNLOAD,
        Operation.BULK_WRITE_RESULT,
        Operation.BULK_READ_RESULT,
    }
)


class _TokenRejectedError(Exception):
    """The access token was refused; nothing was applied."""

    def __init__(self, token: AccessToken, code: str) -> None:
        super().__init__(code)
        self.token = token
        self.code = code


class Transport:
    """Everything between a ``Call`` and an ``Answer``."""

    def __init__(
        self,
        connection: ZohoConnection,
        *,
        tokens: TokenSource,
        ledger: CreditLedger,
        slots: SlotLimiter,
        settings: ZohoSettings,
        http: httpx.AsyncClient,
        on_call: Callable[[CallReport], None] | None = None,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.prices = PriceList(settings.price_overrides)
        self._tokens = tokens
        self._ledger = ledger
        self._slots = slots
        self._http = http
        self._on_call = on_call

    @property
    def api_domain(self) -> str:
        """API host in use, without trailing slash."""
        return self._tokens.api_domain

    async def send(self, call: Call) -> Answer:
        """Send a call, again if that is safe, and read its whole answer.

        Raises:
            ZohoError: One of the tree in ``errors.py``; refused elements are no exceptions.
        """
        async with self._insist(call, read=True) as (response, body, repeated):
            return Answer(response.status_code, body, response.headers, repeated)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """Send a call and hold its slot while the caller reads the body.

        Raises:
            ZohoUnavailable: The connection broke while the body was read; read it again.
            ZohoError: As for ``send``, before the body begins.
        """
        async with self._insist(call, read=False) as (response, _, _):
            try:
                yield response
            except httpx.TransportError as exc:
                raise unavailable(call, exc) from exc

    @asynccontextmanager
    async def _insist(
        self, call: Call, *, read: bool
    ) -> AsyncIterator[tuple[httpx.Response, Any, bool]]:
        """Attempt a call until it is answered or patience ends; then hold the answer open.

        Yields the answer, its parsed JSON (None if it has none), and whether an earlier attempt
        may have been applied.
        """
        request = outgoing(call, silence_notes=self.settings.silence_notes)
        retries = Retries(self.settings)
        maybe_applied: WriteOutcomeUnknown | None = None
        token_rejected = False
        while True:
            async with AsyncExitStack() as stack:
                try:
                    response, body = await stack.enter_async_context(
                        self._attempt(call, request, retries.attempt, read=read)
                    )
                except _TokenRejectedError as rejected:
                    await self._tokens.reject(rejected.token)
                    if token_rejected:
                        raise maybe_applied or grant_lost(call, rejected.code) from rejected
                    token_rejected = True
                    continue
                except WriteOutcomeUnknown as error:
                    if not call.repeatable:
                        raise
                    maybe_applied = error
                    await retries.pause(error, error.retry_after_s)
                    continue
                except (ZohoBusy, ZohoUnavailable) as error:
                    # After one lost attempt no later failure may claim that nothing was applied.
                    await retries.pause(maybe_applied or error, error.retry_after_s)
                    continue
                except TransientError as error:
                    if maybe_applied is not None:
                        raise maybe_applied from error
                    if not isinstance(error, CreditsExhausted):
                        raise
                    await retries.wait_for_credits(error)
                    continue
                yield response, body, maybe_applied is not None
                return

    @asynccontextmanager
    async def _attempt(
        self, call: Call, request: Outgoing, number: int, *, read: bool
    ) -> AsyncIterator[tuple[httpx.Response, Any]]:
        """Send once, holding a slot and credits until the answer has been read."""
        waiting_since = time.perf_counter()
        token = await self._tokens.token()
        heavy = self.prices.heavy(call.operation, call.elements)
        units = self.prices.units(call.operation)
        async with self._slots.acquire(heavy=heavy, units=units):
            began = time.perf_counter()
            reservation = await self._ledger.reserve(
                self.prices.credits(call.operation, call.elements), call.operation.value
            )
            charge = Charge(reservation, self.settings)
            response: httpx.Response | None = None
            try:
                response = await self._exchange(call, request, token, charge, read=read)
                body = await self._judge(call, request, response, token, charge)
                if call.price_of is not None and read:
                    charge.actual = call.price_of(body)
                yield response, body
            finally:
                if response is not None:
                    await response.aclose()
                await charge.settle()
                self._report(call, charge, number, began - waiting_since, began)

    async def _exchange(
        self, call: Call, request: Outgoing, token: AccessToken, charge: Charge, *, read: bool
    ) -> httpx.Response:
        """Put the request on the wire and read the answer, or its error if it is one."""
        content = request.content if call.upload is None else call.upload.open()
        silence_s = (
            self.settings.transfer_timeout_s if call.transfer else self.settings.request_timeout_s
        )
        message = self._http.build_request(
            call.method,
            self._url(call),
            params=request.params or None,
            headers={**request.headers, "authorization": f"Zoho-oauthtoken {token.value}"},
            content=content,
            timeout=httpx.Timeout(silence_s, connect=self.settings.connect_timeout_s),
        )
        try:
            response = await self._http.send(message, stream=True, follow_redirects=False)
            charge.answered(response)
            if read or response.status_code >= _MULTIPLE_CHOICES:
                await response.aread()
        except _NOT_SENT as exc:
            charge.not_sent()
            raise unavailable(call, exc) from exc
        except (httpx.TransportError, httpx.DecodingError) as exc:
            raise lost(call, request, type(exc).__name__) from exc
        return response

    async def _judge(
        self,
        call: Call,
        request: Outgoing,
        response: httpx.Response,
        token: AccessToken,
        charge: Charge,
    ) -> Any:
        """Return the answer's JSON, if any; raise unless the caller can read its elements."""
        status = response.status_code
        if status < _MULTIPLE_CHOICES and not response.is_stream_consumed:
            return None  # a file follows
        if status >= _SERVER_ERROR:
            raise server_error(call, request, response)
        if status == _NOT_MODIFIED or not response.content:
            if status >= _BAD_REQUEST:
                raise await self._refused(call, response, None, token, charge)
            return None
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError as exc:
            if status >= _BAD_REQUEST:
                raise await self._refused(call, response, None, token, charge) from exc
            if call.operation in _BINARY_OPERATIONS:
                return None
            raise server_error(call, request, response) from exc
        refused = status >= _BAD_REQUEST or (
            isinstance(body, dict) and body.get("status") == "error" and "code" in body
        )
        has_elements = any(elements_of(body, key) is not None for key in _ELEMENT_KEYS)
        if refused and (not has_elements or status in _NEVER_ELEMENTS):
            raise await self._refused(call, response, body, token, charge)
        return body

    async def _refused(
        self,
        call: Call,
        response: httpx.Response,
        body: object,
        token: AccessToken,
        charge: Charge,
    ) -> Exception:
        status = response.status_code
        code, details = code_of(body, status)
        if code in _TOKEN_CODES:
            return _TokenRejectedError(token, code)
        error = refusal(call, status, code, details)
        if isinstance(error, ZohoBusy | ZohoUnavailable):
            error.retry_after_s = retry_after_s(response.headers)
        if not isinstance(error, ZohoBusy):
            return error
        # The body does not say which limit it was; our own ledger does (fact sheet §2.4).
        await charge.settle()
        cost = self.prices.credits(call.operation, call.elements)
        wait_s = await self._ledger.wait_s(cost)
        if wait_s <= 0:
            return error
        return CreditsExhausted(
            f"{call.operation}: {explain('CREDITS_EXHAUSTED').sentence}",
            retry_after_s=wait_s,
            operation=call.operation.value,
            http_status=status,
        )

    def _url(self, call: Call) -> str:
        if call.base is Base.ABSOLUTE:
            return call.path
        if call.base is Base.UPLOAD:
            return f"{self.connection.upload_url}{Base.CRM}{call.path}"
        return f"{self.api_domain}{call.base}{call.path}"

    def _report(
        self, call: Call, charge: Charge, number: int, waited_s: float, began: float
    ) -> None:
        if self._on_call is not None:
            self._on_call(
                CallReport(
                    operation=call.operation.value,
                    module=call.module,
                    http_status=charge.status,
                    credits=charge.actual,
                    duration_s=time.perf_counter() - began,
                    waited_s=waited_s,
                    attempt=number,
                )
            )
