"""What every token store, credit ledger and slot limiter must do, as test classes.

A package with an implementation subclasses these in its tests and provides the fixtures named in
each class. Needs pytest, which the package itself does not.
"""

# A contract suite asserts with plain numbers; it lives here so that two packages can share it.
# ruff: noqa: S101, PLR2004

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest

from bridgework_zoho.errors import CreditsExhausted
from bridgework_zoho.protocols import (
    AccessToken,
    CreditLedger,
    RefreshLease,
    RefreshWait,
    SlotLimiter,
    TokenStore,
)

START = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
GRANT, OTHER_GRANT = "grant-one", "grant-two"
LEASE_S = 30.0


class MovableClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Let time pass: ``advance(hours=24)``."""
        self.now += timedelta(**parts)


def token(value: str = "token-1") -> AccessToken:
    """A token that lives for an hour."""
    return AccessToken(value, START + timedelta(hours=1), "https://www.zohoapis.test")


class TokenStoreContract:
    """Fixtures: ``store``, and the ``clock`` it reads."""

    async def test_an_unknown_grant_has_nothing(self, store: TokenStore) -> None:
        """Before the first refresh there is neither token nor refusal."""
        state = await store.load(GRANT)
        assert (state.token, state.refused_code) == (None, None)

    async def test_a_saved_token_is_read_back_whole(self, store: TokenStore) -> None:
        """Value, end and API domain survive."""
        lease = await _lease(store)
        await store.save(GRANT, lease, token())
        assert (await store.load(GRANT)).token == token()

    async def test_only_one_holds_the_lease(self, store: TokenStore, clock: MovableClock) -> None:
        """A second taker is told to wait until the lease ends, and gets it then."""
        await _lease(store)
        clock.advance(seconds=10)
        waiting = await store.try_lease(GRANT, LEASE_S)
        assert isinstance(waiting, RefreshWait)
        assert not waiting.throttled
        assert waiting.wait_s == pytest.approx(20.0)
        clock.advance(seconds=20)
        assert isinstance(await store.try_lease(GRANT, LEASE_S), RefreshLease)

    async def test_twenty_takers_at_once_make_one_holder(self, store: TokenStore) -> None:
        """Nothing slips through between looking and taking."""
        answers = await asyncio.gather(*(store.try_lease(GRANT, LEASE_S) for _ in range(20)))
        assert sum(isinstance(one, RefreshLease) for one in answers) == 1

    async def test_saving_ends_the_lease(self, store: TokenStore) -> None:
        """The next refresh need not wait for the lease to run out."""
        await store.save(GRANT, await _lease(store), token())
        assert isinstance(await store.try_lease(GRANT, LEASE_S), RefreshLease)

    async def test_a_lost_lease_changes_nothing(
        self, store: TokenStore, clock: MovableClock
    ) -> None:
        """Who was too slow cannot overwrite what its successor saved."""
        slow = await _lease(store)
        clock.advance(seconds=LEASE_S)
        await store.save(GRANT, await _lease(store), token("newer"))
        await store.save(GRANT, slow, token("older"))
        await store.release(GRANT, slow, refused_code="invalid_code")
        state = await store.load(GRANT)
        assert state.token is not None
        assert (state.token.value, state.refused_code) == ("newer", None)

    async def test_the_eleventh_token_of_ten_minutes_waits(
        self, store: TokenStore, clock: MovableClock
    ) -> None:
        """Ten in any ten minutes, not ten per clock interval; failed refreshes count as well."""
        for at in range(10):
            await store.release(GRANT, await _lease(store))
            clock.advance(seconds=30 if at < 9 else 0)
        refused = await store.try_lease(GRANT, LEASE_S)
        assert isinstance(refused, RefreshWait)
        assert refused.throttled
        assert refused.wait_s == pytest.approx(330.0)
        clock.advance(seconds=330)
        await store.release(GRANT, await _lease(store))
        again = await store.try_lease(GRANT, LEASE_S)
        assert isinstance(again, RefreshWait)
        assert again.wait_s == pytest.approx(30.0)

    async def test_a_refusal_is_known_to_all_until_a_token_is_saved(
        self, store: TokenStore
    ) -> None:
        """A revoked grant pauses everybody, with its reason."""
        await store.release(GRANT, await _lease(store), refused_code="invalid_code")
        assert (await store.load(GRANT)).refused_code == "invalid_code"
        await store.save(GRANT, await _lease(store), token())
        assert (await store.load(GRANT)).refused_code is None

    async def test_a_new_grant_starts_afresh(self, store: TokenStore) -> None:
        """Authorising again clears the refusal and the count of minted tokens."""
        for _ in range(10):
            await store.release(GRANT, await _lease(store), refused_code="invalid_code")
        assert (await store.load(OTHER_GRANT)).refused_code is None
        assert isinstance(await store.try_lease(OTHER_GRANT, LEASE_S), RefreshLease)

    async def test_discarding_forgets_only_the_newest(self, store: TokenStore) -> None:
        """A late complaint about an old token does not throw the new one away."""
        await store.save(GRANT, await _lease(store), token("old"))
        await store.save(GRANT, await _lease(store), token("new"))
        await store.discard(GRANT, "old")
        assert (await store.load(GRANT)).token is not None
        await store.discard(GRANT, "new")
        assert (await store.load(GRANT)).token is None


async def _lease(store: TokenStore) -> RefreshLease:
    lease = await store.try_lease(GRANT, LEASE_S)
    assert isinstance(lease, RefreshLease)
    return lease


MakeLedger = Callable[[int, float], CreditLedger]


class CreditLedgerContract:
    """Fixtures: ``make_ledger(allowance, keep_for_others)``, and the ``clock`` ledgers read.

    Two ledgers made in one test share their org. ``resolution_s`` is how late a spend may return.
    """

    resolution_s: float

    async def test_spends_are_taken_off(self, make_ledger: MakeLedger) -> None:
        """What is reserved is no longer available."""
        ledger = make_ledger(100, 0.0)
        reservation = await ledger.reserve(30, "records.insert")
        assert reservation.credits == 30
        assert await ledger.available() == 70

    async def test_settling_corrects_once(self, make_ledger: MakeLedger) -> None:
        """A refund is a refund, however often it is reported."""
        ledger = make_ledger(100, 0.0)
        reservation = await ledger.reserve(10, "records.insert")
        await reservation.settle(4)
        await reservation.settle(0)
        assert await ledger.available() == 96

    async def test_what_does_not_fit_is_refused_with_the_time_it_will(
        self, make_ledger: MakeLedger, clock: MovableClock
    ) -> None:
        """The oldest spends that make enough room decide; nothing is taken by a refusal."""
        ledger = make_ledger(100, 0.0)
        await ledger.reserve(40, "a")
        clock.advance(hours=1)
        await ledger.reserve(50, "b")
        with pytest.raises(CreditsExhausted) as small:
            await ledger.reserve(50, "c")
        with pytest.raises(CreditsExhausted) as large:
            await ledger.reserve(51, "c")
        slack = self.resolution_s
        assert small.value.retry_after_s == pytest.approx(23 * 3600, abs=slack)
        assert large.value.retry_after_s == pytest.approx(24 * 3600, abs=slack)
        assert await ledger.available() == 10

    async def test_each_spend_returns_after_a_day_never_early(
        self, make_ledger: MakeLedger, clock: MovableClock
    ) -> None:
        """A rolling window, not a midnight reset."""
        ledger = make_ledger(100, 0.0)
        await ledger.reserve(40, "a")
        clock.advance(hours=12)
        await ledger.reserve(60, "b")
        clock.advance(hours=11, minutes=59, seconds=59)
        assert await ledger.available() == 0
        clock.advance(seconds=1 + self.resolution_s)
        assert await ledger.available() == 40
        clock.advance(hours=12)
        assert await ledger.available() == 100

    async def test_more_than_the_allowance_never_fits(self, make_ledger: MakeLedger) -> None:
        """Waiting would not help, and the ledger says so."""
        ledger = make_ledger(100, 0.0)
        assert await ledger.wait_s(101) == math.inf
        assert await ledger.wait_s(100) == 0.0

    async def test_the_share_of_other_apps_is_left_alone(self, make_ledger: MakeLedger) -> None:
        """A fifth kept back cannot be reserved."""
        ledger = make_ledger(100, 0.2)
        assert await ledger.available() == 80
        with pytest.raises(CreditsExhausted):
            await ledger.reserve(81, "a")

    async def test_zoho_knowing_of_fewer_credits_lowers_the_ledger(
        self, make_ledger: MakeLedger, clock: MovableClock
    ) -> None:
        """What other apps spent is believed, and returns a day after we heard of it."""
        ledger = make_ledger(100, 0.0)
        reservation = await ledger.reserve(10, "a")
        await reservation.settle(10, remaining=25)
        assert await ledger.available() == 25
        clock.advance(hours=24, seconds=self.resolution_s)
        assert await ledger.available() == 100

    async def test_zoho_knowing_of_more_credits_changes_nothing(
        self, make_ledger: MakeLedger
    ) -> None:
        """Its answer may be older than our latest reservations."""
        ledger = make_ledger(100, 0.0)
        first = await ledger.reserve(10, "a")
        await ledger.reserve(50, "b")
        await first.settle(10, remaining=90)
        assert await ledger.available() == 40

    async def test_settling_after_a_day_changes_nothing(
        self, make_ledger: MakeLedger, clock: MovableClock
    ) -> None:
        """A spend that has left the window cannot be refunded into it."""
        ledger = make_ledger(100, 0.0)
        reservation = await ledger.reserve(50, "a")
        clock.advance(hours=24, seconds=self.resolution_s)
        await ledger.reserve(10, "b")
        await reservation.settle(0)
        assert await ledger.available() == 90

    async def test_a_hundred_reservations_at_once_never_exceed_the_allowance(
        self, make_ledger: MakeLedger
    ) -> None:
        """Looking and taking are one step."""
        ledger = make_ledger(70, 0.0)
        answers = await asyncio.gather(
            *(ledger.reserve(1, "a") for _ in range(100)), return_exceptions=True
        )
        refused = [one for one in answers if isinstance(one, CreditsExhausted)]
        assert len(refused) == 30
        assert await ledger.available() == 0


MakeLimiter = Callable[[int, int], AbstractAsyncContextManager[SlotLimiter]]


class SlotLimiterContract:
    """Fixture: ``make_limiter(total, heavy)``, an async context manager."""

    async def test_never_more_in_flight_than_the_limits(self, make_limiter: MakeLimiter) -> None:
        """Fifty tasks, light and heavy: the highest count is the limit, and it is reached."""
        async with make_limiter(8, 3) as limiter:
            seen = _Counter()
            async with asyncio.TaskGroup() as tasks:
                for at in range(50):
                    tasks.create_task(seen.use(limiter, times=5, heavy=at % 2 == 0))
        assert seen.most == 8
        assert seen.most_heavy == 3
        assert seen.done == 250

    async def test_units_are_counted(self, make_limiter: MakeLimiter) -> None:
        """A call of five units leaves room for three single ones of eight."""
        async with make_limiter(8, 3) as limiter:
            seen = _Counter()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(seen.use(limiter, times=10, heavy=True, units=5))
                for _ in range(10):
                    tasks.create_task(seen.use(limiter, times=5, heavy=False))
        assert seen.most <= 8
        assert seen.done == 60

    async def test_a_light_call_passes_waiting_heavy_ones(self, make_limiter: MakeLimiter) -> None:
        """The heavy sub-limit does not hold up calls that do not need it."""
        async with make_limiter(4, 1) as limiter, limiter.acquire(heavy=True):
            waiting = asyncio.create_task(_touch(limiter, heavy=True))
            async with asyncio.timeout(5):
                await _touch(limiter, heavy=False)
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def test_cancelled_callers_leave_no_slot_behind(self, make_limiter: MakeLimiter) -> None:
        """Cancelled while waiting or while holding: all slots are free afterwards."""
        async with make_limiter(2, 1) as limiter:
            seen = _Counter()
            tasks = [
                asyncio.create_task(seen.use(limiter, times=50, heavy=at % 2 == 0))
                for at in range(10)
            ]
            await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with (
                asyncio.timeout(5),
                limiter.acquire(heavy=True),
                limiter.acquire(heavy=False),
            ):
                pass


class _Counter:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.inside = self.inside_heavy = self.most = self.most_heavy = self.done = 0

    async def use(self, limiter: SlotLimiter, *, times: int, heavy: bool, units: int = 1) -> None:
        for _ in range(times):
            async with limiter.acquire(heavy=heavy, units=units):
                self.inside += units
                self.inside_heavy += heavy
                self.most = max(self.most, self.inside)
                self.most_heavy = max(self.most_heavy, self.inside_heavy)
                try:
                    await asyncio.sleep(0.001)
                finally:
                    self.inside -= units
                    self.inside_heavy -= heavy
            self.done += 1


async def _touch(limiter: SlotLimiter, *, heavy: bool) -> None:
    async with limiter.acquire(heavy=heavy):
        pass
