"""What the job API can do: check, change rows and owe commands, in one transaction each."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from bridgework_contracts.codec import Command
from bridgework_contracts.commands import (
    AuditExport,
    CancelRun,
    PauseRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.ids import JobId, RunId, TenantId, new_job_id, new_run_id
from bridgework_contracts.runs import RunKind, RunSpec, SampleSpec, SourceSpec, Wave
from bridgework_contracts.topics import tenant_topics
from bridgework_eventlog.port import EventLog
from bridgework_mapping.document import MappingDocument
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant, TenantDirectory, TenantUnknown
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_control.adapters.reconciler import ReconcilerClient
from bridgework_control.dead_letters import DeadLetters
from bridgework_control.domain.gates import evidence_for
from bridgework_control.domain.jobs import BUSY, DURING, NEEDED_FOR_RUN, Gate, JobState
from bridgework_control.domain.runs import BEFORE, ENDED, RunState, on_resume, run_of
from bridgework_control.domain.undo import undo_waves
from bridgework_control.domain.views import gate_views, job_report, job_view, run_view
from bridgework_control.findings import open_findings
from bridgework_control.http.models import (
    GateApprove,
    JobCreate,
    MappingConfirm,
    RunCreate,
    TenantCreate,
)
from bridgework_control.http.problems import ApiError
from bridgework_control.publishing import command_messages
from bridgework_control.settings import Settings

SCHEMA = "control"
Row = Mapping[str, Any]


class Control:
    """The operations behind the job API.

    Args:
        pool: control's PostgreSQL pool.
        directory: The tenants; control is the one who writes them.
        log: Where a new tenant's topics are created.
        outbox: Commands leave through it.
        settings: This service's settings.
        reconciler: Pages of the journal.
        dead_letters: Messages that wait for a person.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        directory: TenantDirectory,
        log: EventLog,
        outbox: ServiceOutbox,
        settings: Settings,
        reconciler: ReconcilerClient,
        dead_letters: DeadLetters,
    ) -> None:
        self.pool = pool
        self.directory = directory
        self.reconciler = reconciler
        self.dead_letters = dead_letters
        self._log = log
        self._outbox = outbox
        self._settings = settings
        self.jobs = Statements.load("bridgework_control", "sql/jobs.sql", schema=SCHEMA)
        self.runs = Statements.load("bridgework_control", "sql/runs.sql", schema=SCHEMA)

    # ---- tenants ----------------------------------------------------------------------------

    async def create_tenant(self, body: TenantCreate) -> Tenant:
        """Register a practice: its key, its connection, its topics.

        Raises:
            ApiError: ``tenant_exists``.
        """
        tenant_id = TenantId(body.tenant_id)
        if tenant_id in {tenant.tenant_id for tenant in await self.directory.list()}:
            raise ApiError("This tenant exists already.", code="tenant_exists")
        connection = body.zoho.model_dump(mode="json") | {
            "client_secret": body.zoho.client_secret.get_secret_value(),
            "refresh_token": body.zoho.refresh_token.get_secret_value(),
        }
        # Topics first: a tenant that others can see must have them.
        await self._log.create_topics(tenant_topics(tenant_id, body.partitions))
        return await self.directory.create(
            tenant_id,
            body.display_name,
            time_zone=body.time_zone,
            partitions=body.partitions,
            zoho=connection,
        )

    async def tenant(self, tenant_id: str) -> Tenant:
        """Return a tenant.

        Raises:
            ApiError: ``not_found``.
        """
        try:
            return await self.directory.get(TenantId(tenant_id))
        except TenantUnknown as exc:
            raise ApiError("There is no such tenant.", code="not_found") from exc

    # ---- jobs -------------------------------------------------------------------------------

    async def create_job(self, body: JobCreate) -> JobId:
        """Create a job and ask for the audit of its export."""
        tenant = await self.tenant(body.tenant_id)
        document = (
            MappingDocument.default()
            if body.mapping is None
            else MappingDocument.parse(body.mapping)
        )
        source = SourceSpec(
            export_path=body.export_path,
            profile=body.profile,
            practice_timezone=body.practice_timezone,
            appointment_unit_min=body.appointment_unit_min,
            dialect_pins=body.dialect_pins,
        )
        job_id = new_job_id()
        async with self._outbox.transaction() as connection:
            await connection.execute(
                self.jobs.insert_job,
                job_id,
                tenant.tenant_id,
                body.name,
                JobState.AUDITING,
                source.model_dump(mode="json") | {"fallback_email": body.fallback_email},
                document.dump(),
                document.hash,
                None,
            )
            await self._send(connection, tenant, [self._audit_command(job_id, source)])
        return job_id

    async def audit_again(self, job_id: str) -> None:
        """Audit the job's export once more (after a repair, or a failed audit)."""
        async with self._outbox.transaction() as connection:
            job = await self._locked_job(connection, job_id)
            _refuse_busy(job)
            tenant = await self.tenant(job["tenant_id"])
            await connection.execute(self.jobs.set_state, job_id, JobState.AUDITING, None)
            source = SourceSpec.model_validate(job["source"])
            await self._send(connection, tenant, [self._audit_command(JobId(job_id), source)])

    def _audit_command(self, job_id: JobId, source: SourceSpec) -> Command:
        audit_id = f"audit_{secrets.token_hex(8)}"
        folder = self._settings.reports_dir / job_id / audit_id
        return AuditExport(job_id=job_id, audit_id=audit_id, source=source, report_dir=str(folder))

    async def job_row(self, job_id: str) -> Row:
        """Return a job's row.

        Raises:
            ApiError: ``not_found``.
        """
        row = await self.pool.fetchrow(self.jobs.job, job_id)
        if row is None:
            raise ApiError("There is no such job.", code="not_found")
        return dict(row)

    async def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as the API shows it."""
        job = await self.job_row(job_id)
        return job_view(job, await self.pool.fetch(self.jobs.gates, job_id))

    async def jobs_page(
        self, tenants: Sequence[str] | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Return jobs, newest first."""
        rows = await self.pool.fetch(self.jobs.jobs_page, tenants, *(before or (None, None)), limit)
        return [
            job_view(row, await self.pool.fetch(self.jobs.gates, row["job_id"])) for row in rows
        ]

    async def apply_schema(self, job_id: str) -> None:
        """Ask for the schema to be applied, read back, and owners to be resolved.

        Raises:
            ApiError: ``gate_not_ready`` unless the audit was accepted; ``job_busy``.
        """
        async with self._outbox.transaction() as connection:
            job = await self._locked_job(connection, job_id)
            _refuse_busy(job)
            await self._need(connection, job_id, (Gate.G1_AUDIT,))
            await connection.execute(self.jobs.set_state, job_id, JobState.APPLYING_SCHEMA, None)
            await connection.execute(self.jobs.ask_step, job["tenant_id"], job_id, "apply_schema")

    async def confirm_mapping(self, job_id: str, body: MappingConfirm) -> None:
        """Keep a person's decisions about owners and the source, and approve gate G3."""
        async with self._outbox.transaction() as connection:
            job = await self._locked_job(connection, job_id)
            _refuse_busy(job)
            source = dict(job["source"])
            merges = dict(source.get("merges", {}))
            if body.accept_auto_merges:
                for proposal in await self.duplicates(job_id):
                    if proposal["grade"] == "auto":
                        merges[proposal["duplicate"]] = proposal["keep"]
            merges.update(body.merges)
            source["merges"] = merges
            source["referral_values"] = {
                **source.get("referral_values", {}),
                **body.referral_values,
            }
            owners = [
                {
                    **owner,
                    "user_id": body.owners[owner["provider_key"]],
                    "evidence": "person",
                    "review": False,
                }
                if owner["provider_key"] in body.owners
                else owner
                for owner in job["owners"]
            ]
            await connection.execute(self.jobs.set_source, job_id, source)
            await connection.execute(self.jobs.set_owners, job_id, owners)
            await self._approve(
                connection, job_id, Gate.G3_MAPPING, GateApprove(approver=body.approver)
            )
            await connection.execute(self.jobs.set_state, job_id, JobState.READY, None)

    async def duplicates(self, job_id: str) -> list[dict[str, Any]]:
        """Return proposed duplicate people with their evidence."""
        job = await self.job_row(job_id)
        blob = await self.pool.fetchval(self.jobs.findings, job_id, "duplicates")
        return open_findings(await self.tenant(job["tenant_id"]), job_id, blob)

    async def schema_plan(self, job_id: str) -> dict[str, Any]:
        """Return the plan's lines with their credits, and what was applied of it."""
        job = await self.job_row(job_id)
        plan = MappingDocument.parse(job["mapping"]).schema_plan()
        return {"plan": plan.describe(), "applied": job["schema_plan"]}

    # ---- gates ------------------------------------------------------------------------------

    async def gates(self, job_id: str) -> list[dict[str, Any]]:
        """Return every gate with its evidence as it is now."""
        job = await self.job_row(job_id)
        runs = await self.pool.fetch(self.runs.runs_of_job, job_id)
        return gate_views(job, runs, await self.pool.fetch(self.jobs.gates, job_id))

    async def approve_gate(self, job_id: str, gate: Gate, body: GateApprove) -> None:
        """Approve a gate over its present evidence.

        Raises:
            ApiError: ``gate_not_ready`` while something stands in its way; ``conflict`` when the
                evidence is no longer what the approver saw.
        """
        async with self._outbox.transaction() as connection:
            await self._locked_job(connection, job_id)
            await self._approve(connection, job_id, gate, body)

    async def _approve(
        self, connection: Connection, job_id: str, gate: Gate, body: GateApprove
    ) -> None:
        job = await connection.fetchrow(self.jobs.job, job_id)
        runs = await connection.fetch(self.runs.runs_of_job, job_id)
        approved = await connection.fetch(self.jobs.gates, job_id)
        evidence = evidence_for(
            gate, dict(job or {}), runs, frozenset(Gate(row["gate"]) for row in approved)
        )
        if evidence.blockers:
            raise ApiError(
                " ".join(evidence.blockers),
                code="gate_not_ready",
                errors=[{"what": blocker} for blocker in evidence.blockers],
            )
        if body.evidence_hash is not None and body.evidence_hash != evidence.hash:
            raise ApiError("The evidence has changed since it was read.", code="conflict")
        await connection.execute(
            self.jobs.approve_gate,
            job_id,
            gate,
            evidence.facts,
            evidence.hash,
            body.approver,
            body.comment,
        )
        if gate is Gate.G7_GO_LIVE:
            await connection.execute(self.jobs.set_state, job_id, JobState.LIVE, None)

    async def _need(self, connection: Connection, job_id: str, needed: Sequence[Gate]) -> None:
        approved = {Gate(row["gate"]) for row in await connection.fetch(self.jobs.gates, job_id)}
        missing = [gate for gate in needed if gate not in approved]
        if missing:
            raise ApiError(
                f"Approve {', '.join(missing)} first.",
                code="gate_not_ready",
                errors=[{"gate": gate} for gate in missing],
            )

    # ---- runs -------------------------------------------------------------------------------

    async def create_run(self, job_id: str, body: RunCreate) -> RunId:
        """Start a run.

        Raises:
            ApiError: ``gate_not_ready``, ``job_busy``, ``invalid_request``.
        """
        async with self._outbox.transaction() as connection:
            job = await self._locked_job(connection, job_id)
            _refuse_busy(job)
            await self._need(connection, job_id, NEEDED_FOR_RUN[body.kind])
            runs = await connection.fetch(self.runs.runs_of_job, job_id)
            tenant = await self.tenant(job["tenant_id"])
            spec = _run_spec(job, runs, body)
            if body.kind is RunKind.DELTA:
                await connection.execute(
                    self.jobs.set_source,
                    job_id,
                    {**job["source"], "export_path": spec.source.export_path},
                )
            await connection.execute(
                self.runs.insert_run,
                spec.run_id,
                job_id,
                tenant.tenant_id,
                spec.kind,
                RunState.STARTING,
                spec.model_dump(mode="json"),
                max((wave.index for wave in spec.waves), default=0),
            )
            await connection.execute(self.jobs.set_state, job_id, DURING[body.kind], None)
            await self._send(
                connection,
                tenant,
                [StartRun(spec=spec), TakeFingerprint(run_id=spec.run_id, label=BEFORE)],
            )
        return spec.run_id

    async def run_row(self, run_id: str) -> Row:
        """Return a run's row.

        Raises:
            ApiError: ``not_found``.
        """
        row = await self.pool.fetchrow(self.runs.run, run_id)
        if row is None:
            raise ApiError("There is no such run.", code="not_found")
        return dict(row)

    async def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as the API shows it."""
        return run_view(await self.run_row(run_id))

    async def runs_of(self, job_id: str) -> list[dict[str, Any]]:
        """Return a job's runs, oldest first."""
        await self.job_row(job_id)
        return [run_view(row) for row in await self.pool.fetch(self.runs.runs_of_job, job_id)]

    async def pause_run(self, run_id: str) -> None:
        """Stop writing until ``resume_run``."""
        await self._switch(run_id, {RunState.MOVING}, RunState.PAUSED)

    async def resume_run(self, run_id: str) -> None:
        """Go on writing, also after a failure that a person has repaired."""
        async with self._outbox.transaction() as connection:
            row = await self._locked_run(
                connection, run_id, {RunState.PAUSED, RunState.FAILED}, RunState.MOVING
            )
            step = on_resume(run_of(row), row["resumes"] + 2)
            await connection.execute(self.runs.resume, run_id, step.state, step.open_wave)
            tenant = await self.tenant(row["tenant_id"])
            await self._send(connection, tenant, step.commands)

    async def cancel_run(self, run_id: str) -> None:
        """End a run where it is; what it did can be undone."""
        # A failed one too: its job stays busy until it is resumed or given up.
        going = (set(RunState) - ENDED) | {RunState.FAILED}
        await self._switch(run_id, going, RunState.CANCELLED)

    async def _switch(self, run_id: str, allowed: set[RunState], to: RunState) -> None:
        async with self._outbox.transaction() as connection:
            run = await self._locked_run(connection, run_id, allowed, to)
            identity = RunId(run_id)
            command: Command
            if to is RunState.PAUSED:
                command = PauseRun(run_id=identity, reason="asked for")
            else:
                command = CancelRun(run_id=identity)
            if to is RunState.CANCELLED:
                await connection.execute(self.runs.finish, run_id, to, None)
                await connection.execute(self.jobs.set_state, run["job_id"], JobState.READY, None)
            else:
                await connection.execute(self.runs.stop, run_id, to, None)
            tenant = await self.tenant(run["tenant_id"])
            await self._send(connection, tenant, [command])

    async def report(self, job_id: str) -> dict[str, Any]:
        """Return the acceptance report of a job."""
        job = await self.job_row(job_id)
        runs = await self.pool.fetch(self.runs.runs_of_job, job_id)
        return job_report(job, runs, await self.pool.fetch(self.jobs.gates, job_id))

    # ---- inside -----------------------------------------------------------------------------

    async def _locked_job(self, connection: Connection, job_id: str) -> Row:
        row = await connection.fetchrow(self.jobs.lock_job, job_id)
        if row is None:
            raise ApiError("There is no such job.", code="not_found")
        return dict(row)

    async def _locked_run(
        self, connection: Connection, run_id: str, allowed: set[RunState], to: RunState
    ) -> Row:
        row = await connection.fetchrow(self.runs.lock_run, run_id)
        if row is None:
            raise ApiError("There is no such run.", code="not_found")
        if row["state"] not in allowed:
            raise ApiError(
                f"A run that is {row['state']} cannot become {to}.", code="illegal_transition"
            )
        return dict(row)

    async def _send(
        self, connection: Connection, tenant: Tenant, commands: Sequence[Command]
    ) -> None:
        await self._outbox.add_many(connection, command_messages(tenant.tenant_id, commands))


def _refuse_busy(job: Row) -> None:
    if JobState(job["state"]) in BUSY:
        raise ApiError(f"The job is {job['state']}; wait for it to end.", code="job_busy")


def _run_spec(job: Row, runs: Sequence[asyncpg.Record], body: RunCreate) -> RunSpec:
    document = MappingDocument.parse(job["mapping"])
    by_id = {run["run_id"]: run for run in runs}
    waves: tuple[Wave, ...] = document.waves()
    source = SourceSpec.model_validate(job["source"])
    base: RunId | None = None
    if body.kind is RunKind.UNDO:
        if body.undo_of is None or body.undo_of not in by_id:
            raise ApiError("undo_of must name a run of this job.", code="invalid_request")
        waves = undo_waves(waves)
    elif body.kind is RunKind.DELTA:
        if not body.export_path:
            raise ApiError("A delta needs export_path.", code="invalid_request")
        source = source.model_copy(update={"export_path": body.export_path})
        moved = [
            run
            for run in runs
            if run["kind"] in {RunKind.FULL, RunKind.DELTA} and run["state"] == RunState.FINISHED
        ]
        if not moved:
            raise ApiError("A delta needs a finished full run.", code="conflict")
        base = RunId(moved[-1]["run_id"])
    return RunSpec(
        run_id=new_run_id(),
        job_id=JobId(job["job_id"]),
        tenant_id=TenantId(job["tenant_id"]),
        kind=body.kind,
        mapping=job["mapping"],
        mapping_hash=job["mapping_hash"],
        live_names=job["live_names"],
        waves=waves,
        owners=job["owners"],
        fallback_user_id=job["fallback_user_id"] or "",
        migration_user_id=job["migration_user_id"],
        source=source,
        sample=(body.sample or SampleSpec()) if body.kind is RunKind.REHEARSAL else None,
        base_run_id=base,
        undo_of=RunId(body.undo_of) if body.undo_of and body.kind is RunKind.UNDO else None,
    )


def key_hash(api_key: str) -> str:
    """Return what is stored of an API key."""
    return hashlib.sha256(api_key.encode()).hexdigest()
