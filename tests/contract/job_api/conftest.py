"""The job API on a real port over real PostgreSQL, the reconciler's port behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.ids import RunId, TenantId
from bridgework_contracts.outcomes import Effect, Outcome, Reason, RecordOutcome
from bridgework_contracts.progress import QuarantinedPlace
from bridgework_contracts.records import Problem, Provenance
from bridgework_control.app import open_app
from bridgework_control.operations import Control
from bridgework_control.settings import Settings
from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.http import build_http
from bridgework_reconciler.settings import Settings as ReconcilerSettings
from bridgework_service.chassis import open_chassis
from bridgework_service.health import serve
from bridgework_testkit.settings import common_settings
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

KEY = "bootstrap-key-of-the-tests"
TENANT = "harbor"
LEAD = {"approver": "lead"}
OWNER = {"provider_key": "11", "user_id": "9", "evidence": "email", "review": False}


@dataclass(frozen=True)
class JobApi:
    """Where the API listens, and the ids of what is there."""

    url: str
    schema: dict[str, Any]
    control: Control
    things: dict[str, list[str]]
    states: dict[str, str]

    async def reset(self) -> None:
        """Put every job and run back into the state it was made in."""
        pool = self.control.pool
        ours = [*self.things["job_id"], *self.things["run_id"]]
        await pool.execute("delete from control.job_runs where run_id <> all($1::text[])", ours)
        await pool.execute("update control.quarantine set state = 'open'")
        await _fix_one(self.control, self.things["job_id"])
        for thing, state in self.states.items():
            await pool.execute("update control.jobs set state = $2 where job_id = $1", thing, state)
            await pool.execute(
                "update control.job_runs set state = $2 where run_id = $1", thing, state
            )


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an app on a free port; yield its address."""
    stop, started = asyncio.Event(), asyncio.Event()
    ports: list[int] = []

    def announce(port: int) -> None:
        ports.append(port)
        started.set()

    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, stop, on_started=announce))
    await started.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        stop.set()
        await serving


@pytest.fixture
async def job_api(database: str, tmp_path: Path) -> AsyncIterator[JobApi]:
    """The API with jobs, runs, outcomes and a dead letter; nothing works in the background."""
    async with AsyncExitStack() as stack:
        chassis = await stack.enter_async_context(
            open_chassis(
                ReconcilerSettings(**common_settings(database)),
                schema="reconciler",
                package="bridgework_reconciler",
            )
        )
        journal = Journal(chassis.pool)
        inner = await stack.enter_async_context(listening(build_http(journal)))
        settings = Settings(
            **common_settings(database),
            bootstrap_api_key=SecretStr(KEY),
            reconciler_url=inner,
            reports_dir=tmp_path,
        )
        app = await stack.enter_async_context(open_app(settings))
        assert isinstance(app.http, FastAPI)
        url = await stack.enter_async_context(listening(app.http))
        control: Control = app.http.state.control
        things = await _furnish(url, control)
        sealer = await control.directory.sealer(TenantId(TENANT))
        run_id = RunId(things["run_id"][0])
        async with chassis.pool.acquire() as connection, connection.transaction():
            await journal.add(connection, run_id, outcomes_of(run_id), sealer)
        rows = await control.pool.fetch(
            "select job_id as id, state from control.jobs"
            " union all select run_id, state from control.job_runs"
        )
        states = {row["id"]: row["state"] for row in rows}
        yield JobApi(url, app.http.openapi(), control, things, states)


def outcomes_of(run_id: RunId) -> list[RecordOutcome]:
    """Return five outcomes of a run, one of them with everything a person may ask."""
    return [
        RecordOutcome(
            run_id=run_id,
            object="patient",
            key="0",
            outcome=Outcome.PARKED,
            reason=Reason(code="parent_missing", sentence="s", remedy="r", missing_key="9"),
            provenance=(Provenance(file="patients.csv", line=2),),
            problems=(
                Problem(file="f", line=2, field="zip", code="odd", effect="kept_raw", remedy="r"),
            ),
            credits=0.5,
            decided_by="loader",
        ),
        *(
            RecordOutcome(
                run_id=run_id,
                object="patient",
                key=str(n),
                outcome=Outcome.INSERTED,
                effect=Effect.CREATED,
                module="Contacts",
                zoho_id=f"z-{n}",
                decided_by="loader",
            )
            for n in range(1, 5)
        ),
    ]


async def _put_run_into(control: Control, run_id: str, state: str) -> None:
    """Leave a run as orchestration would, without any service working on it."""
    await control.pool.execute(control.runs.advance, run_id, "moving", 1)
    if state == "paused":
        await control.pool.execute(control.runs.stop, run_id, state, None)
    elif state == "finished":
        await control.pool.execute(control.runs.finish, run_id, state, None)


async def _quarantine(control: Control, job_id: str) -> None:
    """Find two places in a job's export."""
    places = [
        QuarantinedPlace(
            item_id=item_id,
            object="patient",
            key="1",
            file="patients.csv",
            line=2,
            column="dob",
            code="date_impossible",
            effect="left_out",
            row_mark="ab",
        )
        for item_id in ("q_open", "q_fixed")
    ]
    async with control.pool.acquire() as connection, connection.transaction():
        await control.quarantine.heard(connection, job_id, "audit_1", places, 0, ())


async def _fix_one(control: Control, jobs: list[str]) -> None:
    """Leave one place of every job with a correction that waits to be released."""
    await control.pool.execute(
        "update control.quarantine set state = 'fixed' where item_id = 'q_fixed'"
        " and job_id = any($1::text[])",
        jobs,
    )


async def _furnish(url: str, control: Control) -> dict[str, list[str]]:
    """Make a tenant, jobs and runs in several states, and a dead letter."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=f"{url}/v1", headers=headers) as http:

        async def post(path: str, body: Any) -> Any:
            answer = await http.post(path, json=body)
            answer.raise_for_status()
            return answer.json()

        async def audited() -> str:
            body = {
                "tenant_id": TENANT,
                "name": "n",
                "export_path": "e",
                "fallback_email": "a@b.example",
            }
            job_id = str((await post("/jobs", body))["job_id"])
            await control.pool.execute(
                control.jobs.set_audit, job_id, {"blockers": []}, "audited", None
            )
            return job_id

        async def ready() -> str:
            job_id = await audited()
            await post(f"/jobs/{job_id}/gates/G1/approve", LEAD)
            plan = {"applied": True, "drift": []}
            await control.pool.execute(
                control.jobs.set_schema, job_id, plan, {}, [OWNER], "9", "9", "schema_applied"
            )
            await post(f"/jobs/{job_id}/gates/G2/approve", LEAD)
            await post(f"/jobs/{job_id}/mapping/confirm", LEAD)
            return job_id

        zoho = {"client_id": "c", "client_secret": "s", "refresh_token": "r", "org_id": "1"}
        names = {"tenant_id": TENANT, "display_name": "Harbor"}
        await post("/tenants", {**names, "partitions": 1, "zoho": zoho})
        jobs = [await audited(), await ready()]
        runs = []
        for state, of_job in (("moving", "rehearsing"), ("paused", "rehearsing"),
                              ("finished", "rehearsed")):  # fmt: skip
            job_id = await ready()
            run_id = (await post(f"/jobs/{job_id}/runs", {"kind": "rehearsal"}))["run_id"]
            await _put_run_into(control, run_id, state)
            await control.pool.execute(control.jobs.set_state, job_id, of_job, None)
            jobs.append(job_id)
            runs.append(run_id)
        job_id = await ready()
        await control.pool.execute(control.jobs.approve_gate, job_id, "G4", {}, "h", "lead", "")
        run_id = (await post(f"/jobs/{job_id}/runs", {"kind": "full"}))["run_id"]
        await _put_run_into(control, run_id, "finished")
        await control.pool.execute(control.jobs.set_state, job_id, "loaded", None)
        jobs.append(job_id)
        runs.append(run_id)
    tenant = await control.directory.get(TenantId(TENANT))
    letter = DeadLetter(
        dead_letter_id="dl_1",
        topic=f"bridgework.{TENANT}.records.v1",
        partition=0,
        offset=1,
        key="1",
        group="g",
        service="transformer",
        error_class="ContractViolation",
        code="undecodable_message",
        hint="Look at it.",
        attempts=1,
        value_b64="",
        at=datetime.now(UTC).isoformat(),
    )
    async with control.pool.acquire() as connection:
        await control.dead_letters.keep(connection, tenant, letter)
    for job_id in jobs:
        await _quarantine(control, job_id)
    return {
        "tenant_id": [TENANT],
        "item_id": ["q_open", "q_fixed"],
        "job_id": jobs,
        "run_id": runs,
        "dead_letter_id": ["dl_1"],
    }
