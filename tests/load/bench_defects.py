"""How well the audit finds defects, class by class, and how fast.

    python tests/load/bench_defects.py [--patients 400] [--seeds 7 8] [--dialects a b] [--strict]

Generates a practice per seed and dialect, adds the harbor-dental data set where it lies beside the
project, audits each and prints: a table per practice of what misses the goals, one table over all
of them, rows/s and peak memory. ``--strict`` ends with 1 where a class misses a goal.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bridgework_audit import build_audit
from bridgework_audit.measure import (
    ClassScore,
    LossScore,
    expected_places,
    measure,
    measure_losses,
    table_of,
    unmapped_kinds,
)
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_mapping.document import MappingDocument
from bridgework_synthetic import generate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HARBOR = Path(__file__).parents[2].parent / "shared" / "data" / "harbor-dental.zip"
RECALL_GOAL, PRECISION_GOAL = 0.98, 0.95


def practices(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and folder of every practice to audit."""
    if HARBOR.is_file():
        with zipfile.ZipFile(HARBOR) as archive:
            archive.extractall(folder / "harbor")  # our own data set
        yield "harbor-dental", next((folder / "harbor").rglob("truth.json")).parent
    for seed in args.seeds:
        for dialect in args.dialects:
            place = folder / f"seed{seed}{dialect}"
            generate(place, patients=args.patients, seed=seed, dialect=dialect, defects=1.0)
            yield f"seed {seed}, dialect {dialect}", place


def read_json(place: Path) -> dict[str, Any]:
    """Return a JSON file's object."""
    data: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return data


@dataclass
class Result:
    """One practice's audit against its key."""

    scores: list[ClassScore]
    losses: LossScore
    unmapped: set[str]
    rows: int
    seconds: float


def audited(practice: Path, work: Path) -> Result:
    """Audit one practice."""
    facts, truth = read_json(practice / "practice_facts.json"), read_json(practice / "truth.json")
    spec = SourceSpec(
        export_path=str(practice / "export"),
        practice_timezone=facts["time_zone"],
        appointment_unit_min=facts["appointment_book_unit_min"],
    )
    with open_export(practice / "export", work / "unpacked") as export:
        snapshot = seal_snapshot(export, work / "snapshot", seal=bytes(32))
        source = CanonicalSource(snapshot, spec, export=export)
        began = time.perf_counter()
        audit = build_audit(snapshot, source, MappingDocument.default(), places=None)
        seconds = time.perf_counter() - began
    defects = truth["defects"]
    scores = measure(audit.book, expected_places(snapshot, defects))
    losses = measure_losses(snapshot, audit.book, truth.get("dialect_losses", ()))
    rows = sum(info.rows for info in snapshot.tables.values())
    return Result(scores, losses, unmapped_kinds(defects), rows, seconds)


def weak(scores: Sequence[ClassScore]) -> list[ClassScore]:
    """Return the classes that miss a goal."""
    return [s for s in scores if s.recall < RECALL_GOAL or s.precision < PRECISION_GOAL]


def together(scores: Sequence[ClassScore]) -> list[ClassScore]:
    """Return one score per class over all practices."""
    sums: dict[str, Counter[str]] = {}
    for s in scores:
        counts = {"expected": s.expected, "found": s.found, "hits": s.hits, "right": s.right}
        sums.setdefault(s.name, Counter()).update(counts)
    return [
        ClassScore(name, c["expected"], c["found"], c["hits"], c["right"])
        for name, c in sorted(sums.items())
    ]


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="*", default=[7])
    parser.add_argument("--dialects", nargs="*", default=["a", "b", "c", "d"])
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    every: list[ClassScore] = []
    all_rows, all_seconds = 0, 0.0
    with TemporaryDirectory() as folder:
        for number, (name, practice) in enumerate(practices(args, Path(folder))):
            one = audited(practice, Path(folder) / f"work{number}")
            every += one.scores
            all_rows, all_seconds = all_rows + one.rows, all_seconds + one.seconds
            sys.stdout.write(
                f"{name}: {one.rows:,} rows, {len(one.scores)} classes, {one.seconds:.1f} s; "
                f"destroyed cells named by row {one.losses.by_row}, by column "
                f"{one.losses.by_column}, not at all in: {', '.join(one.losses.unnamed) or '-'}\n"
            )
            if one.unmapped:
                sys.stdout.write(f"  kinds without a class: {', '.join(sorted(one.unmapped))}\n")
            if misses := weak(one.scores):
                sys.stdout.write(table_of(misses) + "\n")
    total = together(every)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"\nall practices, {all_rows:,} rows, {all_rows / all_seconds:,.0f} rows/s audited, "
        f"peak {peak_mib:,.0f} MiB (generating included)\n{table_of(total)}\n"
        f"{len(weak(total))} of {len(total)} classes miss recall {RECALL_GOAL} "
        f"or precision {PRECISION_GOAL}\n"
    )
    return 1 if args.strict and weak(total) else 0


if __name__ == "__main__":
    sys.exit(main())
