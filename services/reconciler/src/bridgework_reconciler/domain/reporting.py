"""The run's part of the acceptance report: numbers that can be recomputed from the journal.

Values of people never enter it: problems carry masked shapes, conflicts masked values.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bridgework_contracts.outcomes import Conflict, Outcome

from bridgework_reconciler.domain.counting import Counts
from bridgework_reconciler.domain.masking import shape

ReportName = Callable[[str], str]


def object_counts(counts: Counts, report_name: ReportName) -> dict[str, dict[str, int]]:
    """Return report object → extracted and the seven outcomes; several objects may share a name."""
    rows: dict[str, dict[str, int]] = {}
    for name in sorted(set(counts.extracted) | set(counts.outcomes)):
        row = rows.setdefault(
            report_name(name), {"extracted": 0, **{outcome.value: 0 for outcome in Outcome}}
        )
        row["extracted"] += counts.extracted.get(name, 0)
        row[Outcome.UNCHANGED.value] += counts.unchanged.get(name, 0)
        for outcome, records in counts.outcomes.get(name, {}).items():
            row[outcome] += records
    return rows


def quarantine_rows(
    journal_rows: Iterable[Mapping[str, Any]], report_name: ReportName
) -> list[dict[str, Any]]:
    """Return one line per problem: what stands where, what was done, what a person can do."""
    lines: list[dict[str, Any]] = []
    for row in journal_rows:
        base = {
            "object": report_name(row["object"]),
            "key": row["key"],
            "outcome": row["outcome"],
        }
        lines.extend({**base, **problem} for problem in row["problems"] or ())
        reason = row["reason"]
        if reason and row["outcome"] in {"failed", "parked", "skipped"}:
            place = (row["provenance"] or [{}])[0]
            lines.append(
                {
                    **base,
                    "file": place.get("file", ""),
                    "line": place.get("line", 0),
                    "field": reason.get("field") or "",
                    "code": reason["code"],
                    "shape": "",
                    "effect": row["outcome"],
                    "sentence": reason["sentence"],
                    "missing": (
                        f"{reason['missing_object']} {reason['missing_key']}"
                        if reason.get("missing_key")
                        else ""
                    ),
                    "remedy": reason.get("remedy", ""),
                }
            )
    return lines


def conflict_rows(
    rows: Iterable[tuple[Any, Iterable[Conflict]]], report_name: ReportName
) -> list[dict[str, Any]]:
    """Return one line per conflict (a journal row and its conflicts), values as shapes."""
    return [
        {
            "object": report_name(row["object"]),
            "key": row["key"],
            "zoho_id": row["zoho_id"],
            "field": conflict.field,
            "base": shape(conflict.base),
            "theirs": shape(conflict.theirs),
            "ours": shape(conflict.ours),
            "kept": conflict.kept,
        }
        for row, conflicts in rows
        for conflict in conflicts
    ]
