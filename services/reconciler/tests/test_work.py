"""The long work: fingerprints, comparisons, reports, undo, over a dictionary that plays Zoho."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bridgework_contracts.codec import Message
from bridgework_contracts.commands import DiffRun, FinishRun, StartRun, TakeFingerprint
from bridgework_contracts.errors import DestinationUnavailable, StopRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Conflict, Effect, Outcome, Reason
from bridgework_contracts.progress import (
    DiffFinished,
    FingerprintTaken,
    RunFailed,
    RunReported,
)
from bridgework_contracts.records import (
    Change,
    FileExtracted,
    ObjectExtracted,
    ParentRef,
    Provenance,
    RecordExtracted,
)
from bridgework_contracts.runs import RunKind, Wave
from bridgework_contracts.topics import Subject
from bridgework_contracts.writes import Op, WriteRecord
from bridgework_service.runs import RunStatus
from bridgework_testkit.eventually import eventually

from services.reconciler.tests.conftest import (
    DOCUMENT,
    MIGRATION_USER,
    FakeZoho,
    Reconciler,
    ended,
    file_ended,
)

RUN = RunId("run_1")
ZOHO_IDS = {("carrier", "201"): "100", ("patient", "1"): "501", ("patient", "2"): "502"}
RECORDS = (
    RecordExtracted(
        run_id=RUN,
        object="carrier",
        key="201",
        content_hash="h",
        fields={"key": "201", "name": "Quimby Dental Insurance", "payer_id": "37703"},
        provenance=(Provenance(file="carriers.csv", line=2),),
    ),
    RecordExtracted(
        run_id=RUN,
        object="patient",
        key="1",
        content_hash="h",
        fields={
            "key": "1",
            "last_name": "Quimby",
            "first_name": "Ottoline",
            "birth_date": "1980-01-31",
        },
        provenance=(Provenance(file="patients.csv", line=2),),
    ),
    RecordExtracted(
        run_id=RUN,
        object="patient",
        key="2",
        content_hash="h",
        fields={"key": "2", "last_name": "Featherstone"},
        provenance=(Provenance(file="patients.csv", line=3),),
    ),
)
FILE = FileExtracted(
    run_id=RUN,
    object="document",
    key="d-1",
    parent=ParentRef(object="patient", key="1"),
    name="xray.dcm",
    mime="application/dicom",
    size_bytes=10,
    sha256="f" * 64,
)


def shown(reconciler: Reconciler, record: RecordExtracted) -> dict[str, Any]:
    """Return the row Zoho would show for a record that was written as the mapping says."""
    mapper = reconciler.context.mapper(reconciler.spec())
    write = mapper.write_for(record)
    assert isinstance(write, WriteRecord)
    row: dict[str, Any] = {
        **write.fields,
        **{ref.field: {"id": ZOHO_IDS[ref.object, ref.key]} for ref in write.refs},
        "id": ZOHO_IDS[record.object, record.key],
        "Modified_By": {"id": MIGRATION_USER, "name": "Bridgework"},
    }
    if write.owner is not None:
        row["Owner"] = {"id": write.owner.user_id, "name": "n"}
    return row


async def moved(reconciler: Reconciler) -> None:
    """Have a small practice moved: three records, one file, all as they should be."""
    await reconciler.know()
    await reconciler.records(*RECORDS, FILE)
    await reconciler.outcomes(
        *(
            ended(
                record.key,
                object=record.object,
                zoho_id=ZOHO_IDS[record.object, record.key],
                module="Accounts" if record.object == "carrier" else "Contacts",
                sent={"Name": "Quimby"},
                credits=0.25,
            )
            for record in RECORDS
        ),
        file_ended("d-1", zoho_id="900", zoho_parent_id="501", credits=1.0),
    )
    carrier, first, second = (shown(reconciler, record) for record in RECORDS)
    reconciler.zoho.rows = {"Accounts": [carrier], "Contacts": [first, second]}
    reconciler.zoho.files = {("Contacts", "501"): [("900", "xray.dcm", 10)]}


@asynccontextmanager
async def working(reconciler: Reconciler) -> AsyncIterator[None]:
    """Have the worker work; its failure is the test's."""
    stop = asyncio.Event()
    task = asyncio.create_task(reconciler.worker().run(stop))
    try:
        yield
    finally:
        stop.set()
        reconciler.watch.work.set()
        await task


async def work_done(reconciler: Reconciler, *commands: Message) -> list[Message]:
    """Give commands, wait until their work is done, and return what was said."""
    await reconciler.commands(*commands)

    async def nothing_left() -> bool:
        return not await reconciler.pool.fetchval(
            "select count(*) from reconciler.work where done_at is null"
        )

    async with working(reconciler):
        await eventually(nothing_left, deadline_s=20)
    return await reconciler.told()


async def difference(reconciler: Reconciler) -> DiffFinished:
    """Compare everything."""
    (said,) = await work_done(reconciler, DiffRun(run_id=RUN))
    assert isinstance(said, DiffFinished)
    return said


async def mismatches(reconciler: Reconciler) -> list[tuple[str, str, str, str]]:
    """(object, key, field, kind) of what is kept."""
    rows = await reconciler.pool.fetch(reconciler.truth.sql.mismatches, "run_1", 100)
    return [(row["object"], row["key"], row["field"], row["kind"]) for row in rows]


# ---- comparing ----------------------------------------------------------------------------------


async def test_an_org_that_holds_what_the_source_says_has_no_mismatch(
    reconciler: Reconciler,
) -> None:
    """All three records with all their fields, and the file by name and size."""
    await moved(reconciler)
    said = await difference(reconciler)
    assert (said.mismatches, said.mismatch_list, said.accepted_conflicts) == (0, [], 0)
    assert said.compared_records == 4
    mapper = reconciler.context.mapper(reconciler.spec())
    fields = 2
    for record in RECORDS:
        expected = mapper.expected_for(record)
        assert expected is not None
        fields += len(expected.fields) + len(expected.refs) + (expected.owner_id is not None)
    assert said.compared_fields == fields


async def test_a_value_that_differs_is_a_mismatch_shown_as_shapes_and_kept_sealed(
    reconciler: Reconciler,
) -> None:
    """Control's list shows no value of a person; the sealed row holds both sides."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"][0]["Last_Name"] = "Featherby"
    said = await difference(reconciler)
    assert said.mismatch_list == [
        {
            "object": "Contacts",
            "key": "1",
            "field": "Last_Name",
            "kind": "different",
            "expected": "Aaaaaa",
            "actual": "Aaaaaaaaa",
        }
    ]
    assert said.mismatches == 1
    row = await reconciler.pool.fetchrow("select * from reconciler.mismatches")
    assert row is not None
    assert "Quimby" not in repr(row)
    opened = json.loads(
        reconciler.tenant.sealer.open(row["values_sealed"], b"journal:run_1:patient:1")
    )
    assert opened == {"expected": "Quimby", "actual": "Featherby"}


async def test_a_record_that_is_gone_is_missing(reconciler: Reconciler) -> None:
    """The outcome named it; Zoho does not show it."""
    await moved(reconciler)
    del reconciler.zoho.rows["Contacts"][1]
    assert (await difference(reconciler)).mismatches == 1
    assert await mismatches(reconciler) == [("patient", "2", "", "missing")]


async def test_a_second_record_with_the_same_source_key_is_a_duplicate(
    reconciler: Reconciler,
) -> None:
    """Written twice: the one the outcome named is right, the other is not."""
    await moved(reconciler)
    twin = {**reconciler.zoho.rows["Contacts"][0], "id": "777"}
    reconciler.zoho.rows["Contacts"].append(twin)
    assert (await difference(reconciler)).mismatches == 1
    row = await reconciler.pool.fetchrow("select * from reconciler.mismatches")
    assert row is not None
    assert (row["kind"], row["key"], row["zoho_id"]) == ("duplicate", "1", "777")


async def test_a_record_of_the_practices_own_is_none_of_our_business(
    reconciler: Reconciler,
) -> None:
    """No source key, no comparison."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"].append({"id": "42", "Last_Name": "Somebody"})
    said = await difference(reconciler)
    assert (said.compared_records, said.mismatches) == (4, 0)


async def test_what_a_person_edited_is_listed_and_accepted(reconciler: Reconciler) -> None:
    """Last modified by somebody else."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"][0] |= {"Last_Name": "X", "Modified_By": {"id": "903"}}
    said = await difference(reconciler)
    assert (said.mismatches, said.accepted_conflicts) == (0, 1)
    assert await mismatches(reconciler) == [("patient", "1", "Last_Name", "edited_by_person")]


async def test_a_conflict_in_which_the_persons_value_was_kept_is_accepted(
    reconciler: Reconciler,
) -> None:
    """Listed by any run of the job; a conflict that we won is not an excuse."""
    await moved(reconciler)
    await reconciler.know(reconciler.spec("run_0"))
    await reconciler.outcomes(
        ended(
            "1",
            Outcome.UPDATED,
            zoho_id="501",
            run_id=RunId("run_0"),
            conflicts=(
                Conflict(field="Last_Name", theirs="X", ours="Quimby"),
                Conflict(field="First_Name", theirs="Y", ours="Ottoline", kept="ours"),
            ),
        )
    )
    reconciler.zoho.rows["Contacts"][0] |= {"Last_Name": "X", "First_Name": "Y"}
    said = await difference(reconciler)
    assert (said.mismatches, said.accepted_conflicts) == (1, 1)
    assert await mismatches(reconciler) == [
        ("patient", "1", "First_Name", "different"),
        ("patient", "1", "Last_Name", "conflict_kept"),
    ]


async def test_another_owner_is_a_mismatch(reconciler: Reconciler) -> None:
    """No record belongs to a user nobody decided."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"][0]["Owner"] = {"id": "999"}
    await difference(reconciler)
    assert await mismatches(reconciler) == [("patient", "1", "Owner", "owner")]


@pytest.mark.parametrize(
    "there",
    [[], [("900", "other.dcm", 10)], [("900", "xray.dcm", 11)], [("901", "xray.dcm", 10)]],
)
async def test_a_file_that_is_gone_or_not_the_same_is_a_mismatch(
    reconciler: Reconciler, there: list[tuple[str, str, int | None]]
) -> None:
    """Missing, renamed, of another size, or another attachment altogether."""
    await moved(reconciler)
    reconciler.zoho.files = {("Contacts", "501"): there}
    assert (await difference(reconciler)).mismatches == 1
    assert await mismatches(reconciler) == [("document", "d-1", "File_Name, Size", "file")]


async def test_what_the_source_deleted_is_not_compared_any_more(reconciler: Reconciler) -> None:
    """It stays in Zoho, flagged by its outcome; there is nothing to compare it with."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"][1]["Last_Name"] = "X"
    gone = RECORDS[2].model_copy(update={"change": Change.DELETED, "fields": {}})
    await reconciler.records(gone)
    assert (await difference(reconciler)).mismatches == 0


async def test_a_comparison_done_again_replaces_what_the_first_one_kept(
    reconciler: Reconciler,
) -> None:
    """After a crash the same piece starts over; old differences do not stay behind."""
    await moved(reconciler)
    reconciler.zoho.rows["Contacts"][0]["Last_Name"] = "X"
    await difference(reconciler)
    reconciler.zoho.rows["Contacts"][0]["Last_Name"] = "Quimby"
    await reconciler.pool.execute("update reconciler.work set done_at = null")
    (said,) = await work_done(reconciler)
    assert isinstance(said, DiffFinished)
    assert said.mismatches == 0
    assert await mismatches(reconciler) == []


# ---- fingerprints -------------------------------------------------------------------------------


async def test_a_fingerprint_covers_every_module_and_follows_what_is_there(
    reconciler: Reconciler,
) -> None:
    """Equal orgs, equal fingerprints, in whatever order the rows come; an edit shows."""
    await moved(reconciler)
    taken: dict[str, Any] = {}
    for label in ("before", "turned", "changed"):
        (said,) = await work_done(reconciler, TakeFingerprint(run_id=RUN, label=label))
        assert isinstance(said, FingerprintTaken)
        assert said.label == label
        taken[label] = said.modules
        if label == "before":
            reconciler.zoho.rows["Contacts"].reverse()
        else:
            reconciler.zoho.rows["Contacts"][0]["Last_Name"] = "X"
    before, changed = taken["before"], taken["changed"]
    assert taken["turned"] == before
    assert {module for module in before if before[module] != changed[module]} == {"Contacts"}
    assert before["Contacts"]["count"] == 2
    assert set(before) == {
        reconciler.context.mapper(reconciler.spec()).module(entry.object)
        for entry in DOCUMENT.records
    }
    kept = await reconciler.pool.fetch(reconciler.truth.sql.fingerprints, "run_1")
    assert {row["label"]: row["modules"] for row in kept}["before"] == before


# ---- reporting ----------------------------------------------------------------------------------


async def reported(reconciler: Reconciler) -> dict[str, Any]:
    """Ask for the run's report."""
    (said,) = await work_done(reconciler, FinishRun(run_id=RUN))
    assert isinstance(said, RunReported)
    return said.report


def counts_of(*pairs: tuple[str, int]) -> list[ObjectExtracted]:
    """The extractor's counts."""
    return [ObjectExtracted(run_id=RUN, object=name, extracted=count) for name, count in pairs]


async def test_a_balanced_run_reports_its_counts_diff_files_and_credits(
    reconciler: Reconciler,
) -> None:
    """And is over afterwards."""
    await moved(reconciler)
    await reconciler.records(*counts_of(("carrier", 1), ("patient", 2), ("document", 1)))
    reconciler.zoho.rows["Contacts"][0] |= {"Last_Name": "X", "Modified_By": {"id": "903"}}
    await difference(reconciler)
    report = await reported(reconciler)
    assert (report["balanced"], report["unbalanced"]) == (True, {})
    assert report["objects"]["Contacts"]["inserted"] == 2
    assert report["objects"]["Attachments"]["extracted"] == 1
    assert report["files"]["inserted"] == 1
    assert report["credits"] == 1.75
    assert report["diff"]["compared_records"] == 4
    assert report["diff"]["accepted_conflicts"] == 1
    assert (report["kind"], report["mapping_hash"]) == ("full", DOCUMENT.hash)
    assert await reconciler.chassis.registry.status(RUN) is RunStatus.FINISHED


async def test_a_run_that_does_not_balance_says_where(reconciler: Reconciler) -> None:
    """Two patients have outcomes, three were extracted."""
    await moved(reconciler)
    await reconciler.records(*counts_of(("carrier", 1), ("patient", 3), ("document", 1)))
    report = await reported(reconciler)
    assert report["balanced"] is False
    assert report["unbalanced"] == {"Contacts": {"extracted": 3, "accounted": 2}}


async def test_the_journal_hash_can_be_recomputed_from_the_outcomes(
    reconciler: Reconciler,
) -> None:
    """By the recipe of ``docs/report.md`` and nothing else."""
    await moved(reconciler)
    report = await reported(reconciler)
    link = hashlib.sha256(b"run_1").digest()
    for line in (
        "carrier\x1f201\x1finserted\x1fcreated\x1f100",
        "document\x1fd-1\x1finserted\x1fcreated\x1f900",
        "patient\x1f1\x1finserted\x1fcreated\x1f501",
        "patient\x1f2\x1finserted\x1fcreated\x1f502",
    ):
        link = hashlib.sha256(link + line.encode()).digest()
    assert report["journal_hash"] == link.hex()


async def test_what_did_not_land_is_reported_with_its_reason_and_no_value_of_a_person(
    reconciler: Reconciler,
) -> None:
    """Parked, failed and in conflict: keys, places, sentences and shapes."""
    await moved(reconciler)
    reason = Reason(code="refused", sentence="Zoho refuses the e-mail.", field="Email")
    await reconciler.outcomes(
        ended("3", Outcome.FAILED, reason=reason, provenance=(Provenance(file="p.csv", line=9),)),
        ended("4", Outcome.FAILED, reason=reason),
        ended(
            "1",
            Outcome.UPDATED,
            zoho_id="501",
            sent={"Last_Name": "Quimby"},
            conflicts=(Conflict(field="Last_Name", base="Quimby", theirs="Q", ours="Quimby"),),
        ),
    )
    report = await reported(reconciler)
    assert report["reasons"] == [
        {
            "object": "Contacts",
            "outcome": "failed",
            "code": "refused",
            "sentence": "Zoho refuses the e-mail.",
            "records": 2,
        }
    ]
    assert [(line["key"], line["file"], line["line"]) for line in report["quarantined"]] == [
        ("3", "p.csv", 9),
        ("4", "", 0),
    ]
    assert report["conflicts"] == [
        {
            "object": "Contacts",
            "key": "1",
            "zoho_id": "501",
            "field": "Last_Name",
            "base": "Aaaaaa",
            "theirs": "A",
            "ours": "Aaaaaa",
            "kept": "theirs",
        }
    ]
    assert "Quimby" not in json.dumps(report)
    assert "Ottoline" not in json.dumps(report)


# ---- undo ---------------------------------------------------------------------------------------

UNDO = RunId("run_undo")
WAVES = (Wave(index=1, objects=("document", "patient")), Wave(index=2, objects=("carrier",)))


async def test_an_undo_publishes_one_write_for_each_thing_the_run_did_and_counts_them(
    reconciler: Reconciler,
) -> None:
    """Created is deleted, changed is put back, the rest is left alone; the counts match."""
    await moved(reconciler)
    await reconciler.outcomes(
        ended(
            "2",
            Outcome.UPDATED,
            effect=Effect.CHANGED,
            zoho_id="502",
            sent={"Last_Name": "Featherstone"},
            before={"Last_Name": "Feather"},
        ),
        ended("3", Outcome.UNCHANGED, zoho_id="503"),
        ended("4", Outcome.PARKED),
    )
    spec = reconciler.spec(UNDO, kind=RunKind.UNDO, undo_of=RUN, waves=WAVES)
    assert await work_done(reconciler, StartRun(spec=spec)) == []
    writes = [w for w in await reconciler.appended(Subject.WRITES) if isinstance(w, WriteRecord)]
    assert {(w.run_id, w.object, w.key, w.op, w.zoho_id) for w in writes} == {
        (UNDO, "patient", "1", Op.UNDO_CREATE, "501"),
        (UNDO, "patient", "2", Op.UNDO_UPDATE, "502"),
        (UNDO, "carrier", "201", Op.UNDO_CREATE, "100"),
    }
    put_back = next(w for w in writes if w.key == "2")
    assert (put_back.sent, put_back.before) == (
        {"Last_Name": "Featherstone"},
        {"Last_Name": "Feather"},
    )
    (file,) = await reconciler.appended(Subject.FILES)
    assert isinstance(file, FileExtracted)
    assert (file.op, file.zoho_parent_id, file.zoho_id) == ("delete", "501", "900")
    counts = await reconciler.journal.counts(UNDO)
    assert counts.extracted == {"document": 1, "patient": 2, "carrier": 1}
    assert reconciler.watch._moved >= {UNDO}


async def test_an_undo_of_a_run_that_did_nothing_has_every_object_at_nought(
    reconciler: Reconciler,
) -> None:
    """So that its waves settle at once."""
    await reconciler.know()
    spec = reconciler.spec(UNDO, kind=RunKind.UNDO, undo_of=RUN, waves=WAVES)
    await work_done(reconciler, StartRun(spec=spec))
    counts = await reconciler.journal.counts(UNDO)
    assert counts.settled_waves(WAVES) == [1, 2]
    assert await reconciler.appended(Subject.WRITES) == []


async def test_an_undo_done_again_after_a_crash_publishes_the_same_message_ids(
    reconciler: Reconciler,
) -> None:
    """The loader recognises the second ones."""
    await moved(reconciler)
    spec = reconciler.spec(UNDO, kind=RunKind.UNDO, undo_of=RUN, waves=WAVES)
    await work_done(reconciler, StartRun(spec=spec))
    await reconciler.pool.execute("update reconciler.work set done_at = null")
    await work_done(reconciler)
    records = [
        record
        for subject in (Subject.WRITES, Subject.FILES)
        for record in await reconciler.read(subject)
    ]
    assert len(records) == 8
    assert len({record.headers["message_id"] for record in records}) == 4


# ---- when it goes wrong -------------------------------------------------------------------------


class Refusing(FakeZoho):
    """Zoho that refuses to be read."""

    async def scan(self, module: str, fields: Sequence[str]) -> AsyncIterator[list[dict[str, Any]]]:
        """Refuse."""
        raise StopRun("The token may not read Contacts.", code="scope_missing")
        yield []


class Away(FakeZoho):
    """Zoho that does not answer."""

    async def scan(self, module: str, fields: Sequence[str]) -> AsyncIterator[list[dict[str, Any]]]:
        """Do not answer."""
        raise DestinationUnavailable("Zoho does not answer.")
        yield []


async def test_work_that_cannot_succeed_is_told_as_a_failed_run(reconciler: Reconciler) -> None:
    """A person must act; the queue goes on with the next piece."""
    await moved(reconciler)
    reconciler.zoho = Refusing()
    said = await work_done(reconciler, DiffRun(run_id=RUN), FinishRun(run_id=RUN))
    failed, report = said
    assert isinstance(failed, RunFailed)
    assert (failed.service, failed.code) == ("reconciler", "scope_missing")
    assert isinstance(report, RunReported)


async def test_work_that_meets_an_outage_stays_queued_and_says_nothing(
    reconciler: Reconciler,
) -> None:
    """The tenant's work is started again and finds the same piece."""
    await moved(reconciler)
    reconciler.zoho = Away()
    await reconciler.commands(DiffRun(run_id=RUN))
    with pytest.raises(DestinationUnavailable):
        await reconciler.worker().run(asyncio.Event())
    assert await reconciler.told() == []
    left = await reconciler.pool.fetchrow(
        reconciler.truth.sql.next_work, reconciler.tenant.tenant_id
    )
    assert left is not None
    assert left["kind"] == "diff"
