"""Where the tables of this package come from."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from bridgework_store.migrations import migrate
from bridgework_store.pool import Pool

SCHEMA = "zoho_org"


def migrations_path() -> Traversable:
    """Folder of the numbered SQL files, for ``bridgework_store.migrations.migrate``."""
    return files("bridgework_zoho_org") / "migrations"


async def migrate_zoho_org(pool: Pool, *, schema: str = SCHEMA) -> list[str]:
    """Bring the schema up to date; returns what was applied. Idempotent: yes."""
    return await migrate(pool, schema=schema, path=migrations_path())
