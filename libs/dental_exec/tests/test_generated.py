"""Practices somebody else invented, in all dialects, against their answer keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.delta import changes, hash_table, hashes
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


def test_two_dialects_of_one_practice_have_the_same_content(
    tmp_path: Path, open_practice: Open
) -> None:
    """What no dialect destroys has the same content hash: delta between them is empty."""
    sources = []
    for dialect in ("a", "c"):
        folder = tmp_path / dialect
        synthetic.generate(folder, patients=120, seed=9, dialect=dialect, defects=0.5,
                           documents=False)  # fmt: skip
        sources.append(open_practice(folder, tmp_path / f"w{dialect}"))
    assert changes(hash_table(hashes(sources[0])), hash_table(hashes(sources[1]))) == {}


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
