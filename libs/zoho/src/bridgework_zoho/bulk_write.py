"""Bulk write: up to 25,000 rows in one job for 500 credits (fact sheet §3.11).

A job answers with a CSV that repeats only the first three mapped columns, so the key by which we
join results to rows must be one of them. Its rows may be written even when the job fails, and
nothing keeps automation quiet: switch the org's rules off before using it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bridgework_zoho.bulk_files import CsvRows, PackedRows, pack_rows, unpack_rows
from bridgework_zoho.bulk_jobs import BulkDownloads, watch
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import BulkJobFailed, PositionsLost, RequestRefused
from bridgework_zoho.multipart import FileUpload
from bridgework_zoho.requests import Base, Call, JsonObject
from bridgework_zoho.transport import Transport

RESULT_COLUMNS = 3
"""How many mapped columns the result file repeats (§3.11 step 4)."""

WriteOperation = Literal["insert", "update", "upsert"]


@dataclass(frozen=True, slots=True)
class BulkColumn:
    """One column of the file.

    Attributes:
        api_name: Field it is written to.
        find_by: For lookups: ``id`` or the unique field of the target the value is matched with.
        format: Date or datetime pattern; without one Zoho reads US dates.
    """

    api_name: str
    find_by: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class BulkWriteJob:
    """State of a job.

    Attributes:
        status: ADDED, INPROGRESS, COMPLETED or FAILED.
        counts: added, updated, skipped, total.
        download_url: Where the result is, for seven days; None before the end.
    """

    id: str
    status: str
    counts: Mapping[str, int]
    download_url: str | None
    code: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("COMPLETED", "FAILED")


@dataclass(frozen=True, slots=True)
class BulkRowResult:
    """What became of one row.

    Attributes:
        key: The row's value in the key column; not its position, which Zoho does not promise.
        status: ADDED, UPDATED, SKIPPED or UNPROCESSED.
        record_id: Zoho id; None where nothing was written.
        errors: Pairs of code and column (None where Zoho names none).
    """

    key: str = field(repr=False)
    status: str
    record_id: str | None
    errors: tuple[tuple[str, str | None], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the row was written."""
        return self.status in ("ADDED", "UPDATED")

    @property
    def action(self) -> Literal["insert", "update"] | None:
        """What happened to it."""
        return {"ADDED": "insert", "UPDATED": "update"}.get(self.status)  # type: ignore[return-value]  # a dict's values are plain str to mypy


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """A job and its rows."""

    job: BulkWriteJob
    rows: list[BulkRowResult]


class BulkWriteApi:
    """Bulk write; call the object itself for the whole way, or its methods for one step."""

    def __init__(self, transport: Transport, downloads: BulkDownloads) -> None:
        self._transport = transport
        self._downloads = downloads

    async def __call__(
        self,
        module: str,
        columns: Sequence[BulkColumn],
        rows: CsvRows,
        *,
        operation: WriteOperation,
        key: str,
        find_by: str | None = None,
        defaults: Mapping[str, str] | None = None,
        ignore_empty: bool = False,
        on_job: Callable[[str], Awaitable[None]] | None = None,
    ) -> BulkOutcome:
        """Pack, upload, start, watch, fetch and join.

        Args:
            module: API name.
            columns: Columns in the order of the values; the key among the first three.
            rows: Up to 25,000 rows of values; dates in the columns' formats.
            operation: insert, update or upsert.
            key: API name of the column results are joined by.
            find_by: Field existing records are found by; needed for update and upsert.
            defaults: API name → constant for every row.
            ignore_empty: Leave fields alone where the value is empty, instead of clearing them.
            on_job: Told of the job id before the waiting begins, so that a crash can find it.

        Raises:
            WriteOutcomeUnknown: The job may have been started.
            BulkJobFailed: It ended as FAILED and may have written rows.
            BulkJobPending: It has not ended; use ``wait`` and ``result`` with its id later.

        Idempotent: no.
        """
        names = [column.api_name for column in columns]
        if key not in names[:RESULT_COLUMNS]:
            raise ValueError("the key must be one of the first three columns")
        packed = await pack_rows(names, rows, name=module.lower())
        try:
            file_id = await self.upload(packed)
        finally:
            packed.close()
        job_id = await self.create(
            module,
            file_id,
            columns,
            file_name=packed.file_name,
            operation=operation,
            find_by=find_by,
            defaults=defaults,
            ignore_empty=ignore_empty,
        )
        if on_job is not None:
            await on_job(job_id)
        job = await self.wait(job_id)
        return BulkOutcome(job, await self.result(job, key))

    async def upload(self, packed: PackedRows) -> str:
        """Put the zip on Zoho's upload host; returns its file id."""
        file = FileUpload(
            packed.open,
            filename=packed.file_name.replace(".csv", ".zip"),
            size_bytes=packed.size_bytes,
            mime="application/zip",
        )
        answer = await self._transport.send(
            Call(
                Operation.BULK_WRITE_UPLOAD,
                "POST",
                "/upload",
                base=Base.UPLOAD,
                headers={
                    "feature": "bulk-write",
                    "X-CRM-ORG": self._transport.connection.org_id,
                },
                upload=file.upload(),
                transfer=True,
            )
        )
        details = answer.body.get("details") if isinstance(answer.body, dict) else None
        if not isinstance(details, dict) or not details.get("file_id"):
            raise RequestRefused(
                "bulk_write.upload: Zoho took the file and named no file id.", code="NO_FILE_ID"
            )
        return str(details["file_id"])

    async def create(
        self,
        module: str,
        file_id: str,
        columns: Sequence[BulkColumn],
        *,
        file_name: str,
        operation: WriteOperation,
        find_by: str | None = None,
        defaults: Mapping[str, str] | None = None,
        ignore_empty: bool = False,
    ) -> str:
        """Start the job, 500 credits; returns its id. Never sent twice."""
        if operation != "insert" and find_by is None:
            raise ValueError("update and upsert need find_by")
        mappings: list[JsonObject] = []
        for index, column in enumerate(columns):
            mapping: JsonObject = {"api_name": column.api_name, "index": index}
            if column.find_by is not None:
                mapping["find_by"] = column.find_by
            if column.format is not None:
                mapping["format"] = column.format
            mappings.append(mapping)
        mappings.extend(
            {"api_name": name, "default_value": {"value": value}}
            for name, value in (defaults or {}).items()
        )
        resource: JsonObject = {
            "type": "data",
            "module": {"api_name": module},
            "file_id": file_id,
            "file_names": [file_name],
            "ignore_empty": ignore_empty,
            "field_mappings": mappings,
        }
        if find_by is not None:
            resource["find_by"] = find_by
        answer = await self._transport.send(
            Call(
                Operation.BULK_WRITE_CREATE,
                "POST",
                "/write",
                base=Base.BULK,
                body={
                    "operation": operation,
                    "character_encoding": "UTF-8",
                    "resource": [resource],
                },
                repeatable=False,
                module=module,
            )
        )
        details = answer.body.get("details") if isinstance(answer.body, dict) else None
        if not isinstance(details, dict) or not details.get("id"):
            raise PositionsLost(
                "bulk_write.create: the job was started and its id is unknown;"
                " compare by external id before sending the rows again.",
                operation=Operation.BULK_WRITE_CREATE.value,
                module=module,
            )
        return str(details["id"])

    async def status(self, job_id: str) -> BulkWriteJob:
        """Look at a job; one credit."""
        answer = await self._transport.send(
            Call(Operation.BULK_WRITE_STATUS, "GET", f"/write/{job_id}", base=Base.BULK)
        )
        body: JsonObject = answer.body if isinstance(answer.body, dict) else {}
        resources = body.get("resource")
        first: JsonObject = resources[0] if isinstance(resources, list) and resources else {}
        file: JsonObject = first.get("file") or {}
        result = body.get("result")
        return BulkWriteJob(
            id=str(body.get("id") or job_id),
            # Zoho spells it INPROGRESS and "IN PROGRESS" (§8, gotcha 17).
            status=str(body.get("status") or "").replace(" ", "").upper(),
            counts={
                name: _count(file.get(f"{name}_count"))
                for name in ("added", "updated", "skipped", "total")
            },
            download_url=result.get("download_url") if isinstance(result, dict) else None,
            code=first.get("code"),
        )

    async def wait(self, job_id: str) -> BulkWriteJob:
        """Watch a job to its end.

        Raises:
            BulkJobFailed: It ended as FAILED; rows may have been written all the same.
            BulkJobPending: It has not ended after ``bulk_wait_s``.
        """
        last: list[BulkWriteJob] = []

        async def look() -> bool:
            last[:] = [await self.status(job_id)]
            return last[0].ended

        await watch(job_id, look, self._transport.settings)
        job = last[0]
        if job.status == "FAILED":
            raise BulkJobFailed(
                f"Bulk job {job_id} failed ({job.code or 'no code'}); compare by external id"
                " before sending its rows again.",
                job_id=job_id,
                zoho_code=job.code,
            )
        return job

    async def result(self, job: BulkWriteJob, key: str) -> list[BulkRowResult]:
        """Fetch the result file and read it by key."""
        if job.download_url is None:
            raise RequestRefused("The bulk job has no result file yet.", code="NO_RESULT")
        file = await self._downloads.fetch(Operation.BULK_WRITE_RESULT, job.download_url)
        with file:
            return [_row_result(row, key) async for step in unpack_rows(file) for row in step]


def _row_result(row: Mapping[str, Any], key: str) -> BulkRowResult:
    record_id = (row.get("RECORD_ID") or "").strip()
    return BulkRowResult(
        key=row.get(key) or "",
        status=(row.get("STATUS") or "UNPROCESSED").strip().upper(),
        record_id=record_id if record_id not in ("", "null") else None,
        errors=parse_errors(row.get("ERRORS") or ""),
    )


def parse_errors(text: str) -> tuple[tuple[str, str | None], ...]:
    """Read ``CODE-Column,Column:CODE-Column`` into pairs of code and column."""
    found: list[tuple[str, str | None]] = []
    for part in filter(None, (one.strip() for one in text.split(":"))):
        code, dash, columns = part.partition("-")
        if not dash:
            found.append((code.strip(), None))
            continue
        found.extend((code.strip(), column.strip()) for column in columns.split(",") if column)
    return tuple(found)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
