"""One tenant's reconciler on real PostgreSQL and the embedded log; Zoho is a dictionary."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from bridgework_contracts.codec import Message, decode
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import ParentRef
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec
from bridgework_contracts.topics import Subject, tenant_topics, topic_name
from bridgework_eventlog.port import Record
from bridgework_eventlog.sealed import associated_data
from bridgework_mapping.document import MappingDocument
from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.adapters.zoho_reader import ZohoReader
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.counting_watch import CountingWatch
from bridgework_reconciler.handlers import CommandsHandler, OutcomesHandler, RecordsHandler
from bridgework_reconciler.settings import Settings
from bridgework_reconciler.worker import Worker
from bridgework_service.chassis import Chassis, open_chassis
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Pool
from bridgework_testkit.databases import Databases
from bridgework_testkit.messages import batch_of, read_whole
from bridgework_testkit.settings import common_settings

SCHEMA, PACKAGE = "reconciler", "bridgework_reconciler"
JOB = JobId("job_1")
MIGRATION_USER = "900"
FALLBACK_USER = "901"
DOCUMENT = MappingDocument.default()


@dataclass
class FakeZoho:
    """What a reader of Zoho sees: rows of modules, files of records, a page of two at a time."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[tuple[str, str], list[tuple[str, str, int | None]]] = field(default_factory=dict)

    async def scan(self, module: str, fields: Sequence[str]) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the module's rows, only the asked-for fields, id and modifier of each."""
        rows = self.rows.get(module, [])
        for start in range(0, len(rows), 2):
            yield [
                {name: row.get(name) for name in ("id", "Modified_By", *fields)}
                for row in rows[start : start + 2]
            ]

    async def attachments(self, module: str, record_id: str) -> list[tuple[str, str, int | None]]:
        """Return (id, name, size) of a record's files."""
        return self.files.get((module, record_id), [])


@dataclass
class Reconciler:
    """The parts of one tenant's reconciler, and what goes in and comes out."""

    chassis: Chassis
    tenant: Tenant
    context: TenantContext
    journal: Journal
    truth: Truth
    watch: CountingWatch
    zoho: FakeZoho

    @property
    def pool(self) -> Pool:
        """The reconciler's pool."""
        return self.chassis.pool

    def spec(self, run_id: str = "run_1", **more: Any) -> RunSpec:
        """Return a run's specification under the packaged mapping."""
        told: dict[str, Any] = {
            "kind": RunKind.FULL,
            "waves": DOCUMENT.waves(),
            "migration_user_id": MIGRATION_USER,
            **more,
        }
        return RunSpec(
            run_id=RunId(run_id),
            job_id=JOB,
            tenant_id=self.tenant.tenant_id,
            mapping=DOCUMENT.dump(),
            mapping_hash=DOCUMENT.hash,
            fallback_user_id=FALLBACK_USER,
            source=SourceSpec(export_path="nowhere"),
            **told,
        )

    async def know(self, *specs: RunSpec) -> None:
        """Have runs announced."""
        for spec in specs or (self.spec(),):
            await self.chassis.registry.put(spec)

    async def records(self, *messages: Message) -> None:
        """Handle messages of ``records`` and ``files``."""
        handler = RecordsHandler(self.context, self.journal, self.truth, self.watch)
        await handler.handle(batch_of(*messages))

    async def outcomes(self, *messages: Message) -> None:
        """Handle messages of ``outcomes``."""
        handler = OutcomesHandler(self.context, self.journal, self.truth, self.watch)
        await handler.handle(batch_of(*messages))

    async def commands(self, *messages: Message) -> None:
        """Handle messages of ``commands``."""
        await CommandsHandler(self.context, self.truth, self.watch).handle(batch_of(*messages))

    async def told(self) -> list[Message]:
        """Take what the outbox owes the log, in order, opened."""
        rows = await self.pool.fetch(
            # One statement: what a running watch commits meanwhile waits for the next call.
            "with taken as (delete from reconciler.outbox returning *)"
            " select * from taken order by id"
        )
        return [
            decode(
                self.tenant.sealer.open(
                    row["value"], associated_data(row["topic"], bytes(row["key"]))
                )
            )
            for row in rows
        ]

    async def read(self, subject: Subject) -> list[Record]:
        """Return everything on a topic, opened, partition by partition."""
        return await read_whole(self.chassis.sealed_log, topic_name(self.tenant.tenant_id, subject))

    async def appended(self, subject: Subject) -> list[Message]:
        """Return every message on a topic, partition by partition."""
        return [decode(record.value) for record in await self.read(subject)]

    def worker(self) -> Worker:
        """Return the worker over the dictionary that stands for Zoho."""
        return Worker(
            self.context,
            journal=self.journal,
            truth=self.truth,
            # The reader's two methods are all that the work uses of it.
            reader=cast("ZohoReader", self.zoho),
            producer=self.chassis.sealed_log.producer(),
            outbox=self.chassis.outbox,
            watch=self.watch,
        )

    async def table(self, name: str) -> list[tuple[Any, ...]]:
        """Return a table's rows without the times and seals that differ each time."""
        rows = await self.pool.fetch(f"select * from reconciler.{name}")
        return sorted(
            tuple(
                (key, repr(value))
                for key, value in row.items()
                if not key.endswith(("_at", "_sealed"))
            )
            for row in rows
        )


@pytest.fixture
async def prepared(databases: Databases) -> AsyncIterator[str]:
    """Dsn of a database of this test alone, every schema in place."""

    async def migrated(dsn: str) -> None:
        async with open_chassis(settings_for(dsn), schema=SCHEMA, package=PACKAGE):
            pass

    await databases.prepare_template(SCHEMA, migrated)
    dsn = await databases.create(template=SCHEMA)
    yield dsn
    await databases.drop(dsn)


def settings_for(dsn: str) -> Settings:
    """Return settings of a reconciler over one database."""
    return Settings(
        **common_settings(dsn),
    )


@pytest.fixture
async def reconciler(prepared: str, tenant: TenantId) -> AsyncIterator[Reconciler]:
    """A reconciler of this test alone."""
    async with open_chassis(settings_for(prepared), schema=SCHEMA, package=PACKAGE) as chassis:
        await chassis.log.create_topics(tenant_topics(tenant, 2))
        made = await chassis.directory.create(tenant, "Harbor", time_zone="UTC", partitions=2)
        context = TenantContext(made, chassis.registry)
        journal, truth = Journal(chassis.pool), Truth(chassis.pool)
        yield Reconciler(
            chassis=chassis,
            tenant=made,
            context=context,
            journal=journal,
            truth=truth,
            watch=CountingWatch(context, journal, chassis.outbox),
            zoho=FakeZoho(),
        )


def ended(key: str, outcome: Outcome = Outcome.INSERTED, **more: Any) -> RecordOutcome:
    """Return one record's outcome as the loader says it, a patient's where not told otherwise."""
    landed = outcome in {Outcome.INSERTED, Outcome.UPDATED}
    told: dict[str, Any] = {
        "run_id": RunId("run_1"),
        "object": "patient",
        "module": "Contacts",
        "zoho_id": f"z-{key}" if landed else None,
        "effect": Effect.CREATED if outcome is Outcome.INSERTED else Effect.NONE,
        "content_hash": f"h-{key}",
        "decided_by": "loader",
        **more,
    }
    return RecordOutcome(key=key, outcome=outcome, **told)


def file_ended(key: str, outcome: Outcome = Outcome.INSERTED, **more: Any) -> FileOutcome:
    """Return one file's outcome as the rehoster says it."""
    told: dict[str, Any] = {
        "run_id": RunId("run_1"),
        "object": "document",
        "parent": ParentRef(object="patient", key="1"),
        "module": "Contacts",
        "zoho_parent_id": "z-1",
        "zoho_id": f"f-{key}",
        "effect": Effect.CREATED,
        "name": "xray.dcm",
        "size_bytes": 10,
        **more,
    }
    return FileOutcome(key=key, outcome=outcome, **told)
