"""A master key and a tenant directory of one test."""

import base64
import os

import pytest
from bridgework_service.tenants import TenantDirectory, migrate_tenancy
from bridgework_store.pool import Pool
from bridgework_store.sealing import MasterKey
from pydantic import SecretStr


@pytest.fixture
def master_key() -> MasterKey:
    """A master key of this test."""
    return MasterKey(SecretStr(base64.b64encode(os.urandom(32)).decode()))


@pytest.fixture
async def directory(pool: Pool, master_key: MasterKey) -> TenantDirectory:
    """A migrated, empty tenant directory."""
    await migrate_tenancy(pool)
    return TenantDirectory(pool, master_key)
