"""Virtual time, the rolling window, and the gate."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from pathlib import Path

import pytest
from bridgework_zoho_sandbox.clock import Clock, iso, parse_iso
from bridgework_zoho_sandbox.database import Database, IdSource
from bridgework_zoho_sandbox.metering import WINDOW_S, CreditMeter, FlightGate
from bridgework_zoho_sandbox.plan import daily_credits
from hypothesis import given
from hypothesis import strategies as st


async def test_sleep_ends_when_virtual_time_passes() -> None:
    """Twenty minutes in no time."""
    clock = Clock()
    clock.freeze(1000.0)
    sleeper = asyncio.create_task(clock.sleep(1200))
    await asyncio.sleep(0.01)
    clock.advance(1199)
    await asyncio.sleep(0.01)
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, 1)


async def test_frozen_clock_moves_only_by_advance() -> None:
    """And runs again after thaw, from where it stood."""
    clock = Clock()
    clock.freeze(5000.0)
    clock.advance(10)
    await asyncio.sleep(0.01)
    assert clock.now() == 5010.0
    clock.thaw()
    assert 5010.0 <= clock.now() < 5011.0


def test_instants_are_written_in_a_zone() -> None:
    """With its offset of that day."""
    assert iso(1768478400, "America/New_York") == "2026-01-15T07:00:00-05:00"
    assert iso(1784116800, "America/New_York") == "2026-07-15T08:00:00-04:00"
    assert parse_iso("2026-01-15T07:00:00-05:00") == 1768478400
    assert parse_iso("yesterday") is None


def fail_if(wanted: bool) -> None:
    """Break a transaction."""
    if wanted:
        raise KeyError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty org database."""
    return Database(tmp_path / "org.sqlite")


def test_credits_survive_a_restart(database: Database) -> None:
    """Spends are on disk."""
    clock = Clock()
    CreditMeter(database, clock, allowance=10, add_on=0).spend(7)
    assert CreditMeter(database, clock, allowance=10, add_on=0).remaining() == 3


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 500)), max_size=60))
def test_meter_equals_a_naive_window(steps: list[tuple[int, int]]) -> None:
    """For any mix of waits and spends, the meter and a plain sum over the last day agree."""
    database = Database(Path(":memory:"))
    clock = Clock()
    clock.freeze(1_000_000.0)
    meter = CreditMeter(database, clock, allowance=10**6, add_on=0)
    spent: deque[tuple[int, int]] = deque()
    for wait_s, cost in steps:
        clock.advance(wait_s)
        meter.spend(cost)
        spent.append((clock.now_s(), cost))
        expected = sum(c for at, c in spent if at > clock.now_s() - WINDOW_S)
        assert meter.used() == expected
    assert CreditMeter(database, clock, allowance=10**6, add_on=0).used() == meter.used()
    database.close()


def test_gate_refuses_without_taking_anything() -> None:
    """Heavy slots and all slots are counted apart."""
    gate = FlightGate(limit=3, heavy_limit=1)
    assert gate.enter(1, 1)
    assert not gate.enter(1, 1)
    assert gate.enter(2, 0)
    assert not gate.enter(1, 0)
    gate.leave(2, 0)
    assert (gate.in_flight, gate.heavy, gate.highest, gate.refused) == (1, 1, 3, 2)


def test_allowance_has_a_ceiling_but_in_ultimate() -> None:
    """Formulas of the fact sheet."""
    assert daily_credits("standard", 10**6) == 100_000
    assert daily_credits("ultimate", 10**6) == 50_000 + 2_000 * 10**6


def test_ids_are_never_given_twice(database: Database) -> None:
    """Neither after a restart nor after a rollback that took the reservation along."""
    source = random.Random(1)
    seen: set[int] = set()
    ids = IdSource(database, 4_000_000)
    for _ in range(300):
        undo = source.random() < 0.3
        with contextlib.suppress(KeyError), database.transaction():
            new = {ids.take() for _ in range(source.randrange(1, 200))}
            assert not new & seen
            seen |= set() if undo else new
            fail_if(undo)
        if source.random() < 0.2:
            ids = IdSource(database, 4_000_000)


def test_nested_transactions_are_savepoints(database: Database) -> None:
    """The inner one is undone alone."""
    with database.transaction():
        database.put_meta("outer", 1)
        with contextlib.suppress(KeyError), database.transaction():
            database.put_meta("inner", 1)
            fail_if(True)
    assert (database.get_meta("outer"), database.get_meta("inner")) == (1, None)
