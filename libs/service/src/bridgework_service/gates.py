"""May this go now? Runs open wave by wave, and can be paused or cancelled.

Whoever changes Zoho asks here first, so that a wave means the same to records and to files. What is
open is kept in the service's own schema: a restart needs nobody else's memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files

from bridgework_contracts.commands import CancelRun, OpenWave, PauseRun, ResumeRun, StartRun
from bridgework_contracts.ids import RunId, TenantId
from bridgework_contracts.runs import RunKind, RunSpec
from bridgework_eventlog.loop import Batch
from bridgework_store.errors import translate_errors
from bridgework_store.migrations import SchemaPart
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_service.runs import RunRegistry, RunUnknown

GATES_PART = SchemaPart("gates", files("bridgework_service").joinpath("parts/gates"))
"""Give this to :func:`bridgework_service.chassis.open_chassis` to get the table."""


class RunState(StrEnum):
    """Whether a run may change anything."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Passage(StrEnum):
    """What to do with a record or file that has arrived."""

    GO = "go"
    HOLD = "hold"
    """Not now: its run is unknown or paused, or its wave is not open."""
    CANCELLED = "cancelled"
    """Its run was cancelled: it ends as skipped."""
    NO_WAVE = "no_wave"
    """Its object belongs to no wave of its run: it ends as failed, waiting would be for ever."""


@dataclass(frozen=True, slots=True)
class RunGate:
    """What is open of one run.

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
    def of(cls, spec: RunSpec, state: RunState, open_waves: frozenset[int]) -> RunGate:
        """Build the gate of a run from its specification."""
        wave_of = {name: wave.index for wave in spec.waves for name in wave.objects}
        return cls(spec.run_id, state, open_waves, wave_of, spec.migration_user_id)


def passage(gate: RunGate | None, object_name: str) -> Passage:
    """Say whether something of this object may go; ``gate`` is None for a run not yet known."""
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


class Gates:
    """The table ``gates`` together with the runs' specifications; every change is idempotent.

    Args:
        pool: The service's pool.
        registry: The service's runs.
        schema: Holds the table (:data:`GATES_PART`).
    """

    def __init__(self, pool: Pool, registry: RunRegistry, *, schema: str) -> None:
        self._pool = pool
        self._registry = registry
        self._sql = Statements.load("bridgework_service", "sql/gates.sql", schema=schema)

    async def start(self, run_id: RunId, tenant: TenantId) -> None:
        """Note that a run exists; no wave is open."""
        with translate_errors():
            await self._pool.execute(self._sql.start, run_id, tenant)

    async def open_wave(self, run_id: RunId, wave: int) -> None:
        """Let one wave pass."""
        with translate_errors():
            await self._pool.execute(self._sql.open_wave, run_id, wave)

    async def set_state(
        self,
        run_id: RunId,
        state: RunState,
        reason: str | None = None,
        *,
        connection: Connection | None = None,
    ) -> bool:
        """Pause, resume or cancel; False where nothing changed (as in a cancelled run)."""
        with translate_errors():
            changed = await (connection or self._pool).fetchval(
                self._sql.set_state, run_id, state.value, reason
            )
        return changed is not None

    async def of(self, run_ids: Collection[RunId]) -> dict[RunId, RunGate]:
        """Return the gates of those runs that are known."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.read, list(run_ids))
        found: dict[RunId, RunGate] = {}
        for row in rows:
            run_id = RunId(row["run_id"])
            with suppress(RunUnknown):
                spec = await self._registry.get(run_id)
                found[run_id] = RunGate.of(
                    spec, RunState(row["state"]), frozenset(row["open_waves"])
                )
        return found


class GateCommands:
    """Handles one tenant's ``commands``: opens waves, pauses, resumes, cancels.

    Args:
        forget_parked: Drops what waits in a run that is cancelled or taken back.
        release: Offers held records or files again.
    """

    def __init__(
        self,
        *,
        tenant_id: TenantId,
        gates: Gates,
        registry: RunRegistry,
        forget_parked: Callable[[RunId], Awaitable[None]],
        release: Callable[[], None],
    ) -> None:
        self._tenant_id = tenant_id
        self._gates = gates
        self._registry = registry
        self._forget_parked = forget_parked
        self._release = release

    async def handle(self, batch: Batch) -> None:
        """Apply commands in order; each is idempotent and durable before the offset."""
        for delivery in batch:
            match delivery.message:
                case StartRun(spec=spec):
                    await self._registry.put(spec)
                    await self._gates.start(spec.run_id, self._tenant_id)
                    if spec.kind is RunKind.UNDO and spec.undo_of is not None:
                        # What still waits in the undone run must not go after its undo.
                        await self._forget_parked(spec.undo_of)
                case OpenWave(run_id=run_id, wave=wave):
                    await self._gates.open_wave(run_id, wave)
                case PauseRun(run_id=run_id, reason=reason):
                    await self._gates.set_state(run_id, RunState.PAUSED, reason)
                case ResumeRun(run_id=run_id):
                    await self._gates.set_state(run_id, RunState.RUNNING)
                case CancelRun(run_id=run_id):
                    await self._gates.set_state(run_id, RunState.CANCELLED)
                    await self._forget_parked(run_id)
                case _:
                    continue
        self._release()
