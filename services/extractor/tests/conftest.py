"""A source made of plain canonical records, and a producer that remembers what was appended."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.codec import Message, decode
from bridgework_contracts.commands import AuditExport, CancelRun, StartRun
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import Provenance
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec, Wave
from bridgework_dental_exec.databases.connections import Connections
from bridgework_dental_exec.records import (
    CanonicalFile,
    CanonicalRecord,
    Decided,
    content_hash,
)
from bridgework_eventlog.loop import Batch, Delivery
from bridgework_eventlog.port import NewRecord, Record, TopicPartition
from bridgework_eventlog.sealed import associated_data
from bridgework_extractor.handlers import CommandsHandler
from bridgework_extractor.settings import Settings
from bridgework_extractor.worker import Worker
from bridgework_mapping.document import MappingDocument
from bridgework_service.chassis import Chassis, open_chassis
from bridgework_service.tenants import Tenant
from bridgework_store.pool import StoreSettings
from bridgework_store.statements import Statements
from bridgework_testkit.fixtures import embedded_log_settings
from pydantic import SecretStr

TENANT = TenantId("harbor")
OBJECTS = ("patient", "carrier", "treatment_plan", "appointment")
"""On purpose not in wave order."""
WAVES = (
    Wave(index=2, objects=("patient",)),
    Wave(index=1, objects=("carrier", "location")),
    Wave(index=3, objects=("treatment_plan", "appointment")),
    Wave(index=4, objects=("document", "note_image")),
)


def record(name: str, key: str, /, **fields: Any) -> CanonicalRecord:
    """One canonical record; ``parts`` are rows folded into it."""
    parts = fields.pop("parts", {})
    told = {"key": key, **fields}
    return CanonicalRecord(
        object=name,
        key=key,
        partition_key=str(fields.get("patient_key", f"{name}:{key}")),
        content_hash=content_hash(told),
        fields=told,
        parts=parts,
        provenance=(Provenance(file=f"{name}.csv", line=2),),
    )


def document(key: str, patient: str | None = "1", **more: Any) -> CanonicalFile:
    """One file that lies in the export."""
    told: dict[str, Any] = {
        "object": "document",
        "parent_object": "patient",
        "name": f"{key}.pdf",
        "mime": "application/pdf",
        "size_bytes": 10,
        "sha256": "f" * 64,
        "state": "present",
        "content_hash": f"c-{key}",
        "path": f"files/{key}.pdf",
        **more,
    }
    return CanonicalFile(key=key, parent_key=patient, partition_key=patient or key, **told)


def merged(key: str, into: str, name: str = "patient") -> Decided:
    """A record the source merged into another."""
    return Decided(
        object=name,
        key=key,
        outcome="merged",
        reason=Reason(code="duplicate", sentence="It is the same person."),
        merged_into=into,
    )


@dataclass
class FakeSource:
    """What a snapshot says, as :class:`CanonicalSource` would."""

    all_records: Sequence[CanonicalRecord] = ()
    all_files: Sequence[CanonicalFile] = ()
    all_decided: Sequence[Decided] = ()

    def objects(self) -> tuple[str, ...]:
        """Return the record objects."""
        return OBJECTS

    def records(
        self, object_name: str, *, keys: set[str] | None = None
    ) -> Iterator[CanonicalRecord]:
        """Yield one object's records."""
        named = [one for one in self.all_records if one.object == object_name]
        return iter([one for one in named if keys is None or one.key in keys])

    def files(self, object_name: str) -> Iterator[CanonicalFile]:
        """Yield one object's files."""
        return iter([one for one in self.all_files if one.object == object_name])

    def rare_patients(self, *, seed: int) -> set[str]:
        """Nobody here is rare."""
        return set()

    def decided(self) -> Iterator[Decided]:
        """Yield what is settled already."""
        return iter(self.all_decided)

    def counts(self) -> dict[str, int]:
        """Count by itself: records, their parts, files, decided rows."""
        counts = dict.fromkeys((*OBJECTS, "document", "note_image"), 0)
        for name in [
            *(one.object for one in self.all_records),
            *(one.object for one in self.all_files),
            *(one.object for one in self.all_decided),
        ]:
            counts[name] = counts.get(name, 0) + 1
        for one in self.all_records:
            for part, rows in one.parts.items():
                counts[part] = counts.get(part, 0) + rows
        return counts


@dataclass
class Appended:
    """A producer that remembers what was appended, call by call."""

    calls: list[tuple[str, list[NewRecord]]] = field(default_factory=list)

    async def append(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Remember."""
        self.calls.append((topic, list(records)))

    async def close(self) -> None:
        """Nothing to close."""

    def on(self, subject: str) -> list[Message]:
        """Return every message on one topic, in order."""
        return [decode(one.value) for one in self.raw(subject)]

    def raw(self, subject: str) -> list[NewRecord]:
        """Return everything on one topic, in order."""
        topic = f"bridgework.{TENANT}.{subject}.v1"
        return [one for at, records in self.calls for one in records if at == topic]

    def ids(self) -> list[str]:
        """Return every message id, in order."""
        return [one.headers["message_id"] for _, records in self.calls for one in records]


def spec(run_id: str = "run_1", kind: RunKind = RunKind.FULL, **more: Any) -> RunSpec:
    """One run's specification."""
    waves: Iterable[Wave] = more.pop("waves", WAVES)
    return RunSpec(
        run_id=RunId(run_id),
        job_id=JobId("job_1"),
        tenant_id=TENANT,
        kind=kind,
        mapping={},
        mapping_hash="m",
        waves=tuple(waves),
        fallback_user_id="9",
        source=SourceSpec(export_path="nowhere"),
        **more,
    )


class Extractor:
    """Workers of tenants, on real PostgreSQL."""

    def __init__(self, chassis: Chassis, settings: Settings) -> None:
        self.chassis = chassis
        self.statements = Statements.load(
            "bridgework_extractor", "sql/work.sql", schema="extractor"
        )
        self.settings = settings
        self.wake = asyncio.Event()
        self.appended = Appended()

    async def tenant(self, name: str = "harbor") -> Tenant:
        """Register a tenant."""
        return await self.chassis.directory.create(
            TenantId(name), name, time_zone="UTC", partitions=1
        )

    def worker(self, tenant: Tenant, connections: Connections | None = None) -> Worker:
        """Return a worker; its tenant may use the given connections to restored databases."""
        return Worker(
            tenant=tenant,
            pool=self.chassis.pool,
            statements=self.statements,
            producer=self.appended,
            outbox=self.chassis.outbox,
            settings=self.settings,
            connections=(connections or Connections()).for_tenant(tenant.tenant_id),
            wake=self.wake,
        )

    async def ask(self, tenant: Tenant, command: AuditExport | StartRun | CancelRun) -> None:
        """Hear a command."""
        handler = CommandsHandler(
            tenant=tenant,
            pool=self.chassis.pool,
            statements=self.statements,
            registry=self.chassis.registry,
            wake=self.wake,
        )
        record = Record("t", 0, 0, b"k", b"", {}, datetime.now(UTC))
        await handler.handle(Batch(TopicPartition("t", 0), [Delivery(command, record, 1)]))

    async def said(self, tenant: Tenant) -> list[Message]:
        """Return every word to control, in order, opened."""
        rows = await self.chassis.pool.fetch("select * from extractor.outbox order by id")
        return [
            decode(
                tenant.sealer.open(row["value"], associated_data(row["topic"], bytes(row["key"])))
            )
            for row in rows
        ]

    async def left(self) -> int:
        """Return how much work is not done."""
        left: int = await self.chassis.pool.fetchval(
            "select count(*) from extractor.work where done_at is null"
        )
        return left

    async def nothing_left(self) -> bool:
        """True where all work is done."""
        return await self.left() == 0


def settings(database: str, folder: Path) -> dict[str, Any]:
    """Return what an extractor is told."""
    return {
        "host": "127.0.0.1",
        "http_port": 0,
        "store": StoreSettings(dsn=SecretStr(database)),
        "event_log": embedded_log_settings(database),
        "master_key": SecretStr(base64.b64encode(b"m" * 32).decode()),
        "snapshots_dir": folder,
    }


@pytest.fixture
async def extractor(database: str, tmp_path: Path) -> AsyncIterator[Extractor]:
    """An extractor of this test alone."""
    told = Settings(**settings(database, tmp_path / "snapshots"))
    async with open_chassis(told, schema="extractor", package="bridgework_extractor") as chassis:
        yield Extractor(chassis, told)


def full_run(export: Path, run_id: str, tenant: str = "harbor") -> RunSpec:
    """Return a full run over an export."""
    mapping = MappingDocument.default()
    return RunSpec(
        run_id=RunId(run_id),
        job_id=JobId("job_1"),
        tenant_id=TenantId(tenant),
        kind=RunKind.FULL,
        mapping=mapping.dump(),
        mapping_hash=mapping.hash,
        waves=mapping.waves(),
        fallback_user_id="9",
        source=SourceSpec(export_path=str(export)),
    )
