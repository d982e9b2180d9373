"""Any table file as one shape: a header, and batches of (physical line, cells).

Delimited text, workbooks and JSON lines all end here, so that what follows never asks what the
practice happened to save.
"""

import datetime as dt
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import openpyxl
from bridgework_contracts.errors import SourceUnreadable
from openpyxl.utils.exceptions import InvalidFileException

from bridgework_dental_exec.dialects import Dialect, FileScan, detect, scan_file
from bridgework_dental_exec.export import TableFile
from bridgework_dental_exec.physical_lines import MAX_LINE_CHARS
from bridgework_dental_exec.quarantine import Quarantined, shape
from bridgework_dental_exec.rows import ReadReport, column_names, read_rows

Batch = tuple[list[int], list[list[str]]]
_BATCH_ROWS = 8_192
_MAX_PART_BYTES, _MAX_STRINGS_BYTES = 8 << 30, 256 << 20
_MAX_RATIO, _RATIO_FROM_BYTES = 250, 64 << 20
"""Shared strings are held in memory; sheets are streamed."""

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How a workbook writes a control character inside a text (``_x000D_``)."""
_BROKEN_BOOK = (
    InvalidFileException,
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    AttributeError,
    TypeError,
)


@dataclass
class RowSource:
    """One opened table file. Take ``batches`` to the end, then read ``report``."""

    table: TableFile
    scan: FileScan
    dialect: Dialect | None
    header: list[str]
    batches: Iterator[Batch]
    report: ReadReport
    evidence: tuple[str, ...] = ()
    first: list[list[str]] = field(default_factory=list)
    """The first rows, to guess by."""


def open_rows(table: TableFile, pins: Mapping[str, str] | None = None) -> RowSource:
    """Open a table file and read as far as its header.

    Raises:
        SourceUnreadable: A workbook that is none. Broken text never raises, it is quarantined.
    """
    scan = scan_file(table.path)
    if table.kind == "xlsx":
        return _open_workbook(table, scan)
    if table.kind == "jsonl":
        return _open_json_lines(table, scan)
    dialect = detect(table.path, pins, scan=scan)
    report = ReadReport()
    batches = read_rows(table.path, table.file, dialect, report, batch_rows=_BATCH_ROWS)
    first = next(batches, None)
    rest = chain([first], batches) if first is not None else iter(())
    sample = first[1] if first is not None else []
    return RowSource(table, scan, dialect, report.header, rest, report, dialect.evidence, sample)


def _open_workbook(table: TableFile, scan: FileScan) -> RowSource:
    try:
        _refuse_bomb(table)
        book = openpyxl.load_workbook(table.path, read_only=True, data_only=True)
        sheet = next((s for s in book.worksheets if s.sheet_state == "visible"), None)
        rows = sheet.iter_rows(values_only=True) if sheet is not None else iter(())
        first_line, header = _first_row(rows)
    except _BROKEN_BOOK as exc:
        raise SourceUnreadable(
            "This workbook cannot be opened.",
            code="workbook_unreadable",
            file=table.file,
            remedy="Save it again as .xlsx or as CSV.",
        ) from exc
    report = ReadReport(header=header)

    def batches() -> Iterator[Batch]:
        width = len(header)
        lines: list[int] = []
        batch: list[list[str]] = []
        line = first_line
        try:
            for row in rows:
                line += 1
                cells = [printed(v) for v in row[:width]]
                if not any(cells):
                    report.blank_lines += 1
                    continue
                cells.extend([""] * (width - len(cells)))
                lines.append(line)
                batch.append(cells)
                if len(batch) >= _BATCH_ROWS:
                    report.rows += len(batch)
                    yield lines, batch
                    lines, batch = [], []
        except _BROKEN_BOOK:
            report.quarantine.add(
                Quarantined(
                    table.file,
                    line + 1,
                    line + 1,
                    1,
                    "",
                    "workbook_damaged",
                    "",
                    "The sheet ends early: save the workbook again.",
                )
            )
        if batch:
            report.rows += len(batch)
            yield lines, batch
        book.close()

    return RowSource(table, scan, None, header, batches(), report, ("Workbook, first sheet.",))


def _refuse_bomb(table: TableFile) -> None:
    """Refuse a workbook whose parts unpack to far more than a workbook holds."""
    with zipfile.ZipFile(table.path) as parts:
        for part in parts.infolist():
            ratio = part.file_size > _MAX_RATIO * max(part.compress_size, 1)
            shared = "sharedstrings" in part.filename.lower()
            if (
                part.file_size > (_MAX_STRINGS_BYTES if shared else _MAX_PART_BYTES)
                or (ratio and part.file_size > _RATIO_FROM_BYTES)
            ):  # fmt: skip
                raise SourceUnreadable(
                    "This workbook unpacks to far too much.",
                    code="workbook_bomb",
                    file=table.file,
                    remedy="Save it as CSV.",
                )


def _first_row(rows: Iterator[tuple[Any, ...]]) -> tuple[int, list[str]]:
    for line, row in enumerate(rows, start=1):
        cells = [printed(v) for v in row]
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            return line, column_names(cells)
    return 0, []


def printed(value: Any) -> str:  # noqa: PLR0911 - one return per type
    """Return a workbook's value as an export would print it (dates in ISO form)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, dt.datetime):
        if value.time() == dt.time():
            return value.date().isoformat()
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004
    text = str(value)
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text) if "_x" in text else text


def _open_json_lines(table: TableFile, scan: FileScan) -> RowSource:
    columns: dict[str, None] = {}
    for _, record in _json_records(table, ReadReport()):
        columns.update(dict.fromkeys(record))
    header = column_names(list(columns))
    names = list(columns)
    report = ReadReport(header=header)

    def batches() -> Iterator[Batch]:
        lines: list[int] = []
        batch: list[list[str]] = []
        for line, record in _json_records(table, report):
            lines.append(line)
            batch.append([_json_cell(record.get(n)) for n in names])
            if len(batch) >= _BATCH_ROWS:
                report.rows += len(batch)
                yield lines, batch
                lines, batch = [], []
        if batch:
            report.rows += len(batch)
            yield lines, batch

    return RowSource(table, scan, None, header, batches(), report, ("One JSON object per line.",))


def _json_records(table: TableFile, report: ReadReport) -> Iterator[tuple[int, dict[str, Any]]]:
    encoding = "utf-8-sig"
    with table.path.open("rb") as probe:
        if probe.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
            encoding = "utf-16"
    with table.path.open(encoding=encoding, errors="replace", newline="\n") as stream:
        line = 0
        while text := stream.readline(MAX_LINE_CHARS):
            line += 1
            if len(text) == MAX_LINE_CHARS and not text.endswith("\n"):
                while (more := stream.readline(MAX_LINE_CHARS)) and not more.endswith("\n"):
                    pass
                report.quarantine.add(_bad_json(table, line, "line_too_long", text[:100]))
                continue
            bare = text.strip().strip("\x00").rstrip(",")
            if bare in {"", "[", "]"}:
                report.blank_lines += 1
                continue
            try:
                record = json.loads(bare)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                yield line, record
                continue
            report.quarantine.add(_bad_json(table, line, "not_json", bare))


def _bad_json(table: TableFile, line: int, code: str, text: str) -> Quarantined:
    remedy = "Each line must be one JSON object."
    return Quarantined(table.file, line, line, 1, "", code, shape(text), remedy)


def _json_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return printed(value)
