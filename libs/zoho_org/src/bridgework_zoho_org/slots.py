"""One org's calls in flight, dealt out to processes by PostgreSQL and to calls by each process.

A process holds a number of slots on a lease and hands them to its own calls without asking again;
only when its demand grows, when somebody else lacks slots, or to renew, does it talk to
PostgreSQL. The sum of what all processes hold never exceeds the org's limits; a process that
cannot renew stops starting calls before its lease ends.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

import structlog
from bridgework_contracts.errors import StoreUnavailable, TransientError
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements
from bridgework_zoho.editions import HEAVY_SLOTS
from bridgework_zoho.protocols import Clock
from bridgework_zoho.slots import SlotGate

from bridgework_zoho_org.schema import SCHEMA

log = structlog.get_logger(__name__)

# Part of the lease after which a process that could not renew starts no further call.
_TRUSTED_PART_OF_LEASE = 0.8


@dataclass(frozen=True, slots=True)
class SlotPace:
    """How often a process talks to PostgreSQL about its slots.

    Attributes:
        ttl_s: A process that was killed holds its slots for this long. Should exceed the longest
            call, so that a process cut off from PostgreSQL cannot have calls in flight after its
            slots went to others.
        renew_s: While calls are made: how soon it hears that somebody else lacks slots.
        idle_s: While no calls are made.
        starved_s: While it lacks slots itself.
        linger_s: How long slots are kept for the next burst when nobody else lacks any.
        spare: Slots asked for beyond the present demand when nobody else lacks any.
    """

    ttl_s: float = 75.0
    renew_s: float = 0.25
    idle_s: float = 5.0
    starved_s: float = 0.03
    linger_s: float = 2.0
    spare: int = 4


class PgSlotLimiter:
    """The ``SlotLimiter`` of one org; open it as an async context manager.

    Args:
        pool: Open pool.
        org_id: The org's zgid.
        total: Calls in flight the edition allows (``Edition.slots``).
        heavy: Sub-limit of heavy calls.
        clock: Only for tests; None means PostgreSQL's own clock.
    """

    def __init__(
        self,
        pool: Pool,
        org_id: str,
        total: int,
        heavy: int = HEAVY_SLOTS,
        *,
        pace: SlotPace | None = None,
        schema: str = SCHEMA,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._org_id = org_id
        self._total = total
        self._heavy = min(heavy, total)
        self._pace = pace or SlotPace()
        self._clock = clock
        self._member = uuid4()
        self._sql = Statements.load("bridgework_zoho_org", "sql/slots.sql", schema=schema)
        self._gate = SlotGate(on_change=self._changed)
        self._news = asyncio.Event()
        self._others_lack = False
        self._starved = False
        self._trusted_until = 0.0
        self._peak = (0, 0)
        self._peak_until = 0.0
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._balance()
        self._keeper = asyncio.create_task(self._keep(), name=f"zoho-slots-{self._org_id}")
        self._keeper.add_done_callback(self._keeper_ended)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._gate.set_limits(0, 0)
        with contextlib.suppress(TransientError), translate_errors():
            await self._pool.execute(self._sql.leave, self._org_id, self._member)

    @asynccontextmanager
    async def acquire(self, *, heavy: bool, units: int = 1) -> AsyncIterator[None]:
        """Hold ``units`` slots, and one heavy slot if ``heavy``, for the time of the block.

        Raises:
            StoreUnavailable: PostgreSQL has been silent for so long that our slots may have been
                given to others.
        """
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()  # raises what ended it: without a keeper nobody gets slots
        if time.monotonic() >= self._trusted_until:
            self._gate.set_limits(0, 0)
        async with self._gate.acquire(heavy=heavy, units=units):
            yield

    async def in_use(self) -> tuple[int, int]:
        """Slots and heavy slots that all living processes hold together."""
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.in_use, self._org_id, self._now())
        if row is None:
            raise AssertionError("a sum always has one row")
        return row["granted"], row["heavy"]

    async def _keep(self) -> None:
        """Renew, grow and shrink until cancelled."""
        while True:
            self._news.clear()
            if not self._has_news():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._interval_s()):
                        await self._news.wait()
            try:
                await self._balance()
            except TransientError as error:
                log.warning("zoho_slots_not_renewed", code=error.code)
                if time.monotonic() >= self._trusted_until:
                    self._gate.set_limits(0, 0)
                    self._gate.fail_waiting(error)
                await asyncio.sleep(min(1.0, self._pace.ttl_s / 10))

    def _keeper_ended(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            self._gate.set_limits(0, 0)
            self._gate.fail_waiting(StoreUnavailable(f"Slots are no longer kept: {error}"))

    async def _balance(self) -> None:
        wanted, wanted_heavy = self._demand()
        # While the question is under way nothing may start that the answer could give to others.
        keep, keep_heavy = self._kept_meanwhile(wanted, wanted_heavy)
        self._gate.set_limits(keep, keep_heavy)
        asked_at = time.monotonic()
        with translate_errors():
            row = await self._pool.fetchrow(
                self._sql.balance,
                self._org_id,
                self._member,
                keep,
                keep_heavy,
                wanted,
                wanted_heavy,
                self._total,
                self._heavy,
                timedelta(seconds=self._pace.ttl_s),
                self._now(),
            )
        if row is None:
            raise AssertionError("slot_balance always answers with one row")
        self._trusted_until = asked_at + self._pace.ttl_s * _TRUSTED_PART_OF_LEASE
        self._others_lack = row["others_lack"]
        self._gate.set_limits(row["may"], row["may_heavy"])
        self._starved = self._lacks()

    def _kept_meanwhile(self, wanted: int, wanted_heavy: int) -> tuple[int, int]:
        used, used_heavy = self._gate.used
        may, may_heavy = self._gate.limits
        return max(used, min(may, wanted)), max(used_heavy, min(may_heavy, wanted_heavy))

    def _demand(self) -> tuple[int, int]:
        """What to ask for: the present need if others lack slots, else the recent peak and more."""
        now = self._gate.wanted
        if self._others_lack:
            self._peak = now
            return self._capped(now)
        if time.monotonic() > self._peak_until:
            self._peak = now
            self._peak_until = time.monotonic() + self._pace.linger_s
        self._peak = (max(self._peak[0], now[0]), max(self._peak[1], now[1]))
        spare = self._pace.spare if self._peak[0] > 0 else 0
        spare_heavy = self._pace.spare if self._peak[1] > 0 else 0
        return self._capped((self._peak[0] + spare, self._peak[1] + spare_heavy))

    def _capped(self, wanted: tuple[int, int]) -> tuple[int, int]:
        return min(wanted[0], self._total), min(wanted[1], self._heavy)

    def _lacks(self) -> bool:
        wanted, wanted_heavy = self._capped(self._gate.wanted)
        may, may_heavy = self._gate.limits
        return wanted > may or wanted_heavy > may_heavy

    def _has_news(self) -> bool:
        """Whether to speak up now: a need has just arisen."""
        return self._lacks() and not self._starved

    def _changed(self) -> None:
        if self._has_news():
            self._news.set()

    def _interval_s(self) -> float:
        if self._starved or self._others_lack:
            return self._pace.starved_s
        return self._pace.renew_s if self._gate.wanted[0] > 0 else self._pace.idle_s

    def _now(self) -> datetime | None:
        return None if self._clock is None else self._clock()
