"""Open waves and run states, durable and shared by every rehoster of the tenant."""

from collections.abc import Collection
from contextlib import suppress

from bridgework_contracts.ids import RunId, TenantId
from bridgework_service.runs import RunRegistry, RunUnknown
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_rehoster.domain.gates import RunGate, RunState


class Gates:
    """The table ``gates`` together with the runs' specifications; every change is idempotent."""

    def __init__(self, pool: Pool, registry: RunRegistry, *, schema: str) -> None:
        self._pool = pool
        self._registry = registry
        self._sql = Statements.load("bridgework_rehoster", "sql/gates.sql", schema=schema)
        self._parked = Statements.load("bridgework_rehoster", "sql/parked.sql", schema=schema)

    async def start(self, run_id: RunId, tenant: TenantId) -> None:
        """Note that a run exists; no wave is open."""
        with translate_errors():
            await self._pool.execute(self._sql.start, run_id, tenant)

    async def open_wave(self, run_id: RunId, wave: int) -> None:
        """Let the files of one wave pass."""
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

    async def forget_parked(self, run_id: RunId) -> None:
        """Drop the parked files of a run that is cancelled or taken back."""
        with translate_errors():
            await self._pool.execute(self._parked.forget_run, run_id)

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
