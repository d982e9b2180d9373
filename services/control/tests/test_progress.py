"""From words of progress to commands: a whole migration, replays, late words, failures."""

from typing import Any

import pytest
from bridgework_contracts.codec import Message
from bridgework_contracts.commands import (
    DiffRun,
    FinishRun,
    OpenWave,
    PauseRun,
    ResumeRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.ids import RunId
from bridgework_contracts.progress import (
    DiffFinished,
    FingerprintTaken,
    RunCounted,
    RunFailed,
    RunReported,
    RunWaiting,
    SnapshotSealed,
    WaveSettled,
)
from bridgework_contracts.runs import RunKind
from bridgework_mapping.document import MappingDocument

from services.control.tests.conftest import FINGERPRINT, LEAD, World

LAST_WAVE = max(wave.index for wave in MappingDocument.default().waves())


def report(run_id: str, kind: str, **more: Any) -> RunReported:
    """The reconciler's report of a clean run."""
    told = {
        "run_id": run_id,
        "kind": kind,
        "balanced": True,
        "objects": {"Contacts": {"extracted": 1, "inserted": 1}},
        "files": {},
        "conflicts": [],
        "quarantined": [],
        "journal_hash": "j",
        **more,
    }
    return RunReported(run_id=RunId(run_id), report=told)


def story(run_id: str, kind: str) -> list[Message]:
    """Every word of a run that goes well, in order."""
    run = RunId(run_id)
    waves = [WaveSettled(run_id=run, wave=wave) for wave in range(1, LAST_WAVE + 1)]
    proof: Message = DiffFinished(run_id=run, compared_records=1, compared_fields=9, mismatches=0)
    if kind == "undo":
        proof = FingerprintTaken(run_id=run, label="after_undo", modules=FINGERPRINT)
    return [
        FingerprintTaken(run_id=run, label="before", modules=FINGERPRINT),
        SnapshotSealed(run_id=run, extracted={"patient": 1}, seconds=0.1),
        *waves,
        proof,
        report(run_id, kind),
    ]


async def tell(world: World, run_id: str, kind: str) -> list[Message]:
    """Tell the whole story word by word; return the commands owed."""
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    for word in story(run_id, kind):
        await world.say(tenant_id, word)
    return await world.owed(tenant_id)


async def state(world: World, job_id: str) -> str:
    """Where a job stands."""
    return str((await world.api.get(f"/jobs/{job_id}"))["state"])


async def test_a_migration_goes_all_the_way_from_rehearsal_to_live(world: World) -> None:
    """Each run is led by its progress; each gate by its evidence."""
    job_id = await world.ready()
    rehearsal = await world.start(job_id)
    assert await tell(world, rehearsal, "rehearsal") == [
        *(await _begun(world, rehearsal)),
        *(OpenWave(run_id=RunId(rehearsal), wave=n) for n in range(1, LAST_WAVE + 1)),
        DiffRun(run_id=RunId(rehearsal)),
        FinishRun(run_id=RunId(rehearsal)),
    ]
    assert await state(world, job_id) == "rehearsed"
    shown = await world.api.get(f"/runs/{rehearsal}")
    assert (shown["state"], shown["balanced"]) == ("finished", True)
    assert {wave["state"] for wave in shown["waves"]} == {"settled"}
    assert shown["finished_at"] is not None

    undo = (await world.api.post(f"/runs/{rehearsal}/undo"))["run_id"]
    assert await tell(world, undo, "undo") == [
        *(await _begun(world, undo)),
        *(OpenWave(run_id=RunId(undo), wave=n) for n in range(1, LAST_WAVE + 1)),
        TakeFingerprint(run_id=RunId(undo), label="after_undo"),
        FinishRun(run_id=RunId(undo)),
    ]
    assert await state(world, job_id) == "undone"

    await world.approve(job_id, "G4")
    full = await world.start(job_id, "full")
    await tell(world, full, "full")
    assert await state(world, job_id) == "loaded"

    await world.approve(job_id, "G5")
    delta = await world.start(job_id, "delta", export_path="exports/later")
    # What still waits in earlier runs is not moved by them while a delta runs.
    pause, start, *rest = await tell(world, delta, "delta")
    assert pause == PauseRun(run_id=RunId(full), reason="a delta moves what waits")
    assert rest[-1] == ResumeRun(run_id=RunId(full))
    assert isinstance(start, StartRun)
    assert start.spec.kind is RunKind.DELTA
    assert start.spec.base_run_id == full
    assert start.spec.source.export_path == "exports/later"
    assert (await world.api.get(f"/jobs/{job_id}"))["export_path"] == "exports/later"
    assert await state(world, job_id) == "delta_loaded"

    second = await world.start(job_id, "delta", export_path="exports/last")
    *pauses, start = (await tell(world, second, "delta"))[:3]
    assert [one.run_id for one in pauses if isinstance(one, PauseRun)] == [full, delta]
    assert isinstance(start, StartRun)
    assert start.spec.base_run_id == delta

    await world.approve(job_id, "G6", "G7")
    assert await state(world, job_id) == "live"
    told = await world.api.get(f"/jobs/{job_id}/report")
    assert [run["kind"] for run in told["runs"]] == ["rehearsal", "undo", "full", "delta", "delta"]
    assert told["balanced"] is True
    assert told["fingerprints"]["equal"] is True
    assert [gate["gate"] for gate in told["job"]["gates"]] == [f"G{n}" for n in range(1, 8)]


async def _begun(world: World, run_id: str) -> list[Message]:
    """The two commands a run begins with."""
    from bridgework_contracts.runs import RunSpec

    row = await world.runs.run_row(run_id)
    spec = RunSpec.model_validate(row["spec"])
    return [StartRun(spec=spec), TakeFingerprint(run_id=spec.run_id, label="before")]


async def test_a_story_in_one_batch_ends_like_one_told_word_by_word(world: World) -> None:
    """However the log cuts it."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    await world.say(tenant_id, *story(run_id, "rehearsal"))
    assert (await world.api.get(f"/runs/{run_id}"))["state"] == "finished"
    assert len(await world.owed(tenant_id)) == 2 + LAST_WAVE + 2


async def test_a_story_told_again_changes_nothing_and_owes_nothing(world: World) -> None:
    """A replay from offset 0, after the end and in the middle."""
    job_id = await world.ready()
    run_id = await world.start(job_id)
    tenant_id = await world.tenant_of(job_id)
    words = story(run_id, "rehearsal")
    await world.say(tenant_id, *words[:4])
    await world.owed(tenant_id)
    middle = await world.runs.run_row(run_id)
    await world.say(tenant_id, *words[:4])
    assert await world.runs.run_row(run_id) == middle
    assert await world.owed(tenant_id) == []
    await world.say(tenant_id, *words[4:])
    await world.owed(tenant_id)
    end, job = await world.runs.run_row(run_id), await world.control.job_row(job_id)
    await world.say(tenant_id, *words)
    for word in reversed(words):
        await world.say(tenant_id, word)
    assert await world.runs.run_row(run_id) == end
    assert await world.control.job_row(job_id) == job
    assert await world.owed(tenant_id) == []


async def test_words_about_a_run_nobody_knows_change_nothing(world: World) -> None:
    """Of another environment's topic, or of a job that was deleted."""
    job_id = await world.ready()
    tenant_id = await world.tenant_of(job_id)
    before = await world.control.job_row(job_id)
    failed = RunFailed(run_id=RunId("run_none"), service="s", code="c", sentence="s")
    waiting = RunWaiting(run_id=RunId("run_none"), service="s", code="c", sentence="s")
    counted = RunCounted(run_id=RunId("run_none"), extracted={}, outcomes={})
    await world.say(tenant_id, *story("run_none", "full"), failed, waiting, counted)
    assert await world.owed(tenant_id) == []
    assert await world.control.job_row(job_id) == before
    assert await world.api.get(f"/jobs/{job_id}/runs") == []


async def test_counts_credits_and_what_a_run_waits_for_are_shown(world: World) -> None:
    """Waiting is over when the run moves on."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    run = RunId(run_id)
    until = "2026-11-24T03:00:00Z"
    await world.say(
        tenant_id,
        FingerprintTaken(run_id=run, label="before", modules=FINGERPRINT),
        RunCounted(
            run_id=run,
            extracted={"patient": 3},
            outcomes={"patient": {"inserted": 2, "parked": 1}},
            credits=2.5,
        ),
        RunWaiting(run_id=run, service="loader", code="rate_limited", sentence="s", until=until),
    )
    shown = await world.api.get(f"/runs/{run_id}")
    assert shown["extracted"] == {"patient": 3}
    assert shown["outcomes"] == {"patient": {"inserted": 2, "parked": 1}}
    assert shown["credits"] == 2.5
    assert (shown["waiting"]["code"], shown["waiting"]["until"]) == ("rate_limited", until)
    assert shown["waves"][0]["state"] == "open"
    await world.say(tenant_id, WaveSettled(run_id=run, wave=1))
    shown = await world.api.get(f"/runs/{run_id}")
    assert shown["waiting"] is None
    assert [wave["state"] for wave in shown["waves"]][:3] == ["settled", "open", "closed"]


async def test_waiting_for_the_source_is_over_when_the_source_is_sealed(world: World) -> None:
    """What the destination makes wait is shown on; a run that has ended waits for nothing."""
    run_id = await world.start(await world.ready())
    tenant_id, run = (await world.runs.run_row(run_id))["tenant_id"], RunId(run_id)
    source = RunWaiting(run_id=run, service="extractor", code="source_unavailable", sentence="s")
    zoho = RunWaiting(run_id=run, service="loader", code="rate_limited", sentence="s")
    sealed = SnapshotSealed(run_id=run, extracted={}, seconds=1.0)

    async def shown() -> str | None:
        waiting = (await world.api.get(f"/runs/{run_id}"))["waiting"]
        return waiting["code"] if waiting else None

    await world.say(tenant_id, FingerprintTaken(run_id=run, label="before", modules=FINGERPRINT))
    await world.say(tenant_id, source)
    assert await shown() == "source_unavailable"
    await world.say(tenant_id, sealed)
    assert await shown() is None
    await world.say(tenant_id, zoho, sealed)
    assert await shown() == "rate_limited"
    await world.api.post(f"/runs/{run_id}/cancel")
    assert await shown() is None
    await world.say(tenant_id, zoho)
    assert await shown() is None


async def test_the_first_fingerprint_under_a_label_stands(world: World) -> None:
    """What was there before is not what is there after a crash and a retry."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    other = {"Contacts": {"count": 7, "hash": "f" * 64}}
    for modules in (FINGERPRINT, other):
        await world.say(
            tenant_id, FingerprintTaken(run_id=RunId(run_id), label="before", modules=modules)
        )
    assert (await world.api.get(f"/runs/{run_id}"))["fingerprints"] == {"before": FINGERPRINT}


async def test_what_concerns_whole_files_is_in_the_report(world: World) -> None:
    """The extractor's findings of the full run."""
    job_id = await world.ready()
    await world.control.pool.execute(
        "insert into control.gates (job_id, gate, evidence, evidence_hash, approved_by)"
        " values ($1, 'G4', '{}', '', 'lead')",
        job_id,
    )
    run_id = await world.start(job_id, "full")
    line = {"file": "claims.csv", "line": 0, "code": "column_missing", "remedy": "Export again."}
    await world.say(
        await world.tenant_of(job_id),
        SnapshotSealed(run_id=RunId(run_id), extracted={}, seconds=1.0, findings=[line]),
    )
    told = await world.api.get(f"/jobs/{job_id}/report")
    assert told["quarantined"] == [{**line, "run_id": run_id}]


async def test_a_mismatch_keeps_the_gate_shut(world: World) -> None:
    """The run ends; the evidence does not pass."""
    job_id = await world.ready()
    run_id = await world.start(job_id)
    tenant_id = await world.tenant_of(job_id)
    words = story(run_id, "rehearsal")
    words[-2] = DiffFinished(
        run_id=RunId(run_id), compared_records=1, compared_fields=9, mismatches=1
    )
    await world.say(tenant_id, *words)
    undo = (await world.api.post(f"/runs/{run_id}/undo"))["run_id"]
    await world.say(tenant_id, *story(undo, "undo"))
    answer = await world.api.ask("POST", f"/jobs/{job_id}/gates/G4/approve", LEAD)
    told = answer.problem(409, "gate_not_ready")
    assert told["detail"] == "The rehearsal has 1 mismatches."


# ---- when it goes wrong -------------------------------------------------------------------------

FAILED = {
    "service": "loader",
    "code": "scope_missing",
    "sentence": "The token may not write Contacts.",
    "remedy": "Grant the scope and resume.",
}


async def failing(world: World, words: int) -> tuple[str, str]:
    """A run that failed after some words of its story; returns run and tenant."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    await world.say(tenant_id, *story(run_id, "rehearsal")[:words])
    await world.say(tenant_id, RunFailed.model_validate({"run_id": run_id, **FAILED}))
    await world.owed(tenant_id)
    return run_id, tenant_id


async def test_a_failed_run_says_why_and_goes_on_after_the_repair(world: World) -> None:
    """Its error is gone once it moves."""
    run_id, tenant_id = await failing(world, words=3)
    shown = await world.api.get(f"/runs/{run_id}")
    assert (shown["state"], shown["error"]) == ("failed", FAILED)
    shown = await world.api.post(f"/runs/{run_id}/resume")
    assert (shown["state"], shown["error"]) == ("moving", None)
    await world.say(tenant_id, WaveSettled(run_id=RunId(run_id), wave=2))
    assert OpenWave(run_id=RunId(run_id), wave=3) in await world.owed(tenant_id)


async def test_a_run_that_is_over_does_not_fail_any_more(world: World) -> None:
    """A late word about a cancelled or finished run."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    await world.api.post(f"/runs/{run_id}/cancel")
    await world.say(tenant_id, RunFailed.model_validate({"run_id": run_id, **FAILED}))
    shown = await world.api.get(f"/runs/{run_id}")
    assert (shown["state"], shown["error"]) == ("cancelled", None)
    await world.owed(tenant_id)
    await world.say(tenant_id, *story(run_id, "rehearsal"))
    assert (await world.api.get(f"/runs/{run_id}"))["state"] == "cancelled"
    assert await world.owed(tenant_id) == []


async def test_a_wave_that_settles_while_the_run_is_paused_is_not_forgotten(world: World) -> None:
    """What was in flight lands after the pause; the reconciler says a wave has settled once."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    run = RunId(run_id)
    await world.say(tenant_id, FingerprintTaken(run_id=run, label="before", modules=FINGERPRINT))
    await world.api.post(f"/runs/{run_id}/pause")
    await world.say(tenant_id, WaveSettled(run_id=run, wave=1))
    await world.api.post(f"/runs/{run_id}/resume")
    assert OpenWave(run_id=run, wave=2) in await world.owed(tenant_id)


async def test_a_wave_that_settles_while_the_run_has_failed_is_not_forgotten(
    world: World,
) -> None:
    """One partition failed, the others' records landed."""
    run_id, tenant_id = await failing(world, words=2)
    await world.say(tenant_id, WaveSettled(run_id=RunId(run_id), wave=1))
    await world.api.post(f"/runs/{run_id}/resume")
    assert OpenWave(run_id=RunId(run_id), wave=2) in await world.owed(tenant_id)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(0, TakeFingerprint), (2 + LAST_WAVE, DiffRun), (3 + LAST_WAVE, FinishRun)],
)
async def test_a_run_that_failed_between_waves_is_resumed_where_it_was(
    world: World, words: int, wanted: type[Message]
) -> None:
    """Reading Zoho back failed: resuming must ask for that again, nothing else will."""
    run_id, tenant_id = await failing(world, words=words)
    await world.api.post(f"/runs/{run_id}/resume")
    assert wanted in {type(one) for one in await world.owed(tenant_id)}


async def test_a_wave_without_records_may_settle_before_the_run_has_begun(world: World) -> None:
    """The reconciler says so once; the fingerprint that comes later finds it settled."""
    run_id = await world.start(await world.ready())
    tenant_id = (await world.runs.run_row(run_id))["tenant_id"]
    fingerprint, sealed, first, *rest = story(run_id, "rehearsal")
    await world.say(tenant_id, first)
    await world.say(tenant_id, fingerprint)
    await world.say(tenant_id, sealed, *rest)
    assert (await world.api.get(f"/runs/{run_id}"))["state"] == "finished"
    owed = await world.owed(tenant_id)
    assert [one.wave for one in owed if isinstance(one, OpenWave)] == list(range(1, LAST_WAVE + 1))
