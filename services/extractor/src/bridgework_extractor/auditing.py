"""One audit: seal the export, look at everything, write the report."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bridgework_audit import build_audit
from bridgework_audit.quarantine import QuarantineCollector
from bridgework_contracts.commands import AuditExport
from bridgework_contracts.progress import ExportAudited
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.corrections import Fix
from bridgework_dental_exec.databases.connections import Connections
from bridgework_dental_exec.duplicates import identities, propose
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.records import Provider
from bridgework_mapping.document import MappingDocument

from bridgework_extractor import correcting


def audit_export(
    command: AuditExport,
    folder: Path,
    seal: bytes,
    hash_key: bytes,
    fixes: Sequence[Fix] = (),
    connections: Connections | None = None,
) -> ExportAudited:
    """Audit one export (CPU-bound: run it in a thread).

    Args:
        command: What to audit and where the report goes.
        folder: New folder for the sealed snapshot of this audit.
        seal: Its key.
        hash_key: The tenant's key of content hashes.
        fixes: Corrections of people; the audit shows the export as it is with them.
        connections: The tenant's connections to restored databases.

    Raises:
        SourceUnreadable: nothing in the export can be read.
        SourceUnavailable: the database server the export names does not answer.
        ConfigurationError: the operator's connection to it is refused.
    """
    export = open_export(
        Path(command.source.export_path), folder / "work", command.source.dialect_pins
    )
    snapshot = seal_snapshot(
        export,
        folder / "snapshot",
        seal=seal,
        profile=command.source.profile,
        connections=connections,
    )
    done = correcting.apply(folder, snapshot, export, fixes, hash_key)
    source = CanonicalSource(snapshot, command.source, export=export, hash_key=hash_key)
    document = MappingDocument.default()
    collector = QuarantineCollector(snapshot.profile, document)
    audit = build_audit(snapshot, source, document, quarantine=collector)
    marks = correcting.exported_marks(done)
    quarantined, left_out = collector.places(snapshot, export, hash_key, marks)
    audit.write(Path(command.report_dir))
    providers: list[dict[str, Any]] = [_placed(one) for one in source.providers()]
    return ExportAudited(
        job_id=command.job_id,
        audit_id=command.audit_id,
        ok=True,
        report=_short(audit.report),
        providers=providers,
        duplicates=[asdict(one) for one in propose(identities(source))],
        quarantined=quarantined,
        quarantined_left_out=left_out,
        corrections=correcting.told(done),
    )


def _placed(provider: Provider) -> dict[str, Any]:
    """Return a provider's fields and where it stands in the export, for owner resolution."""
    at = provider.provenance[0] if provider.provenance else None
    place = {"file": at.file, "line": at.line} if at else {}
    return {**provider.as_fields(), **place}


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """Return the report without its long lists; the whole stands in ``audit.json``."""
    kept: dict[str, Any] = {
        name: report.get(name)
        for name in ("hash", "grade", "blockers", "objects", "estimate")
        if name in report
    }
    kept["defects"] = {
        name: found.get("count", 0) if isinstance(found, dict) else found
        for name, found in (report.get("defects") or {}).items()
    }
    return kept
