"""What the audit's tests share: sealing and auditing an export on disk."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridgework_audit import Audit, PracticeFacts, build_audit
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_mapping.document import MappingDocument

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
