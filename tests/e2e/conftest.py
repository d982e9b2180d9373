"""The whole stack for a story: a sandbox, six services as processes of their own, the job API."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bridgework.api import JobApi
from bridgework.demo.processes import answers, running
from bridgework.demo.sandbox import SandboxOrg, fallback_email, org_users
from bridgework.home import Home
from bridgework.journey import Journey
from bridgework.up import SERVICES, Ports, service_settings
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import Subject, topic_name
from bridgework_embedded.processes import free_port
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.rewind import rewind
from bridgework_eventlog.settings import EventLogSettings
from bridgework_testkit.ports import free_port_block
from bridgework_testkit.service_process import ServiceProcess
from bridgework_testkit.settings import environment
from rich.console import Console

GROUPS = {
    "control": (Subject.PROGRESS, Subject.DEAD_LETTERS),
    "extractor": (Subject.COMMANDS,),
    "transformer": (Subject.COMMANDS, Subject.RECORDS),
    "loader": (Subject.COMMANDS, Subject.WRITES),
    "rehoster": (Subject.COMMANDS, Subject.OUTCOMES, Subject.FILES),
    "reconciler": (Subject.COMMANDS, Subject.RECORDS, Subject.FILES, Subject.OUTCOMES),
}
"""Which service reads what, so that a test can put every group back to offset 0."""


class Stack:
    """Six service processes over one database and one log, and a sandbox beside them."""

    def __init__(
        self, home: Home, dsn: str, log: EventLogSettings, sandbox_url: str, base_port: int
    ) -> None:
        self.home = home
        self.log_settings = log
        self.sandbox_url = sandbox_url
        ports = Ports(base_port)
        told = log.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        told["kind"] = log.kind
        if log.dsn is not None:
            told["dsn"] = log.dsn.get_secret_value()
        self.services = {
            name: ServiceProcess(
                f"bridgework_{name}",
                env=environment(
                    name,
                    service_settings(name, home=home, dsn=dsn, event_log=told, ports=ports),
                ),
                url=f"http://127.0.0.1:{ports.of(name)}",
                log_path=home.path / f"{name}.log",
            )
            for name, _, _ in SERVICES
        }
        self.api = JobApi(f"http://127.0.0.1:{ports.of('control')}", home.secrets().api_key)

    async def start(self) -> None:
        """Start every service."""
        await asyncio.gather(*(service.start() for service in self.services.values()))

    async def stop(self) -> None:
        """Stop every service; they drain."""
        going = [service for service in self.services.values() if service.pid is not None]
        await asyncio.gather(*(service.stop() for service in going))

    async def new_org(self, tenant: str, practice: Path) -> tuple[SandboxOrg, list[dict[str, Any]]]:
        """Make an org for a practice and register the tenant."""
        org = SandboxOrg(self.sandbox_url)
        users = org_users(practice)
        await org.create(tenant, users, "America/New_York")
        await self.api.post(
            "/tenants",
            {
                "tenant_id": tenant,
                "display_name": tenant,
                "partitions": 4,
                "zoho": org.connection,
            },
        )
        return org, users

    async def job(
        self, tenant: str, practice: Path, users: list[dict[str, Any]]
    ) -> tuple[Journey, str]:
        """Create a job up to the confirmed mapping."""
        journey = Journey(self.api, Console(quiet=True), approver="a test")
        job_id = await journey.create(
            tenant,
            practice / "export",
            fallback_email=fallback_email(users),
            time_zone="America/New_York",
            unit_min=10,
        )
        await journey.prepare(job_id)
        return journey, job_id

    async def report(self, job_id: str) -> dict[str, Any]:
        """Return a job's report."""
        report: dict[str, Any] = await self.api.get(f"/jobs/{job_id}/report")
        return report

    async def back_to_the_start(self, tenant: str) -> None:
        """Put every consumer group of a tenant back to offset 0; the services must be stopped."""
        async with open_event_log(self.log_settings) as log:
            for service, subjects in GROUPS.items():
                for subject in subjects:
                    topic = topic_name(TenantId(tenant), subject)
                    await rewind(log, f"{service}.{tenant}.{subject}", [topic])

    async def lags(self, tenant: str) -> dict[str, int]:
        """Return group → records it has still to read, without those that have read all."""
        found: dict[str, int] = {}
        async with open_event_log(self.log_settings) as log:
            for service, subjects in GROUPS.items():
                for subject in subjects:
                    group = f"{service}.{tenant}.{subject}"
                    lag = await log.lag(group, [topic_name(TenantId(tenant), subject)])
                    if sum(lag.values()):
                        found[group] = sum(lag.values())
        return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A sandbox process for the session; every test makes its own orgs."""
    port = free_port()
    folder = tmp_path_factory.mktemp("sandbox")
    async with running(
        "sandbox", ["-m", "bridgework_zoho_sandbox", "--port", str(port)], folder / "log"
    ):
        url = f"http://127.0.0.1:{port}"
        await answers(f"{url}/sandbox/health")
        yield url


StackFactory = Callable[[EventLogSettings], Awaitable[Stack]]


@pytest_asyncio.fixture(loop_scope="session")
async def new_stack(
    database: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StackFactory]:
    """Start stacks; they are stopped at the end."""

    @asynccontextmanager
    async def opened(log: EventLogSettings) -> AsyncIterator[Stack]:
        home = Home(tmp_path_factory.mktemp("home"))
        stack = Stack(home, database, log, sandbox_url, free_port_block())
        async with stack.api:
            await stack.start()
            try:
                yield stack
            finally:
                await stack.stop()
                shutil.rmtree(home.snapshots, ignore_errors=True)

    async with AsyncExitStack() as closing:

        async def make(log: EventLogSettings) -> Stack:
            return await closing.enter_async_context(opened(log))

        yield make


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic practice with every defect of the table."""
    from bridgework_synthetic import generate

    folder = tmp_path_factory.mktemp("practice")
    generate(folder, patients=25, seed=11, dialect="a", defects=1.0)
    return folder


@pytest.fixture(scope="session")
def truth(practice: Path) -> dict[str, Any]:
    """The practice's answer key."""
    key: dict[str, Any] = json.loads((practice / "truth.json").read_text(encoding="utf-8"))
    return key
