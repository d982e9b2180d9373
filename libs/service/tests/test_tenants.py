"""Tenants: their keys, their Zoho connection, and their end."""

import asyncio
import base64
import os

import pytest
from bridgework_contracts.errors import ConfigurationError, ContractViolation
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import Subject, topic_name
from bridgework_service import tenants
from bridgework_service.tenants import (
    TenantClosed,
    TenantDirectory,
    TenantExists,
    TenantStatus,
    TenantUnknown,
    migrate_tenancy,
)
from bridgework_store.pool import Pool
from bridgework_store.sealing import MasterKey, UnsealFailed
from pydantic import SecretStr

HARBOR = TenantId("harbor")
ZOHO = {"dc": "com", "refresh_token": "canary-token"}


async def create_harbor(directory: TenantDirectory) -> tenants.Tenant:
    """Create a tenant with a Zoho connection."""
    return await directory.create(
        "harbor", "Harbor Dental", time_zone="America/New_York", partitions=4, zoho=ZOHO
    )


async def test_a_tenant_comes_back_as_it_was_created(
    directory: TenantDirectory, pool: Pool, master_key: MasterKey
) -> None:
    """Another process with the same master key reads the same and opens the same values."""
    created = await create_harbor(directory)
    blob = created.sealer.seal(b"value", b"")
    found = await TenantDirectory(pool, master_key).get(HARBOR)
    assert (found.tenant_id, found.display_name, found.partitions, found.time_zone) == (
        "harbor", "Harbor Dental", 4, "America/New_York"
    )  # fmt: skip
    assert found.zoho == ZOHO
    assert found.status is TenantStatus.ACTIVE
    assert found.sealer.open(blob, b"") == b"value"
    assert [tenant.tenant_id for tenant in await directory.list()] == ["harbor"]


async def test_secrets_are_neither_stored_nor_shown_in_the_clear(
    directory: TenantDirectory, pool: Pool
) -> None:
    """The table holds no token; repr of a tenant shows neither token nor name."""
    tenant = await create_harbor(directory)
    stored = await pool.fetchval("select t::text from tenancy.tenants t")
    assert b"canary".hex() not in stored
    assert "canary" not in stored
    assert "canary" not in repr(tenant)
    assert "Harbor" not in repr(tenant)


async def test_an_update_changes_what_is_given_and_raises_the_version(
    directory: TenantDirectory,
) -> None:
    """The version grows when services have to act on the change, and only then."""
    created = await create_harbor(directory)
    renamed = await directory.update(HARBOR, display_name="Harbor")
    assert (renamed.display_name, renamed.zoho) == ("Harbor", ZOHO)
    assert renamed.config_version == created.config_version
    moved = await directory.update(HARBOR, zoho={"dc": "eu"}, settings={"slots": 2})
    assert (moved.zoho, moved.settings) == ({"dc": "eu"}, {"slots": 2})
    assert moved.config_version == created.config_version + 1


async def test_ids_and_time_zones_are_checked(directory: TenantDirectory) -> None:
    """A tenant's id becomes part of topic names; its time zone decides what an hour is."""
    with pytest.raises(ContractViolation):
        await directory.create("Harbor Dental", "x", time_zone="UTC", partitions=1)
    with pytest.raises(ConfigurationError):
        await directory.create("harbor", "x", time_zone="Boston", partitions=1)
    await create_harbor(directory)
    with pytest.raises(ConfigurationError):
        await directory.update(HARBOR, time_zone="../etc/passwd")
    with pytest.raises(TenantExists):
        await create_harbor(directory)
    with pytest.raises(TenantUnknown):
        await directory.get(TenantId("nobody"))


async def test_destroying_the_key_erases_the_tenant_for_good(
    directory: TenantDirectory, pool: Pool, master_key: MasterKey
) -> None:
    """No directory, new or old, gives the sealer again, and the id is never used again."""
    await create_harbor(directory)
    await directory.destroy_key(HARBOR)
    await directory.destroy_key(HARBOR)
    for each in (directory, TenantDirectory(pool, master_key)):
        with pytest.raises(TenantClosed):
            await each.get(HARBOR)
        with pytest.raises(TenantUnknown):
            each.sealer_for(topic_name(HARBOR, Subject.WRITES))
    assert await directory.list() == ()
    with pytest.raises(TenantExists):
        await create_harbor(directory)
    row = await pool.fetchrow("select wrapped_data_key, zoho_connection from tenancy.tenants")
    assert row is not None
    assert (row["wrapped_data_key"], row["zoho_connection"]) == (None, None)


async def test_another_master_key_opens_nothing(directory: TenantDirectory, pool: Pool) -> None:
    """A process with the wrong master key fails clearly."""
    await create_harbor(directory)
    wrong = MasterKey(SecretStr(base64.b64encode(os.urandom(32)).decode()))
    with pytest.raises(UnsealFailed):
        await TenantDirectory(pool, wrong).get(HARBOR)


async def test_rewrapping_moves_every_key_to_the_new_master(pool: Pool) -> None:
    """After a rotation the old master key is not needed, and sealed values still open."""
    old, new = (SecretStr(base64.b64encode(os.urandom(32)).decode()) for _ in range(2))
    await migrate_tenancy(pool)
    created = await create_harbor(TenantDirectory(pool, MasterKey(old)))
    both = TenantDirectory(pool, MasterKey(new, [old]))
    assert await both.rewrap_keys() == 1
    assert await both.rewrap_keys() == 0
    found = await TenantDirectory(pool, MasterKey(new)).get(HARBOR)
    assert found.zoho == ZOHO
    assert found.sealer.open(created.sealer.seal(b"v", b""), b"") == b"v"


async def test_topics_lead_to_their_tenants_sealer(directory: TenantDirectory) -> None:
    """Values on a tenant's topic are sealed by its key, without I/O."""
    tenant = await create_harbor(directory)
    assert directory.sealer_for("bridgework.harbor.writes.v1") is tenant.sealer
    assert await directory.sealer(HARBOR) is tenant.sealer


async def test_watching_shows_newcomers_and_leavers(
    directory: TenantDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is given at first and after each change, paused and closed tenants are not in it."""
    monkeypatch.setattr(tenants, "POLL_S", 0.02)
    stop = asyncio.Event()
    seen: list[set[TenantId]] = []
    async with asyncio.timeout(10):
        async for active in directory.watch(stop):
            seen.append(active)
            match len(seen):
                case 1:
                    await create_harbor(directory)
                case 2:
                    await directory.update(HARBOR, status=TenantStatus.PAUSED)
                case 3:
                    await directory.update(HARBOR, status=TenantStatus.ACTIVE)
                case 4:
                    await directory.destroy_key(HARBOR)
                case _:
                    stop.set()
    assert seen == [set(), {"harbor"}, set(), {"harbor"}, set()]


async def test_a_destroyed_key_leaves_the_memory_of_other_processes(
    directory: TenantDirectory,
    pool: Pool,
    master_key: MasterKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that watches forgets the key within one poll; a pause keeps it."""
    monkeypatch.setattr(tenants, "POLL_S", 0.02)
    await create_harbor(directory)
    other = TenantDirectory(pool, master_key)
    await other.get(HARBOR)
    stop = asyncio.Event()
    topic = topic_name(HARBOR, Subject.FILES)
    changes = 0
    async with asyncio.timeout(10):
        async for _ in other.watch_versions(stop):
            changes += 1
            if changes == 1:
                await directory.update(HARBOR, status=TenantStatus.PAUSED)
            elif changes == 2:
                assert other.sealer_for(topic) is not None
                await directory.update(HARBOR, status=TenantStatus.ACTIVE)
            elif changes == 3:
                await directory.destroy_key(HARBOR)
            else:
                stop.set()
    with pytest.raises(TenantUnknown):
        other.sealer_for(topic)
