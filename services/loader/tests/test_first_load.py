"""The straight road: records land once, wave by wave, and a replay changes nothing."""

from bridgework_contracts.commands import CancelRun, OpenWave
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect, Outcome

from services.loader.tests.conftest import World, appointment, note, owned, patient, plan, tally


async def test_a_practice_lands_with_its_lookups_owners_and_notes(world: World) -> None:
    """Every module is written the way Zoho wants it, and each outcome says what was sent."""
    await world.begin()
    await world.write(
        *(owned(patient(f"{n}"), world.org.user_id) for n in range(3)),
        plan("p-0", "0"),
        appointment("a-1", "1"),
        note("n-2", "2"),
    )
    await world.start()
    # All waves are open at once, so a child may be met before its parent: parked, then written.
    await world.until(lambda found: tally(found) == {"inserted": 6})
    outcomes = await world.outcomes()
    contact = outcomes["patient", "0"]
    assert contact.effect is Effect.CREATED
    assert contact.sent == {
        "Last_Name": "Name 0",
        "Source_Patient_ID": "0",
        "Owner": {"id": world.org.user_id},
    }
    assert contact.before is None
    made_plan = outcomes["treatment_plan", "p-0"]
    read = await world.zoho.records.get("TreatmentPlans", [made_plan.zoho_id or ""], ["Patient"])
    assert read[made_plan.zoho_id or ""]["Patient"]["id"] == contact.zoho_id
    notes = await world.zoho.notes.list_for("Contacts", outcomes["patient", "2"].zoho_id or "")
    assert [one["Note_Content"] for one in notes] == ["Seen.\n[src:note:n-2]"]
    assert await world.org.fired() == 0


async def test_a_partition_holds_at_the_first_record_of_a_wave_that_is_not_open(
    world: World,
) -> None:
    """Wave 2 waits for its command; what stands before it is written."""
    await world.begin("run_1", 1)
    await world.write(patient("7"), plan("7-p", "7"))
    await world.start()
    assert tally(await world.settled(1)) == {"inserted": 1}
    assert await world.count("TreatmentPlans") == 0
    await world.command(OpenWave(run_id=RunId("run_1"), wave=2))
    assert tally(await world.settled(2)) == {"inserted": 2}


async def test_writes_of_a_run_nobody_announced_are_held_not_failed(world: World) -> None:
    """The run's StartRun may be behind the first of its writes."""
    await world.write(patient("1", run="run_late"))
    await world.start()
    await world.begin("run_late")
    assert tally(await world.settled(1)) == {"inserted": 1}


async def test_a_replay_from_the_first_offset_creates_nothing_and_changes_nothing(
    world: World,
) -> None:
    """Every outcome is repeated as it was; Zoho is not even asked to write."""
    await world.begin()
    await world.write(
        *(patient(f"{n}") for n in range(120)),
        *(plan(f"{n}-p", f"{n}") for n in range(30)),
        *(appointment(f"{n}-a", f"{n}") for n in range(30)),
        *(note(f"{n}-n", f"{n}") for n in range(30)),
    )
    await world.start()
    first = await world.settled(210)
    await world.caught_up()
    await world.stop()
    before = {name: await world.state(name) for name in ("Contacts", "Events", "Notes")}
    requests = [one for one in await world.org.requests() if one["method"] != "GET"]
    await world.replay()
    await world.start()
    await world.caught_up()
    await world.stop()
    assert await world.outcomes() == first
    assert {name: await world.state(name) for name in before} == before
    assert [one for one in await world.org.requests() if one["method"] != "GET"] == requests


async def test_a_record_zoho_would_refuse_fails_with_field_and_remedy(world: World) -> None:
    """The neighbours in the same batch land; the refused one is never sent."""
    await world.begin()
    await world.write(patient("1"), patient("2", Email="nobody"), patient("3"))
    await world.start()
    outcomes = await world.settled(3)
    assert tally(outcomes) == {"inserted": 2, "failed": 1}
    reason = outcomes["patient", "2"].reason
    assert reason is not None
    assert (reason.code, reason.field) == ("invalid_data", "Email")
    assert reason.remedy
    assert "nobody" not in reason.sentence
    assert await world.count("Contacts") == 2


async def test_a_refusal_of_zoho_itself_fails_that_record_alone(world: World) -> None:
    """What metadata cannot tell (a locked record, say) comes back per element."""
    await world.org.fault(
        kind="partial",
        path="upsert",
        elements=[1],
        times=1,
        code="INVALID_DATA",
        details={"api_name": "Last_Name"},
    )
    await world.begin()
    await world.write(*(patient(f"x-{n}") for n in range(3)))
    await world.start()
    outcomes = await world.settled(3)
    assert tally(outcomes) == {"inserted": 2, "failed": 1}


async def test_a_refused_record_lands_when_it_is_replayed_after_the_repair(world: World) -> None:
    """What landed is not sent again, what was refused is."""
    await world.org.fault(
        kind="partial",
        path="upsert",
        elements=[1],
        times=1,
        code="RECORD_LOCKED",
    )
    await world.begin()
    await world.write(*(patient(f"x-{n}") for n in range(3)))
    await world.start()
    assert tally(await world.settled(3)) == {"inserted": 2, "failed": 1}
    await world.caught_up()
    await world.stop()
    await world.replay()
    await world.start()
    await world.until(lambda found: tally(found) == {"inserted": 3})
    assert await world.count("Contacts") == 3


async def test_cancelling_a_run_ends_what_is_not_written_as_skipped(world: World) -> None:
    """Also records whose wave never opened; what was written keeps its outcome in a replay."""
    await world.begin("run_1", 1)
    await world.write(patient("1"), plan("1-p", "1"))
    await world.start()
    await world.settled(1)
    await world.command(CancelRun(run_id=RunId("run_1")))
    outcomes = await world.settled(2)
    assert tally(outcomes) == {"inserted": 1, "skipped": 1}
    await world.caught_up()
    await world.stop()
    await world.replay()
    await world.start()
    await world.caught_up()
    assert (await world.outcomes())["patient", "1"].outcome is Outcome.INSERTED


async def test_credits_are_shared_out_over_the_records_they_were_spent_on(world: World) -> None:
    """The outcomes of a run add up to what its writing calls cost."""
    await world.begin()
    await world.write(*(patient(f"{n}") for n in range(25)))
    await world.start()
    outcomes = await world.settled(25)
    spent = sum(
        one["credits"] for one in await world.org.requests() if one["path"].endswith("/upsert")
    )
    assert sum(one.credits for one in outcomes.values()) >= spent > 0
