"""A database somebody restored into one file (DuckDB, SQLite), opened read-only.

The file is recognised by its first bytes, never written, and nothing in it is run: views, virtual
tables and extensions stay closed. What the driver says is turned into what a person can do.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb
from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.checksums import sha256_of
from bridgework_dental_exec.databases.database import NO_SCAN, Connection, SqlDialect, StoredTable
from bridgework_dental_exec.dialects import FileScan

DATABASE_SUFFIXES = frozenset({".duckdb", ".sqlite", ".sqlite3", ".db"})
SIDECARS = (".wal", "-wal", "-journal")
"""What stands beside a database that was not closed: its last changes are in there."""

HEAD_BYTES = 16
_ZONED = "TIMESTAMP WITH TIME ZONE"
_SQLITE = b"SQLite format 3\x00"
_SQLITE_HEAD = 100
_DUCKDB, _DUCKDB_AT = b"DUCK", 8
_SQLITE_TABLES = (
    "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
)
_DUCKDB_TABLES = (
    "SELECT schema_name, table_name, 'table' FROM duckdb_tables() "
    "WHERE database_name = current_database() AND NOT internal UNION ALL "
    "SELECT schema_name, view_name, 'view' FROM duckdb_views() "
    "WHERE database_name = current_database() AND NOT internal ORDER BY ALL"
)
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "512MB",
    "temp_directory": "",
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
}
_TOO_NEW = (
    "database_too_new",
    "This database was written by a newer version of DuckDB than this one reads.",
    "Export the tables as CSV, or write the file for an older storage version.",
)
_ENCRYPTED = (
    "database_encrypted",
    "This database is encrypted.",
    "Save it without encryption, or export the tables as CSV.",
)
_BUSY = (
    "database_busy",
    "Another program has this database open.",
    "Close that program, then try again.",
)
_DAMAGED = (
    "database_unreadable",
    "This database cannot be read: it is damaged, encrypted, or holds values nobody can read.",
    "Restore it again, or export the tables as CSV.",
)


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A database file of an export."""

    file: str
    path: Path
    kind: Literal["duckdb", "sqlite"]
    parallel: int = 2
    dialect: ClassVar[SqlDialect] = SqlDialect()
    order: ClassVar[Mapping[str, str]] = {}
    evidence: ClassVar[tuple[str, ...]] = ("Read from a database.",)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""
        return (duckdb.Error,) if self.kind == "duckdb" else (sqlite3.Error,)

    def open(self) -> Any:
        """Open a read-only connection; the driver's own errors."""
        if self.kind == "duckdb":
            opened = duckdb.connect(str(self.path), read_only=True, config=_CONFIG)
            opened.execute("SET enable_external_access = false")
            opened.execute("SET TimeZone = 'UTC'")
            return opened
        if not _whole(self.path):
            raise sqlite3.DatabaseError("The file is shorter than it says.")
        uri = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.text_factory = _decoded
        return connection

    @contextmanager
    def held(self) -> Iterator[Connection]:
        """Hold the file open: DuckDB shares what it has read among connections to one file.

        Raises:
            SourceUnreadable: It cannot be opened.
        """
        try:
            connection: Connection = self.open()
        except self.errors as exc:
            raise self.refused(exc) from exc
        with closing(connection):
            yield connection

    def tables(self) -> list[StoredTable]:
        """Return what the database holds, its own bookkeeping left out.

        Raises:
            SourceUnreadable: It cannot be read.
        """
        try:
            with closing(self.open()) as connection:
                if self.kind == "duckdb":
                    rows = connection.execute(_DUCKDB_TABLES).fetchall()
                    return [_in_duckdb(*row) for row in rows]
                rows = connection.execute(_SQLITE_TABLES).fetchall()
                return [_in_sqlite(connection, *row) for row in rows]
        except self.errors as exc:
            raise self.refused(exc) from exc

    def cells(self, description: Sequence[Sequence[Any]]) -> str:
        """Return what to select: moments with a time zone as UTC, which DuckDB hands out alone.

        Python's own types for them would need another package.
        """
        changed = []
        for name, kind, *_ in description:
            if _ZONED in str(kind):
                zoned, text = str(kind) == _ZONED, self.dialect.name(name)
                value = f"{text} AT TIME ZONE 'UTC'" if zoned else f"{text}::VARCHAR"
                changed.append(f"{value} AS {text}")
        return f"* REPLACE ({', '.join(changed)})" if changed else "*"

    def scan(self) -> FileScan:
        """Return the file's checksum."""
        return replace(NO_SCAN, sha256=sha256_of(self.path))

    def refused(self, error: BaseException, table: str = "") -> SourceUnreadable:
        """Return what a person is told, by what the driver said; a file is refused whole."""
        del table
        said = str(error).lower()
        for words, answer in (
            ("newer version", _TOO_NEW),
            ("encrypt", _ENCRYPTED),
            ("could not set lock", _BUSY),
        ):
            if words in said:
                return _refused(self.file, *answer)
        return _refused(self.file, *_DAMAGED)


def database_kind(head: bytes) -> Literal["duckdb", "sqlite"] | None:
    """Return the kind of database that begins with these bytes."""
    if head.startswith(_SQLITE):
        return "sqlite"
    return "duckdb" if head[_DUCKDB_AT : _DUCKDB_AT + len(_DUCKDB)] == _DUCKDB else None


def find_database(files: list[Path], given: Path | None = None) -> DatabaseFile | None:
    """Return the one database among files.

    Args:
        files: Files of an export.
        given: A file that was named as the export, whatever it is called.

    Raises:
        SourceUnreadable: There are two, or one was not closed.
    """
    found = []
    for path in files:
        if path != given and path.suffix.lower() not in DATABASE_SUFFIXES:
            continue
        kind = database_kind(_head(path))
        if kind is not None:
            found.append(DatabaseFile(path.name, path, kind))
    if len(found) > 1:
        raise two_databases(found[1].file)
    for database in found:
        for ending in SIDECARS:
            sidecar = database.path.with_name(database.file + ending)
            if sidecar.is_file() and any(_head(sidecar)):
                raise _refused(
                    database.file,
                    "database_not_closed",
                    "The database was copied while it was open: its last changes stand beside it.",
                    "Close the program that has it open, then copy it again.",
                )
    return found[0] if found else None


def two_databases(file: str) -> SourceUnreadable:
    """Return the error of a second database, be it a file or one on a server."""
    return _refused(
        file,
        "database_twice",
        "The export holds or names two databases: nobody can tell which one counts.",
        "Leave one of them in the export.",
    )


def no_database(file: str) -> SourceUnreadable:
    """Return the error of a file that is called a database and does not begin like one."""
    return _refused(file, *_DAMAGED)


def is_database(path: Path, read: Callable[[], bytes] | None = None) -> bool:
    """True where a file is called a database and begins like one."""
    if path.suffix.lower() not in DATABASE_SUFFIXES:
        return False
    return database_kind(read() if read is not None else _head(path)) is not None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError:
        return b""


def _whole(path: Path) -> bool:
    """True where a SQLite file holds all its pages; SQLite fills a cut one up with nothing."""
    with path.open("rb") as stream:
        head = stream.read(_SQLITE_HEAD)
    if len(head) < _SQLITE_HEAD:
        return False
    page = int.from_bytes(head[16:18], "big")
    page = 1 << 16 if page == 1 else page
    pages = int.from_bytes(head[28:32], "big") if head[24:28] == head[92:96] else 0
    size = path.stat().st_size
    return page > 0 and size % page == 0 and size >= page * pages


def _in_duckdb(schema: str, name: str, kind: Literal["table", "view"]) -> StoredTable:
    shown = name if schema == "main" else f"{schema}.{name}"
    return StoredTable((schema, name), f"{shown} (database)", kind, "rowid")


def _in_sqlite(
    connection: sqlite3.Connection, name: str, kind: Literal["table", "view"], sql: str | None
) -> StoredTable:
    shown = f"{name} (database)"
    if kind == "view" or (sql or "").upper().startswith("CREATE VIRTUAL"):
        return StoredTable((name,), shown, "view")
    quoted = name.replace('"', '""')
    try:
        connection.execute(f'SELECT _rowid_ FROM "{quoted}" LIMIT 0')
    except sqlite3.OperationalError:
        return StoredTable((name,), shown, "table")
    return StoredTable((name,), shown, "table", "_rowid_")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _refused(file: str, code: str, sentence: str, remedy: str) -> SourceUnreadable:
    return SourceUnreadable(sentence, code=code, file=file, remedy=remedy)
