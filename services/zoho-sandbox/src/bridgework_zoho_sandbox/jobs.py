"""Background jobs of an org: bulk writes and reads run one after another, in order of creation.

A job's progress is stored in the transaction that wrote its rows, so a restart resumes it where
it stood.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from .errors import Json

if TYPE_CHECKING:
    from .org import Org

Runner = Callable[["Org", "Job"], Awaitable[None]]
UNFINISHED = frozenset({"ADDED", "SCHEDULED", "QUEUED", "INPROGRESS", "IN PROGRESS", "RUNNING"})


class Job:
    """One stored job."""

    def __init__(self, org: Org, job_id: int, kind: str, doc: Json) -> None:
        self.org = org
        self.id = job_id
        self.kind = kind
        self.doc = doc

    def save(self) -> None:
        """Write the job's state."""
        self.org.database.execute(
            "insert into job values (?, ?, ?) on conflict do update set doc = excluded.doc",
            (self.id, self.kind, orjson.dumps(self.doc).decode()),
        )


def load_job(org: Org, job_id: int | None, kind: str) -> Job | None:
    """Return a stored job of a kind."""
    if job_id is None:
        return None
    row = org.database.one("select doc from job where id = ? and kind = ?", (job_id, kind))
    return None if row is None else Job(org, job_id, kind, orjson.loads(row[0]))


def unfinished(org: Org, kind: str) -> Job | None:
    """Return the first stored job of a kind that has not ended."""
    for job_id, text in org.database.all(
        "select id, doc from job where kind = ? order by id", (kind,)
    ):
        doc = orjson.loads(text)
        if (doc.get("status") or doc.get("state")) in UNFINISHED:
            return Job(org, job_id, kind, doc)
    return None


class JobQueue:
    """Runs an org's jobs in a background task that lives as long as there is work."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._waiting: list[int] = []
        self._task: asyncio.Task[None] | None = None
        self.runners: dict[str, Runner] = {}

    def submit(self, job_id: int) -> None:
        """Queue a stored job."""
        self._waiting.append(job_id)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def resume(self) -> None:
        """Queue the jobs a stopped process left unfinished."""
        for job_id, doc in self._org.database.all("select id, doc from job order by id"):
            state = orjson.loads(doc)
            if (state.get("status") or state.get("state")) in UNFINISHED:
                self.submit(job_id)

    async def close(self) -> None:
        """Stop working; unfinished jobs resume at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while self._waiting:
            job_id = self._waiting.pop(0)
            row = self._org.database.one("select kind, doc from job where id = ?", (job_id,))
            if row is not None:
                job = Job(self._org, job_id, row[0], orjson.loads(row[1]))
                await self.runners[job.kind](self._org, job)


async def started(job: Job, operation: str, module: str, *, running: str | None = None) -> Any:
    """Wait the start delay and any ``stuck_job`` fault; return a ``fail_job`` fault or ``None``.

    ``running`` is what this kind of job calls the state in which it is stuck.
    """
    org = job.org
    await org.clock.sleep(org.behaviour.bulk_start_delay_s)
    failing = None
    for fault in org.faults.striking_job(operation, module):
        if fault.spec.kind == "stuck_job":
            key = "status" if "status" in job.doc else "state"
            usual = org.behaviour.bulk_in_progress_text if key == "status" else "IN PROGRESS"
            job.doc[key] = running or usual
            job.save()
            await org.clock.sleep(fault.spec.seconds)
        else:
            failing = fault
    return failing
