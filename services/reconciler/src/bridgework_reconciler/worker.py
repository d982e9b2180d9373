"""Does a tenant's queued work, oldest first; a crash does the same piece again from its start."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from bridgework_contracts.codec import Message
from bridgework_contracts.errors import TerminalError
from bridgework_contracts.progress import FingerprintTaken, RunFailed, RunReported
from bridgework_contracts.runs import RunSpec
from bridgework_eventlog.port import Producer
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.runs import RunStatus

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.adapters.zoho_reader import ZohoReader
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.counting_watch import CountingWatch
from bridgework_reconciler.work.diffing import Comparison
from bridgework_reconciler.work.fingerprints import take_fingerprint
from bridgework_reconciler.work.reporting import run_report
from bridgework_reconciler.work.undoing import publish_undo

log = structlog.get_logger(__name__)


class Worker:
    """One tenant's long work."""

    def __init__(
        self,
        context: TenantContext,
        *,
        journal: Journal,
        truth: Truth,
        reader: ZohoReader,
        producer: Producer,
        outbox: ServiceOutbox,
        watch: CountingWatch,
    ) -> None:
        self._context = context
        self._journal = journal
        self._truth = truth
        self._reader = reader
        self._producer = producer
        self._outbox = outbox
        self._watch = watch

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``.

        Raises:
            TransientError: Zoho or PostgreSQL do not answer; the tenant's work is started again
                and finds the same piece undone.
        """
        while not stop.is_set():
            self._watch.work.clear()
            row = await self._truth.pool.fetchrow(
                self._truth.sql.next_work, self._context.tenant.tenant_id
            )
            if row is None:
                await _either(self._watch.work, stop, 1.0)
                continue
            work = asyncio.create_task(self._do(dict(row)))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not work.done():
                # Told to stop in the middle: the piece stays queued and is done again.
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                return
            await work

    async def _do(self, row: Mapping[str, Any]) -> None:
        run_id, kind, label = row["run_id"], row["kind"], row["label"]
        spec = await self._context.spec(run_id)
        log.info("work_started", run_id=run_id, kind=kind)
        words: list[Message] = []
        try:
            match kind:
                case "fingerprint":
                    words.append(await self._fingerprint(spec, label))
                case "undo":
                    await publish_undo(self._context, spec, self._journal, self._producer)
                    self._watch.note(run_id)
                case "diff":
                    words.append(
                        await Comparison(
                            self._context,
                            spec,
                            journal=self._journal,
                            truth=self._truth,
                            reader=self._reader,
                        ).run()
                    )
                case _:
                    report = await run_report(self._context, spec, self._journal, self._truth)
                    words.append(RunReported(run_id=spec.run_id, report=report))
        except TerminalError as exc:
            log.error("work_failed", run_id=run_id, kind=kind, code=exc.code)  # noqa: TRY400  # ours, no trace
            words = [
                RunFailed(
                    run_id=spec.run_id,
                    service="reconciler",
                    code=exc.code,
                    sentence=str(exc),
                    remedy="Repair the cause and resume the run.",
                )
            ]
        async with self._outbox.transaction() as connection:
            await self._outbox.add_many(
                connection, self._context.progress(words, kind, label, str(row["attempt"]))
            )
            await connection.execute(self._truth.sql.work_done, row["work_id"])
            if kind == "report":
                await self._context.registry.set_status(spec.run_id, RunStatus.FINISHED, connection)
        log.info("work_done", run_id=run_id, kind=kind)

    async def _fingerprint(self, spec: RunSpec, label: str) -> FingerprintTaken:
        modules = await take_fingerprint(self._context, spec, self._reader)
        await self._truth.pool.execute(self._truth.sql.put_fingerprint, spec.run_id, label, modules)
        return FingerprintTaken(run_id=spec.run_id, label=label, modules=modules)


async def _either(first: asyncio.Event, second: asyncio.Event, seconds: float) -> None:
    waiters = [asyncio.ensure_future(first.wait()), asyncio.ensure_future(second.wait())]
    try:
        await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
