"""Nothing the extractor leaves on disk can be read without the tenant's key."""

import asyncio
import json
import shutil
from pathlib import Path

from bridgework_contracts.progress import SnapshotSealed
from bridgework_contracts.records import FileExtracted
from bridgework_contracts.runs import RunKind
from bridgework_synthetic import generate

from services.extractor.tests.conftest import Extractor, full_run

LONG_NOTE = "Crown seated with resin cement, bite checked. " * 3_000


def zipped(folder: Path) -> Path:
    """Return a practice with documents, pictures and a note too long for Zoho, as a zip."""
    generate(folder / "p", patients=12, seed=4, dialect="a", defects=1.0)
    export = folder / "p" / "export"
    notes = export / "notes.csv"
    header, first, *_ = notes.read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    row = dict.fromkeys(names, "") | {
        "note_id": "999001", "pat_id": first.split(",")[names.index("pat_id")], "format": "text",
        "note_date": "01/02/2026", "entered_at": "01/02/2026 08:00 AM", "body": LONG_NOTE,
    }  # fmt: skip
    with notes.open("a", encoding="utf-8") as out:
        out.write(",".join(f'"{row[name]}"' for name in names) + "\n")
    return Path(shutil.make_archive(str(folder / "export"), "zip", export))


def telling(folder: Path) -> set[bytes]:
    """Return what would tell who the patients are and what was done, as it would stand on disk."""
    truth = json.loads((folder / "p" / "truth.json").read_text("utf-8"))
    people = [one["fields"] for one in truth["objects"]["Contacts"]]
    names = {str(p["Last_Name"]) for p in people} | {str(p["Email"]) for p in people if p["Email"]}
    export = folder / "p" / "export" / "documents"
    heads = {file.read_bytes()[:64] for file in export.rglob("*") if file.is_file()}
    return {one.encode() for one in names if len(one) > 4} | heads | {b"resin cement"}


def lying_open(folder: Path, words: set[bytes]) -> dict[str, bytes]:
    """Return file → a telling word that stands in it."""
    return {
        file.name: word
        for file in folder.rglob("*")
        if file.is_file()
        for word in words
        if word and word in file.read_bytes()
    }


async def test_what_a_run_leaves_on_disk_cannot_be_read(
    extractor: Extractor, tmp_path: Path
) -> None:
    """A zip with documents, pictures and a long note, run, resumed, and compared by a delta."""
    export = await asyncio.to_thread(zipped, tmp_path)
    words = telling(tmp_path)
    assert len(words) > 12
    assert lying_open(tmp_path / "p", words)
    tenant = await extractor.tenant()
    extractor.settings = extractor.settings.model_copy(update={"inline_file_bytes": 100})
    snapshots = extractor.settings.snapshots_dir
    delta = full_run(export, "run_2").model_copy(
        update={"kind": RunKind.DELTA, "base_run_id": "run_1"}
    )
    for told in (full_run(export, "run_1"), full_run(export, "run_1"), delta):
        done = await extractor.worker(tenant)._extract(told)
        assert isinstance(done, SnapshotSealed)
        assert await asyncio.to_thread(lying_open, snapshots, words) == {}
    files = [one for one in extractor.appended.on("files") if isinstance(one, FileExtracted)]
    kept = [one for one in files if one.path is not None]
    assert {one.object for one in kept} == {"document", "note_image"}
    assert all(one.sealed for one in kept)
    assert await asyncio.to_thread(lambda: all(Path(str(one.path)).is_file() for one in kept))
