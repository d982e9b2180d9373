"""``generate`` and ``evolve``: a practice's export and its answer key, made from a recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

from bridgework_synthetic.changes import ChangeLog
from bridgework_synthetic.dialects import manner
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.emission import Emission
from bridgework_synthetic.folder import ExportFolder
from bridgework_synthetic.founding import found_practice
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.recipe import (
    DEFAULT_EXPORTED_AT,
    DialectName,
    Evolution,
    Injection,
    Recipe,
)
from bridgework_synthetic.rows import Fields
from bridgework_synthetic.schema import HEADERS
from bridgework_synthetic.timeline import Timeline
from bridgework_synthetic.truth import SPLIT_BYTES, Truth, TruthWriter

NAME: Final = "bridgework_synthetic"
VERSION: Final = "1.0"
Progress = Callable[[int, int], None]
"""Called with the people done and the people asked for, after every household."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    out: Path
    rows: dict[str, int]
    expected_counts: dict[str, dict[str, int]]
    defect_counts: dict[str, dict[str, int]]
    documents: int
    injected: list[Fields] = field(default_factory=list)
    """Per named injection: ``name``, ``file`` and ``key`` or ``column``, and what was put there."""


def generate(
    out: Path,
    *,
    patients: int,
    seed: int,
    dialect: DialectName = "a",
    defects: float = 0.0,
    exported_at: datetime = DEFAULT_EXPORTED_AT,
    images: bool = True,
    documents: bool = True,
    perio: bool = True,
    inject: Sequence[Injection] = (),
    progress: Progress | None = None,
    split_bytes: int = SPLIT_BYTES,
) -> Summary:
    """Write a practice's export under ``out`` and return what was written.

    ``out`` receives ``export/`` (26 CSV files, ``manifest.csv``, ``documents/``), ``truth.json``
    (``bridgework-truth/1``; see :mod:`bridgework_synthetic.truth` for long keys),
    ``org_users.json``, ``practice_facts.json`` and ``PROFILE.md``. Memory does not grow with the
    number of patients. The same arguments write the same bytes.

    Args:
        out: A folder without an ``export`` in it; created if need be.
        patients: People to invent; duplicates come on top.
        seed: Names the practice. The same seed in another dialect is the same practice.
        dialect: ``a`` UTF-8 comma, ``b`` Windows-1252 with tildes, ``c`` UTF-16 tab, ``d`` resaved
            by Excel.
        defects: Factor on the rates of SOURCE_DATA §3.5; 0 is a clean export, 1 the table's.
        exported_at: Wall clock at the office when the export was taken.
        images: Put pictures into notes.
        documents: Write documents, with their rows and files.
        perio: Chart pocket depths (about a hundred rows per exam).
        inject: Single named defects for tests; where each was put stands in the summary.
        progress: Called after every household.
        split_bytes: A longer key is left in ``truth/*.jsonl``.

    Raises:
        ValueError: An argument out of range.
        FileExistsError: ``out/export`` is already there.
    """
    recipe = Recipe(
        patients=patients,
        seed=seed,
        dialect=dialect,
        defects=defects,
        exported_at=exported_at,
        images=images,
        documents=documents,
        perio=perio,
        inject=tuple(inject),
    )
    return write_export(recipe, out, progress, split_bytes)


def evolve(
    previous: Path,
    out: Path,
    *,
    seed: int,
    changed: float = 0.03,
    added: float = 0.01,
    deleted: float = 0.003,
    progress: Progress | None = None,
    split_bytes: int = SPLIT_BYTES,
) -> Summary:
    """Write the export of the same practice two days later, and what changed in between.

    The practice is made again from the arguments in the earlier ``truth.json`` and then lived
    forward, so only that file is read. Rows are shuffled and quoted otherwise. ``out`` receives
    what :func:`generate` writes and ``changes.json``: per file the keys added and deleted, and for
    changed rows the cells before and after, as printed. An evolved export can be evolved again.

    Args:
        previous: The folder of the earlier export, with its ``truth.json``.
        out: A folder without an ``export`` in it.
        seed: Names what happens in between.
        changed: Share of rows edited; balances and ageing follow.
        added: Share of new rows, and of new patients.
        deleted: Share of rows gone.
        progress: Called after every household.
        split_bytes: A longer key is left in ``truth/*.jsonl``.

    Raises:
        ValueError: ``previous`` was not written by this generator.
        FileExistsError: ``out/export`` is already there.
    """
    made = Truth(previous).meta["generator"]
    if made.get("name") != NAME or made.get("version") != VERSION:
        raise ValueError("the earlier export was not made by this version of the generator")
    before = Recipe.from_json(made["arguments"])
    step = Evolution(
        seed=seed,
        exported_at=before.now + timedelta(days=2),
        changed=changed,
        added=added,
        deleted=deleted,
        first_numbers=made["next_numbers"],
    )
    recipe = replace(before, evolutions=(*before.evolutions, step))
    return write_export(recipe, out, progress, split_bytes)


def write_export(recipe: Recipe, out: Path, progress: Progress | None, split_bytes: int) -> Summary:
    """Write the latest export a recipe leads to."""
    base = found_practice(replace(recipe, evolutions=()))
    timeline = Timeline(base, recipe)
    practice = timeline.practice
    zone = manifest_zone(practice)
    done = 0
    with ExportFolder(out / "export", recipe, zone, timeline.without) as folder:
        truth = TruthWriter(out)
        log = ChangeLog(out, folder) if timeline.steps else None
        emission = Emission(practice, folder, truth)
        emission.small_files(practice.rows)
        if log:
            log.compare(
                chain.from_iterable(timeline.small_before.values()),
                chain.from_iterable(practice.rows.values()),
            )
        for before, after in timeline.households():
            if after:
                emission.household(after)
            if log:
                log.compare(
                    before.everything() if before else (), after.everything() if after else ()
                )
            done += len(after.contacts) if after else 0
            if progress:
                progress(min(done, recipe.patients), recipe.patients)
    if log:
        earlier = recipe.evolutions[-2].exported_at if len(recipe.evolutions) > 1 else None
        replaced = timeline.steps[-1].document_bytes_changed
        log.close(earlier or recipe.exported_at, recipe.now, replaced)
    return close_export(out, practice, folder, truth, timeline.next_numbers, split_bytes)


def manifest_zone(practice: Practice) -> str:
    """The manifest's time zone: the practice's own, or nothing where defects are about."""
    lost = practice.recipe.defects > 0 and Dice(practice.recipe.seed, "manifest").chance(0.3)
    return "" if lost else practice.town.time_zone


def close_export(
    out: Path,
    practice: Practice,
    folder: ExportFolder,
    truth: TruthWriter,
    next_numbers: dict[str, int],
    split_bytes: int,
) -> Summary:
    """Write the key's header and the files beside the export."""
    recipe = practice.recipe
    rows = {name: file.rows for name, file in folder.files.items()}
    meta = {
        "dataset": f"synthetic-{recipe.seed}",
        "seed": recipe.seed,
        "dialect": recipe.dialect,
        "defect_rate_factor": recipe.defects,
        "exported_at": recipe.now.isoformat(timespec="minutes"),
        "practice_timezone": practice.town.time_zone,
        "manifest_timezone": manifest_zone(practice),
        "appointment_unit_min": practice.unit_min,
        "generator": {
            "name": NAME,
            "version": VERSION,
            "arguments": recipe.to_json(),
            "next_numbers": next_numbers,
        },
        "files": {name: file.manner.note for name, file in folder.files.items()},
    }
    truth.close(meta, rows, practice.referral_values, split_bytes)
    _write_json(out / "org_users.json", {"users": practice.users})
    _write_json(
        out / "practice_facts.json",
        {
            "practice": practice.name,
            "offices": [
                f"{row.cells['name']}, {row.cells['city']} {row.cells['st']}"
                for row in practice.rows["locations"]
            ],
            "time_zone": practice.town.time_zone,
            "appointment_book_unit_min": practice.unit_min,
            "exported": {"d": "opened in Excel and saved again"}.get(
                recipe.dialect, "straight from the program"
            ),
        },
    )
    (out / "PROFILE.md").write_text(_profile(recipe), encoding="utf-8", newline="\n")
    return Summary(
        out=out,
        rows=rows,
        expected_counts=truth.expected_counts(),
        defect_counts={"listed": dict(truth.listed), "habits": dict(truth.habits)},
        documents=folder.documents,
        injected=practice.injected,
    )


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _profile(recipe: Recipe) -> str:
    """The headers, and how each file is printed."""
    lines = ["# Synthetic practice, Dental-Exec profile v1", "", f"Dialect ({recipe.dialect}).", ""]
    for file, header in HEADERS.items():
        how = manner(
            recipe.dialect,
            file,
            recipe.seed,
            again=bool(recipe.evolutions),
            patients=recipe.patients,
        )
        printed = f"{how.note}; {how.encoding}, delimiter `{how.delimiter!r}`"
        lines += [f"## {file}.csv", "", printed, "", "```", ",".join(header), "```", ""]
    return "\n".join(lines)
