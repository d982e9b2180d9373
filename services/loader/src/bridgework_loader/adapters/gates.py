"""Open waves and run states, durable and shared by every loader of the tenant."""

from collections.abc import Collection
from dataclasses import dataclass

from bridgework_contracts.ids import RunId, TenantId
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_loader.domain.gates import RunState


@dataclass(frozen=True, slots=True)
class GateRow:
    """State and open waves of one run."""

    state: RunState
    open_waves: frozenset[int]


class GateStore:
    """The table ``gates``; every change is idempotent."""

    def __init__(self, pool: Pool, *, schema: str) -> None:
        self._pool = pool
        self._sql = Statements.load("bridgework_loader", "sql/gates.sql", schema=schema)
        self._parked = Statements.load("bridgework_loader", "sql/parked.sql", schema=schema)

    async def start(self, run_id: RunId, tenant: TenantId) -> None:
        """Note that a run exists; no wave is open."""
        with translate_errors():
            await self._pool.execute(self._sql.start, run_id, tenant)

    async def open_wave(self, run_id: RunId, wave: int) -> None:
        """Let the records of one wave pass."""
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

    async def read(self, run_ids: Collection[RunId]) -> dict[RunId, GateRow]:
        """Read the gates of some runs; unknown runs are absent."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.read, list(run_ids))
        return {
            RunId(row["run_id"]): GateRow(RunState(row["state"]), frozenset(row["open_waves"]))
            for row in rows
        }

    async def forget_parked(self, run_id: RunId) -> None:
        """Drop the parked writes of a run that is cancelled or taken back."""
        with translate_errors():
            await self._pool.execute(self._parked.forget_run, run_id)
