"""What the job API can do to runs: start, steer, take back, report, release corrections."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from bridgework_contracts.codec import Command
from bridgework_contracts.commands import (
    CancelRun,
    PauseRun,
    ResumeRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunKind
from bridgework_store.pool import Connection

from bridgework_control.domain.jobs import DURING, NEEDED_FOR_RUN, JobState
from bridgework_control.domain.runs import BEFORE, ENDED, RunState, on_resume, run_of
from bridgework_control.domain.views import job_report, run_view
from bridgework_control.http.models import PlaceRelease, RunCreate
from bridgework_control.http.problems import ApiError
from bridgework_control.operations import Control, refuse_busy
from bridgework_control.run_specs import newest_standing, run_spec, standing

Row = Mapping[str, Any]


class RunOperations:
    """The operations on runs.

    Args:
        control: Its jobs, gates, pool and outbox.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    async def create_run(self, job_id: str, body: RunCreate) -> RunId:
        """Start a run; it carries every correction that stands.

        Raises:
            ApiError: ``gate_not_ready``, ``job_busy``, ``invalid_request``, ``conflict``.
        """
        async with self._control.outbox.transaction() as connection:
            job = await self._control.locked_job(connection, job_id)
            refuse_busy(job)
            await self._control.need(connection, job_id, NEEDED_FOR_RUN[body.kind])
            return await self._start(connection, job, body)

    async def release(self, job_id: str, body: PlaceRelease) -> RunId:
        """Move corrected rows: a delta over the export as it is, with the corrections in it.

        It needs what a full run needs, and that one has finished; not yet that a person has
        accepted it, because what is corrected may be what stands in the way.

        Raises:
            ApiError: ``nothing_to_release``, ``gate_not_ready``, ``job_busy``.
        """
        async with self._control.outbox.transaction() as connection:
            job = await self._control.locked_job(connection, job_id)
            refuse_busy(job)
            await self._control.need(connection, job_id, NEEDED_FOR_RUN[RunKind.FULL])
            runs = _rows(await connection.fetch(self._control.runs.runs_of_job, job_id))
            if newest_standing(runs) is None:
                raise ApiError(
                    "No full run has finished yet: the corrections go along with it.",
                    code="gate_not_ready",
                )
            await self._control.quarantine.releasing(connection, job_id, body.by)
            delta = RunCreate(kind=RunKind.DELTA, export_path=job["source"]["export_path"])
            return await self._start(connection, job, delta)

    async def _start(self, connection: Connection, job: Row, body: RunCreate) -> RunId:
        control, job_id = self._control, job["job_id"]
        runs = _rows(await connection.fetch(control.runs.runs_of_job, job_id))
        tenant = await control.tenant(job["tenant_id"])
        corrections = await control.quarantine.corrections(connection, job_id)
        spec = run_spec(job, runs, body, corrections)
        if body.kind is RunKind.DELTA:
            source = {**job["source"], "export_path": spec.source.export_path}
            await connection.execute(control.jobs.set_source, job_id, source)
        await connection.execute(
            control.runs.insert_run,
            spec.run_id,
            job_id,
            tenant.tenant_id,
            spec.kind,
            RunState.STARTING,
            spec.model_dump(mode="json"),
            max((wave.index for wave in spec.waves), default=0),
        )
        await connection.execute(control.jobs.set_state, job_id, DURING[body.kind], None)
        commands: list[Command] = []
        if body.kind is RunKind.DELTA:
            commands += [
                PauseRun(run_id=run_id, reason="a delta moves what waits")
                for run_id in standing(runs)
            ]
        commands += [
            StartRun(spec=spec),
            TakeFingerprint(run_id=spec.run_id, label=BEFORE),
        ]
        await control.send(connection, tenant, commands)
        return spec.run_id

    async def run_row(self, run_id: str) -> Row:
        """Return a run's row.

        Raises:
            ApiError: ``not_found``.
        """
        row = await self._control.pool.fetchrow(self._control.runs.run, run_id)
        if row is None:
            raise ApiError("There is no such run.", code="not_found")
        return dict(row)

    async def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as the API shows it."""
        return run_view(await self.run_row(run_id))

    async def runs_of(self, job_id: str) -> list[dict[str, Any]]:
        """Return a job's runs, oldest first."""
        await self._control.job_row(job_id)
        return [
            run_view(row)
            for row in await self._control.pool.fetch(self._control.runs.runs_of_job, job_id)
        ]

    async def pause_run(self, run_id: str) -> None:
        """Stop writing until ``resume_run``."""
        await self._switch(run_id, {RunState.MOVING}, RunState.PAUSED)

    async def resume_run(self, run_id: str) -> None:
        """Go on writing, also after a failure that a person has repaired."""
        async with self._control.outbox.transaction() as connection:
            row = await self._locked_run(
                connection, run_id, {RunState.PAUSED, RunState.FAILED}, RunState.MOVING
            )
            step = on_resume(run_of(row), row["resumes"] + 2)
            await connection.execute(self._control.runs.resume, run_id, step.state, step.open_wave)
            tenant = await self._control.tenant(row["tenant_id"])
            await self._control.send(connection, tenant, step.commands)

    async def cancel_run(self, run_id: str) -> None:
        """End a run where it is; what it did can be undone."""
        # A failed one too: its job stays busy until it is resumed or given up.
        going = (set(RunState) - ENDED) | {RunState.FAILED}
        await self._switch(run_id, going, RunState.CANCELLED)

    async def _switch(self, run_id: str, allowed: set[RunState], to: RunState) -> None:
        async with self._control.outbox.transaction() as connection:
            run = await self._locked_run(connection, run_id, allowed, to)
            identity = RunId(run_id)
            command: Command
            if to is RunState.PAUSED:
                command = PauseRun(run_id=identity, reason="asked for")
            else:
                command = CancelRun(run_id=identity)
            if to is RunState.CANCELLED:
                await connection.execute(self._control.runs.finish, run_id, to, None)
                await connection.execute(
                    self._control.jobs.set_state, run["job_id"], JobState.READY, None
                )
            else:
                await connection.execute(self._control.runs.stop, run_id, to, None)
            commands: list[Command] = [command]
            if to is RunState.CANCELLED and run["kind"] == RunKind.DELTA:
                rows = await connection.fetch(self._control.runs.runs_of_job, run["job_id"])
                commands += [ResumeRun(run_id=one) for one in standing(_rows(rows))]
            tenant = await self._control.tenant(run["tenant_id"])
            await self._control.send(connection, tenant, commands)

    async def report(self, job_id: str) -> dict[str, Any]:
        """Return the acceptance report of a job."""
        control = self._control
        job = await control.job_row(job_id)
        runs = await control.pool.fetch(control.runs.runs_of_job, job_id)
        gates = await control.pool.fetch(control.jobs.gates, job_id)
        report = job_report(job, runs, gates, await control.quarantine.settled(job_id))
        report["quarantine"] = {
            "counts": await control.quarantine.counts(job_id),
            "left_out": job["quarantine_left_out"],
            "corrections": await control.quarantine.made(job_id),
        }
        return report

    async def _locked_run(
        self, connection: Connection, run_id: str, allowed: set[RunState], to: RunState
    ) -> Row:
        row = await connection.fetchrow(self._control.runs.lock_run, run_id)
        if row is None:
            raise ApiError("There is no such run.", code="not_found")
        if row["state"] not in allowed:
            raise ApiError(
                f"A run that is {row['state']} cannot become {to}.", code="illegal_transition"
            )
        return dict(row)


def _rows(records: Sequence[asyncpg.Record]) -> list[Row]:
    return [dict(record) for record in records]
