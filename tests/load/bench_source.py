"""Is the source read truthfully? Values against answer keys, recalls, duplicates, defect classes.

    python tests/load/bench_source.py [--patients 400] [--seeds 7 8] [--dialects a b c d]

For the harbor-dental data set (where it lies beside the project) and for generated practices in
every dialect it prints: values compared with the answer key and how many differ; the F1 of recall
intervals and the share of texts without recall in which one was found; duplicates found and wrong.
Then the table of defect classes, from ``bench_defects.py``. Speed is ``bench_snapshot.py``'s.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bridgework_dental_exec.duplicates import identities, propose
from bridgework_dental_exec.recall import REVIEW_BELOW, parse_recalls
from bridgework_synthetic import generate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

HERE = Path(__file__).parent
TESTS = HERE.parents[1] / "libs" / "dental_exec" / "tests"
SHARED = HERE.parents[2] / "shared" / "data"
GOAL_F1, GOAL_DECOYS = 0.97, 0.005
KEY_IS_WRONG = {
    ("harbor-dental-delta", "Contacts", "1417", "Drug_Interaction_Flag"): (
        "alerts.csv has Y for 1417|Drug interaction since the second export (changes.json)"
    ),
}
"""Where a key of ours was looked into and the export is right."""


def answer_keys() -> ModuleType:
    """Load the comparison with answer keys that the readers' tests use."""
    spec = importlib.util.spec_from_file_location("dental_exec_conftest", TESTS / "conftest.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(TESTS)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def practices(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and folder of every practice."""
    for name in ("harbor-dental", "harbor-dental-delta"):
        archive = SHARED / f"{name}.zip"
        if archive.is_file():
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder / name)  # our own data set
            yield name, next((folder / name).rglob("truth.json")).parent
    for seed in given.seeds:
        for dialect in given.dialects:
            place = folder / f"seed{seed}{dialect}"
            generate(place, patients=given.patients, seed=seed, dialect=dialect, defects=1.0)
            yield f"seed {seed}, dialect {dialect}", place


@dataclass
class Recalls:
    """How recalls of task texts were read; texts without recall are decoys."""

    hits: int = 0
    found: int = 0
    wanted: int = 0
    decoys: int = 0
    wrong: int = 0

    def add(
        self, texts: Iterable[tuple[str, str, str | None, str | None, list[str] | None]]
    ) -> None:
        """Take in (subject, body, due, created, wanted intervals or ``None`` for a decoy)."""
        for subject, body, due, created, intervals in texts:
            sure = [
                r
                for r in parse_recalls(subject, body, due, created)
                if r.confidence >= REVIEW_BELOW
            ]
            got = Counter(r.interval for r in sure if r.interval)
            want = Counter(intervals or ())
            self.hits += sum((got & want).values())
            self.found += sum(got.values())
            self.wanted += sum(want.values())
            if intervals is None:
                self.decoys += 1
                self.wrong += bool(sure)

    @property
    def f1(self) -> float:
        """F1 of the intervals."""
        return 2 * self.hits / max(self.found + self.wanted, 1)

    def line(self, name: str) -> str:
        """Return one row of the table."""
        share = self.wrong / max(self.decoys, 1)
        return (
            f"{name:26}{self.wanted:>10,}{self.found:>8,}{self.f1:>8.4f}"
            f"{self.decoys:>8,}{self.wrong:>7}{share:>8.2%}"
        )


def of_key(truth: dict[str, Any]) -> Iterator[tuple[str, str, str | None, str | None, Any]]:
    """Yield the labelled task texts of an answer key."""
    for row in truth["recalls"]:
        wanted = [r["interval"] for r in row["recalls"] if r["interval"]]
        yield (row["subject"], row["body"], row["due_column"], row["created"],
               wanted if row["recalls"] else None)  # fmt: skip


def of_list() -> Iterator[tuple[str, str, str | None, str | None, Any]]:
    """Yield the wordings written by hand beside the practices."""
    for line in (TESTS / "data" / "recall_wordings.tsv").read_text("utf-8").split("\n"):
        if line and not line.startswith("#"):
            subject, body, want = line.replace("\\n", "\n").split("\t")
            wanted = None if want == "-" else [] if want == "?" else want.split()
            yield subject, body, None, "2025-07-07T09:00:00", wanted


def duplicates(source: Any, truth: dict[str, Any]) -> str:
    """Return how duplicate people were found."""
    wanted = {frozenset((d["keep"], d["duplicate"])) for d in truth["duplicates"]}
    apart = {frozenset((d["key"], d["other"])) for d in truth["look_alikes"]}
    proposals = propose(identities(source))
    found = {frozenset((p.keep, p.duplicate)) for p in proposals}
    certain = {frozenset((p.keep, p.duplicate)) for p in proposals if p.grade == "auto"}
    return (
        f"duplicates {len(found & wanted)} of {len(wanted)}, proposed wrongly "
        f"{len(found - wanted)}, look-alikes called certain {len(certain & apart)} of {len(apart)}"
    )


def main() -> int:
    """Run, print, and return the exit code of the table of defect classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="*", default=[7])
    parser.add_argument("--dialects", nargs="*", default=["a", "b", "c", "d"])
    parser.add_argument("--skip-defects", action="store_true")
    given = parser.parse_args()
    keys = answer_keys()
    say = sys.stdout.write
    say("Values against answer keys (an accepted value of the key counts as equal)\n")
    tables: list[tuple[str, Recalls]] = []
    with TemporaryDirectory() as folder:
        for number, (name, practice) in enumerate(practices(given, Path(folder))):
            began = time.perf_counter()
            source = keys.open_source(practice, Path(folder) / f"work{number}")
            key = keys.AnswerKey(practice, source)
            differing = key.run()
            wrong = [d for d in differing if (name, d.object, d.key, d.field) not in KEY_IS_WRONG]
            quarantined = sum(q.rows for q in source.snapshot.quarantine)
            say(
                f"{name:26}{sum(key.compared.values()):>10,} values of {len(key.compared)} "
                f"objects, {len(wrong)} differ, {quarantined} rows quarantined; "
                f"{duplicates(source, key.truth)}; {time.perf_counter() - began:.1f} s\n"
            )
            for difference in wrong[:5]:
                say(f"    {difference}\n")
            for why in [w for (place, *_), w in KEY_IS_WRONG.items() if place == name]:
                say(f"    the key is wrong: {why}\n")
            tables.append((name, Recalls()))
            tables[-1][1].add(of_key(key.truth))
    tables.append(("wordings written by hand", Recalls()))
    tables[-1][1].add(of_list())
    say(f"\n{'Recall intervals':26}{'wanted':>10}{'found':>8}{'F1':>8}{'decoys':>8}"
        f"{'wrong':>7}{'share':>8}\n")  # fmt: skip
    for name, recalls in tables:
        say(recalls.line(name) + "\n")
    say(f"goals: F1 at least {GOAL_F1}, decoys at most {GOAL_DECOYS:.1%}\n\n")
    sys.stdout.flush()
    if given.skip_defects:
        return 0
    arguments = ["--patients", str(given.patients), "--seeds", *map(str, given.seeds),
                 "--dialects", *given.dialects]  # fmt: skip
    return subprocess.run(
        [sys.executable, str(HERE / "bench_defects.py"), *arguments], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
