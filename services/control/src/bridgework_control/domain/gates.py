"""What each gate asks of the evidence before a person may approve it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from bridgework_contracts.runs import RunKind

from bridgework_control.domain.jobs import NEEDED_BEFORE, Gate, JobState

Row = Any
"""A database row: values by column name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the machine can show for a gate, and what still stands in the way."""

    facts: dict[str, Any]
    blockers: tuple[str, ...]

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the facts as canonical JSON; what the approver signs."""
        return hashlib.sha256(orjson.dumps(self.facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def evidence_for(
    gate: Gate,
    job: Row,
    runs: Sequence[Row],
    approved: frozenset[Gate],
) -> Evidence:
    """Return the evidence for one gate.

    Args:
        gate: Which one.
        job: The job's row.
        runs: Its runs, oldest first.
        approved: Gates approved so far.
    """
    missing = [f"{need} is not approved." for need in NEEDED_BEFORE[gate] if need not in approved]
    facts, blockers = _CHECKS[gate](job, runs)
    return Evidence({"gate": gate, **facts}, tuple(missing + blockers))


def latest(runs: Sequence[Row], kind: RunKind) -> Row | None:
    """Return the newest run of a kind."""
    found = [run for run in runs if run["kind"] == kind]
    return found[-1] if found else None


def _audit(job: Row, _runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    audit = job["audit"]
    if not audit:
        return {}, ["The export has not been audited."]
    blockers = [str(line) for line in audit.get("blockers", ())]
    return {"audit_hash": audit.get("hash"), "grade": audit.get("grade")}, blockers


def _schema(job: Row, _runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    plan = job["schema_plan"]
    if not plan or not plan.get("applied"):
        return {}, ["The schema plan has not been applied and read back."]
    drift = [f"{line}" for line in plan.get("drift", ())]
    return {"plan_hash": plan.get("hash"), "live_names": job["live_names"]}, drift


def _mapping(job: Row, _runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    blockers = [] if job["owners"] else ["Owners have not been resolved."]
    return {"mapping_hash": job["mapping_hash"], "owners": job["owners"]}, blockers


def _clean(run: Row | None, what: str) -> tuple[dict[str, Any], list[str]]:
    if run is None or run["state"] != "finished":
        return {}, [f"No finished {what}."]
    report = run["report"] or {}
    blockers = []
    if not report.get("balanced"):
        blockers.append(f"The {what} does not balance.")
    mismatches = (run["diff"] or {}).get("mismatches", 0)
    if mismatches:
        blockers.append(f"The {what} has {mismatches} mismatches.")
    facts = {
        "run_id": run["run_id"],
        "objects": report.get("objects"),
        "diff": run["diff"],
        "journal_hash": report.get("journal_hash"),
    }
    return facts, blockers


def _rehearsal(_job: Row, runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    rehearsal = latest(runs, RunKind.REHEARSAL)
    facts, blockers = _clean(rehearsal, "rehearsal")
    undo = next(
        (
            run
            for run in reversed(runs)
            if run["kind"] == RunKind.UNDO
            and rehearsal is not None
            and run["spec"].get("undo_of") == rehearsal["run_id"]
        ),
        None,
    )
    if undo is None or undo["state"] != "finished" or rehearsal is None:
        blockers.append("The rehearsal has not been undone.")
    else:
        before = rehearsal["fingerprints"].get("before")
        after = undo["fingerprints"].get("after_undo")
        facts["fingerprints_equal"] = before is not None and before == after
        if not facts["fingerprints_equal"]:
            blockers.append("The fingerprint after the undo differs from the one before.")
    return facts, blockers


def _full(_job: Row, runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    return _clean(latest(runs, RunKind.FULL), "full run")


def _delta(_job: Row, runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    return _clean(latest(runs, RunKind.DELTA), "delta")


def _go_live(job: Row, _runs: Sequence[Row]) -> tuple[dict[str, Any], list[str]]:
    busy = job["state"] not in {JobState.LOADED, JobState.DELTA_LOADED}
    return {"state": job["state"]}, ["A run is under way or undone."] if busy else []


_CHECKS = {
    Gate.G1_AUDIT: _audit,
    Gate.G2_SCHEMA: _schema,
    Gate.G3_MAPPING: _mapping,
    Gate.G4_REHEARSAL: _rehearsal,
    Gate.G5_FULL: _full,
    Gate.G6_DELTA: _delta,
    Gate.G7_GO_LIVE: _go_live,
}
