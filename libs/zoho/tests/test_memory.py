"""The in-memory implementations pass the suites that PostgreSQL's pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.protocols import SlotLimiter, TokenStore
from bridgework_zoho.suites import (
    CreditLedgerContract,
    MakeLedger,
    MakeLimiter,
    MovableClock,
    SlotLimiterContract,
    TokenStoreContract,
)


@pytest.fixture
def clock() -> MovableClock:
    """A clock the test moves."""
    return MovableClock()


class TestInMemoryTokenStore(TokenStoreContract):
    @pytest.fixture
    def store(self, clock: MovableClock) -> TokenStore:
        """A store of this test."""
        return InMemoryTokenStore(clock=clock)


class TestInMemoryCreditLedger(CreditLedgerContract):
    resolution_s = 1.0

    @pytest.fixture
    def make_ledger(self, clock: MovableClock) -> MakeLedger:
        """Makes ledgers."""
        return lambda allowance, share: InMemoryCreditLedger(
            allowance, keep_for_others=share, clock=clock
        )


class TestInMemorySlotLimiter(SlotLimiterContract):
    @pytest.fixture
    def make_limiter(self) -> MakeLimiter:
        """Makes limiters."""

        @asynccontextmanager
        async def make(total: int, heavy: int) -> AsyncIterator[SlotLimiter]:
            yield InMemorySlotLimiter(total, heavy)

        return make
