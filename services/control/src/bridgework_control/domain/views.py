"""Rows as the API shows them."""

from collections.abc import Sequence
from typing import Any

from bridgework_contracts.runs import RunKind

from bridgework_control.domain.gates import evidence_for
from bridgework_control.domain.jobs import GATE_MEANING, Gate

Row = Any
"""A database row: values by column name."""


def job_view(job: Row, approved: Sequence[Row]) -> dict[str, Any]:
    """Return a job as ``JobRead``."""
    return {
        "job_id": job["job_id"],
        "tenant_id": job["tenant_id"],
        "name": job["name"],
        "state": job["state"],
        "export_path": job["source"]["export_path"],
        "mapping_hash": job["mapping_hash"],
        "audit": job["audit"],
        "waiting": job["waiting"],
        "error": job["error"],
        "gates_approved": [row["gate"] for row in approved],
        "created_at": job["created_at"],
        "updated_at": job["updated_at"],
    }


def gate_views(job: Row, runs: Sequence[Row], approved: Sequence[Row]) -> list[dict[str, Any]]:
    """Return every gate of a job with the evidence as it is now."""
    by_gate = {Gate(row["gate"]): row for row in approved}
    known = frozenset(by_gate)
    views = []
    for gate in Gate:
        evidence = evidence_for(gate, job, runs, known)
        row = by_gate.get(gate)
        views.append(
            {
                "gate": gate,
                "meaning": GATE_MEANING[gate],
                "approved": row is not None,
                "approved_by": row["approved_by"] if row else None,
                "approved_at": row["approved_at"] if row else None,
                "comment": row["comment"] if row else "",
                "evidence": evidence.facts,
                "evidence_hash": evidence.hash,
                "blockers": list(evidence.blockers),
            }
        )
    return views


def run_view(run: Row) -> dict[str, Any]:
    """Return a run as ``RunRead``."""
    report = run["report"]
    return {
        "run_id": run["run_id"],
        "job_id": run["job_id"],
        "tenant_id": run["tenant_id"],
        "kind": run["kind"],
        "state": run["state"],
        "waves": [
            {
                "index": wave["index"],
                "objects": wave["objects"],
                "state": _wave_state(run, wave["index"]),
            }
            for wave in run["spec"]["waves"]
        ],
        "extracted": run["extracted"],
        "outcomes": run["outcomes"],
        "credits": run["credits"],
        "fingerprints": run["fingerprints"],
        "diff": run["diff"],
        "balanced": report["balanced"] if report else None,
        "waiting": run["waiting"],
        "error": run["error"],
        "created_at": run["created_at"],
        "finished_at": run["finished_at"],
    }


def _wave_state(run: Row, index: int) -> str:
    if index < run["open_wave"]:
        return "settled"
    if index > run["open_wave"]:
        return "closed"
    done = {"comparing", "proving", "reporting", "finished"}
    return "settled" if run["state"] in done else "open"


def job_report(
    job: Row, runs: Sequence[Row], approved: Sequence[Row], settled: Sequence[Row] = ()
) -> dict[str, Any]:
    """Return the acceptance report: the job, its runs, and what a person must know.

    Conflicts, quarantined rows and files come from the latest run that moved everything (a delta,
    else the full run); the fingerprints are those of the rehearsal and its undo. Of ``settled``
    places (corrected and released, or gone) earlier runs no longer speak.
    """
    told = [run["report"] for run in runs if run["report"]]
    moved = [
        run["report"]
        for run in runs
        if run["report"] and run["kind"] in {RunKind.FULL, RunKind.DELTA}
    ]
    rehearsal = next((r for r in reversed(runs) if r["kind"] == RunKind.REHEARSAL), None)
    undo = next((r for r in reversed(runs) if r["kind"] == RunKind.UNDO), None)
    undone = next((r for r in runs if undo and r["run_id"] == undo["spec"]["undo_of"]), None)
    before = (undone or rehearsal or {"fingerprints": {}})["fingerprints"].get("before", {})
    after = undo["fingerprints"].get("after_undo", {}) if undo else {}
    return {
        "format": "bridgework-report/1",
        "job": {
            "job_id": job["job_id"],
            "tenant_id": job["tenant_id"],
            "name": job["name"],
            "state": job["state"],
            "mapping_hash": job["mapping_hash"],
            "audit": job["audit"],
            "gates": [
                {
                    "gate": row["gate"],
                    "approved_by": row["approved_by"],
                    "approved_at": row["approved_at"].isoformat(),
                    "evidence_hash": row["evidence_hash"],
                }
                for row in approved
            ],
        },
        "runs": told,
        "balanced": bool(told) and all(report["balanced"] for report in told),
        "files": moved[-1]["files"] if moved else {},
        "fingerprints": {
            "before": before,
            "after_undo": after,
            "equal": bool(after) and before == after,
        },
        "owners": job["owners"],
        "conflicts": [line for report in moved for line in report["conflicts"]],
        "quarantined": _files_of_the_newest(runs)
        + _owners_to_review(job["owners"] or ())
        + _newest_first_by_place(moved, settled),
    }


def _files_of_the_newest(runs: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what concerns whole files of the newest export that was moved."""
    for run in reversed(runs):
        if run["kind"] in {RunKind.FULL, RunKind.DELTA}:
            return [{**line, "run_id": run["run_id"]} for line in run["findings"]]
    return []


_OWNER_CODES = {
    "fallback": (
        "owner_fallback",
        "owned_by_fallback",
        "No Zoho user was found for this provider; the fallback user owns the records.",
        "Create the user in Zoho or correct the provider's e-mail, or confirm the fallback user.",
    ),
    "weak": (
        "owner_uncertain",
        "owned_by_evidence",
        "The Zoho user was found by other evidence than the e-mail, or the evidence disagrees.",
        "Confirm that provider and user are one person, or correct the provider's e-mail.",
    ),
}


def _owners_to_review(owners: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a line for each provider whose owner a person should look at."""
    lines = []
    for owner in owners:
        if not owner["review"]:
            continue
        fallback = owner["evidence"] == "fallback"
        code, effect, sentence, remedy = _OWNER_CODES["fallback" if fallback else "weak"]
        lines.append(
            {
                "object": "Users",
                "key": owner["provider_key"],
                "file": owner.get("file", ""),
                "line": owner.get("line", 0),
                "field": "email",
                "code": code,
                "shape": "",
                "effect": effect,
                "outcome": "",
                "sentence": sentence,
                "remedy": remedy,
                "run_id": "",
            }
        )
    return lines


def _newest_first_by_place(reports: Sequence[Row], settled: Sequence[Row]) -> list[dict[str, Any]]:
    """Return quarantine lines of all runs; the newest about one place replaces the earlier."""
    by_line = {(one["file"], one["line"], one["code"]) for one in settled}
    by_key = {
        (one["file"], one["source_key"], one["column_name"], one["code"])
        for one in settled
        if one["source_key"]
    }
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, report in enumerate(reports, start=1):
        for line in report["quarantined"]:
            file, code = line.get("file"), line.get("code")
            if number < len(reports) and (
                (file, line.get("line"), code) in by_line
                or (file, line["key"], line.get("field"), code) in by_key
            ):
                continue
            at = (line["object"], line["key"], line.get("field"), code)
            lines[at] = {**line, "run_id": report["run_id"]}
    return list(lines.values())
