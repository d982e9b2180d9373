"""A pool on a fresh database with this package's schema."""

import base64
import os

import pytest
from bridgework_store.pool import Pool
from bridgework_store.sealing import MasterKey, TenantSealer, new_tenant_key, unwrap
from bridgework_zoho.suites import MovableClock
from bridgework_zoho_org.schema import migrate_zoho_org
from pydantic import SecretStr


@pytest.fixture
def clock() -> MovableClock:
    """A clock the test moves."""
    return MovableClock()


@pytest.fixture
async def pool(pool: Pool) -> Pool:
    """A pool on the test's own database, migrated."""
    await migrate_zoho_org(pool)
    return pool


@pytest.fixture
def sealer() -> TenantSealer:
    """A sealer of a new tenant."""
    master = MasterKey(SecretStr(base64.b64encode(os.urandom(32)).decode()))
    return TenantSealer(unwrap(master, new_tenant_key(master)))
