"""Brings a schema to what this code expects: numbered SQL files, each applied exactly once.

Files are named ``NNNN_pre_what.sql`` (safe while old code still runs) or ``NNNN_post_what.sql``
(only after the old code is gone) and are applied in the order of their numbers. Several processes
may start at once: one applies under an advisory lock, the others wait and find nothing to do.

A schema is put together from parts, each with its own numbering: shared tables that come with a
library (outbox, leases, runs) and the service's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import structlog

from bridgework_store.errors import StoreContended, StoreMisconfigured, translate_errors
from bridgework_store.names import advisory_key, quote_identifier
from bridgework_store.pool import Connection, Pool, session_lock

log = structlog.get_logger(__name__)

_FILE = re.compile(r"^(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql$")
_POLL_S = 0.1
_LOCK_ATTEMPTS = 5
_LONGEST_FILE_S = 6 * 3600.0

Phase = Literal["all", "pre"]


@dataclass(frozen=True, slots=True)
class SchemaPart:
    """Tables that belong together, with the folder of their migration files."""

    name: str
    path: Path | Traversable


@dataclass(frozen=True, slots=True)
class Migration:
    """One file, read."""

    part: str
    number: int
    name: str
    phase: str
    sql: str
    checksum: str


async def migrate(
    pool: Pool,
    *,
    schema: str,
    path: Path | Traversable,
    parts: Sequence[SchemaPart] = (),
    phase: Phase = "all",
    lock_timeout_s: float = 5.0,
    wait_s: float = 120.0,
) -> list[str]:
    """Make ``schema`` exist and hold every migration of ``parts`` and then of ``path``.

    Inside a file the schema is first in the search path, so its statements name tables without it.
    Each file is one transaction together with the note that it was applied.

    Args:
        pool: From :func:`bridgework_store.pool.open_pool`.
        schema: The schema to create or bring up to date; also holds the table ``migrations``.
        path: Folder of the service's own files.
        parts: Shared parts, applied first, in this order.
        phase: ``pre`` leaves ``post`` files pending (a rolling upgrade), except in a schema in
            which nothing of the part was ever applied: there is no old code to protect there.
        lock_timeout_s: How long a file may queue behind others' locks before it is tried again.
        wait_s: How long to wait for another process that is migrating the same schema.

    Returns:
        What was applied now, ``part/file`` in order; empty when everything was there already.

    Raises:
        StoreMisconfigured: an applied file was changed; a number is used twice or was added below
            one already applied; a ``pre`` file waits behind a pending ``post`` file.
        StoreContended: others' locks, or another migrating process, lasted too long.

    Idempotent: yes.
    """
    plan = [read_migrations(part.name, part.path) for part in parts]
    plan.append(read_migrations("own", path))
    quoted = quote_identifier(schema)
    applied_now: list[str] = []
    with translate_errors():
        async with pool.acquire() as connection, _alone(connection, schema, wait_s):
            await _create_ledger(connection, quoted)
            for migrations in plan:
                pending = await _pending(connection, quoted, migrations, phase)
                for migration in pending:
                    await _apply_patiently(connection, quoted, migration, lock_timeout_s)
                    applied_now.append(f"{migration.part}/{migration.name}")
                    log.info("migration_applied", schema=schema, migration=migration.name)
    return applied_now


def read_migrations(part: str, path: Path | Traversable) -> list[Migration]:
    """Read the files of one folder in the order of their numbers.

    Raises:
        StoreMisconfigured: a file name that does not follow the pattern, or a number used twice.
    """
    found: dict[int, Migration] = {}
    for entry in sorted(path.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".sql"):
            continue
        match = _FILE.match(entry.name)
        if match is None:
            raise _refused(part, entry.name, "is not named NNNN_pre_what.sql or NNNN_post_what.sql")
        number = int(match["number"])
        if number in found:
            raise _refused(part, entry.name, f"has the number of {found[number].name}")
        sql = entry.read_text(encoding="utf-8").replace("\r\n", "\n")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        found[number] = Migration(part, number, entry.name, match["phase"], sql, checksum)
    return [found[number] for number in sorted(found)]


async def _create_ledger(connection: Connection, quoted: str) -> None:
    await connection.execute(
        f"""
        create schema if not exists {quoted};
        create table if not exists {quoted}.migrations (
          part text not null,
          number int not null,
          name text not null,
          checksum text not null,
          applied_at timestamptz not null default clock_timestamp(),
          constraint migrations_pk primary key (part, number)
        )
        """
    )


async def _pending(
    connection: Connection, quoted: str, migrations: list[Migration], phase: Phase
) -> list[Migration]:
    """Return what is still to apply, after checking what was applied against the files."""
    if not migrations:
        return []
    part = migrations[0].part
    rows = await connection.fetch(
        f"select number, checksum from {quoted}.migrations where part = $1", part
    )
    applied: dict[int, str] = {row["number"]: row["checksum"] for row in rows}
    newest = max(applied, default=-1)
    pending: list[Migration] = []
    held_back: Migration | None = None
    for migration in migrations:
        checksum = applied.get(migration.number)
        if checksum is not None:
            if checksum != migration.checksum:
                raise _refused(
                    part,
                    migration.name,
                    f"was changed after it was applied (was {checksum[:12]}, is "
                    f"{migration.checksum[:12]}): restore it and add a new file instead",
                )
        elif migration.number < newest:
            raise _refused(
                part, migration.name, f"is new but number {newest:04d} was applied already"
            )
        elif phase == "pre" and migration.phase == "post" and applied:
            held_back = held_back or migration
        elif held_back is not None:
            raise _refused(
                part, migration.name, f"waits behind {held_back.name}: run the post phase first"
            )
        else:
            pending.append(migration)
    return pending


async def _apply_patiently(
    connection: Connection, quoted: str, migration: Migration, lock_timeout_s: float
) -> None:
    # A DDL statement that queues for its lock makes everyone behind it queue as well, so it must
    # give up soon and try again rather than wait.
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            with translate_errors():
                await _apply(connection, quoted, migration, lock_timeout_s)
        except StoreContended:
            if attempt == _LOCK_ATTEMPTS:
                raise
            log.warning("migration_waited_for_lock", migration=migration.name, attempt=attempt)
            await asyncio.sleep(lock_timeout_s * attempt / _LOCK_ATTEMPTS)
        else:
            return


async def _apply(
    connection: Connection, quoted: str, migration: Migration, lock_timeout_s: float
) -> None:
    async with connection.transaction():
        await connection.execute(
            f"set local search_path to {quoted}, public; set local statement_timeout to 0; "
            f"set local lock_timeout to {int(lock_timeout_s * 1000)}"
        )
        await connection.execute(migration.sql, timeout=_LONGEST_FILE_S)
        await connection.execute(
            f"insert into {quoted}.migrations (part, number, name, checksum) "
            "values ($1, $2, $3, $4)",
            migration.part,
            migration.number,
            migration.name,
            migration.checksum,
        )


@asynccontextmanager
async def _alone(connection: Connection, schema: str, wait_s: float) -> AsyncIterator[None]:
    """Hold the schema's migration lock for the length of a block.

    Polled rather than waited for: a waiting statement would run into its own time limits.
    """
    key = advisory_key("migrate", schema)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        async with session_lock(connection, key) as mine:
            if mine:
                yield
                return
        if loop.time() >= deadline:
            raise StoreContended(
                f"Schema {schema} has been migrated by another process for {wait_s:.0f} s.",
                code="migration_lock_held",
                schema=schema,
            )
        await asyncio.sleep(_POLL_S)


def _refused(part: str, name: str, what: str) -> StoreMisconfigured:
    return StoreMisconfigured(
        f"Migration {part}/{name} {what}.", code="migration_refused", part=part, migration=name
    )
