"""Changed files replace their older version, moved ones follow their patient, undo takes back."""

from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect, Outcome, RecordOutcome
from bridgework_contracts.records import Change
from bridgework_contracts.runs import RunKind

from services.rehoster.tests.conftest import World, taken_back, tally


async def test_an_unchanged_file_costs_no_call_and_a_changed_one_replaces_the_old(
    world: World,
) -> None:
    """The new version is there and proven before the old one goes."""
    await world.begin()
    await world.land("1")
    await world.send(world.file("same", "1"), world.file("new", "1", b"%PDF-1.4 old"))
    await world.start()
    await world.settled(2)
    before = len(await world.org.requests())
    await world.begin("run_2")
    await world.send(world.file("same", "1", run="run_2"))
    assert tally(await world.settled(1, "run_2")) == {"unchanged": 1}
    assert len(await world.org.requests()) == before
    await world.send(world.file("new", "1", b"%PDF-1.4 newer", run="run_2", change=Change.CHANGED))
    outcome = (await world.settled(2, "run_2"))["new"]
    assert (outcome.outcome, outcome.effect) == (Outcome.UPDATED, Effect.CHANGED)
    assert await world.attached("1") == [
        ("new.pdf", b"%PDF-1.4 newer"),
        ("same.pdf", b"%PDF-1.4 a scan"),
    ]


async def test_a_file_that_belongs_to_another_patient_now_moves_there(world: World) -> None:
    """A merge decided between two runs."""
    await world.begin()
    await world.land("1", "2")
    await world.send(world.file("a", "1"))
    await world.start()
    await world.settled(1)
    await world.begin("run_2")
    await world.send(world.file("a", "2", run="run_2"))
    assert tally(await world.settled(1, "run_2")) == {"updated": 1}
    assert await world.attached("1") == []
    assert len(await world.attached("2")) == 1


async def test_an_undo_takes_files_back_and_they_can_be_moved_again(world: World) -> None:
    """Also where the answer is lost; what a person deleted already is unchanged."""
    await world.begin()
    await world.land("1")
    await world.send(*(world.file(key, "1") for key in "abc"))
    await world.start()
    made = await world.settled(3)
    by_hand = made["c"].zoho_id or ""
    await world.zoho.attachments.delete("Contacts", world.contacts["1"], by_hand)
    await world.org.fault(kind="drop", when="after", method="DELETE", times=1)
    await world.begin("undo_1", kind=RunKind.UNDO, undo_of="run_1")
    await world.send(*(taken_back(one, "undo_1") for one in made.values()))
    back = await world.settled(3, "undo_1")
    assert tally(back) == {"updated": 2, "unchanged": 1}
    assert {key for key, one in back.items() if one.effect is Effect.DELETED} == {"a", "b"}
    assert await world.attached("1") == []
    await world.begin("run_2")
    await world.send(*(world.file(key, "1", run="run_2") for key in "abc"))
    assert tally(await world.settled(3, "run_2")) == {"inserted": 3}


def taken(name: str, key: str, *, zoho_id: str) -> RecordOutcome:
    """What the loader says of a record it took back."""
    return RecordOutcome(
        run_id=RunId("undo_1"),
        object=name,
        key=key,
        outcome=Outcome.UPDATED,
        effect=Effect.DELETED,
        module="Contacts",
        zoho_id=zoho_id,
        decided_by="loader",
    )


async def test_files_of_a_deleted_record_are_gone_with_it(world: World) -> None:
    """The outcome of the record's undo is followed: a later load hangs files on the new one."""
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()
    made = await world.settled(1)
    old = world.contacts["1"]
    await world.zoho.records.delete("Contacts", [old])
    await world.begin("undo_1", kind=RunKind.UNDO, undo_of="run_1")
    await world.send(taken_back(made["a"], "undo_1"))
    assert tally(await world.settled(1, "undo_1")) == {"unchanged": 1}
    # Who comes back after a while has much to read before it knows that the record is gone.
    await world.stop()
    others = (taken("carrier", "1", zoho_id=f"c-{n}") for n in range(3_000))
    await world.tell(*others, taken("patient", "1", zoho_id=old))
    await world.begin("run_2")
    await world.land("1", run="run_2")
    await world.send(world.file("a", "1", run="run_2"))
    await world.start()
    outcome = (await world.settled(1, "run_2"))["a"]
    assert (outcome.outcome, outcome.zoho_parent_id) == (Outcome.INSERTED, world.contacts["1"])
    assert world.contacts["1"] != old


async def test_cancelled_and_undone_runs_release_nothing(world: World) -> None:
    """A parent that lands later must not bring back files of a run that is over."""
    await world.begin()
    await world.send(world.file("a", "9"))
    await world.start()
    assert tally(await world.settled(1)) == {"parked": 1}
    await world.begin("undo_1", kind=RunKind.UNDO, undo_of="run_1")
    await world.caught_up()
    await world.land("9", run="undo_1")
    await world.caught_up()
    assert await world.attached("9") == []
    assert await world.pool.fetchval("select count(*) from rehoster.parked") == 0
