"""Deltas: the source's new value is written only where nobody but us has been."""

from bridgework_contracts.outcomes import Effect, Outcome
from bridgework_contracts.records import Change
from bridgework_contracts.writes import Op

from services.loader.tests.conftest import World, appointment, note, patient, plan, tally


async def test_an_unchanged_record_costs_no_call(world: World) -> None:
    """The hash of what was last made true decides."""
    await world.begin()
    await world.write(*(patient(f"{n}") for n in range(10)))
    await world.start()
    await world.settled(10)
    before = len(await world.org.requests())
    await world.begin("run_2")
    await world.write(*(patient(f"{n}", run="run_2") for n in range(10)))
    assert tally(await world.settled(10, "run_2")) == {"unchanged": 10}
    assert len(await world.org.requests()) == before


async def test_only_changed_fields_are_sent_and_their_old_values_are_kept(world: World) -> None:
    """Base, theirs and ours per field."""
    await world.begin()
    await world.write(patient("1", Phone="5550000001", Mailing_City="Old Town"))
    await world.start()
    first = (await world.settled(1))["patient", "1"]
    await world.begin("run_2")
    await world.write(
        patient("1", run="run_2", version=2, Phone="5550000002", Mailing_City="Old Town")
    )
    outcome = (await world.settled(1, "run_2"))["patient", "1"]
    assert (outcome.outcome, outcome.effect) == (Outcome.UPDATED, Effect.CHANGED)
    assert (outcome.sent, outcome.before) == (
        {"Phone": "5550000002"},
        {"Phone": "5550000001"},
    )
    assert outcome.zoho_id == first.zoho_id


async def test_a_persons_edit_survives_and_is_listed(world: World) -> None:
    """Both changed: theirs is kept as a conflict, and the other field is still updated."""
    await world.begin()
    await world.write(patient("1", Phone="5550000001", Mailing_City="Old Town"))
    await world.start()
    made = (await world.settled(1))["patient", "1"]
    await world.edit("Contacts", "update", made.zoho_id, Phone="5557777777")
    await world.begin("run_2")
    await world.write(
        patient("1", run="run_2", version=2, Phone="5550000002", Mailing_City="New Town")
    )
    outcome = (await world.settled(1, "run_2"))["patient", "1"]
    assert outcome.sent == {"Mailing_City": "New Town"}
    (conflict,) = outcome.conflicts
    assert (conflict.field, conflict.base, conflict.theirs, conflict.ours, conflict.kept) == (
        "Phone",
        "5550000001",
        "5557777777",
        "5550000002",
        "theirs",
    )
    now = await world.zoho.records.get("Contacts", [made.zoho_id or ""], ["Phone"])
    assert now[made.zoho_id or ""]["Phone"] == "5557777777"


async def test_an_event_and_a_note_are_updated_in_place(world: World) -> None:
    """Modules that cannot be upserted are updated by id; a note stays at its parent."""
    await world.begin()
    await world.write(patient("1"), appointment("1-a", "1"), note("1-n", "1"))
    await world.start()
    await world.settled(3)
    await world.begin("run_2")
    moved = appointment("1-a", "1", run="run_2")
    await world.write(
        moved.model_copy(
            update={
                "fields": {**moved.fields, "Event_Title": "Crown"},
                "content_hash": "v2",
            }
        ),
        note("1-n", "1", run="run_2", text="Seen again."),
    )
    outcomes = await world.settled(2, "run_2")
    assert tally(outcomes) == {"updated": 2}
    assert outcomes["appointment", "1-a"].sent == {"Event_Title": "Crown"}
    assert outcomes["note", "1-n"].before == {"Note_Content": "Seen.\n[src:note:1-n]"}
    assert len(await world.state("Notes")) == 1
    assert await world.count("Events") == 1


async def test_a_record_a_person_deleted_is_not_created_again(world: World) -> None:
    """Their decision stands and is reported."""
    await world.begin()
    await world.write(patient("1"))
    await world.start()
    made = (await world.settled(1))["patient", "1"]
    await world.edit("Contacts", "delete", made.zoho_id)
    await world.begin("run_2")
    await world.write(patient("1", run="run_2", version=2, Phone="5550000002"))
    outcome = (await world.settled(1, "run_2"))["patient", "1"]
    assert outcome.reason is not None
    assert (outcome.outcome, outcome.reason.code) == (Outcome.SKIPPED, "deleted_in_zoho")
    assert await world.count("Contacts") == 0


async def test_a_record_the_source_deleted_stays_in_zoho(world: World) -> None:
    """Flagged, never deleted."""
    await world.begin()
    await world.write(patient("1"))
    await world.start()
    made = (await world.settled(1))["patient", "1"]
    await world.begin("run_2")
    await world.write(
        patient("1", run="run_2", version=9).model_copy(
            update={"op": Op.FLAG_DELETED, "change": Change.DELETED, "fields": {}}
        )
    )
    outcome = (await world.settled(1, "run_2"))["patient", "1"]
    assert outcome.reason is not None
    assert (outcome.outcome, outcome.reason.code, outcome.zoho_id) == (
        Outcome.SKIPPED,
        "deleted_in_source",
        made.zoho_id,
    )
    assert await world.count("Contacts") == 1


async def test_an_optional_lookup_is_filled_in_once_its_record_is_there(world: World) -> None:
    """Left out with a problem at first; the same write in a later run is looked at again."""
    await world.begin()
    await world.write(appointment("1-a", "1", required=False))
    await world.start()
    first = (await world.settled(1))["appointment", "1-a"]
    assert [one.code for one in first.problems] == ["reference_missing"]
    await world.begin("run_2")
    await world.write(patient("1", run="run_2"))
    await world.settled(1, "run_2")
    await world.write(appointment("1-a", "1", run="run_2", required=False))
    outcome = (await world.settled(2, "run_2"))["appointment", "1-a"]
    assert outcome.outcome is Outcome.UPDATED
    assert list(outcome.sent or {}) == ["Who_Id"]


async def test_money_dates_and_lookups_in_zohos_spelling_are_no_edits(world: World) -> None:
    """What Zoho returns in another form is still what we wrote."""
    await world.begin()
    await world.write(patient("1"), plan("1-p", "1"), appointment("1-a", "1"))
    await world.start()
    await world.settled(3)
    await world.begin("run_2")
    changed = appointment("1-a", "1", run="run_2")
    await world.write(
        plan("1-p", "1", run="run_2", Name="Renamed"),
        changed.model_copy(update={"fields": {**changed.fields, "Event_Title": "Crown"}}),
    )
    outcomes = await world.settled(2, "run_2")
    assert outcomes["treatment_plan", "1-p"].sent == {"Name": "Renamed"}
    assert outcomes["appointment", "1-a"].sent == {"Event_Title": "Crown"}
    assert not any(one.conflicts for one in outcomes.values())
