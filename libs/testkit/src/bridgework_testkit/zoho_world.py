"""A practice in small for tests of the services that write to Zoho.

PostgreSQL, the embedded log and a local Zoho are real. The service under test runs in this process,
or in one of its own where it is to die.
"""

import asyncio
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence, Sized
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from bridgework_contracts.codec import Message, decode, encode, headers_for
from bridgework_contracts.commands import OpenWave, StartRun
from bridgework_contracts.ids import JobId, RunId, TenantId, message_id
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec, Wave
from bridgework_contracts.topics import Subject, tenant_topics, topic_name
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord
from bridgework_eventlog.sealed import SealedLog
from bridgework_service.lifecycle import ServiceApp, supervise
from bridgework_service.tenants import TenantDirectory, migrate_tenancy
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import MasterKey, TenantSealer
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.local import LocalOrg
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.settings import ZohoSettings
from pydantic import BaseModel, SecretStr

from bridgework_testkit.eventually import eventually
from bridgework_testkit.fixtures import embedded_log_settings
from bridgework_testkit.messages import read_whole
from bridgework_testkit.settings import MASTER_KEY, common_settings, environment

PARTITIONS = 2
Outcomes = TypeVar("Outcomes", bound=Sized)


def client_of(org: LocalOrg, settings: ZohoSettings) -> ZohoClient:
    """Return a client of the test's own, outside the budget of the service."""
    return ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(60_000),
        slots=InMemorySlotLimiter(20),
        settings=settings,
    )


def connection_json(org: LocalOrg) -> dict[str, Any]:
    """Return an org's connection as control stores it."""
    dumped: dict[str, Any] = json.loads(org.connection.model_dump_json())
    dumped["client_secret"] = org.connection.client_secret.get_secret_value()
    dumped["refresh_token"] = org.connection.refresh_token.get_secret_value()
    return dumped


@dataclass(kw_only=True)
class ZohoWorld(ABC, Generic[Outcomes]):
    """Everything around one tenant; starts and stops the service under test.

    Attributes:
        service: The service's name.
        reads: What it consumes.
        waves: Of a run, where a test names no others.
        mapping: Of every run.
        crashing: Script that runs the service with
            :func:`~bridgework_testkit.crashing.dying` as its ``on_step``.
        zoho: A client of the test's own.
        pacing: The service's, quick.
        zoho_settings: The service's, quick.
    """

    service: ClassVar[str]
    reads: ClassVar[tuple[Subject, ...]]
    waves: ClassVar[tuple[Wave, ...]]
    mapping: ClassVar[dict[str, Any]] = {}
    crashing: ClassVar[Path]

    tenant: TenantId
    dsn: str
    org: LocalOrg
    pool: Pool
    log: SealedLog
    sealer: TenantSealer
    zoho: ZohoClient
    pacing: BaseModel
    zoho_settings: ZohoSettings
    _running: list[tuple[asyncio.Event, asyncio.Task[None], AsyncExitStack]] = field(
        default_factory=list
    )

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        dsn: str,
        tenant: TenantId,
        org: LocalOrg,
        *,
        zoho_settings: ZohoSettings,
        **more: Any,
    ) -> AsyncIterator[Self]:
        """Register a tenant with its topics and its org; no service runs yet."""
        async with (
            open_pool(StoreSettings(dsn=SecretStr(dsn))) as pool,
            open_event_log(embedded_log_settings(dsn)) as log,
            client_of(org, zoho_settings) as zoho,
        ):
            await migrate_tenancy(pool)
            directory = TenantDirectory(pool, MasterKey(SecretStr(MASTER_KEY)))
            await directory.create(
                tenant,
                "Practice",
                time_zone="America/New_York",
                partitions=PARTITIONS,
                zoho=connection_json(org),
            )
            await log.create_topics(tenant_topics(tenant, PARTITIONS))
            made = cls(
                tenant=tenant,
                dsn=dsn,
                org=org,
                pool=pool,
                log=SealedLog(log, directory.sealer_for),
                sealer=directory.sealer_for(topic_name(tenant, Subject.FILES)),
                zoho=zoho,
                zoho_settings=zoho_settings,
                **more,
            )
            yield made
            await made.close()

    # ---- the service ------------------------------------------------------------------------

    async def serve(self, opening: AbstractAsyncContextManager[ServiceApp]) -> None:
        """Run the service in this process."""
        stack = AsyncExitStack()
        app = await stack.enter_async_context(opening)
        stop = asyncio.Event()
        task = asyncio.create_task(supervise(app, stop=stop, drain_timeout_s=10))
        self._running.append((stop, task, stack))

    async def stop(self) -> None:
        """Stop the one started last, in order."""
        stop, task, stack = self._running.pop()
        stop.set()
        try:
            await task
        finally:
            await stack.aclose()

    async def close(self) -> None:
        """Stop whatever still runs."""
        while self._running:
            with suppress(ExceptionGroup):
                await self.stop()

    async def run_crashing(self, at_step: str, occurrence: int) -> int:
        """Run the service as a process that dies at a step; return its exit code."""
        told = common_settings(self.dsn, session_timeout_s=2) | {
            "pacing": self.pacing.model_dump_json(),
            "zoho": self.zoho_settings.model_dump_json(),
            "log_level": "error",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.crashing),
            at_step,
            str(occurrence),
            env={**os.environ, **environment(self.service, told)},
        )
        try:
            async with asyncio.timeout(60):
                return await process.wait()
        except TimeoutError:
            process.kill()
            raise

    # ---- what goes in -----------------------------------------------------------------------

    def spec(self, run: str = "run_1", **more: Any) -> RunSpec:
        """Return a run's specification."""
        told: dict[str, Any] = {"kind": RunKind.FULL, "waves": self.waves, **more}
        return RunSpec(
            run_id=RunId(run),
            job_id=JobId("job_1"),
            tenant_id=self.tenant,
            mapping=self.mapping,
            mapping_hash="m1",
            fallback_user_id=self.org.user_id,
            migration_user_id=self.org.user_id,
            source=SourceSpec(export_path="/nowhere"),
            **told,
        )

    async def append(self, subject: Subject, records: Sequence[NewRecord]) -> None:
        """Append to a topic, as the service that writes it does."""
        await self.log.producer().append(topic_name(self.tenant, subject), records)

    async def command(self, *messages: Message) -> None:
        """Append commands."""
        await self.append(
            Subject.COMMANDS,
            [
                NewRecord(b"c", encode(one), headers_for(one, message_id(str(one))))
                for one in messages
            ],
        )

    async def begin(self, run: str = "run_1", *waves: int, **spec: Any) -> None:
        """Start a run and open waves (all of them where none is named)."""
        made = self.spec(run, **spec)
        opened = waves or [wave.index for wave in made.waves]
        await self.command(
            StartRun(spec=made), *(OpenWave(run_id=RunId(run), wave=wave) for wave in opened)
        )

    async def replay(self) -> None:
        """Set every consumer back to the first offset; the service must be stopped."""
        await self.pool.execute("delete from eventlog.group_partition")

    # ---- what comes out ---------------------------------------------------------------------

    async def messages(self, subject: Subject) -> list[Message]:
        """Return everything on a topic, oldest first per partition."""
        topic = topic_name(self.tenant, subject)
        return [decode(record.value) for record in await read_whole(self.log, topic)]

    @abstractmethod
    async def outcomes(self, run: str | None = None) -> Outcomes:
        """Return the last outcome of each thing the service decides about, by its key."""

    async def settled(
        self, count: int, run: str | None = None, *, deadline_s: float = 30.0
    ) -> Outcomes:
        """Wait until ``count`` of them have an outcome; return them."""
        found: list[Outcomes] = []

        async def enough() -> bool:
            found[:] = [await self.outcomes(run)]
            return len(found[0]) >= count

        await eventually(enough, deadline_s, poll_s=0.1)
        return found[0]

    async def until(self, holds: Callable[[Outcomes], bool]) -> None:
        """Wait until the outcomes so far make ``holds`` true."""

        async def yes() -> bool:
            return holds(await self.outcomes())

        await eventually(yes, 30.0, poll_s=0.1)

    async def caught_up(self) -> None:
        """Wait until the service has committed everything on its topics."""

        async def nothing_left() -> bool:
            lags = [
                await self.log.lag(
                    f"{self.service}.{self.tenant}.{subject}", [topic_name(self.tenant, subject)]
                )
                for subject in self.reads
            ]
            return not any(lag for lags_ in lags for lag in lags_.values())

        await eventually(nothing_left, 30.0, poll_s=0.1)
