"""Token store, credit ledger and slots for one process, with a clock that can be injected."""

import math
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from bridgework_zoho.editions import HEAVY_SLOTS
from bridgework_zoho.errors import CreditsExhausted
from bridgework_zoho.protocols import (
    AccessToken,
    Clock,
    GrantState,
    RefreshLease,
    RefreshWait,
    utc_now,
)
from bridgework_zoho.slots import SlotGate

WINDOW = timedelta(hours=24)
TOKENS_PER_WINDOW = 10
TOKEN_WINDOW = timedelta(minutes=10)


@dataclass(slots=True)
class _Grant:
    token: AccessToken | None = None
    refused_code: str | None = None
    lease_id: str | None = None
    lease_until: datetime | None = None
    minted_at: deque[datetime] = field(default_factory=deque)


class InMemoryTokenStore:
    """One grant's token in this process's memory."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._grants: dict[str, _Grant] = {}

    def _grant(self, grant: str) -> _Grant:
        return self._grants.setdefault(grant, _Grant())

    async def load(self, grant: str) -> GrantState:
        """Read what is known."""
        known = self._grant(grant)
        return GrantState(known.token, known.refused_code)

    async def try_lease(self, grant: str, ttl_s: float) -> RefreshLease | RefreshWait:
        """Take the right to refresh; counts as one minted token when granted."""
        known, now = self._grant(grant), self._clock()
        if known.lease_until is not None and known.lease_until > now:
            return RefreshWait((known.lease_until - now).total_seconds(), throttled=False)
        while known.minted_at and known.minted_at[0] <= now - TOKEN_WINDOW:
            known.minted_at.popleft()
        if len(known.minted_at) >= TOKENS_PER_WINDOW:
            wait = known.minted_at[0] + TOKEN_WINDOW - now
            return RefreshWait(wait.total_seconds(), throttled=True)
        known.minted_at.append(now)
        known.lease_id = uuid4().hex
        known.lease_until = now + timedelta(seconds=ttl_s)
        return RefreshLease(known.lease_id)

    async def save(self, grant: str, lease: RefreshLease, token: AccessToken) -> None:
        """Publish the new token and end the lease."""
        known = self._grant(grant)
        if known.lease_id == lease.lease_id:
            known.token, known.refused_code = token, None
            known.lease_id = known.lease_until = None

    async def release(
        self, grant: str, lease: RefreshLease, *, refused_code: str | None = None
    ) -> None:
        """End the lease without a token."""
        known = self._grant(grant)
        if known.lease_id == lease.lease_id:
            known.refused_code = refused_code or known.refused_code
            known.lease_id = known.lease_until = None

    async def discard(self, grant: str, value: str) -> None:
        """Forget this token if it is still the newest."""
        known = self._grant(grant)
        if known.token is not None and known.token.value == value:
            known.token = None


@dataclass(slots=True)
class _Spend:
    at: datetime
    credits: int


class InMemoryCreditLedger:
    """A rolling window of spends, exact to ``resolution`` and never too generous.

    Args:
        allowance: Credits of any 24 hours.
        keep_for_others: Part of the allowance left to the org's other apps, 0 to <1.
        resolution: Spends within this time are one entry and return together, at its end.
        clock: Tells the time.
    """

    def __init__(
        self,
        allowance: int,
        *,
        keep_for_others: float = 0.0,
        resolution: timedelta = timedelta(seconds=1),
        clock: Clock = utc_now,
    ) -> None:
        self._allowance = allowance
        self._kept = math.floor(allowance * keep_for_others)
        self._resolution = resolution
        self._clock = clock
        self._spends: deque[_Spend] = deque()
        self._spent = 0

    @property
    def spent(self) -> int:
        """Credits counted in the current 24 hours, reservations included."""
        self._expire(self._clock())
        return self._spent

    async def reserve(self, cost: int, purpose: str) -> "InMemoryReservation":
        """Set credits aside, or raise ``CreditsExhausted`` with the time they return."""
        if await self.available() < cost:
            wait_s = await self.wait_s(cost)
            raise CreditsExhausted(
                "The org's credits of the last 24 hours are used up; the call was not sent.",
                retry_after_s=wait_s,
                operation=purpose,
                cost=cost,
            )
        return InMemoryReservation(self, self._add(cost), cost)

    async def available(self) -> int:
        """Credits that may be reserved now."""
        self._expire(self._clock())
        return max(0, self._allowance - self._kept - self._spent)

    async def wait_s(self, cost: int = 1) -> float:
        """Seconds until ``cost`` credits are available; inf if the allowance is too small."""
        missing = cost - await self.available()
        if missing <= 0:
            return 0.0
        now = self._clock()
        for spend in self._spends:
            missing -= spend.credits
            if missing <= 0:
                return max(0.0, (spend.at + WINDOW - now).total_seconds())
        return math.inf

    def _add(self, amount: int) -> _Spend:
        now = self._clock()
        # An entry is stamped with the end of its interval: it can only return late, never early.
        interval = self._resolution.total_seconds()
        stamp = math.ceil(now.timestamp() / interval) * interval
        at = datetime.fromtimestamp(stamp, tz=now.tzinfo)
        if not self._spends or self._spends[-1].at < at:
            self._spends.append(_Spend(at, 0))
        self._spends[-1].credits += amount
        self._spent += amount
        return self._spends[-1]

    def _expire(self, now: datetime) -> None:
        while self._spends and self._spends[0].at <= now - WINDOW:
            self._spent -= self._spends.popleft().credits

    def settle(self, spend: _Spend, difference: int, remaining: int | None) -> None:
        """Correct an entry by a difference, then follow Zoho's own count if it is lower."""
        self._expire(self._clock())
        # A spend that has already left the window has nothing to correct any more.
        if self._spends and spend.at >= self._spends[0].at:
            spend.credits += difference
            self._spent += difference
        if remaining is not None:
            unseen = self._allowance - self._spent - remaining
            if unseen > 0:
                self._add(unseen)


class InMemoryReservation:
    """Credits set aside in an ``InMemoryCreditLedger``."""

    def __init__(self, ledger: InMemoryCreditLedger, spend: _Spend, cost: int) -> None:
        self._ledger = ledger
        self._spend = spend
        self._credits = cost
        self._settled = False

    @property
    def credits(self) -> int:
        """How many were set aside."""
        return self._credits

    async def settle(self, actual: int, remaining: int | None = None) -> None:
        """Replace the reservation by what was spent; only the first call counts."""
        if not self._settled:
            self._settled = True
            self._ledger.settle(self._spend, actual - self._credits, remaining)


class InMemorySlotLimiter:
    """The slots of an org that only this process uses."""

    def __init__(self, total: int, heavy: int = HEAVY_SLOTS) -> None:
        self._gate = SlotGate(total, min(total, heavy))

    def acquire(self, *, heavy: bool, units: int = 1) -> AbstractAsyncContextManager[None]:
        """Hold the units for the time of the block."""
        return self._gate.acquire(heavy=heavy, units=units)

    @property
    def in_flight(self) -> int:
        """Units held now."""
        return self._gate.used[0]
