"""What only several processes on one database can show; here each has its own pool."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from bridgework_contracts.errors import StoreUnavailable
from bridgework_store.errors import StoreDefect
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import TenantSealer, UnsealFailed
from bridgework_zoho.errors import CreditsExhausted
from bridgework_zoho.protocols import AccessToken, RefreshLease
from bridgework_zoho_org import PgCreditLedger, PgSlotLimiter, PgTokenStore, SlotPace
from pydantic import SecretStr

ORG = "60000001"
QUICK = SlotPace(ttl_s=1.0, renew_s=0.05, idle_s=0.05, starved_s=0.01)


class _Traffic:
    """Calls of several processes, counted together."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.inside_heavy = self.most_heavy = 0
        self.done: list[int] = []

    async def worker(self, limiter: PgSlotLimiter, at: int, until: float, *, heavy: bool) -> None:
        while time.monotonic() < until:
            async with limiter.acquire(heavy=heavy):
                self.inside += 1
                self.inside_heavy += heavy
                self.most = max(self.most, self.inside)
                self.most_heavy = max(self.most_heavy, self.inside_heavy)
                await asyncio.sleep(0.005)
                self.inside -= 1
                self.inside_heavy -= heavy
            self.done[at] += 1


@asynccontextmanager
async def _limiters(
    dsn: str, count: int, total: int, heavy: int, pace: SlotPace = QUICK
) -> AsyncIterator[list[PgSlotLimiter]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            settings = StoreSettings(dsn=SecretStr(dsn), max_size=2)
            pool = await stack.enter_async_context(open_pool(settings))
            made.append(
                await stack.enter_async_context(PgSlotLimiter(pool, ORG, total, heavy, pace=pace))
            )
        yield made


async def test_four_processes_together_never_exceed_the_limits(pool: Pool, database: str) -> None:
    """Twenty slots, ten of them for heavy calls; everybody wants more than there is."""
    traffic = _Traffic()
    traffic.done = [0] * 4
    async with _limiters(database, 4, total=20, heavy=10) as limiters, asyncio.TaskGroup() as tasks:
        until = time.monotonic() + 2.0
        for at, limiter in enumerate(limiters):
            for number in range(20):
                tasks.create_task(traffic.worker(limiter, at, until, heavy=number % 2 == 0))
    assert traffic.most <= 20
    assert traffic.most_heavy <= 10
    assert traffic.most >= 15, "the slots were not used"
    assert min(traffic.done) > 0.4 * max(traffic.done), f"unfair: {traffic.done}"


async def test_a_newcomer_soon_gets_its_share_of_a_busy_org(pool: Pool, database: str) -> None:
    """One process holds all slots with calls in flight; the second waits a fraction of that."""
    traffic = _Traffic()
    traffic.done = [0, 0]
    async with _limiters(database, 2, total=10, heavy=10) as (first, second):
        until = time.monotonic() + 30.0  # cut short once the newcomer has had its turn
        busy = [
            asyncio.create_task(traffic.worker(first, 0, until, heavy=False)) for _ in range(30)
        ]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(10), second.acquire(heavy=False):
            assert traffic.inside > 0, "nobody was busy any more"
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_more_processes_than_slots_take_turns(pool: Pool, database: str) -> None:
    """Six processes, five slots (the free edition): within a few turns everybody has had one."""
    traffic = _Traffic()
    traffic.done = [0] * 6
    async with _limiters(database, 6, total=5, heavy=5) as limiters:
        until = time.monotonic() + 30.0  # cut short once everybody has had a turn
        busy = [
            asyncio.create_task(traffic.worker(limiter, at, until, heavy=False))
            for at, limiter in enumerate(limiters)
            for _ in range(3)
        ]
        while min(traffic.done) == 0 and time.monotonic() < until:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.05)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    assert traffic.most <= 5
    assert min(traffic.done) > 0, traffic.done


async def test_an_idle_process_gives_its_slots_back(pool: Pool, database: str) -> None:
    """After a burst, slots linger for the next one and are then free for others."""
    pace = SlotPace(renew_s=0.05, idle_s=0.05, starved_s=0.01, linger_s=1.5)
    async with _limiters(database, 1, total=20, heavy=10, pace=pace) as (limiter,):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(_hold(limiter, 0.05))
        assert (await limiter.in_use())[0] == 20
        await _eventually(limiter, (0, 0))


async def test_slots_of_a_killed_process_return_after_its_lease(pool: Pool, database: str) -> None:
    """Nobody said good-bye: the heartbeat is missed and the slots are dealt out again."""
    dead = PgSlotLimiter(pool, ORG, 5, 5, pace=QUICK)
    await dead.__aenter__()
    holding = [asyncio.create_task(_hold(dead, 3600)) for _ in range(5)]
    await _eventually(dead, (5, 0))
    assert dead._keeper is not None
    dead._keeper.cancel()
    async with _limiters(database, 1, total=5, heavy=5) as (alive,):
        before = time.monotonic()
        async with asyncio.timeout(15), alive.acquire(heavy=False):
            assert time.monotonic() - before > 0.3
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)


async def test_a_process_cut_off_from_the_store_stops_starting_calls(
    pool: Pool, database: str
) -> None:
    """Before its lease can have gone to others it refuses, with a reason, instead of hanging."""
    settings = StoreSettings(dsn=SecretStr(database), max_size=2)
    async with open_pool(settings) as own:
        limiter = PgSlotLimiter(own, ORG, 5, 5, pace=QUICK)
        await limiter.__aenter__()
        async with limiter.acquire(heavy=False):
            pass
        own.terminate()
        await asyncio.sleep(QUICK.ttl_s)
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(5), limiter.acquire(heavy=False):
                pass
        await limiter.__aexit__(None, None, None)


async def test_two_ledgers_of_an_org_are_one(pool: Pool) -> None:
    """What one process reserves is gone for the other; purposes are reported apart."""
    first, second = PgCreditLedger(pool, ORG, 100), PgCreditLedger(pool, ORG, 100)
    await first.reserve(60, "records.insert")
    reservation = await second.reserve(30, "coql")
    with pytest.raises(CreditsExhausted):
        await first.reserve(11, "coql")
    await reservation.settle(3, remaining=20)
    assert await first.available() == 20
    assert await first.by_purpose() == {"records.insert": 60, "other apps": 17, "coql": 3}
    assert await PgCreditLedger(pool, "another org", 100).available() == 100


async def test_a_reservation_that_is_never_settled_counts_as_spent(pool: Pool) -> None:
    """A process that dies between call and answer cannot make the ledger too generous."""
    await PgCreditLedger(pool, ORG, 100).reserve(60, "records.insert")
    assert await PgCreditLedger(pool, ORG, 100).available() == 40


async def test_settling_without_news_costs_no_statement(pool: Pool) -> None:
    """The usual call is one round trip: what was reserved was spent and Zoho agrees."""
    ledger = PgCreditLedger(pool, ORG, 100)
    reservation = await ledger.reserve(10, "a")
    await pool.execute("drop function zoho_org.credit_settle")
    await reservation.settle(10, remaining=90)


async def test_a_token_is_never_stored_in_the_clear(pool: Pool, sealer: TenantSealer) -> None:
    """Neither the value nor its host appear in the row, and another org's row does not open it."""
    store = PgTokenStore(pool, ORG, sealer)
    lease = await store.try_lease("grant", 30)
    assert isinstance(lease, RefreshLease)
    ends = datetime.now(UTC) + timedelta(hours=1)
    await store.save("grant", lease, AccessToken("1000.secret", ends, "https://www.zohoapis.eu"))
    sealed = await pool.fetchval("select sealed_token from zoho_org.grant_token")
    assert b"secret" not in sealed
    row_as_text = await pool.fetchval("select t::text from zoho_org.grant_token t")
    assert "secret" not in row_as_text
    await pool.execute("update zoho_org.grant_token set org_id = 'another'")
    with pytest.raises(UnsealFailed):
        await PgTokenStore(pool, "another", sealer).load("grant")


async def _hold(limiter: PgSlotLimiter, for_s: float) -> None:
    async with limiter.acquire(heavy=False):
        await asyncio.sleep(for_s)


async def _eventually(limiter: PgSlotLimiter, wanted: tuple[int, int]) -> None:
    deadline = time.monotonic() + 5
    while (seen := await limiter.in_use()) != wanted:
        assert time.monotonic() < deadline, f"holds {seen}, expected {wanted}"
        await asyncio.sleep(0.01)


async def test_without_its_keeper_nobody_waits_for_ever(pool: Pool) -> None:
    """A defect in the statements ends the keeper; callers hear of it instead of hanging."""
    limiter = PgSlotLimiter(pool, ORG, 1, 1, pace=QUICK)
    await limiter.__aenter__()
    async with limiter.acquire(heavy=False):
        waiting = asyncio.create_task(_hold(limiter, 0))
        await pool.execute("drop function zoho_org.slot_balance")
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(5):
                await waiting
    with pytest.raises(StoreDefect):
        async with limiter.acquire(heavy=False):
            pass
    with pytest.raises(StoreDefect):
        await limiter.__aexit__(None, None, None)
