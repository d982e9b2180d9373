"""Corrections on their way into a snapshot: opened, bound, applied, remembered without values."""

import base64
from pathlib import Path

import pytest
from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import Correction, correction_aad
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_extractor import correcting
from bridgework_extractor.correcting import SeenRows
from bridgework_store.sealing import TenantKey, TenantSealer, UnsealFailed

SEAL, HASH_KEY = bytes(range(32)), b"h" * 32
SEALER = TenantSealer(TenantKey(b"t" * 32))
ROWS = "carrier_id,name,payer_id\n1,Delta,00430\n2,,65978\n"


def correction(name: str, value: str, *, sealed_for: str | None = None) -> Correction:
    """A correction of the second carrier's name, seen by a run and not bound to a mark."""
    sealed = SEALER.seal(value.encode(), correction_aad(sealed_for or name))
    return Correction(
        correction_id=name,
        file="carriers.csv",
        line=3,
        column="name",
        value_sealed=base64.b64encode(sealed).decode(),
        seen_in=RunId("run_1"),
    )


class Run:
    """One run's folder with its sealed export."""

    def __init__(self, folder: Path, text: str) -> None:
        (folder / "export").mkdir(parents=True)
        (folder / "export" / "carriers.csv").write_text(text, encoding="utf-8")
        self.folder = folder
        self.export = open_export(folder / "export", folder / "work")
        self.snapshot = seal_snapshot(self.export, folder / "snapshot", seal=SEAL)

    def seen(self) -> dict[str, SeenRows]:
        """The rows as this run saw them, under the id of the first run."""
        lines = {"carriers.csv": {3}}
        return {"run_1": SeenRows(self.folder, SEAL, lines, HASH_KEY)}

    def correct(self, *corrections: Correction, seen: dict[str, SeenRows]) -> list[tuple[str, int]]:
        """Apply corrections; return state and line of each."""
        fixes = correcting.opened(corrections, SEALER, seen)
        done = correcting.apply(self.folder, self.snapshot, self.export, fixes, HASH_KEY)
        assert correcting.remembered(self.folder) == done
        return [(one.state, one.line) for one in done]

    def names(self) -> list[str | None]:
        """The carriers' names, in the file's order."""
        loaded = Snapshot.load(self.folder / "snapshot", SEAL)
        with loaded.connect(["carriers"]) as connection:
            return [name for (name,) in connection.execute("SELECT name FROM carriers").fetchall()]


def test_a_correction_without_a_mark_is_bound_through_the_run_that_saw_the_row(
    tmp_path: Path,
) -> None:
    """The row has moved since; what is kept on disk holds no value."""
    first = Run(tmp_path / "1", ROWS)
    later = Run(tmp_path / "2", "carrier_id,name,payer_id\n9,New,1\n1,Delta,00430\n2,,65978\n")
    said = later.correct(correction("cor_1", "Quimby Mutual"), seen=first.seen())
    assert said == [("applied", 4)]
    assert later.names() == ["New", "Delta", "Quimby Mutual"]
    assert b"Quimby" not in (later.folder / correcting.FILE_NAME).read_bytes()


def test_a_row_corrected_before_is_still_bound_to_what_was_exported(tmp_path: Path) -> None:
    """A second correction finds the row although the run that saw it had corrected it."""
    first = Run(tmp_path / "1", ROWS)
    first.correct(correction("cor_1", "Quimby"), seen=first.seen())
    later = Run(tmp_path / "2", ROWS)
    assert later.correct(correction("cor_2", "Featherstone"), seen=first.seen()) == [("applied", 3)]
    assert later.names() == ["Delta", "Featherstone"]


def test_a_row_nobody_can_find_any_more_is_stale(tmp_path: Path) -> None:
    """The run's snapshot is gone, or the row is."""
    later = Run(tmp_path / "2", ROWS)
    assert later.correct(correction("cor_1", "Quimby"), seen={}) == [("stale", 0)]
    assert later.names() == ["Delta", None]


def test_a_value_sealed_for_another_correction_is_refused(tmp_path: Path) -> None:
    """Nobody can move a sealed value to another cell."""
    first = Run(tmp_path / "1", ROWS)
    with pytest.raises(UnsealFailed):
        first.correct(correction("cor_1", "Quimby", sealed_for="cor_2"), seen=first.seen())
    assert correcting.remembered(first.folder) == []
