"""Corrections fit the row they were made for, wherever it stands, and no other."""

import shutil
from pathlib import Path

from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.corrections import Fix, apply_fixes, bad_lines, row_facts
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot

SEAL, KEY = bytes(range(32)), b"k" * 32
HEADER = "carrier_id,name,payer_id,city\n"


class Case:
    """One export, sealed."""

    def __init__(self, folder: Path, text: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder / "export"
        self.folder.mkdir(parents=True)
        (self.folder / "carriers.csv").write_text(text, encoding="utf-8")
        self.export = open_export(self.folder, folder / "work")
        self.snapshot = seal_snapshot(self.export, folder / "snapshot", seal=SEAL)

    def mark(self, line: int) -> str:
        """Return a row's mark."""
        return row_facts(self.snapshot, {"carriers": {line}}, KEY)["carriers", line].mark

    def bad(self, line: int) -> str:
        """Return the mark of a line that is no row."""
        lines = bad_lines(self.snapshot, self.export, KEY)["carriers.csv"]
        return next(mark for mark, bad in lines.items() if bad.line == line)

    def names(self) -> dict[str, tuple[str, int]]:
        """Return carrier → name and line, as read from disk again."""
        loaded = Snapshot.load(self.snapshot.folder, SEAL)
        source = CanonicalSource(loaded, SourceSpec(export_path=str(self.folder)))
        return {r.key: (r.fields["name"], r.provenance[0].line) for r in source.records("carrier")}


def fix(name: str, column: str, value: str, mark: str, **more: str) -> Fix:
    """One correction of the carriers' file."""
    return Fix(name, "carriers.csv", column, value, mark, **more)


def test_a_cell_is_corrected_and_a_broken_line_becomes_a_row(tmp_path: Path) -> None:
    """Both rows travel, under their own lines; the export is byte for byte what it was."""
    case = Case(tmp_path, HEADER + "1,Delta,00430,Salem\n,MetLife,65978,Boston\n3,Aetna\n")
    before = (case.folder / "carriers.csv").read_bytes()
    assert case.names() == {"1": ("Delta", 2)}
    done = apply_fixes(
        case.snapshot,
        case.export,
        [
            fix("a", "carrier_id", "2", case.mark(3)),
            fix("b", "", "3,Aetna,60054,Hartford", case.bad(4)),
        ],
        KEY,
    )
    assert [(one.id, one.state, one.line) for one in done] == [
        ("a", "applied", 3),
        ("b", "applied", 4),
    ]
    assert case.names() == {"1": ("Delta", 2), "2": ("MetLife", 3), "3": ("Aetna", 4)}
    assert case.snapshot.rows("carriers") == 3
    assert not Snapshot.load(case.snapshot.folder, SEAL).quarantine
    assert (case.folder / "carriers.csv").read_bytes() == before


def test_a_correction_finds_its_row_in_a_shuffled_requoted_export(tmp_path: Path) -> None:
    """The mark is of the content: order, quoting, column order do not matter."""
    first = Case(tmp_path / "1", HEADER + "1,Delta,00430,Salem\n,MetLife,65978,Boston\n")
    later = Case(
        tmp_path / "2",
        'city,payer_id,carrier_id,name\n"Boston","65978","","MetLife"\nSalem,00430,1,Delta\n',
    )
    (done,) = apply_fixes(
        later.snapshot, later.export, [fix("a", "carrier_id", "2", first.mark(3))], KEY
    )
    assert (done.state, done.line) == ("applied", 2)
    assert later.names() == {"2": ("MetLife", 2), "1": ("Delta", 3)}


def test_a_row_that_changed_meanwhile_gets_no_stale_correction(tmp_path: Path) -> None:
    """Not even on the same line; changed and gone are told apart."""
    first = Case(tmp_path / "1", HEADER + "1,Delta,00430,Salem\n2,MetLife,65978,Boston\n")
    fixes = [
        fix("a", "city", "Lynn", first.mark(2), row_key="1"),
        fix("b", "city", "Lynn", first.mark(3), row_key="2"),
    ]
    later = Case(tmp_path / "2", HEADER + "1,Delta Dental,00430,Salem\n7,Other,1,Y\n")
    done = apply_fixes(later.snapshot, later.export, fixes, KEY)
    assert [(one.state, one.line) for one in done] == [("stale", 0), ("stale", 0)]
    assert "changed" in done[0].sentence
    assert "not in this export" in done[1].sentence
    assert later.names()["1"] == ("Delta Dental", 2)


def test_what_cannot_be_applied_says_why(tmp_path: Path) -> None:
    """An unknown column, a line that is still no row; values never come out in the sentence."""
    case = Case(tmp_path, HEADER + "1,Delta,00430,Salem\n3,Aetna\n")
    done = apply_fixes(
        case.snapshot,
        case.export,
        [
            fix("a", "ssn", "123-45-6789", case.mark(2)),
            fix("b", "", "3,Secret", case.bad(3)),
            fix("c", "", '"3,Secret', case.bad(3)),
        ],
        KEY,
    )
    assert [one.state for one in done] == ["unusable"] * 3
    assert "no such column" in done[0].sentence
    assert "2 cells, not 4" in done[1].sentence
    assert "Secret" not in repr(done)
    assert case.names() == {"1": ("Delta", 2)}
    assert len(case.snapshot.quarantine) == 1


def test_a_cell_of_a_restored_line_may_be_corrected_again(tmp_path: Path) -> None:
    """The second correction is bound to the same exported text as the first."""
    case = Case(tmp_path, HEADER + "1,Delta,00430,Salem\n3,Aetna\n")
    mark = case.bad(3)
    done = apply_fixes(
        case.snapshot,
        case.export,
        [fix("late", "name", "Aetna Inc", mark), fix("whole", "", "3,Aetna,60054,Hartford", mark)],
        KEY,
    )
    assert [one.state for one in done] == ["applied", "applied"]
    assert case.names()["3"] == ("Aetna Inc", 3)


def test_a_corrected_row_hashes_as_if_it_had_been_exported_so(tmp_path: Path) -> None:
    """So that the next export, with the correction made at the source, shows no change."""
    case = Case(tmp_path / "1", HEADER + ",MetLife,65978,\n3,Aetna\n")
    apply_fixes(
        case.snapshot,
        case.export,
        [fix("a", "carrier_id", "2", case.mark(2)), fix("b", "", "3,Aetna,,Lynn", case.bad(3))],
        KEY,
    )
    plain = Case(tmp_path / "2", HEADER + "2,MetLife,65978,\n3,Aetna,,Lynn\n")

    def hashes(snapshot: Snapshot) -> list[tuple[object, ...]]:
        with snapshot.connect(["carriers"]) as connection:
            sql = "SELECT _line, _hash FROM carriers ORDER BY 1"
            return connection.execute(sql).fetchall()

    assert hashes(case.snapshot) == hashes(plain.snapshot)
