"""``commands`` open and close gates; ``writes`` pass them into the engine; parked writes return."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from bridgework_contracts.commands import CancelRun, OpenWave, PauseRun, ResumeRun, StartRun
from bridgework_contracts.errors import RateLimited, StopRun, TransientError
from bridgework_contracts.ids import MessageId, RunId
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.progress import RunFailed, RunWaiting
from bridgework_contracts.runs import RunKind
from bridgework_contracts.writes import WriteRecord
from bridgework_eventlog.loop import Batch, Hold
from bridgework_loader.adapters.announcing import Announcer
from bridgework_loader.adapters.gates import GateStore
from bridgework_loader.adapters.ledger import WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.domain.deciding import SERVICE, Decision, outcome_of
from bridgework_loader.domain.gates import Passage, RunGate, RunState, passage
from bridgework_loader.engine import LoadEngine
from bridgework_loader.pacing import Pacing
from bridgework_service.runs import RunRegistry, RunUnknown
from bridgework_service.tenants import Tenant

log = structlog.get_logger(__name__)

_RELEASE_BATCH = 200


class Gates:
    """What is open, from the store and the run's specification."""

    def __init__(self, store: GateStore, registry: RunRegistry) -> None:
        self.store = store
        self._registry = registry

    async def of(self, run_ids: set[RunId]) -> dict[RunId, RunGate]:
        """Return the gates of runs that are known."""
        found: dict[RunId, RunGate] = {}
        for run_id, row in (await self.store.read(run_ids)).items():
            with suppress(RunUnknown):
                spec = await self._registry.get(run_id)
                found[run_id] = RunGate.of(spec, row.state, row.open_waves)
        return found


class CommandsHandler:
    """One tenant's commands."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        gates: Gates,
        registry: RunRegistry,
        release: Callable[[], None],
    ) -> None:
        self._tenant = tenant
        self._gates = gates
        self._registry = registry
        self._release = release

    async def handle(self, batch: Batch) -> None:
        """Apply commands in order; each is idempotent and durable before the offset."""
        store = self._gates.store
        for delivery in batch:
            match delivery.message:
                case StartRun(spec=spec):
                    await self._registry.put(spec)
                    await store.start(spec.run_id, self._tenant.tenant_id)
                    if spec.kind is RunKind.UNDO and spec.undo_of is not None:
                        # What still waits in the undone run must not be written after its undo.
                        await store.forget_parked(spec.undo_of)
                case OpenWave(run_id=run_id, wave=wave):
                    await store.open_wave(run_id, wave)
                case PauseRun(run_id=run_id, reason=reason):
                    await store.set_state(run_id, RunState.PAUSED, reason)
                case ResumeRun(run_id=run_id):
                    await store.set_state(run_id, RunState.RUNNING)
                case CancelRun(run_id=run_id):
                    await store.set_state(run_id, RunState.CANCELLED)
                    await store.forget_parked(run_id)
                case _:
                    continue
        self._release()


class WritesHandler:
    """One tenant's writes."""

    def __init__(
        self,
        *,
        gates: Gates,
        engine: LoadEngine,
        ledger: WriteLedger,
        announcer: Announcer,
        pacing: Pacing,
    ) -> None:
        self._gates = gates
        self._engine = engine
        self._ledger = ledger
        self._announcer = announcer
        self._pacing = pacing

    async def handle(self, batch: Batch) -> None:
        """Write what may be written; hold the partition at the first record that may not.

        Raises:
            Hold: a run is unknown or paused, a wave is not open, or the run must wait for a person.
            TransientError: Zoho or PostgreSQL do not answer, or credits are used up.
        """
        writes = [delivery.message for delivery in batch]
        gates = await self._gates.of(
            {write.run_id for write in writes if isinstance(write, WriteRecord)}
        )
        going: list[Arrival] = []
        ended: list[Decision] = []
        held: Hold | None = None
        for index, delivery in enumerate(batch):
            write = delivery.message
            if not isinstance(write, WriteRecord):
                continue
            arrival = Arrival(
                MessageId(delivery.record.headers.get("message_id", "")),
                delivery.record.key,
                write,
            )
            match passage(gates.get(write.run_id), write.object):
                case Passage.GO:
                    going.append(arrival)
                case Passage.CANCELLED:
                    ended.append(_ended(arrival, Outcome.SKIPPED))
                case Passage.NO_WAVE:
                    ended.append(_ended(arrival, Outcome.FAILED))
                case Passage.HOLD:
                    held = Hold(index, "wave_not_open")
                    break
        if ended:
            await self._ledger.record(ended)
        if going:
            await self._load(going, gates)
        if held is not None:
            raise held

    async def _load(self, arrivals: list[Arrival], gates: dict[RunId, RunGate]) -> None:
        users = {str(run_id): gate.migration_user_id for run_id, gate in gates.items()}
        run_id = arrivals[0].write.run_id
        try:
            await self._engine.load(arrivals, users)
        except RateLimited as exc:
            if exc.retry_after_s is not None and exc.retry_after_s > self._pacing.settle_s:
                until = datetime.now(UTC) + timedelta(seconds=exc.retry_after_s)
                await self._say(
                    RunWaiting(
                        run_id=run_id,
                        service=SERVICE,
                        code=exc.code,
                        sentence="The org's API credits are used up for now; nothing is lost.",
                        until=until.replace(microsecond=0).isoformat(),
                    )
                )
            raise
        except StopRun as exc:
            await self._gates.store.set_state(run_id, RunState.PAUSED, exc.code)
            await self._say(
                RunFailed(
                    run_id=run_id,
                    service=SERVICE,
                    code=exc.code,
                    sentence=str(exc),
                    remedy=str(exc.details.get("remedy", "Repair the cause and resume the run.")),
                )
            )
            raise Hold(0, exc.code) from exc

    async def _say(self, message: RunWaiting | RunFailed) -> None:
        async with self._ledger.transaction() as connection:
            await self._announcer.progress(connection, message)


class Releaser:
    """Writes parked records whose parent has landed."""

    def __init__(
        self, *, ledger: WriteLedger, gates: Gates, engine: LoadEngine, pacing: Pacing
    ) -> None:
        self._ledger = ledger
        self._gates = gates
        self._engine = engine
        self._pacing = pacing

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until ``stop``."""
        while not stop.is_set():
            released = await self._release_some()
            if released < _RELEASE_BATCH:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pacing.release_interval_s):
                        await stop.wait()

    async def _release_some(self) -> int:
        arrivals = await self._ledger.claim_released(_RELEASE_BATCH, self._pacing.release_claim_s)
        if not arrivals:
            return 0
        gates = await self._gates.of({one.write.run_id for one in arrivals})
        users = {str(run_id): gate.migration_user_id for run_id, gate in gates.items()}
        try:
            await self._engine.load(arrivals, users, released=True)
        except (TransientError, StopRun) as exc:
            log.warning("release_postponed", code=exc.code, count=len(arrivals))
            await self._ledger.unclaim([one.message_id for one in arrivals])
            return 0
        log.info("parked_released", count=len(arrivals))
        return len(arrivals)


def _ended(arrival: Arrival, outcome: Outcome) -> Decision:
    reason = reasons.RUN_CANCELLED if outcome is Outcome.SKIPPED else reasons.OBJECT_WITHOUT_WAVE
    return Decision(arrival, outcome_of(arrival, outcome, reason=reason))
