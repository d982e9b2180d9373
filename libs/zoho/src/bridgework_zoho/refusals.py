"""Translates an answer that says no to a whole request into our errors."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from bridgework_zoho.advice import Action, explain
from bridgework_zoho.errors import (
    FileRefused,
    RequestRefused,
    RunStopped,
    ScanTooLong,
    ZohoBusy,
    ZohoError,
    ZohoUnavailable,
)
from bridgework_zoho.protocols import utc_now
from bridgework_zoho.requests import Call

FILE_CODES = frozenset(
    {
        "FILE_SIZE_EXCEEDS",
        "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
        "BODY_SIZE_REACHED",
        "FILE_TOO_LARGE",
        "FILE_NOT_SUPPORTED",
        "VIRUS_DETECTED",
    }
)
"""Codes that are about a file, not about the request that carried it."""
_TOO_LARGE = frozenset({413, 415})
_TOO_MANY = 429


def refusal(call: Call, status: int, code: str, details: Mapping[str, Any]) -> ZohoError:
    """Build the error for a request that Zoho refused as a whole.

    Zoho's message is left out on purpose: it may quote what was sent.
    """
    advice = explain(code)
    message = f"{call.operation}: {advice.sentence} ({code}, HTTP {status}) {advice.remedy}"
    known: dict[str, Any] = {
        "operation": call.operation.value,
        "module": call.module,
        "http_status": status,
        "remedy": advice.remedy,
        **_safe_details(details),
    }
    if code in FILE_CODES or (call.upload is not None and status in _TOO_LARGE):
        return FileRefused(message, code=code, **known)
    if code == ScanTooLong.default_code:
        return ScanTooLong(message, code=code, **known)
    if advice.action is Action.STOP_RUN or advice.action is Action.REAUTHORISE:
        return RunStopped(message, code=code, **known)
    if status == _TOO_MANY:
        return ZohoBusy(message, code=code, **known)
    if advice.action is Action.RETRY:
        return ZohoUnavailable(message, code=code, **known)
    return RequestRefused(message, code=code, **known)


_SAFE_DETAILS = (
    "api_name",
    "json_path",
    "maximum_length",
    "limit",
    "param_name",
    "resource",
    "resource_path_index",
)


def _safe_details(details: Mapping[str, Any]) -> dict[str, object]:
    """Keep the details that name things; leave those that may quote values."""
    return {key: details[key] for key in _SAFE_DETAILS if key in details}


def code_of(body: object, status: int) -> tuple[str, Mapping[str, Any]]:
    """Read code and details of a request-level answer; ``HTTP_nnn`` where there is no code."""
    if isinstance(body, dict):
        code = body.get("code")
        details = body.get("details")
        if isinstance(code, str) and code:
            return code, details if isinstance(details, dict) else {}
    return f"HTTP_{status}", {}


def body_of(response: httpx.Response) -> Any:
    """Parse the JSON of an answer that has been read; None if it is none."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Read ``Retry-After``: seconds or a date; None if absent or unreadable."""
    given = headers.get("retry-after")
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max(0.0, (at - utc_now()).total_seconds())
