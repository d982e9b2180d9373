"""PostgreSQL's implementations pass the suites that the in-memory ones pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bridgework_store.pool import Pool
from bridgework_store.sealing import TenantSealer
from bridgework_zoho.protocols import SlotLimiter, TokenStore
from bridgework_zoho.suites import (
    CreditLedgerContract,
    MakeLedger,
    MakeLimiter,
    MovableClock,
    SlotLimiterContract,
    TokenStoreContract,
)
from bridgework_zoho_org import PgCreditLedger, PgSlotLimiter, PgTokenStore

ORG = "60000001"


class TestPgTokenStore(TokenStoreContract):
    @pytest.fixture
    def store(self, pool: Pool, sealer: TenantSealer, clock: MovableClock) -> TokenStore:
        """A store of this test."""
        return PgTokenStore(pool, ORG, sealer, clock=clock)


class TestPgCreditLedger(CreditLedgerContract):
    resolution_s = 10.0

    @pytest.fixture
    def make_ledger(self, pool: Pool, clock: MovableClock) -> MakeLedger:
        """Makes ledgers of one org."""
        return lambda allowance, share: PgCreditLedger(
            pool, ORG, allowance, keep_for_others=share, clock=clock
        )


class TestPgSlotLimiter(SlotLimiterContract):
    @pytest.fixture
    def make_limiter(self, pool: Pool) -> MakeLimiter:
        """Makes limiters of one org."""

        @asynccontextmanager
        async def make(total: int, heavy: int) -> AsyncIterator[SlotLimiter]:
            async with PgSlotLimiter(pool, ORG, total, heavy) as limiter:
                yield limiter

        return make
