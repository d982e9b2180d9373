"""A restored database gives the same canonical records as the files it came from."""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pyarrow as pa
import pytest
from bridgework_contracts.errors import SourceUnavailable, SourceUnreadable
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec import sql_source
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.snapshot import seal_database
from bridgework_dental_exec.sql_source import Database

synthetic = pytest.importorskip("bridgework_synthetic")


class PostgresCursor:
    """The part of DB-API that the source uses, over asyncpg: one call, one connection."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._rows: list[Any] = []
        self.description: list[tuple[str]] = []

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement and keep its rows."""

        async def run() -> None:
            connection = await asyncpg.connect(self._dsn)
            try:
                statement = await connection.prepare(sql)
                self.description = [(a.name,) for a in statement.get_attributes()]
                self._rows = [tuple(r) for r in await statement.fetch(*values)]
            finally:
                await connection.close()

        asyncio.run(run())

    def fetchall(self) -> list[Any]:
        """Return what is left."""
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, count: int) -> list[Any]:
        """Return the next rows."""
        rows, self._rows = self._rows[:count], self._rows[count:]
        return rows


class PostgresConnection:
    """Gives cursors."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def cursor(self) -> PostgresCursor:
        """Return a cursor."""
        return PostgresCursor(self._dsn)

    def close(self) -> None:
        """Nothing is held between calls."""


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, open_practice: Callable[..., CanonicalSource]
) -> CanonicalSource:
    """A generated practice, read from its files."""
    folder = tmp_path_factory.mktemp("sql")
    synthetic.generate(folder / "p", patients=60, seed=17, dialect="a", defects=1.0,
                       documents=False, images=False)  # fmt: skip
    return open_practice(folder / "p", folder / "w")


Columns = list[str]


def tables_of(source: CanonicalSource) -> Iterator[tuple[str, Columns, Columns, list[Any]]]:
    """Yield name, columns, column types and rows; single keys that are numbers are numbers."""
    connection = source.snapshot.connect()
    for name, info in source.snapshot.tables.items():
        sql = f'SELECT * EXCLUDE (_line, _hash) FROM "{name}" ORDER BY hash(_line)'
        reader = connection.sql(sql)
        columns, rows = list(reader.columns), reader.fetchall()
        keys = source.snapshot.profile.tables[name].key
        at = columns.index(keys[0])
        whole = all(re.fullmatch(r"\d{1,12}", row[at] or "") for row in rows)
        types = ["BIGINT" if i == at and whole else "TEXT" for i in range(len(columns))]
        if whole:
            rows = [(*r[:at], int(r[at]), *r[at + 1 :]) for r in rows]
        assert info.rows == len(rows)
        yield name, columns, types, rows


def create(name: str, columns: Columns, types: Columns) -> str:
    """Return the statement that makes a table."""
    cells = ", ".join(f'"{c}" {t}' for c, t in zip(columns, types, strict=True))
    return f'CREATE TABLE "de_{name}" ({cells})'


def in_duckdb(source: CanonicalSource, folder: Path) -> Database:
    """Restore into a DuckDB file."""
    file = folder / "restored.duckdb"
    with duckdb.connect(str(file)) as target:
        for name, columns, types, rows in tables_of(source):
            cells = zip(*rows, strict=True) if rows else [()] * len(columns)
            incoming = pa.table([pa.array(c) for c in cells], names=columns)
            target.register("incoming", incoming)
            target.execute(create(name, columns, types))
            target.execute(f'INSERT INTO "de_{name}" SELECT * FROM incoming')
    return Database(
        open=lambda: duckdb.connect(str(file), read_only=True),
        tables={name: f"de_{name}" for name in source.snapshot.tables},
        errors=(duckdb.Error,),
    )


def in_sqlite(source: CanonicalSource, folder: Path) -> Database:
    """Restore into a SQLite file."""
    file = folder / "restored.sqlite"
    target = sqlite3.connect(file)
    for name, columns, types, rows in tables_of(source):
        target.execute(create(name, columns, types))
        marks = ", ".join("?" * len(columns))
        target.executemany(f'INSERT INTO "de_{name}" VALUES ({marks})', rows)
    target.commit()
    target.close()
    return Database(
        open=lambda: sqlite3.connect(file),
        tables={name: f"de_{name}" for name in source.snapshot.tables},
        errors=(sqlite3.Error,),
    )


def in_postgres(source: CanonicalSource, dsn: str) -> Database:
    """Restore into a PostgreSQL database."""

    async def restore() -> None:
        connection = await asyncpg.connect(dsn)
        for name, columns, types, rows in tables_of(source):
            await connection.execute(f'DROP TABLE IF EXISTS "de_{name}"')
            await connection.execute(create(name, columns, types))
            clean = [tuple(c.replace("\0", "") if isinstance(c, str) else c for c in r)
                     for r in rows]  # fmt: skip
            await connection.copy_records_to_table(f"de_{name}", records=clean, columns=columns)
        await connection.close()

    asyncio.run(restore())
    return Database(
        open=lambda: PostgresConnection(dsn),
        tables={name: f"de_{name}" for name in source.snapshot.tables},
        placeholder="$",
        errors=(asyncpg.PostgresError, OSError),
    )


def content(source: CanonicalSource) -> dict[str, dict[str, Any]]:
    """Return every record's fields, per object and key."""
    return {
        name: {r.key: r.fields for r in source.records(name)}
        for name in (*source.objects(), "document")
        if name != "document"
    }


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "postgres"])
def test_a_database_gives_the_records_of_its_export(
    kind: str,
    exported: CanonicalSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """All tables, in many parallel ranges or streamed by text keys: no field of any object differs.

    Rows stood in the database in no order at all.
    """
    monkeypatch.setattr(sql_source, "_ROWS_PER_RANGE", 600)
    monkeypatch.setattr(sql_source, "_FETCH_ROWS", 100)
    if kind == "postgres":
        database = in_postgres(exported, request.getfixturevalue("postgres_server"))
    else:
        database = (in_duckdb if kind == "duckdb" else in_sqlite)(exported, tmp_path)
    snapshot = seal_database(database, tmp_path / "s", seal=b"x" * 32, parallel=3)
    spec = exported.source.model_copy(update={"export_path": ""})
    source = CanonicalSource(snapshot, spec)
    assert source.counts() == exported.counts()
    got, want = content(source), content(exported)
    assert {k: len(v) for k, v in want.items() if not v} == {}
    for name, records in want.items():
        assert got[name] == records, name
    first = next(source.records("ledger_entry"))
    assert first.provenance[0].file == "de_ledger (database)"


def small(tmp_path: Path, statements: Sequence[str]) -> Database:
    """Return a DuckDB database made by some statements."""
    file = tmp_path / "small.duckdb"
    with duckdb.connect(str(file)) as target:
        for statement in statements:
            target.execute(statement)
    return Database(
        open=lambda: duckdb.connect(str(file), read_only=True),
        tables={"ledger": "ledger", "patients": "patients"},
        errors=(duckdb.Error,),
    )


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
    database = small(tmp_path, [LEDGER.format(rows="range(1, 4) t(i)"), PATIENTS])
    source = CanonicalSource(seal_database(database, tmp_path / "s"), SourceSpec(export_path=""))
    entry = next(source.records("ledger_entry"))
    assert (entry.fields["amount"], entry.fields["post_date"]) == ("45.10", "2026-03-25")
    assert (entry.fields["entry_date"], entry.fields["memo"]) == ("2026-03-25", "a\nb")
    patient = next(source.records("patient"))
    assert (patient.fields["birth_date"], patient.fields["drug_interaction"]) == (
        "1982-03-25", "Yes",
    )  # fmt: skip


def test_keys_that_lie_close_together_are_read_in_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key far away makes ranges wide; no query holds more rows than it may; none is lost."""
    monkeypatch.setattr(sql_source, "_ROWS_PER_RANGE", 100)
    monkeypatch.setattr(sql_source, "_MOST_ROWS", 400)
    rows = "(SELECT * FROM range(1, 1200) UNION ALL SELECT 900000000 UNION ALL SELECT NULL) t(i)"
    database = small(tmp_path, [LEDGER.format(rows=rows), PATIENTS])
    sizes: list[int] = []
    ask = sql_source._ask

    def counted(*args: Any, **kwargs: Any) -> Any:
        columns, found = ask(*args, **kwargs)
        sizes.append(len(found))
        return columns, found

    monkeypatch.setattr(sql_source, "_ask", counted)
    snapshot = seal_database(database, tmp_path / "s")
    assert snapshot.tables["ledger"].rows == 1201
    assert max(sizes) <= 401
    keys = snapshot.connect(["ledger"]).execute(
        "SELECT count(DISTINCT entry_id), count(*) FILTER (WHERE entry_id IS NULL) FROM ledger"
    )
    assert keys.fetchall() == [(1200, 1)]


def test_a_database_that_goes_away_midway_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is ours, and nothing pretends to be a snapshot."""
    monkeypatch.setattr(sql_source, "_ROWS_PER_RANGE", 100)
    database = small(tmp_path, [LEDGER.format(rows="range(1, 3000) t(i)"), PATIENTS])
    calls = 0
    ask = sql_source._ask

    def failing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 8:
            raise SourceUnavailable("The source database does not answer.")
        return ask(*args, **kwargs)

    monkeypatch.setattr(sql_source, "_ask", failing)
    with pytest.raises(SourceUnavailable):
        seal_database(database, tmp_path / "s")
    assert not (tmp_path / "s" / "snapshot.json").exists()


def test_a_table_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """The table is named, the driver's text is not."""
    database = Database(
        open=duckdb.connect,
        tables={"patients": "nowhere"},
        errors=(duckdb.Error,),
    )
    with pytest.raises(SourceUnreadable) as caught:
        seal_database(database, tmp_path / "s")
    assert (caught.value.code, caught.value.details["file"]) == ("table_missing", "nowhere")
