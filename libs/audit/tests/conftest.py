"""A small synthetic practice, sealed and audited once; a folder for hand-written exports."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bridgework_audit import Audit, PracticeFacts, build_audit
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.snapshot import Snapshot, seal_snapshot
from bridgework_mapping.document import MappingDocument
from bridgework_synthetic import generate

SEAL = bytes(range(32))


@dataclass
class Practice:
    """An export on disk with its answer key beside it."""

    folder: Path

    @property
    def export(self) -> Path:
        """The folder a practice would hand over."""
        return self.folder / "export"


@dataclass
class Audited:
    """What an audit worked on and what it said."""

    snapshot: Snapshot
    source: CanonicalSource
    audit: Audit


Auditor = Callable[..., Audited]


def audit_folder(
    export_folder: Path,
    work: Path,
    *,
    document: MappingDocument | None = None,
    facts: PracticeFacts | None = None,
    places: int | None = 200,
) -> Audited:
    """Seal and audit an export."""
    shutil.rmtree(work, ignore_errors=True)
    with open_export(export_folder, work / "unpacked") as export:
        snapshot = seal_snapshot(export, work / "snapshot", seal=SEAL)
        source = CanonicalSource(
            snapshot, SourceSpec(export_path=str(export_folder)), export=export
        )
        audit = build_audit(
            snapshot,
            source,
            document or MappingDocument.default(),
            facts=facts or PracticeFacts(),
            places=places,
        )
    return Audited(snapshot, source, audit)


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A practice of 150 patients with every defect at its usual rate."""
    folder = tmp_path_factory.mktemp("practice")
    generate(folder, patients=150, seed=11, dialect="a", defects=1.0)
    return Practice(folder)


@pytest.fixture(scope="session")
def audited(practice: Practice, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """The practice's audit with all places kept."""
    return audit_folder(practice.export, tmp_path_factory.mktemp("audited"), places=None)


@pytest.fixture
def auditor(tmp_path: Path) -> Iterator[Auditor]:
    """Audit an export given as file name → text."""

    def audit(files: dict[str, str], **how: object) -> Audited:
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return audit_folder(folder, tmp_path / "work", **how)  # type: ignore[arg-type]  # test's

    yield audit
