"""The two meters of an org: credits over a rolling day, and calls in flight."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .clock import Clock
from .database import Database

WINDOW_S = 24 * 3600


class CreditMeter:
    """Credits spent in the last 24 virtual hours; each comes back a day after it was spent."""

    def __init__(self, database: Database, clock: Clock, *, allowance: int, add_on: int) -> None:
        self._database = database
        self._clock = clock
        self.plan_allowance = allowance
        self.add_on = add_on
        rows = database.all("select second, cost from credit order by second")
        self._spent: deque[tuple[int, int]] = deque(rows)
        self._used: int = sum(cost for _, cost in rows)
        self.total = self._used
        self._reserved = 0

    @property
    def allowance(self) -> int:
        """Return what one day may cost, add-ons included."""
        return self.plan_allowance + self.add_on

    def used(self) -> int:
        """Return what the last 24 hours cost."""
        oldest = self._clock.now_s() - WINDOW_S
        if self._spent and self._spent[0][0] <= oldest:
            while self._spent and self._spent[0][0] <= oldest:
                self._used -= self._spent.popleft()[1]
            self._database.execute("delete from credit where second <= ?", (oldest,))
        return self._used

    def remaining(self) -> int:
        """Return what is left of the day's allowance."""
        return max(0, self.allowance - self.used())

    def reserve(self, cost: int) -> bool:
        """Set credits aside for a call in flight; false when they are not there."""
        if self.used() + self._reserved + cost > self.allowance:
            return False
        self._reserved += cost
        return True

    def release(self, cost: int) -> None:
        """Give up what `reserve` set aside; what was really spent is `spend`."""
        self._reserved -= cost

    def spend(self, cost: int) -> None:
        """Record a call's price at this second."""
        if cost == 0:
            return
        second = self._clock.now_s()
        if self._spent and self._spent[-1][0] == second:
            self._spent[-1] = (second, self._spent[-1][1] + cost)
        else:
            self._spent.append((second, cost))
        self._used += cost
        self.total += cost
        self._database.execute(
            "insert into credit values (?, ?) on conflict do update set cost = cost + ?",
            (second, cost, cost),
        )

    def header(self) -> int | None:
        """Return the header's value: what remains, once half of the plan's allowance is gone."""
        if self.used() * 2 < self.plan_allowance:
            return None
        return self.remaining()


@dataclass(slots=True)
class FlightGate:
    """Calls in flight of one app: a limit by edition and a limit of 10 for heavy calls."""

    limit: int
    heavy_limit: int
    in_flight: int = 0
    heavy: int = 0
    highest: int = 0
    highest_heavy: int = 0
    refused: int = field(default=0)

    def enter(self, units: int, heavy_units: int) -> bool:
        """Take the units and return true, or take nothing and return false."""
        if self.in_flight + units > self.limit or self.heavy + heavy_units > self.heavy_limit:
            self.refused += 1
            return False
        self.in_flight += units
        self.heavy += heavy_units
        self.highest = max(self.highest, self.in_flight)
        self.highest_heavy = max(self.highest_heavy, self.heavy)
        return True

    def leave(self, units: int, heavy_units: int) -> None:
        """Give the units back."""
        self.in_flight -= units
        self.heavy -= heavy_units
