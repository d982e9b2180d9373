"""Same arguments, same bytes; and no fact depends on how many are made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridgework_synthetic import Truth, evolve, generate


def digest(folder: Path) -> str:
    """One hash over all files and their names."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(folder)).encode())
        total.update(path.read_bytes())
    return total.hexdigest()


@pytest.mark.parametrize("dialect", ["a", "b", "c", "d"])
def test_same_arguments_write_the_same_bytes(tmp_path: Path, dialect: str) -> None:
    """Two processes with different hash seeds write byte-identical exports and evolutions."""
    program = (
        "import sys; from pathlib import Path; from bridgework_synthetic import *\n"
        "out = Path(sys.argv[1])\n"
        "generate(out / 'one', patients=40, seed=3, dialect=sys.argv[2], defects=1.5)\n"
        "evolve(out / 'one', out / 'two', seed=9, changed=0.1, added=0.1, deleted=0.05)\n"
    )
    digests = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        command = [sys.executable, "-c", program, str(out), dialect]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run(command, check=True, env=environment)
        digests.append(digest(out))
    assert digests[0] == digests[1]


def test_another_seed_is_another_practice(tmp_path: Path) -> None:
    """Seeds 1 and 2 share no patient row."""
    for seed in (1, 2):
        generate(tmp_path / str(seed), patients=30, seed=seed)
    first, second = (
        set((tmp_path / seed / "export" / "patients.csv").read_text().splitlines()[1:])
        for seed in ("1", "2")
    )
    assert not first & second


def test_a_long_key_is_split_and_reads_the_same(tmp_path: Path) -> None:
    """``truth/*.jsonl`` with an index holds what one ``truth.json`` holds."""
    generate(tmp_path / "whole", patients=30, seed=4, defects=1.0)
    generate(tmp_path / "split", patients=30, seed=4, defects=1.0, split_bytes=1000)
    whole, split = Truth(tmp_path / "whole"), Truth(tmp_path / "split")
    assert (tmp_path / "split" / "truth").is_dir()
    assert not (tmp_path / "whole" / "truth").exists()
    assert split.expected_counts == whole.expected_counts
    for module in whole.expected_counts:
        assert list(split.objects(module)) == list(whole.objects(module))
    for section in ("recalls", "balances", "owners", "defects", "duplicates", "look_alikes"):
        assert list(split.section(section)) == list(whole.section(section))
    assert dict(split.section("tooth_charts")) == dict(whole.section("tooth_charts"))


def test_an_existing_export_is_never_written_over(tmp_path: Path) -> None:
    """A second ``generate`` into the same folder refuses."""
    generate(tmp_path, patients=3, seed=1)
    with pytest.raises(FileExistsError):
        generate(tmp_path, patients=3, seed=1)


def test_evolving_a_foreign_export_is_refused(tmp_path: Path) -> None:
    """Only exports with this generator's arguments in the key can be lived forward."""
    (tmp_path / "truth.json").write_text(
        '{"format": "bridgework-truth/1", "meta": {"generator": {"name": "somebody else"}}}'
    )
    with pytest.raises(ValueError, match="not made by"):
        evolve(tmp_path, tmp_path / "out", seed=1)


@pytest.mark.parametrize(
    "arguments", [{"patients": 0}, {"defects": -1.0}, {"dialect": "z"}, {"inject": ["gremlins"]}]
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, object]) -> None:
    """Nothing is written for a practice that cannot be."""
    given: dict[str, object] = {"patients": 5, "seed": 1, **arguments}
    with pytest.raises(ValueError, match=r"patients|defects|dialect|injection"):
        generate(tmp_path / "out", **given)  # type: ignore[arg-type]  # wrong on purpose
    assert not (tmp_path / "out").exists()
