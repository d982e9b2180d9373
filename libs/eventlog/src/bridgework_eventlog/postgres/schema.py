"""The tables of the embedded log and of handling attempts."""

from importlib.resources import files

from bridgework_store.migrations import migrate
from bridgework_store.pool import Pool


async def prepare_schema(pool: Pool, schema: str = "eventlog") -> None:
    """Create or upgrade the tables. Idempotent; several processes may call it at once."""
    await migrate(pool, schema=schema, path=files("bridgework_eventlog") / "sql" / "migrations")
