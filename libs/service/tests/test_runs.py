"""Runs: remembered across restarts, sealed, and never changed."""

from pathlib import Path

import pytest
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.runs import OwnerDecision, RunKind, RunSpec, SourceSpec, Wave
from bridgework_service.runs import RUNS_PART, RunRegistry, RunStatus, RunUnknown
from bridgework_service.tenants import TenantClosed, TenantDirectory
from bridgework_store.migrations import migrate
from bridgework_store.pool import Pool
from bridgework_store.sealing import MasterKey

HARBOR = TenantId("harbor")


def spec_of(run_id: str, fallback: str = "9") -> RunSpec:
    """Build a small specification."""
    return RunSpec(
        run_id=RunId(run_id),
        job_id=JobId("job_1"),
        tenant_id=HARBOR,
        kind=RunKind.FULL,
        mapping={"version": 1},
        mapping_hash="abc",
        waves=(Wave(index=1, objects=("carrier",)),),
        owners=(
            OwnerDecision(provider_key="canary-key", user_id="1", evidence="email", review=False),
        ),
        fallback_user_id=fallback,
        source=SourceSpec(export_path="/exports/harbor"),
    )


@pytest.fixture
async def registry(pool: Pool, directory: TenantDirectory, tmp_path: Path) -> RunRegistry:
    """A registry in a migrated schema, with one tenant."""
    await migrate(pool, schema="loader", path=tmp_path, parts=[RUNS_PART])
    await directory.create("harbor", "Harbor", time_zone="UTC", partitions=1)
    return RunRegistry(pool, "loader", directory.sealer)


async def test_a_run_survives_a_restart(
    registry: RunRegistry, pool: Pool, master_key: MasterKey
) -> None:
    """A new process with an empty memory reads the same specification."""
    await registry.put(spec_of("run_1"))
    restarted = RunRegistry(pool, "loader", TenantDirectory(pool, master_key).sealer)
    assert await restarted.get(RunId("run_1")) == spec_of("run_1")


async def test_specifications_are_stored_sealed(registry: RunRegistry, pool: Pool) -> None:
    """Nothing of the specification stands in the table in the clear."""
    await registry.put(spec_of("run_1"))
    stored: bytes = await pool.fetchval("select spec from loader.runs")
    assert b"canary" not in stored


async def test_a_replayed_start_changes_nothing(registry: RunRegistry) -> None:
    """The first specification stays, in memory and in the table."""
    await registry.put(spec_of("run_1"))
    await registry.put(spec_of("run_1", fallback="other"))
    assert (await registry.get(RunId("run_1"))).fallback_user_id == "9"


async def test_a_known_run_is_read_once(registry: RunRegistry, pool: Pool) -> None:
    """The second look needs no database: even after the row is gone."""
    await registry.put(spec_of("run_1"))
    first = await registry.get(RunId("run_1"))
    await pool.execute("delete from loader.runs")
    assert await registry.get(RunId("run_1")) is first


async def test_a_put_that_was_rolled_back_is_not_remembered(
    registry: RunRegistry, pool: Pool
) -> None:
    """Inside a transaction the run shares the transaction's fate."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await registry.put(spec_of("run_1"), connection)
        await transaction.rollback()
    with pytest.raises(RunUnknown):
        await registry.get(RunId("run_1"))


async def test_an_unknown_run_is_held_not_failed(registry: RunRegistry) -> None:
    """A record may overtake its StartRun: the error is transient."""
    for ask in (registry.get, registry.status, registry.get_run):
        with pytest.raises(RunUnknown):
            await ask(RunId("run_404"))
    with pytest.raises(RunUnknown):
        await registry.set_status(RunId("run_404"), RunStatus.FINISHED)


async def test_runs_are_listed_by_status_and_tenant(registry: RunRegistry) -> None:
    """Finished runs have an end, and leave the list of started ones."""
    for run_id in ("run_1", "run_2", "run_3"):
        await registry.put(spec_of(run_id))
    await registry.set_status(RunId("run_2"), RunStatus.FINISHED)
    first_end = (await registry.get_run(RunId("run_2"))).finished_at
    await registry.set_status(RunId("run_2"), RunStatus.FINISHED)
    assert (await registry.get_run(RunId("run_2"))).finished_at == first_end is not None
    started = await registry.list(RunStatus.STARTED)
    assert [run.spec.run_id for run in started] == ["run_1", "run_3"]
    assert len(await registry.list(tenant_id=HARBOR)) == 3
    assert await registry.list(tenant_id=TenantId("other")) == []
    assert await registry.status(RunId("run_2")) is RunStatus.FINISHED


async def test_an_erased_tenants_runs_cannot_be_read(
    registry: RunRegistry, directory: TenantDirectory
) -> None:
    """Crypto-shredding reaches the specifications."""
    await registry.put(spec_of("run_1"))
    await directory.destroy_key(HARBOR)
    with pytest.raises(TenantClosed):
        await registry.get(RunId("run_1"))
