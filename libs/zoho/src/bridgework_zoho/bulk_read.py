"""Bulk read: 200,000 rows of a module for 50 credits, as text (fact sheet §3.12).

The cheapest way to read everything back. Values come as CSV text; notes and attachments cannot be
read this way.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bridgework_zoho.bulk_files import unpack_rows
from bridgework_zoho.bulk_jobs import BulkDownloads, watch
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import BulkJobFailed, RequestRefused
from bridgework_zoho.requests import Base, Call, JsonObject
from bridgework_zoho.results import elements_of
from bridgework_zoho.transport import Transport

FIELDS_PER_JOB = 200


@dataclass(frozen=True, slots=True)
class BulkReadJob:
    """State of a job.

    Attributes:
        state: ADDED, QUEUED, INPROGRESS, COMPLETED or FAILURE.
        count: Rows in the result file.
        next_page_token: Start of the next 200,000 rows; None at the end.
    """

    id: str
    state: str
    count: int
    more: bool
    next_page_token: str | None
    download_url: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("COMPLETED", "FAILURE", "FAILED")


class BulkReadApi:
    """Bulk read; call the object itself to read a module, or its methods for one step."""

    def __init__(self, transport: Transport, downloads: BulkDownloads) -> None:
        self._transport = transport
        self._downloads = downloads

    async def __call__(
        self, module: str, fields: Sequence[str], *, criteria: JsonObject | None = None
    ) -> AsyncIterator[list[dict[str, str]]]:
        """Read a module to its end.

        Args:
            module: API name.
            fields: API names, at most 200; dotted names reach into lookups.
            criteria: Zoho's ``group_operator``/``group`` object.

        Yields:
            Lists of rows, header name → text; empty text for null.
        """
        token: str | None = None
        page = 1
        while True:
            job_id = await self.create(
                module, fields, criteria=criteria, page=page, page_token=token
            )
            job = await self.wait(job_id)
            async for step in self.result(job):
                yield step
            if not job.more:
                return
            token, page = job.next_page_token, page + 1

    async def create(
        self,
        module: str,
        fields: Sequence[str],
        *,
        criteria: JsonObject | None = None,
        page: int = 1,
        page_token: str | None = None,
    ) -> str:
        """Start a job, 50 credits; returns its id. Harmless to repeat, but paid for again."""
        if not 1 <= len(fields) <= FIELDS_PER_JOB:
            raise ValueError(f"a bulk read takes 1 to {FIELDS_PER_JOB} fields")
        query: JsonObject = {"module": {"api_name": module}, "fields": list(fields)}
        if page_token is not None:
            query["page_token"] = page_token
        else:
            query["page"] = page
        if criteria is not None:
            query["criteria"] = criteria
        answer = await self._transport.send(
            Call(
                Operation.BULK_READ_CREATE,
                "POST",
                "/read",
                base=Base.BULK,
                body={"query": query, "file_type": "csv"},
                module=module,
            )
        )
        rows = elements_of(answer.body, "data") or []
        details = rows[0].get("details") if rows else None
        if not isinstance(details, dict) or not details.get("id"):
            raise RequestRefused(
                "bulk_read.create: Zoho named no job.", code="NO_JOB_ID", module=module
            )
        return str(details["id"])

    async def status(self, job_id: str) -> BulkReadJob:
        """Look at a job; one credit."""
        answer = await self._transport.send(
            Call(Operation.BULK_READ_STATUS, "GET", f"/read/{job_id}", base=Base.BULK)
        )
        rows = elements_of(answer.body, "data") or [{}]
        row = rows[0]
        result: JsonObject = row.get("result") or {}
        token = result.get("next_page_token")
        return BulkReadJob(
            id=str(row.get("id") or job_id),
            state=str(row.get("state") or "").replace(" ", "").upper(),
            count=int(result.get("count") or 0),
            more=bool(result.get("more_records")),
            next_page_token=str(token) if token else None,
            download_url=result.get("download_url"),
        )

    async def wait(self, job_id: str) -> BulkReadJob:
        """Watch a job to its end.

        Raises:
            BulkJobFailed: It ended as FAILURE; start another.
            BulkJobPending: It has not ended after ``bulk_wait_s``.
        """
        last: list[BulkReadJob] = []

        async def look() -> bool:
            last[:] = [await self.status(job_id)]
            return last[0].ended

        await watch(job_id, look, self._transport.settings)
        if last[0].state != "COMPLETED":
            raise BulkJobFailed(f"Bulk read job {job_id} failed; start another.", job_id=job_id)
        return last[0]

    async def result(self, job: BulkReadJob) -> AsyncIterator[list[dict[str, str]]]:
        """Fetch the result file, kept by Zoho for one day, and read it in steps."""
        url = job.download_url or f"/crm/bulk/v8/read/{job.id}/result"
        file = await self._downloads.fetch(Operation.BULK_READ_RESULT, url)
        with file:
            async for step in unpack_rows(file):
                yield step
