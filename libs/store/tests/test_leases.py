"""Leases: one holder, growing tokens, and an end that the holder notices."""

import asyncio
from pathlib import Path

import pytest
from bridgework_store.leases import LEASES_PART, Lease, LeaseHeld, LeaseLost, check_token, lease
from bridgework_store.migrations import migrate
from bridgework_store.pool import Pool


@pytest.fixture(autouse=True)
async def _schema(pool: Pool, tmp_path: Path) -> None:
    await migrate(pool, schema="s", path=tmp_path, parts=[LEASES_PART])


async def test_only_one_holder_at_a_time(pool: Pool) -> None:
    """Ten tasks take turns; never are two of them inside."""
    inside = 0
    most = 0
    tokens: list[int] = []

    async def work() -> None:
        nonlocal inside, most
        async with lease(pool, "org", 5, schema="s") as held:
            inside += 1
            most = max(most, inside)
            tokens.append(held.token)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert most == 1
    assert tokens == sorted(tokens)
    assert len(set(tokens)) == 10


async def test_a_held_lease_is_refused_after_the_waiting_time(pool: Pool) -> None:
    """wait_s=0 tries once."""
    async with lease(pool, "org", 5, schema="s"):
        with pytest.raises(LeaseHeld):
            async with lease(pool, "org", 5, schema="s", wait_s=0):
                pass


async def test_a_holder_that_lives_keeps_its_lease_beyond_the_ttl(pool: Pool) -> None:
    """The heartbeat renews: after three times the ttl nobody else got in."""
    async with lease(pool, "org", 0.3, schema="s"):
        with pytest.raises(LeaseHeld):
            async with lease(pool, "org", 0.3, schema="s", wait_s=0.9):
                pass


async def test_a_dead_holders_lease_is_taken_over_after_the_ttl(pool: Pool) -> None:
    """A crashed holder (no heartbeat, no release) delays the next one by the ttl only."""
    await pool.execute(
        "insert into s.leases values ('org', 'dead', 7, now(), now() + interval '0.2 s')"
    )
    async with lease(pool, "org", 1, schema="s", wait_s=5) as held:
        assert held.token == 8


async def test_a_lost_lease_cancels_the_block_and_says_so(pool: Pool) -> None:
    """When another holder took over, the block is interrupted with LeaseLost."""
    reached_the_end = False
    with pytest.raises(LeaseLost):  # noqa: PT012  # the lease is lost inside its block
        async with lease(pool, "org", 0.3, schema="s"):
            await pool.execute("update s.leases set token = token + 1, holder = 'other'")
            await asyncio.sleep(10)
            reached_the_end = True
    assert not reached_the_end
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await pool.fetchval("select holder from s.leases") == "other"


async def test_an_outside_cancellation_stays_a_cancellation_and_frees_the_lease(pool: Pool) -> None:
    """Stopping a holder is not losing its lease."""
    entered = asyncio.Event()

    async def hold() -> None:
        async with lease(pool, "org", 30, schema="s"):
            entered.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with lease(pool, "org", 1, schema="s", wait_s=0) as held:
        assert held.token == 2


async def test_an_error_of_the_block_passes_unchanged(pool: Pool) -> None:
    """The lease is freed and the caller sees its own exception."""
    with pytest.raises(KeyError, match="mine"):
        async with lease(pool, "org", 30, schema="s"):
            raise KeyError("mine")
    async with lease(pool, "org", 1, schema="s", wait_s=0):
        pass


async def test_a_fenced_write_of_a_replaced_holder_fails(pool: Pool) -> None:
    """check_token lets the newest holder pass and no older one."""
    async with lease(pool, "org", 30, schema="s") as held:
        async with pool.acquire() as connection, connection.transaction():
            await check_token(connection, held, schema="s")
        stale = Lease(held.name, held.holder, held.token - 1)
        with pytest.raises(LeaseLost):
            async with pool.acquire() as connection, connection.transaction():
                await check_token(connection, stale, schema="s")
