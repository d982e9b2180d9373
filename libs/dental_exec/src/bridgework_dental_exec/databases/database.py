"""One shape for every database an export may hold or name: a file, or a server that was restored.

What a driver says never travels: its text may hold a password or a value of a row. Each database
turns it into an error of ours, which is raised without it.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bridgework_contracts.errors import BridgeworkError

from bridgework_dental_exec.dialects import FileScan

NO_SCAN = FileScan(0, "", 0, 0, 0, 1, True, True, False, "valid")
"""Facts of a file there is none of; cells are trimmed and their line ends unified."""

REFUSED = "database_refused"
"""Code of an answer that is an error, from a server that is there."""

Mark = Literal["?", "%s", "$", ":", ":p"]
"""How a driver wants parameters: ``?``, ``%s``, ``$1``, ``:1``, or ``:p1`` by name."""


class Connection(Protocol):
    """The part of DB-API 2.0 that is used; closing without a commit rolls back."""

    def cursor(self) -> Any:
        """Return a cursor."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """One table or view of a database.

    Attributes:
        path: Its name, one part per level.
        shown: Its name in problems and provenance, e.g. ``patients (database)``.
        kind: Views and virtual tables are never read.
        ordered: Column that numbers the rows; empty where the profile's key does.
        holds: Profile table that a person said it holds; empty where its name must tell.
        columns: Its columns; empty where they have to be asked for.
    """

    path: tuple[str, ...]
    shown: str
    kind: Literal["table", "view"]
    ordered: str = ""
    holds: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SqlDialect:
    """How a driver wants names and parameters written.

    Attributes:
        mark: Its parameter mark.
        quote: Quotes names: one character, or two for opening and closing.
    """

    mark: Mark = "?"
    quote: str = '"'

    def name(self, *parts: str) -> str:
        """Return a quoted name; nothing in it can end the quotes."""
        first, last = self.quote[0], self.quote[-1]
        return ".".join(f"{first}{part.replace(last, last * 2)}{last}" for part in parts)

    def parameter(self, number: int) -> str:
        """Return the mark of a statement's n-th parameter, counted from one."""
        return self.mark if self.mark in {"?", "%s"} else f"{self.mark}{number}"

    def values(self, values: Sequence[Any]) -> Any:
        """Return parameters as the driver takes them."""
        if self.mark == ":p":
            return {f"p{number}": value for number, value in enumerate(values, start=1)}
        return tuple(values)


class Database(Protocol):
    """A database whose tables can be sealed."""

    @property
    def file(self) -> str:
        """The export's file that is or names the database."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its driver raises."""

    @property
    def dialect(self) -> SqlDialect:
        """How statements are written."""

    @property
    def parallel(self) -> int:
        """Ranges read at the same time."""

    @property
    def order(self) -> Mapping[str, str]:
        """Profile table → column that numbers its rows, as a person said."""

    @property
    def evidence(self) -> tuple[str, ...]:
        """Where its tables were read from, in sentences."""

    def held(self) -> AbstractContextManager[object]:
        """Keep open what many short connections share; errors of ours."""

    def open(self) -> Connection:
        """Open a read-only connection, in whatever thread asks; its driver's errors, or ours."""

    def tables(self) -> list[StoredTable]:
        """Return what it holds, its own bookkeeping left out; errors of ours."""

    def cells(self, description: Sequence[Sequence[Any]]) -> str:
        """Return what to select so that every column arrives, by an empty answer's description."""

    def scan(self) -> FileScan:
        """Return what is known of its bytes."""

    def refused(self, error: BaseException, table: str = "") -> BridgeworkError:
        """Return what a person is told, by what the driver raised and where."""


def ask(
    database: Database,
    sql: str,
    values: Sequence[Any] = (),
    *,
    table: str = "",
    limit: int | None = None,
) -> tuple[list[Any], list[Any]]:
    """Run one query on a connection of its own; return its description and its rows.

    With a limit one row more than that is the most that is fetched.

    Raises:
        SourceUnavailable: The database does not answer.
        SourceUnreadable: It refuses the query.
        ConfigurationError: It refuses the operator's connection.
    """
    try:
        with closing(database.open()) as connection:
            cursor = connection.cursor()
            execute(cursor, database.dialect, sql, values)
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
            return list(cursor.description), list(rows)
    except database.errors as exc:
        refusal = database.refused(exc, table)
    raise refusal  # outside the handler: the driver's text stays behind


def execute(cursor: Any, dialect: SqlDialect, sql: str, values: Sequence[Any] = ()) -> None:
    """Run a statement; without values a driver must look for no marks."""
    if values:
        cursor.execute(sql, dialect.values(values))
    else:
        cursor.execute(sql)
