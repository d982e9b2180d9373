"""One run's extraction: what is published, in which order, and what it adds up to."""

import asyncio
import base64
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from bridgework_audit.quarantine import QuarantineCollector
from bridgework_contracts.outcomes import Outcome, RecordOutcome
from bridgework_contracts.records import (
    Change,
    FileExtracted,
    ObjectExtracted,
    RecordExtracted,
    sealed_file_context,
)
from bridgework_contracts.runs import RunKind, RunSpec, SampleSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.profile import load_profile
from bridgework_extractor.extraction import Extraction
from bridgework_extractor.hashes import BaseHashes, HashWriter
from bridgework_extractor.kept_files import KeptFiles
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.notes import overflow_file_name
from bridgework_store.sealed_files import read_sealed
from bridgework_store.sealing import TenantKey, TenantSealer

from services.extractor.tests.conftest import (
    TENANT,
    Appended,
    FakeSource,
    document,
    merged,
    record,
    spec,
)

KEY = bytes(range(32))
SEALER = TenantSealer(TenantKey(KEY))
PRACTICE = FakeSource(
    [
        record("patient", "1", last_name="Hill", parts={"coverage": 2}),
        record("patient", "2", last_name="Dale", parts={"coverage": 1, "alert": 1}),
        record("carrier", "201", name="MetLife"),
        record("treatment_plan", "4001", patient_key="1", status="Proposed"),
        record("appointment", "a-1", patient_key="1"),
        record("appointment", "a-2", patient_key="2"),
    ],
    [document("d-1"), document("d-2", "2"), document("i-1#1", object="note_image")],
    [merged("3", "1"), merged("r-9", "1", "recall_row")],
)


async def extract(
    folder: Path,
    source: FakeSource = PRACTICE,
    told: RunSpec | None = None,
    base: Path | None = None,
    **more: Any,
) -> tuple[Appended, dict[str, int]]:
    """Extract a run into a folder of its own; return what was appended, and the counts."""
    appended = Appended()
    counts = await Extraction(
        tenant_id=TENANT,
        spec=told or spec(),
        # The five methods that an extraction uses of a source.
        source=cast("CanonicalSource", source),
        hashes=HashWriter(made(folder), KEY),
        files=KeptFiles(folder / "files", SEALER),
        base=BaseHashes(base, KEY) if base is not None else None,
        producer=appended,
        **{"batch": 100, "inline_bytes": 1000, **more},
    ).run()
    return appended, counts


def made(folder: Path) -> Path:
    """Return a folder that exists."""
    folder.mkdir(exist_ok=True)
    return folder


def records_of(appended: Appended) -> list[RecordExtracted]:
    """Canonical records, in order."""
    return [one for one in appended.on("records") if isinstance(one, RecordExtracted)]


def counted(appended: Appended) -> dict[str, tuple[int, int]]:
    """Object → (extracted, unchanged), each said once."""
    said = [one for one in appended.on("records") if isinstance(one, ObjectExtracted)]
    assert len({one.object for one in said}) == len(said)
    return {one.object: (one.extracted, one.unchanged) for one in said}


def balance(appended: Appended) -> None:
    """Check that what was said to be extracted is what was published or counted unchanged.

    A record has one outcome: published twice under one key it would still be counted once.
    """
    published: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for one in [*appended.on("records"), *appended.on("files"), *appended.on("outcomes")]:
        if isinstance(one, RecordExtracted | FileExtracted | RecordOutcome):
            if (one.object, one.key) not in seen:
                published[one.object] += 1
            seen.add((one.object, one.key))
        if isinstance(one, RecordExtracted):
            published.update(one.parts)
    told = counted(appended)
    assert {name: total - same for name, (total, same) in told.items()} == {
        name: published[name] for name in told
    }
    assert set(published) <= set(told)


# ---- a full run ---------------------------------------------------------------------------------


async def test_every_record_file_and_decided_row_is_published_once(tmp_path: Path) -> None:
    """With its fields, hash, parts and place; and the books balance."""
    appended, counts = await extract(tmp_path)
    said = records_of(appended)
    assert Counter((one.object, one.key) for one in said) == Counter(
        (one.object, one.key) for one in PRACTICE.all_records
    )
    patient = next(one for one in said if one.key == "1")
    original = PRACTICE.all_records[0]
    assert patient.fields == {"key": "1", "last_name": "Hill"}
    assert (patient.content_hash, patient.parts) == (original.content_hash, {"coverage": 2})
    assert (patient.provenance, patient.change) == (original.provenance, Change.NEW)
    assert [one.key for one in appended.on("files") if isinstance(one, FileExtracted)] == [
        "d-1",
        "d-2",
        "i-1#1",
    ]
    balance(appended)
    assert counts == PRACTICE.counts()


async def test_no_record_of_a_later_wave_stands_before_one_of_an_earlier_wave(
    tmp_path: Path,
) -> None:
    """The loader holds a partition at the first closed wave: order is what keeps it moving."""
    appended, _ = await extract(tmp_path)
    wave_of = {name: wave.index for wave in spec().waves for name in wave.objects}
    waves = [wave_of[one.object] for one in records_of(appended)]
    assert waves == sorted(waves)
    assert waves[0] == 1
    assert waves[-1] == 3


async def test_counts_are_the_sources_own_and_name_parts_and_what_there_is_none_of(
    tmp_path: Path,
) -> None:
    """Counted independently of what was published; an object of the plan without records is 0."""
    appended, _ = await extract(tmp_path)
    assert counted(appended) == {
        "patient": (3, 0),
        "carrier": (1, 0),
        "location": (0, 0),
        "treatment_plan": (1, 0),
        "appointment": (2, 0),
        "coverage": (3, 0),
        "alert": (1, 0),
        "recall_row": (1, 0),
        "document": (2, 0),
        "note_image": (1, 0),
    }


async def test_rows_settled_at_the_source_are_outcomes_with_their_reason(tmp_path: Path) -> None:
    """Merged into whom, and who decided."""
    appended, _ = await extract(tmp_path)
    first, second = (one for one in appended.on("outcomes") if isinstance(one, RecordOutcome))
    assert (first.object, first.key, first.outcome) == ("patient", "3", Outcome.MERGED)
    assert (first.merged_into, first.decided_by) == ("1", "extractor")
    assert first.reason is not None
    assert first.reason.code == "duplicate"
    assert second.object == "recall_row"


async def test_a_records_messages_go_under_its_patients_key(tmp_path: Path) -> None:
    """So that a patient's records stay in order."""
    appended, _ = await extract(tmp_path)
    keys = {
        (one.object, one.key): raw.key
        for raw, one in zip(appended.raw("records"), appended.on("records"), strict=True)
        if isinstance(one, RecordExtracted)
    }
    assert keys["appointment", "a-1"] == keys["treatment_plan", "4001"] == b"1"
    assert keys["appointment", "a-2"] == b"2"
    assert [raw.key for raw in appended.raw("files")] == [b"1", b"2", b"1"]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_no_append_is_larger_than_the_batch_and_nothing_is_lost_at_its_edges(
    tmp_path: Path, batch: int
) -> None:
    """Memory is bounded by the batch."""
    many = FakeSource([record("patient", str(n)) for n in range(7)])
    appended, _ = await extract(tmp_path, many, batch=batch)
    sizes = [len(records) for _, records in appended.calls]
    said = records_of(appended)
    assert [one.key for one in said] == [str(n) for n in range(7)]
    assert max(sizes) <= max(batch, len(counted(appended)))
    patients = [
        len(records)
        for _, records in appended.calls
        if any(one.headers["type"] == "RecordExtracted" for one in records)
    ]
    assert patients == [batch] * (7 // batch) + ([7 % batch] if 7 % batch else [])


async def test_done_again_after_a_crash_it_publishes_the_same_messages(tmp_path: Path) -> None:
    """Same ids, same bytes, in the same order."""
    first, _ = await extract(tmp_path)
    second, _ = await extract(tmp_path)
    assert first.calls == second.calls
    assert len(set(first.ids())) == len(first.ids())


async def test_other_content_or_another_run_is_another_message(tmp_path: Path) -> None:
    """An id is derived from run, object, key and content."""
    one = FakeSource([record("patient", "1", v=1)])
    other = FakeSource([record("patient", "1", v=2)])
    ids = [
        raw.headers["message_id"]
        for source in (one, other)
        for told in (spec("run_1"), spec("run_2"))
        for raw in (await extract(tmp_path, source, told))[0].raw("records")
        if raw.headers["type"] == "RecordExtracted"
    ]
    assert len(set(ids)) == len(ids) == 4


# ---- files --------------------------------------------------------------------------------------


async def one_file(folder: Path, **more: Any) -> FileExtracted:
    """Publish one file and return its message."""
    appended, _ = await extract(folder, FakeSource([], [document("d-1", **more)]))
    (said,) = appended.on("files")
    assert isinstance(said, FileExtracted)
    return said


async def test_a_file_of_the_export_travels_by_its_path(tmp_path: Path) -> None:
    """Name, size, hash, parent; no bytes."""
    said = await one_file(tmp_path)
    assert (said.op, said.change, said.path) == ("upload", Change.NEW, "files/d-1.pdf")
    assert (said.name, said.size_bytes, said.sha256) == ("d-1.pdf", 10, "f" * 64)
    assert (said.parent.object, said.parent.key) == ("patient", "1")
    assert (said.content_b64, said.missing_reason) == (None, None)


async def test_a_missing_file_is_published_as_missing(tmp_path: Path) -> None:
    """It ends as an outcome with a reason, not in silence."""
    said = await one_file(tmp_path, state="missing", path=None, sha256="e" * 64, size_bytes=0)
    assert (said.sha256, said.missing_reason, said.path) == (None, "file_missing", None)


async def test_a_small_picture_travels_inside_its_message(tmp_path: Path) -> None:
    """Up to the limit, the limit included."""
    said = await one_file(tmp_path, path=None, content=b"x" * 1000)
    assert base64.b64decode(said.content_b64 or "") == b"x" * 1000
    assert said.path is None


def opened(said: FileExtracted) -> bytes:
    """Return what a sealed file holds."""
    assert said.sealed
    context = sealed_file_context(said.sha256 or "")
    return b"".join(read_sealed(Path(said.path or ""), SEALER, context))


async def test_a_large_picture_is_kept_sealed_beside_the_snapshot(tmp_path: Path) -> None:
    """The message says where; equal pictures lie there once."""
    content = b"x" * 1001
    said = await one_file(tmp_path, path=None, content=content)
    assert said.content_b64 is None
    assert said.path == str(tmp_path / "files" / ("f" * 64))
    assert opened(said) == content
    await one_file(tmp_path, path=None, content=content)
    kept = await asyncio.to_thread(lambda: [one.name for one in (tmp_path / "files").iterdir()])
    assert kept == ["f" * 64]


@pytest.mark.parametrize("unchanged", [False, True])
async def test_a_file_that_was_unpacked_is_sealed_and_does_not_stay_open(
    tmp_path: Path, unchanged: bool
) -> None:
    """Whether it travels or not, nothing of it lies there to be read."""
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"a scan")
    source = FakeSource([], [document("d-1", path=str(scan), temporary=True)])
    base = None
    if unchanged:
        await extract(tmp_path / "base", source)
        scan.write_bytes(b"a scan")
        base = tmp_path / "base"
    kind = spec("run_2", RunKind.DELTA, base_run_id="run_1") if unchanged else None
    appended, _ = await extract(tmp_path / "run", source, kind, base)
    assert not scan.exists()
    sent = [one for one in appended.on("files") if isinstance(one, FileExtracted)]
    assert [opened(one) for one in sent] == ([] if unchanged else [b"a scan"])


# ---- a rehearsal --------------------------------------------------------------------------------


async def test_a_rehearsal_publishes_its_closed_world_and_counts_what_it_published(
    tmp_path: Path,
) -> None:
    """The patient of the plan with all that hangs on it; decided rows are the full run's."""
    told = spec(kind=RunKind.REHEARSAL, sample=SampleSpec(plans=1))
    appended, counts = await extract(tmp_path, told=told)
    assert {(one.object, one.key) for one in records_of(appended)} == {
        ("carrier", "201"),
        ("patient", "1"),
        ("treatment_plan", "4001"),
        ("appointment", "a-1"),
    }
    assert [one.key for one in appended.on("files") if isinstance(one, FileExtracted)] == [
        "d-1",
        "i-1#1",
    ]
    assert appended.on("outcomes") == []
    balance(appended)
    assert counts["coverage"] == 2
    assert counted(appended)["appointment"] == (1, 0)
    assert counted(appended)["location"] == (0, 0)


# ---- a delta ------------------------------------------------------------------------------------


async def delta(
    folder: Path, later: FakeSource, before: FakeSource = PRACTICE
) -> tuple[Appended, dict[str, int]]:
    """Extract a full run of one export and then a delta of a later one."""
    await extract(folder / "before", before)
    told = spec("run_2", RunKind.DELTA)
    return await extract(folder / "later", later, told, base=folder / "before")


async def test_a_delta_of_the_same_export_publishes_no_record_and_counts_all_unchanged(
    tmp_path: Path,
) -> None:
    """Parts included; decided rows are settled again."""
    appended, _ = await delta(tmp_path, PRACTICE)
    assert records_of(appended) == []
    assert appended.on("files") == []
    told = counted(appended)
    assert told["patient"] == (3, 2)
    assert told["coverage"] == (3, 3)
    assert told["document"] == (2, 2)
    balance(appended)


async def test_a_delta_publishes_what_is_new_changed_or_gone(tmp_path: Path) -> None:
    """And nothing else; gone records are counted although the source has none of them."""
    later = FakeSource(
        [
            record("patient", "1", last_name="Hill-Dale", parts={"coverage": 2}),
            record("patient", "5", last_name="New"),
            record("carrier", "201", name="MetLife"),
            record("treatment_plan", "4001", patient_key="1", status="Proposed"),
            record("appointment", "a-1", patient_key="1"),
        ],
        [document("d-1", content_hash="changed"), document("d-3")],
    )
    appended, counts = await delta(tmp_path, later)
    assert {(one.object, one.key, one.change) for one in records_of(appended)} == {
        ("patient", "1", Change.CHANGED),
        ("patient", "5", Change.NEW),
        ("patient", "2", Change.DELETED),
        ("appointment", "a-2", Change.DELETED),
    }
    files = [one for one in appended.on("files") if isinstance(one, FileExtracted)]
    assert {(one.key, one.change) for one in files} == {
        ("d-1", Change.CHANGED),
        ("d-3", Change.NEW),
        ("d-2", Change.DELETED),
        ("i-1#1", Change.DELETED),
    }
    told = counted(appended)
    assert told["patient"] == (3, 0)
    assert told["appointment"] == (2, 1)
    assert told["carrier"] == (1, 1)
    assert counts["patient"] == 3
    balance(appended)


async def test_a_record_settled_at_the_source_since_is_not_also_deleted(tmp_path: Path) -> None:
    """Merged, or unreadable now: it has that outcome alone, or its wave would never settle."""
    later = FakeSource([record("patient", "1")], all_decided=[merged("2", "1")])
    before = FakeSource([record("patient", "1"), record("patient", "2")])
    appended, _ = await delta(tmp_path, later, before)
    assert records_of(appended) == []
    assert counted(appended)["patient"] == (2, 1)
    balance(appended)


async def test_a_deleted_record_goes_to_the_partition_of_its_earlier_messages(
    tmp_path: Path,
) -> None:
    """It has no fields any more; its key and hash are those of before."""
    gone = record("appointment", "a-1", patient_key="1")
    before = FakeSource([record("patient", "1"), gone])
    appended, _ = await delta(tmp_path, FakeSource([record("patient", "1")]), before)
    (said,) = records_of(appended)
    assert (said.change, said.fields, said.parts) == (Change.DELETED, {}, {})
    assert said.content_hash == gone.content_hash
    raw = next(r for r in appended.raw("records") if r.headers["type"] == "RecordExtracted")
    assert raw.key == b"1"


async def test_a_delta_of_a_delta_compares_with_the_newer_export(tmp_path: Path) -> None:
    """Its hashes hold everything, also what did not travel."""
    first = FakeSource([record("patient", "1", v=1), record("patient", "2", v=1)])
    second = FakeSource([record("patient", "1", v=2), record("patient", "2", v=1)])
    await delta(tmp_path, second, first)
    told = spec("run_3", RunKind.DELTA)
    appended, _ = await extract(tmp_path / "third", second, told, base=tmp_path / "later")
    assert records_of(appended) == []
    assert counted(appended)["patient"] == (2, 2)


async def test_a_delta_done_again_after_a_crash_publishes_the_same_messages(
    tmp_path: Path,
) -> None:
    """From the same base."""
    later = FakeSource([record("patient", "1", last_name="Other")])
    first, _ = await delta(tmp_path, later)
    second, _ = await delta(tmp_path, later)
    assert first.calls == second.calls


# ---- notes that are too long for Zoho -----------------------------------------------------------


async def test_the_whole_text_of_a_long_note_travels_as_a_file(tmp_path: Path) -> None:
    """Under the name the mapping writes into the note, on the note's patient, counted."""
    text = "Häkeln " * 12_000
    long, short = (
        record("note", key, patient_key="1", text=said, entered_at=None)
        for key, said in (("70001", text), ("70002", "short"))
    )
    source = FakeSource([record("patient", "1"), long, short])
    source.objects = lambda: ("patient", "note")  # type: ignore[method-assign]  # a test's source
    appended, counts = await extract(tmp_path / "1", source, inline_bytes=10)
    (file,) = (one for one in appended.on("files") if isinstance(one, FileExtracted))
    assert file.name == overflow_file_name("70001")
    assert (file.object, file.key) == ("note_image", "70001#full-text")
    assert (file.parent.object, file.parent.key) == ("patient", "1")
    assert (file.mime, file.missing_reason) == ("text/plain", None)
    assert opened(file).decode() == text
    assert counts["note_image"] == 1
    balance(appended)

    again, _ = await extract(
        tmp_path / "2", source, spec("run_2", RunKind.DELTA, base_run_id="run_1"), tmp_path / "1"
    )
    assert not [one for one in again.on("files") if isinstance(one, FileExtracted)]
    assert counted(again)["note_image"] == (1, 1)


# ---- records whose parent is missing ------------------------------------------------------------


async def test_a_stranded_record_travels_again_until_its_parent_has_come(tmp_path: Path) -> None:
    """It is not in Zoho, so it is never unchanged; with its parent it belongs to that delta."""
    child = record("treatment_plan", "4001", patient_key="9")
    other = record("treatment_plan", "4002", patient_key="1")
    person = record("patient", "1", last_name="Hill")
    broken = FakeSource([person, child, other], [document("d-9", "9"), document("d-1")])
    mended = FakeSource([person, record("patient", "9"), child, other], broken.all_files)

    def delta(number: int) -> RunSpec:
        return spec(f"run_{number}", RunKind.DELTA, base_run_id=f"run_{number - 1}")

    async def again(number: int, source: FakeSource) -> tuple[set[str], Appended]:
        base = tmp_path / str(number - 1) if number > 1 else None
        told = delta(number) if number > 1 else spec()
        look = collector()
        folder = tmp_path / str(number)
        appended, _ = await extract(folder, source, told, base, quarantine=look)
        balance(appended)
        files = [one for one in appended.on("files") if isinstance(one, FileExtracted)]
        return {one.key for one in records_of(appended)} | {one.key for one in files}, appended

    assert (await again(1, broken))[0] == {"1", "4001", "4002", "d-9", "d-1"}
    assert (await again(2, broken))[0] == {"4001", "d-9"}
    assert (await again(3, mended))[0] == {"9", "4001", "d-9"}
    assert (await again(4, mended))[0] == set()


def collector() -> QuarantineCollector:
    """What looks for places, with the packaged mapping."""
    return QuarantineCollector(load_profile("dental_exec_v1"), MappingDocument.default())
