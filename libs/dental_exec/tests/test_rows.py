"""Broken files: the smallest stretch is quarantined, everything else is read, nothing is silent."""

import csv
import io
import random
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from bridgework_contracts.errors import BridgeworkError, SourceUnreadable
from bridgework_dental_exec import fast_lane
from bridgework_dental_exec.archive import Limits
from bridgework_dental_exec.dialects import Dialect, detect
from bridgework_dental_exec.export import TableFile, open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.reading import open_rows
from bridgework_dental_exec.rows import ReadReport, read_rows
from bridgework_dental_exec.snapshot import Snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEAL = b"s" * 32


def read(path: Path, text: bytes | str, name: str = "alerts.csv") -> tuple[Any, list[Any]]:
    """Write a file, read it carefully, return its source and (line, cells)."""
    file = path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    source = open_rows(TableFile(file.stem, file.name, file, file.stat().st_size))
    rows = [(n, c) for lines, cells in source.batches for n, c in zip(lines, cells, strict=True)]
    return source, rows


def test_one_open_quote_costs_one_line(tmp_path: Path) -> None:
    """The line with the broken quote is quarantined; the rows behind it are read."""
    text = 'a,b,c\n1,x,y\n2,"open,y\n3,x,"fine"\n4,"two\nlines",y\n5,x,y\n'
    source, rows = read(tmp_path, text)
    assert [(n, c[0]) for n, c in rows] == [(2, "1"), (4, "3"), (5, "4"), (7, "5")]
    (bad,) = source.report.quarantine
    assert (bad.file, bad.line, bad.code, bad.shape) == (
        "alerts.csv", 3, "quote_broken", '9,"aaaa,a',
    )  # fmt: skip
    assert bad.remedy


def test_damage_that_leaves_one_reading_is_repaired(tmp_path: Path) -> None:
    """A stray quote, an unquoted line break, a lone carriage return."""
    text = 'a,b,c\n1,"Ann "Nan" Ash",y\n2,first\nsecond,y\n3,com\rplica,y\n4,x,y\n'
    source, rows = read(tmp_path, text)
    assert [c for _, c in rows] == [
        ["1", 'Ann "Nan" Ash', "y"],
        ["2", "first\nsecond", "y"],
        ["3", "com\rplica", "y"],
        ["4", "x", "y"],
    ]
    assert {r.code for r in source.report.repairs} == {
        "stray_quote", "unquoted_line_break", "lone_carriage_return",
    }  # fmt: skip
    assert len(source.report.quarantine) == 0


def test_a_row_with_too_many_or_too_few_cells_is_quarantined(tmp_path: Path) -> None:
    """Cells are never shifted into the wrong columns."""
    source, rows = read(tmp_path, "a,b,c\n1,x,y\n2,x,y,z\n3,x\n4,x,y\n")
    assert [c[0] for _, c in rows] == ["1", "4"]
    assert [(q.line, q.code) for q in source.report.quarantine] == [
        (3, "cells_too_many"), (4, "cells_missing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "bom", "delimiter", "quote"),
    [("utf-8", b"", ",", '"'), ("utf-8", b"\xef\xbb\xbf", ";", '"'), ("cp1252", b"", ",", "~"),
     ("utf-16-le", b"\xff\xfe", "\t", '"'), ("utf-16-le", b"", "\t", '"'),
     ("cp1252", b"", "|", "~")],
)  # fmt: skip
def test_dialects_are_detected_and_say_why(
    tmp_path: Path, encoding: str, bom: bytes, delimiter: str, quote: str
) -> None:
    """The same rows, however they were saved."""
    rows = [
        ["pat_id", "last", "note"],
        *(
            [str(n), f"Ren{delimiter}ée" if n % 3 else "Ash", "one\ntwo" if n % 5 == 0 else "x"]
            for n in range(40)
        ),
    ]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator="\r\n").writerows(rows)
    source, found = read(tmp_path, bom + out.getvalue().encode(encoding))
    assert source.header == rows[0]
    assert [c for _, c in found] == rows[1:]
    assert source.dialect.encoding == encoding
    assert (source.dialect.delimiter, source.dialect.quote) == (delimiter, quote)
    assert len(source.evidence) >= 2


def test_a_file_of_two_encodings_is_read_line_by_line(tmp_path: Path) -> None:
    """Old lines in Windows-1252, new ones in UTF-8: both keep their accents."""
    text = "a,b\n1,Renée\n".encode() + "2,José\n".encode("cp1252") + "3,Zoë\n".encode()
    source, rows = read(tmp_path, text)
    assert [c[1] for _, c in rows] == ["Renée", "José", "Zoë"]
    assert source.dialect.encoding == "mixed"


def test_mojibake_of_the_program_is_no_second_encoding(tmp_path: Path) -> None:
    """A stray line that would fit UTF-8 among many that do not is kept as printed, to be named."""
    lines = "".join(f"{n},Jos\u00e9\n" for n in range(9)) + "10,Ren\u00c3\u00a9e\n"
    source, rows = read(tmp_path, ("a,b\n" + lines).encode("cp1252"))
    assert source.dialect.encoding == "cp1252"
    assert rows[-1][1][1] == "Ren\u00c3\u00a9e"


def test_a_trailer_is_no_row_and_a_cut_row_is_no_trailer(tmp_path: Path) -> None:
    """What closes the file is dropped and kept as text; a truncated record is quarantined."""
    source, rows = read(tmp_path, "a,b,c\n1,x,y\n*** 1 RECORDS ***\n")
    assert (len(rows), source.report.trailer_text) == (1, "*** 1 RECORDS ***")
    source, rows = read(tmp_path, "a,b,c\n1,x,y\n2,x")
    assert (len(rows), len(source.report.quarantine)) == (1, 1)


def test_pins_outrank_detection(tmp_path: Path) -> None:
    """What a person said is used, and the evidence says so."""
    file = tmp_path / "alerts.csv"
    file.write_bytes("a,b\n1,caf\u00e9\n".encode())
    dialect = detect(file, {"alerts.encoding": "cp1252"})
    assert (dialect.encoding, dialect.pinned) == ("cp1252", ("encoding",))
    assert "pinned" in dialect.evidence[0]


def test_a_gibibyte_of_quotes_would_not_fill_memory(tmp_path: Path) -> None:
    """One endless line is quarantined without being kept; rows around it are read."""
    file = tmp_path / "alerts.csv"
    with file.open("wb") as out:
        out.write(b"a,b\n1,x\n")
        for _ in range(96):
            out.write(b'"' * (1 << 20))
        out.write(b"\n2,y\n")
    tracemalloc.start()
    source = open_rows(TableFile("alerts", "alerts.csv", file, file.stat().st_size))
    rows = [c for _, cells in source.batches for c in cells]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == [["1", "x"], ["2", "y"]]
    assert [(q.line, q.code) for q in source.report.quarantine] == [(3, "line_too_long")]
    assert peak_bytes < 64 << 20


def test_an_endless_json_line_is_quarantined_without_being_kept(tmp_path: Path) -> None:
    """The objects around it are read."""
    file = tmp_path / "tasks.jsonl"
    with file.open("wb") as out:
        out.write(b'{"task_id": 1}\n{"task_id": "')
        for _ in range(40):
            out.write(b"9" * (1 << 20))
        out.write(b'"}\n{"task_id": 3}\n')
    source = open_rows(TableFile("tasks", "tasks.jsonl", file, file.stat().st_size))
    rows = [(n, *c) for lines, cells in source.batches for n, c in zip(lines, cells, strict=True)]
    assert rows == [(1, "1"), (3, "3")]
    assert [(q.line, q.code) for q in source.report.quarantine] == [(2, "line_too_long")]


def test_an_open_quote_before_long_lines_ends_quickly(tmp_path: Path) -> None:
    """What a runaway quote swallowed comes back; only the lines that are no rows are lost."""
    text = "a,b,c\n" + '1,x,"' + "running text of a note\n" * 60_000 + "2,x,y\n3,x,y\n"
    source, rows = read(tmp_path, text)
    assert rows == []
    assert source.report.quarantine.rows == 60_002
    short = "a,b,c\n" + '1,x,"' + "running text of a note\n" * 900 + "2,x,y\n3,x,y\n"
    source, rows = read(tmp_path, short)
    assert [c[0] for _, c in rows] == ["2", "3"]
    assert source.report.quarantine.rows == 900


def test_a_picture_of_megabytes_inside_a_cell_is_a_row(tmp_path: Path) -> None:
    """Inline images make long lines; up to the limit they are rows like others."""
    picture = "data:image/png;base64," + "A" * (6 << 20)
    source, rows = read(tmp_path, f'a,b,c\n1,"see\n{picture}",y\n2,x,y\n')
    assert [c[0] for _, c in rows] == ["1", "2"]
    assert rows[0][1][1] == f"see\n{picture}"
    assert len(source.report.quarantine) == 0


def test_a_file_of_open_quotes_ends_quickly_and_counts_every_line(tmp_path: Path) -> None:
    """Each line opens a quote: hopeless, but every line is accounted for."""
    lines = 12_000
    source, rows = read(tmp_path, "a,b\n" + '1,"x\n' * lines)
    assert rows == []
    assert source.report.quarantine.rows == lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_quarantined(tmp_path_factory: Any, data: bytes) -> None:
    """No crash; the row that stood before the damage is read or named."""
    source, rows = read(tmp_path_factory.mktemp("fuzz"), b"a,b,c\n1,2,3\n" + data)
    assert source.header
    assert len(rows) + source.report.quarantine.rows >= 1
    assert all(len(cells) == len(source.header) for _, cells in rows)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["1", "x", ",", ",", '"', '""', "\n", "\n", "\r\n", "é", " "])))
def test_every_line_is_a_row_or_quarantined(tmp_path_factory: Any, pieces: list[str]) -> None:
    """Each line that is not blank stands in exactly one row or in one quarantined stretch."""
    text = "a,b,c\n1,x,y\n" + "".join(pieces)
    folder = tmp_path_factory.mktemp("lines")
    (folder / "alerts.csv").write_bytes(text.encode())
    dialect = Dialect(encoding="utf-8")
    report = ReadReport()
    seen: Counter[int] = Counter()
    for lines, rows in read_rows(folder / "alerts.csv", "alerts.csv", dialect, report):
        for line, cells in zip(lines, rows, strict=True):
            seen.update(range(line, line + 1 + sum(c.count("\n") for c in cells)))
    for bad in report.quarantine:
        seen.update(range(bad.line, bad.line_to + 1))
    wanted = {n for n, line in enumerate(text.split("\n"), start=1) if n > 1 and line.strip()}
    assert wanted <= seen.keys()
    assert all(seen[n] == 1 for n in wanted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(st.text(alphabet=st.sampled_from('ab,"\n\r é~;\t0'), max_size=6),
                 min_size=3, max_size=3),
        min_size=1, max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)  # fmt: skip
def test_both_lanes_read_the_same(
    tmp_path_factory: Any, rows: list[list[str]], end: str, quoting: int
) -> None:
    """Whatever well-formed file it is, the snapshot's cells, lines and hashes are the same."""
    folder = tmp_path_factory.mktemp("lanes")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # constants
    writer.writerow(["pat_id", "kind", "flag"])
    writer.writerows([[str(n), *cells[1:]] for n, cells in enumerate(rows)])
    (folder / "alerts.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    found = []
    for lane in (True, False):
        keep = fast_lane.is_candidate
        if not lane:
            fast_lane.is_candidate = _never
        try:
            target = folder / str(lane)
            snapshot = seal_snapshot(open_export(folder, folder / "w"), target, seal=SEAL)
        finally:
            fast_lane.is_candidate = keep
        connection = snapshot.connect(["alerts"])
        sql = "SELECT pat_id, kind, flag, _line, _hash FROM alerts ORDER BY _line"
        found.append((connection.execute(sql).fetchall(), len(snapshot.quarantine)))
    assert found[0] == found[1]


def _never(source: Any) -> bool:
    return False


def test_hashes_depend_on_cells_only(tmp_path: Path) -> None:
    """Shuffled, re-quoted, re-encoded, columns in another order: the same hashes."""
    rows = [
        [str(n), "Allérgy" if n % 2 else "Premed", "Y", "line one\nline two"] for n in range(60)
    ]
    header = ["pat_id", "kind", "flag", "since"]
    hashes = []
    forms: list[tuple[str, str, Literal[0, 1], list[int], str]] = [
        ("utf-8", ",", csv.QUOTE_MINIMAL, [0, 1, 2, 3], "\n"),
        ("utf-8-sig", ";", csv.QUOTE_ALL, [0, 1, 2, 3], "\r\n"),
        ("cp1252", ",", csv.QUOTE_ALL, [2, 0, 3, 1], "\r\n"),
        ("utf-16", "\t", csv.QUOTE_MINIMAL, [0, 1, 2, 3], "\r\n"),
    ]
    for number, (encoding, delimiter, quoting, order, end) in enumerate(forms):
        folder = tmp_path / str(number)
        folder.mkdir()
        shuffled = list(rows)
        random.Random(number).shuffle(shuffled)
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
        writer.writerows([[r[i] for i in order] for r in [header, *shuffled]])
        text = out.getvalue()
        if end == "\r\n":
            text = text.replace("one\nline", "one\r\nline")
        (folder / "alerts.csv").write_bytes(text.encode(encoding))
        snapshot = seal_snapshot(open_export(folder, folder / "w"), folder / "s", seal=SEAL)
        sql = "SELECT _hash FROM alerts"
        hashes.append(sorted(h for (h,) in snapshot.connect(["alerts"]).execute(sql).fetchall()))
    assert hashes[1:] == hashes[:1] * 3


def test_a_snapshot_is_unreadable_without_its_key(tmp_path: Path) -> None:
    """No name of the export stands in any of the snapshot's files."""
    (tmp_path / "alerts.csv").write_text("pat_id,kind\n1,Unmistakable\n")
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s", seal=SEAL)
    for file in snapshot.folder.rglob("*"):
        assert file.is_dir() or b"Unmistakable" not in file.read_bytes()
    with pytest.raises(SourceUnreadable, match="sealed"):
        Snapshot.load(snapshot.folder)
    again = Snapshot.load(snapshot.folder, SEAL)
    assert again.tables == snapshot.tables
    rows = again.connect(["alerts"]).execute("SELECT kind FROM alerts").fetchall()
    assert rows == [("Unmistakable",)]


def test_a_missing_column_is_one_problem_and_a_missing_key_costs_the_file(tmp_path: Path) -> None:
    """Rows go on without the column; without the key every row is quarantined."""
    (tmp_path / "alerts.csv").write_text("pat_id,kind\n1,Allergy\n2,Premed\n")
    (tmp_path / "tasks.csv").write_text("subject,body\nCall,Ann\nCall,Bo\n")
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s")
    assert snapshot.tables["alerts"].rows == 2
    assert [f.code for f in snapshot.findings if f.file == "alerts.csv"] == ["columns_missing"]
    assert snapshot.tables["tasks"].rows == 0
    (bad,) = snapshot.quarantine
    assert (bad.code, bad.rows, bad.column) == ("key_column_missing", 2, "task_id")


def test_a_wrong_manifest_is_said_and_stops_nothing(tmp_path: Path) -> None:
    """Rows, hash and files that disagree become findings."""
    (tmp_path / "alerts.csv").write_text("pat_id,kind\n1,Allergy\n")
    (tmp_path / "manifest.csv").write_text(
        "file,rows,sha256,exported_at\nalerts.csv,5,00,10/06/2026 06:42 PM\ngone.csv,1,00,\n"
    )
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s")
    codes = {f.code for f in snapshot.findings}
    assert {"manifest_rows", "manifest_sha256", "manifest_file_missing"} <= codes


@pytest.mark.parametrize(
    "name", ["../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a/../../evil.csv"]
)
def test_a_path_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written outside the working folder, not even before the refusal."""
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("patients.csv", "pat_id\n1\n")
        zipped.writestr(name, "pat_id\n1\n")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(SourceUnreadable) as caught:
        open_export(archive, tmp_path / "work")
    assert caught.value.code == "archive_path_escapes"
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "work"}


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """Far more inside than an archive of that size can hold."""
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("patients.csv", b"0" * (80 << 20))
    with pytest.raises(SourceUnreadable) as caught:
        open_export(archive, tmp_path / "work")
    assert caught.value.code == "archive_bomb"
    with pytest.raises(SourceUnreadable, match="too much"):
        open_export(archive, tmp_path / "work", limits=Limits(total_bytes=1 << 20))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(min_value=0, max_value=10_000), st.binary(min_size=1, max_size=8))
def test_a_damaged_archive_is_a_clear_error_or_is_read(
    tmp_path_factory: Any, at: int, junk: bytes
) -> None:
    """Any flipped bytes: our own error, or an export."""
    folder = tmp_path_factory.mktemp("zip")
    archive = folder / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("export/alerts.csv", "pat_id,kind\n" + "1,Allergy\n" * 50)
        zipped.writestr("export/documents/1/a.png", b"png" * 50)
    data = bytearray(archive.read_bytes())
    at %= len(data)
    data[at : at + len(junk)] = junk
    archive.write_bytes(bytes(data))
    with suppress(BridgeworkError), open_export(archive, folder / "work") as export:
        export.document("X:\\DEXEC\\DOCS\\1\\A.PNG")
        seal_snapshot(export, folder / "s")


def test_documents_are_found_without_regard_to_case_and_never_outside(tmp_path: Path) -> None:
    """What follows DOCS is looked up; dots lead nowhere; links that leave are not followed."""
    root = tmp_path / "export"
    (root / "documents" / "01" / "1201").mkdir(parents=True)
    (root / "documents" / "01" / "1201" / "IC1.jpg").write_bytes(b"x")
    (root / "patients.csv").write_text("pat_id\n1\n")
    (tmp_path / "secret.txt").write_text("s")
    (root / "documents" / "link.txt").symlink_to(tmp_path / "secret.txt")
    export = open_export(root, tmp_path / "w")
    found = export.document("\\\\SRV\\dexec\\docs\\01\\1201\\ic1.JPG")
    assert found is not None
    assert found.name == "IC1.jpg"
    for path in ("X:\\DEXEC\\DOCS\\..\\..\\secret.txt", "DOCS\\link.txt", "C:\\secret.txt", ""):
        assert export.document(path) is None


def test_workbooks_and_json_lines_are_read_like_csv(tmp_path: Path) -> None:
    """A practice may save what it likes."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["pat_id", "kind", "since"])
    sheet.append([1201, "Allergy", __import__("datetime").datetime(2026, 3, 25)])
    book.save(tmp_path / "alerts.xlsx")
    (tmp_path / "tasks.jsonl").write_text(
        '{"task_id": 5, "subject": "Call"}\nnot json\n{"task_id": 6, "body": "x"}\n'
    )
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s")
    connection = snapshot.connect()
    assert connection.execute("SELECT pat_id, kind, since FROM alerts").fetchall() == [
        ("1201", "Allergy", "2026-03-25")
    ]
    assert connection.execute("SELECT task_id, body, _line FROM tasks").fetchall() == [
        ("5", None, 1), ("6", "x", 3),
    ]  # fmt: skip
    assert [(q.file, q.line, q.code) for q in snapshot.quarantine] == [
        ("tasks.jsonl", 2, "not_json")
    ]


def test_a_workbook_that_is_a_bomb_is_quarantined(tmp_path: Path) -> None:
    """It is never opened; the other files are read."""
    with zipfile.ZipFile(tmp_path / "tasks.xlsx", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("xl/worksheets/sheet1.xml", b"0" * (80 << 20))
    (tmp_path / "alerts.csv").write_text("pat_id,kind\n1,Allergy\n")
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s")
    assert [(q.file, q.code) for q in snapshot.quarantine] == [("tasks.xlsx", "workbook_bomb")]
    assert snapshot.tables["alerts"].rows == 1


@pytest.mark.parametrize("header", ["PAT_ID;KIND;FLAG", "PatId;Kind;Flag", '"Pat ID";Kind;"flag"'])
@pytest.mark.parametrize("name", ["alerts.csv", "ALERTS.TXT", "DE_alerts_2026-10-06.csv"])
def test_spelling_of_files_and_columns_does_not_matter(
    tmp_path: Path, name: str, header: str
) -> None:
    """Case, blanks and underscores of a name are no difference; nor does it change hashes."""
    (tmp_path / name).write_text(f"{header};since\n1;Allergy;Y;\n")
    snapshot = seal_snapshot(open_export(tmp_path, tmp_path / "w"), tmp_path / "s", seal=SEAL)
    assert snapshot.tables["alerts"].columns == ("pat_id", "kind", "flag", "since")
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "alerts.csv").write_text("pat_id,kind,flag,since\n1,Allergy,Y,\n")
    other = seal_snapshot(open_export(plain, tmp_path / "w"), tmp_path / "s2", seal=SEAL)
    sql = "SELECT _hash FROM alerts"
    found = [s.connect(["alerts"]).execute(sql).fetchall() for s in (snapshot, other)]
    assert found[0] == found[1]


def test_a_shape_holds_no_letter_and_no_digit_of_the_value() -> None:
    """Only the pattern survives."""
    assert shape("Ann Ash, 03/25/1982") == "Aaa Aaa, 99/99/9999"
    assert shape("é\x07\u4e00") == "a?a"


def test_practice_with_quarantined_lines_still_balances(
    practice: Callable[[dict[str, str]], Any],
) -> None:
    """A quarantined line is a failed outcome of its object and part of its count."""
    source = practice({"patients.csv": "pat_id,last,first\n1,Ash,Ann\n2,Birch\n3,Cole,Cy\n"})
    assert source.counts()["patient"] == 3
    failed = [(d.key, d.outcome) for d in source.decided()]
    assert failed == [("patients.csv:3", "failed")]
    assert len(list(source.records("patient"))) == 2
