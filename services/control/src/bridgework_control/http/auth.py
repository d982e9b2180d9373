"""API keys: a bearer token that is good for one tenant, or for all of them."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from bridgework_store.errors import translate_errors
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bridgework_control.http.problems import ApiError
from bridgework_control.operations import Control, key_hash
from bridgework_control.run_operations import RunOperations

_BEARER = HTTPBearer(auto_error=False, description="An API key issued by this service.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; ``tenant_id`` is ``None`` for a key that reaches every tenant."""

    name: str
    tenant_id: str | None

    def check(self, tenant_id: str) -> None:
        """Refuse a tenant this key is not for, as if it did not exist.

        Raises:
            ApiError: ``not_found``.
        """
        if self.tenant_id is not None and self.tenant_id != tenant_id:
            raise ApiError("There is no such thing for this API key.", code="not_found")

    def check_everywhere(self) -> None:
        """Refuse a key that is for one tenant only.

        Raises:
            ApiError: ``forbidden``.
        """
        if self.tenant_id is not None:
            raise ApiError("This needs an API key for all tenants.", code="forbidden")


async def control_of(request: Request) -> AsyncIterator[Control]:
    """Give the operations this app was built with; PostgreSQL's errors leave as ours."""
    with translate_errors():
        yield request.app.state.control


ControlDep = Annotated[Control, Depends(control_of)]


async def runs_of(control: ControlDep) -> RunOperations:
    """Give the operations on runs."""
    return RunOperations(control)


RunsDep = Annotated[RunOperations, Depends(runs_of)]


async def caller_of(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    control: ControlDep,
) -> Caller:
    """Return who asks.

    Raises:
        ApiError: ``unauthorised``.
    """
    if credentials is None:
        raise ApiError("Send Authorization: Bearer <API key>.", code="unauthorised")
    bootstrap: str = request.app.state.bootstrap_api_key
    if secrets.compare_digest(credentials.credentials.encode(), bootstrap.encode()):
        return Caller("bootstrap", None)
    row = await control.pool.fetchrow(control.runs.api_key, key_hash(credentials.credentials))
    if row is None:
        raise ApiError("This API key is not known.", code="unauthorised")
    return Caller(row["name"], row["tenant_id"])


CallerDep = Annotated[Caller, Depends(caller_of)]
