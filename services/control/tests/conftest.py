"""Control around a database of its own: its API in process, its handlers, and what it owes the log.

Nothing runs in the background unless a test asks for it: commands stay in the outbox, where a test
can read them, and progress is handed over batch by batch.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from bridgework_contracts.codec import Message, decode, encode, headers_for
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.ids import TenantId, message_id
from bridgework_contracts.progress import ExportAudited
from bridgework_contracts.topics import Subject, topic_name
from bridgework_control.app import open_app
from bridgework_control.handlers import DeadLetterHandler, ProgressHandler
from bridgework_control.operations import Control
from bridgework_control.run_operations import RunOperations
from bridgework_control.settings import Settings
from bridgework_eventlog.port import NewRecord
from bridgework_eventlog.sealed import SealedLog, associated_data
from bridgework_service.chassis import App
from bridgework_service.lifecycle import supervise
from bridgework_store.pool import Pool
from bridgework_testkit.databases import Databases
from bridgework_testkit.messages import batch_of
from bridgework_testkit.settings import common_settings
from bridgework_zoho.local import LocalOrg
from bridgework_zoho.settings import ZohoSettings
from fastapi import FastAPI
from pydantic import SecretStr

BOOTSTRAP = "bootstrap-key-of-the-tests"
LEAD = {"approver": "migration lead"}
NOWHERE = {
    "accounts_url": "http://127.0.0.1:9",
    "client_id": "1000.TEST",
    "client_secret": "s",
    "refresh_token": "r",
    "org_id": "1",
}
AUDIT = {"hash": "a" * 64, "grade": "B", "blockers": []}
FINGERPRINT = {"Contacts": {"count": 0, "hash": "0" * 64}}


@dataclass
class Answer:
    """An answer of the API."""

    status: int
    body: Any
    headers: httpx.Headers

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Check that this is a problem of RFC 9457, and return it."""
        assert (self.status, self.body.get("code")) == (status, code), self.body
        assert self.headers["content-type"] == "application/problem+json"
        assert set(self.body) == {"type", "title", "status", "code", "detail", "errors"}
        assert self.body["status"] == status
        assert self.body["title"]
        assert self.body["detail"]
        found: dict[str, Any] = self.body
        return found


class Api:
    """The job API as one API key sees it."""

    def __init__(self, http: httpx.AsyncClient, key: str | None) -> None:
        self._http = http
        self._key = key

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request below ``/v1``; header names with underscores for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._key is not None:
            sent.setdefault("Authorization", f"Bearer {self._key}")
        raw = {name.encode(): value.encode() for name, value in sent.items()}
        answer = await self._http.request(method, f"/v1{path}", json=body, headers=raw)
        return Answer(answer.status_code, answer.json() if answer.content else None, answer.headers)

    async def get(self, path: str) -> Any:
        """Return what a page shows."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """Return what an accepted request answers."""
        answer = await self.ask("POST", path, body, **headers)
        assert answer.status in {200, 201, 202}, answer.body
        return answer.body


@dataclass
class World:
    """Control, opened, and everything a test does to it."""

    app: App
    settings: Settings
    control: Control
    http: httpx.AsyncClient
    api: Api

    @property
    def pool(self) -> Pool:
        """Control's pool."""
        return self.control.pool

    @property
    def runs(self) -> RunOperations:
        """The operations on runs."""
        return RunOperations(self.control)

    @property
    def log(self) -> SealedLog:
        """The log with sealed values."""
        return SealedLog(self.control._log, self.control.directory.sealer_for)

    async def tenant(self, tenant_id: str | None = None, **zoho: Any) -> str:
        """Register a practice and return its id."""
        tenant_id = tenant_id or f"t{uuid4().hex[:12]}"
        await self.api.post("/tenants", tenant(tenant_id, **zoho))
        return tenant_id

    async def key_for(self, tenant_id: str | None) -> Api:
        """Issue an API key and return the API as it sees it."""
        made = await self.api.post("/api-keys", {"name": uuid4().hex, "tenant_id": tenant_id})
        return Api(self.http, made["api_key"])

    async def job(self, tenant_id: str | None = None) -> str:
        """Create a job and return its id."""
        made = await self.api.post("/jobs", job(tenant_id or await self.tenant()))
        return str(made["job_id"])

    async def tenant_of(self, job_id: str) -> TenantId:
        """Return whose job this is."""
        return TenantId((await self.control.job_row(job_id))["tenant_id"])

    async def owed(self, tenant_id: str) -> list[Message]:
        """Take the commands a tenant's services are owed, in order."""
        sealer = await self.control.directory.sealer(TenantId(tenant_id))
        topic = topic_name(TenantId(tenant_id), Subject.COMMANDS)
        rows = await self.pool.fetch(
            "with taken as (delete from control.outbox where topic = $1 returning *)"
            " select * from taken order by id",
            topic,
        )
        return [
            decode(sealer.open(row["value"], associated_data(topic, bytes(row["key"]))))
            for row in rows
        ]

    async def say(self, tenant_id: str, *words: Message) -> None:
        """Have control hear words of progress."""
        handler = ProgressHandler(
            tenant=await self.control.directory.get(TenantId(tenant_id)),
            outbox=self.control.outbox,
            jobs=self.control.jobs,
            runs=self.control.runs,
            quarantine=self.control.quarantine,
        )
        await handler.handle(batch_of(*words))

    async def bury(self, tenant_id: str, *letters: DeadLetter) -> None:
        """Have control hear of dead letters."""
        handler = DeadLetterHandler(
            tenant=await self.control.directory.get(TenantId(tenant_id)),
            outbox=self.control.outbox,
            letters=self.control.dead_letters,
        )
        await handler.handle(batch_of(*letters))

    # ---- moving a job on ------------------------------------------------------------------------

    async def audited(self, job_id: str, **report: Any) -> str:
        """Have the job's export audited; return the tenant."""
        tenant_id = await self.tenant_of(job_id)
        await self.say(
            tenant_id,
            ExportAudited.model_validate(
                {"job_id": job_id, "audit_id": "audit_1", "ok": True, "report": AUDIT | report}
            ),
        )
        return tenant_id

    async def approve(self, job_id: str, *gates: str) -> None:
        """Approve gates."""
        for gate in gates:
            await self.api.post(f"/jobs/{job_id}/gates/{gate}/approve", LEAD)

    async def ready(self, tenant_id: str | None = None) -> str:
        """Create a job whose mapping is confirmed; return its id."""
        job_id = await self.job(tenant_id)
        await self.audited(job_id)
        await self.approve(job_id, "G1")
        owner = {"provider_key": "11", "user_id": "9", "evidence": "email", "review": False}
        await self.pool.execute(
            self.control.jobs.set_schema,
            job_id,
            {"applied": True, "drift": [], "hash": "p"},
            {},
            [owner],
            "900",
            "901",
            "schema_applied",
        )
        await self.approve(job_id, "G2")
        await self.api.post(f"/jobs/{job_id}/mapping/confirm", LEAD)
        await self.owed(await self.tenant_of(job_id))
        return job_id

    async def start(self, job_id: str, kind: str = "rehearsal", **more: Any) -> str:
        """Start a run and return its id."""
        made = await self.api.post(f"/jobs/{job_id}/runs", {"kind": kind, **more})
        return str(made["run_id"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the service work: loops, steps, relay."""
        stop = asyncio.Event()
        task = asyncio.create_task(supervise(self.app, stop=stop, drain_timeout_s=10))
        try:
            yield
        finally:
            stop.set()
            await task

    async def publish(self, tenant_id: str, *words: Message) -> None:
        """Append words of progress to the tenant's topic, as the services do."""
        topic = topic_name(TenantId(tenant_id), Subject.PROGRESS)
        await self.log.producer().append(
            topic,
            [NewRecord(b"r", encode(one), headers_for(one, message_id(str(one)))) for one in words],
        )


def tenant(tenant_id: str, **zoho: Any) -> dict[str, Any]:
    """The body that registers a tenant."""
    return {
        "tenant_id": tenant_id,
        "display_name": "A Practice",
        "partitions": 2,
        "zoho": NOWHERE | zoho,
    }


def job(tenant_id: str, **more: Any) -> dict[str, Any]:
    """The body that creates a job."""
    return {
        "tenant_id": tenant_id,
        "name": "To Zoho",
        "export_path": "exports/harbor",
        "fallback_email": "fallback@example.com",
        **more,
    }


def settings_for(dsn: str, reports: Path, reconciler_url: str = "http://127.0.0.1:9") -> Settings:
    """Return settings of a control over one database."""
    return Settings(
        **common_settings(dsn),
        bootstrap_api_key=SecretStr(BOOTSTRAP),
        reconciler_url=reconciler_url,
        reports_dir=reports,
        zoho=ZohoSettings(backoff_base_s=0.01, backoff_max_s=0.05, max_attempts=2),
    )


@pytest.fixture
async def prepared(databases: Databases, tmp_path: Path) -> AsyncIterator[str]:
    """Dsn of a database of this test alone, every schema in place."""

    async def migrated(dsn: str) -> None:
        async with open_app(settings_for(dsn, tmp_path)):
            pass

    await databases.prepare_template("control", migrated)
    dsn = await databases.create(template="control")
    yield dsn
    await databases.drop(dsn)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[World]:
    """Open control; requests reach it in process, and an unexpected error is an answer."""
    async with open_app(settings) as app:
        assert isinstance(app.http, FastAPI)
        transport = httpx.ASGITransport(app.http, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as http:
            yield World(app, settings, app.http.state.control, http, Api(http, BOOTSTRAP))


@pytest.fixture
async def world(prepared: str, tmp_path: Path) -> AsyncIterator[World]:
    """A control of this test alone."""
    async with opened(settings_for(prepared, tmp_path)) as made:
        yield made


@pytest.fixture(scope="module")
async def shared(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A control that the tests of a module share; for those that are refused and change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    dsn = await databases.create()
    async with opened(settings_for(dsn, folder)) as made:
        yield made
    await databases.drop(dsn)


def grant(org: LocalOrg) -> dict[str, Any]:
    """A local org's connection as the API takes it."""
    connection = org.connection
    return {
        "accounts_url": connection.accounts_url,
        "content_url": connection.content_url,
        "client_id": connection.client_id,
        "client_secret": connection.client_secret.get_secret_value(),
        "refresh_token": connection.refresh_token.get_secret_value(),
        "org_id": connection.org_id,
    }
