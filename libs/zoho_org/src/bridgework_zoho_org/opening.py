"""A client of one org that shares its tokens, credits and slots with every other process."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bridgework_store.pool import Pool
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.editions import FREE
from bridgework_zoho.settings import ZohoConnection, ZohoSettings
from bridgework_zoho.transport import CallReport

from bridgework_zoho_org.credits import PgCreditLedger
from bridgework_zoho_org.slots import PgSlotLimiter
from bridgework_zoho_org.tokens import PgTokenStore, Sealer

_NO_LIMIT = 1_000_000_000


@asynccontextmanager
async def open_zoho(
    pool: Pool,
    zoho: Mapping[str, Any],
    sealer: Sealer,
    *,
    settings: ZohoSettings,
    keep_for_others: float = 0.0,
    on_call: Callable[[CallReport], None] | None = None,
) -> AsyncIterator[ZohoClient]:
    """Open a client whose budget is the org's, read from ``GET /org`` (one credit).

    Args:
        pool: Database with the schema ``zoho_org`` (:func:`migrate_zoho_org`).
        zoho: The tenant's connection, as :class:`ZohoConnection` takes it.
        sealer: The tenant's; tokens are stored sealed.
        settings: Time limits and switches.
        keep_for_others: Share of the allowance left to the org's other apps.
        on_call: Told of every attempt, for metrics.

    Raises:
        ZohoError: The grant is revoked, or Zoho does not answer.
        StoreUnavailable: PostgreSQL does not answer.
    """
    connection = ZohoConnection.model_validate(zoho)
    org_id = connection.org_id
    tokens = PgTokenStore(pool, org_id, sealer)
    # The allowance is not known before this one call; it is booked all the same.
    async with (
        PgSlotLimiter(pool, org_id, FREE.slots) as first_slots,
        ZohoClient(
            connection,
            tokens=tokens,
            credits=PgCreditLedger(pool, org_id, _NO_LIMIT),
            slots=first_slots,
            settings=settings,
        ) as first,
    ):
        org = await first.org.get()
    ledger = PgCreditLedger(pool, org_id, org.daily_credits, keep_for_others=keep_for_others)
    async with (
        PgSlotLimiter(pool, org_id, org.edition.slots) as slots,
        ZohoClient(
            connection,
            tokens=tokens,
            credits=ledger,
            slots=slots,
            settings=settings,
            on_call=on_call,
        ) as client,
    ):
        yield client
