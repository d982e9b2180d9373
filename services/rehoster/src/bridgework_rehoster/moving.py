"""Moves several files at once, records what became of each, tells control when it cannot go on."""

import asyncio
from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

from bridgework_contracts.errors import BridgeworkError, RateLimited, StopRun, TerminalError
from bridgework_contracts.outcomes import Outcome
from bridgework_service.standstill import Standstill
from bridgework_zoho.errors import CreditsExhausted
from bridgework_zoho.metering import new_meter

from bridgework_rehoster.adapters.ledger import FileLedger
from bridgework_rehoster.domain import reasons
from bridgework_rehoster.domain.deciding import outcome_of
from bridgework_rehoster.domain.moves import Move, Place, RecordKey
from bridgework_rehoster.metrics import RehosterMetrics
from bridgework_rehoster.pacing import OnStep, Pacing, Step
from bridgework_rehoster.rehosting import Rehoster

WAITING = {
    CreditsExhausted.default_code: "The org's API credits of the last 24 hours are used up. "
    "Files go on by themselves when they return; nothing is lost.",
}
"""Why files wait, by error code."""


class Moving:
    """One tenant's way into Zoho for files; at most ``pacing.files_in_flight`` at a time."""

    def __init__(
        self,
        *,
        rehoster: Rehoster,
        ledger: FileLedger,
        standstill: Standstill,
        pacing: Pacing,
        metrics: RehosterMetrics,
        on_step: OnStep,
    ) -> None:
        self._rehoster = rehoster
        self._ledger = ledger
        self._standstill = standstill
        self._metrics = metrics
        self._on_step = on_step
        self._places = asyncio.Semaphore(pacing.files_in_flight)
        self._alike: WeakValueDictionary[tuple[str, str, int], asyncio.Lock] = WeakValueDictionary()

    async def move(self, moves: Sequence[Move], parents: Mapping[RecordKey, Place]) -> None:
        """Move files; all of them are decided when this returns.

        Args:
            moves: Whose waves are open, none decided before.
            parents: Where their parents are; a file whose parent is absent is parked.

        Raises:
            Hold: the run was paused because it needs a person (``RunFailed`` was said).
            TransientError: Zoho or PostgreSQL do not answer, or credits are used up
                (``RunWaiting`` was said); those that were decided are recorded.
        """
        if not moves:
            return
        async with self._standstill.told({move.file.run_id for move in moves}):
            await self._all(moves, parents)

    async def _all(self, moves: Sequence[Move], parents: Mapping[RecordKey, Place]) -> None:
        # None is cancelled because another failed: an upload cut off in flight is one whose end
        # nobody knows.
        results = await asyncio.gather(
            *(self._one(move, parents.get(move.parent_key)) for move in moves),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            raise min(errors, key=_weight)

    async def _one(self, move: Move, parent: Place | None) -> None:
        # Two files of one name and size on one record look the same in Zoho's list: one after the
        # other, so that after a lost answer each finds its own. Both come from one partition.
        alike = self._lock_for(move, parent)
        async with alike, self._places:
            self._metrics.begun()
            try:
                meter = new_meter()
                file = move.file
                if file.op == "delete":
                    outcome = await self._rehoster.delete(move)
                elif (ended := self._rehoster.ends_unsent(file)) is not None:
                    outcome = ended
                elif parent is None:
                    reason = reasons.parent_missing(file.parent)
                    outcome = outcome_of(file, Outcome.PARKED, reason=reason)
                else:
                    outcome = await self._rehoster.upload(move, parent)
                outcome = outcome.model_copy(update={"credits": meter.share(1)})
                await self._ledger.record(move, outcome)
                self._on_step(Step.DECISION_RECORDED)
            finally:
                self._metrics.ended()

    def _lock_for(self, move: Move, parent: Place | None) -> asyncio.Lock:
        where = parent.zoho_id if parent is not None else move.message_id
        key = (where, move.file.name, move.file.size_bytes)
        lock = self._alike.get(key)
        if lock is None:
            lock = self._alike[key] = asyncio.Lock()
        return lock


def _weight(error: BaseException) -> int:
    """Rank errors: a defect must not hide behind one that is merely waited out."""
    if not isinstance(error, BridgeworkError):
        return 0
    if isinstance(error, StopRun):
        return 1
    if isinstance(error, TerminalError):
        return 2
    return 3 if isinstance(error, RateLimited) else 4
