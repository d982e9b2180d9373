"""The audit of an export: what it holds, what is wrong with it, where it goes, what that takes.

Everything is read from the sealed snapshot and its canonical records. The report holds counts,
codes, masked shapes and places, never a value, and is the same for the same input.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_mapping.document import MappingDocument

from bridgework_audit.book import PLACES_SHOWN, DefectBook, Place
from bridgework_audit.columns import ColumnProfile, profile_columns
from bridgework_audit.coverage import Coverage, cover
from bridgework_audit.destroyed import add_destroyed
from bridgework_audit.estimate import Estimate, estimate
from bridgework_audit.facts import PracticeFacts
from bridgework_audit.identity import add_people_defects
from bridgework_audit.lineage import load_lineage
from bridgework_audit.normalised import add_normalised
from bridgework_audit.page import render_page
from bridgework_audit.people import add_provider_defects
from bridgework_audit.quarantine import QuarantineCollector
from bridgework_audit.rules import load_rules
from bridgework_audit.scoring import Measured
from bridgework_audit.sweep import Sweep, Swept

FORMAT: Final = "bridgework-audit/1"


@dataclass(frozen=True)
class Audit:
    """A finished audit.

    Attributes:
        report: JSON-able and free of values; ``hash`` is the sha256 of the rest of it.
        book: The defects behind ``report["defects"]``.
    """

    report: dict[str, Any]
    book: DefectBook

    @property
    def summary(self) -> dict[str, Any]:
        """The report without columns and places: small enough for a message."""
        kept = {k: v for k, v in self.report.items() if k not in {"columns", "coverage", "files"}}
        kept["coverage"] = {"counts": self.report["coverage"]["counts"]}
        kept["defects"] = {
            name: {k: v for k, v in entry.items() if k != "places"}
            for name, entry in self.report["defects"].items()
        }
        return kept

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write ``audit.json`` and ``audit.html`` (self-contained); the same report, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.report, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        places = (folder / "audit.json", folder / "audit.html")
        for place, content in zip(places, (text, render_page(self.report)), strict=True):
            partial = place.with_name(place.name + ".partial")
            partial.write_text(content, encoding="utf-8", newline="\n")
            partial.replace(place)
        return places


def build_audit(
    snapshot: Snapshot,
    source: CanonicalSource,
    document: MappingDocument,
    *,
    facts: PracticeFacts = PracticeFacts(),  # noqa: B008  # frozen
    places: int | None = PLACES_SHOWN,
    quarantine: QuarantineCollector | None = None,
) -> Audit:
    """Audit a sealed export.

    Args:
        snapshot: The sealed export.
        source: Its canonical source.
        document: The mapping that would be used.
        facts: What the practice told us.
        places: Places kept per defect class; ``None`` keeps all.
        quarantine: Told of everything that passes.

    CPU-bound and streaming: run it in a thread. Reads every row once, and every document's bytes.

    Raises:
        ConfigurationError: No lineage for the snapshot's profile.
    """
    rules = load_rules()
    book = DefectBook(places)
    limit = facts.attachment_limit_bytes or rules.destination.attachment_limit_bytes
    connection = snapshot.connect()
    try:
        columns = tuple(profile_columns(snapshot, connection))
        add_normalised(book, snapshot, connection, source.context.parsers, places=places)
        swept = Sweep(
            source, document, book, attachment_limit_bytes=limit, quarantine=quarantine
        ).run()
        add_destroyed(book, snapshot, connection, columns, places=places)
        add_people_defects(book, source, connection, swept.patient_lines)
    finally:
        connection.close()
    filled = {(c.table, c.column): c.filled for c in columns}
    coverage = cover(snapshot, document, load_lineage(snapshot.profile.name), filled)
    add_provider_defects(book, source.providers(), source.context.people_by_initials)
    _add_reading_defects(book, snapshot)
    measured = _measure(snapshot, source, document, coverage, swept, book, facts)
    estimated = estimate(
        measured, document, swept.records, facts, rules=rules, exported_on=_exported_on(source)
    )
    report = _report(snapshot, source, document, columns, coverage, swept, book, estimated)
    return Audit(report, book)


def _add_reading_defects(book: DefectBook, snapshot: Snapshot) -> None:
    """Put down lines that gave no row, repaired rows and missing columns."""
    for bad in snapshot.quarantine:
        place = Place(bad.file, bad.line, bad.column, bad.shape, bad.remedy)
        if book.add("row_unreadable", place) and bad.rows > 1:
            book.count("row_unreadable", bad.file, bad.rows - 1)
    for info in snapshot.tables.values():
        for line, code in info.repaired_lines:
            book.add("row_repaired", Place(info.file, line, "", "", f"Repaired: {code}."))
        if info.repairs > len(info.repaired_lines):
            book.count("row_repaired", info.file, info.repairs - len(info.repaired_lines))
        for column in info.missing:
            remedy = "Export this column too, if you have it."
            book.add("column_missing", Place(info.file, 1, column, "", remedy))


def _measure(
    snapshot: Snapshot,
    source: CanonicalSource,
    document: MappingDocument,
    coverage: Coverage,
    swept: Swept,
    book: DefectBook,
    facts: PracticeFacts,
) -> Measured:
    lines = [line for entry in document.records for line in entry.fields]
    unclear = sum(line.type == "picklist" and line.open for line in lines)
    travelling = {name for name, count in swept.records.items() if count}
    folded = {p.of for p in document.parts if swept.extracted[p.part]}
    split = {"note"} if swept.records["note_image"] else set()
    return Measured(
        objects=len(travelling),
        custom_modules=sum(e.generated is not None for e in document.records
                           if e.object in travelling),
        splits_or_merges=len((folded | split) & travelling),
        no_home=len(coverage.tables_without_home) + len(coverage.unread_files),
        clinical_no_home=len(coverage.clinical_without_home),
        fields=len(lines) + len(coverage.unaccounted),
        unclear_fields=unclear + len(coverage.unaccounted),
        records=sum(swept.records.values()),
        files=swept.records["document"] + swept.records["note_image"],
        file_bytes=swept.file_bytes,
        over_limit_files=swept.over_limit,
        duplicate_pct=_percent(book["duplicate_patient"], swept.patients),
        orphan_pct=_percent(swept.orphans, swept.rows),
        unparsable_pct=_percent(swept.lost_rows, swept.rows),
        ledger_mismatch_pct=_percent(swept.uneven_accounts, swept.accounts),
        locations=facts.locations or max(swept.records["location"], 1),
        dialects=len({_printing(info.evidence) for info in snapshot.tables.values()}) or 1,
        unstable_keys=any(info.keyless for info in snapshot.tables.values())
        or any(not number.certain for number in source.context.reused.values()),
    )  # fmt: skip


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def _printing(evidence: tuple[str, ...]) -> str:
    """Return how a file parts and quotes its cells; its encoding is told first and left out."""
    return next(iter(evidence[1:2] or evidence), "")


def _exported_on(source: CanonicalSource) -> dt.date | None:
    """Return the day of the export where the export itself tells it."""
    return source.context.rules.today if source.snapshot.exported_at else None


def _blockers(snapshot: Snapshot, coverage: Coverage, estimated: Estimate) -> list[str]:
    found = coverage.blockers()
    found += [
        f"{info.file}: its key column is missing, so none of its rows can be used. "
        "Export it again with the key."
        for info in snapshot.tables.values()
        if info.keyless
    ]
    if not snapshot.rows("patients"):
        found.append("There are no patients in this export. Export the patients' file too.")
    found += [
        f"{sentence} People quote and plan this migration."
        for grade, _, sentence in estimated.score.triggers
        if grade == "E"
    ]
    return found


def _report(
    snapshot: Snapshot,
    source: CanonicalSource,
    document: MappingDocument,
    columns: tuple[ColumnProfile, ...],
    coverage: Coverage,
    swept: Swept,
    book: DefectBook,
    estimated: Estimate,
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "format": FORMAT,
        "profile": snapshot.profile.name,
        "mapping": {"name": document.name, "hash": document.hash},
        "exported_on": day.isoformat() if (day := _exported_on(source)) else None,
        "grade": estimated.score.grade,
        "blockers": _blockers(snapshot, coverage, estimated),
        "objects": dict(sorted(swept.extracted.items())),
        "records": dict(sorted(swept.records.items())),
        "decided": {name: dict(sorted(c.items())) for name, c in sorted(swept.decided.items())},
        "files": _files(snapshot),
        "findings": [
            {"file": f.file, "code": f.code, "sentence": f.sentence} for f in snapshot.findings
        ],
        "date_orders": _date_orders(source),
        "columns": [column.as_dict() for column in columns],
        "coverage": coverage.as_dict(),
        "defects": book.as_dict(),
        "estimate": estimated.as_dict(),
    }
    return report | {"hash": report_hash(report)}


def _files(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [
        {
            "file": info.file,
            "table": name,
            "rows": info.rows,
            "quarantined_rows": info.quarantined_rows,
            "size_bytes": info.size_bytes,
            "sha256": info.sha256,
            "evidence": list(info.evidence),
            "repairs": info.repairs,
            "missing_columns": list(info.missing),
            "extra_columns": list(info.extra),
        }
        for name, info in sorted(snapshot.tables.items())
    ]


def _date_orders(source: CanonicalSource) -> list[dict[str, Any]]:
    """Return how day and month were told apart, per date column."""
    return [
        {
            "table": table,
            "column": column,
            "order": rule.order.value,
            "sure": rule.sure,
            "evidence": rule.evidence,
        }
        for (table, column), rule in sorted(source.context.rules.columns.items())
    ]


def report_hash(report: Mapping[str, Any]) -> str:
    """Return the sha256 (hex) of a report without its ``hash``."""
    rest = {k: v for k, v in report.items() if k != "hash"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
