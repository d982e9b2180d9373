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
    arrival: int
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
        self._light: deque[_Waiting] = deque()
        self._weighty: deque[_Waiting] = deque()
        self._arrivals = 0
        self._wanted = 0
        self._wanted_heavy = 0
        self._on_change = on_change

    @property
    def used(self) -> tuple[int, int]:
        """Units and heavy units in flight."""
        return self._used, self._used_heavy

    @property
    def wanted(self) -> tuple[int, int]:
        """Units and heavy units in flight or waited for."""
        return self._wanted, self._wanted_heavy

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
        self._wanted += units
        self._wanted_heavy += heavy
        try:
            await self._enter(heavy=heavy, units=units)
            try:
                yield
            finally:
                self._used -= units
                self._used_heavy -= heavy
        finally:
            self._wanted -= units
            self._wanted_heavy -= heavy
            self._wake()
            self._changed()

    def fail_waiting(self, error: Exception) -> None:
        """Turn everybody away who waits now."""
        for queue in (self._light, self._weighty):
            while queue:
                turn = queue.popleft().turn
                if not turn.done():
                    turn.set_exception(error)

    async def _enter(self, *, heavy: bool, units: int) -> None:
        if not self._light and not self._weighty and self._fits(heavy=heavy, units=units):
            self._take(heavy=heavy, units=units)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        queue = self._weighty if heavy else self._light
        queue.append(_Waiting(self._arrivals, heavy, units, turn))
        self._wake()
        self._changed()
        try:
            await turn
        except asyncio.CancelledError:
            # Served and cancelled in the same turn of the loop: give it on.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._used -= units
                self._used_heavy -= heavy
            raise

    def _fits(self, *, heavy: bool, units: int) -> bool:
        return self._used + units <= self._total and (not heavy or self._used_heavy < self._heavy)

    def _take(self, *, heavy: bool, units: int) -> None:
        self._used += units
        self._used_heavy += heavy

    def _wake(self) -> None:
        while (queue := self._next_queue()) is not None:
            first = queue[0]
            if first.turn.done():  # its caller has gone away
                queue.popleft()
                continue
            if self._used + first.units > self._total:
                return
            queue.popleft()
            self._take(heavy=first.heavy, units=first.units)
            first.turn.set_result(None)

    def _next_queue(self) -> deque[_Waiting] | None:
        """The queue whose head is next: the older head, heavy ones only while there is room."""
        weighty = self._weighty if self._used_heavy < self._heavy else None
        if not weighty:
            return self._light or None
        if not self._light or weighty[0].arrival < self._light[0].arrival:
            return weighty
        return self._light

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()
