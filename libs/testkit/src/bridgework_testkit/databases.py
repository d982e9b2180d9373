"""Databases of one test: created empty or as a copy of a prepared template, dropped afterwards."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg


class Databases:
    """Creates databases on one server.

    Args:
        admin_dsn: Connection of a role that may create databases.
    """

    def __init__(self, admin_dsn: str) -> None:
        self._admin_dsn = admin_dsn
        self._templates: dict[str, str] = {}

    async def create(self, *, template: str | None = None) -> str:
        """Create a database and return its dsn.

        Args:
            template: Name given to :meth:`prepare_template`; ``None`` is an empty database.
        """
        name = f"test_{uuid4().hex[:20]}"
        source = self._templates[template] if template is not None else "template0"
        await self._administer(f'create database "{name}" template "{source}"')
        return self.dsn_of(name)

    async def prepare_template(
        self, template: str, prepare: Callable[[str], Awaitable[None]]
    ) -> None:
        """Create a template once per session; ``prepare`` gets its dsn and must disconnect."""
        if template in self._templates:
            return
        name = f"template_{uuid4().hex[:20]}"
        await self._administer(f'create database "{name}" template template0')
        await prepare(self.dsn_of(name))
        self._templates[template] = name

    async def drop(self, dsn: str) -> None:
        """Drop a database, whoever is still connected to it."""
        name = urlsplit(dsn).path.lstrip("/")
        await self._administer(f'drop database if exists "{name}" with (force)')

    async def drop_templates(self) -> None:
        """Drop every template."""
        for name in self._templates.values():
            await self._administer(f'drop database if exists "{name}" with (force)')
        self._templates.clear()

    def dsn_of(self, name: str) -> str:
        """Return the dsn of a database of this server."""
        return urlunsplit(urlsplit(self._admin_dsn)._replace(path=f"/{name}"))

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._admin_dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
