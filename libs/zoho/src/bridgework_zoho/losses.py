"""Errors of attempts that got no usable answer: what is known, what may have been applied."""

import hashlib

import httpx

from bridgework_zoho.advice import explain
from bridgework_zoho.errors import GrantLost, WriteOutcomeUnknown, ZohoError, ZohoUnavailable
from bridgework_zoho.refusals import body_of, code_of, retry_after_s
from bridgework_zoho.requests import Call, Outgoing


def unavailable(call: Call, cause: Exception) -> ZohoUnavailable:
    """Build the error of a request that never left, or of a broken read."""
    return ZohoUnavailable(
        f"{call.operation}: Zoho could not be reached ({type(cause).__name__}).",
        operation=call.operation.value,
        module=call.module,
    )


def lost(
    call: Call,
    request: Outgoing,
    cause: str,
    *,
    http_status: int | None = None,
    wait_s: float | None = None,
) -> ZohoError:
    """Build the error of a request without a usable answer: harmless for reads, else unknown."""
    what = cause if http_status is None else f"{cause}, HTTP {http_status}"
    if not call.writes:
        return ZohoUnavailable(
            f"{call.operation}: Zoho gave no usable answer ({what}).",
            retry_after_s=wait_s,
            operation=call.operation.value,
            module=call.module,
            http_status=http_status,
        )
    body = request.content or b""
    return WriteOutcomeUnknown(
        f"{call.operation}: sent, but no usable answer came ({what}); it may have been applied."
        " Read from Zoho what is there before sending it again.",
        retry_after_s=wait_s,
        ids=call.ids,
        body_sha256=hashlib.sha256(body).hexdigest() if body else "",
        operation=call.operation.value,
        module=call.module,
        elements=call.elements,
        http_status=http_status,
        cause=cause,
    )


def grant_lost(call: Call, code: str) -> GrantLost:
    """Build the error of a fresh token that is refused."""
    advice = explain(code)
    return GrantLost(
        f"{call.operation}: Zoho refuses a fresh access token ({code}). {advice.remedy}",
        code=code,
        operation=call.operation.value,
        remedy=advice.remedy,
    )


def server_error(call: Call, request: Outgoing, response: httpx.Response) -> ZohoError:
    """Build the error of a 5xx, or of an answer that makes no sense."""
    code, _ = code_of(body_of(response), response.status_code)
    return lost(
        call,
        request,
        code,
        http_status=response.status_code,
        wait_s=retry_after_s(response.headers),
    )
