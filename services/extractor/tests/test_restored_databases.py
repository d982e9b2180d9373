"""An export that names a restored database: audited and extracted by a tenant's worker."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bridgework_contracts.commands import AuditExport, StartRun
from bridgework_contracts.errors import ConfigurationError, SourceUnavailable
from bridgework_contracts.ids import JobId
from bridgework_contracts.progress import ExportAudited, RunFailed, SnapshotSealed
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.databases.connections import Connections, ConnectionSettings
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_extractor.app import open_app
from bridgework_extractor.settings import Settings
from bridgework_service.settings import load_settings
from bridgework_synthetic import generate
from bridgework_testkit.databases import Databases
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fault_proxy import FaultProxy
from bridgework_testkit.restored import (
    DRIVER_LEAVES_SOCKETS,
    postgres_connection,
    restore_to_postgres,
)

from services.extractor.tests.conftest import Extractor, full_run, settings

pytestmark = DRIVER_LEAVES_SOCKETS


@dataclass
class Practice:
    """A practice as files, restored on a server, and the export that names the server."""

    csv: Path
    named: Path
    dsn: str


@pytest.fixture(scope="module")
async def practice(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Practice]:
    """A small practice with every defect of the table."""
    folder, dsn = tmp_path_factory.mktemp("practice"), await databases.create()
    await asyncio.to_thread(generate, folder, patients=8, seed=3, dialect="a", defects=1.0)
    with open_export(folder / "export", folder / "work") as export:
        await restore_to_postgres(seal_snapshot(export, folder / "snapshot"), dsn)
    named = folder / "named"
    named.mkdir()
    (named / "database.yaml").write_text("connection: restored\n")
    shutil.copytree(folder / "export" / "documents", named / "documents")
    yield Practice(folder / "export", named, dsn)
    await databases.drop(dsn)


def restored(dsn: str, **connect: Any) -> Connections:
    """Return an extractor's connections: one, for the tenant harbor."""
    told = postgres_connection(dsn, tenants=["harbor"], connect=connect)
    return Connections({"restored": ConnectionSettings.model_validate(told)})


async def test_a_run_over_a_server_says_what_one_over_files_says(
    extractor: Extractor, practice: Practice
) -> None:
    """The same counts; a run that goes on after a crash does not ask the server again."""
    tenant = await extractor.tenant()
    worker = extractor.worker(tenant, restored(practice.dsn))
    files = await worker._extract(full_run(practice.csv, "run_1"))
    server = await worker._extract(full_run(practice.named, "run_2"))
    assert isinstance(files, SnapshotSealed)
    assert isinstance(server, SnapshotSealed)
    assert server.extracted == files.extracted
    assert server.extracted["patient"] >= 8
    assert server.extracted["document"] > 0
    again = extractor.worker(tenant, restored(practice.dsn, port=1))
    resumed = await again._extract(full_run(practice.named, "run_2"))
    assert isinstance(resumed, SnapshotSealed)
    assert resumed.extracted == files.extracted


async def test_an_audit_over_a_server(
    extractor: Extractor, practice: Practice, tmp_path: Path
) -> None:
    """Its report is written; a wrong password fails it with what to do, and is nowhere in it."""
    tenant = await extractor.tenant()
    command = AuditExport(
        job_id=JobId("job_1"),
        audit_id="audit_1",
        source=SourceSpec(export_path=str(practice.named)),
        report_dir=str(tmp_path / "report"),
    )
    said = await extractor.worker(tenant, restored(practice.dsn))._audit(command)
    assert isinstance(said, ExportAudited)
    assert said.ok
    assert said.report["objects"]["patient"] >= 8
    assert (tmp_path / "report" / "audit.html").exists()
    wrong = await extractor.worker(tenant, restored(practice.dsn, password="Hunter2"))._audit(
        command
    )
    assert (wrong.ok, "EXTRACTOR_DATABASES" in (wrong.error or "")) == (False, True)
    assert "Hunter2" not in wrong.model_dump_json()


async def test_a_run_of_another_tenant_fails_as_without_the_connection(
    extractor: Extractor, practice: Practice, tmp_path: Path
) -> None:
    """The run ends; nobody learns that others have such a connection."""
    tenant = await extractor.tenant("quay")
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "database.yaml").write_text("connection: nowhere\n")
    said = []
    for number, export in enumerate((practice.named, tmp_path / "nowhere")):
        worker = extractor.worker(tenant, restored(practice.dsn))
        failed = await worker._extract(full_run(export, f"run_{number}", "quay"))
        assert isinstance(failed, RunFailed)
        said.append((failed.code, failed.sentence, failed.remedy))
    assert said[0] == said[1]
    assert said[0][0] == "database_connection_unknown"


async def test_work_waits_for_a_server_that_does_not_answer(
    extractor: Extractor, practice: Practice
) -> None:
    """Transient: the tenant's loop tries again, the work stays queued, and then it is done."""
    tenant, at, stop = await extractor.tenant(), urlsplit(practice.dsn), asyncio.Event()
    assert at.hostname
    assert at.port
    await extractor.ask(tenant, StartRun(spec=full_run(practice.named, "run_1")))
    async with FaultProxy(at.hostname, at.port) as proxy:
        worker = extractor.worker(tenant, restored(practice.dsn, host="127.0.0.1", port=proxy.port))
        await proxy.cut()
        with pytest.raises(SourceUnavailable):
            await worker.run(stop)
        assert await extractor.left() == 1
        proxy.restore()
        working = asyncio.create_task(worker.run(stop))
        await eventually(extractor.nothing_left, 30)
        stop.set()
        await working


async def test_connections_come_from_one_setting(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As JSON in the environment; shown nowhere; what is wrong is named without its value."""
    told = {"restored": postgres_connection(database, connect={"password": "Hunter2"})}
    monkeypatch.setenv("EXTRACTOR_DATABASES", json.dumps(told))
    made = load_settings(Settings, **settings(database, tmp_path))
    secret = made.databases["restored"].connect.get_secret_value()
    assert secret["password"] == "Hunter2"
    assert "Hunter2" not in repr(made) + made.model_dump_json()
    for wrong in (
        '{"restored": {"driver": "pg8000.dbapi", "passwort": "Hunter2"}}',
        '{"restored": {"connect": {"password": "Hunter2"}}}',
        '{"Not a name": {"driver": "pg8000.dbapi", "dsn": "Hunter2"}}',
        '{"restored": Hunter2',
    ):
        monkeypatch.setenv("EXTRACTOR_DATABASES", wrong)
        with pytest.raises(ConfigurationError) as caught:
            load_settings(Settings, **settings(database, tmp_path))
        assert "databases" in str(caught.value)
        assert "Hunter2" not in str(caught.value) + repr(caught.value.details)


async def test_an_extractor_does_not_start_without_a_driver(database: str, tmp_path: Path) -> None:
    """A wrong setting stops the start and names the connection."""
    told = Settings(
        **settings(database, tmp_path),
        databases={"restored": ConnectionSettings(driver="no_such_driver")},
    )
    with pytest.raises(ConfigurationError) as caught:
        async with open_app(told):
            pass
    assert "restored" in str(caught.value)
