"""One PostgreSQL server per session, one empty database per test."""

import base64
import os
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
from bridgework_embedded.postgres import running_postgres
from bridgework_service.tenants import TenantDirectory, migrate_tenancy
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import MasterKey
from pydantic import SecretStr


@pytest.fixture(scope="session")
async def server_dsn() -> AsyncIterator[str]:
    """Address of a maintenance database: the one given, or a server of our own."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    async with running_postgres(None, durable=False) as server:
        yield server.dsn


@pytest.fixture
async def dsn(server_dsn: str) -> AsyncIterator[str]:
    """Address of a database that only this test uses."""
    name = f"service_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server_dsn)
    try:
        await admin.execute(f"create database {name}")
        yield server_dsn.rsplit("/", 1)[0] + f"/{name}"
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
def settings(dsn: str) -> StoreSettings:
    """Settings that point to the test's database."""
    return StoreSettings(
        dsn=SecretStr(dsn), max_size=10, application_name="bridgework-service-tests"
    )


@pytest.fixture
async def pool(settings: StoreSettings) -> AsyncIterator[Pool]:
    """A pool on the test's database."""
    async with open_pool(settings) as opened:
        yield opened


@pytest.fixture
def master_key() -> MasterKey:
    """A master key of this test."""
    return MasterKey(SecretStr(base64.b64encode(os.urandom(32)).decode()))


@pytest.fixture
async def directory(pool: Pool, master_key: MasterKey) -> TenantDirectory:
    """A migrated, empty tenant directory."""
    await migrate_tenancy(pool)
    return TenantDirectory(pool, master_key)
