"""Auditing an export without any service: the same code the extractor runs."""

import secrets
import tempfile
from pathlib import Path
from typing import Any

from bridgework_audit import build_audit
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.databases.connections import Connections
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_extractor.settings import SourceSettings
from bridgework_mapping.document import MappingDocument
from bridgework_service.settings import load_settings


def audit_locally(export: Path, out: Path, *, time_zone: str, unit_min: int) -> dict[str, Any]:
    """Audit an export, write ``audit.json`` and ``audit.html`` to ``out``, return the report.

    The sealed snapshot made for it lives in a temporary folder and its key is forgotten. An export
    may name any connection of this machine's ``EXTRACTOR_DATABASES``: there is no tenant here.

    Raises:
        BridgeworkError: the export or its database cannot be read, or a setting is wrong.
    """
    connections = Connections(load_settings(SourceSettings).databases)
    spec = SourceSpec(
        export_path=str(export), practice_timezone=time_zone, appointment_unit_min=unit_min
    )
    with tempfile.TemporaryDirectory(prefix="bridgework-audit-") as folder:
        work = Path(folder)
        opened = open_export(export, work / "work", {})
        snapshot = seal_snapshot(
            opened,
            work / "snapshot",
            seal=secrets.token_bytes(32),
            profile=spec.profile,
            connections=connections,
        )
        source = CanonicalSource(snapshot, spec, export=opened)
        made = build_audit(snapshot, source, MappingDocument.default())
        out.mkdir(parents=True, exist_ok=True)
        made.write(out)
        report: dict[str, Any] = made.report
        return report
