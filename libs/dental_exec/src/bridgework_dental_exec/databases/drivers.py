"""DB-API drivers: found by the operator's name for them, and what their errors mean.

DB-API says little about errors, so SQLSTATE decides where a driver gives it, the driver's classes
where it does not.
"""

import importlib
import re
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, Final

from bridgework_contracts.errors import ConfigurationError

from bridgework_dental_exec.databases.database import Mark

_MARKS: Final[dict[str, Mark]] = {
    "qmark": "?",
    "format": "%s",
    "pyformat": "%s",
    "numeric": ":",
    "numeric_dollar": "$",
    "named": ":p",
}
_BACKTICKS: Final = ("pymysql", "MySQLdb", "mysql", "mariadb")
_STATE = re.compile(r"^[0-9A-Z]{5}$")
_AWAY: Final = ("08", "40", "53", "55", "57", "HYT")
"""SQLSTATE classes of a server that does not answer now; HYT is ODBC's timeout."""

_AWAY_CLASSES: Final = ("OperationalError", "InterfaceError")
_LOGIN: Final = ("28", "3D")
_GENERAL: Final = "HY000"
_LOGIN_NUMBERS: Final = frozenset({1044, 1045, 1049, 1698, 4060, 18456})
_AWAY_NUMBERS: Final = frozenset(
    {5, 6, 10, 14, 1040, 1053, 1205, 1213, *range(2000, 3000), *range(20000, 21000)}
)
"""Numbers of SQLite, MySQL and SQL Server, from drivers that give no SQLSTATE."""

_TROUBLE: Final = (OSError, ValueError, TypeError, ArithmeticError, AttributeError, LookupError)
"""What drivers raise of Python's own: broken sockets, arguments that do not fit, odd values."""


class Said(Enum):
    """What a driver's error comes down to."""

    AWAY = "away"
    LOGIN = "login"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Driver:
    """A DB-API module."""

    name: str
    module: ModuleType = field(repr=False)

    @property
    def mark(self) -> Mark:
        """Its parameter mark."""
        return _MARKS[self.module.paramstyle]

    @property
    def quote(self) -> str:
        """What quotes names: standard SQL's, except where MySQL stands behind it."""
        return "`" if self.name.split(".", 1)[0] in _BACKTICKS else '"'

    @property
    def in_process(self) -> bool:
        """True where the database lives in our process and only while a connection is open."""
        return self.name == "duckdb"

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises."""
        return (self.module.Error, *_TROUBLE)

    def said(self, error: BaseException) -> Said:
        """Return what an error comes down to."""
        given = (getattr(self.module, name, OSError) for name in _AWAY_CLASSES)
        away = isinstance(error, (OSError, *given))
        number, state = _number(error), _state(error)
        if number is not None:
            if number in _LOGIN_NUMBERS:
                return Said.LOGIN
            away = number in _AWAY_NUMBERS
        elif state:
            if state.startswith(_LOGIN):
                return Said.LOGIN
            away = state.startswith(_AWAY)
        return Said.AWAY if away else Said.REFUSED


def load_driver(name: str) -> Driver:
    """Import a DB-API module.

    Raises:
        ConfigurationError: It is not installed, or is no DB-API module.
    """
    try:
        module = importlib.import_module(name)
    except ImportError as exc:
        raise ConfigurationError(
            f"The database driver {name} is not installed. Install it beside the extractor.",
            code="database_driver_missing",
            remedy=f"Install the package of {name} where the extractor runs.",
        ) from exc
    needed = ("connect", "paramstyle", "Error")
    if not all(hasattr(module, one) for one in needed) or module.paramstyle not in _MARKS:
        raise ConfigurationError(
            f"{name} is no DB-API 2.0 module. Name the module that has connect().",
            code="database_driver_unusable",
            remedy="Name the module that has connect(), e.g. pg8000.dbapi.",
        )
    return Driver(name, module)


def _state(error: BaseException) -> str:
    """Return an error's SQLSTATE, empty where the driver gives none that says anything."""
    first: Any = error.args[0] if error.args else None
    told = [
        getattr(error, "sqlstate", None),
        getattr(error, "pgcode", None),
        first.get("C") if isinstance(first, dict) else first,
    ]
    states = (one for one in told if isinstance(one, str) and _STATE.match(one))
    return next((one for one in states if one != _GENERAL), "")


def _number(error: BaseException) -> int | None:
    """Return the server's own number of an error, ``None`` where the driver gives none."""
    if isinstance(error, OSError):
        return None
    in_sqlite = getattr(error, "sqlite_errorcode", None)
    if isinstance(in_sqlite, int):
        return in_sqlite & 0xFF
    told = [getattr(error, "errno", None), error.args[0] if error.args else None]
    return next((one for one in told if isinstance(one, int)), None)
