"""May this write go now? Runs open wave by wave and can be paused or cancelled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunSpec


class RunState(StrEnum):
    """Whether a run's records may be written."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Passage(StrEnum):
    """What to do with a write that has arrived."""

    GO = "go"
    HOLD = "hold"
    """Not now: its run is unknown or paused, or its wave is not open."""
    CANCELLED = "cancelled"
    """Its run was cancelled: it ends as skipped."""
    NO_WAVE = "no_wave"
    """Its object belongs to no wave of its run: it ends as failed, waiting would be for ever."""


@dataclass(frozen=True, slots=True)
class RunGate:
    """What the loader knows of one run.

    Attributes:
        wave_of: Source object → index of its wave.
        migration_user_id: The Zoho user our token belongs to; None when control could not tell.
    """

    run_id: RunId
    state: RunState
    open_waves: frozenset[int]
    wave_of: Mapping[str, int] = field(repr=False)
    migration_user_id: str | None = None

    @classmethod
    def of(cls, spec: RunSpec, state: RunState, open_waves: frozenset[int]) -> "RunGate":
        """Build the gate of a run from its specification."""
        wave_of = {name: wave.index for wave in spec.waves for name in wave.objects}
        return cls(spec.run_id, state, open_waves, wave_of, spec.migration_user_id)


def passage(gate: RunGate | None, object_name: str) -> Passage:
    """Say whether a write of this object may go; ``gate`` is None for a run not yet known."""
    if gate is None:
        return Passage.HOLD
    if gate.state is RunState.CANCELLED:
        return Passage.CANCELLED
    wave = gate.wave_of.get(object_name)
    if wave is None:
        return Passage.NO_WAVE
    if gate.state is RunState.PAUSED or wave not in gate.open_waves:
        return Passage.HOLD
    return Passage.GO
