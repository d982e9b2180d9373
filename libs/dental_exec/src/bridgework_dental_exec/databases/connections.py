"""The operator's connections to restored databases, and who may read which.

An export names a connection; how to reach it, with which password, and which tenants may, is said
by whoever runs the extractor (``EXTRACTOR_DATABASES``).
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from bridgework_contracts.errors import ConfigurationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue, Secret, SecretStr, StringConstraints

from bridgework_dental_exec.databases.database import Database, Mark, SqlDialect
from bridgework_dental_exec.databases.drivers import Driver, load_driver
from bridgework_dental_exec.databases.files import DatabaseFile
from bridgework_dental_exec.databases.place import CONNECTION_NAME, NamedDatabase, place_refused
from bridgework_dental_exec.databases.servers import DatabaseServer

ConnectionName = Annotated[str, StringConstraints(pattern=CONNECTION_NAME)]


class ConnectionSettings(BaseModel):
    """How one restored database is reached; everything about it is secret but its driver."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    driver: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,99}$",
        description="DB-API module, e.g. pg8000.dbapi or pyodbc.",
    )
    connect: Secret[dict[str, JsonValue]] = Field(
        default=Secret({}), description="Keyword arguments of its connect()."
    )
    dsn: SecretStr | None = Field(
        default=None, description="First argument of its connect(), e.g. pyodbc's string."
    )
    tenants: frozenset[str] | Literal["*"] = Field(
        default=frozenset(), description="Tenants that may read it; * for all of them."
    )
    parallel: int = Field(default=2, ge=1, le=16, description="Connections used at a time.")
    quote: str | None = Field(
        default=None, min_length=1, max_length=2, description="Quotes names where not as usual."
    )
    placeholder: Mark | None = Field(
        default=None, description="Parameter mark where the driver's own is not right."
    )


class Connections:
    """Connections that may be used here, by name."""

    def __init__(self, configured: Mapping[str, ConnectionSettings] | None = None) -> None:
        self._configured = dict(configured or {})

    def for_tenant(self, tenant_id: str) -> "Connections":
        """Return what a tenant may read; to it, the others are not there."""
        return Connections(
            {
                name: one
                for name, one in self._configured.items()
                if one.tenants == "*" or tenant_id in one.tenants
            }
        )

    def check(self) -> None:
        """See that every driver is there; nothing is connected.

        Raises:
            ConfigurationError: A driver is not installed, or is none.
        """
        for name in self._configured:
            self._driver(name)

    def opened(self, database: DatabaseFile | NamedDatabase | None) -> Database | None:
        """Return an export's database, ready to be asked; a server is not asked yet.

        Raises:
            SourceUnreadable: The export names a connection that is not there for this tenant.
            ConfigurationError: The connection's driver is not installed.
        """
        if database is None or isinstance(database, DatabaseFile):
            return database
        name = database.place.connection
        settings = self._configured.get(name)
        if settings is None:
            raise place_refused(
                database.file,
                "connection",
                "There is no connection of this name for this practice.",
                code="database_connection_unknown",
                remedy="Name a connection the operator has set for this practice, or ask for one.",
            )
        driver = self._driver(name)
        return DatabaseServer(
            named=database,
            driver=driver,
            dialect=SqlDialect(settings.placeholder or driver.mark, settings.quote or driver.quote),
            arguments=(settings.dsn,) if settings.dsn is not None else (),
            keywords=settings.connect,
            parallel=settings.parallel,
        )

    def _driver(self, name: str) -> Driver:
        try:
            return load_driver(self._configured[name].driver)
        except ConfigurationError as exc:
            raise ConfigurationError(
                f"Connection {name}: {exc}", code=exc.code, **{"remedy": "", **exc.details}
            ) from exc
