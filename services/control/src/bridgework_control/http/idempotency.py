"""Same ``Idempotency-Key``, same effect, once: the first answer is kept and given again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel, SecretStr

from bridgework_control.http.auth import Caller, CallerDep, ControlDep
from bridgework_control.http.problems import ApiError
from bridgework_control.operations import Control

_Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$"),
]
Act = Callable[[], Awaitable[tuple[int, dict[str, Any], str]]]
"""Does what was asked; returns status, body and location of the answer."""


@dataclass(frozen=True, slots=True)
class Once:
    """One request with its ``Idempotency-Key``, if it has one."""

    control: Control
    caller: Caller
    key: str | None

    async def __call__(self, operation: str, body: BaseModel | None, act: Act) -> JSONResponse:
        """Do ``act`` unless this key was answered before; return its answer as JSON.

        The key is claimed before anything is done, so that of two requests at the same moment one
        acts. A request that was refused leaves no trace and may be sent again.

        Raises:
            ApiError: ``idempotency_key_reused`` when the key came with another request before;
                ``request_under_way`` while the first one is not answered yet.
        """
        if self.key is None:
            status, answer, location = await act()
            return _answer(status, _plain(answer), location)
        asked = self.control.request_hash(operation.encode() + _told(body))
        scope = f"{self.caller.name}:{self.caller.tenant_id or '*'}"
        sql, pool = self.control.runs, self.control.pool
        if not await pool.fetchval(sql.claim_key, scope, self.key, asked):
            kept = await pool.fetchrow(sql.remembered_answer, scope, self.key)
            if kept is None or (kept["status"] == 0 and kept["request_hash"] == asked):
                raise ApiError(
                    "The same request is under way; ask again in a moment.",
                    code="request_under_way",
                )
            if kept["request_hash"] != asked:
                raise ApiError(
                    "This Idempotency-Key was used for another request.",
                    code="idempotency_key_reused",
                )
            return _answer(kept["status"], kept["body"], kept["location"])
        try:
            status, answer, location = await act()
        except BaseException:
            await pool.execute(sql.unclaim_key, scope, self.key)
            raise
        plain = _plain(answer)
        await pool.execute(sql.remember_answer, scope, self.key, status, plain, location)
        return _answer(status, plain, location)


async def once_of(control: ControlDep, caller: CallerDep, key: _Key = None) -> Once:
    """Give the request's way of being done once."""
    return Once(control, caller, key)


OnceDep = Annotated[Once, Depends(once_of)]


def _plain(answer: dict[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(answer))


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
