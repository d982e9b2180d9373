"""A database gives the same canonical records as the files it came from, however it is reached."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from bridgework_contracts.errors import SourceUnavailable, SourceUnreadable
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.databases import database, ranges
from bridgework_dental_exec.databases.connections import Connections, ConnectionSettings
from bridgework_dental_exec.databases.ranges import text_of
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_testkit.databases import Databases
from bridgework_testkit.restored import (
    postgres_connection,
    restore_to_file,
    restore_to_postgres,
    spelt,
)

synthetic = pytest.importorskip("bridgework_synthetic")


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, open_practice: Callable[..., CanonicalSource]
) -> CanonicalSource:
    """A generated practice, read from its files."""
    folder = tmp_path_factory.mktemp("sql")
    synthetic.generate(folder / "p", patients=60, seed=17, dialect="a", defects=1.0,
                       documents=False, images=False)  # fmt: skip
    return open_practice(folder / "p", folder / "w")


def named(folder: Path, connection: dict[str, Any], text: str = "") -> tuple[Path, Connections]:
    """Return an export that names a connection, and the connections that hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "database.yaml").write_text(f"connection: restored\n{text}")
    return folder, Connections({"restored": ConnectionSettings.model_validate(connection)})


def sealed(path: Path, work: Path, connections: Connections | None = None) -> Snapshot:
    """Seal an export."""
    with open_export(path, work / "unpacked") as export:
        return seal_snapshot(export, work / "snapshot", seal=b"x" * 32, connections=connections)


async def restored(
    kind: str, source: CanonicalSource, folder: Path, databases: Databases
) -> tuple[Path, Connections]:
    """Restore a practice, its rows in no order at all; return the export that names it."""
    how: dict[str, Any] = {"order": "hash(_line)", "numbers": True}
    if kind == "postgres":
        dsn = await databases.create()
        await restore_to_postgres(source.snapshot, dsn, **how)
        return named(folder / "e", postgres_connection(dsn, parallel=3))
    file = restore_to_file(source.snapshot, folder / f"restored.{kind}", **how)
    if kind == "duckdb":
        told = {"driver": "duckdb", "dsn": str(file), "connect": {"read_only": True}}
        return named(folder / "e", {**told, "parallel": 3})
    lines = [f"  {name}: {spelt(name)}" for name in source.snapshot.tables]
    told = {"driver": "sqlite3", "connect": {"database": str(file)}}
    return named(folder / "e", told, "tables:\n" + "\n".join(lines))


def content(source: CanonicalSource) -> dict[str, dict[str, Any]]:
    """Return every record's fields, per object and key."""
    return {name: {r.key: r.fields for r in source.records(name)} for name in source.objects()}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "postgres"])
async def test_a_database_gives_the_records_of_its_export(
    kind: str,
    exported: CanonicalSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    databases: Databases,
) -> None:
    """All tables, in many parallel ranges or streamed by text keys: no field of any object differs.

    Keys of one column and of several; tables that are listed by the server, and ones that are told.
    """
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 600)
    monkeypatch.setattr(ranges, "_FETCH_ROWS", 100)
    folder, connections = await restored(kind, exported, tmp_path, databases)
    snapshot = await asyncio.to_thread(sealed, folder, tmp_path, connections)
    spec = exported.source.model_copy(update={"export_path": ""})
    source = CanonicalSource(snapshot, spec)
    assert source.counts() == exported.counts()
    got, want = content(source), content(exported)
    assert [name for name, records in want.items() if not records] == []
    for name, records in want.items():
        assert got[name] == records, name
    first = next(source.records("ledger_entry"))
    assert first.provenance[0].file == "Ledger (database)"
    codes = {f.code for f in snapshot.findings}
    assert codes <= {"manifest_missing", "columns_missing"}
    assert snapshot.tables["ledger"].evidence == (
        "Read from a database.", "Connection restored.",
    )  # fmt: skip
    assert snapshot.tables["ledger"].sha256 == ""


def small(folder: Path, statements: Sequence[str]) -> Path:
    """Return a DuckDB file made by some statements."""
    file = folder / "small.duckdb"
    with duckdb.connect(str(file)) as target:
        for statement in statements:
            target.execute(statement)
    return file


LEDGER = """CREATE TABLE ledger AS
SELECT i AS entry_id, 5 AS acct_id, '1' AS pat_id, DATE '2026-03-25' AS post_date,
  TIMESTAMP '2026-03-25 10:15:00' AS entry_date, 'Charge' AS kind, 'D0120' AS code,
  NULL AS tooth, NULL AS surf, NULL AS prov, 45.10::DECIMAL(12,2) AS amount, NULL AS check_no,
  NULL AS claim_id, NULL AS applied_to, NULL AS flag, 'a' || chr(13) || chr(10) || 'b' AS memo
FROM {rows}"""
PATIENTS = """CREATE TABLE patients AS SELECT 1 AS pat_id, 'Ash' AS last, 'Ann' AS first,
  DATE '1982-03-25' AS dob, true AS drug_interaction"""


def test_typed_columns_read_like_printed_ones(tmp_path: Path) -> None:
    """Dates, moments, decimals and booleans of a database keep every part."""
    file = small(tmp_path, [LEDGER.format(rows="range(1, 4) t(i)"), PATIENTS])
    source = CanonicalSource(sealed(file, tmp_path), SourceSpec(export_path=""))
    entry = next(source.records("ledger_entry"))
    assert (entry.fields["amount"], entry.fields["post_date"]) == ("45.10", "2026-03-25")
    assert (entry.fields["entry_date"], entry.fields["memo"]) == ("2026-03-25", "a\nb")
    patient = next(source.records("patient"))
    assert (patient.fields["birth_date"], patient.fields["drug_interaction"]) == (
        "1982-03-25", "Yes",
    )  # fmt: skip


EAST = dt.timezone(dt.timedelta(hours=-4))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "Y"),
        (False, "N"),
        (7, "7"),
        (7.0, "7"),
        (Decimal("1E+3"), "1000"),
        (Decimal("45.10"), "45.10"),
        (dt.date(2026, 3, 25), "2026-03-25"),
        (dt.datetime.fromisoformat("2026-03-25T10:15:00.000999"), "2026-03-25T10:15:00"),
        (dt.datetime.fromisoformat("2026-03-25"), "2026-03-25"),
        (dt.datetime(2026, 3, 25, 22, 15, tzinfo=EAST), "2026-03-26T02:15:00"),
        (dt.datetime.max.replace(tzinfo=EAST), "9999-12-31T23:59:59"),
        (dt.time(8, 30), "08:30:00"),
        (dt.time(8, 30, 1, 5, tzinfo=EAST), "08:30:01"),
        (dt.timedelta(hours=8, minutes=30), "8:30:00"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"Jos\xc3\xa9", "José"),
        (memoryview(b"x"), "x"),
        ("_x0041_", "_x0041_"),
        ({"b": Decimal("1.5"), "a": [None, 1]}, '{"a": [null, 1], "b": "1.5"}'),
    ],
)
def test_what_drivers_return_prints_as_an_export_would(value: Any, text: str) -> None:
    """One type each; moments with a time zone are told in UTC."""
    assert text_of(value) == text


def test_keys_that_lie_close_together_are_read_in_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key far away makes ranges wide; no query holds more rows than it may; none is lost."""
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 100)
    monkeypatch.setattr(ranges, "_MOST_ROWS", 400)
    rows = "(SELECT * FROM range(1, 1200) UNION ALL SELECT 900000000 UNION ALL SELECT NULL) t(i)"
    small(tmp_path, [LEDGER.format(rows=rows), PATIENTS])
    told = {"driver": "duckdb", "dsn": str(tmp_path / "small.duckdb")}
    folder, connections = named(tmp_path / "e", told)
    sizes: list[int] = []
    ask = database.ask

    def counted(*args: Any, **kwargs: Any) -> Any:
        columns, found = ask(*args, **kwargs)
        sizes.append(len(found))
        return columns, found

    monkeypatch.setattr(ranges, "ask", counted)
    snapshot = sealed(folder, tmp_path, connections)
    assert snapshot.tables["ledger"].rows == 1201
    assert max(sizes) <= 400
    keys = snapshot.connect(["ledger"]).execute(
        "SELECT count(DISTINCT entry_id), count(*) FILTER (WHERE entry_id IS NULL) FROM ledger"
    )
    assert keys.fetchall() == [(1200, 1)]


def test_a_key_that_repeats_is_read_in_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A narrow range is not counted first: what comes back says that it was too much."""
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 100)
    monkeypatch.setattr(ranges, "_MOST_ROWS", 150)
    rows = "(SELECT least(r, 300) FROM range(1, 1200) t(r)) t(i)"
    small(tmp_path, [LEDGER.format(rows=rows), PATIENTS])
    told = {"driver": "duckdb", "dsn": str(tmp_path / "small.duckdb")}
    folder, connections = named(tmp_path / "e", told)
    assert sealed(folder, tmp_path, connections).tables["ledger"].rows == 1199


def test_a_database_that_goes_away_midway_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is ours, and nothing pretends to be a snapshot."""
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 100)
    small(tmp_path, [LEDGER.format(rows="range(1, 3000) t(i)"), PATIENTS])
    told = {"driver": "duckdb", "dsn": str(tmp_path / "small.duckdb")}
    folder, connections = named(tmp_path / "e", told)
    calls = 0
    ask = database.ask

    def failing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 8:
            raise SourceUnavailable("The source database does not answer.")
        return ask(*args, **kwargs)

    monkeypatch.setattr(ranges, "ask", failing)
    with pytest.raises(SourceUnavailable):
        sealed(folder, tmp_path, connections)
    assert not (tmp_path / "snapshot" / "snapshot.json").exists()


def test_a_table_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """The table is named, the driver's text is not."""
    told = {"driver": "sqlite3", "dsn": ":memory:"}
    folder, connections = named(tmp_path / "e", told, "tables: {patients: nowhere}")
    with pytest.raises(SourceUnreadable) as caught:
        sealed(folder, tmp_path, connections)
    assert (caught.value.code, caught.value.details["file"]) == (
        "table_missing", "nowhere (database)",
    )  # fmt: skip
    assert "no such table" not in str(caught.value)
