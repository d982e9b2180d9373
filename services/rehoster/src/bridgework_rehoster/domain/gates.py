"""May this file be moved now? Runs open wave by wave and can be paused or cancelled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunSpec


class RunState(StrEnum):
    """Whether a run's files may be moved."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Passage(StrEnum):
    """What to do with a file that has arrived."""

    GO = "go"
    HOLD = "hold"
    CANCELLED = "cancelled"
    NO_WAVE = "no_wave"
    """Its object belongs to no wave of its run: waiting would be for ever."""


@dataclass(frozen=True, slots=True)
class RunGate:
    """What the rehoster knows of one run.

    Attributes:
        wave_of: Source object → index of its wave.
    """

    run_id: RunId
    state: RunState
    open_waves: frozenset[int]
    wave_of: Mapping[str, int] = field(repr=False)

    @classmethod
    def of(cls, spec: RunSpec, state: RunState, open_waves: frozenset[int]) -> "RunGate":
        """Build the gate of a run from its specification."""
        wave_of = {name: wave.index for wave in spec.waves for name in wave.objects}
        return cls(spec.run_id, state, open_waves, wave_of)


def passage(gate: RunGate | None, object_name: str) -> Passage:
    """Say whether a file of this object may go; ``gate`` is None for a run not yet known."""
    if gate is None:
        return Passage.HOLD
    if gate.state is RunState.CANCELLED:
        return Passage.CANCELLED
    wave = gate.wave_of.get(object_name)
    if wave is None:
        return Passage.NO_WAVE
    opened = gate.state is RunState.RUNNING and wave in gate.open_waves
    return Passage.GO if opened else Passage.HOLD


def file_parents(spec: RunSpec) -> frozenset[str]:
    """Name the objects that files hang on, from the run's mapping document."""
    return frozenset(
        str(parent)
        for entry in spec.mapping.get("objects", ())
        if isinstance(entry, Mapping) and entry.get("kind") == "file"
        for parent in entry.get("parents", ())
    )
