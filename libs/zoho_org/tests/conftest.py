"""A pool on a fresh database with this package's schema."""

import base64
import os
from collections.abc import AsyncIterator

import pytest
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import MasterKey, TenantSealer, new_tenant_key, unwrap
from bridgework_zoho.suites import MovableClock
from bridgework_zoho_org.schema import migrate_zoho_org
from pydantic import SecretStr


@pytest.fixture
def clock() -> MovableClock:
    """A clock the test moves."""
    return MovableClock()


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on the test's own database, migrated."""
    settings = StoreSettings(dsn=SecretStr(database), max_size=10)
    async with open_pool(settings) as opened:
        await migrate_zoho_org(opened)
        yield opened


@pytest.fixture
def sealer() -> TenantSealer:
    """A sealer of a new tenant."""
    master = MasterKey(SecretStr(base64.b64encode(os.urandom(32)).decode()))
    return TenantSealer(unwrap(master, new_tenant_key(master)))
