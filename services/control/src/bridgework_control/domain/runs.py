"""The orchestration of one run: which command follows which word of progress.

::

    starting ─FingerprintTaken(before)─► moving ─last WaveSettled─► comparing ─DiffFinished─┐
                                           │ (undo)                                          ▼
                                           └─► proving ─FingerprintTaken(after_undo)─► reporting
    reporting ─RunReported─► finished
    any of these ──RunFailed──► failed (resume goes back to where it was) ; ──cancel──► cancelled

Progress may arrive twice or late; a word that does not fit the state changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bridgework_contracts.codec import Command
from bridgework_contracts.commands import DiffRun, FinishRun, OpenWave, TakeFingerprint
from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunKind

BEFORE = "before"
AFTER_UNDO = "after_undo"


class RunState(StrEnum):
    """Where a run stands."""

    STARTING = "starting"
    MOVING = "moving"
    COMPARING = "comparing"
    PROVING = "proving"
    REPORTING = "reporting"
    FINISHED = "finished"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({RunState.FINISHED, RunState.CANCELLED, RunState.FAILED})


@dataclass(frozen=True, slots=True)
class RunView:
    """The part of a run that decides what comes next."""

    run_id: RunId
    kind: RunKind
    state: RunState
    open_wave: int
    last_wave: int


@dataclass(frozen=True, slots=True)
class Step:
    """What changes: the new state, the wave now open, and the commands to send."""

    state: RunState
    open_wave: int
    commands: Sequence[Command] = field(default_factory=tuple)


def on_fingerprint(run: RunView, label: str) -> Step | None:
    """Return the step after a fingerprint, ``None`` where it changes nothing."""
    if label == BEFORE and run.state is RunState.STARTING:
        return _open(run, 1)
    if label == AFTER_UNDO and run.state is RunState.PROVING:
        return Step(RunState.REPORTING, run.open_wave, (FinishRun(run_id=run.run_id),))
    return None


def on_wave_settled(run: RunView, wave: int) -> Step | None:
    """Return the step after a wave has settled."""
    if run.state is not RunState.MOVING or wave != run.open_wave:
        return None
    return _open(run, wave + 1)


def on_diff(run: RunView) -> Step | None:
    """Return the step after a comparison."""
    if run.state is not RunState.COMPARING:
        return None
    return Step(RunState.REPORTING, run.open_wave, (FinishRun(run_id=run.run_id),))


def on_report(run: RunView) -> Step | None:
    """Return the step after the report."""
    if run.state is not RunState.REPORTING:
        return None
    return Step(RunState.FINISHED, run.open_wave)


def _open(run: RunView, wave: int) -> Step:
    if wave <= run.last_wave:
        return Step(RunState.MOVING, wave, (OpenWave(run_id=run.run_id, wave=wave),))
    if run.kind is RunKind.UNDO:
        return Step(
            RunState.PROVING,
            run.open_wave,
            (TakeFingerprint(run_id=run.run_id, label=AFTER_UNDO),),
        )
    return Step(RunState.COMPARING, run.open_wave, (DiffRun(run_id=run.run_id),))
