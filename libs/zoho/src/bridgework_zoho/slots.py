"""Who may have a call in flight now, inside one process.

``SlotGate`` counts units against a limit that may change while it works: the in-memory limiter
gives it a fixed limit, the PostgreSQL limiter moves the limit as it leases and returns slots.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class _Waiting:
    heavy: bool
    units: int
    turn: asyncio.Future[None]


class SlotGate:
    """First come, first served, in two dimensions: all units, and heavy units.

    The oldest waiting call that lacks only heavy slots does not hold up lighter ones behind it;
    one that lacks units does, so that a call of many units is not starved by single ones.
    """

    def __init__(
        self, total: int = 0, heavy: int = 0, *, on_change: Callable[[], None] | None = None
    ) -> None:
        """Start with these limits; ``on_change`` is told when demand or use has changed."""
        self._total = total
        self._heavy = heavy
        self._used = 0
        self._used_heavy = 0
        self._waiting: deque[_Waiting] = deque()
        self._on_change = on_change

    @property
    def used(self) -> tuple[int, int]:
        """Units and heavy units in flight."""
        return self._used, self._used_heavy

    @property
    def wanted(self) -> tuple[int, int]:
        """Units and heavy units in flight or waited for."""
        return (
            self._used + sum(one.units for one in self._waiting),
            self._used_heavy + sum(one.heavy for one in self._waiting),
        )

    @property
    def limits(self) -> tuple[int, int]:
        """Units and heavy units that may be in flight."""
        return self._total, self._heavy

    def set_limits(self, total: int, heavy: int) -> None:
        """Change the limits; calls in flight are never cut, new ones wait until there is room."""
        self._total, self._heavy = total, heavy
        self._wake()

    @asynccontextmanager
    async def acquire(self, *, heavy: bool, units: int = 1) -> AsyncIterator[None]:
        """Hold the units for the time of the block."""
        await self._enter(heavy=heavy, units=units)
        try:
            yield
        finally:
            self._leave(heavy=heavy, units=units)

    async def _enter(self, *, heavy: bool, units: int) -> None:
        if not self._waiting and self._fits(heavy=heavy, units=units):
            self._take(heavy=heavy, units=units)
            return
        waiting = _Waiting(heavy, units, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake()
        self._changed()
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self._leave(heavy=heavy, units=units)
            else:
                self._waiting.remove(waiting)
                self._wake()
                self._changed()
            raise

    def _leave(self, *, heavy: bool, units: int) -> None:
        self._used -= units
        self._used_heavy -= heavy
        self._wake()
        self._changed()

    def _fits(self, *, heavy: bool, units: int) -> bool:
        return self._used + units <= self._total and (not heavy or self._used_heavy < self._heavy)

    def _take(self, *, heavy: bool, units: int) -> None:
        self._used += units
        self._used_heavy += heavy

    def _wake(self) -> None:
        passed_over: deque[_Waiting] = deque()
        while self._waiting:
            first = self._waiting[0]
            if self._used + first.units > self._total:
                break
            self._waiting.popleft()
            if first.heavy and self._used_heavy >= self._heavy:
                passed_over.append(first)
                continue
            self._take(heavy=first.heavy, units=first.units)
            first.turn.set_result(None)
        passed_over.reverse()
        self._waiting.extendleft(passed_over)

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()
