"""The rolling 24 hours of one org's credits in PostgreSQL, shared by every process.

A reservation is one statement: it locks the org's row, forgets what is older than a day, and adds
to a sum that is kept ready. It returns to the pool of the day when its interval is 24 hours old,
so never before Zoho's own count and at most one interval after it.
"""

import math
from datetime import datetime, timedelta

from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements
from bridgework_zoho.errors import CreditsExhausted
from bridgework_zoho.protocols import Clock

from bridgework_zoho_org.schema import SCHEMA

INTERVAL = timedelta(seconds=10)


class PgCreditLedger:
    """The ``CreditLedger`` of one org.

    Args:
        pool: Open pool.
        org_id: The org's zgid.
        allowance: Credits of any 24 hours, as ``ZohoOrg.daily_credits`` says or a contract.
        keep_for_others: Part of the allowance left to the org's other apps, 0 to <1.
        resolution: Width of an interval.
        clock: Only for tests; None means PostgreSQL's own clock, which all processes share.
    """

    def __init__(
        self,
        pool: Pool,
        org_id: str,
        allowance: int,
        *,
        keep_for_others: float = 0.0,
        resolution: timedelta = INTERVAL,
        schema: str = SCHEMA,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._org_id = org_id
        self._allowance = allowance
        self._usable = allowance - math.floor(allowance * keep_for_others)
        self._interval_s = resolution.total_seconds()
        self._clock = clock
        self._sql = Statements.load("bridgework_zoho_org", "sql/credits.sql", schema=schema)

    async def reserve(self, cost: int, purpose: str) -> "PgReservation":
        """Set credits aside, or raise ``CreditsExhausted`` with the time they return."""
        with translate_errors():
            row = await self._pool.fetchrow(
                self._sql.reserve,
                self._org_id,
                self._usable,
                cost,
                purpose,
                self._interval_s,
                self._now(),
            )
        if row is None:
            raise AssertionError("credit_reserve always answers with one row")
        if row["bucket_at"] is None:
            raise CreditsExhausted(
                "The org's credits of the last 24 hours are used up; the call was not sent.",
                retry_after_s=await self.wait_s(cost),
                operation=purpose,
                cost=cost,
            )
        return PgReservation(self, row["bucket_at"], purpose, cost, row["spent_after"])

    async def available(self) -> int:
        """Credits that may be reserved now."""
        return max(0, self._usable - await self.spent())

    async def spent(self) -> int:
        """Credits counted in the current 24 hours, reservations included."""
        with translate_errors():
            return int(await self._pool.fetchval(self._sql.spent, self._org_id, self._now()))

    async def wait_s(self, cost: int = 1) -> float:
        """Seconds until ``cost`` credits are available; inf if the allowance is too small."""
        missing = cost + await self.spent() - self._usable
        if missing <= 0:
            return 0.0
        with translate_errors():
            wait_s = await self._pool.fetchval(
                self._sql.returns_at, self._org_id, missing, self._now()
            )
        return math.inf if wait_s is None else max(0.0, float(wait_s))

    async def by_purpose(self) -> dict[str, int]:
        """Credits of the last 24 hours by operation; ``other apps`` is what Zoho told us of."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.by_purpose, self._org_id, self._now())
        return {row["purpose"]: int(row["spent"]) for row in rows}

    async def settle(
        self, bucket_at: datetime, purpose: str, difference: int, remaining: int | None
    ) -> None:
        """Correct one reservation; used by ``PgReservation``."""
        with translate_errors():
            await self._pool.execute(
                self._sql.settle,
                self._org_id,
                bucket_at,
                purpose,
                difference,
                self._allowance,
                remaining,
                self._interval_s,
                self._now(),
            )

    def tells_news(self, remaining: int, spent_at_reservation: int) -> bool:
        """Whether Zoho knows of fewer credits than the ledger did when the call began."""
        return remaining < self._allowance - spent_at_reservation

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock()


class PgReservation:
    """Credits set aside in a ``PgCreditLedger``."""

    def __init__(
        self,
        ledger: PgCreditLedger,
        bucket_at: datetime,
        purpose: str,
        cost: int,
        spent_after: int,
    ) -> None:
        self._ledger = ledger
        self._bucket_at = bucket_at
        self._purpose = purpose
        self._credits = cost
        self._spent_after = spent_after
        self._settled = False

    @property
    def credits(self) -> int:
        """How many were set aside."""
        return self._credits

    async def settle(self, actual: int, remaining: int | None = None) -> None:
        """Replace the reservation by what was spent; no statement where nothing changes."""
        if self._settled:
            return
        self._settled = True
        difference = actual - self._credits
        news = remaining is not None and self._ledger.tells_news(
            remaining, self._spent_after + difference
        )
        if difference != 0 or news:
            await self._ledger.settle(
                self._bucket_at, self._purpose, difference, remaining if news else None
            )
