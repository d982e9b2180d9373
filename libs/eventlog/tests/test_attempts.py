"""The attempt stores keep the same contract."""

from collections.abc import AsyncIterator

import pytest
from bridgework_eventlog.attempts import AttemptStore, PostgresAttempts
from bridgework_store.pool import StoreSettings, open_pool
from bridgework_testkit.attempts import AttemptStoreContract, InMemoryAttempts
from pydantic import SecretStr


class TestInMemoryAttempts(AttemptStoreContract):
    """The fake."""

    @pytest.fixture
    async def store(self) -> AttemptStore:
        """Return an empty store."""
        return InMemoryAttempts()


class TestPostgresAttempts(AttemptStoreContract):
    """The real one, in a database that has no schema yet (as with Kafka)."""

    @pytest.fixture
    async def store(self, database: str) -> AsyncIterator[AttemptStore]:
        """Yield a store in an empty database."""
        async with open_pool(StoreSettings(dsn=SecretStr(database))) as pool:
            yield PostgresAttempts(pool)
