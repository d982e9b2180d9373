"""Practices somebody else invented, in all dialects, against their answer keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.duplicates import identities, propose

synthetic = pytest.importorskip("bridgework_synthetic")
Open = Callable[..., CanonicalSource]


@pytest.mark.parametrize("dialect", ["a", "b", "c", "d"])
def test_a_generated_practice_reads_as_its_key_says(
    tmp_path: Path, open_practice: Open, answer_key: Any, dialect: str
) -> None:
    """All defects, this dialect: no value differs, nothing is quarantined."""
    synthetic.generate(tmp_path / "p", patients=250, seed=31, dialect=dialect, defects=1.5)
    source = open_practice(tmp_path / "p", tmp_path / "w")
    assert source.snapshot.quarantine == []
    assert answer_key(tmp_path / "p", source).run() == []


def test_four_dialects_of_one_practice_give_the_same_records(
    tmp_path: Path, open_practice: Open, answer_key: Any, changes: Any
) -> None:
    """Every difference lies in a row of which the dialect destroyed a cell; printed forms aside.

    Between (a) and (c), which destroy nothing, not even a content hash differs.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    sources = {}
    for dialect in "abcd":
        folder = tmp_path / dialect
        synthetic.generate(folder, patients=110, seed=9, dialect=dialect, defects=0.7,
                           documents=False)  # fmt: skip
        source = sources[dialect] = open_practice(folder, tmp_path / f"w{dialect}")
        found[dialect] = {n: {r.key: r.fields for r in source.records(n)} for n in source.objects()}
    assert changes(sources["a"], sources["c"]) == {}
    for dialect in "bcd":
        truth = json.loads((tmp_path / dialect / "truth.json").read_text("utf-8"))
        lost = {(x["file"], x["key"]) for x in truth.get("dialect_losses", ())}
        if any(file == "coverage" for file, _ in lost):
            lost |= {("patients", key) for key in found["a"]["patient"]
                     if found["a"]["patient"][key]["other_coverage"]}  # fmt: skip
        assert bool(lost) == (dialect != "c")
        objects = sources[dialect].snapshot.profile.objects
        for name, records in found["a"].items():
            assert records.keys() == found[dialect][name].keys(), (dialect, name)
            table = objects[name].table
            wrong = [
                (key, field)
                for key, fields in records.items()
                for field, value in fields.items()
                if not field.endswith("_raw")
                and found[dialect][name][key][field] != value
                and (table, key) not in lost
            ]
            assert wrong == [], (dialect, name)


def test_duplicates_are_found_and_look_alikes_stay_apart(
    tmp_path: Path, open_practice: Open
) -> None:
    """Recall at least 0.95, nothing wrong among the certain ones, no look-alike certain."""
    synthetic.generate(tmp_path / "p", patients=1500, seed=5, dialect="a", defects=1.0,
                       documents=False, images=False)  # fmt: skip
    source = open_practice(tmp_path / "p", tmp_path / "w")
    truth = synthetic.Truth(tmp_path / "p")
    wanted = {frozenset((d["keep"], d["duplicate"])) for d in truth.section("duplicates")}
    apart = {frozenset((d["key"], d["other"])) for d in truth.section("look_alikes")}
    proposals = propose(identities(source))
    found = {frozenset((p.keep, p.duplicate)) for p in proposals}
    certain = {frozenset((p.keep, p.duplicate)) for p in proposals if p.grade == "auto"}
    assert len(found & wanted) >= 0.95 * len(wanted)
    assert certain <= wanted
    assert not certain & apart
    assert len(found - wanted) <= 0.05 * len(found)
