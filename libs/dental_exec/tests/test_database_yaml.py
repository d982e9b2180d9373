"""``database.yaml`` comes with the export: it names a connection, and is trusted no further."""

import shutil
import sys
import traceback
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    SourceUnavailable,
    SourceUnreadable,
)
from bridgework_dental_exec.databases.connections import Connections, ConnectionSettings
from bridgework_dental_exec.databases.database import Mark, SqlDialect
from bridgework_dental_exec.databases.drivers import Driver, Said, load_driver
from bridgework_dental_exec.databases.place import NamedDatabase, read_place
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from pydantic import ValidationError

BOMB = "connection: a\ntables: &a {patients: &b [x, x]}\norder: {b: *b}\n"


def place(folder: Path, text: str) -> NamedDatabase:
    """Read a ``database.yaml`` with this text."""
    file = folder / "database.yaml"
    file.write_text(text, encoding="utf-8")
    return read_place(file)


def test_what_it_says(tmp_path: Path) -> None:
    """Names with dots are parts; a part with a dot in it is told as a list."""
    said = place(
        tmp_path,
        "connection: harbor-restored\nschema: dbo\n"
        "tables: {patients: dbo.tblPatient, ledger: [dbo, tbl.Ledger]}\norder: {ledger: RowNo}\n",
    ).place
    assert (said.connection, said.schema_name) == ("harbor-restored", "dbo")
    assert said.tables == {"patients": ("dbo", "tblPatient"), "ledger": ("dbo", "tbl.Ledger")}
    assert said.order == {"ledger": "RowNo"}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", ""),
        ("- connection", ""),
        ("connection: [", ""),
        (BOMB, ""),
        ("connection: &a harbor", ""),
        ("connection: a\nconnection: b", ""),
        ("? [a, b]\n: c", ""),
        ("connection: !!python/object/apply:os.system [id]", ""),
        ("[" * 60_000, ""),
        ("connection: a\n#" + "x" * (64 << 10), ""),
        ("connection: a\x00", ""),
        ("schema: dbo", "connection"),
        ("connection: 7", "connection"),
        ("connection: ../../etc/passwd", "connection"),
        ("connection: /harbor", "connection"),
        ("connection: Harbor Restored", "connection"),
        ("connection: a\npassword: Hunter2", "password"),
        ("connection: a\n'Anna Quimby, 555-1234': x", "…"),
        ("connection: a\nschema: ''", "schema"),
        ("connection: a\ntables: {patients: [a, b, c, d, e]}", "tables.patients"),
        ("connection: a\ntables: {patients: 'a..b'}", "tables.patients.1"),
        ("connection: a\ntables: [patients]", "tables"),
        ('connection: a\ntables: {patients: "x\\0y"}', "tables.patients.0"),
        ("connection: a\norder: {ledger: 7}", "order.ledger"),
    ],
)
def test_what_it_may_not_say(text: str, field: str, tmp_path: Path) -> None:
    """File, field and remedy are named; what stood there is not repeated."""
    with pytest.raises(SourceUnreadable) as caught:
        place(tmp_path, text)
    error = caught.value
    assert (error.code, error.details["file"]) == ("database_yaml", "database.yaml")
    assert error.details["field"] == field
    assert error.details["remedy"]
    said = "".join(traceback.format_exception(error))
    assert "Hunter2" not in said
    assert "Quimby" not in said
    assert "passwd" not in said


@pytest.mark.parametrize("where", ["folder", "inner", "zip", "inner zip", "file"])
def test_it_stands_in_an_ordinary_export(where: str, tmp_path: Path) -> None:
    """Documents and a manifest beside it; nobody has to reach the database to read a document."""
    folder = tmp_path / "e" / ("practice" if where.startswith("inner") else "")
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.txt").write_text("hello")
    (folder / "database.yaml").write_text("connection: restored")
    (folder / "manifest.csv").write_text("file,rows\ndatabase.yaml,7\n")
    path = {"file": folder / "database.yaml"}.get(where, tmp_path / "e")
    if where.endswith("zip"):
        path = Path(shutil.make_archive(str(tmp_path / "e"), "zip", tmp_path / "e"))
    with open_export(path, tmp_path / "w") as export:
        assert isinstance(export.database, NamedDatabase)
        assert export.database.place.connection == "restored"
        assert (export.tables(), export.unknown_files) == ({}, ())
        assert export.manifest_findings == []
        document = export.document(r"C:\DE\DOCS\a.txt")
        assert document is not None
        assert document.read_text() == "hello"
        with pytest.raises(SourceUnreadable) as caught:
            seal_snapshot(export, tmp_path / "s")
    assert caught.value.code == "database_connection_unknown"
    assert not (tmp_path / "s").exists()


def test_one_export_names_one_database(tmp_path: Path) -> None:
    """Twice the file, or beside a database file: nobody can tell which one counts."""
    (tmp_path / "database.yaml").write_text("connection: a")
    (tmp_path / "database.yml").write_text("connection: b")
    with pytest.raises(SourceUnreadable) as caught:
        open_export(tmp_path, tmp_path / "w")
    assert caught.value.code == "database_twice"
    (tmp_path / "database.yml").unlink()
    (tmp_path / "p.sqlite").write_bytes(b"SQLite format 3\x00" + b"\0" * 84)
    with pytest.raises(SourceUnreadable) as caught:
        open_export(tmp_path, tmp_path / "w")
    assert caught.value.code == "database_twice"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither in a folder nor in an archive."""
    (tmp_path / "elsewhere.yaml").write_text("connection: a")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "database.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(SourceUnreadable) as caught:
        open_export(tmp_path / "e", tmp_path / "w")
    assert caught.value.code == "export_empty"
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        link = zipfile.ZipInfo("database.yaml")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(tmp_path / "elsewhere.yaml"))
    with pytest.raises(SourceUnreadable) as caught:
        open_export(tmp_path / "e.zip", tmp_path / "w")
    assert caught.value.code == "archive_link"


def connections(**told: Any) -> Connections:
    """Return connections from plain values."""
    return Connections({k: ConnectionSettings.model_validate(v) for k, v in told.items()})


def test_a_connection_that_is_not_allowed_is_not_there(tmp_path: Path) -> None:
    """Word for word the same answer, so that nobody learns which practices there are."""
    named = place(tmp_path, "connection: one")
    all_of_them = connections(
        one={"driver": "sqlite3", "tenants": ["harbor"]}, two={"driver": "sqlite3", "tenants": "*"}
    )
    assert all_of_them.for_tenant("harbor").opened(named) is not None
    assert all_of_them.opened(named) is not None
    answers = []
    for there in (all_of_them.for_tenant("quay"), Connections(), connections(one={"driver": "x"})):
        with pytest.raises(SourceUnreadable) as caught:
            there.for_tenant("quay").opened(named)
        answers.append((str(caught.value), caught.value.code, caught.value.details))
    assert answers[0] == answers[1] == answers[2]
    assert all_of_them.for_tenant("quay").opened(place(tmp_path, "connection: two")) is not None


@pytest.mark.parametrize(
    ("driver", "code"),
    [("no_such_driver_anywhere", "database_driver_missing"), ("json", "database_driver_unusable")],
)
def test_a_driver_that_is_not_there_is_the_operators(driver: str, code: str) -> None:
    """Said when the extractor starts, with the connection's name and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        connections(restored={"driver": driver}).check()
    assert caught.value.code == code
    assert "restored" in str(caught.value)
    assert driver in str(caught.value)
    assert caught.value.details["remedy"]


def test_secrets_of_a_connection_are_never_shown() -> None:
    """Neither as text nor as JSON, nor in what is wrong with it."""
    told = {
        "driver": "sqlite3",
        "connect": {"password": "Hunter2"},
        "dsn": "DRIVER=x;PWD=Hunter2",
    }
    made = ConnectionSettings.model_validate(told)
    assert "Hunter2" not in repr(made) + str(made) + made.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        ConnectionSettings.model_validate(told | {"parallel": "Hunter2"})
    assert "Hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("mark", "first", "values"),
    [
        ("?", "?", (3, 9)),
        ("%s", "%s", (3, 9)),
        ("$", "$1", (3, 9)),
        (":", ":1", (3, 9)),
        (":p", ":p1", {"p1": 3, "p2": 9}),
    ],
)
def test_parameters_are_marked_as_the_driver_wants(mark: Mark, first: str, values: Any) -> None:
    """One way per paramstyle of DB-API."""
    dialect = SqlDialect(mark)
    assert (dialect.parameter(1), dialect.values((3, 9))) == (first, values)


def test_names_cannot_end_their_quotes() -> None:
    """In any dialect."""
    assert SqlDialect().name("dbo", 'x"; DROP TABLE y; --') == '"dbo"."x""; DROP TABLE y; --"'
    assert SqlDialect(quote="[]").name("x]; DROP TABLE y") == "[x]]; DROP TABLE y]"
    assert SqlDialect(quote="`").name("x`y") == "`x``y`"


class _Error(Exception):
    pass


class _OperationalError(_Error):
    pass


class _InterfaceError(_Error):
    pass


class _ProgrammingError(_Error):
    pass


def driver(name: str = "a.driver", **more: Any) -> Driver:
    """Return a driver that is only its errors, as pyodbc, pymysql or pymssql raise them."""
    module = ModuleType(name)
    vars(module).update(
        Error=_Error,
        OperationalError=_OperationalError,
        InterfaceError=_InterfaceError,
        paramstyle="qmark",
        **more,
    )
    return Driver(name, module)


class _Chatty:
    """A connection whose every error quotes a secret and a value of a row."""

    def __init__(self, dsn: str = "", *, password: str = "", when: str = "") -> None:
        self.said = f"{dsn} {password} Quimby"
        self.when = when
        if when.startswith("connect"):
            raise (_OperationalError if when == "connect, away" else _Error)(self.said)

    def cursor(self) -> "_Chatty":
        return self

    def execute(self, sql: str, *_: Any) -> None:
        if sql.startswith("SELECT"):
            raise (_OperationalError if self.when == "query, away" else _Error)(self.said)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("connect, away", SourceUnavailable),
        ("connect, refused", ConfigurationError),
        ("query, away", SourceUnavailable),
        ("query, refused", SourceUnreadable),
    ],
)
def test_what_a_driver_says_never_travels(
    when: str, kind: type[BridgeworkError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in our errors nor in any cause of them: they end in logs and on screens."""
    monkeypatch.setitem(sys.modules, "chatty", driver("chatty", connect=_Chatty).module)
    connect = {"password": "Hunter2", "when": when}
    there = connections(restored={"driver": "chatty", "dsn": "PWD=Hunter1", "connect": connect})
    (tmp_path / "database.yaml").write_text("connection: restored\ntables: {patients: x}\n")
    with open_export(tmp_path, tmp_path / "w") as export, pytest.raises(kind) as caught:
        seal_snapshot(export, tmp_path / "s", connections=there)
    error: BaseException | None = caught.value
    assert error is not None
    shown = "".join(traceback.format_exception(error))
    while error is not None:
        shown += repr(error) + repr(getattr(error, "details", ""))
        error = error.__cause__ or error.__context__
    for secret in ("Hunter1", "Hunter2", "Quimby"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_OperationalError("08S01", "Communication link failure"), Said.AWAY),
        (_OperationalError("HYT00", "Login timeout expired"), Said.AWAY),
        (_InterfaceError("28000", "Login failed for user 'x'"), Said.LOGIN),
        (_ProgrammingError("42S02", "Invalid object name"), Said.REFUSED),
        (_Error("HY000", "General error"), Said.REFUSED),
        (_OperationalError("HY000", "Broken pipe"), Said.AWAY),
        (_OperationalError(2003, "Can't connect to MySQL server"), Said.AWAY),
        (_OperationalError(1045, "Access denied for user"), Said.LOGIN),
        (_OperationalError(1305, "FUNCTION x.unnest does not exist"), Said.REFUSED),
        (_ProgrammingError(1146, "Table doesn't exist"), Said.REFUSED),
        (_OperationalError(20009, b"Unable to connect"), Said.AWAY),
        (_OperationalError(18456, b"Login failed"), Said.LOGIN),
        (_Error({"S": "FATAL", "C": "28P01"}), Said.LOGIN),
        (_Error({"C": "3D000"}), Said.LOGIN),
        (_Error({"C": "57P03"}), Said.AWAY),
        (_Error({"C": "42P01"}), Said.REFUSED),
        (_InterfaceError("network error"), Said.AWAY),
        (ConnectionResetError(104, "reset"), Said.AWAY),
        (TimeoutError(), Said.AWAY),
        (ValueError("year 0 is out of range"), Said.REFUSED),
    ],
)
def test_what_an_error_comes_down_to(error: Exception, said: Said) -> None:
    """SQLSTATE, the server's own numbers, the driver's classes: in this order."""
    assert driver().said(error) is said
    assert isinstance(error, driver().errors)


def test_mysql_quotes_with_backticks() -> None:
    """Its ANSI quotes are off unless somebody turned them on."""
    assert (driver("pymysql").quote, driver("mysql.connector").quote) == ("`", "`")
    assert (load_driver("pg8000.dbapi").quote, load_driver("pg8000.dbapi").mark) == ('"', "%s")
