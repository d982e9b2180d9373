"""An export that holds a database file gives what its CSV files would have given."""

import hashlib
import json
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bridgework_contracts.errors import SourceUnreadable
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.corrections import Fix, apply_fixes, row_facts
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_testkit.restored import restore_to_file

synthetic = pytest.importorskip("bridgework_synthetic")

SEAL = bytes(range(32))
PATIENTS = "CREATE TABLE Patients (PatID TEXT, Last TEXT, First TEXT)"
ADAMS = "INSERT INTO Patients VALUES ('7', 'Adams', 'Ann'), ('8', 'Brown', 'Bob')"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated practice with defects and documents."""
    folder = tmp_path_factory.mktemp("databases") / "p"
    synthetic.generate(folder, patients=15, seed=23, dialect="a", defects=1.0)
    return folder


@pytest.fixture(scope="module")
def exported(practice: Path, tmp_path_factory: pytest.TempPathFactory) -> CanonicalSource:
    """The practice, read from its CSV files."""
    return sealed(practice / "export", tmp_path_factory.mktemp("csv"))


def sealed(path: Path, work: Path) -> CanonicalSource:
    """Seal an export and return its canonical source."""
    export = open_export(path, work / "unpacked")
    snapshot = seal_snapshot(export, work / "snapshot", seal=SEAL)
    spec = SourceSpec(export_path=str(path))
    return CanonicalSource(snapshot, spec, export=export, hash_key=SEAL)


def same(got: CanonicalSource, want: CanonicalSource) -> int:
    """Compare every object's records, and row hashes; return the number of records."""
    records = 0
    for name in want.objects():
        mine = {r.key: (r.fields, r.content_hash) for r in got.records(name)}
        theirs = {r.key: (r.fields, r.content_hash) for r in want.records(name)}
        assert mine == theirs, name
        records += len(mine)
    sql = "SELECT _hash FROM {} ORDER BY ALL"
    for name in want.snapshot.tables:
        hashes = [s.snapshot.connect([name]).sql(sql.format(name)).fetchall() for s in (got, want)]
        assert hashes[0] == hashes[1], name
    assert got.counts() == want.counts()
    return records


def documents(source: CanonicalSource) -> dict[str, tuple[str, str | None]]:
    """Return every file's state and hash by key."""
    return {f.key: (f.state, f.sha256) for f in source.files()}


def beside_documents(csv_export: Path, snapshot: Snapshot, folder: Path, ending: str) -> Path:
    """Return a folder with a database file in place of CSV files, and the same documents."""
    restore_to_file(snapshot, folder / f"restored{ending}")
    for name in ("documents", "DOCS", "docs"):
        if (csv_export / name).is_dir():
            shutil.copytree(csv_export / name, folder / name)
    return folder


@pytest.mark.parametrize("ending", [".duckdb", ".sqlite"])
def test_a_database_file_gives_the_records_of_its_csv_files(
    ending: str, practice: Path, exported: CanonicalSource, tmp_path: Path
) -> None:
    """Folder, zip and the file itself; documents too; the audit as a process succeeds."""
    folder = beside_documents(practice / "export", exported.snapshot, tmp_path / "db", ending)
    file = folder / f"restored{ending}"
    before = (hashlib.sha256(file.read_bytes()).hexdigest(), sorted(folder.iterdir()))
    rows = sum(t.rows for t in exported.snapshot.tables.values())
    (folder / "manifest.csv").write_text(f"file,rows,sha256\n{file.name},{rows},{before[0]}\n")
    got = sealed(folder, tmp_path / "w")
    assert same(got, exported) > 500
    assert documents(got) == documents(exported)
    assert any(state == "present" for state, _ in documents(got).values())
    assert [f for f in got.snapshot.findings if not f.code.startswith("columns")] == []
    place = next(got.records("ledger_entry")).provenance[0]
    assert (place.file, place.line) == ("Ledger (database)", 1)

    (folder / "manifest.csv").unlink()
    assert (hashlib.sha256(file.read_bytes()).hexdigest(), sorted(folder.iterdir())) == before


def test_a_database_in_a_zip_and_by_itself(
    practice: Path, exported: CanonicalSource, tmp_path: Path
) -> None:
    """Documents are found in the archive, and beside a file that is given itself."""
    folder = beside_documents(practice / "export", exported.snapshot, tmp_path / "db", ".duckdb")
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path, "db")
    for number, path in enumerate((Path(archive), folder / "restored.duckdb")):
        got = sealed(path, tmp_path / str(number))
        assert documents(got) == documents(exported)
        assert got.counts() == exported.counts()


def test_the_audit_of_a_database_as_a_process(
    practice: Path, exported: CanonicalSource, tmp_path: Path
) -> None:
    """``bridgework audit FOLDER`` counts what it counts of the CSV files."""
    folder = beside_documents(practice / "export", exported.snapshot, tmp_path / "db", ".sqlite")
    program = [str(Path(sys.executable).with_name("bridgework")), "audit", str(folder)]
    done = subprocess.run(
        [*program, "--out", str(tmp_path / "audit")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "audit" / "audit.json").read_text("utf-8"))
    assert "Patients (database)" in json.dumps(report)
    assert report["blockers"] == []


def test_harbor_as_a_database_file(harbor: CanonicalSource, tmp_path: Path) -> None:
    """The practice with an answer key, in SQLite."""
    restore_to_file(harbor.snapshot, tmp_path / "db" / "harbor.db")
    export = open_export(tmp_path / "db", tmp_path / "u")
    snapshot = seal_snapshot(export, tmp_path / "s", seal=harbor.snapshot.seal)
    got = CanonicalSource(snapshot, harbor.source, export=export)
    assert same(got, harbor) > 1000


def small(folder: Path, *statements: str, name: str = "p.sqlite") -> Path:
    """Return a folder with a database made by some statements."""
    folder.mkdir(parents=True, exist_ok=True)
    target: Any = (
        duckdb.connect(str(folder / name))
        if name.endswith("duckdb")
        else sqlite3.connect(folder / name)
    )
    for statement in (PATIENTS, ADAMS, *statements):
        target.execute(statement)
    target.commit()
    target.close()
    return folder


@pytest.mark.parametrize("name", ["p.sqlite", "p.duckdb"])
def test_what_is_left_out_is_said(name: str, tmp_path: Path) -> None:
    """Views, unknown tables, a table that is there as CSV too, and a wrong manifest."""
    folder = small(
        tmp_path / "e",
        "CREATE TABLE implants (lot TEXT)",
        "CREATE VIEW recent AS SELECT * FROM Patients",
        "CREATE VIEW alerts AS SELECT 1 AS pat_id",
        "CREATE TABLE providers (prov_id TEXT)",
        name=name,
    )
    (folder / "providers.csv").write_text("prov_id,last\n5,Cole\n")
    (folder / "manifest.csv").write_text(
        f"file,rows,sha256\n{name},9,{'0' * 64}\nproviders.csv,1,\n"
    )
    snapshot = sealed(folder, tmp_path / "w").snapshot
    found = {(f.file, f.code) for f in snapshot.findings if f.code != "columns_missing"}
    assert found == {
        ("implants (database)", "table_unknown"),
        ("recent (database)", "view_not_read"),
        ("alerts (database)", "table_unknown"),
        ("providers (database)", "table_twice"),
        (name, "manifest_rows"),
        (name, "manifest_sha256"),
    }
    assert (snapshot.file("providers"), snapshot.file("patients")) == (
        "providers.csv", "Patients (database)",
    )  # fmt: skip


def test_a_table_is_known_by_its_columns(tmp_path: Path) -> None:
    """A name that says nothing, with a dot and a quote in it; text that is not UTF-8."""
    source = tmp_path / "c.sqlite"
    profile = sealed(small(tmp_path / "e"), tmp_path / "w").snapshot.profile
    columns = ", ".join(profile.tables["alerts"].columns)
    connection = sqlite3.connect(source)
    connection.execute(f'CREATE TABLE "dbo.x""1" ({columns})')
    keys = profile.tables["alerts"].columns
    cells = ", ".join(["CAST(x'4A6F73E9' AS TEXT)"] * len(keys))
    connection.execute(f'INSERT INTO "dbo.x""1" VALUES ({cells})')
    connection.commit()
    connection.close()
    snapshot = sealed(source, tmp_path / "v").snapshot
    assert snapshot.file("alerts") == 'dbo.x"1 (database)'
    assert snapshot.connect(["alerts"]).sql(f"SELECT {keys[0]} FROM alerts").fetchall() == [
        ("José",)
    ]


def test_moments_with_a_time_zone_are_read_in_utc(tmp_path: Path) -> None:
    """Alone, in a list, at midnight and never; the file is not refused for them."""
    file = tmp_path / "z.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("SET TimeZone = 'America/New_York'")
        made.execute(
            "CREATE TABLE patients AS SELECT '7' AS pat_id, 'Adams' AS last,"
            'TIMESTAMPTZ \'2026-03-25 10:15:00-04\' AS "up""dated", '
            "[TIMESTAMPTZ '2026-03-25 10:15:00-04'] AS moments, NULL::TIMESTAMPTZ AS none, "
            "TIMESTAMPTZ '2026-03-24 20:00:00-04' AS dob"
        )
    snapshot = sealed(file, tmp_path / "w").snapshot
    rows = snapshot.connect(["patients"]).sql(
        'SELECT pat_id, last, "up""dated", moments, none, dob FROM patients'
    )
    assert rows.fetchall() == [
        ("7", "Adams", "2026-03-25T14:15:00", "['2026-03-25 14:15:00+00']", None, "2026-03-25")
    ]


def test_corrections_reach_rows_of_a_database(tmp_path: Path) -> None:
    """A cell of a row is corrected; a correction for a row that is gone is stale."""
    with open_export(small(tmp_path / "e"), tmp_path / "u") as export:
        snapshot = seal_snapshot(export, tmp_path / "s", seal=SEAL)
        mark = row_facts(snapshot, {"patients": {2}}, SEAL)["patients", 2].mark
        fixes = [Fix("a", "Patients (database)", "last", "Browne", mark),
                 Fix("b", "Patients (database)", "", "x,y", "0" * 32)]  # fmt: skip
        done = apply_fixes(snapshot, export, fixes, SEAL)
    assert [(d.state, d.line) for d in done] == [("applied", 2), ("stale", 0)]
    names = snapshot.connect(["patients"]).sql("SELECT last FROM patients ORDER BY _line")
    assert names.fetchall() == [("Adams",), ("Browne",)]


def newer(raw: bytearray) -> None:
    """Give a DuckDB file a version nobody reads yet, with the checksum that goes with it."""
    total, old = struct.unpack_from("<QQ", raw)
    struct.pack_into("<I", raw, 12, 5000)
    word = struct.unpack_from("<Q", raw, 8)[0]
    factor, size = 0xBF58476D1CE4E5B9, (1 << 64) - 1
    struct.pack_into("<Q", raw, 0, total ^ (old * factor & size) ^ (word * factor & size))


def cut(raw: bytearray) -> None:
    """Leave the beginning only."""
    del raw[len(raw) // 2 + 700 :]


def scrambled(raw: bytearray) -> None:
    """Leave nothing that looks like a database, as encryption does."""
    raw[:] = hashlib.sha512(raw).digest() * 100


def test_an_encrypted_database_is_refused(tmp_path: Path) -> None:
    """The code says why; the driver's text, which names the path, is not shown."""
    with duckdb.connect() as made:
        made.execute("SET force_mbedtls_unsafe = 'true'")
        made.execute(f"ATTACH '{tmp_path / 'p.duckdb'}' AS p (ENCRYPTION_KEY 'k')")
        made.execute("CREATE TABLE p.patients (pat_id TEXT)")
    with pytest.raises(SourceUnreadable) as caught:
        sealed(tmp_path / "p.duckdb", tmp_path / "w")
    assert caught.value.code == "database_encrypted"
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "harm", "code"),
    [
        ("p.duckdb", newer, "database_too_new"),
        ("p.duckdb", cut, "database_unreadable"),
        ("p.sqlite", cut, "database_unreadable"),
        ("p.duckdb", scrambled, "database_unreadable"),
        ("p.db", scrambled, "database_unreadable"),
    ],
)
def test_a_database_nobody_can_read_is_a_clear_error(
    name: str, harm: Callable[[bytearray], None], code: str, tmp_path: Path
) -> None:
    """In a folder, a zip and as the file itself: file and remedy are named."""
    file = small(tmp_path / "e", name=name) / name
    raw = bytearray(file.read_bytes())
    harm(raw)
    file.write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.write(file, f"inner/{name}")
    for number, path in enumerate((tmp_path / "e", file, tmp_path / "e.zip")):
        with pytest.raises(SourceUnreadable) as caught:
            sealed(path, tmp_path / str(number))
        assert (caught.value.code, caught.value.details["file"]) == (code, name)
        assert caught.value.details["remedy"]
        assert not (tmp_path / str(number) / "snapshot" / "snapshot.json").exists()


def test_two_databases_and_one_that_was_not_closed_are_refused(tmp_path: Path) -> None:
    """Nobody can tell which one counts, or what is missing; folder and zip alike."""
    twice = small(tmp_path / "twice")
    small(twice, name="q.duckdb")
    opened = small(tmp_path / "opened")
    (opened / "p.sqlite-wal").write_bytes(b"7" * 64)
    (opened / "p.sqlite-journal").write_bytes(b"\0" * 64)
    for folder, code in ((twice, "database_twice"), (opened, "database_not_closed")):
        archive = shutil.make_archive(str(folder), "zip", folder)
        for path in (folder, Path(archive)):
            with pytest.raises(SourceUnreadable) as caught:
                open_export(path, tmp_path / "u")
            assert caught.value.code == code


def test_a_file_that_is_only_called_a_database_does_not_stop_csv_files(tmp_path: Path) -> None:
    """``Thumbs.db`` beside a folder or beside CSV files is said and passed over."""
    (tmp_path / "e" / "inner").mkdir(parents=True)
    (tmp_path / "e" / "inner" / "patients.csv").write_text("pat_id,last\n7,Adams\n")
    (tmp_path / "e" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" * 9)
    archive = shutil.make_archive(str(tmp_path / "e"), "zip", tmp_path / "e")
    for number, path in enumerate((tmp_path / "e", Path(archive), tmp_path / "e" / "inner")):
        if number == 2:
            shutil.copy(tmp_path / "e" / "Thumbs.db", path)
        snapshot = sealed(path, tmp_path / str(number)).snapshot
        assert snapshot.rows("patients") == 1
        said = [f.code for f in snapshot.findings if f.file == "Thumbs.db"]
        assert said == (["database_unrecognised"] if number == 2 else [])
