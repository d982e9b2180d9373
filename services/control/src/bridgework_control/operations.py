"""What the job API can do to tenants, jobs, gates and the quarantine; runs: ``run_operations``.

Each operation checks, changes rows and owes commands in one transaction.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bridgework_contracts.codec import Command
from bridgework_contracts.commands import (
    AuditExport,
)
from bridgework_contracts.ids import JobId, TenantId, new_job_id
from bridgework_contracts.runs import SourceSpec
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
from bridgework_control.domain.jobs import BUSY, Gate, JobState
from bridgework_control.domain.views import gate_views, job_view
from bridgework_control.findings import open_findings
from bridgework_control.http.models import (
    GateApprove,
    JobCreate,
    MappingConfirm,
    PlaceDecision,
    PlaceFix,
    TenantCreate,
)
from bridgework_control.http.problems import ApiError
from bridgework_control.publishing import command_messages
from bridgework_control.quarantine import Quarantine
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
        quarantine: Places of exports that people correct or accept.
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
        quarantine: Quarantine,
    ) -> None:
        self.pool = pool
        self.directory = directory
        self.reconciler = reconciler
        self.dead_letters = dead_letters
        self._log = log
        self.outbox = outbox
        self._settings = settings
        self.jobs = Statements.load("bridgework_control", "sql/jobs.sql", schema=SCHEMA)
        self.runs = Statements.load("bridgework_control", "sql/runs.sql", schema=SCHEMA)
        self.quarantine = quarantine

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
        async with self.outbox.transaction() as connection:
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
            await self.send(connection, tenant, [self._audit_command(job_id, source)])
        return job_id

    async def audit_again(self, job_id: str) -> None:
        """Audit the job's export once more (after a repair, or a failed audit)."""
        async with self.outbox.transaction() as connection:
            job = await self.locked_job(connection, job_id)
            refuse_busy(job)
            tenant = await self.tenant(job["tenant_id"])
            await connection.execute(self.jobs.set_state, job_id, JobState.AUDITING, None)
            source = SourceSpec.model_validate(job["source"])
            source = source.model_copy(
                update={"corrections": await self.quarantine.corrections(connection, job_id)}
            )
            await self.send(connection, tenant, [self._audit_command(JobId(job_id), source)])

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
        async with self.outbox.transaction() as connection:
            job = await self.locked_job(connection, job_id)
            refuse_busy(job)
            await self.need(connection, job_id, (Gate.G1_AUDIT,))
            await connection.execute(self.jobs.set_state, job_id, JobState.APPLYING_SCHEMA, None)
            await connection.execute(self.jobs.ask_step, job["tenant_id"], job_id, "apply_schema")

    async def confirm_mapping(self, job_id: str, body: MappingConfirm) -> None:
        """Keep a person's decisions about owners and the source, and approve gate G3."""
        async with self.outbox.transaction() as connection:
            job = await self.locked_job(connection, job_id)
            refuse_busy(job)
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
        async with self.outbox.transaction() as connection:
            await self.locked_job(connection, job_id)
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

    async def need(self, connection: Connection, job_id: str, needed: Sequence[Gate]) -> None:
        """Refuse what needs gates that are not approved.

        Raises:
            ApiError: ``gate_not_ready``.
        """
        approved = {Gate(row["gate"]) for row in await connection.fetch(self.jobs.gates, job_id)}
        missing = [gate for gate in needed if gate not in approved]
        if missing:
            raise ApiError(
                f"Approve {', '.join(missing)} first.",
                code="gate_not_ready",
                errors=[{"gate": gate} for gate in missing],
            )

    # ---- quarantine -------------------------------------------------------------------------

    async def fix_place(self, job_id: str, item_id: str, body: PlaceFix) -> dict[str, Any]:
        """Keep a person's correction of a place; return the place."""
        tenant = await self.tenant((await self.job_row(job_id))["tenant_id"])
        async with self.outbox.transaction() as connection:
            await self.quarantine.fix(connection, tenant, job_id, item_id, body)
        return await self.quarantine.item(job_id, item_id)

    async def accept_place(self, job_id: str, item_id: str, body: PlaceDecision) -> dict[str, Any]:
        """Accept a place as it is; return it."""
        async with self.outbox.transaction() as connection:
            await self.quarantine.accept(connection, job_id, item_id, body)
        return await self.quarantine.item(job_id, item_id)

    async def withdraw_place(
        self, job_id: str, item_id: str, body: PlaceDecision
    ) -> dict[str, Any]:
        """Take a decision about a place back; return it."""
        async with self.outbox.transaction() as connection:
            await self.quarantine.withdraw(connection, job_id, item_id, body)
        return await self.quarantine.item(job_id, item_id)

    def request_hash(self, asked: bytes) -> str:
        """Return a keyed hash of a request: nobody can test guesses of a value against it."""
        key = hashlib.sha256(self._settings.master_key.get_secret_value().encode()).digest()
        return hashlib.blake2b(asked, digest_size=32, key=key).hexdigest()

    # ---- inside -----------------------------------------------------------------------------

    async def locked_job(self, connection: Connection, job_id: str) -> Row:
        """Return a job's row, locked until the transaction ends.

        Raises:
            ApiError: ``not_found``.
        """
        row = await connection.fetchrow(self.jobs.lock_job, job_id)
        if row is None:
            raise ApiError("There is no such job.", code="not_found")
        return dict(row)

    async def send(
        self, connection: Connection, tenant: Tenant, commands: Sequence[Command]
    ) -> None:
        """Owe a tenant's services commands."""
        await self.outbox.add_many(connection, command_messages(tenant.tenant_id, commands))


def refuse_busy(job: Row) -> None:
    """Refuse another step while one is under way.

    Raises:
        ApiError: ``job_busy``.
    """
    if JobState(job["state"]) in BUSY:
        raise ApiError(f"The job is {job['state']}; wait for it to end.", code="job_busy")


def key_hash(api_key: str) -> str:
    """Return what is stored of an API key."""
    return hashlib.sha256(api_key.encode()).hexdigest()
