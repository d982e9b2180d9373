"""A practice handed over as a database lands in Zoho as the same practice handed over as files."""

import asyncio
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bridgework.demo.sandbox import SandboxOrg, fallback_email
from bridgework.journey import Journey, JourneyFailed
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_synthetic import generate
from bridgework_testkit.eventually import eventually
from bridgework_testkit.restored import postgres_connection, restore_to_file, restore_to_postgres
from rich.console import Console

from services.bridgework.tests.conftest import Installation

pytestmark = pytest.mark.timeout(400)


@dataclass
class Practice:
    """One practice, its tables as they were read from its files."""

    folder: Path
    snapshot: Snapshot

    def handed_over(self, folder: Path) -> Path:
        """Return a folder that holds the practice without its tables: documents and facts."""
        shutil.copytree(self.folder, folder)
        for file in (folder / "export").iterdir():
            if file.is_file():
                file.unlink()
        return folder


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A small practice with every defect of the table."""
    folder = tmp_path_factory.mktemp("practice")
    generate(folder / "csv", patients=8, seed=3, dialect="a", defects=1.0)
    with open_export(folder / "csv" / "export", folder / "work") as export:
        return Practice(folder / "csv", seal_snapshot(export, folder / "snapshot"))


async def migrated(installation: Installation, tenant: str, folder: Path) -> SandboxOrg:
    """Take a practice the whole way by the command; return its org."""
    org, users = await installation.practice(tenant, folder)
    said = await installation.command(
        "migrate", str(folder / "export"), "--tenant", tenant, "--plans", "3",
        "--fallback-email", fallback_email(users), "--approver", "lead",
    )  # fmt: skip
    job_id = said.good().strip().rpartition("job ")[2]
    report = await installation.api.get(f"/jobs/{job_id}/report")
    assert report["balanced"]
    assert all(run["diff"]["mismatches"] == 0 for run in report["runs"] if run["diff"])
    return org


async def test_files_a_database_file_and_a_server_land_alike(
    installation: Installation, practice: Practice, tmp_path: Path
) -> None:
    """The whole road by ``bridgework migrate``; the three orgs hold the same, field by field."""
    in_file = practice.handed_over(tmp_path / "sqlite")
    restore_to_file(practice.snapshot, in_file / "export" / "restored.sqlite")
    on_server = practice.handed_over(tmp_path / "server")
    (on_server / "export" / "database.yaml").write_text("connection: restored\nschema: dbo\n")
    await restore_to_postgres(practice.snapshot, installation.restored_dsn, schema="dbo")
    found: dict[str, Any] = {}
    for tenant, folder in (
        ("onfiles", practice.folder), ("onsqlite", in_file), ("onserver", on_server),
    ):  # fmt: skip
        org = await migrated(installation, tenant, folder)
        found[tenant] = await org.fingerprint(ids=False)
        assert len(await org.rows("Contacts")) >= 8
        await org.close()
    assert found["onsqlite"] == found["onfiles"]
    assert found["onserver"] == found["onfiles"]


async def test_another_practice_cannot_read_the_connection(
    installation: Installation, practice: Practice, tmp_path: Path
) -> None:
    """Its job fails as if there were no such connection; nothing secret is in what is said."""
    folder = practice.handed_over(tmp_path / "p")
    org, users = await installation.practice("curious", folder)
    said = []
    for name in ("restored", "nowhere"):
        (folder / "export" / "database.yaml").write_text(f"connection: {name}\n")
        with pytest.raises(JourneyFailed) as caught:
            await installation.job("curious", folder, users)
        said.append(str(caught.value))
    await org.close()
    assert said[0] == said[1]
    assert "There is no connection of this name for this practice" in said[0]


async def test_a_job_says_that_its_server_does_not_answer(
    installation: Installation, practice: Practice, tmp_path: Path
) -> None:
    """Who migrates sees what it waits for, and so does who asks for the job."""
    folder = practice.handed_over(tmp_path / "p")
    (folder / "export" / "database.yaml").write_text("connection: away\n")
    org, users = await installation.practice("faraway", folder)
    printed = io.StringIO()
    journey = Journey(installation.api, Console(file=printed, width=200), approver="a test")
    creating = asyncio.create_task(
        journey.create(
            "faraway",
            folder / "export",
            fallback_email=fallback_email(users),
            time_zone="America/New_York",
            unit_min=10,
        )
    )
    words = "waits for source_unavailable until somebody acts: The source database behind"
    await eventually(lambda: words in printed.getvalue())
    creating.cancel()
    await asyncio.wait([creating])
    await org.close()
    jobs = (await installation.api.get("/jobs"))["data"]
    (job,) = [one for one in jobs if one["tenant_id"] == "faraway"]
    assert (job["state"], job["waiting"]["code"]) == ("auditing", "source_unavailable")


async def test_the_audit_command_reads_a_server(
    installation: Installation, practice: Practice, tmp_path: Path, database: str
) -> None:
    """``EXTRACTOR_DATABASES`` of this machine, whoever's it is; what is wrong is a sentence."""
    await restore_to_postgres(practice.snapshot, database)
    folder = practice.handed_over(tmp_path / "p") / "export"
    (folder / "database.yaml").write_text("connection: here\n")

    async def audit(connection: dict[str, Any], out: str = "a") -> tuple[int, str]:
        told = json.dumps({"here": connection})
        said = await installation.command(
            "audit", str(folder), "--out", str(tmp_path / out), EXTRACTOR_DATABASES=told
        )
        return said.code, said.out + said.err

    code, printed = await audit(postgres_connection(database))
    assert code == 0, printed
    text = await asyncio.to_thread((tmp_path / "a" / "audit.json").read_text, "utf-8")
    report = json.loads(text)
    assert report["objects"]["patient"] >= 8
    assert "Patients (database)" in text
    password = urlsplit(database).password or "?"
    assert password not in printed + text

    wrong = {"connect": {"password": "Hunter2"}}
    for connection, word in (
        (postgres_connection(database, **wrong), "database_connection_refused"),
        (postgres_connection(database, connect={"port": 1}), "source_unavailable"),
        ({"driver": "no_such_driver"}, "database_driver_missing"),
        ({"driver": "pg8000.dbapi", "password": "Hunter2"}, "settings_invalid"),
    ):
        code, printed = await audit(connection, "b")
        assert (code, word in printed) == (1, True), printed
        assert "Traceback" not in printed
        assert "Hunter2" not in printed
        assert password not in printed
    (folder / "database.yaml").write_text("connection: elsewhere\n")
    code, printed = await audit(postgres_connection(database), "b")
    assert (code, "database_connection_unknown" in printed) == (1, True), printed
