"""A practice's world in small: PostgreSQL, the embedded log, a local Zoho, and the loader."""

import asyncio
import base64
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.codec import decode, encode, headers_for
from bridgework_contracts.commands import OpenWave, StartRun
from bridgework_contracts.ids import JobId, RunId, TenantId, message_id
from bridgework_contracts.outcomes import RecordOutcome
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec, Wave
from bridgework_contracts.topics import Subject, tenant_topics, topic_name
from bridgework_contracts.writes import Op, Owner, Ref, WriteRecord
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord
from bridgework_eventlog.sealed import SealedLog
from bridgework_eventlog.settings import EventLogSettings
from bridgework_loader.app import open_app
from bridgework_loader.pacing import OnStep, Pacing, no_step
from bridgework_loader.settings import Settings
from bridgework_service.lifecycle import supervise
from bridgework_service.tenants import TenantDirectory, migrate_tenancy
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_store.sealing import MasterKey
from bridgework_testkit.eventually import eventually
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.local import LocalOrg, LocalZoho, running_local_zoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.settings import ZohoSettings
from pydantic import SecretStr

MASTER_KEY = base64.b64encode(b"m" * 32).decode()
PATIENT_KEY, APPOINTMENT_KEY, PLAN_KEY = (
    "Source_Patient_ID",
    "Source_Appointment_ID",
    "Source_Plan_ID",
)
QUICK_ZOHO = ZohoSettings(backoff_base_s=0.01, backoff_max_s=0.05, max_attempts=2)
QUICK = Pacing(settle_s=0.1, retry_pause_s=0.05, release_interval_s=0.05, release_claim_s=0.3)
WAVES = (
    Wave(index=1, objects=("patient",)),
    Wave(index=2, objects=("treatment_plan",)),
    Wave(index=3, objects=("appointment", "note")),
)


@pytest.fixture(scope="session")
async def local_zoho() -> AsyncIterator[LocalZoho]:
    """The sandbox, as a process of its own."""
    async with running_local_zoho() as zoho:
        yield zoho


@pytest.fixture
async def org(local_zoho: LocalZoho) -> LocalOrg:
    """A fresh Enterprise org with the fields and the module that these tests write."""
    made = await local_zoho.create_org()
    async with client_of(made) as zoho:
        assert (
            await zoho.meta.create_field(
                "Contacts", NewField(label="Source Patient ID", data_type="text", unique=True)
            )
        ).ok
        assert (
            await zoho.meta.create_field(
                "Events", NewField(label="Source Appointment ID", data_type="text")
            )
        ).ok
        profiles = await zoho.meta.profiles()
        plans = NewModule(
            api_name="TreatmentPlans",
            singular_label="Treatment Plan",
            plural_label="Treatment Plans",
            profile_ids=[str(one["id"]) for one in profiles],
            display_label="Plan Name",
        )
        assert (await zoho.meta.create_module(plans)).ok
        for new in (
            NewField(label="Source Plan ID", data_type="text", unique=True),
            NewField(label="Patient", data_type="lookup", lookup_module="Contacts"),
            NewField(label="Estimated Total", data_type="currency"),
        ):
            assert (await zoho.meta.create_field("TreatmentPlans", new)).ok
    return made


def client_of(org: LocalOrg) -> ZohoClient:
    """A client of the test's own, outside the loader's budget."""
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
    """Everything around one tenant; starts and stops loaders."""

    tenant: TenantId
    dsn: str
    org: LocalOrg
    pool: Pool
    log: SealedLog
    zoho: ZohoClient
    stack: AsyncExitStack
    partitions: int = 2
    pacing: Pacing = QUICK
    zoho_settings: ZohoSettings = QUICK_ZOHO
    keep_for_others: float = 0.0
    _running: list[tuple[asyncio.Event, asyncio.Task[None], AsyncExitStack]] = field(
        default_factory=list
    )

    def settings(self) -> Settings:
        """Settings of a loader of this world."""
        return Settings(
            host="127.0.0.1",
            http_port=0,
            store=StoreSettings(dsn=SecretStr(self.dsn)),
            event_log=EventLogSettings(dsn=SecretStr(self.dsn), session_timeout_s=6),
            master_key=SecretStr(MASTER_KEY),
            zoho=self.zoho_settings,
            pacing=self.pacing,
            keep_for_others=self.keep_for_others,
        )

    async def start(self, on_step: OnStep = no_step) -> None:
        """Start a loader in this process."""
        stack = AsyncExitStack()
        app = await stack.enter_async_context(open_app(self.settings(), on_step=on_step))
        stop = asyncio.Event()
        task = asyncio.create_task(supervise(app, stop=stop, drain_timeout_s=10))
        self._running.append((stop, task, stack))

    async def stop(self) -> None:
        """Stop the newest loader in order."""
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
        """Run a loader process that dies at a step; return its exit code."""
        env = {
            **os.environ,
            "LOADER_HOST": "127.0.0.1",
            "LOADER_HTTP_PORT": "0",
            "LOADER_STORE__DSN": self.dsn,
            "LOADER_EVENT_LOG__DSN": self.dsn,
            "LOADER_EVENT_LOG__SESSION_TIMEOUT_S": "2",
            "LOADER_MASTER_KEY": MASTER_KEY,
            "LOADER_PACING": self.pacing.model_dump_json(),
            "LOADER_ZOHO": self.zoho_settings.model_dump_json(),
            "LOADER_LOG_LEVEL": "error",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parent / "crashing_loader.py"),
            at_step,
            str(occurrence),
            env=env,
        )
        try:
            async with asyncio.timeout(60):
                return await process.wait()
        except TimeoutError:
            process.kill()
            raise

    # ---- what goes in -----------------------------------------------------------------------

    def spec(
        self,
        run: str = "run_1",
        *,
        kind: RunKind = RunKind.FULL,
        waves: Sequence[Wave] = WAVES,
        undo_of: str | None = None,
    ) -> RunSpec:
        """A run's specification."""
        return RunSpec(
            run_id=RunId(run),
            job_id=JobId("job_1"),
            tenant_id=self.tenant,
            kind=kind,
            mapping={},
            mapping_hash="m1",
            waves=tuple(waves),
            fallback_user_id=self.org.user_id,
            migration_user_id=self.org.user_id,
            source=SourceSpec(export_path="/nowhere"),
            undo_of=RunId(undo_of) if undo_of else None,
        )

    async def command(self, *messages: Any) -> None:
        """Append commands."""
        topic = topic_name(self.tenant, Subject.COMMANDS)
        await self.log.producer().append(
            topic,
            [
                NewRecord(b"c", encode(one), headers_for(one, message_id(str(one))))
                for one in messages
            ],
        )

    async def begin(self, run: str = "run_1", *waves: int, **spec: Any) -> None:
        """Start a run and open waves (all three where none is named)."""
        await self.command(
            StartRun(spec=self.spec(run, **spec)),
            *(OpenWave(run_id=RunId(run), wave=wave) for wave in waves or (1, 2, 3)),
        )

    async def write(self, *writes: WriteRecord) -> None:
        """Append writes as the transformer does."""
        topic = topic_name(self.tenant, Subject.WRITES)
        await self.log.producer().append(
            topic,
            [
                NewRecord(
                    write.key.split("-")[0].encode(),
                    encode(write),
                    headers_for(
                        write,
                        message_id(
                            write.run_id, write.type, write.object, write.key, write.content_hash
                        ),
                        run_id=write.run_id,
                    ),
                )
                for write in writes
            ],
        )

    async def replay(self) -> None:
        """Set every consumer of the loader back to the first offset; the loader must be stopped."""
        await self.pool.execute("delete from eventlog.group_partition")

    # ---- what comes out ---------------------------------------------------------------------

    async def messages(self, subject: Subject) -> list[Any]:
        """Read a whole topic, oldest first per partition."""
        topic = topic_name(self.tenant, subject)
        ends = await self.log.end_offsets([topic])
        total = sum(ends.values())
        consumer = self.log.consumer(f"test-{os.urandom(4).hex()}", [topic])
        found: list[Any] = []
        try:
            while len(found) < total:
                for records in (await consumer.read(1000, 1.0)).values():
                    found.extend(decode(record.value) for record in records)
        finally:
            await consumer.close()
        return found

    async def outcomes(self, run: str | None = None) -> dict[tuple[str, str], RecordOutcome]:
        """The last outcome of each record, of one run or of all."""
        return {
            (one.object, one.key): one
            for one in await self.messages(Subject.OUTCOMES)
            if isinstance(one, RecordOutcome) and (run is None or one.run_id == run)
        }

    async def settled(
        self, count: int, run: str | None = None, *, deadline_s: float = 30.0
    ) -> dict[tuple[str, str], RecordOutcome]:
        """Wait until ``count`` records have an outcome; return them."""

        async def enough() -> dict[tuple[str, str], RecordOutcome] | None:
            found = await self.outcomes(run)
            return found if len(found) >= count else None

        found = await eventually(enough, deadline_s, poll_s=0.1)
        assert found is not None
        return found

    async def until(self, holds: Callable[[dict[tuple[str, str], RecordOutcome]], bool]) -> None:
        """Wait until the outcomes so far make ``holds`` true."""

        async def yes() -> bool:
            return holds(await self.outcomes())

        await eventually(yes, 30.0, poll_s=0.1)

    async def caught_up(self) -> None:
        """Wait until the loader has committed everything on its topics."""

        async def nothing_left() -> bool:
            lags = [
                await self.log.lag(
                    f"loader.{self.tenant}.{subject}", [topic_name(self.tenant, subject)]
                )
                for subject in (Subject.COMMANDS, Subject.WRITES)
            ]
            return not any(lag for lags_ in lags for lag in lags_.values())

        await eventually(nothing_left, 30.0, poll_s=0.1)

    async def count(self, module: str) -> int:
        """Records of a module in Zoho."""
        return await self.zoho.records.count(module)

    async def state(self, module: str) -> list[dict[str, Any]]:
        """Every row of a module, as the local Zoho stores it."""
        dump = await self.org._call("GET", f"/state?module={module}")
        rows: list[dict[str, Any]] = dump[module]
        return rows

    async def edit(self, module: str, action: str, id_: str | None = None, **data: Any) -> str:
        """Let a person of the practice work in Zoho."""
        user = await self._person()
        body = {"action": action, "module": module, "id": id_, "data": data, "user": user}
        return str((await self.org._call("POST", "/edits", body))["id"])

    async def _person(self) -> str:
        described = await self.org._call("GET", "")
        others = [one["id"] for one in described["users"] if one["id"] != self.org.user_id]
        if others:
            return str(others[0])
        made = await self.org._call(
            "POST", "/users", {"full_name": "Front Desk", "email": "desk@practice.example"}
        )
        return str(made["id"])


@pytest.fixture
async def world(database: str, tenant: TenantId, org: LocalOrg) -> AsyncIterator[World]:
    """A tenant with its topics and a connected org; no loader runs yet."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(StoreSettings(dsn=SecretStr(database))))
        await migrate_tenancy(pool)
        directory = TenantDirectory(pool, MasterKey(SecretStr(MASTER_KEY)))
        log = await stack.enter_async_context(
            open_event_log(EventLogSettings(dsn=SecretStr(database), session_timeout_s=6))
        )
        sealed = SealedLog(log, directory.sealer_for)
        zoho = await stack.enter_async_context(client_of(org))
        made = World(tenant, database, org, pool, sealed, zoho, stack)
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


# ---- writes as the transformer makes them ------------------------------------------------------


def patient(key: str, *, run: str = "run_1", version: int = 1, **fields: Any) -> WriteRecord:
    """A contact."""
    return WriteRecord(
        run_id=RunId(run),
        object="patient",
        module="Contacts",
        key=key,
        external_id_field=PATIENT_KEY,
        fields={"Last_Name": f"Name {key}", PATIENT_KEY: key, **fields},
        content_hash=f"v{version}",
    )


def plan(key: str, patient_key: str, *, run: str = "run_1", **fields: Any) -> WriteRecord:
    """A treatment plan, which must have its patient."""
    return WriteRecord(
        run_id=RunId(run),
        object="treatment_plan",
        module="TreatmentPlans",
        key=key,
        external_id_field=PLAN_KEY,
        fields={"Name": f"Plan {key}", PLAN_KEY: key, "Estimated_Total": 120.5, **fields},
        refs=(Ref(field="Patient", object="patient", key=patient_key),),
        content_hash="v1",
    )


def appointment(
    key: str, patient_key: str, *, run: str = "run_1", required: bool = True
) -> WriteRecord:
    """An event."""
    return WriteRecord(
        run_id=RunId(run),
        object="appointment",
        module="Events",
        key=key,
        external_id_field=APPOINTMENT_KEY,
        fields={
            "Event_Title": "Cleaning",
            "Start_DateTime": "2024-03-04T09:00:00-05:00",
            "End_DateTime": "2024-03-04T09:30:00-05:00",
            APPOINTMENT_KEY: key,
        },
        refs=(Ref(field="Who_Id", object="patient", key=patient_key, required=required),),
        content_hash="v1",
    )


def note(key: str, patient_key: str, *, run: str = "run_1", text: str = "Seen.") -> WriteRecord:
    """A note."""
    return WriteRecord(
        run_id=RunId(run),
        object="note",
        module="Notes",
        key=key,
        external_id_field=None,
        fields={"Note_Title": "Progress", "Note_Content": f"{text}\n[src:note:{key}]"},
        refs=(Ref(field="Parent_Id", object="patient", key=patient_key),),
        content_hash=f"v1-{text}",
    )


def owned(write: WriteRecord, user_id: str) -> WriteRecord:
    """The same write with an owner."""
    return write.model_copy(update={"owner": Owner(user_id=user_id)})


def taken_back(outcome: RecordOutcome, run: str) -> WriteRecord:
    """What the reconciler publishes to undo an outcome."""
    created = outcome.effect == "created"
    return WriteRecord(
        run_id=RunId(run),
        op=Op.UNDO_CREATE if created else Op.UNDO_UPDATE,
        object=outcome.object,
        module=outcome.module or "",
        key=outcome.key,
        external_id_field=None,
        fields={},
        content_hash=f"undo:{outcome.content_hash}",
        zoho_id=outcome.zoho_id,
        sent=outcome.sent,
        before=outcome.before,
    )


def tally(outcomes: dict[tuple[str, str], RecordOutcome]) -> dict[str, int]:
    """Outcome → number of records."""
    return dict(Counter(one.outcome.value for one in outcomes.values()))
