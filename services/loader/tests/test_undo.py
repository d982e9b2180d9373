"""Undo: what a run did is taken back, what a person did since stays, and it can be loaded again."""

from bridgework_contracts.outcomes import Effect, Outcome
from bridgework_contracts.runs import RunKind, Wave

from services.loader.tests.conftest import (
    WAVES,
    Outcomes,
    World,
    appointment,
    note,
    patient,
    plan,
    taken_back,
    tally,
)

BACKWARDS = tuple(Wave(index=4 - one.index, objects=one.objects) for one in WAVES)


async def undo(world: World, run: str, of: str, outcomes: Outcomes) -> Outcomes:
    """Take outcomes back, children first; return what became of it."""
    await world.begin(run, kind=RunKind.UNDO, undo_of=of, waves=BACKWARDS)
    order = {name: wave.index for wave in BACKWARDS for name in wave.objects}
    for index in (1, 2, 3):
        some = [one for one in outcomes.values() if order[one.object] == index]
        if not some:
            continue
        await world.write(*(taken_back(one, run) for one in some))
        await world.settled(sum(1 for o in outcomes.values() if order[o.object] <= index), run)
    return await world.outcomes(run)


async def loaded(world: World, run: str) -> Outcomes:
    """Load a small practice."""
    await world.begin(run)
    await world.write(
        *(patient(f"{n}", run=run) for n in range(60)),
        plan("1-p", "1", run=run),
        appointment("1-a", "1", run=run),
        note("1-n", "1", run=run),
        note("2-n", "2", run=run),
    )
    return await world.settled(64, run)


async def test_everything_a_run_created_is_gone_and_can_be_loaded_again(world: World) -> None:
    """Deleted without firing automations; the same records load a second time as new."""
    await world.start()
    made = await loaded(world, "run_1")
    back = await undo(world, "undo_1", "run_1", made)
    assert tally(back) == {"updated": 64}
    assert {one.effect for one in back.values()} == {Effect.DELETED}
    for module in ("Contacts", "Events", "TreatmentPlans"):
        assert await world.count(module) == 0
    assert await world.state("Notes") == []
    assert await world.org.fired() == 0
    assert await world.pool.fetchval("select count(*) from loader.crosswalk") == 0
    again = await loaded(world, "run_2")
    assert tally(again) == {"inserted": 64}


async def test_what_a_person_edited_is_kept_with_everything_it_hangs_on(world: World) -> None:
    """The edited plan keeps its patient; the rest is taken back."""
    await world.start()
    made = await loaded(world, "run_1")
    await world.edit(
        "TreatmentPlans",
        "update",
        made["treatment_plan", "1-p"].zoho_id,
        Estimated_Total=99,
    )
    back = await undo(world, "undo_1", "run_1", made)
    reasons = {key: one.reason.code for key, one in back.items() if one.reason is not None}
    assert reasons == {
        ("treatment_plan", "1-p"): "kept_edited",
        ("patient", "1"): "kept_for_child",
    }
    assert tally(back) == {"updated": 62, "skipped": 2}
    assert await world.count("Contacts") == 1
    assert await world.count("TreatmentPlans") == 1


async def test_an_update_is_put_back_field_by_field_where_it_is_still_ours(world: World) -> None:
    """And the same delta can be run again afterwards."""
    await world.begin()
    await world.write(patient("1", Phone="5550000001", Mailing_City="Old Town"), note("1-n", "1"))
    await world.start()
    await world.settled(2)
    delta = (
        patient("1", run="run_2", version=2, Phone="5550000002", Mailing_City="New Town"),
        note("1-n", "1", run="run_2", text="Seen again."),
    )
    await world.begin("run_2")
    await world.write(*delta)
    changed = await world.settled(2, "run_2")
    zoho_id = changed["patient", "1"].zoho_id or ""
    await world.edit("Contacts", "update", zoho_id, Mailing_City="By Hand")
    back = await undo(world, "undo_2", "run_2", changed)
    restored = back["patient", "1"]
    assert (restored.outcome, restored.effect) == (Outcome.UPDATED, Effect.RESTORED)
    assert [one.field for one in restored.conflicts] == ["Mailing_City"]
    assert back["note", "1-n"].effect is Effect.RESTORED
    now = await world.zoho.records.get("Contacts", [zoho_id], ["Phone", "Mailing_City"])
    assert (now[zoho_id]["Phone"], now[zoho_id]["Mailing_City"]) == ("5550000001", "By Hand")
    await world.begin("run_3")
    await world.write(*(one.model_copy(update={"run_id": "run_3"}) for one in delta))
    again = await world.settled(2, "run_3")
    assert again["patient", "1"].sent == {"Phone": "5550000002"}
    assert again["note", "1-n"].outcome is Outcome.UPDATED


async def test_what_a_person_deleted_already_is_unchanged(world: World) -> None:
    """Gone is gone; the undo has nothing to do and says so."""
    await world.start()
    await world.begin()
    await world.write(patient("1"), patient("2"))
    made = await world.settled(2)
    await world.edit("Contacts", "delete", made["patient", "1"].zoho_id)
    back = await undo(world, "undo_1", "run_1", made)
    assert tally(back) == {"unchanged": 1, "updated": 1}
    assert back["patient", "1"].effect is Effect.NONE


async def test_an_undo_whose_answer_is_lost_is_counted_as_done(world: World) -> None:
    """The intent tells a deletion of ours from one of a person's."""
    await world.start()
    await world.begin()
    await world.write(patient("1"))
    made = await world.settled(1)
    await world.org.fault(kind="drop", when="after", method="DELETE", times=2)
    back = await undo(world, "undo_1", "run_1", made)
    assert back["patient", "1"].effect is Effect.DELETED
