"""States of a job and which move is legal.

::

    created → auditing → audited ─G1─► planned → applying → applied ─G2─► mapped ─G3─► ready
                  │                                 │
                  └──────────► failed ◄─────────────┘        (a failed step may be asked for again)
    ready → rehearsing → rehearsed ─G4─► running → loaded ─G5─► delta_running → delta_loaded ─G6─►
    ─G7─► live

Gates are approved by a named person over evidence; a run that needs a gate is refused without it.
"""

from enum import StrEnum

from bridgework_contracts.runs import RunKind


class JobState(StrEnum):
    """Where a job stands."""

    CREATED = "created"
    AUDITING = "auditing"
    AUDITED = "audited"
    APPLYING_SCHEMA = "applying_schema"
    SCHEMA_APPLIED = "schema_applied"
    READY = "ready"
    REHEARSING = "rehearsing"
    REHEARSED = "rehearsed"
    RUNNING = "running"
    LOADED = "loaded"
    DELTA_RUNNING = "delta_running"
    DELTA_LOADED = "delta_loaded"
    UNDOING = "undoing"
    UNDONE = "undone"
    LIVE = "live"
    FAILED = "failed"


class Gate(StrEnum):
    """The gates of a migration that this version knows; each stores evidence and approver."""

    G1_AUDIT = "G1"
    G2_SCHEMA = "G2"
    G3_MAPPING = "G3"
    G4_REHEARSAL = "G4"
    G5_FULL = "G5"
    G6_DELTA = "G6"
    G7_GO_LIVE = "G7"


GATE_MEANING = {
    Gate.G1_AUDIT: "Audit accepted: every column accounted for, no blockers.",
    Gate.G2_SCHEMA: "Schema applied: live metadata equals the plan.",
    Gate.G3_MAPPING: "Mapping approved: every row, value map and owner confirmed.",
    Gate.G4_REHEARSAL: "Rehearsal passed: loaded, diffed, undone, fingerprint equal.",
    Gate.G5_FULL: "Full run reconciled: balanced, diffed, files proven.",
    Gate.G6_DELTA: "Final delta reconciled: conflicts known.",
    Gate.G7_GO_LIVE: "Go-live.",
}

NEEDED_BEFORE: dict[Gate, tuple[Gate, ...]] = {
    Gate.G1_AUDIT: (),
    Gate.G2_SCHEMA: (Gate.G1_AUDIT,),
    Gate.G3_MAPPING: (Gate.G1_AUDIT, Gate.G2_SCHEMA),
    Gate.G4_REHEARSAL: (Gate.G1_AUDIT, Gate.G2_SCHEMA, Gate.G3_MAPPING),
    Gate.G5_FULL: (Gate.G4_REHEARSAL,),
    Gate.G6_DELTA: (Gate.G5_FULL,),
    Gate.G7_GO_LIVE: (Gate.G5_FULL, Gate.G6_DELTA),
}

NEEDED_FOR_RUN: dict[RunKind, tuple[Gate, ...]] = {
    RunKind.REHEARSAL: (Gate.G1_AUDIT, Gate.G2_SCHEMA, Gate.G3_MAPPING),
    RunKind.FULL: (Gate.G1_AUDIT, Gate.G2_SCHEMA, Gate.G3_MAPPING, Gate.G4_REHEARSAL),
    RunKind.DELTA: (Gate.G5_FULL,),
    RunKind.UNDO: (),
}

DURING = {
    RunKind.REHEARSAL: JobState.REHEARSING,
    RunKind.FULL: JobState.RUNNING,
    RunKind.DELTA: JobState.DELTA_RUNNING,
    RunKind.UNDO: JobState.UNDOING,
}

AFTER = {
    RunKind.REHEARSAL: JobState.REHEARSED,
    RunKind.FULL: JobState.LOADED,
    RunKind.DELTA: JobState.DELTA_LOADED,
    RunKind.UNDO: JobState.UNDONE,
}

BUSY = frozenset({JobState.AUDITING, JobState.APPLYING_SCHEMA, *DURING.values()})
"""States in which no other run or step may start."""
