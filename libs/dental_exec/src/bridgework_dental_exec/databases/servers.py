"""A restored database on a server, read through a DB-API driver with the operator's connection.

Only queries are sent, in transactions that are read-only where the server knows such and are never
committed. Many connections are not one snapshot: nobody may write to the database meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import PurePath
from typing import Any, Final

from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    SourceUnavailable,
    SourceUnreadable,
)
from pydantic import JsonValue, Secret, SecretStr

from bridgework_dental_exec.databases.database import (
    NO_SCAN,
    REFUSED,
    Connection,
    SqlDialect,
    StoredTable,
    ask,
)
from bridgework_dental_exec.databases.drivers import Driver, Said
from bridgework_dental_exec.databases.place import NamedDatabase, place_refused
from bridgework_dental_exec.dialects import FileScan

_TABLES: Final = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES"
_COLUMNS: Final = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS "
    "ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
)
_OWN_SCHEMAS: Final = (
    "SELECT unnest(current_schemas(false))",  # PostgreSQL
    "SELECT SCHEMA_NAME()",  # SQL Server
    "SELECT DATABASE()",  # MySQL
)
_SYSTEM: Final = frozenset(
    {"information_schema", "pg_catalog", "pg_toast", "sys", "mysql", "performance_schema"}
)
_READ_ONLY: Final = "SET TRANSACTION READ ONLY"


class DatabaseServer:
    """A database of an export that a server holds.

    Args:
        named: What ``database.yaml`` says.
        driver: The DB-API module.
        dialect: How its statements are written.
        arguments: Positional arguments of its ``connect``.
        keywords: Keyword arguments of its ``connect``.
        parallel: Connections used at a time.
    """

    def __init__(
        self,
        *,
        named: NamedDatabase,
        driver: Driver,
        dialect: SqlDialect,
        arguments: Sequence[SecretStr] = (),
        keywords: Secret[dict[str, JsonValue]] | None = None,
        parallel: int = 2,
    ) -> None:
        self.file = named.file
        self.dialect = dialect
        self.parallel = parallel
        self._place = named.place
        self._driver = driver
        self._arguments = tuple(arguments)
        self._keywords = keywords or Secret({})
        self._knows_read_only = True

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""
        return self._driver.errors

    @property
    def order(self) -> Mapping[str, str]:
        """Profile table → column that numbers its rows."""
        return self._place.order

    @property
    def evidence(self) -> tuple[str, ...]:
        """The connection's name; of a server's bytes nothing is known."""
        return ("Read from a database.", f"Connection {self._place.connection}.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold nothing on a server, where an idle transaction is in somebody's way.

        A database inside our process must not be opened while another thread's last connection
        closes it: it is held open.

        Raises:
            SourceUnavailable: It cannot be opened now.
            ConfigurationError: It cannot be opened as the operator says.
        """
        if not self._driver.in_process:
            yield
            return
        with closing(self.open()):
            yield

    def open(self) -> Connection:
        """Open a read-only connection.

        Raises:
            SourceUnavailable: The server does not answer.
            ConfigurationError: It refuses the login, or the driver refuses its arguments.
        """
        try:
            connection: Any = self._driver.module.connect(
                *(one.get_secret_value() for one in self._arguments),
                **self._keywords.get_secret_value(),
            )
        except self.errors as exc:
            away = self._driver.said(exc) is Said.AWAY
        else:
            self._make_read_only(connection)
            opened: Connection = connection
            return opened
        # Outside the handler: the driver's text may hold what it was given.
        raise self._away() if away else self._login_refused()

    def _make_read_only(self, connection: Any) -> None:
        if getattr(connection, "autocommit", False) is True:
            connection.autocommit = False
        if not self._knows_read_only:
            return
        try:
            connection.cursor().execute(_READ_ONLY)
        except self.errors as exc:
            if self._driver.said(exc) is Said.AWAY:
                with suppress(*self.errors):
                    connection.close()
                raise
            self._knows_read_only = False
            with suppress(*self.errors):
                connection.rollback()

    def tables(self) -> list[StoredTable]:
        """Return the tables a person named, then what the server lists in its schemas.

        Raises:
            SourceUnreadable: It lists nothing, and no table was named.
            SourceUnavailable: It does not answer.
        """
        told = [
            StoredTable(path, _shown(path), "table", holds=name)
            for name, path in self._place.tables.items()
        ]
        try:
            rows = ask(self, _TABLES)[1]
        except SourceUnreadable as exc:
            if told:
                return told
            raise place_refused(
                self.file,
                "tables",
                "This database does not list its tables.",
                code="database_tables_unknown",
                remedy="Name them under tables, e.g. patients: tblPatient.",
            ) from exc
        schemas = self._schemas(_word(row[0]) for row in rows)
        columns: dict[tuple[str, str], list[str]] = {}
        for schema, name, column in ask(self, _COLUMNS)[1] if rows else ():
            columns.setdefault((_word(schema), _word(name)), []).append(_word(column))
        found = []
        for schema, name, kind in sorted((tuple(map(_word, row)) for row in rows), key=str):
            path = (schema, name)
            if schema in schemas and not any(one.path == path[-len(one.path) :] for one in told):
                shown = _shown(path if len(schemas) > 1 else path[1:])
                is_table = kind.upper() == "BASE TABLE"
                found.append(
                    StoredTable(
                        path,
                        shown,
                        "table" if is_table else "view",
                        columns=tuple(columns.get(path, ())),
                    )
                )
        found.sort(key=lambda one: schemas.index(one.path[0]))
        if not found and not told:
            raise place_refused(
                self.file,
                "schema" if self._place.schema_name else "connection",
                "No table can be seen there.",
                code="database_empty",
                remedy="Check the schema's name and what the connection's user may read.",
            )
        return told + found

    def _schemas(self, there: Iterable[str]) -> list[str]:
        """Return the schemas to read: the one that was named, else the connection's own."""
        if self._place.schema_name is not None:
            return [self._place.schema_name]
        for own in _OWN_SCHEMAS:
            try:
                rows = ask(self, own)[1]
            except SourceUnreadable:
                continue
            found = [_word(row[0]) for row in rows if row[0] is not None]
            if found:
                return [one for one in found if one.lower() not in _SYSTEM]
        return sorted({one for one in there if one.lower() not in _SYSTEM})

    def cells(self, description: Sequence[Sequence[Any]]) -> str:
        """Return that all columns arrive as they are."""
        del description
        return "*"

    def scan(self) -> FileScan:
        """Return that there are no bytes to know."""
        return NO_SCAN

    def refused(self, error: BaseException, table: str = "") -> BridgeworkError:
        """Return what a person is told, by what the driver raised."""
        said = self._driver.said(error)
        if said is Said.AWAY:
            return self._away()
        if said is Said.LOGIN:
            return self._login_refused()
        return SourceUnreadable(
            f"{PurePath(self.file).name}: the database refuses to read {table or 'its tables'}.",
            code=REFUSED,
            file=table or self.file,
            remedy="Check the names in the file and what the connection's user may read.",
        )

    def _away(self) -> SourceUnavailable:
        return SourceUnavailable(
            f"The source database behind connection {self._place.connection} does not answer.",
            connection=self._place.connection,
        )

    def _login_refused(self) -> ConfigurationError:
        name = self._place.connection
        return ConfigurationError(
            f"Connection {name}: the driver or the server refuses it as it is set.",
            code="database_connection_refused",
            connection=name,
            remedy=f"Check driver, connect and dsn of {name} in EXTRACTOR_DATABASES.",
        )


def _shown(path: Sequence[str]) -> str:
    return f"{'.'.join(path)} (database)"


def _word(value: Any) -> str:
    """Return a name of the catalogue; some drivers give bytes."""
    return (
        bytes(value).decode("utf-8", "replace")
        if isinstance(value, bytes | bytearray)
        else str(value)
    )
