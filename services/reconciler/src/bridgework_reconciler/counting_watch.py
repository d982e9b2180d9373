"""Looks at the counts of runs that moved, tells control, and says when a wave has settled."""

import asyncio
from contextlib import suppress

from bridgework_contracts.codec import Message
from bridgework_contracts.progress import RunCounted, WaveSettled
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.runs import RunStatus

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.context import TenantContext

_PAUSE_S = 0.2


class CountingWatch:
    """The counts of one tenant's runs, looked at no more than a few times a second."""

    def __init__(self, context: TenantContext, journal: Journal, outbox: ServiceOutbox) -> None:
        self._context = context
        self._journal = journal
        self._outbox = outbox
        self._moved: set[str] = set()
        self._wake = asyncio.Event()
        self.work = asyncio.Event()
        """Set when a command queued work."""

    def note(self, run_id: str) -> None:
        """Look at this run's counts soon."""
        self._moved.add(run_id)
        self._wake.set()

    def forget(self, run_id: str) -> None:
        """Do not look at this run any more."""
        self._moved.discard(run_id)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop``; after a restart, first at every run that is not over."""
        for run in await self._context.registry.list(
            RunStatus.STARTED, tenant_id=self._context.tenant.tenant_id
        ):
            self.note(run.spec.run_id)
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()
            self._wake.clear()
            moved, self._moved = self._moved, set()
            for run_id in moved:
                await self._look(run_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S):
                    await stop.wait()

    async def _look(self, run_id: str) -> None:
        spec = await self._context.spec(run_id)
        counts = await self._journal.counts(run_id)
        messages: list[tuple[Message, str]] = [
            (
                RunCounted(
                    run_id=spec.run_id,
                    extracted=dict(counts.extracted),
                    outcomes={
                        name: {
                            **outcomes,
                            "unchanged": outcomes.get("unchanged", 0)
                            + counts.unchanged.get(name, 0),
                        }
                        for name, outcomes in {
                            **{name: {} for name in counts.unchanged},
                            **counts.outcomes,
                        }.items()
                    },
                    credits=await self._journal.credits(run_id),
                ),
                "",
            )
        ]
        async with self._outbox.transaction() as connection:
            for wave in counts.settled_waves(spec.waves):
                new = await connection.fetchval(self._journal.sql.settle, run_id, wave)
                if new is not None:
                    messages.append((WaveSettled(run_id=spec.run_id, wave=wave), str(wave)))
            await self._outbox.add_many(
                connection,
                [
                    message
                    for word, identity in messages
                    for message in self._context.progress([word], identity)
                ],
            )
