"""Records whose parent is not in Zoho wait, whole and sealed, and follow it."""

from bridgework_contracts.commands import CancelRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunKind

from services.loader.tests.conftest import World, note, patient, plan, tally


async def test_a_parked_record_names_its_parent_and_lands_with_it(world: World) -> None:
    """First parked, then inserted without anybody sending it again."""
    await world.begin()
    await world.write(plan("9-p", "9"), note("9-n", "9"))
    await world.start()
    outcomes = await world.settled(2)
    assert tally(outcomes) == {"parked": 2}
    reason = outcomes["treatment_plan", "9-p"].reason
    assert reason is not None
    assert (reason.missing_object, reason.missing_key, reason.field) == ("patient", "9", "Patient")
    await world.write(patient("9"))
    await world.until(lambda found: tally(found) == {"inserted": 3})
    assert await world.pool.fetchval("select count(*) from loader.parked") == 0


async def test_a_parent_that_fails_leaves_its_children_parked(world: World) -> None:
    """A refused patient keeps its plans; the repaired one of a delta releases them."""
    await world.begin()
    await world.write(patient("1", Email="nobody"), plan("1-p", "1"))
    await world.start()
    assert tally(await world.settled(2)) == {"failed": 1, "parked": 1}
    await world.begin("run_2", kind=RunKind.DELTA)
    await world.write(patient("1", run="run_2", version=2))
    await world.until(lambda found: found["treatment_plan", "1-p"].outcome == "inserted")
    assert (await world.outcomes())["treatment_plan", "1-p"].run_id == "run_1"


async def test_what_was_parked_is_stored_sealed(world: World) -> None:
    """No name of a patient stands in the table in plain."""
    await world.begin()
    await world.write(note("9-n", "9", text="Zebrafish"))
    await world.start()
    await world.settled(1)
    row = await world.pool.fetchrow("select * from loader.parked")
    assert row is not None
    assert b"Zebrafish" not in row["write"]
    assert "Zebrafish" not in str({name: row[name] for name in row.keys() if name != "write"})  # noqa: SIM118 - a Record iterates over its values


async def test_cancelled_and_undone_runs_release_nothing(world: World) -> None:
    """A parent that lands later must not bring back records of a run that is over."""
    await world.begin()
    await world.begin("run_c")
    await world.write(plan("9-p", "9"), plan("8-p", "9", run="run_c"))
    await world.start()
    assert tally(await world.settled(2)) == {"parked": 2}
    await world.command(CancelRun(run_id=RunId("run_c")))
    await world.begin("run_u", kind=RunKind.UNDO, undo_of="run_1")
    await world.caught_up()
    await world.begin("run_2")
    await world.write(patient("9", run="run_2"))
    await world.until(lambda found: ("patient", "9") in found)
    await world.caught_up()
    assert await world.count("TreatmentPlans") == 0
    assert await world.pool.fetchval("select count(*) from loader.parked") == 0


async def test_a_newer_write_of_a_parked_record_replaces_it(world: World) -> None:
    """A delta that moves the record to a parent that is there leaves nothing behind."""
    await world.begin()
    await world.write(plan("9-p", "9"))
    await world.start()
    await world.settled(1)
    await world.begin("run_2")
    await world.write(patient("4", run="run_2"))
    await world.until(lambda found: ("patient", "4") in found)
    await world.write(plan("9-p", "4", run="run_2").model_copy(update={"content_hash": "v2"}))
    await world.until(lambda found: found["treatment_plan", "9-p"].run_id == "run_2")
    await world.write(patient("9", run="run_2"))
    await world.until(lambda found: ("patient", "9") in found)
    await world.caught_up()
    assert await world.count("TreatmentPlans") == 1
