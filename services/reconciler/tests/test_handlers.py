"""What the reconciler does with each message of a tenant."""

import asyncio
from typing import Any

import pytest
from bridgework_contracts.commands import (
    CancelRun,
    DiffRun,
    FinishRun,
    OpenWave,
    PauseRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.progress import RunCounted, WaveSettled
from bridgework_contracts.records import (
    FileExtracted,
    ObjectExtracted,
    ParentRef,
    RecordExtracted,
)
from bridgework_contracts.runs import RunKind, Wave
from bridgework_eventlog.loop import Hold
from bridgework_reconciler.counting_watch import CountingWatch
from bridgework_service.runs import RunStatus
from bridgework_testkit.eventually import eventually

from services.reconciler.tests.conftest import JOB, Reconciler, ended, file_ended

RUN = RunId("run_1")
TABLES = ("journal", "tallies", "run_credits", "links", "expected", "extracted", "work")


def patient(key: str, run_id: RunId = RUN) -> RecordExtracted:
    """One canonical patient."""
    return RecordExtracted(
        run_id=run_id, object="patient", key=key, content_hash="h", fields={"key": key}
    )


def document(key: str, **more: Any) -> FileExtracted:
    """One canonical file."""
    told: dict[str, Any] = {"sha256": None, **more}
    return FileExtracted(
        run_id=RUN,
        object="document",
        key=key,
        parent=ParentRef(object="patient", key="1"),
        name="xray.dcm",
        mime="application/dicom",
        size_bytes=10,
        **told,
    )


def counted(name: str, extracted: int, unchanged: int = 0) -> ObjectExtracted:
    """The extractor's count of one object."""
    return ObjectExtracted(run_id=RUN, object=name, extracted=extracted, unchanged=unchanged)


async def everything(reconciler: Reconciler) -> dict[str, Any]:
    """All tables, without times and seals."""
    return {name: await reconciler.table(name) for name in TABLES}


async def test_the_same_messages_again_change_nothing(reconciler: Reconciler) -> None:
    """Records, files, counts, outcomes: delivered twice, kept once."""
    await reconciler.know()
    records = (patient("1"), patient("2"), document("d-1"), counted("patient", 2))
    outcomes = (ended("1", credits=1.0), ended("2", Outcome.PARKED), file_ended("d-1"))
    await reconciler.records(*records)
    await reconciler.outcomes(*outcomes)
    once = await everything(reconciler)
    assert {name: len(rows) for name, rows in once.items()} == {
        "journal": 3,
        "tallies": 3,
        "run_credits": 1,
        "links": 2,
        "expected": 3,
        "extracted": 1,
        "work": 0,
    }
    await reconciler.records(*records)
    await reconciler.outcomes(*outcomes)
    assert await everything(reconciler) == once


async def test_messages_of_a_run_not_announced_yet_are_held_and_those_before_are_done(
    reconciler: Reconciler,
) -> None:
    """``StartRun`` travels on another topic: nothing is lost, nothing is done out of turn."""
    await reconciler.know(reconciler.spec("run_1"))
    later = RunId("run_2")
    with pytest.raises(Hold) as held:
        await reconciler.outcomes(ended("1"), ended("2"), ended("3", run_id=later), ended("4"))
    assert (held.value.first_index, held.value.reason) == (2, "run_unknown")
    assert (await reconciler.journal.counts("run_1")).outcomes == {"patient": {"inserted": 2}}
    assert (await reconciler.journal.counts("run_2")).outcomes == {}
    with pytest.raises(Hold) as held:
        await reconciler.records(patient("1"), patient("3", later))
    assert held.value.first_index == 1

    await reconciler.know(reconciler.spec("run_2"))
    await reconciler.outcomes(ended("1"), ended("2"), ended("3", run_id=later), ended("4"))
    assert (await reconciler.journal.counts("run_1")).outcomes == {"patient": {"inserted": 3}}
    assert (await reconciler.journal.counts("run_2")).outcomes == {"patient": {"inserted": 1}}


async def test_an_undo_of_a_file_is_not_what_the_source_says(reconciler: Reconciler) -> None:
    """Only uploads are expected; the reconciler reads its own deletions on the same topic."""
    await reconciler.know()
    await reconciler.records(document("d-1", op="delete"), document("d-2"))
    sealer = reconciler.tenant.sealer
    found = await reconciler.truth.expected(JOB, "document", ["d-1", "d-2"], sealer)
    assert list(found) == ["d-2"]


# ---- commands -----------------------------------------------------------------------------------


async def queued(reconciler: Reconciler) -> list[tuple[str, str, str]]:
    """(run, kind, label) of queued work, oldest first."""
    rows = await reconciler.pool.fetch("select * from reconciler.work order by work_id")
    assert {row["tenant_id"] for row in rows} <= {reconciler.tenant.tenant_id}
    return [(row["run_id"], row["kind"], row["label"]) for row in rows]


async def test_commands_queue_their_work_once_and_in_order(reconciler: Reconciler) -> None:
    """Asked twice is asked once; what is for others is left alone."""
    story = (
        StartRun(spec=reconciler.spec()),
        TakeFingerprint(run_id=RUN, label="before"),
        OpenWave(run_id=RUN, wave=1),
        PauseRun(run_id=RUN, reason="asked for"),
        DiffRun(run_id=RUN),
        TakeFingerprint(run_id=RUN, label="after_undo"),
        FinishRun(run_id=RUN),
    )
    await reconciler.commands(*story)
    assert reconciler.watch.work.is_set()
    await reconciler.commands(*story)
    assert await queued(reconciler) == [
        ("run_1", "fingerprint", "before"),
        ("run_1", "diff", ""),
        ("run_1", "fingerprint", "after_undo"),
        ("run_1", "report", ""),
    ]
    assert (await reconciler.context.spec("run_1")).job_id == JOB


async def test_only_an_undo_run_queues_the_undo_when_it_starts(reconciler: Reconciler) -> None:
    """A full run's writes come from the transformer."""
    await reconciler.commands(
        StartRun(spec=reconciler.spec("run_1")),
        StartRun(spec=reconciler.spec("run_2", kind=RunKind.UNDO, undo_of=RUN)),
    )
    assert await queued(reconciler) == [("run_2", "undo", "")]


# ---- counting out loud --------------------------------------------------------------------------

WAVES = (Wave(index=1, objects=("carrier",)), Wave(index=2, objects=("patient",)))


async def look(reconciler: Reconciler, run_id: str = "run_1") -> tuple[RunCounted, list[int]]:
    """Look at a run's counts; return what was said of them and which waves settled."""
    await reconciler.watch._look(run_id)
    first, *rest = await reconciler.told()
    assert isinstance(first, RunCounted)
    assert all(isinstance(word, WaveSettled) for word in rest)
    return first, [word.wave for word in rest if isinstance(word, WaveSettled)]


async def test_a_wave_is_said_to_have_settled_once_when_its_last_outcome_is_in(
    reconciler: Reconciler,
) -> None:
    """Not before, and not again; the counts are said every time."""
    await reconciler.know(reconciler.spec(waves=WAVES))
    await reconciler.records(counted("carrier", 2), counted("patient", 3, unchanged=2))
    carriers = [ended(key, object="carrier", credits=0.5) for key in "12"]
    await reconciler.outcomes(carriers[0])
    said, settled = await look(reconciler)
    assert (said.extracted, settled) == ({"carrier": 2, "patient": 3}, [])
    assert said.outcomes == {
        "carrier": {"inserted": 1, "unchanged": 0},
        "patient": {"unchanged": 2},
    }
    await reconciler.outcomes(carriers[1])
    assert (await look(reconciler))[1] == [1]
    said, settled = await look(reconciler)
    assert (said.credits, settled) == (1.0, [])
    await reconciler.outcomes(*carriers)
    assert (await look(reconciler))[1] == []
    await reconciler.outcomes(ended("9", Outcome.FAILED))
    assert (await look(reconciler))[1] == [2]


async def test_waves_that_settle_together_are_said_in_order(reconciler: Reconciler) -> None:
    """Control opens them one after another."""
    await reconciler.know(reconciler.spec(waves=WAVES))
    await reconciler.records(counted("carrier", 0), counted("patient", 0))
    assert (await look(reconciler))[1] == [1, 2]


async def test_what_was_counted_before_a_restart_is_looked_at_after_it(
    reconciler: Reconciler,
) -> None:
    """The process died between the outcome and the word: the word comes all the same."""
    await reconciler.know(reconciler.spec(waves=WAVES), reconciler.spec("run_0", waves=WAVES))
    await reconciler.chassis.registry.set_status(RunId("run_0"), RunStatus.FINISHED)
    await reconciler.records(counted("carrier", 0))
    await reconciler.outcomes(ended("1", run_id=RunId("run_0")))
    again = CountingWatch(reconciler.context, reconciler.journal, reconciler.chassis.outbox)
    stop = asyncio.Event()
    running = asyncio.create_task(again.run(stop))
    found: list[Any] = []

    async def settled() -> bool:
        found.extend(await reconciler.told())
        return any(isinstance(word, WaveSettled) for word in found)

    try:
        await eventually(settled)
    finally:
        stop.set()
        await running
    assert {word.run_id for word in found} == {"run_1"}


async def test_a_cancelled_run_is_not_counted_out_loud_any_more(reconciler: Reconciler) -> None:
    """What was noted before the command is dropped."""
    await reconciler.know()
    await reconciler.records(counted("patient", 1))
    assert reconciler.watch._moved == {"run_1"}
    await reconciler.commands(CancelRun(run_id=RUN))
    assert reconciler.watch._moved == set()
