"""A lost answer is asked about before anything is sent again: no duplicates, the same end state."""

import pytest
from bridgework_contracts.outcomes import Effect
from bridgework_zoho.meta import NewField
from bridgework_zoho.settings import ZohoSettings

from services.loader.tests.conftest import (
    QUICK,
    QUICK_ZOHO,
    World,
    appointment,
    note,
    patient,
    tally,
)

LOST = [
    pytest.param({"kind": "drop", "when": "after"}, id="dropped after commit"),
    pytest.param({"kind": "error", "when": "after", "status": 500}, id="500 after commit"),
    pytest.param({"kind": "html", "when": "after", "status": 502}, id="html after commit"),
    pytest.param({"kind": "drop", "when": "before"}, id="dropped before commit"),
]
MODULES = [
    pytest.param("upsert", id="Contacts"),
    pytest.param("/Events", id="Events"),
    pytest.param("/Notes", id="Notes"),
]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("path", MODULES)
async def test_a_lost_answer_creates_no_second_record(
    world: World, fault: dict[str, object], path: str
) -> None:
    """Whichever module and whatever way the answer is lost."""
    await world.org.fault(method="POST", path=path, times=1, **fault)
    await world.begin()
    await world.write(
        *(patient(f"{n}") for n in range(4)),
        *(appointment(f"{n}-a", f"{n}") for n in range(4)),
        *(note(f"{n}-n", f"{n}") for n in range(4)),
    )
    await world.start()
    outcomes = await world.settled(12)
    assert tally(outcomes) == {"inserted": 12}
    assert {one.effect for one in outcomes.values()} == {Effect.CREATED}
    assert [await world.count(m) for m in ("Contacts", "Events")] == [4, 4]
    assert len(await world.state("Notes")) == 4


async def test_a_request_that_times_out_and_is_applied_later_is_waited_for(world: World) -> None:
    """Asking before Zoho has finished would miss the record: the loader lets it settle first."""
    world.zoho_settings = ZohoSettings(
        **{**QUICK_ZOHO.model_dump(), "request_timeout_s": 0.3, "max_attempts": 1}
    )
    world.pacing = QUICK.model_copy(update={"settle_s": 1.5})
    await world.begin()
    await world.write(patient("1"), appointment("1-a", "1"))
    await world.org.fault(
        kind="latency", method="POST", path="/Events", times=1, latency={"mean_s": 1.0}
    )
    await world.start()
    assert tally(await world.settled(2)) == {"inserted": 2}
    assert await world.count("Events") == 1


async def test_a_lost_update_keeps_its_before_image(world: World) -> None:
    """The intent remembers what an update replaces, so the outcome can still be undone."""
    await world.begin()
    await world.write(patient("1", Phone="5550000001"))
    await world.start()
    await world.settled(1)
    await world.org.fault(kind="drop", when="after", method="PUT", path="/Contacts", times=5)
    await world.begin("run_2")
    await world.write(patient("1", run="run_2", version=2, Phone="5550000002"))
    outcome = (await world.settled(1, "run_2"))["patient", "1"]
    assert (outcome.outcome, outcome.effect) == ("updated", "changed")
    assert outcome.sent == {"Phone": "5550000002"}
    assert outcome.before == {"Phone": "5550000001"}


async def test_records_of_ours_that_the_crosswalk_lost_are_adopted_not_overwritten(
    world: World,
) -> None:
    """A record that already carries our source id keeps what a person put into it."""
    await world.edit(
        "Contacts", "create", Last_Name="By hand", Source_Patient_ID="1", Phone="5551112222"
    )
    await world.begin()
    await world.write(
        patient("1", Phone="5559998888", Mailing_City="Town"), patient("2"), patient("3")
    )
    await world.start()
    outcomes = await world.settled(3)
    assert tally(outcomes) == {"inserted": 2, "updated": 1}
    adopted = outcomes["patient", "1"]
    assert adopted.sent == {"Mailing_City": "Town"}
    assert adopted.before == {"Mailing_City": None}
    assert {one.field for one in adopted.conflicts} == {"Last_Name", "Phone"}
    assert await world.count("Contacts") == 3


async def test_a_taken_unique_value_of_another_record_fails_without_touching_it(
    world: World,
) -> None:
    """DUPLICATE_DATA links only where the other record carries our source id."""
    assert (
        await world.zoho.meta.create_field(
            "Contacts", NewField(label="Chart Number", data_type="text", unique=True)
        )
    ).ok
    await world.edit("Contacts", "create", Last_Name="By hand", Chart_Number="C-1")
    await world.begin()
    await world.write(patient("1", Chart_Number="C-1"), patient("2", Chart_Number="C-2"))
    await world.start()
    outcomes = await world.settled(2)
    assert tally(outcomes) == {"inserted": 1, "failed": 1}
    reason = outcomes["patient", "1"].reason
    assert reason is not None
    assert reason.code == "duplicate_data"
    by_hand = [one for one in await world.state("Contacts") if one["Last_Name"] == "By hand"]
    assert len(by_hand) == 1
    assert by_hand[0]["Source_Patient_ID"] is None
