"""``generate``: a practice's export and its answer key, made from a recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bridgework_synthetic.dialects import manner
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.emission import Emission
from bridgework_synthetic.folder import ExportFolder
from bridgework_synthetic.founding import found_practice
from bridgework_synthetic.injection import Injector
from bridgework_synthetic.population import Population
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.recipe import DEFAULT_EXPORTED_AT, DialectName, Injection, Recipe
from bridgework_synthetic.rows import Fields
from bridgework_synthetic.schema import HEADERS
from bridgework_synthetic.truth import SPLIT_BYTES, TruthWriter

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
    practice = found_practice(recipe)
    population = Population(practice)
    injector = Injector(practice)
    injector.small_files()
    with ExportFolder(out / "export", recipe, manifest_zone(practice), injector.without) as folder:
        truth = TruthWriter(out)
        emission = Emission(practice, folder, truth)
        emission.small_files(practice.rows)
        done = 0
        for household in population:
            injector.household(household)
            emission.household(household)
            done += len({contact.key for contact in household.contacts})
            if progress:
                progress(min(done, patients), patients)
    injector.finished()
    return close(out, practice, folder, truth, population.numbers.next_free, split_bytes)


def manifest_zone(practice: Practice) -> str:
    """The manifest's time zone: the practice's own, or nothing where defects are about."""
    lost = practice.recipe.defects > 0 and Dice(practice.recipe.seed, "manifest").chance(0.3)
    return "" if lost else practice.town.time_zone


def close(
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
            "name": "bridgework_synthetic",
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
