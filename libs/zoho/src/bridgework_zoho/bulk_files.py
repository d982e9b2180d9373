"""The zip files bulk jobs take and give: written and read in steps, off the event loop."""

import asyncio
import csv
import io
import tempfile
import zipfile
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import httpx

from bridgework_zoho.errors import FileRefused

BULK_ROWS = 25_000
BULK_COLUMNS = 200
BULK_ZIP_BYTES = 25 * 1024 * 1024
_IN_MEMORY_BYTES = 8 * 1024 * 1024
_STEP_ROWS = 1_000
_CHUNK_BYTES = 256 * 1024
# A quoted field may hold 50,000 characters of rich text; Python's default is 131,072.
_FIELD_BYTES = 4 * 1024 * 1024

CsvRows = AsyncIterable[Sequence[Any]] | Iterable[Sequence[Any]]


@dataclass(slots=True)
class PackedRows:
    """A zip with one CSV, ready to upload; close it afterwards."""

    file: IO[bytes]
    file_name: str
    rows: int
    size_bytes: int

    def open(self) -> AsyncIterator[bytes]:
        """Read it from the start, as often as needed."""
        return _read_file(self.file)

    def close(self) -> None:
        """Give the disk space back."""
        self.file.close()


async def pack_rows(columns: Sequence[str], rows: CsvRows, *, name: str) -> PackedRows:
    """Write rows into a zip of one CSV with a header line.

    Args:
        columns: Header names; at most 200.
        rows: Values in the order of the columns; at most 25,000 rows.
        name: Name of the CSV inside the zip, without ending.

    Raises:
        FileRefused: The zip is larger than the 25 MB Zoho takes; send fewer rows.
        ValueError: Too many rows or columns.
    """
    if len(columns) > BULK_COLUMNS:
        raise ValueError(f"a bulk file takes at most {BULK_COLUMNS} columns")
    target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it through PackedRows
    try:
        count = await _pack(target, columns, rows, name)
        size = target.tell()
        _refuse_large(size, count)
    except BaseException:
        target.close()
        raise
    return PackedRows(target, f"{name}.csv", count, size)


async def _pack(target: IO[bytes], columns: Sequence[str], rows: CsvRows, name: str) -> int:
    count = 0
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        archive.open(f"{name}.csv", "w") as inside,
    ):
        await asyncio.to_thread(_write, inside, [columns])
        async for step in _steps(rows):
            count += len(step)
            if count > BULK_ROWS:
                raise ValueError(f"a bulk file takes at most {BULK_ROWS} rows")
            await asyncio.to_thread(_write, inside, step)
    return count


def _refuse_large(size_bytes: int, rows: int) -> None:
    if size_bytes > BULK_ZIP_BYTES:
        raise FileRefused(
            f"The packed rows have {size_bytes} bytes and Zoho takes {BULK_ZIP_BYTES};"
            " send fewer rows per job.",
            code="FILE_TOO_LARGE",
            size_bytes=size_bytes,
            rows=rows,
        )


async def save_stream(response: httpx.Response) -> IO[bytes]:
    """Keep a download in a temporary file; small ones stay in memory. The caller closes it."""
    target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - returned open
    try:
        async for chunk in response.aiter_bytes(_CHUNK_BYTES):
            target.write(chunk)
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


async def unpack_rows(file: IO[bytes]) -> AsyncIterator[list[dict[str, str]]]:
    """Read every CSV of a zip in steps: lists of header name → text."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not entry.filename.lower().endswith(".csv"):
                continue
            with archive.open(entry) as inside:
                text = io.TextIOWrapper(inside, encoding="utf-8-sig", newline="")
                csv.field_size_limit(max(csv.field_size_limit(), _FIELD_BYTES))
                reader = csv.DictReader(text)
                while step := await asyncio.to_thread(_take, reader):
                    yield step


def _take(reader: "csv.DictReader[str]") -> list[dict[str, str]]:
    return [row for row, _ in zip(reader, range(_STEP_ROWS), strict=False)]


def _write(target: IO[bytes], rows: Sequence[Sequence[Any]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(
        [[csv_text(value) for value in row] for row in rows]
    )
    target.write(buffer.getvalue().encode())


def csv_text(value: object) -> str:
    """Write a value as bulk write takes it: ids for lookups, ``;`` between several choices."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return csv_text(value.get("id"))
    if isinstance(value, list | tuple):
        return ";".join(csv_text(one) for one in value)
    return str(value)


async def _steps(rows: CsvRows) -> AsyncIterator[list[Sequence[Any]]]:
    step: list[Sequence[Any]] = []
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            step.append(row)
            if len(step) >= _STEP_ROWS:
                yield step
                step = []
    else:
        for row in rows:
            step.append(row)
            if len(step) >= _STEP_ROWS:
                yield step
                step = []
    if step:
        yield step


async def _read_file(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
        yield chunk
