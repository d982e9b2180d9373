"""All six services in this process over their own database, a Zoho beside them, and the command.

The command runs as people run it: a process of its own that speaks HTTP to the job API.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridgework.api import JobApi
from bridgework.demo.sandbox import SandboxOrg, fallback_email, org_users
from bridgework.home import Home
from bridgework.journey import Journey
from bridgework.up import SERVICES, Ports, service_settings
from bridgework_service.lifecycle import supervise
from bridgework_service.settings import load_settings
from bridgework_testkit.databases import Databases
from bridgework_testkit.ports import free_port_block
from bridgework_testkit.restored import postgres_connection
from bridgework_zoho.local import LocalZoho
from rich.console import Console

PRACTICE = "harbor"


@dataclass
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what it printed as JSON."""
        assert self.code == 0, (self.out, self.err)
        return json.loads(self.out)

    def good(self) -> str:
        """Return what it printed, having ended well."""
        assert self.code == 0, (self.out, self.err)
        return self.out


@dataclass
class Installation:
    """A running installation."""

    home: Home
    url: str
    api: JobApi
    zoho_url: str
    dsn: str
    restored_dsn: str
    """Where a practice's database may be restored: the connection ``restored`` of ``onserver``."""

    async def command(
        self, *arguments: str, stdin: str | None = None, api_key: str | None = None, **more: str
    ) -> Said:
        """Run ``bridgework`` with these arguments, and more environment."""
        environment = more | {
            "PATH": os.environ["PATH"],
            "COLUMNS": "220",
            "BRIDGEWORK_URL": self.url,
            "BRIDGEWORK_API_KEY": api_key or self.home.secrets().api_key,
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridgework", *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )  # fmt: skip
        out, err = await child.communicate((stdin or "").encode())
        return Said(child.returncode or 0, out.decode(), err.decode())

    async def practice(self, tenant: str, folder: Path) -> tuple[SandboxOrg, list[dict[str, Any]]]:
        """Make an org for a practice and register the tenant, through the command."""
        org, users = SandboxOrg(self.zoho_url), org_users(folder)
        await org.create(tenant, users, "America/New_York")
        body = {
            "tenant_id": tenant,
            "display_name": tenant,
            "partitions": 2,
            "zoho": org.connection,
        }
        file = self.home.path / f"{tenant}.json"
        await asyncio.to_thread(file.write_text, json.dumps(body), encoding="utf-8")
        assert tenant in (await self.command("tenant", "create", str(file))).good()
        return org, users

    async def job(
        self, tenant: str, folder: Path, users: list[dict[str, Any]]
    ) -> tuple[Journey, str]:
        """Create a job whose mapping is confirmed."""
        journey = Journey(self.api, Console(quiet=True), approver="a test")
        job_id = await journey.create(
            tenant,
            folder / "export",
            fallback_email=fallback_email(users),
            time_zone="America/New_York",
            unit_min=10,
        )
        await journey.prepare(job_id)
        return journey, job_id


@pytest.fixture(scope="session")
async def installation(
    databases: Databases, local_zoho: LocalZoho, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """Everything that ``bridgework up`` starts, for the whole session."""
    dsn, restored = await databases.create(), await databases.create()
    connections = {
        "restored": postgres_connection(restored, tenants=["onserver"]),
        "away": postgres_connection(restored, connect={"port": 1}, tenants=["faraway"]),
    }
    home = Home(tmp_path_factory.mktemp("home"))
    ports = Ports(free_port_block())
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("EXTRACTOR_DATABASES", json.dumps(connections))
            await stack.enter_async_context(_services(home, dsn, ports))
        url = f"http://127.0.0.1:{ports.of('control')}"
        api = await stack.enter_async_context(JobApi(url, home.secrets().api_key))
        await api.ready()
        yield Installation(home, url, api, local_zoho.base_url, dsn, restored)
    await databases.drop(dsn)
    await databases.drop(restored)


@asynccontextmanager
async def _services(home: Home, dsn: str, ports: Ports) -> AsyncIterator[None]:
    stop = asyncio.Event()
    log = {"kind": "embedded", "dsn": dsn, "session_timeout_s": 20}
    async with AsyncExitStack() as stack:
        tasks = []
        for name, open_app, kind in SERVICES:
            told = service_settings(name, home=home, dsn=dsn, event_log=log, ports=ports)
            settings = load_settings(kind, **told)
            app = await stack.enter_async_context(open_app(settings))
            served = supervise(
                app, stop=stop, drain_timeout_s=15, host=settings.host, port=settings.http_port
            )
            tasks.append(asyncio.create_task(served, name=name))
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
