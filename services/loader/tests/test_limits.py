"""Credits, rights and temporary refusals: the run waits or asks for a person; nothing is lost."""

import asyncio

from bridgework_contracts.commands import PauseRun, ResumeRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.progress import RunFailed, RunWaiting
from bridgework_contracts.topics import Subject
from bridgework_testkit.eventually import eventually
from bridgework_zoho_org.credits import PgCreditLedger

from services.loader.tests.conftest import QUICK, World, patient, tally


async def test_without_credits_the_partition_waits_and_control_is_told_until_when(
    world: World,
) -> None:
    """The ledger of the org, shared by every process, is spent by somebody else."""
    await world.begin()
    await world.write(patient("1"))
    await world.start()
    await world.settled(1)
    await spend_all(world)
    await world.write(*(patient(f"{n}") for n in range(2, 12)))

    async def told() -> list[RunWaiting]:
        return [
            one for one in await world.messages(Subject.PROGRESS) if isinstance(one, RunWaiting)
        ]

    waiting = await eventually(told, 20.0, poll_s=0.2)
    assert waiting
    first = (await told())[0]
    assert (first.service, first.code, first.run_id) == ("loader", "credits_exhausted", "run_1")
    assert first.until is not None
    assert len(await world.outcomes()) == 1
    await world.stop()
    await give_back(world)
    await world.start()
    assert tally(await world.settled(11)) == {"inserted": 11}
    assert await world.count("Contacts") == 11


async def spend_all(world: World) -> None:
    """Book a spend as large as the allowance in the shared ledger."""
    ledger = PgCreditLedger(world.pool, world.org.connection.org_id, 1_000_000_000)
    await ledger.reserve(10_000_000, "somebody else")


async def give_back(world: World) -> None:
    """Let the window roll over."""
    await world.pool.execute("delete from zoho_org.credit_bucket")
    await world.pool.execute("delete from zoho_org.credit_window")


async def test_a_missing_permission_pauses_the_run_until_a_person_resumes_it(
    world: World,
) -> None:
    """RunFailed names code and remedy; after ResumeRun everything lands exactly once."""
    await world.org.fault(
        kind="error", method="POST", path="upsert", times=1, status=403, code="NO_PERMISSION"
    )
    await world.begin()
    await world.write(*(patient(f"x-{n}") for n in range(5)))
    await world.start()

    async def failed() -> list[RunFailed]:
        return [one for one in await world.messages(Subject.PROGRESS) if isinstance(one, RunFailed)]

    assert await eventually(failed, 20.0, poll_s=0.1)
    (message,) = await failed()
    assert (message.service, message.code) == ("loader", "no_permission")
    assert message.remedy
    await asyncio.sleep(0.7)  # a held batch is offered again meanwhile; it must not be sent
    assert await world.outcomes() == {}
    await world.command(ResumeRun(run_id=RunId("run_1")))
    assert tally(await world.settled(5)) == {"inserted": 5}
    assert len(await failed()) == 1


async def test_a_paused_run_writes_nothing_until_it_is_resumed(world: World) -> None:
    """Pause and resume are durable commands."""
    await world.begin()
    await world.command(PauseRun(run_id=RunId("run_1"), reason="lunch"))
    await world.start()
    await world.caught_up()
    await world.write(patient("1"))
    await asyncio.sleep(0.7)  # nothing may happen in this time; there is no event to wait for
    assert await world.outcomes() == {}
    await world.command(ResumeRun(run_id=RunId("run_1")))
    assert tally(await world.settled(1)) == {"inserted": 1}


async def test_records_refused_for_now_are_sent_again_alone(world: World) -> None:
    """A waiting code of one element costs its neighbours nothing."""
    await world.org.fault(
        kind="partial", path="upsert", elements=[1], times=2, code="DEPENDENT_SERVICE_ERROR"
    )
    await world.begin()
    await world.write(*(patient(f"x-{n}") for n in range(3)))
    await world.start()
    assert tally(await world.settled(3)) == {"inserted": 3}
    assert await world.count("Contacts") == 3


async def test_while_zoho_is_away_writes_wait_and_then_land_once(world: World) -> None:
    """Five hundreds before commit, longer than one batch is patient."""
    world.pacing = QUICK.model_copy(update={"attempts": 1})
    await world.org.fault(kind="drop", when="before", method="POST", path="upsert", times=6)
    await world.begin()
    await world.write(*(patient(f"{n}") for n in range(20)))
    await world.start()
    assert tally(await world.settled(20)) == {"inserted": 20}
    assert await world.count("Contacts") == 20
