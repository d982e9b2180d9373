"""When the destination takes no more calls: control is told why and until when, once.

Whoever changes Zoho wraps its work in :meth:`Standstill.told`, so that records and files stand
still for the same reasons and say so in the same words.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from bridgework_contracts.codec import encode, headers_for
from bridgework_contracts.errors import RateLimited, StopRun
from bridgework_contracts.ids import RunId, TenantId, message_id
from bridgework_contracts.progress import RunFailed, RunWaiting
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.loop import Hold
from bridgework_store.pool import Connection

from bridgework_service.gates import Gates, RunState
from bridgework_service.outbox import ServiceOutbox

_WORTH_SAYING_S = 10.0
_LONGEST_S = 86_400.0
_WAITING = "Zoho takes no more calls for now. It goes on by itself; nothing is lost."


class Standstill:
    """Tells control about one tenant's runs that wait or need a person.

    Args:
        service: Who says it.
        tenant_id: Whose progress topic.
        gates: Where a run is paused when only a person can help.
        outbox: The word leaves with the pause, or not at all.
        sentences: Error code → why it waits, in words a practice understands.
    """

    def __init__(
        self,
        *,
        service: str,
        tenant_id: TenantId,
        gates: Gates,
        outbox: ServiceOutbox,
        sentences: Mapping[str, str],
    ) -> None:
        self._service = service
        self._topic = topic_name(tenant_id, Subject.PROGRESS)
        self._gates = gates
        self._outbox = outbox
        self._sentences = sentences
        self._said: set[tuple[RunId, str, str]] = set()

    @asynccontextmanager
    async def told(self, runs: Collection[RunId]) -> AsyncIterator[None]:
        """Do the block's work for some runs; say so when it cannot go on.

        Raises:
            Hold: the runs were paused because they need a person (``RunFailed`` was said).
            RateLimited: as the block raised it; a long one was said (``RunWaiting``).
        """
        try:
            yield
        except RateLimited as exc:
            if exc.retry_after_s is not None and exc.retry_after_s > _WORTH_SAYING_S:
                await self._say_waiting(runs, exc.code, exc.retry_after_s)
            raise
        except StopRun as exc:
            await self._stop(runs, exc)
            raise Hold(0, "run_needs_a_person") from exc

    async def _say_waiting(self, runs: Collection[RunId], code: str, wait_s: float) -> None:
        until = datetime.now(UTC) + timedelta(seconds=min(wait_s, _LONGEST_S))
        until_text = until.replace(second=0, microsecond=0).isoformat()
        for run_id in sorted(runs):
            if (run_id, code, until_text) in self._said:
                continue
            self._said.add((run_id, code, until_text))
            message = RunWaiting(
                run_id=run_id,
                service=self._service,
                code=code.lower(),
                sentence=self._sentences.get(code, _WAITING),
                until=until_text,
            )
            async with self._outbox.transaction() as connection:
                await self._say(connection, message, until_text)

    async def _stop(self, runs: Collection[RunId], error: StopRun) -> None:
        for run_id in sorted(runs):
            message = RunFailed(
                run_id=run_id,
                service=self._service,
                code=error.code.lower(),
                sentence=str(error.details.get("sentence") or error),
                remedy=str(error.details.get("remedy") or "Repair the cause and resume the run."),
            )
            async with self._outbox.transaction() as connection:
                paused = await self._gates.set_state(
                    run_id, RunState.PAUSED, error.code, connection=connection
                )
                if paused:
                    await self._say(connection, message, "")

    async def _say(
        self, connection: Connection, message: RunWaiting | RunFailed, until: str
    ) -> None:
        identity = message_id(message.run_id, message.type, message.service, message.code, until)
        await self._outbox.add(
            connection,
            self._topic,
            message.run_id.encode(),
            encode(message),
            headers_for(message, identity, run_id=message.run_id),
        )
