"""A practice's files in small: PostgreSQL, the embedded log, a local Zoho, and the rehoster."""

import asyncio
import base64
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.codec import decode, encode, headers_for
from bridgework_contracts.commands import OpenWave, StartRun
from bridgework_contracts.ids import JobId, RunId, TenantId, message_id
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import FileExtracted, ParentRef
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec, Wave
from bridgework_contracts.topics import Subject, tenant_topics, topic_name
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord
from bridgework_eventlog.sealed import SealedLog
from bridgework_eventlog.settings import EventLogSettings
from bridgework_rehoster.app import open_app
from bridgework_rehoster.pacing import OnStep, Pacing, no_step
from bridgework_rehoster.settings import Settings
from bridgework_service.lifecycle import supervise
from bridgework_service.tenants import TenantDirectory, migrate_tenancy
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import MasterKey
from bridgework_testkit.eventually import eventually
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.local import LocalOrg, LocalZoho, running_local_zoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.settings import ZohoSettings
from pydantic import SecretStr

MASTER_KEY = base64.b64encode(b"m" * 32).decode()
QUICK_ZOHO = ZohoSettings(
    backoff_base_s=0.01, backoff_max_s=0.05, max_attempts=2, attachment_verify_size=False
)
QUICK = Pacing(settle_s=0.1, retry_pause_s=0.05, release_interval_s=0.05, release_claim_s=0.3)
WAVES = (
    Wave(index=1, objects=("patient",)),
    Wave(index=2, objects=("document", "note_image")),
)
MAPPING = {"objects": [{"object": "document", "kind": "file", "parents": ["patient"]}]}


@pytest.fixture(scope="session")
async def local_zoho() -> AsyncIterator[LocalZoho]:
    """The sandbox, as a process of its own."""
    async with running_local_zoho() as zoho:
        yield zoho


def client_of(org: LocalOrg) -> ZohoClient:
    """A client of the test's own, outside the rehoster's budget."""
    return ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(60_000),
        slots=InMemorySlotLimiter(20),
        settings=QUICK_ZOHO,
    )


def connection_json(org: LocalOrg) -> dict[str, Any]:
    """The connection as control stores it."""
    dumped: dict[str, Any] = json.loads(org.connection.model_dump_json())
    dumped["client_secret"] = org.connection.client_secret.get_secret_value()
    dumped["refresh_token"] = org.connection.refresh_token.get_secret_value()
    return dumped


@dataclass
class World:
    """Everything around one tenant; starts and stops rehosters."""

    tenant: TenantId
    dsn: str
    org: LocalOrg
    pool: Pool
    log: SealedLog
    zoho: ZohoClient
    folder: Path
    partitions: int = 2
    pacing: Pacing = QUICK
    zoho_settings: ZohoSettings = QUICK_ZOHO
    more: dict[str, Any] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)
    _running: list[tuple[asyncio.Event, asyncio.Task[None], AsyncExitStack]] = field(
        default_factory=list
    )

    async def start(self, on_step: OnStep = no_step) -> None:
        """Start a rehoster in this process."""
        settings = Settings(
            host="127.0.0.1",
            http_port=0,
            store=StoreSettings(dsn=SecretStr(self.dsn)),
            event_log=EventLogSettings(dsn=SecretStr(self.dsn), session_timeout_s=6),
            master_key=SecretStr(MASTER_KEY),
            zoho=self.zoho_settings,
            pacing=self.pacing,
            keep_for_others=0.0,
            **self.more,
        )
        stack = AsyncExitStack()
        app = await stack.enter_async_context(open_app(settings, on_step=on_step))
        stop = asyncio.Event()
        task = asyncio.create_task(supervise(app, stop=stop, drain_timeout_s=10))
        self._running.append((stop, task, stack))

    async def stop(self) -> None:
        """Stop the newest rehoster in order."""
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
        """Run a rehoster process that dies at a step; return its exit code."""
        env = {
            **os.environ,
            "REHOSTER_HOST": "127.0.0.1",
            "REHOSTER_HTTP_PORT": "0",
            "REHOSTER_STORE__DSN": self.dsn,
            "REHOSTER_EVENT_LOG__DSN": self.dsn,
            "REHOSTER_EVENT_LOG__SESSION_TIMEOUT_S": "2",
            "REHOSTER_MASTER_KEY": MASTER_KEY,
            "REHOSTER_PACING": self.pacing.model_dump_json(),
            "REHOSTER_ZOHO": self.zoho_settings.model_dump_json(),
            "REHOSTER_LOG_LEVEL": "error",
        }
        script = str(Path(__file__).parent / "crashing_rehoster.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, script, at_step, str(occurrence), env=env
        )
        try:
            async with asyncio.timeout(60):
                return await process.wait()
        except TimeoutError:
            process.kill()
            raise

    # ---- what goes in -----------------------------------------------------------------------

    async def command(self, *messages: Any) -> None:
        """Append commands."""
        await self.log.producer().append(
            topic_name(self.tenant, Subject.COMMANDS),
            [
                NewRecord(b"c", encode(one), headers_for(one, message_id(str(one))))
                for one in messages
            ],
        )

    async def begin(
        self,
        run: str = "run_1",
        *,
        open_files: bool = True,
        kind: RunKind = RunKind.FULL,
        undo_of: str | None = None,
    ) -> None:
        """Start a run; let its files through unless told not to."""
        spec = RunSpec(
            run_id=RunId(run),
            job_id=JobId("job_1"),
            tenant_id=self.tenant,
            kind=kind,
            mapping=MAPPING,
            mapping_hash="m1",
            waves=WAVES,
            fallback_user_id=self.org.user_id,
            migration_user_id=self.org.user_id,
            source=SourceSpec(export_path="/nowhere"),
            undo_of=RunId(undo_of) if undo_of else None,
        )
        await self.command(StartRun(spec=spec), OpenWave(run_id=RunId(run), wave=1))
        if open_files:
            await self.command(OpenWave(run_id=RunId(run), wave=2))

    async def land(self, *keys: str, run: str = "run_1") -> None:
        """Create contacts and say so, as the loader does."""
        made = await self.zoho.records.insert("Contacts", [{"Last_Name": key} for key in keys])
        for key, one in zip(keys, made, strict=True):
            self.contacts[key] = one.id or ""
        await self.tell(
            *(
                RecordOutcome(
                    run_id=RunId(run),
                    object="patient",
                    key=key,
                    outcome=Outcome.INSERTED,
                    effect=Effect.CREATED,
                    module="Contacts",
                    zoho_id=self.contacts[key],
                    decided_by="loader",
                )
                for key in keys
            )
        )

    async def tell(self, *outcomes: RecordOutcome) -> None:
        """Append outcomes of records."""
        await self.log.producer().append(
            topic_name(self.tenant, Subject.OUTCOMES),
            [
                NewRecord(one.key.encode(), encode(one), headers_for(one, message_id(str(one))))
                for one in outcomes
            ],
        )

    def file(
        self,
        key: str,
        parent: str,
        content: bytes | None = b"%PDF-1.4 a scan",
        *,
        run: str = "run_1",
        inline: bool = False,
        **changes: Any,
    ) -> FileExtracted:
        """A document as the extractor publishes it; ``content`` None is missing in the export."""
        path: Path | None = None
        if content is not None and not inline:
            path = self.folder / f"{run}-{key}.pdf"
            path.write_bytes(content)
        values: dict[str, Any] = {
            "run_id": RunId(run),
            "object": "document",
            "key": key,
            "parent": ParentRef(object="patient", key=parent),
            "name": f"{key}.pdf",
            "mime": "application/pdf",
            "size_bytes": len(content or b""),
            "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
            "path": str(path) if path else None,
            "content_b64": base64.b64encode(content).decode() if content and inline else None,
            "missing_reason": "It is not in the folder." if content is None else None,
            **changes,
        }
        return FileExtracted(**values)

    async def send(self, *files: FileExtracted) -> None:
        """Append files."""
        await self.log.producer().append(
            topic_name(self.tenant, Subject.FILES),
            [
                NewRecord(
                    one.parent.key.encode(),
                    encode(one),
                    headers_for(
                        one,
                        message_id(
                            one.run_id, one.type, one.op, one.object, one.key, one.sha256 or ""
                        ),
                        run_id=one.run_id,
                    ),
                )
                for one in files
            ],
        )

    async def replay(self) -> None:
        """Set every consumer back to the first offset; the rehoster must be stopped."""
        await self.pool.execute("delete from eventlog.group_partition")

    # ---- what comes out ---------------------------------------------------------------------

    async def messages(self, subject: Subject) -> list[Any]:
        """Read a whole topic, oldest first per partition."""
        topic = topic_name(self.tenant, subject)
        total = sum((await self.log.end_offsets([topic])).values())
        consumer = self.log.consumer(f"test-{os.urandom(4).hex()}", [topic])
        found: list[Any] = []
        try:
            while len(found) < total:
                for records in (await consumer.read(1000, 1.0)).values():
                    found.extend(decode(record.value) for record in records)
        finally:
            await consumer.close()
        return found

    async def outcomes(self, run: str | None = None) -> dict[str, FileOutcome]:
        """The last outcome of each file, of one run or of all."""
        return {
            one.key: one
            for one in await self.messages(Subject.OUTCOMES)
            if isinstance(one, FileOutcome) and (run is None or one.run_id == run)
        }

    async def settled(self, count: int, run: str | None = None) -> dict[str, FileOutcome]:
        """Wait until ``count`` files have an outcome; return them."""

        async def enough() -> bool:
            return len(await self.outcomes(run)) >= count

        await eventually(enough, 30.0, poll_s=0.1)
        return await self.outcomes(run)

    async def until(self, holds: Callable[[dict[str, FileOutcome]], bool]) -> None:
        """Wait until the outcomes so far make ``holds`` true."""

        async def yes() -> bool:
            return holds(await self.outcomes())

        await eventually(yes, 30.0, poll_s=0.1)

    async def caught_up(self) -> None:
        """Wait until the rehoster has committed everything on its topics."""
        subjects = (Subject.COMMANDS, Subject.FILES, Subject.OUTCOMES)

        async def nothing_left() -> bool:
            lags = [
                await self.log.lag(
                    f"rehoster.{self.tenant}.{subject}", [topic_name(self.tenant, subject)]
                )
                for subject in subjects
            ]
            return not any(lag for lags_ in lags for lag in lags_.values())

        await eventually(nothing_left, 30.0, poll_s=0.1)

    async def attached(self, parent: str) -> list[tuple[str, bytes]]:
        """Names and contents of a contact's attachments."""
        found: list[tuple[str, bytes]] = []
        for one in await self.zoho.attachments.list("Contacts", self.contacts[parent]):
            content = b""
            async with self.zoho.attachments.download(
                "Contacts", self.contacts[parent], one.id
            ) as download:
                async for chunk in download.chunks():
                    content += chunk
            found.append((one.file_name, content))
        return sorted(found)


@pytest.fixture
async def world(
    database: str, tenant: TenantId, local_zoho: LocalZoho, tmp_path: Path
) -> AsyncIterator[World]:
    """A tenant with its topics and a connected org; no rehoster runs yet."""
    org = await local_zoho.create_org()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(StoreSettings(dsn=SecretStr(database))))
        await migrate_tenancy(pool)
        directory = TenantDirectory(pool, MasterKey(SecretStr(MASTER_KEY)))
        log = await stack.enter_async_context(
            open_event_log(EventLogSettings(dsn=SecretStr(database), session_timeout_s=6))
        )
        zoho = await stack.enter_async_context(client_of(org))
        sealed = SealedLog(log, directory.sealer_for)
        made = World(tenant, database, org, pool, sealed, zoho, tmp_path)
        await directory.create(
            tenant,
            "Practice",
            time_zone="America/New_York",
            partitions=made.partitions,
            zoho=connection_json(org),
        )
        await log.create_topics(tenant_topics(tenant, made.partitions))
        yield made
        await made.close()


def tally(outcomes: dict[str, FileOutcome]) -> dict[str, int]:
    """Outcome → number of files."""
    return dict(Counter(one.outcome.value for one in outcomes.values()))


def taken_back(outcome: FileOutcome, run: str) -> FileExtracted:
    """What the reconciler publishes to undo an outcome."""
    return FileExtracted(
        run_id=RunId(run),
        op="delete",
        object=outcome.object,
        key=outcome.key,
        parent=outcome.parent,
        name="",
        mime="",
        size_bytes=0,
        sha256=None,
        zoho_module=outcome.module,
        zoho_parent_id=outcome.zoho_parent_id,
        zoho_id=outcome.zoho_id,
    )
