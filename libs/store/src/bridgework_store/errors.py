"""PostgreSQL's errors in our words, translated where they enter.

::

    TransientError
    ├── StoreUnavailable      no server, a cut connection, a full server (from contracts)
    └── StoreContended        deadlock, serialisation failure, lock or statement timeout
    TerminalError
    ├── ConstraintViolated    carries the constraint's name, which is what callers match on
    └── StatementRefused      a value PostgreSQL cannot take
    ConfigurationError
    └── StoreMisconfigured    wrong user, password or database; a changed migration
    BridgeworkError
    └── StoreDefect           a statement that can never work: our bug, the process stops

PostgreSQL and asyncpg write row values into their messages. Neither is copied here: our texts hold
the SQLSTATE and the names of constraint, table and column only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg import exceptions as pg
from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    StoreUnavailable,
    TerminalError,
    TransientError,
)

__all__ = [
    "ConstraintViolated",
    "StatementRefused",
    "StoreContended",
    "StoreDefect",
    "StoreMisconfigured",
    "StoreUnavailable",
    "translate_errors",
]


class StoreContended(TransientError):
    """Others were faster: the transaction was rolled back or waited too long. Try it again."""

    default_code = "store_contended"


class ConstraintViolated(TerminalError):
    """A row breaks a constraint; ``constraint`` is its name, ``table`` where it stands."""

    default_code = "constraint_violated"

    def __init__(self, *, constraint: str, table: str, sqlstate: str) -> None:
        super().__init__(
            f"Constraint {constraint or 'without name'} of table {table} refused a row.",
            constraint=constraint,
            table=table,
            sqlstate=sqlstate,
        )
        self.constraint = constraint
        self.table = table


class StatementRefused(TerminalError):
    """PostgreSQL cannot take a value of this statement (its range, its form, its size)."""

    default_code = "statement_refused"


class StoreMisconfigured(ConfigurationError):
    """PostgreSQL will not do what the settings or the shipped SQL ask for."""

    default_code = "store_misconfigured"


class StoreDefect(BridgeworkError):
    """A statement that can never work, or a misuse of the client: a bug of ours."""

    default_code = "store_defect"


_UNREACHABLE = (
    pg.PostgresConnectionError,
    pg.CannotConnectNowError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.DatabaseDroppedError,
    pg.IdleSessionTimeoutError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.InsufficientResourcesError,
    # A standby, before or after a failover: a later connection finds the primary.
    pg.ReadOnlySQLTransactionError,
    # The client lost its place in the protocol: seen when a session is ended by the server just as
    # a statement begins. The connection is useless, another one is not.
    pg.InternalClientError,
    OSError,
    TimeoutError,
)
_CONTENDED = (pg.TransactionRollbackError, pg.LockNotAvailableError, pg.QueryCanceledError)
_MISCONFIGURED = (
    pg.InvalidAuthorizationSpecificationError,
    pg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)
_REFUSED = (pg.DataError, pg.ProgramLimitExceededError)
_TRANSLATED = (asyncpg.PostgresError, asyncpg.InterfaceError, pg.InternalClientError, OSError)
# TimeoutError is an OSError, so what the client's own clocks raise is in the last one.

_SIGNS_OF_A_CUT = ("is closed", "is closing", "was closed", "has been released back to the pool")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Let no exception of asyncpg out of the block, only ours, chained to their cause.

    Errors of other kinds pass unchanged, so a whole transaction with its logic may stand inside;
    but not file or network I/O, whose ``OSError`` would be taken for PostgreSQL's.

    Raises:
        StoreUnavailable: the server is not there, is starting, stopping or full.
        StoreContended: the transaction lost against another and may be tried again.
        ConstraintViolated: with the constraint's name.
        StatementRefused: a value out of range or of the wrong form.
        StoreMisconfigured: wrong user, password, database or connection string.
        StoreDefect: everything else PostgreSQL refuses.
    """
    try:
        yield
    except _TRANSLATED as exc:
        raise _translated(exc) from exc


def _translated(exc: Exception) -> BridgeworkError:
    state = str(getattr(exc, "sqlstate", None) or type(exc).__name__)
    if isinstance(exc, _MISCONFIGURED):
        return StoreMisconfigured(
            f"PostgreSQL refused the connection ({state}): check user, password and database.",
            sqlstate=state,
        )
    if isinstance(exc, _UNREACHABLE) or _is_closed(exc):
        return StoreUnavailable(f"PostgreSQL does not answer ({state}).", sqlstate=state)
    if isinstance(exc, _CONTENDED):
        return StoreContended(
            f"PostgreSQL gave up the statement in favour of others ({state}).", sqlstate=state
        )
    if isinstance(exc, pg.IntegrityConstraintViolationError):
        return ConstraintViolated(
            constraint=str(getattr(exc, "constraint_name", None) or ""),
            table=f"{getattr(exc, 'schema_name', '')}.{getattr(exc, 'table_name', '')}",
            sqlstate=state,
        )
    if isinstance(exc, _REFUSED):
        return StatementRefused(
            f"PostgreSQL cannot take a value of this statement ({state}).", sqlstate=state
        )
    return StoreDefect(f"PostgreSQL can never execute this statement ({state}).", sqlstate=state)


def _is_closed(exc: Exception) -> bool:
    # asyncpg has no class of its own for touching a connection or pool that was cut or closed
    # meanwhile (a transaction does so when it rolls back after the cut): only its fixed texts tell
    # that from a misuse of the interface.
    text = str(exc)
    return isinstance(exc, asyncpg.InterfaceError) and any(sign in text for sign in _SIGNS_OF_A_CUT)
