"""One org's access token in PostgreSQL: minted by one process at a time, used by all.

The token is sealed by the caller before it becomes a row. The ten tokens Zoho mints in ten
minutes are counted per grant under the row's lock, so that no number of processes exceeds them.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

import orjson
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements
from bridgework_zoho.memory import TOKEN_WINDOW, TOKENS_PER_WINDOW
from bridgework_zoho.protocols import (
    AccessToken,
    Clock,
    GrantState,
    RefreshLease,
    RefreshWait,
)

from bridgework_zoho_org.schema import SCHEMA


class Sealer(Protocol):
    """What ``bridgework_store.sealing.TenantSealer`` does; any other may be given."""

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt a value for the place ``aad`` names."""

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """Decrypt it there."""


class PgTokenStore:
    """The ``TokenStore`` of one org, shared by every process on this database.

    Args:
        pool: Open pool.
        org_id: The org's zgid.
        sealer: Seals the token; all processes need the same key.
        clock: Only for tests; None means PostgreSQL's own clock, which all processes share.
    """

    def __init__(
        self,
        pool: Pool,
        org_id: str,
        sealer: Sealer,
        *,
        schema: str = SCHEMA,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._org_id = org_id
        self._sealer = sealer
        self._clock = clock
        self._sql = Statements.load("bridgework_zoho_org", "sql/tokens.sql", schema=schema)

    async def load(self, grant: str) -> GrantState:
        """Read what is known; raises ``UnsealFailed`` if another key sealed the token."""
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.load_grant, self._org_id, grant)
        if row is None:
            return GrantState()
        sealed: bytes | None = row["sealed_token"]
        if sealed is None:
            return GrantState(None, row["refused_code"])
        opened = orjson.loads(self._sealer.open(sealed, self._aad(grant)))
        token = AccessToken(opened["value"], row["expires_at"], opened["api_domain"])
        return GrantState(token, row["refused_code"])

    async def try_lease(self, grant: str, ttl_s: float) -> RefreshLease | RefreshWait:
        """Take the right to refresh; counts as one minted token when granted."""
        lease_id = uuid4()
        with translate_errors():
            row = await self._pool.fetchrow(
                self._sql.lease,
                self._org_id,
                grant,
                lease_id,
                timedelta(seconds=ttl_s),
                TOKENS_PER_WINDOW,
                TOKEN_WINDOW,
                self._now(),
            )
        if row is None:
            raise AssertionError("token_lease always answers with one row")
        if row["granted"]:
            return RefreshLease(str(lease_id))
        return RefreshWait(float(row["wait_s"]), bool(row["throttled"]))

    async def save(self, grant: str, lease: RefreshLease, token: AccessToken) -> None:
        """Publish the new token and end the lease; a lost lease changes nothing."""
        content = orjson.dumps({"value": token.value, "api_domain": token.api_domain})
        with translate_errors():
            await self._pool.execute(
                self._sql.save,
                self._org_id,
                grant,
                UUID(lease.lease_id),
                self._sealer.seal(content, self._aad(grant)),
                _digest(token.value),
                token.expires_at.astimezone(UTC),
            )

    async def release(
        self, grant: str, lease: RefreshLease, *, refused_code: str | None = None
    ) -> None:
        """End the lease without a token; with a code, every process hears of the refusal."""
        with translate_errors():
            await self._pool.execute(
                self._sql.release, self._org_id, grant, UUID(lease.lease_id), refused_code
            )

    async def discard(self, grant: str, value: str) -> None:
        """Forget this token if it is still the newest."""
        with translate_errors():
            await self._pool.execute(self._sql.discard, self._org_id, grant, _digest(value))

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock()

    def _aad(self, grant: str) -> bytes:
        return f"zoho_org.grant_token\0{self._org_id}\0{grant}".encode()


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
