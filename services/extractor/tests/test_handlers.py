"""``commands``: long work is queued once, sealed, and runs are remembered."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bridgework_contracts.codec import Message, decode, encode
from bridgework_contracts.commands import AuditExport, CancelRun, OpenWave, StartRun
from bridgework_contracts.errors import TerminalError
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.runs import RunKind, SourceSpec
from bridgework_eventlog.loop import Batch, Delivery
from bridgework_eventlog.port import Record, TopicPartition
from bridgework_extractor.handlers import CommandsHandler, work_aad
from bridgework_extractor.settings import Settings
from bridgework_service.chassis import Chassis, open_chassis
from bridgework_service.runs import RunUnknown
from bridgework_service.tenants import Tenant
from bridgework_store.pool import StoreSettings
from bridgework_store.statements import Statements
from bridgework_testkit.fixtures import embedded_log_settings
from pydantic import SecretStr

from services.extractor.tests.conftest import spec

AUDIT = AuditExport(
    job_id=JobId("job_1"),
    audit_id="audit_1",
    source=SourceSpec(export_path="exports/Quimby"),
    report_dir="reports",
)


@dataclass
class Extractor:
    """The command side of one tenant's extractor."""

    chassis: Chassis
    tenant: Tenant
    statements: Statements
    wake: asyncio.Event

    async def commands(self, *messages: Message) -> None:
        """Handle commands."""
        handler = CommandsHandler(
            tenant=self.tenant,
            pool=self.chassis.pool,
            statements=self.statements,
            registry=self.chassis.registry,
            wake=self.wake,
        )
        deliveries = [
            Delivery(message, Record("t", 0, n, b"k", encode(message), {}, datetime.now(UTC)), 1)
            for n, message in enumerate(messages)
        ]
        await handler.handle(Batch(TopicPartition("t", 0), deliveries))

    async def queued(self) -> list[tuple[str, str, Message]]:
        """(kind, subject, command) of queued work, oldest first, opened."""
        rows = await self.chassis.pool.fetch("select * from extractor.work order by work_id")
        return [
            (
                row["kind"],
                row["subject_id"],
                decode(
                    self.tenant.sealer.open(
                        row["command_sealed"], work_aad(row["kind"], row["subject_id"])
                    )
                ),
            )
            for row in rows
        ]


@pytest.fixture
async def extractor(database: str, tmp_path: Path) -> AsyncIterator[Extractor]:
    """An extractor of this test alone, on real PostgreSQL."""
    settings = Settings(
        host="127.0.0.1",
        http_port=0,
        store=StoreSettings(dsn=SecretStr(database)),
        event_log=embedded_log_settings(database),
        master_key=SecretStr(base64.b64encode(b"m" * 32).decode()),
        snapshots_dir=tmp_path,
    )
    async with open_chassis(
        settings, schema="extractor", package="bridgework_extractor"
    ) as chassis:
        tenant = await chassis.directory.create(
            TenantId("harbor"), "Harbor", time_zone="UTC", partitions=1
        )
        statements = Statements.load("bridgework_extractor", "sql/work.sql", schema="extractor")
        yield Extractor(chassis, tenant, statements, asyncio.Event())


async def test_audits_and_extractions_are_queued_once_in_order(extractor: Extractor) -> None:
    """Asked twice is asked once; the worker is woken."""
    story = (AUDIT, OpenWave(run_id=RunId("run_1"), wave=1), StartRun(spec=spec("run_1")))
    await extractor.commands(*story)
    assert extractor.wake.is_set()
    await extractor.commands(*story)
    assert await extractor.queued() == [
        ("audit", "audit_1", AUDIT),
        ("extract", "run_1", StartRun(spec=spec("run_1"))),
    ]


async def test_an_undo_extracts_nothing_but_is_remembered(extractor: Extractor) -> None:
    """Its writes come from the journal."""
    undo = spec("run_2", RunKind.UNDO, undo_of=RunId("run_1"))
    await extractor.commands(StartRun(spec=undo))
    assert await extractor.queued() == []
    assert await extractor.chassis.registry.get(RunId("run_2")) == undo
    with pytest.raises(RunUnknown):
        await extractor.chassis.registry.get(RunId("run_1"))


async def test_a_cancelled_run_is_not_extracted(extractor: Extractor) -> None:
    """Also when its start is delivered once more; an audit and another run stay queued."""
    first, second = StartRun(spec=spec("run_1")), StartRun(spec=spec("run_2"))
    await extractor.commands(AUDIT, first, second)
    for _ in range(2):
        await extractor.commands(first, CancelRun(run_id=RunId("run_1")))
    rows = await extractor.chassis.pool.fetch(
        "select subject_id from extractor.work where done_at is null order by work_id"
    )
    assert [row["subject_id"] for row in rows] == ["audit_1", "run_2"]


async def test_queued_commands_are_sealed_and_bound_to_their_place(extractor: Extractor) -> None:
    """A path, a merge or an owner may name a person."""
    await extractor.commands(AUDIT)
    row = await extractor.chassis.pool.fetchrow("select * from extractor.work")
    assert row is not None
    assert "Quimby" not in repr(row)
    with pytest.raises(TerminalError):
        extractor.tenant.sealer.open(row["command_sealed"], work_aad("audit", "audit_2"))
