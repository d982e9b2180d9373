"""What control does with each word of progress and each dead letter.

One transaction per batch: rows and owed commands together. A message that arrives twice, or late,
finds a state it does not fit and changes nothing.
"""

from collections.abc import Callable, Sequence

import structlog
from bridgework_contracts.codec import Command, Message
from bridgework_contracts.commands import ResumeRun
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.progress import (
    AuditWaiting,
    DiffFinished,
    ExportAudited,
    FingerprintTaken,
    RunCounted,
    RunFailed,
    RunReported,
    RunWaiting,
    SnapshotSealed,
    WaveSettled,
)
from bridgework_contracts.runs import RunKind
from bridgework_eventlog.loop import Batch
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Connection
from bridgework_store.statements import Statements

from bridgework_control.dead_letters import DeadLetters
from bridgework_control.domain import runs as orchestration
from bridgework_control.domain.jobs import AFTER, JobState
from bridgework_control.domain.runs import RunState, RunView, Step
from bridgework_control.findings import seal_findings
from bridgework_control.publishing import command_messages
from bridgework_control.quarantine import Quarantine
from bridgework_control.run_specs import standing

log = structlog.get_logger(__name__)

StepDecision = Callable[[RunView], Step | None]


class ProgressHandler:
    """Handles one tenant's ``progress`` topic."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        outbox: ServiceOutbox,
        jobs: Statements,
        runs: Statements,
        quarantine: Quarantine,
    ) -> None:
        self._tenant = tenant
        self._outbox = outbox
        self._jobs = jobs
        self._runs = runs
        self._quarantine = quarantine

    async def handle(self, batch: Batch) -> None:
        """Apply a batch of progress in order."""
        async with self._outbox.transaction() as connection:
            for delivery in batch:
                await self._apply(connection, delivery.message)

    async def _apply(self, connection: Connection, message: Message) -> None:
        match message:
            case ExportAudited():
                await self._audited(connection, message)
            case RunCounted():
                await connection.execute(
                    self._runs.set_counts,
                    message.run_id,
                    message.extracted,
                    message.outcomes,
                    message.credits,
                )
            case FingerprintTaken():
                await connection.execute(
                    self._runs.set_fingerprint, message.run_id, message.label, message.modules
                )
                await self._step(
                    connection,
                    message.run_id,
                    lambda run: orchestration.on_fingerprint(run, message.label),
                )
            case WaveSettled():
                await connection.execute(self._runs.note_settled, message.run_id, message.wave)
                await self._step(
                    connection,
                    message.run_id,
                    lambda run: orchestration.on_wave_settled(run, message.wave),
                )
            case DiffFinished():
                diff = message.model_dump(mode="json", exclude={"type", "run_id"})
                await connection.execute(self._runs.set_diff, message.run_id, diff)
                await self._step(connection, message.run_id, orchestration.on_diff)
            case RunReported():
                await connection.execute(self._runs.set_report, message.run_id, message.report)
                await self._finish(connection, message.run_id)
            case RunWaiting() | AuditWaiting():
                await self._waits(connection, message)
            case RunFailed():
                await self._failed(connection, message)
            case SnapshotSealed():
                await self._sealed(connection, message)
            case _:
                pass  # Not a word of progress: nothing to do here.

    async def _waits(self, connection: Connection, message: RunWaiting | AuditWaiting) -> None:
        ids = {"type", "run_id", "job_id", "audit_id"}
        waiting = message.model_dump(mode="json", exclude=ids)
        if isinstance(message, RunWaiting):
            await connection.execute(self._runs.set_waiting, message.run_id, waiting)
        else:
            await connection.execute(self._jobs.set_waiting, message.job_id, waiting)

    async def _audited(self, connection: Connection, message: ExportAudited) -> None:
        job = await connection.fetchrow(self._jobs.lock_job, message.job_id)
        if job is None or job["state"] != JobState.AUDITING:
            return
        error = None if message.ok else {"code": "audit_failed", "sentence": message.error}
        state = JobState.AUDITED if message.ok else JobState.FAILED
        await connection.execute(self._jobs.set_audit, message.job_id, message.report, state, error)
        source = {
            **job["source"],
            "referral_values": {
                **message.referral_values,
                **job["source"].get("referral_values", {}),
            },
        }
        await connection.execute(self._jobs.set_source, message.job_id, source)
        for kind, findings in (
            ("providers", message.providers),
            ("duplicates", message.duplicates),
        ):
            await connection.execute(
                self._jobs.put_findings,
                message.job_id,
                kind,
                seal_findings(self._tenant, message.job_id, findings),
            )

        await self._quarantine.heard(
            connection,
            message.job_id,
            message.audit_id,
            message.quarantined if message.ok else None,
            message.quarantined_left_out,
            message.corrections,
        )

    async def _sealed(self, connection: Connection, message: SnapshotSealed) -> None:
        row = await connection.fetchrow(self._runs.lock_run, message.run_id)
        if row is None:
            return
        await connection.execute(self._runs.set_findings, message.run_id, message.findings)
        await self._quarantine.heard(
            connection,
            row["job_id"],
            message.run_id,
            message.quarantined,
            message.quarantined_left_out,
            message.corrections,
        )
        if row["state"] == RunState.FINISHED:
            await self._conclude(connection, message.run_id)

    async def _conclude(self, connection: Connection, run_id: str) -> None:
        row = await connection.fetchrow(self._runs.run, run_id)
        if row is not None:
            await self._quarantine.concluded(connection, dict(row))

    async def _view(self, connection: Connection, run_id: str) -> RunView | None:
        row = await connection.fetchrow(self._runs.lock_run, run_id)
        if row is None:
            return None
        return orchestration.run_of(dict(row))

    async def _step(self, connection: Connection, run_id: str, decide: StepDecision) -> None:
        run = await self._view(connection, run_id)
        step = decide(run) if run is not None else None
        if step is None:
            return
        await connection.execute(self._runs.advance, run_id, step.state, step.open_wave)
        await self._send(connection, step.commands)
        log.info("run_advanced", run_id=run_id, state=step.state, wave=step.open_wave)

    async def _finish(self, connection: Connection, run_id: str) -> None:
        run = await self._view(connection, run_id)
        if run is None or orchestration.on_report(run) is None:
            return
        await connection.execute(self._runs.finish, run_id, RunState.FINISHED, None)
        row = await connection.fetchrow(self._runs.run, run_id)
        if row is not None:
            await connection.execute(self._jobs.set_state, row["job_id"], AFTER[run.kind], None)
            if run.kind is RunKind.DELTA:
                rows = await connection.fetch(self._runs.runs_of_job, row["job_id"])
                earlier = [one for one in standing([dict(r) for r in rows]) if one != run.run_id]
                await self._send(connection, [ResumeRun(run_id=one) for one in earlier])
        await self._conclude(connection, run_id)
        log.info("run_finished", run_id=run_id)

    async def _failed(self, connection: Connection, message: RunFailed) -> None:
        run = await self._view(connection, message.run_id)
        if run is None or run.state in orchestration.ENDED:
            return
        error = message.model_dump(mode="json", exclude={"type", "run_id"})
        await connection.execute(self._runs.stop, message.run_id, RunState.FAILED, error)
        log.error("run_failed", run_id=message.run_id, code=message.code, service=message.service)

    async def _send(self, connection: Connection, commands: Sequence[Command]) -> None:
        await self._outbox.add_many(connection, command_messages(self._tenant.tenant_id, commands))


class DeadLetterHandler:
    """Keeps one tenant's dead letters."""

    def __init__(self, *, tenant: Tenant, outbox: ServiceOutbox, letters: DeadLetters) -> None:
        self._tenant = tenant
        self._outbox = outbox
        self._letters = letters

    async def handle(self, batch: Batch) -> None:
        """Keep a batch of dead letters."""
        async with self._outbox.transaction() as connection:
            for delivery in batch:
                if isinstance(delivery.message, DeadLetter):
                    await self._letters.keep(connection, self._tenant, delivery.message)
