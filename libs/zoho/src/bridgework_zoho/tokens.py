"""Gives every call a living access token while minting as few as possible.

Zoho mints ten access tokens per refresh token in ten minutes and then refuses all of them
(fact sheet §1.3). So the token lives in a store that all processes share, one of them at a time
holds the lease to refresh it, and it is refreshed before it dies while the others go on using it.
"""

import asyncio
import hashlib
import random
from datetime import datetime, timedelta

import httpx
import orjson

from bridgework_zoho.advice import explain
from bridgework_zoho.errors import GrantLost, TokenThrottled, ZohoUnavailable
from bridgework_zoho.memory import TOKEN_WINDOW
from bridgework_zoho.protocols import (
    AccessToken,
    Clock,
    GrantState,
    RefreshLease,
    TokenStore,
    utc_now,
)
from bridgework_zoho.settings import ZohoConnection, ZohoSettings

_DEAD_GRANT = frozenset(
    {"invalid_code", "invalid_client", "invalid_client_secret", "invalid_grant", "access_denied"}
)
_HTTP_SERVER_ERROR = 500
_LOOK_AGAIN_S = 2.0
_POLL_S = 0.05


class TokenSource:
    """The access token of one connection."""

    def __init__(
        self,
        connection: ZohoConnection,
        store: TokenStore,
        http: httpx.AsyncClient,
        settings: ZohoSettings,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._connection = connection
        self._store = store
        self._http = http
        self._settings = settings
        self._clock = clock
        secret = f"{connection.client_id}\0{connection.refresh_token.get_secret_value()}"
        self._grant = hashlib.sha256(secret.encode()).hexdigest()
        self._current: AccessToken | None = None
        self._look_again_at = clock()
        self._lock = asyncio.Lock()

    @property
    def api_domain(self) -> str:
        """API host to use now: configured, else what the token answer said, else the table."""
        if self._connection.api_domain:
            return self._connection.api_domain.rstrip("/")
        if self._current is not None and self._current.api_domain:
            return self._current.api_domain
        return self._connection.fallback_api_domain

    async def token(self) -> AccessToken:
        """Give a token that is alive now.

        Raises:
            GrantLost: Zoho refuses the grant; stays so until the connection is made again.
            TokenThrottled: None is alive and none may be minted before ``retry_after_s``.
            ZohoUnavailable: None is alive and the token endpoint or the other refresher is silent.
        """
        now = self._clock()
        current = self._current
        if current is not None and current.expires_at > now:
            fresh = current.expires_at - now > self._ahead
            if fresh or now < self._look_again_at:
                return current
        async with self._lock:
            return await self._look()

    async def reject(self, token: AccessToken) -> None:
        """Zoho said that this token is invalid: nobody shall use it again."""
        async with self._lock:
            if self._current is not None and self._current.value == token.value:
                self._current = None
            await self._store.discard(self._grant, token.value)

    @property
    def _ahead(self) -> timedelta:
        return timedelta(seconds=self._settings.token_refresh_ahead_s)

    async def _look(self) -> AccessToken:
        deadline = self._clock() + timedelta(seconds=self._settings.wait_for_token_s)
        waits = 0
        while True:
            state = await self._store.load(self._grant)
            alive = self._usable(state)
            if alive is not None and alive.expires_at - self._clock() > self._ahead:
                return alive
            turn = await self._store.try_lease(self._grant, self._settings.wait_for_token_s)
            if isinstance(turn, RefreshLease):
                return await self._mint(turn)
            if alive is not None:
                # Somebody else is at it, or it must wait; the old one serves until it dies.
                self._look_again_at = self._clock() + timedelta(seconds=_LOOK_AGAIN_S)
                return alive
            if turn.throttled:
                raise TokenThrottled(
                    "Ten access tokens were minted in ten minutes; none is left alive.",
                    retry_after_s=turn.wait_s,
                )
            if self._clock() >= deadline or waits > self._settings.wait_for_token_s / _POLL_S:
                raise ZohoUnavailable(
                    "Another process holds the token refresh and does not finish.",
                    retry_after_s=turn.wait_s,
                )
            waits += 1
            await asyncio.sleep(min(turn.wait_s, _POLL_S * random.uniform(0.5, 1.5)))  # noqa: S311 - jitter, not a secret

    def _usable(self, state: GrantState) -> AccessToken | None:
        if state.refused_code is not None:
            raise self._grant_lost(state.refused_code)
        if state.token is None or state.token.expires_at <= self._clock():
            return None
        self._current = state.token
        return state.token

    async def _mint(self, lease: RefreshLease) -> AccessToken:
        try:
            token = await self._ask_for_token()
        except GrantLost as lost:
            await self._store.release(self._grant, lease, refused_code=lost.code)
            raise
        except BaseException:
            await self._store.release(self._grant, lease)
            raise
        await self._store.save(self._grant, lease, token)
        self._current = token
        return token

    async def _ask_for_token(self) -> AccessToken:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._connection.client_id,
            "client_secret": self._connection.client_secret.get_secret_value(),
            "refresh_token": self._connection.refresh_token.get_secret_value(),
        }
        asked_at = self._clock()
        # The ten tokens of ten minutes are counted by the store, for all processes at once.
        try:
            answer = await self._http.post(
                self._connection.token_url,
                data=form,
                timeout=self._settings.connect_timeout_s,
                follow_redirects=False,
            )
        except httpx.HTTPError as exc:
            raise ZohoUnavailable(
                "The token endpoint did not answer; it is asked again.",
                error=type(exc).__name__,
            ) from exc
        return self._read(answer, asked_at)

    def _read(self, answer: httpx.Response, asked_at: datetime) -> AccessToken:
        try:
            body = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            body = {}
        error = body.get("error")
        if error in _DEAD_GRANT:
            raise self._grant_lost(str(error))
        if error == "Access Denied":
            raise TokenThrottled(
                "Zoho mints no more access tokens for now.",
                retry_after_s=TOKEN_WINDOW.total_seconds(),
                http_status=answer.status_code,
            )
        value = body.get("access_token")
        if error or answer.status_code >= _HTTP_SERVER_ERROR or not isinstance(value, str):
            raise ZohoUnavailable(
                "The token endpoint gave no token; it is asked again.",
                http_status=answer.status_code,
                error=str(error or "no_token"),
            )
        lifetime = body.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 3600.0
        domain = body.get("api_domain")
        return AccessToken(
            value=value,
            expires_at=asked_at + timedelta(seconds=seconds),
            api_domain=domain.rstrip("/") if isinstance(domain, str) and domain else None,
        )

    def _grant_lost(self, code: str) -> GrantLost:
        advice = explain("AUTHENTICATION_FAILURE")
        return GrantLost(
            f"Zoho no longer accepts the connection of this org ({code}). {advice.remedy}",
            code=code,
            remedy=advice.remedy,
        )
