"""Same ``Idempotency-Key``, same effect, once: the first answer is kept and given again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import orjson
from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel, SecretStr

from bridgework_control.http.auth import Caller
from bridgework_control.http.problems import ApiError
from bridgework_control.operations import Control

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$"),
]


async def once(
    control: Control,
    caller: Caller,
    key: str | None,
    operation: str,
    body: BaseModel | None,
    act: Callable[[], Awaitable[tuple[int, dict[str, Any], str]]],
) -> JSONResponse:
    """Do ``act`` unless this key was answered before; return (status, body, location) as JSON.

    Two requests with one key at the same moment may both act; the operations behind refuse a busy
    job, so that the second ends as 409 rather than as a second run.

    Raises:
        ApiError: ``idempotency_key_reused`` when the key came with another request before.
    """
    asked = control.request_hash(operation.encode() + _told(body))
    scope = f"{caller.name}:{caller.tenant_id or '*'}"
    if key is not None:
        kept = await control.pool.fetchrow(control.runs.remembered_answer, scope, key)
        if kept is not None:
            if kept["request_hash"] != asked:
                raise ApiError(
                    "This Idempotency-Key was used for another request.",
                    code="idempotency_key_reused",
                )
            return _answer(kept["status"], kept["body"], kept["location"])
    status, answer, location = await act()
    plain = orjson.loads(orjson.dumps(answer))
    if key is not None:
        await control.pool.execute(
            control.runs.remember_answer, scope, key, asked, status, plain, location
        )
    return _answer(status, plain, location)


def _told(body: BaseModel | None) -> bytes:
    """Return what was asked, secrets included: their hash is keyed."""
    if body is None:
        return b""
    secret = {
        name: value.get_secret_value() for name, value in body if isinstance(value, SecretStr)
    }
    return body.model_dump_json().encode() + orjson.dumps(secret)


def _answer(status: int, body: Any, location: str) -> JSONResponse:
    return JSONResponse(body, status, {"Location": location})
