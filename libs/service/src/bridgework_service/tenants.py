"""Who the tenants are, and the key that reads their data.

The table is written by control only and read by every service. A tenant's data key is stored
wrapped by the master key; its Zoho connection is stored sealed by the data key. Destroying the
wrapped key erases the tenant everywhere at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import structlog
from bridgework_contracts.errors import ConfigurationError, TerminalError, TransientError
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import check_tenant_id, parse_topic
from bridgework_store.errors import ConstraintViolated, translate_errors
from bridgework_store.migrations import migrate
from bridgework_store.pool import Pool
from bridgework_store.sealing import (
    MasterKey,
    TenantSealer,
    WrappedKey,
    new_tenant_key,
    rewrap,
    unwrap,
)
from bridgework_store.statements import Statements

log = structlog.get_logger(__name__)

SCHEMA = "tenancy"
POLL_S = 1.0


class TenantStatus(StrEnum):
    """Whether a tenant's work goes on."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Services stop serving it; nothing is lost."""
    CLOSED = "closed"
    """Its key was destroyed; there is no way back."""


class TenantUnknown(TerminalError):
    """No tenant has this id, or it is not served by this process."""

    default_code = "tenant_unknown"


class TenantExists(TerminalError):
    """A tenant with this id exists already, or existed: ids are never used again."""

    default_code = "tenant_exists"


class TenantClosed(TerminalError):
    """The tenant's key was destroyed: its data cannot be read any more."""

    default_code = "tenant_closed"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One practice and its one Zoho org, with what it takes to work for it.

    Attributes:
        zoho: How to reach the org, opened; ``None`` until control stores it. Holds secrets.
        partitions: Of its topics; never changes.
        config_version: Grows when ``zoho``, ``time_zone`` or ``settings`` change.
    """

    tenant_id: TenantId
    display_name: str = field(repr=False)
    time_zone: str
    partitions: int
    settings: dict[str, Any]
    status: TenantStatus
    config_version: int
    created_at: datetime
    updated_at: datetime
    sealer: TenantSealer = field(repr=False)
    zoho: dict[str, Any] | None = field(repr=False)


async def migrate_tenancy(pool: Pool) -> None:
    """Make the schema ``tenancy`` exist; every service may call this at its start."""
    await migrate(pool, schema=SCHEMA, path=files("bridgework_service").joinpath("migrations"))


class TenantDirectory:
    """Reads and, in control, writes tenants.

    Args:
        pool: Any pool on the database that holds ``tenancy``.
        master_key: Opens tenants' keys.
    """

    def __init__(self, pool: Pool, master_key: MasterKey) -> None:
        self._pool = pool
        self._master = master_key
        self._sql = Statements.load("bridgework_service", "sql/tenants.sql")
        self._sealers: dict[TenantId, TenantSealer] = {}

    async def list(self) -> tuple[Tenant, ...]:
        """Return every tenant that is not closed, oldest first."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.select_tenants)
        return tuple(self._tenant(row) for row in rows)

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Return one tenant, as it is now.

        Raises:
            TenantUnknown: there is none.
            TenantClosed: its key was destroyed.
            UnsealFailed: its key was wrapped by a master key this process does not have.
        """
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.select_tenant, tenant_id)
        if row is None:
            raise _unknown(tenant_id)
        return self._tenant(row)

    async def create(
        self,
        tenant_id: str,
        display_name: str,
        *,
        time_zone: str,
        partitions: int,
        zoho: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Tenant:
        """Add a tenant with a fresh data key. Control only.

        Raises:
            ContractViolation: the id is not 1-48 lower-case letters, digits and inner dashes.
            ConfigurationError: an unknown time zone.
            TenantExists: the id is or was in use.
        """
        checked = check_tenant_id(tenant_id)
        _check_time_zone(time_zone)
        wrapped = new_tenant_key(self._master, checked.encode())
        sealer = TenantSealer(unwrap(self._master, wrapped, checked.encode()))
        try:
            with translate_errors():
                row = await self._pool.fetchrow(
                    self._sql.insert_tenant,
                    checked,
                    display_name,
                    wrapped,
                    _seal_zoho(sealer, checked, zoho),
                    time_zone,
                    partitions,
                    dict(settings or {}),
                )
        except ConstraintViolated as exc:
            if exc.constraint == "tenants_pk":
                raise TenantExists(
                    f"Tenant {checked} exists or existed; choose another id.", tenant_id=checked
                ) from exc
            raise
        if row is None:
            raise _unknown(checked)
        log.info("tenant_created", tenant_id=checked, partitions=partitions)
        return self._tenant(row)

    async def update(
        self,
        tenant_id: TenantId,
        *,
        display_name: str | None = None,
        zoho: Mapping[str, Any] | None = None,
        time_zone: str | None = None,
        settings: Mapping[str, Any] | None = None,
        status: TenantStatus | None = None,
    ) -> Tenant:
        """Change what is given and keep the rest; ``settings`` are replaced whole. Control only.

        Raises:
            TenantUnknown, TenantClosed: as :meth:`get`.
            ConfigurationError: an unknown time zone, or status ``closed`` (see ``destroy_key``).
        """
        if status is TenantStatus.CLOSED:
            raise ConfigurationError("A tenant is closed by destroying its key.", code="status")
        if time_zone is not None:
            _check_time_zone(time_zone)
        before = await self.get(tenant_id)
        with translate_errors():
            row = await self._pool.fetchrow(
                self._sql.update_tenant,
                tenant_id,
                display_name,
                _seal_zoho(before.sealer, tenant_id, zoho),
                time_zone,
                dict(settings) if settings is not None else None,
                status,
            )
        if row is None:
            raise _closed(tenant_id)
        log.info("tenant_updated", tenant_id=tenant_id, version=row["config_version"])
        return self._tenant(row)

    async def destroy_key(self, tenant_id: TenantId) -> None:
        """Erase a tenant for good: every sealed value of it, wherever it lies, becomes noise.

        Running services drop the key within about a second (see :meth:`watch`). Control only.

        Raises:
            TenantUnknown: there is none.

        Idempotent: yes.
        """
        with translate_errors():
            found = await self._pool.fetchval(self._sql.destroy_key, tenant_id)
        self._sealers.pop(tenant_id, None)
        if found is None:
            raise _unknown(tenant_id)
        log.warning("tenant_key_destroyed", tenant_id=tenant_id)

    async def rewrap_keys(self) -> int:
        """Wrap every key by the current master key; return how many were not. Control only.

        Afterwards the previous master keys can leave the settings.
        """
        rewrapped = 0
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                for row in await connection.fetch(self._sql.select_wrapped_keys):
                    wrapped = WrappedKey(row["wrapped_data_key"])
                    if self._master.is_current(wrapped):
                        continue
                    again = rewrap(self._master, wrapped, row["tenant_id"].encode())
                    await connection.execute(self._sql.update_wrapped_key, row["tenant_id"], again)
                    rewrapped += 1
        log.info("tenant_keys_rewrapped", count=rewrapped)
        return rewrapped

    def sealer_for(self, topic: str) -> TenantSealer:
        """Return the sealer of the tenant a topic belongs to; for ``SealedLog`` and the outbox.

        Needs no I/O, so the tenant must have been read by this directory before.

        Raises:
            TenantUnknown: it was not, or its key was destroyed meanwhile.
        """
        tenant_id, _ = parse_topic(topic)
        try:
            return self._sealers[tenant_id]
        except KeyError:
            raise _unknown(tenant_id) from None

    async def sealer(self, tenant_id: TenantId) -> TenantSealer:
        """Return a tenant's sealer, from memory if it was read before.

        Raises:
            TenantUnknown, TenantClosed, UnsealFailed: as :meth:`get`.
        """
        known = self._sealers.get(tenant_id)
        return known if known is not None else (await self.get(tenant_id)).sealer

    async def watch(self, stop: asyncio.Event) -> AsyncIterator[set[TenantId]]:
        """Yield the ids of active tenants: once at first, then whenever the set changes."""
        seen: set[TenantId] | None = None
        async for versions in self.watch_versions(stop):
            active = set(versions)
            if active != seen:
                seen = active
                yield active

    async def watch_versions(self, stop: asyncio.Event) -> AsyncIterator[dict[TenantId, int]]:
        """Yield active tenants with their ``config_version``: at first, then at each change.

        Polls every second; while PostgreSQL does not answer, nothing changes. Destroyed keys are
        dropped from memory.
        """
        seen: dict[TenantId, int] | None = None
        while not stop.is_set():
            try:
                with translate_errors():
                    rows = await self._pool.fetch(self._sql.select_versions)
            except TransientError as exc:
                log.warning("tenants_not_read", code=exc.code)
            else:
                versions: dict[TenantId, int] = {}
                for row in rows:
                    tenant_id = TenantId(row["tenant_id"])
                    if row["status"] == TenantStatus.ACTIVE:
                        versions[tenant_id] = row["config_version"]
                    elif row["status"] == TenantStatus.CLOSED:
                        self._sealers.pop(tenant_id, None)
                if versions != seen:
                    seen = versions
                    yield dict(versions)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await stop.wait()

    def _tenant(self, row: asyncpg.Record) -> Tenant:
        tenant_id = TenantId(row["tenant_id"])
        if row["wrapped_data_key"] is None:
            self._sealers.pop(tenant_id, None)
            raise _closed(tenant_id)
        sealer = self._sealers.get(tenant_id)
        if sealer is None:
            wrapped = WrappedKey(row["wrapped_data_key"])
            sealer = TenantSealer(unwrap(self._master, wrapped, tenant_id.encode()))
            self._sealers[tenant_id] = sealer
        sealed_zoho = row["zoho_connection"]
        return Tenant(
            tenant_id=tenant_id,
            display_name=row["display_name"],
            time_zone=row["time_zone"],
            partitions=row["partitions"],
            settings=row["settings"],
            status=TenantStatus(row["status"]),
            config_version=row["config_version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            sealer=sealer,
            zoho=(
                None
                if sealed_zoho is None
                else orjson.loads(sealer.open(sealed_zoho, _zoho_aad(tenant_id)))
            ),
        )


def _zoho_aad(tenant_id: TenantId) -> bytes:
    return b"tenancy.tenants.zoho_connection\x00" + tenant_id.encode()


def _seal_zoho(
    sealer: TenantSealer, tenant_id: TenantId, zoho: Mapping[str, Any] | None
) -> bytes | None:
    if zoho is None:
        return None
    return sealer.seal(orjson.dumps(dict(zoho)), _zoho_aad(tenant_id))


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError) as exc:
        raise ConfigurationError(
            "The time zone is not an IANA name such as America/New_York.", code="time_zone"
        ) from exc


def _unknown(tenant_id: TenantId) -> TenantUnknown:
    return TenantUnknown(f"Tenant {tenant_id} is not known here.", tenant_id=tenant_id)


def _closed(tenant_id: TenantId) -> TenantClosed:
    return TenantClosed(f"Tenant {tenant_id} is closed: its key is gone.", tenant_id=tenant_id)
