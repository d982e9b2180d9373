"""Rows of a delimited file with their physical lines, whatever state the file is in.

The careful reader: strict parsing, and where that fails the smallest stretch of lines is repaired
(a stray quote, an unquoted line break, a lone carriage return) or quarantined, and reading goes
on at the next line. One broken quote never swallows the rows behind it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bridgework_dental_exec.dialects import Dialect, is_trailer
from bridgework_dental_exec.line_feed import RUNAWAY_CHARS, LineFeed, RunawayQuote
from bridgework_dental_exec.physical_lines import MAX_LINE_CHARS, physical_lines
from bridgework_dental_exec.quarantine import Quarantined, QuarantineList, shape

_JOIN_LINES = 60
_FIRST_ROWS = 64
_HOPELESS_LINES = 5_000
_HOPELESS_SHARE = 10
_CR_STAND_IN = "\ue00d"
_LF_STAND_IN = "\ue00a"


@dataclass(frozen=True, slots=True)
class Repair:
    """A row that was read although its line was damaged."""

    line: int
    code: str


@dataclass(slots=True)
class ReadReport:
    """What reading one file showed, filled while its rows are taken."""

    header: list[str] = field(default_factory=list)
    rows: int = 0
    blank_lines: int = 0
    trailer_text: str = ""
    repairs: list[Repair] = field(default_factory=list)
    repair_count: int = 0
    quarantine: QuarantineList = field(default_factory=QuarantineList)


def column_names(cells: list[str]) -> list[str]:
    """Return usable column names: lower case, no blanks, none empty, none twice."""
    names: list[str] = []
    seen: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        name = "_".join(cell.strip().strip("\ufeff").lower().split()) or f"column_{number}"
        if name.startswith("_"):
            name = f"column{name}"
        base, again = name, 2
        while name in seen:
            name = f"{base}__{again}"
            again += 1
        seen.add(name)
        names.append(name)
    return names


def read_rows(
    path: Path, file: str, dialect: Dialect, report: ReadReport, *, batch_rows: int = 8_192
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Read a delimited file in batches of (first lines, rows), every row as wide as the header.

    ``report`` is filled on the way: its header before the first batch, the rest by the end.
    """
    csv.field_size_limit(MAX_LINE_CHARS + RUNAWAY_CHARS)

    def overlong(line: int, beginning: str) -> None:
        report.quarantine.add(
            _bad(file, line, line, "line_too_long", beginning, "Export this file again.")
        )

    lines = physical_lines(path, dialect, overlong)
    for _ in range(dialect.header_line - 1):
        next(lines, None)
    if dialect.trailer:
        lines = _without_trailer(lines, report)
    reader = _RowReader(file, dialect, LineFeed(lines, dialect.header_line), report)
    header = reader.header()
    if not header:
        return
    report.header = header
    numbers: list[int] = []
    batch: list[list[str]] = []
    size = min(_FIRST_ROWS, batch_rows)
    for line, cells in reader.rows(len(header)):
        numbers.append(line)
        batch.append(cells)
        if len(batch) >= size:
            report.rows += len(batch)
            yield numbers, batch
            numbers, batch, size = [], [], batch_rows
    if batch:
        report.rows += len(batch)
        yield numbers, batch


def _without_trailer(lines: Iterator[str], report: ReadReport) -> Iterator[str]:
    """Hold back the last line that is not blank; drop it if it reads like a trailer."""
    held: list[str] = []
    for line in lines:
        if line.strip("\r\n\x1a \0"):
            yield from held
            held = [line]
        else:
            held.append(line)
    if held and is_trailer(held[0]):
        report.trailer_text = held[0].strip()
    else:
        yield from held


class _RowReader:
    """Strict rows first, then repair, then quarantine."""

    def __init__(self, file: str, dialect: Dialect, feed: LineFeed, report: ReadReport) -> None:
        self._file = file
        self._dialect = dialect
        self._feed = feed
        self._report = report
        self._bad_lines = 0

    def _csv(self, lines: Iterator[str]) -> Iterator[list[str]]:
        dialect = self._dialect
        return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)

    def header(self) -> list[str]:
        """Take the header line; empty where the file has none."""
        self._feed.mark()
        try:
            cells = next(self._csv(self._feed), [])
        except (csv.Error, RunawayQuote):
            first = self._feed.taken[0]
            self._feed.push_back(self._feed.taken[1:])
            cells = split_leniently(first, self._dialect.delimiter, self._dialect.quote)
        return column_names(cells) if any(c.strip() for c in cells) else []

    def rows(self, width: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (line, cells) for every row that can be read."""
        feed = self._feed
        reader = self._csv(feed)
        good = 0
        while True:
            line = feed.mark()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, RunawayQuote) as exc:
                if isinstance(exc, RunawayQuote):
                    feed.expect_less()
                cells = None
                reader = self._csv(feed)
            if cells is not None and len(cells) == width:
                good += 1
                yield line, cells
                continue
            if cells is not None and not cells:
                self._report.blank_lines += 1
                continue
            repaired = self._repair(width, finished=cells is not None)
            if repaired is not None:
                good += 1
                self._report.repair_count += 1
                if len(self._report.repairs) < 1_000:  # noqa: PLR2004 - itemised, then counted
                    self._report.repairs.append(Repair(line, repaired[0]))
                yield line, repaired[1]
            else:
                self._quarantine(line, cells, width)
                if self._hopeless(good):
                    self._give_up()
                    return
            reader = self._csv(feed)

    def _repair(self, width: int, *, finished: bool) -> tuple[str, list[str]] | None:
        """Try to make one row of what was taken; on success the rest is given back."""
        feed = self._feed
        taken = list(feed.taken)
        if not taken:
            return None
        text = "".join(taken)
        bare = text.rstrip("\r\n")
        if "\r" in bare.replace("\r\n", ""):
            cells = self._parse_once(_hide_lone_cr(text))
            if cells is not None and len(cells) == width:
                return "lone_carriage_return", [c.replace(_CR_STAND_IN, "\r") for c in cells]
        first = taken[0].rstrip("\r\n")
        quote, delimiter = self._dialect.quote, self._dialect.delimiter
        cells = split_leniently(first, delimiter, quote)
        if len(cells) == width and quote in first and not cells[-1].startswith(quote):
            feed.push_back(taken[1:])
            feed.taken[:] = taken[:1]
            return "stray_quote", cells
        if finished and len(taken) > 1:
            return None
        if 1 < len(cells) < width and not first.startswith(
            quote
        ):  # never guess into the first cell
            return self._join_lines(first, cells, width)
        return None

    def _join_lines(self, first: str, cells: list[str], width: int) -> tuple[str, list[str]] | None:
        """An unquoted line break: the next lines go on with the same row."""
        feed = self._feed
        rest = feed.taken[1:]
        feed.push_back(rest)
        del feed.taken[1:]
        joined = first
        coming = feed.peek(_JOIN_LINES)
        missing = width - len(cells)
        for count, text in enumerate(coming, start=1):
            piece = text.rstrip("\r\n")
            alone = split_leniently(piece, self._dialect.delimiter, self._dialect.quote)
            if len(alone) > missing + 1:
                break
            joined += _LF_STAND_IN + piece
            missing -= len(alone) - 1
            if missing == 0:
                parsed = self._parse_once(joined)
                after = coming[count : count + 1]
                if parsed is None or len(parsed) != width or self._is_continuation(after, width):
                    continue
                feed.take_again(count)
                return "unquoted_line_break", [c.replace(_LF_STAND_IN, "\n") for c in parsed]
        feed.take_again(len(rest))
        return None

    def _is_continuation(self, after: list[str], width: int) -> bool:
        """True where the line after a joined row is no row of its own but more of the cell."""
        if not after or not after[0].strip():
            return False
        dialect = self._dialect
        cells = split_leniently(after[0].rstrip("\r\n"), dialect.delimiter, dialect.quote)
        return len(cells) == 1 and width > 1

    def _parse_once(self, text: str) -> list[str] | None:
        try:
            return next(self._csv(iter(text.splitlines(keepends=True))), None)
        except csv.Error:
            return None

    def _quarantine(self, line: int, cells: list[str] | None, width: int) -> None:
        feed = self._feed
        taken = feed.taken
        if cells is None or self._hides_rows(taken, width):
            feed.push_back(taken[1:])
            last = line
        else:
            last = line + len(taken) - 1
        self._bad_lines += 1
        if cells is None:
            code, remedy = "quote_broken", "Close the quote in this line, or export the file again."
        elif len(cells) < width:
            code, remedy = "cells_missing", "The line is cut short: export the file again."
        else:
            code, remedy = (
                "cells_too_many",
                "A delimiter stands unquoted in a cell: quote the cell.",
            )
        text = taken[0] if taken else ""
        self._report.quarantine.add(_bad(self._file, line, last, code, text.rstrip("\r\n"), remedy))

    def _hides_rows(self, taken: list[str], width: int) -> bool:
        """True where a row that came out wrong swallowed lines that are rows by themselves."""
        dialect = self._dialect
        return any(
            len(split_leniently(t.rstrip("\r\n"), dialect.delimiter, dialect.quote)) == width
            for t in taken[1:]
        )

    def _hopeless(self, good: int) -> bool:
        return self._bad_lines > _HOPELESS_LINES and good * _HOPELESS_SHARE < self._bad_lines

    def _give_up(self) -> None:
        """Quarantine the rest of a file that is no table, without looking at each line."""
        feed = self._feed
        first = feed.line
        beginning = feed.skip_rest()
        if feed.line > first:
            self._report.quarantine.add(
                Quarantined(
                    self._file,
                    first,
                    feed.line - 1,
                    feed.line - first,
                    "",
                    "not_a_table",
                    shape(beginning),
                    "This file is not a table: export it again.",
                )
            )


def split_leniently(text: str, delimiter: str, quote: str) -> list[str]:
    """Split one line where a quote only closes a cell if a delimiter or the end follows."""
    cells: list[str] = []
    at = 0
    end = len(text)
    while True:
        if text.startswith(quote, at):
            close = at + 1
            while True:
                close = text.find(quote, close)
                if close < 0:
                    cells.append(text[at:])
                    return cells
                after = close + 1
                if after >= end or text.startswith(delimiter, after):
                    break
                close = after + 1 if text.startswith(quote, after) else after
            cells.append(text[at + 1 : close].replace(quote * 2, quote))
            at = close + 1
        else:
            cut = text.find(delimiter, at)
            if cut < 0:
                cells.append(text[at:])
                return cells
            cells.append(text[at:cut])
            at = cut
        if at >= end:
            return cells
        at += len(delimiter)
        if at >= end:
            cells.append("")
            return cells


def _hide_lone_cr(text: str) -> str:
    return text.replace("\r\n", "\0\n").replace("\r", _CR_STAND_IN).replace("\0\n", "\r\n")


def _bad(file: str, line: int, last: int, code: str, text: str, remedy: str) -> Quarantined:
    return Quarantined(file, line, last, 1, "", code, shape(text), remedy)
