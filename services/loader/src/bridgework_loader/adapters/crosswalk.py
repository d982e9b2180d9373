"""Source key → Zoho id, and what we last wrote there."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from bridgework_contracts.ids import RunId, TenantId
from bridgework_store.errors import translate_errors
from bridgework_store.pool import Connection, Pool
from bridgework_store.sealing import TenantSealer
from bridgework_store.statements import Statements

from bridgework_loader.domain.arrivals import Link, RecordKey
from bridgework_loader.domain.deciding import Decision


class Crosswalk:
    """One tenant's crosswalk.

    Args:
        sealer: Seals what we last wrote; bound to the record's key.
        schema: The loader's PostgreSQL schema.
    """

    def __init__(self, pool: Pool, tenant: TenantId, sealer: TenantSealer, *, schema: str) -> None:
        self._pool = pool
        self._tenant = tenant
        self._sealer = sealer
        self._sql = Statements.load("bridgework_loader", "sql/records.sql", schema=schema)

    async def links(
        self, keys: Collection[RecordKey], *, with_base: bool = False
    ) -> dict[RecordKey, Link]:
        """Find where records are in Zoho; those that are not there are absent. One query."""
        if not keys:
            return {}
        statement = self._sql.links_with_base if with_base else self._sql.links
        with translate_errors():
            rows = await self._pool.fetch(
                statement, self._tenant, [key[0] for key in keys], [key[1] for key in keys]
            )
        return {
            (row["object"], row["key"]): Link(
                row["module"],
                row["zoho_id"],
                row["fields_hash"],
                row["base"] if with_base else None,
            )
            for row in rows
        }

    def base_of(self, key: RecordKey, link: Link) -> dict[str, Any]:
        """Open what we last wrote: live name → value; empty where ``link`` came without it."""
        if link.sealed_base is None:
            return {}
        opened: dict[str, Any] = orjson.loads(
            self._sealer.open(link.sealed_base, _base_context(key))
        )
        return opened

    async def count(self, module: str) -> int:
        """Count the records of one Zoho module that we know."""
        with translate_errors():
            found: int = await self._pool.fetchval(self._sql.count_linked, self._tenant, module)
        return found

    async def kept_parents(self, run_id: RunId, zoho_ids: Collection[str]) -> set[str]:
        """Find which of these records must outlive the undo ``run_id``."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.kept_parents, run_id, list(zoho_ids))
        return {row["zoho_id"] for row in rows}

    async def apply(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        """Write and remove rows as decided, inside the caller's transaction."""
        linked = [(one.arrival, one.link) for one in decisions if one.link is not None]
        if linked:
            await connection.execute(
                self._sql.link,
                self._tenant,
                [arrival.write.object for arrival, _ in linked],
                [arrival.write.key for arrival, _ in linked],
                [link.module for _, link in linked],
                [link.zoho_id for _, link in linked],
                [link.fields_hash for _, link in linked],
                [self._seal_base(arrival.record_key, link.base) for arrival, link in linked],
                [arrival.write.run_id for arrival, _ in linked],
            )
        gone = [(one.arrival.write, one.unlink) for one in decisions if one.unlink is not None]
        if gone:
            await connection.execute(
                self._sql.unlink,
                self._tenant,
                [write.object for write, _ in gone],
                [write.key for write, _ in gone],
                [zoho_id for _, zoho_id in gone],
            )
        keeps = [(one.arrival.write.run_id, id_) for one in decisions for id_ in one.keeps]
        if keeps:
            await connection.execute(
                self._sql.keep_parents, [run for run, _ in keeps], [id_ for _, id_ in keeps]
            )

    def _seal_base(self, key: RecordKey, base: Mapping[str, Any]) -> bytes:
        return self._sealer.seal(orjson.dumps(base), _base_context(key))


def _base_context(key: RecordKey) -> bytes:
    return f"loader.crosswalk\x00{key[0]}\x00{key[1]}".encode()
