"""The loader is killed between every two effects; after a restart all is as if it never had been.

Effects of a chunk in order: intent durable, Zoho called, decision recorded, offset committed.
"""

from typing import Any

import pytest
from bridgework_contracts.commands import CancelRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect
from bridgework_contracts.runs import RunKind
from bridgework_testkit.crashing import KILLED

from services.loader.tests.conftest import (
    World,
    appointment,
    note,
    patient,
    plan,
    taken_back,
    tally,
)
from services.loader.tests.test_undo import BACKWARDS

STEPS = ["intent_opened", "call_answered", "decision_recorded"]


def practice(run: str = "run_1") -> list[Any]:
    """Records of every kind of module: upserted, inserted, notes."""
    return [
        *(patient(f"{n}", run=run) for n in range(6)),
        *(plan(f"{n}-p", f"{n}", run=run) for n in range(6)),
        *(appointment(f"{n}-a", f"{n}", run=run) for n in range(6)),
        *(note(f"{n}-n", f"{n}", run=run) for n in range(6)),
    ]


async def counts(world: World) -> list[int]:
    """Records in Zoho by module."""
    return [
        *[await world.count(module) for module in ("Contacts", "TreatmentPlans", "Events")],
        len(await world.state("Notes")),
    ]


@pytest.mark.chaos
@pytest.mark.parametrize("occurrence", [1, 4, 7])
@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_during_a_load_leaves_no_duplicates(
    world: World, step: str, occurrence: int
) -> None:
    """Each record exactly once, each outcome inserted, each effect created."""
    await world.begin()
    await world.write(*practice())
    assert await world.run_crashing(step, occurrence) == KILLED
    await world.start()
    outcomes = await world.settled(24)
    await world.caught_up()
    assert tally(outcomes) == {"inserted": 24}
    assert {one.effect for one in outcomes.values()} == {Effect.CREATED}
    assert await counts(world) == [6, 6, 6, 6]
    assert await world.pool.fetchval("select count(*) from loader.intents") == 0
    linked = await world.pool.fetch("select zoho_id from loader.crosswalk")
    assert {row["zoho_id"] for row in linked} == {one.zoho_id for one in outcomes.values()}


@pytest.mark.chaos
@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_during_a_delta_keeps_before_images(world: World, step: str) -> None:
    """What an update replaced is known whatever moment the process died."""
    await world.begin()
    await world.write(*(patient(f"{n}", Phone=f"555000000{n}") for n in range(6)))
    await world.start()
    await world.settled(6)
    await world.caught_up()
    await world.stop()
    await world.begin("run_2")
    await world.write(
        *(patient(f"{n}", run="run_2", version=2, Phone=f"555111111{n}") for n in range(6))
    )
    assert await world.run_crashing(step, 1) == KILLED
    await world.start()
    outcomes = await world.settled(6, "run_2")
    assert tally(outcomes) == {"updated": 6}
    assert {one.before["Phone"] for one in outcomes.values() if one.before} == {
        f"555000000{n}" for n in range(6)
    }


@pytest.mark.chaos
@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_during_an_undo_ends_the_same(world: World, step: str) -> None:
    """Everything is gone and counted as deleted by us."""
    await world.begin()
    await world.write(*(patient(f"{n}") for n in range(6)))
    await world.start()
    made = await world.settled(6)
    await world.caught_up()
    await world.stop()
    await world.begin("undo_1", kind=RunKind.UNDO, undo_of="run_1", waves=BACKWARDS)
    await world.write(*(taken_back(one, "undo_1") for one in made.values()))
    assert await world.run_crashing(step, 1) == KILLED
    await world.start()
    back = await world.settled(6, "undo_1")
    assert {one.effect for one in back.values()} == {Effect.DELETED}
    assert tally(back) == {"updated": 6}
    assert await world.count("Contacts") == 0


@pytest.mark.chaos
async def test_what_was_begun_when_its_run_is_cancelled_is_brought_to_its_end(
    world: World,
) -> None:
    """A record in Zoho without an outcome could never be taken back."""
    await world.begin("run_1", 1)
    await world.write(patient("1"), plan("1-p", "1"))
    assert await world.run_crashing("call_answered", 1) == KILLED
    await world.command(CancelRun(run_id=RunId("run_1")))
    await world.start()
    outcomes = await world.settled(2)
    assert outcomes["patient", "1"].effect is Effect.CREATED
    assert outcomes["treatment_plan", "1-p"].outcome == "skipped"
    assert await world.count("Contacts") == 1


@pytest.mark.chaos
async def test_a_kill_during_a_release_leaves_no_duplicates(world: World) -> None:
    """Parked records that were being written when the process died are asked about."""
    await world.begin()
    await world.write(*(appointment(f"9-{n}", "9") for n in range(5)))
    await world.start()
    assert tally(await world.settled(5)) == {"parked": 5}
    await world.caught_up()
    await world.stop()
    await world.write(patient("9"))
    # The patient's own three steps come first, the release's call is the second one.
    assert await world.run_crashing("call_answered", 2) == KILLED
    await world.start()
    await world.until(lambda found: tally(found) == {"inserted": 6})
    assert await world.count("Events") == 5
