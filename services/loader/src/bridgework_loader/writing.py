"""Runs the engine for whoever has writes, and tells control when it cannot go on."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bridgework_contracts.errors import RateLimited, StopRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.progress import RunFailed, RunWaiting
from bridgework_eventlog.loop import Hold
from bridgework_zoho.errors import CreditsExhausted

from bridgework_loader.adapters.announcing import Announcer
from bridgework_loader.adapters.gates import GateStore
from bridgework_loader.adapters.ledger import WriteLedger
from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.domain.deciding import SERVICE
from bridgework_loader.domain.gates import RunGate, RunState
from bridgework_loader.engine import LoadEngine

_WORTH_SAYING_S = 10.0
_WAITING = {
    CreditsExhausted.default_code: "The org's API credits of the last 24 hours are used up. "
    "Writing goes on by itself when they return; nothing is lost.",
}
_WAITING_ANYHOW = "Zoho takes no more calls for now. It goes on by itself; nothing is lost."


class Writing:
    """One tenant's way into the engine.

    Args:
        gates: Where a run is paused when only a person can help.
    """

    def __init__(
        self,
        *,
        engine: LoadEngine,
        gates: GateStore,
        ledger: WriteLedger,
        announcer: Announcer,
    ) -> None:
        self._engine = engine
        self._gates = gates
        self._ledger = ledger
        self._announcer = announcer
        self._said: set[tuple[str, str, str]] = set()

    async def write(
        self,
        arrivals: Sequence[Arrival],
        gates: Mapping[RunId, RunGate],
        *,
        released: bool = False,
    ) -> None:
        """Write them; all of them are decided when this returns.

        Raises:
            Hold: the run was paused because it needs a person (``RunFailed`` was said).
            TransientError: Zoho or PostgreSQL do not answer, or credits are used up
                (``RunWaiting`` was said); those that were decided are recorded.
        """
        if not arrivals:
            return
        users = {str(run_id): gate.migration_user_id for run_id, gate in gates.items()}
        runs = sorted({one.write.run_id for one in arrivals})
        try:
            await self._engine.load(arrivals, users, released=released)
        except RateLimited as exc:
            if exc.retry_after_s is not None and exc.retry_after_s > _WORTH_SAYING_S:
                await self._say_waiting(runs, exc.code, exc.retry_after_s)
            raise
        except StopRun as exc:
            await self._stop(runs, exc)
            raise Hold(0, "run_needs_a_person") from exc

    async def _say_waiting(self, runs: Sequence[RunId], code: str, wait_s: float) -> None:
        until = datetime.now(UTC) + timedelta(seconds=min(wait_s, 86_400.0))
        until_text = until.replace(second=0, microsecond=0).isoformat()
        for run_id in runs:
            if (run_id, code, until_text) in self._said:
                continue
            self._said.add((run_id, code, until_text))
            message = RunWaiting(
                run_id=run_id,
                service=SERVICE,
                code=code.lower(),
                sentence=_WAITING.get(code, _WAITING_ANYHOW),
                until=until_text,
            )
            async with self._ledger.transaction() as connection:
                await self._announcer.progress(connection, message)

    async def _stop(self, runs: Sequence[RunId], error: StopRun) -> None:
        sentence = str(error.details.get("sentence") or error)
        remedy = str(error.details.get("remedy") or "Repair the cause and resume the run.")
        for run_id in runs:
            message = RunFailed(
                run_id=run_id,
                service=SERVICE,
                code=error.code.lower(),
                sentence=sentence,
                remedy=remedy,
            )
            async with self._ledger.transaction() as connection:
                paused = await self._gates.set_state(
                    run_id, RunState.PAUSED, error.code, connection=connection
                )
                if paused:
                    await self._announcer.progress(connection, message)
