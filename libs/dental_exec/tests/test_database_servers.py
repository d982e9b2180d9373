"""A practice's database restored on a server, on real PostgreSQL through a real DB-API driver."""

import asyncio
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    SourceUnavailable,
    SourceUnreadable,
)
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.databases import ranges
from bridgework_dental_exec.databases.connections import Connections, ConnectionSettings
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_embedded.processes import free_port
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fault_proxy import FaultProxy
from bridgework_testkit.restored import DRIVER_LEAVES_SOCKETS, postgres_connection

pytestmark = DRIVER_LEAVES_SOCKETS

PATIENTS = 'CREATE TABLE {} (pat_id INT PRIMARY KEY, "Last" TEXT, "First" TEXT)'
ADAMS = "INSERT INTO {} VALUES (8, 'Brown', 'Bob'), (7, 'Adams', 'Ann')"


async def run(dsn: str, *statements: str) -> list[Any]:
    """Run statements; return the last one's rows."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(statements[-1])]
    finally:
        await connection.close()


def sealed_now(folder: Path, told: dict[str, Any], text: str, files: dict[str, str]) -> Snapshot:
    """Seal an export that names a connection."""
    (folder / "e").mkdir(exist_ok=True)
    for name, content in {"database.yaml": f"connection: restored\n{text}", **files}.items():
        (folder / "e" / name).write_text(content)
    connections = Connections({"restored": ConnectionSettings.model_validate(told)})
    with open_export(folder / "e", folder / "w") as export:
        return seal_snapshot(export, folder / "s", seal=b"x" * 32, connections=connections)


async def sealed(
    folder: Path,
    dsn: str,
    text: str = "",
    *,
    files: dict[str, str] | None = None,
    **more: Any,
) -> Snapshot:
    """Seal an export whose database is on PostgreSQL."""
    told = postgres_connection(dsn, **more)
    return await asyncio.to_thread(sealed_now, folder, told, text, files or {})


def found(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return (place, code) of what was said about the whole export."""
    usual = {"manifest_missing", "columns_missing"}
    return {(f.file, f.code) for f in snapshot.findings if f.code not in usual}


def names(snapshot: Snapshot, table: str = "patients") -> list[Any]:
    """Return the last names as they stand in the snapshot."""
    return snapshot.connect([table]).sql(f'SELECT last FROM "{table}" ORDER BY _line').fetchall()


def everything(error: BaseException) -> str:
    """Return all that a traceback of an error and of its causes may show."""
    shown = "".join(traceback.format_exception(error))
    while error is not None:
        shown += repr(error) + repr(getattr(error, "details", ""))
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # None ends it
    return shown


async def test_what_is_left_out_is_said(database: str, tmp_path: Path) -> None:
    """Views, unknown tables, a second place of one table, a table that is there as CSV too."""
    await run(
        database,
        PATIENTS.format('"Patients"'), ADAMS.format('"Patients"'),
        PATIENTS.format('"pat_ients"'),
        "CREATE TABLE implants (lot TEXT)",
        'CREATE VIEW recent AS SELECT * FROM "Patients"',
        "CREATE VIEW alerts AS SELECT 1 AS pat_id",
        "CREATE TABLE providers (prov_id TEXT)",
        "SELECT 1",
    )  # fmt: skip
    files = {
        "providers.csv": "prov_id,last\n5,Cole\n",
        "manifest.csv": f"file,rows,sha256\ndatabase.yaml,9,{'0' * 64}\nproviders.csv,1,\n",
    }
    snapshot = await sealed(tmp_path, database, files=files)
    assert found(snapshot) == {
        ("pat_ients (database)", "table_twice"),
        ("implants (database)", "table_unknown"),
        ("recent (database)", "view_not_read"),
        ("alerts (database)", "table_unknown"),
        ("providers (database)", "table_twice"),
        ("database.yaml", "manifest_rows"),
    }
    assert (snapshot.file("providers"), snapshot.file("patients")) == (
        "providers.csv", "Patients (database)",
    )  # fmt: skip
    assert names(snapshot) == [("Adams",), ("Brown",)]


async def test_only_the_schemas_of_the_connection_are_read(database: str, tmp_path: Path) -> None:
    """Its search path, or the one schema that is named; the path's first wins."""
    await run(
        database,
        "CREATE SCHEMA dbo", "CREATE SCHEMA other",
        PATIENTS.format("dbo.patients"), ADAMS.format("dbo.patients"),
        PATIENTS.format("other.patients"), "CREATE TABLE other.implants (lot TEXT)",
        PATIENTS.format("public.people"),
        "SELECT 1",
    )  # fmt: skip
    snapshot = await sealed(tmp_path, database)
    assert snapshot.rows("patients") == 0
    assert found(snapshot) == {("people (database)", "table_unknown")}
    snapshot = await sealed(tmp_path, database, "schema: dbo")
    assert (snapshot.file("patients"), names(snapshot)) == (
        "patients (database)", [("Adams",), ("Brown",)],
    )  # fmt: skip
    assert found(snapshot) == set()
    path = {"startup_params": {"options": "-c search_path=dbo,other"}}
    snapshot = await sealed(tmp_path, database, connect=path)
    assert snapshot.file("patients") == "dbo.patients (database)"
    assert found(snapshot) == {
        ("other.patients (database)", "table_twice"),
        ("other.implants (database)", "table_unknown"),
    }
    with pytest.raises(SourceUnreadable) as caught:
        await sealed(tmp_path, database, "schema: DBO")
    assert (caught.value.code, caught.value.details["field"]) == ("database_empty", "schema")


async def test_tables_are_where_a_person_said(database: str, tmp_path: Path) -> None:
    """Outside the schema too; what is listed besides is looked at as ever."""
    await run(
        database,
        "CREATE SCHEMA dbo",
        PATIENTS.format('dbo."tbl.Patient"'), ADAMS.format('dbo."tbl.Patient"'),
        "CREATE TABLE providers (prov_id TEXT)", "INSERT INTO providers VALUES ('5')",
        "SELECT 1",
    )  # fmt: skip
    snapshot = await sealed(tmp_path, database, "tables: {patients: [dbo, tbl.Patient]}")
    assert snapshot.file("patients") == "dbo.tbl.Patient (database)"
    assert (snapshot.rows("patients"), snapshot.rows("providers")) == (2, 1)


async def test_a_table_is_known_by_its_columns(database: str, tmp_path: Path) -> None:
    """Where its name says nothing, even with a quote and a statement in it."""
    profile = (await _empty(database, tmp_path)).profile
    columns = ", ".join(f'"{c.upper()}" TEXT' for c in profile.tables["alerts"].columns)
    await run(
        database,
        f'CREATE TABLE "x""; DROP TABLE patients; --" ({columns})',
        'INSERT INTO "x""; DROP TABLE patients; --" DEFAULT VALUES',
        "SELECT 1",
    )
    snapshot = await sealed(tmp_path, database)
    assert snapshot.file("alerts") == 'x"; DROP TABLE patients; -- (database)'
    assert (snapshot.rows("alerts"), snapshot.rows("patients")) == (1, 2)


async def _empty(dsn: str, folder: Path) -> Snapshot:
    await run(dsn, PATIENTS.format("patients"), ADAMS.format("patients"), "SELECT 1")
    return await sealed(folder, dsn)


async def test_a_name_is_never_a_statement(database: str, tmp_path: Path) -> None:
    """SQL in what a person wrote is a name of nothing."""
    await _empty(database, tmp_path)
    for text in (
        """tables: {patients: ['patients"; DROP TABLE patients; --']}""",
        """schema: 'public"; DROP TABLE patients; --'""",
        """order: {patients: '1; DROP TABLE patients; --'}""",
        'tables: {patients: "(SELECT 1 AS pat_id) AS x"}',
    ):
        with pytest.raises(SourceUnreadable) as caught:
            await sealed(tmp_path, database, text)
        assert caught.value.details["remedy"]
    assert await run(database, "SELECT count(*) FROM patients") == [(2,)]


async def test_nothing_is_ever_written(database: str, tmp_path: Path) -> None:
    """Not even by what a view does when it is read."""
    await run(
        database,
        PATIENTS.format("patients"),
        "CREATE FUNCTION spy() RETURNS INT LANGUAGE sql VOLATILE AS "
        "$$ INSERT INTO patients VALUES (1, 'x', 'y') RETURNING 1 $$",
        "CREATE VIEW reads AS SELECT spy() AS pat_id, 'x' AS last",
        "SELECT 1",
    )
    with pytest.raises(SourceUnreadable):
        await sealed(tmp_path, database, "tables: {patients: reads}")
    assert await run(database, "SELECT count(*) FROM patients") == [(0,)]


async def test_typed_columns_read_like_printed_ones(database: str, tmp_path: Path) -> None:
    """Every type a practice's columns have, as PostgreSQL's driver returns it."""
    columns = {
        "pat_id": "7::NUMERIC(10,0)", "last": "'Ash'::CHAR(9)", "first": "'Ann'::BYTEA",
        "dob": "DATE '1982-03-25'", "drug_interaction": "true",
        "referral_date": "TIMESTAMP '2026-03-25 10:15:00.5'", "sex": "NULL::TEXT",
        "email": "UUID '00000000-0000-0000-0000-000000000007'",
        "zip": "TIMESTAMPTZ '2026-03-25 22:15:00-04'", "city": "45.10::NUMERIC(12,2)",
        "state": "TIME '08:30'", "address1": "ARRAY['a','b']", "address2": "'{\"a\": 1}'::JSONB",
        "home_phone": "1.5::FLOAT8", "work_phone": "TIMESTAMPTZ 'infinity'",
    }  # fmt: skip
    cells = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    await run(database, f"CREATE TABLE patients AS SELECT {cells}", "SELECT 1")
    snapshot = await sealed(tmp_path, database)
    sql = f"SELECT {', '.join(columns)} FROM patients"
    assert snapshot.connect(["patients"]).sql(sql).fetchall() == [
        ("7", "Ash", "Ann", "1982-03-25", "Y", "2026-03-25T10:15:00", None,
         "00000000-0000-0000-0000-000000000007", "2026-03-26T02:15:00", "45.10", "08:30:00",
         '["a", "b"]', '{"a": 1}', "1.5", "infinity")
    ]  # fmt: skip
    patient = next(CanonicalSource(snapshot, SourceSpec(export_path="")).records("patient"))
    assert (patient.fields["birth_date"], patient.fields["drug_interaction"]) == (
        "1982-03-25", "Yes",
    )  # fmt: skip


async def test_keys_of_any_type_are_read(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several columns, a type without a least value, and none at all: no row is lost."""
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 10)
    monkeypatch.setattr(ranges, "_MOST_ROWS", 40)
    monkeypatch.setattr(ranges, "_FETCH_ROWS", 7)
    await run(
        database,
        "CREATE TABLE patient_providers AS SELECT i % 7 AS pat_id, i AS prov_id, 'x' AS role "
        "FROM generate_series(1, 500) i",
        "CREATE TABLE accounts AS SELECT (i % 2 = 0) AS acct_id FROM generate_series(1, 30) i",
        "CREATE TABLE providers AS SELECT NULL::INT AS prov_id FROM generate_series(1, 30) i",
        "SELECT 1",
    )
    snapshot = await sealed(tmp_path, database, parallel=4)
    rows = {name: info.rows for name, info in snapshot.tables.items()}
    assert rows == {"patient_providers": 500, "accounts": 30, "providers": 30}
    pairs = "SELECT count(DISTINCT (pat_id, prov_id)), count(DISTINCT _line) FROM patient_providers"
    assert snapshot.connect(["patient_providers"]).sql(pairs).fetchall() == [(500, 500)]


async def test_rows_are_numbered_by_the_column_that_was_named(
    database: str, tmp_path: Path
) -> None:
    """However it is spelt; a column that is not there is said."""
    await run(
        database,
        'CREATE TABLE patients (pat_id INT, last TEXT, "RowNo" INT)',
        "INSERT INTO patients VALUES (1, 'Ash', 3), (2, 'Birch', 1), (3, 'Cole', 2)",
        "SELECT 1",
    )
    snapshot = await sealed(tmp_path, database, "order: {patients: row_no}")
    assert names(snapshot) == [("Birch",), ("Cole",), ("Ash",)]
    for text, code in (
        ("order: {patients: nowhere}", "order_column_missing"),
        ("order: {implants: lot}", "database_yaml"),
        ("tables: {implants: patients}", "database_yaml"),
    ):
        with pytest.raises(SourceUnreadable) as caught:
            await sealed(tmp_path, database, text)
        assert (caught.value.code, caught.value.details["file"]) == (code, "database.yaml")


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "Hunter2-wrong"},
        {"database": "nowhere"},
        {"pasword": "Hunter2-wrong"},
    ],
)
async def test_a_refused_connection_is_the_operators(
    wrong: dict[str, Any], database: str, tmp_path: Path
) -> None:
    """Said with the connection's name; no secret stands anywhere, not in any cause either."""
    with pytest.raises(BridgeworkError) as caught:
        await sealed(tmp_path, database, connect=wrong)
    assert isinstance(caught.value, ConfigurationError)
    assert caught.value.code == "database_connection_refused"
    assert "restored" in str(caught.value)
    assert "EXTRACTOR_DATABASES" in str(caught.value.details["remedy"])
    password = urlsplit(database).password
    assert password
    for secret in ("Hunter2-wrong", password):
        assert secret not in everything(caught.value)


async def test_a_server_that_does_not_answer_is_asked_again_later(
    database: str, tmp_path: Path
) -> None:
    """Down from the start: transient, whatever the export is like."""
    with pytest.raises(SourceUnavailable) as caught:
        await sealed(tmp_path, database, connect={"port": free_port()})
    assert caught.value.details == {"connection": "restored"}
    assert (urlsplit(database).password or "?") not in everything(caught.value)
    assert not (tmp_path / "s" / "snapshot.json").exists()


@pytest.mark.parametrize("key", ["i", "'k' || i"], ids=["ranges", "stream"])
async def test_a_server_that_goes_away_midway_is_asked_again_later(
    key: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two ranges or in the middle of a stream; afterwards the same export is read whole.

    Row 400 is not there until a lock is given back.
    """
    monkeypatch.setattr(ranges, "_ROWS_PER_RANGE", 50)
    await run(
        database,
        "CREATE FUNCTION waited(n INT) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$ BEGIN "
        "IF n = 400 THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN n; END $$",
        f"CREATE VIEW people AS SELECT {key} AS pat_id, waited(i) AS last "
        "FROM generate_series(1, 700) i",
        "SELECT 1",
    )
    at = urlsplit(database)
    assert at.hostname
    assert at.port
    text = "tables: {patients: people}"
    locking = await asyncpg.connect(database)
    await locking.execute("SELECT pg_advisory_lock(7)")

    async def is_waiting() -> bool:
        sql = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(await locking.fetchval(sql))

    async with FaultProxy(at.hostname, at.port) as proxy:
        through = {"port": proxy.port, "host": "127.0.0.1"}
        reading = asyncio.create_task(sealed(tmp_path, database, text, connect=through))
        try:
            await eventually(is_waiting)
            await proxy.cut()
            with pytest.raises(SourceUnavailable):
                await reading
        finally:
            await locking.close()
        assert not (tmp_path / "s" / "snapshot.json").exists()
        proxy.restore()
        snapshot = await sealed(tmp_path, database, text, connect=through)
    assert snapshot.rows("patients") == 700


async def test_a_database_that_lists_no_tables_needs_them_told(tmp_path: Path) -> None:
    """SQLite behind its driver has no information schema."""
    with pytest.raises(SourceUnreadable) as caught:
        await asyncio.to_thread(
            sealed_now, tmp_path, {"driver": "sqlite3", "dsn": ":memory:"}, "", {}
        )
    assert caught.value.code == "database_tables_unknown"
    assert "tables" in str(caught.value.details["remedy"])


async def test_a_user_sees_only_what_it_may_read(database: str, tmp_path: Path) -> None:
    """A table without the right is not there; one that is named is refused by name."""
    await run(
        database,
        PATIENTS.format("patients"), "CREATE TABLE providers (prov_id TEXT)",
        f"CREATE ROLE reader_{(name := urlsplit(database).path[-8:])} LOGIN PASSWORD 'x'",
        f"GRANT SELECT ON providers TO reader_{name}",
        "SELECT 1",
    )  # fmt: skip
    who: dict[str, Any] = {"connect": {"user": f"reader_{name}", "password": "x"}}
    snapshot = await sealed(tmp_path, database, **who)
    assert list(snapshot.tables) == ["providers"]
    with pytest.raises(SourceUnreadable) as caught:
        await sealed(tmp_path, database, "tables: {patients: patients}", **who)
    assert (caught.value.code, caught.value.details["file"]) == (
        "table_missing", "patients (database)",
    )  # fmt: skip
    await run(database, f"DROP OWNED BY reader_{name}", f"DROP ROLE reader_{name}", "SELECT 1")
