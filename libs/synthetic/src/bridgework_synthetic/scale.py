"""Millions of rows for load tests: a small practice printed again and again under other numbers.

A thousand people are made as always; every further copy of a household gets record numbers, names,
birth dates and telephones of its own, so that keys stay unique and nobody looks like a duplicate.
Only patients and accounts are printed anew for a copy; every other line is a template with its
numbers left open.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from bridgework_synthetic import cells
from bridgework_synthetic.dialects import Manner
from bridgework_synthetic.folder import CsvFile, ExportFolder
from bridgework_synthetic.founding import found_practice
from bridgework_synthetic.generate import Progress, Summary, close_export, manifest_zone
from bridgework_synthetic.ledger import settle
from bridgework_synthetic.names import AREA_CODES, LAST
from bridgework_synthetic.notes import note_attachments
from bridgework_synthetic.population import Population
from bridgework_synthetic.recipe import DEFAULT_EXPORTED_AT, DialectName, Recipe
from bridgework_synthetic.rows import MODULE_OF, Household, Row
from bridgework_synthetic.truth import TruthWriter

BASE_PATIENTS: Final = 1000
_STRIDE: Final = 1_000_000
"""Copy n of record 2001 is 2001 + n * stride; no base practice has a million rows of one kind."""
_NUMBERED: Final = frozenset(
    {
        "acct_id",
        "pat_id",
        "resp_party_id",
        "subscriber_pat_id",
        "cov_id",
        "tp_id",
        "item_id",
        "appt_id",
        "task_id",
        "note_id",
        "addendum_of",
        "exam_id",
        "entry_id",
        "applied_to",
        "claim_id",
        "doc_id",
    }
)
_PRINTED_ANEW: Final = frozenset({"patients", "accounts"})
_AREA_PLACE: Final = {area: place for place, area in enumerate(AREA_CODES)}
_AREA: Final = re.compile(r"\d{3}(?=\D{0,2}555)")


@dataclass(slots=True)
class _Line:
    """A row of any other file: its line with ``%d`` where a number goes, and the numbers."""

    file: str
    template: str
    numbers: tuple[int, ...]


@dataclass(slots=True)
class _Home:
    """A household ready to be copied."""

    people: list[Row]
    lines: list[_Line]
    expected: Counter[tuple[str, str]]


def generate_rows(
    out: Path,
    *,
    rows: int,
    seed: int,
    dialect: DialectName = "a",
    perio: bool = False,
    images: bool = False,
    exported_at: datetime = DEFAULT_EXPORTED_AT,
    progress: Progress | None = None,
) -> Summary:
    """Write a clean export of about ``rows`` rows under ``out``, as fast as it goes.

    The export ends with the household that reaches ``rows``; 35 to 40 rows per patient, with
    ``perio`` about ten more. There are no documents. ``truth.json`` has ``meta``, ``source_rows``
    and ``expected_counts`` only. Memory does not grow with ``rows``.

    Args:
        out: A folder without an ``export`` in it.
        rows: Rows of all 26 files together.
        seed: Names the practice.
        dialect: As for :func:`bridgework_synthetic.generate`.
        perio: Chart pocket depths.
        images: Put pictures into notes.
        exported_at: Wall clock at the office when the export was taken.
        progress: Called with rows done and asked for, after every copy of the practice.

    Raises:
        FileExistsError: ``out/export`` is already there.
    """
    recipe = Recipe(
        patients=BASE_PATIENTS,
        seed=seed,
        dialect=dialect,
        exported_at=exported_at,
        images=images,
        documents=False,
        perio=perio,
    )
    practice = found_practice(recipe)
    expected: Counter[tuple[str, str]] = Counter({("Accounts", "required"): len(practice.carriers)})
    with ExportFolder(out / "export", recipe, manifest_zone(practice)) as folder:
        truth = TruthWriter(out)
        done = 0
        for file_rows in practice.rows.values():
            for row in file_rows:
                _print(folder.files[row.file], row.cells)
                if row.file in MODULE_OF:
                    expected[MODULE_OF[row.file], row.expect] += 1
                done += 1
        homes = [_home(household, folder, exported_at) for household in Population(practice)]
        copy = 0
        while done < rows:
            for home in homes:
                done += _copy(home, copy, folder)
                expected.update(home.expected)
                if done >= rows:
                    break
            copy += 1
            if progress:
                progress(min(done, rows), rows)
    for (module, expect), count in expected.items():
        truth.expected[module][expect] = count
    return close_export(out, practice, folder, truth, {}, split_bytes=0)


def _home(household: Household, folder: ExportFolder, exported_at: datetime) -> _Home:
    settle(household, exported_at.date())
    expected: Counter[tuple[str, str]] = Counter()
    people: list[Row] = []
    lines: list[_Line] = []
    for row in household.everything():
        if row.file in MODULE_OF:
            expected[MODULE_OF[row.file], row.expect] += 1
        for attachment in note_attachments(row) if row.file == "notes" else ():
            expected["Attachments", attachment["expect"]] += 1
        if row.file in _PRINTED_ANEW:
            people.append(row)
        else:
            lines.append(_line(row, folder.files[row.file].manner))
    for module, objects in (
        ("Contacts", household.contacts),
        ("Guarantors", household.guarantors),
        ("Deals", household.of("accounts")),
    ):
        expected.update((module, row.expect) for row in objects)
    return _Home(people, lines, expected)


def _line(row: Row, manner: Manner) -> _Line:
    """The printed line with its numbers taken out."""
    printed = manner.row(row.cells)
    numbers = []
    for place, column in enumerate(manner.header):
        text = printed[place]
        printed[place] = text.replace("%", "%%")
        if column in _NUMBERED and text:
            numbers.append(int(text))
            printed[place] = "%d"
    return _Line(row.file, manner.line(printed), tuple(numbers))


def _copy(home: _Home, copy: int, folder: ExportFolder) -> int:
    """Print one household once more; the rows written."""
    files = folder.files
    shift = copy * _STRIDE
    for row in home.people:
        _print(files[row.file], _renewed(row, copy) if copy else row.cells)
    for line in home.lines:
        files[line.file].put(line.template % tuple([number + shift for number in line.numbers]))
    return len(home.people) + len(home.lines)


def _print(sheet: CsvFile, values: dict[str, str]) -> None:
    sheet.write(sheet.manner.row(values))


def _renewed(row: Row, copy: int) -> dict[str, str]:
    """The cells of somebody else with the same history."""
    values = dict(row.cells)
    last = values.get("last") or values.get("g1_name", "").partition(",")[0]
    other = LAST[(LAST.index(last) + copy) % len(LAST)] if last in LAST else f"{last}-{copy}"
    for column, text in values.items():
        if not text:
            continue
        if column in _NUMBERED:
            values[column] = str(int(text) + copy * _STRIDE)
        elif column.endswith("phone"):
            values[column] = _AREA.sub(lambda found: _area(found[0], copy), text, count=1)
        elif column.endswith("dob"):
            values[column] = _later(text, copy)
        elif column == "email":
            values[column] = f"{copy}.{text}"
        elif column == "last" or column.endswith("name"):
            values[column] = text.replace(last, other) if last else text
    return values


def _area(area: str, copy: int) -> str:
    """Another area code; every copy moves all numbers alike, so different ones stay different."""
    return AREA_CODES[(_AREA_PLACE[area] + copy) % len(AREA_CODES)]


def _later(text: str, copy: int) -> str:
    """Another birth date within the same two years."""
    born = date(int(text[6:]), int(text[:2]), int(text[3:5]))
    return cells.day(born - timedelta(days=copy * 37 % 700))
