"""A tenant's consumer loops, one per subject, run together with whatever else serves the tenant."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bridgework_contracts.errors import BridgeworkError
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.attempts import PostgresAttempts
from bridgework_eventlog.letters import DeadLetters
from bridgework_eventlog.loop import ConsumerLoop, Handler
from bridgework_eventlog.policies import IN_ORDER, AckPolicy

from bridgework_service.chassis import Chassis
from bridgework_service.tenants import Tenant

Work = Callable[[asyncio.Event], Awaitable[None]]


class TenantLoops:
    """Builds and runs the loops of one tenant in one service.

    The consumer group of a subject is ``<service>.<tenant>.<subject>``: offsets, lag and scaling
    are per tenant.
    """

    def __init__(
        self, chassis: Chassis, tenant: Tenant, *, service: str, batch_size: int = 500
    ) -> None:
        self._chassis = chassis
        self._tenant = tenant
        self._service = service
        self._policy = IN_ORDER.sized(batch_size)
        self._loops: dict[Subject, ConsumerLoop] = {}

    def release(self, subject: Subject) -> None:
        """Offer held batches of a subject again now; harmless before the loops run."""
        if subject in self._loops:
            self._loops[subject].release()

    async def run(
        self,
        stop: asyncio.Event,
        handlers: Mapping[Subject, Handler],
        *,
        policies: Mapping[Subject, AckPolicy] | None = None,
        also: Sequence[Work] = (),
    ) -> None:
        """Consume until ``stop``; the first failure stops the rest and is raised.

        Args:
            stop: Ends everything, in-flight batches are finished.
            handlers: One per subject.
            policies: Where a subject is not consumed ``IN_ORDER``.
            also: Other work of the tenant that lives as long.
        """
        topics = {subject: topic_name(self._tenant.tenant_id, subject) for subject in handlers}
        producer = self._chassis.sealed_log.producer()
        attempts = PostgresAttempts(self._chassis.pool)
        for subject, handler in handlers.items():
            group = f"{self._service}.{self._tenant.tenant_id}.{subject}"
            self._loops[subject] = ConsumerLoop(
                self._chassis.sealed_log,
                group=group,
                topics=[topics[subject]],
                handler=handler,
                policy=(policies or {}).get(subject, self._policy),
                dead_letters=DeadLetters(producer, group=group, service=self._service),
                attempts=attempts,
                service=self._service,
                subject=subject,
                instance_id=self._chassis.instance_id,
            )
        await run_together(stop, [*(loop.run for loop in self._loops.values()), *also])


async def run_together(stop: asyncio.Event, works: Sequence[Work]) -> None:
    """Run works until ``stop``; when one fails the others are told to stop, then it is raised.

    Cancelling cancels the works. Of several failures an unexpected one is raised before one of
    ours, so that a bug is never hidden behind an unavailable server.
    """
    own_stop = asyncio.Event()
    tasks = [asyncio.ensure_future(work(own_stop)) for work in works]
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        own_stop.set()
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise
    finally:
        stopped.cancel()
    failures = [
        error for task in tasks if not task.cancelled() and (error := task.exception()) is not None
    ]
    failures.sort(key=lambda error: isinstance(error, BridgeworkError))
    if failures:
        raise failures[0]
