"""An export that names a restored database: audited and extracted by a tenant's worker."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bridgework_contracts.commands import AuditExport, CancelRun, StartRun
from bridgework_contracts.errors import ConfigurationError
from bridgework_contracts.ids import JobId, RunId
from bridgework_contracts.progress import (
    AuditWaiting,
    ExportAudited,
    RunFailed,
    RunWaiting,
    SnapshotSealed,
)
from bridgework_contracts.runs import RunKind, SourceSpec
from bridgework_dental_exec.databases.connections import Connections, ConnectionSettings
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_eventlog.port import NewRecord
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
    extractor: Extractor, practice: Practice, tmp_path: Path
) -> None:
    """Control hears what it waits for at each try; other work goes first; then it is done."""
    tenant, at, stop = await extractor.tenant(), urlsplit(practice.dsn), asyncio.Event()
    assert at.hostname
    assert at.port
    run = full_run(practice.named, "run_1")
    audits = [
        AuditExport(
            job_id=JobId("job_1"),
            audit_id=f"audit_{name}",
            source=SourceSpec(export_path=str(export)),
            report_dir=str(tmp_path / name),
        )
        for name, export in (("server", practice.named), ("files", practice.csv))
    ]
    await extractor.ask(tenant, StartRun(spec=run))
    for audit in audits:
        await extractor.ask(tenant, audit)
    async with FaultProxy(at.hostname, at.port) as proxy:
        worker = extractor.worker(tenant, restored(practice.dsn, host="127.0.0.1", port=proxy.port))
        await proxy.cut()
        working = asyncio.create_task(worker.run(stop))

        async def waited_twice() -> bool:
            said = await extractor.said(tenant)
            return sum(isinstance(one, RunWaiting) for one in said) >= 2

        await eventually(waited_twice, 30)
        said = await extractor.said(tenant)
        assert await extractor.left() == 2
        (done,) = [one for one in said if isinstance(one, ExportAudited)]
        assert (done.audit_id, done.ok) == ("audit_files", True)
        waiting = [one for one in said if isinstance(one, RunWaiting | AuditWaiting)]
        assert {type(one) for one in waiting} == {RunWaiting, AuditWaiting}
        assert {(one.code, one.until) for one in waiting} == {("source_unavailable", None)}
        assert "restored does not answer" in waiting[0].sentence
        proxy.restore()
        await eventually(extractor.nothing_left, 60)
        stop.set()
        await working
    ended = (await extractor.said(tenant))[len(said) :]
    assert [type(one) for one in ended if not isinstance(one, RunWaiting | AuditWaiting)] in (
        [SnapshotSealed, ExportAudited],
        [ExportAudited, SnapshotSealed],
    )


async def test_a_run_that_waits_can_be_cancelled(extractor: Extractor, practice: Practice) -> None:
    """Nothing is said of it any more, and nothing is left to do."""
    tenant, stop = await extractor.tenant(), asyncio.Event()
    await extractor.ask(tenant, StartRun(spec=full_run(practice.named, "run_1")))
    worker = extractor.worker(tenant, restored(practice.dsn, host="127.0.0.1", port=1))
    working = asyncio.create_task(worker.run(stop))
    await eventually(lambda: extractor.said(tenant))
    await extractor.ask(tenant, CancelRun(run_id=RunId("run_1")))
    assert await extractor.nothing_left()
    stop.set()
    await working
    assert {type(one) for one in await extractor.said(tenant)} == {RunWaiting}


async def test_a_run_that_is_cancelled_while_it_is_read_stops(
    extractor: Extractor, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next batch; its next run reads everything, and a later delta has no such base."""
    tenant, stop = await extractor.tenant(), asyncio.Event()
    append = extractor.appended.append

    async def cancelled_meanwhile(topic: str, records: Sequence[NewRecord]) -> None:
        await append(topic, records)
        await extractor.ask(tenant, CancelRun(run_id=RunId("run_1")))

    monkeypatch.setattr(extractor.appended, "append", cancelled_meanwhile)
    for run_id in ("run_1", "run_2"):
        await extractor.ask(tenant, StartRun(spec=full_run(practice.csv, run_id)))
    working = asyncio.create_task(extractor.worker(tenant).run(stop))
    await eventually(extractor.nothing_left, 30)
    stop.set()
    await working
    runs = [one.headers["correlation_id"] for _, batch in extractor.appended.calls for one in batch]
    assert 0 < runs.count("run_1") < runs.count("run_2")
    (sealed,) = await extractor.said(tenant)
    assert isinstance(sealed, SnapshotSealed)
    assert sealed.run_id == "run_2"
    delta = full_run(practice.csv, "run_3").model_copy(
        update={"kind": RunKind.DELTA, "base_run_id": RunId("run_1")}
    )
    failed = await extractor.worker(tenant)._extract(delta)
    assert isinstance(failed, RunFailed)
    assert failed.code == "base_missing"


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
