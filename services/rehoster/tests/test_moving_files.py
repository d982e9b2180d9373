"""The straight road: files land once on their parents, proven, and a replay changes nothing."""

import asyncio
from pathlib import Path

from bridgework_contracts.commands import CancelRun, OpenWave, ResumeRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect, Outcome
from bridgework_contracts.progress import RunFailed
from bridgework_contracts.records import Change, sealed_file_context
from bridgework_contracts.topics import Subject
from bridgework_store.sealed_files import write_sealed
from bridgework_testkit.eventually import eventually
from bridgework_zoho.settings import ZohoSettings

from services.rehoster.tests.conftest import QUICK_ZOHO, World, tally


async def test_files_land_byte_for_byte_with_proof_by_hash(world: World) -> None:
    """From a path and from the message itself, a large one among them."""
    await world.begin()
    await world.land("1", "2")
    large = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12_000
    await world.send(
        world.file("a", "1"),
        world.file("b", "1", large, name="b.png", mime="image/png"),
        world.file("c", "2", b"GIF89a", inline=True, name="c.gif", mime="image/gif"),
    )
    await world.start()
    outcomes = await world.settled(3)
    assert tally(outcomes) == {"inserted": 3}
    assert {one.proof for one in outcomes.values()} == {"hash"}
    assert {one.effect for one in outcomes.values()} == {Effect.CREATED}
    assert await world.attached("1") == [("a.pdf", b"%PDF-1.4 a scan"), ("b.png", large)]
    assert await world.attached("2") == [("c.gif", b"GIF89a")]
    assert outcomes["a"].credits == 2.0
    assert outcomes["a"].zoho_parent_id == world.contacts["1"]


def cut_short(path: Path) -> None:
    """Take a file's last byte away."""
    path.write_bytes(path.read_bytes()[:-1])


async def test_sealed_files_are_opened_with_the_tenants_key(world: World) -> None:
    """What the extractor kept arrives as it was; one that does not open is parked and says so."""
    content = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2_000
    kept = [world.file(key, "1", content, name=f"{key}.png", mime="image/png") for key in "ab"]
    for file in kept:
        context = sealed_file_context(file.sha256 or "")
        write_sealed(Path(file.path or ""), [content], world.sealer, context)
    cut_short(Path(kept[1].path or ""))
    await world.begin()
    await world.land("1")
    await world.send(*(file.model_copy(update={"sealed": True}) for file in kept))
    await world.start()
    outcomes = await world.settled(2)
    assert tally(outcomes) == {"inserted": 1, "parked": 1}
    assert await world.attached("1") == [("a.png", content)]
    reason = outcomes["b"].reason
    assert reason is not None
    assert (reason.code, "sealed" in reason.sentence) == ("file_missing", True)


async def test_proof_by_size_reads_nothing_back(world: World) -> None:
    """One list instead of one download."""
    world.more = {"verify": "size"}
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()
    assert (await world.settled(1))["a"].proof == "size"
    downloads = [
        one
        for one in await world.org.requests()
        if one["method"] == "GET" and one["path"].count("/") > 5 and "Attachments/" in one["path"]
    ]
    assert downloads == []


async def test_files_wait_for_their_wave(world: World) -> None:
    """Nothing is sent before control opens it."""
    await world.begin("run_1", 1)
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()
    await asyncio.sleep(0.7)  # nothing may happen in this time; there is no event to wait for
    assert await world.outcomes() == {}
    await world.command(OpenWave(run_id=RunId("run_1"), wave=2))
    assert tally(await world.settled(1)) == {"inserted": 1}


async def test_what_is_not_sent_says_why(world: World) -> None:
    """Missing, empty, too large, changed, deleted in the source: each with code and remedy."""
    world.zoho_settings = ZohoSettings(
        **{**QUICK_ZOHO.model_dump(), "attachment_limit_bytes": 1000}
    )
    await world.begin()
    await world.land("1")
    changed = world.file("changed", "1")
    (world.folder / "run_1-changed.pdf").write_bytes(b"%PDF-1.4 other")
    vanished = world.file("vanished", "1")
    (world.folder / "run_1-vanished.pdf").unlink()
    await world.send(
        world.file("missing", "1", None),
        world.file("empty", "1", b""),
        world.file("large", "1", b"x" * 1001),
        changed,
        vanished,
        world.file("deleted", "1", change=Change.DELETED),
    )
    await world.start()
    outcomes = await world.settled(6)
    ends = {
        key: (one.outcome.value, one.reason.code) for key, one in outcomes.items() if one.reason
    }
    assert ends == {
        "missing": ("parked", "file_missing"),
        "empty": ("skipped", "file_empty"),
        "large": ("skipped", "file_over_limit"),
        "changed": ("failed", "file_changed"),
        "vanished": ("parked", "file_missing"),
        "deleted": ("skipped", "deleted_in_source"),
    }
    assert all(one.reason.remedy for one in outcomes.values() if one.reason)
    assert await world.attached("1") == []


async def test_empty_files_are_uploaded_where_the_policy_says_so(world: World) -> None:
    """A setting; the proof is the hash of nothing."""
    world.more = {"empty_files": "upload"}
    await world.begin()
    await world.land("1")
    await world.send(world.file("empty", "1", b""))
    await world.start()
    outcome = (await world.settled(1))["empty"]
    assert (outcome.outcome, outcome.proof) == (Outcome.INSERTED, "hash")


async def test_a_limit_zoho_reports_is_learned(world: World) -> None:
    """The first refusal tells; a second file of that size is not sent at all."""
    await world.org.fault(
        kind="error",
        method="POST",
        path="Attachments",
        times=1,
        status=413,
        code="FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
    )
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1", b"x" * 500))
    await world.start()
    first = (await world.settled(1))["a"]
    assert first.reason is not None
    assert (first.outcome, first.reason.code) == (Outcome.SKIPPED, "file_over_limit")
    before = len(await world.org.requests())
    await world.send(world.file("b", "1", b"x" * 600))
    assert tally(await world.settled(2)) == {"skipped": 2}
    assert len(await world.org.requests()) == before


async def test_a_wrong_media_type_is_noted_and_the_file_moved(world: World) -> None:
    """An X-ray called PDF."""
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1", b"\xff\xd8\xff\xe0 jpeg"))
    await world.start()
    outcome = (await world.settled(1))["a"]
    assert outcome.outcome is Outcome.INSERTED
    assert [(one.code, one.shape) for one in outcome.problems] == [
        ("mime_mismatch", "application/pdf")
    ]


async def test_two_files_of_the_same_name_and_content_are_two_attachments(world: World) -> None:
    """Each source document is accounted for on its own."""
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1", name="scan.pdf"), world.file("b", "1", name="scan.pdf"))
    await world.start()
    outcomes = await world.settled(2)
    assert len({one.zoho_id for one in outcomes.values()}) == 2
    assert len(await world.attached("1")) == 2


async def test_a_replay_from_the_first_offset_sends_nothing(world: World) -> None:
    """Every outcome is repeated as it was."""
    await world.begin()
    await world.land("1", "2")
    await world.send(*(world.file(f"f{n}", str(1 + n % 2)) for n in range(20)))
    await world.start()
    first = await world.settled(20)
    await world.caught_up()
    await world.stop()
    before = [one for one in await world.org.requests() if one["method"] == "POST"]
    await world.replay()
    await world.start()
    await world.caught_up()
    assert await world.outcomes() == first
    assert [one for one in await world.org.requests() if one["method"] == "POST"] == before


async def test_a_file_whose_parent_is_not_in_zoho_is_parked_and_follows_it(world: World) -> None:
    """Decided only once every outcome on the log has been read."""
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"), world.file("b", "9"))
    await world.start()
    outcomes = await world.settled(2)
    assert tally(outcomes) == {"inserted": 1, "parked": 1}
    reason = outcomes["b"].reason
    assert reason is not None
    assert (reason.code, reason.missing_object, reason.missing_key) == (
        "parent_missing",
        "patient",
        "9",
    )
    await world.land("9")
    await world.until(lambda found: tally(found) == {"inserted": 2})
    assert len(await world.attached("9")) == 1


async def test_a_cancelled_run_moves_nothing_more(world: World) -> None:
    """What waits ends as skipped."""
    await world.begin("run_1", 1)
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.command(CancelRun(run_id=RunId("run_1")))
    await world.start()
    assert tally(await world.settled(1)) == {"skipped": 1}


async def test_full_storage_pauses_the_run_until_a_person_resumes_it(world: World) -> None:
    """RunFailed with a remedy; afterwards everything lands once."""
    await world.org.fault(
        kind="error",
        method="POST",
        path="Attachments",
        times=1,
        status=400,
        code="STORAGE_SPACE_EXCEEDED",
    )
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()

    async def failed() -> bool:
        return any(isinstance(one, RunFailed) for one in await world.messages(Subject.PROGRESS))

    await eventually(failed, 20.0, poll_s=0.1)
    assert await world.outcomes() == {}
    await world.command(ResumeRun(run_id=RunId("run_1")))
    assert tally(await world.settled(1)) == {"inserted": 1}
    assert len(await world.attached("1")) == 1
