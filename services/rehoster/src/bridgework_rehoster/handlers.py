"""``commands`` open and close gates, ``outcomes`` tell where parents are, ``files`` are moved."""

import asyncio
from collections.abc import Awaitable, Callable

from bridgework_contracts.commands import CancelRun, OpenWave, PauseRun, ResumeRun, StartRun
from bridgework_contracts.errors import StopRun
from bridgework_contracts.ids import MessageId, RunId
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.progress import RunFailed
from bridgework_contracts.records import FileExtracted
from bridgework_contracts.runs import RunSpec
from bridgework_eventlog.loop import Batch, Delivery, Hold
from bridgework_rehoster.adapters.ledger import FileLedger, Place
from bridgework_rehoster.domain import (
    CANCELLED,
    SERVICE,
    outcome_of,
    parent_missing,
    refused_before_sending,
)
from bridgework_rehoster.rehosting import Rehoster
from bridgework_service.runs import RunRegistry, RunUnknown
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements


class CommandsHandler:
    """One tenant's commands."""

    def __init__(
        self,
        pool: Pool,
        sql: Statements,
        registry: RunRegistry,
        release: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._registry = registry
        self._release = release

    async def handle(self, batch: Batch) -> None:
        """Apply commands in order; each is idempotent and durable before the offset."""
        for delivery in batch:
            match delivery.message:
                case StartRun(spec=spec):
                    await self._registry.put(spec)
                    await self._pool.execute(self._sql.start, spec.run_id)
                case OpenWave(run_id=run_id, wave=wave):
                    await self._pool.execute(self._sql.open_wave, run_id, wave)
                case PauseRun(run_id=run_id):
                    await self._pool.execute(self._sql.set_state, run_id, "paused")
                case ResumeRun(run_id=run_id):
                    await self._pool.execute(self._sql.set_state, run_id, "running")
                case CancelRun(run_id=run_id):
                    await self._pool.execute(self._sql.set_state, run_id, "cancelled")
                case _:
                    continue
        self._release()


class OutcomesHandler:
    """Learns where the records are that files may hang on."""

    def __init__(self, ledger: FileLedger, registry: RunRegistry) -> None:
        self._ledger = ledger
        self._registry = registry
        self._parents: dict[str, frozenset[str]] = {}

    async def handle(self, batch: Batch) -> None:
        """Follow the outcomes of parents; everything else passes."""
        kept: list[RecordOutcome] = []
        for index, delivery in enumerate(batch):
            message = delivery.message
            if isinstance(message, RecordOutcome) and (
                message.zoho_id is not None or message.effect is Effect.DELETED
            ):
                if message.object in await self._objects(message.run_id, index):
                    kept.append(message)
        if kept:
            await self._ledger.follow(kept)

    async def _objects(self, run_id: RunId, index: int) -> frozenset[str]:
        known = self._parents.get(run_id)
        if known is None:
            try:
                known = file_parents(await self._registry.get(run_id))
            except RunUnknown as exc:
                raise Hold(index, "run_unknown") from exc
            self._parents[run_id] = known
        return known


class FilesHandler:
    """One tenant's files."""

    def __init__(
        self,
        *,
        pool: Pool,
        sql: Statements,
        registry: RunRegistry,
        ledger: FileLedger,
        rehoster: Rehoster,
        outcomes_lag: Callable[[], Awaitable[int]],
        in_flight: int,
    ) -> None:
        self._pool = pool
        self._sql = sql
        self._registry = registry
        self._ledger = ledger
        self._rehoster = rehoster
        self._outcomes_lag = outcomes_lag
        self._slots = asyncio.Semaphore(in_flight)

    async def handle(self, batch: Batch) -> None:
        """Move what may be moved; hold at the first file whose wave is not open.

        Raises:
            Hold: a wave is not open, a run paused, or a parent may still become known.
            TransientError: Zoho or PostgreSQL do not answer.
        """
        going: list[tuple[Delivery, FileExtracted]] = []
        held: Hold | None = None
        for index, delivery in enumerate(batch):
            file = delivery.message
            if not isinstance(file, FileExtracted):
                continue
            state = await self._passage(file)
            if state == "hold":
                held = Hold(index, "wave_not_open")
                break
            if state == "cancelled":
                ended = outcome_of(file, Outcome.SKIPPED, reason=CANCELLED)
                await self._ledger.record(_identity(delivery), delivery.record.key, ended)
                continue
            going.append((delivery, file))
        if going:
            await self._move_all(going)
        if held is not None:
            raise held

    async def _passage(self, file: FileExtracted) -> str:
        try:
            spec = await self._registry.get(file.run_id)
        except RunUnknown:
            return "hold"
        rows = await self._pool.fetch(self._sql.gates, [file.run_id])
        if not rows:
            return "hold"
        if rows[0]["state"] == "cancelled":
            return "cancelled"
        wave = next((w.index for w in spec.waves if file.object in w.objects), None)
        opened = rows[0]["state"] == "running" and wave in rows[0]["open_waves"]
        return "go" if opened else "hold"

    async def _move_all(self, going: list[tuple[Delivery, FileExtracted]]) -> None:
        uploads = [file for _, file in going if file.op == "upload"]
        keys = {(file.parent.object, file.parent.key) for file in uploads}
        parents = await self._ledger.parents(keys) if keys else {}
        if len(parents) < len(keys) and await self._outcomes_lag() > 0:
            # Their outcome may be on the log and not yet with us: missing is not yet missing.
            raise Hold(0, "parents_may_follow")
        results = await asyncio.gather(
            *(self._move(delivery, file, parents) for delivery, file in going),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors:
            if isinstance(error, StopRun):
                await self._stop(going[0][1].run_id, error)
                raise Hold(0, error.code) from error
        if errors:
            raise errors[0]

    async def _move(
        self,
        delivery: Delivery,
        file: FileExtracted,
        parents: dict[tuple[str, str], Place],
    ) -> None:
        identity, log_key = _identity(delivery), delivery.record.key
        async with self._slots:
            if await self._ledger.repeat(identity, log_key):
                return
            outcome = await self._decide(identity, file, parents)
            await self._ledger.record(identity, log_key, outcome)

    async def _decide(
        self,
        identity: MessageId,
        file: FileExtracted,
        parents: dict[tuple[str, str], Place],
    ) -> FileOutcome:
        if file.op == "delete":
            return await self._rehoster.delete(file)
        refused = refused_before_sending(file, self._rehoster.limit_bytes)
        if refused is not None:
            return refused
        parent = parents.get((file.parent.object, file.parent.key))
        if parent is None:
            return outcome_of(file, Outcome.PARKED, reason=parent_missing(file))
        return await self._rehoster.upload(identity, file, parent)

    async def _stop(self, run_id: RunId, error: StopRun) -> None:
        await self._pool.execute(self._sql.set_state, run_id, "paused")
        await self._ledger.say(
            RunFailed(
                run_id=run_id,
                service=SERVICE,
                code=error.code,
                sentence=str(error),
                remedy="Repair the cause and resume the run.",
            )
        )


def file_parents(spec: RunSpec) -> frozenset[str]:
    """Return the objects that files hang on, from the run's mapping."""
    return frozenset(
        str(parent)
        for entry in spec.mapping.get("objects", ())
        if entry.get("kind") == "file"
        for parent in entry.get("parents", ())
    )


def _identity(delivery: Delivery) -> MessageId:
    return MessageId(delivery.record.headers.get("message_id", ""))
