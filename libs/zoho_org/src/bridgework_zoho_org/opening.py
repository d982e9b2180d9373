"""A client of one org that shares its tokens, credits and slots with every other process.

What the org's licence allows is asked once a day by one process and remembered for the others:
a process that sized its budget differently from its neighbours would starve or be refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bridgework_store.errors import translate_errors
from bridgework_store.names import advisory_key
from bridgework_store.pool import Pool, session_lock
from bridgework_store.statements import Statements
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.editions import FREE, Edition, edition_for, licensed_edition
from bridgework_zoho.errors import ZohoUnavailable
from bridgework_zoho.settings import ZohoConnection, ZohoSettings
from bridgework_zoho.transport import CallReport

from bridgework_zoho_org.credits import PgCreditLedger
from bridgework_zoho_org.schema import SCHEMA
from bridgework_zoho_org.slots import PgSlotLimiter
from bridgework_zoho_org.tokens import PgTokenStore, Sealer

PROFILE_LIFE_S = 24 * 3600.0
_NO_LIMIT = 1_000_000_000
_POLL_S = 0.1
_ALONE_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class OrgProfile:
    """What the licence of an org allows."""

    edition: Edition
    licences: int

    @property
    def daily_credits(self) -> int:
        """Credits of any 24 hours, add-ons not counted."""
        return self.edition.daily_credits(self.licences)


@asynccontextmanager
async def open_zoho(
    pool: Pool,
    zoho: Mapping[str, Any],
    sealer: Sealer,
    *,
    settings: ZohoSettings,
    keep_for_others: float = 0.0,
    on_call: Callable[[CallReport], None] | None = None,
    schema: str = SCHEMA,
) -> AsyncIterator[ZohoClient]:
    """Open a client whose budget is the org's, as ``GET /org`` said within the last day.

    Args:
        pool: Database with the schema ``zoho_org`` (:func:`migrate_zoho_org`).
        zoho: The tenant's connection, as :class:`ZohoConnection` takes it.
        sealer: The tenant's; tokens are stored sealed.
        settings: Time limits and switches; ``edition_override`` wins over what the org says.
        keep_for_others: Share of the allowance left to the org's other apps.
        on_call: Told of every attempt, for metrics.
        schema: Where :func:`migrate_zoho_org` made the tables.

    Raises:
        ZohoError: The grant is revoked, or Zoho does not answer.
        StoreUnavailable: PostgreSQL does not answer.
    """
    connection = ZohoConnection.model_validate(zoho)
    opening = _Opening(pool, connection, sealer, settings, on_call, schema)
    profile = await opening.profile()
    async with opening.client(profile, keep_for_others) as client:
        yield client


class _Opening:
    """The steps of ``open_zoho``."""

    def __init__(
        self,
        pool: Pool,
        connection: ZohoConnection,
        sealer: Sealer,
        settings: ZohoSettings,
        on_call: Callable[[CallReport], None] | None,
        schema: str,
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._sealer = sealer
        self._settings = settings
        self._on_call = on_call
        self._schema = schema
        self._sql = Statements.load("bridgework_zoho_org", "sql/profile.sql", schema=schema)

    @asynccontextmanager
    async def client(
        self, profile: OrgProfile | None, keep_for_others: float = 0.0
    ) -> AsyncIterator[ZohoClient]:
        """Open a client; an unknown profile has few slots, and credits that are booked only."""
        org_id = self._connection.org_id
        allowance = _NO_LIMIT if profile is None else profile.daily_credits
        ledger = PgCreditLedger(
            self._pool,
            org_id,
            self._settings.daily_credits or allowance,
            keep_for_others=keep_for_others,
            schema=self._schema,
        )
        total = (FREE if profile is None else profile.edition).slots
        async with (
            PgSlotLimiter(self._pool, org_id, total, schema=self._schema) as slots,
            ZohoClient(
                self._connection,
                tokens=PgTokenStore(self._pool, org_id, self._sealer, schema=self._schema),
                credits=ledger,
                slots=slots,
                settings=self._settings,
                on_call=self._on_call,
            ) as client,
        ):
            yield client

    async def profile(self) -> OrgProfile:
        """What the org said within the last day; asked by one process at a time."""
        known, fresh = await self._load()
        if known is not None and fresh:
            return self._overridden(known)
        async with self._alone():
            known, fresh = await self._load()
            if known is None or not fresh:
                known = await self._ask(known)
        return self._overridden(known)

    async def _ask(self, known: OrgProfile | None) -> OrgProfile:
        """Ask the org, sized by what was known yesterday: the other processes still are."""
        async with self.client(known) as client:
            org = await client.org.get()
        profile = OrgProfile(licensed_edition(org.raw), org.licences)
        with translate_errors():
            await self._pool.execute(
                self._sql.save_profile,
                self._connection.org_id,
                profile.edition.name,
                profile.licences,
            )
        return profile

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Let one process at a time in; who waits holds no connection meanwhile."""
        key = advisory_key("zoho org profile", self._schema, self._connection.org_id)
        deadline = time.monotonic() + _ALONE_WITHIN_S
        while True:
            with translate_errors():
                connection = await self._pool.acquire()
            try:
                with translate_errors():
                    async with session_lock(connection, key) as mine:
                        if mine:
                            yield
                            return
            finally:
                await self._pool.release(connection)
            if time.monotonic() > deadline:
                raise ZohoUnavailable(
                    "Another process is asking the org for its licence and does not finish.",
                    retry_after_s=_ALONE_WITHIN_S,
                )
            await asyncio.sleep(_POLL_S)

    async def _load(self) -> tuple[OrgProfile | None, bool]:
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.load_profile, self._connection.org_id)
        if row is None:
            return None, False
        profile = OrgProfile(edition_for(row["edition"]), row["licences"])
        return profile, row["age_s"] < PROFILE_LIFE_S

    def _overridden(self, profile: OrgProfile) -> OrgProfile:
        named = self._settings.edition_override
        return profile if named is None else OrgProfile(edition_for(named), profile.licences)
