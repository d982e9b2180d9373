"""Runs the engine for whoever has writes, and tells control when it cannot go on."""

from collections.abc import Mapping, Sequence

from bridgework_contracts.ids import RunId
from bridgework_service.gates import RunGate
from bridgework_service.standstill import Standstill
from bridgework_zoho.errors import CreditsExhausted

from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.engine import LoadEngine

WAITING = {
    CreditsExhausted.default_code: "The org's API credits of the last 24 hours are used up. "
    "Writing goes on by itself when they return; nothing is lost.",
}
"""Why writing waits, by error code."""


class Writing:
    """One tenant's way into the engine."""

    def __init__(self, *, engine: LoadEngine, standstill: Standstill) -> None:
        self._engine = engine
        self._standstill = standstill

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
        async with self._standstill.told({one.write.run_id for one in arrivals}):
            await self._engine.load(arrivals, users, released=released)
