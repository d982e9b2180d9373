"""The orchestration of one run: which command follows which word of progress.

::

    starting ─FingerprintTaken(before)─► moving ─last WaveSettled─► comparing ─DiffFinished─┐
                                           │ (undo)                                          ▼
                                           └─► proving ─FingerprintTaken(after_undo)─► reporting
    reporting ─RunReported─► finished
    any of these ──RunFailed──► failed, moving ──pause──► paused; resume goes back to where it was
    and asks again for what was under way; ──cancel──► cancelled

Progress may arrive twice or late; a word that does not fit the state changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridgework_contracts.codec import Command
from bridgework_contracts.commands import (
    DiffRun,
    FinishRun,
    OpenWave,
    ResumeRun,
    TakeFingerprint,
)
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
    stopped_in: RunState | None = None
    """Where a paused or failed run was; ``None`` while it is neither."""
    settled_wave: int = 0
    """The last wave the reconciler said has settled; a wave without records may settle before it
    is opened."""


@dataclass(frozen=True, slots=True)
class Step:
    """What changes: the new state, the wave now open, and the commands to send."""

    state: RunState
    open_wave: int
    commands: Sequence[Command] = field(default_factory=tuple)


def run_of(row: Mapping[str, Any]) -> RunView:
    """Return the view of a run's row."""
    return RunView(
        run_id=RunId(row["run_id"]),
        kind=RunKind(row["kind"]),
        state=RunState(row["state"]),
        open_wave=row["open_wave"],
        last_wave=row["last_wave"],
        stopped_in=RunState(row["stopped_in"]) if row["stopped_in"] else None,
        settled_wave=row["settled_wave"],
    )


def on_fingerprint(run: RunView, label: str) -> Step | None:
    """Return the step after a fingerprint, ``None`` where it changes nothing."""
    if label == BEFORE and run.state is RunState.STARTING:
        return _open(run, 1)
    if label == AFTER_UNDO and run.state is RunState.PROVING:
        return Step(RunState.REPORTING, run.open_wave, (FinishRun(run_id=run.run_id),))
    return None


def on_wave_settled(run: RunView, wave: int) -> Step | None:
    """Return the step after a wave has settled.

    What was in flight lands after a pause too, and the reconciler says so once: a stopped run stays
    stopped and remembers which wave comes next. A wave that settles before it is opened (nothing to
    write in it) is remembered in ``settled_wave`` and passed when its turn comes.
    """
    if wave != run.open_wave:
        return None
    if run.state is RunState.MOVING:
        return _open(run, wave + 1)
    if run.stopped_in is RunState.MOVING:
        following = wave + 1
        commands = (
            (OpenWave(run_id=run.run_id, wave=following),) if following <= run.last_wave else ()
        )
        return Step(run.state, following, commands)
    return None


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


def on_resume(run: RunView, attempt: int) -> Step:
    """Return how a paused or failed run goes on: where it was, asking again for what was under way.

    Args:
        run: Paused or failed.
        attempt: Tells a question that is asked again from the first one.
    """
    identity = run.run_id
    goes_on = ResumeRun(run_id=identity)
    match run.stopped_in:
        case RunState.STARTING:
            asked: Command = TakeFingerprint(run_id=identity, label=BEFORE, attempt=attempt)
        case RunState.COMPARING:
            asked = DiffRun(run_id=identity, attempt=attempt)
        case RunState.PROVING:
            asked = TakeFingerprint(run_id=identity, label=AFTER_UNDO, attempt=attempt)
        case RunState.REPORTING:
            asked = FinishRun(run_id=identity, attempt=attempt)
        case _:
            if run.open_wave <= run.last_wave:
                return Step(RunState.MOVING, run.open_wave, (goes_on,))
            step = _open(run, run.open_wave)
            return Step(step.state, run.open_wave, (goes_on, *step.commands))
    return Step(run.stopped_in, run.open_wave, (goes_on, asked))


def _open(run: RunView, wave: int) -> Step:
    """Open a wave, and those behind it as far as they have settled already."""
    last = min(run.last_wave, max(wave, run.settled_wave + 1))
    opened = tuple(OpenWave(run_id=run.run_id, wave=one) for one in range(wave, last + 1))
    if last >= wave and last > run.settled_wave:
        return Step(RunState.MOVING, last, opened)
    asked: Command
    if run.kind is RunKind.UNDO:
        asked = TakeFingerprint(run_id=run.run_id, label=AFTER_UNDO)
        return Step(RunState.PROVING, max(last, run.open_wave), (*opened, asked))
    asked = DiffRun(run_id=run.run_id)
    return Step(RunState.COMPARING, max(last, run.open_wave), (*opened, asked))
