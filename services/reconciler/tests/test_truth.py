"""What the source says, and where records live: links follow outcomes, in any order they come."""

from typing import Any

import pytest
from bridgework_contracts.codec import decode, encode
from bridgework_contracts.errors import TerminalError
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import Change, RecordExtracted
from bridgework_reconciler.adapters.sealing import expected_aad

from services.reconciler.tests.conftest import JOB, Reconciler, ended, file_ended

AT = ("patient", "1")


def patient(key: str, change: Change = Change.NEW, **fields: Any) -> RecordExtracted:
    """One canonical patient."""
    return RecordExtracted(
        run_id=RunId("run_1"),
        object="patient",
        key=key,
        change=change,
        content_hash="h",
        fields={"key": key, **fields},
    )


async def expect(reconciler: Reconciler, *records: RecordExtracted, run_id: str = "run_1") -> None:
    """Keep canonical records."""
    async with reconciler.pool.acquire() as connection, connection.transaction():
        await reconciler.truth.expect(
            connection,
            JOB,
            run_id,
            [(record, encode(record)) for record in records],
            reconciler.tenant.sealer,
        )


async def follow(
    reconciler: Reconciler, *outcomes: RecordOutcome | FileOutcome, run_id: str = "run_1"
) -> None:
    """Let links follow outcomes."""
    async with reconciler.pool.acquire() as connection, connection.transaction():
        await reconciler.truth.follow(connection, JOB, run_id, outcomes)


async def expected(reconciler: Reconciler, *keys: str) -> dict[str, Any]:
    """Fields of the expected patients, by key."""
    raw = await reconciler.truth.expected(JOB, "patient", keys, reconciler.tenant.sealer)
    messages = {key: decode(value) for key, value in raw.items()}
    return {key: m.fields for key, m in messages.items() if isinstance(m, RecordExtracted)}


async def home(reconciler: Reconciler, at: tuple[str, str] = AT) -> str | None:
    """Where one record lives."""
    return (await reconciler.truth.zoho_ids(JOB, [at])).get(at)


# ---- what the source says -----------------------------------------------------------------------


async def test_the_newest_canonical_record_of_a_key_is_expected(reconciler: Reconciler) -> None:
    """Within a batch and over runs; the same again changes nothing."""
    await expect(reconciler, patient("1", v=1), patient("2"), patient("1", v=2))
    assert await expected(reconciler, "1", "2", "3") == {
        "1": {"key": "1", "v": 2},
        "2": {"key": "2"},
    }
    once = await reconciler.table("expected")
    await expect(reconciler, patient("1", v=1), patient("2"), patient("1", v=2))
    assert await reconciler.table("expected") == once
    await expect(reconciler, patient("1", v=3), run_id="run_2")
    assert (await expected(reconciler, "1"))["1"]["v"] == 3


async def test_a_record_the_source_deleted_is_not_expected_any_more(
    reconciler: Reconciler,
) -> None:
    """And is expected again when it comes back."""
    await expect(reconciler, patient("1"), patient("2"))
    await expect(reconciler, patient("1", Change.DELETED))
    assert list(await expected(reconciler, "1", "2")) == ["2"]
    await expect(reconciler, patient("1", v=9))
    assert (await expected(reconciler, "1"))["1"]["v"] == 9


async def test_canonical_records_are_sealed_and_bound_to_their_key(
    reconciler: Reconciler,
) -> None:
    """A row shows no value and does not open as somebody else's."""
    await expect(reconciler, patient("1", last_name="Quimby"))
    row = await reconciler.pool.fetchrow("select * from reconciler.expected")
    assert row is not None
    assert "Quimby" not in repr(row)
    sealer = reconciler.tenant.sealer
    assert b"Quimby" in sealer.open(row["record_sealed"], expected_aad(JOB, "patient", "1"))
    with pytest.raises(TerminalError):
        sealer.open(row["record_sealed"], expected_aad(JOB, "patient", "2"))


# ---- where records live -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "linked"),
    [
        (Outcome.INSERTED, True),
        (Outcome.UPDATED, True),
        (Outcome.UNCHANGED, True),
        (Outcome.MERGED, True),
        (Outcome.SKIPPED, False),
        (Outcome.FAILED, False),
        (Outcome.PARKED, False),
    ],
)
async def test_only_records_that_landed_are_linked(
    reconciler: Reconciler, outcome: Outcome, *, linked: bool
) -> None:
    """All seven outcomes, each naming a Zoho id."""
    await follow(reconciler, ended("1", outcome, zoho_id="z-1", effect=Effect.NONE))
    assert await home(reconciler) == ("z-1" if linked else None)


async def test_a_landed_record_without_an_id_is_not_linked(reconciler: Reconciler) -> None:
    """Merged rows of the extractor never had a record of their own."""
    await follow(reconciler, ended("1", Outcome.MERGED, zoho_id=None))
    assert await home(reconciler) is None


async def test_the_same_outcomes_twice_change_no_link(reconciler: Reconciler) -> None:
    """Replayed as a whole and one by one."""
    story = (ended("1"), ended("2", Outcome.PARKED), file_ended("d-1"))
    await follow(reconciler, *story)
    once = await reconciler.table("links")
    assert len(once) == 2
    await follow(reconciler, *story)
    for outcome in story:
        await follow(reconciler, outcome)
    assert await reconciler.table("links") == once


async def test_a_parked_record_is_linked_when_it_is_released(reconciler: Reconciler) -> None:
    """In a later batch or in the same."""
    await follow(reconciler, ended("1", Outcome.PARKED))
    await follow(reconciler, ended("1"))
    await follow(reconciler, ended("2", Outcome.PARKED), ended("2"))
    ids = await reconciler.truth.zoho_ids(JOB, [AT, ("patient", "2")])
    assert ids == {AT: "z-1", ("patient", "2"): "z-2"}


def gone(key: str, zoho_id: str, undo: str = "run_undo") -> RecordOutcome:
    """A record that an undo took out of Zoho."""
    return ended(key, Outcome.UPDATED, effect=Effect.DELETED, zoho_id=zoho_id, run_id=RunId(undo))


async def test_a_deleted_record_is_unlinked_and_no_longer_expected(
    reconciler: Reconciler,
) -> None:
    """Files too; a record that was only put back stays where it is."""
    await expect(reconciler, patient("1"), patient("2"))
    await follow(reconciler, ended("1"), ended("2"), file_ended("d-1"))
    await follow(
        reconciler,
        gone("1", "z-1"),
        ended("2", Outcome.UPDATED, effect=Effect.RESTORED),
        file_ended("d-1", Outcome.UPDATED, effect=Effect.DELETED),
        run_id="run_undo",
    )
    assert await home(reconciler) is None
    assert await home(reconciler, ("patient", "2")) == "z-2"
    assert await reconciler.truth.links(JOB, "document") == {}
    assert list(await expected(reconciler, "1", "2")) == ["2"]


async def test_deleted_and_made_again_in_one_batch_is_linked_to_the_new_record(
    reconciler: Reconciler,
) -> None:
    """And the other way round it is not linked."""
    await follow(reconciler, ended("1"))
    await follow(reconciler, gone("1", "z-1"), ended("1", zoho_id="z-9"))
    assert await home(reconciler) == "z-9"
    await follow(reconciler, ended("1", zoho_id="z-9"), gone("1", "z-9"))
    assert await home(reconciler) is None


async def test_an_undo_that_is_read_again_late_does_not_unlink_the_record_made_since(
    reconciler: Reconciler,
) -> None:
    """Undo writes spread over partitions, so a replay may bring their outcomes after the full run.

    A rehearsal made z-1, its undo deleted it, the full run made z-9. Read again from the start,
    the undo's word about z-1 says nothing about z-9.
    """
    await expect(reconciler, patient("1", v=2), run_id="run_full")
    await follow(reconciler, ended("1", zoho_id="z-9", run_id=RunId("run_full")), run_id="run_full")
    await follow(reconciler, gone("1", "z-1"), run_id="run_undo")
    assert await home(reconciler) == "z-9"
    assert await expected(reconciler, "1") == {"1": {"key": "1", "v": 2}}


async def test_a_replay_of_rehearsal_and_undo_keeps_what_the_full_run_expects(
    reconciler: Reconciler,
) -> None:
    """Records are read again before outcomes: the undo's word must not erase the newer record."""
    await expect(reconciler, patient("1", v=2), run_id="run_full")
    await follow(reconciler, ended("1", zoho_id="z-1"), run_id="run_1")
    await follow(reconciler, gone("1", "z-1"), run_id="run_undo")
    await follow(reconciler, ended("1", zoho_id="z-9", run_id=RunId("run_full")), run_id="run_full")
    assert await home(reconciler) == "z-9"
    assert await expected(reconciler, "1") == {"1": {"key": "1", "v": 2}}


async def test_records_not_seen_by_a_comparison_are_told_apart_from_those_seen(
    reconciler: Reconciler,
) -> None:
    """By comparison: what an earlier one saw, this one must see again."""
    await follow(reconciler, ended("1"), ended("2"), ended("3"))
    truth = reconciler.truth
    await truth.mark_seen(JOB, "patient", ["1", "2", "3"], "run_0")
    assert await truth.unseen(JOB, "patient", "run_0", 9) == []
    await truth.mark_seen(JOB, "patient", ["2"], "run_1")
    assert await truth.unseen(JOB, "patient", "run_1", 9) == [("1", "z-1"), ("3", "z-3")]
    assert await truth.unseen(JOB, "patient", "run_1", 1) == [("1", "z-1")]


async def test_a_record_written_anew_must_be_seen_anew(reconciler: Reconciler) -> None:
    """What was seen was the record before."""
    await follow(reconciler, ended("1"))
    await reconciler.truth.mark_seen(JOB, "patient", ["1"], "run_1")
    await follow(reconciler, ended("1", zoho_id="z-9"))
    assert await reconciler.truth.unseen(JOB, "patient", "run_1", 9) == [("1", "z-9")]
