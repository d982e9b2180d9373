"""What the reconciler does with each message of a tenant, a batch of one partition at a time.

Everything here is idempotent by (run, object, key): the same messages again change nothing.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import groupby

import structlog
from bridgework_contracts.codec import Message, encode
from bridgework_contracts.commands import (
    CancelRun,
    DiffRun,
    FinishRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.outcomes import FileOutcome, RecordOutcome
from bridgework_contracts.records import FileExtracted, ObjectExtracted, RecordExtracted
from bridgework_contracts.runs import RunKind, RunSpec
from bridgework_eventlog.loop import Batch, Hold
from bridgework_service.runs import RunUnknown
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Connection, Pool

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.counting_watch import CountingWatch

log = structlog.get_logger(__name__)


class RecordsHandler:
    """``records`` and ``files``: what the source says, and how many records there are."""

    def __init__(
        self, context: TenantContext, journal: Journal, truth: Truth, watch: CountingWatch
    ) -> None:
        self._context = context
        self._journal = journal
        self._truth = truth
        self._watch = watch

    async def handle(self, batch: Batch) -> None:
        """Keep canonical records and extracted counts."""
        for run_id, start, messages in by_run(batch):
            spec = await _known(self._context, run_id, start)
            records: list[tuple[RecordExtracted | FileExtracted, bytes]] = []
            counts: dict[str, tuple[int, int]] = {}
            for message in messages:
                if isinstance(message, RecordExtracted) or (
                    isinstance(message, FileExtracted) and message.op == "upload"
                ):
                    records.append((message, encode(message)))
                elif isinstance(message, ObjectExtracted):
                    counts[message.object] = (message.extracted, message.unchanged)
            async with transaction(self._truth.pool) as connection:
                if records:
                    await self._truth.expect(
                        connection, spec.job_id, run_id, records, self._context.tenant.sealer
                    )
                if counts:
                    await self._journal.put_extracted(connection, run_id, counts)
            if counts:
                self._watch.note(run_id)


class OutcomesHandler:
    """``outcomes``: the journal, its counts, and where records live now."""

    def __init__(
        self, context: TenantContext, journal: Journal, truth: Truth, watch: CountingWatch
    ) -> None:
        self._context = context
        self._journal = journal
        self._truth = truth
        self._watch = watch

    async def handle(self, batch: Batch) -> None:
        """Journal outcomes, follow links, count."""
        for run_id, start, messages in by_run(batch):
            spec = await _known(self._context, run_id, start)
            outcomes = [m for m in messages if isinstance(m, RecordOutcome | FileOutcome)]
            if not outcomes:
                continue
            async with transaction(self._journal.pool) as connection:
                # The journal last: its counts are rows that every partition waits for.
                await self._truth.follow(connection, spec.job_id, run_id, outcomes)
                await self._journal.add(connection, run_id, outcomes, self._context.tenant.sealer)
            self._watch.note(run_id)


class CommandsHandler:
    """``commands``: runs are remembered, long work is queued."""

    def __init__(self, context: TenantContext, truth: Truth, watch: CountingWatch) -> None:
        self._context = context
        self._truth = truth
        self._watch = watch

    async def handle(self, batch: Batch) -> None:
        """Apply commands in order."""
        for delivery in batch:
            message = delivery.message
            async with transaction(self._truth.pool) as connection:
                match message:
                    case StartRun():
                        await self._context.registry.put(message.spec, connection)
                        if message.spec.kind is RunKind.UNDO:
                            await self._ask(connection, message.spec.run_id, "undo")
                    case TakeFingerprint():
                        await self._ask(
                            connection,
                            message.run_id,
                            "fingerprint",
                            message.attempt,
                            message.label,
                        )
                    case DiffRun():
                        await self._ask(connection, message.run_id, "diff", message.attempt)
                    case FinishRun():
                        await self._ask(connection, message.run_id, "report", message.attempt)
                    case CancelRun():
                        self._watch.forget(message.run_id)
                    case _:
                        continue
            self._watch.work.set()

    async def _ask(
        self, connection: Connection, run_id: str, kind: str, attempt: int = 1, label: str = ""
    ) -> None:
        await connection.execute(
            self._truth.sql.ask, self._context.tenant.tenant_id, run_id, kind, label, attempt
        )


def by_run(batch: Batch) -> Iterable[tuple[str, int, list[Message]]]:
    """Return the batch as stretches of one run each: (run id, index of its first, messages)."""
    numbered = list(enumerate(batch))
    for run_id, stretch in groupby(
        numbered, key=lambda pair: str(getattr(pair[1].message, "run_id", ""))
    ):
        deliveries = list(stretch)
        yield run_id, deliveries[0][0], [delivery.message for _, delivery in deliveries]


async def _known(context: TenantContext, run_id: str, start: int) -> RunSpec:
    try:
        return await context.spec(run_id)
    except RunUnknown as exc:
        # StartRun travels on another topic and may be behind; nothing is wrong yet.
        raise Hold(start, "run_unknown") from exc


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Open a transaction; a deadlock or a cut connection is transient, the batch comes again."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            yield connection
