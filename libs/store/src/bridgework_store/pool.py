"""The one way into PostgreSQL: a pool with time limits, JSON and our own errors at its border.

Everything a service asks of PostgreSQL goes through the pool opened here. Three clocks guard each
statement: the server's ``statement_timeout`` (a slow query), its ``lock_timeout`` (a queue behind a
lock) and the client's ``command_timeout`` (a server that went silent).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)

from bridgework_store.errors import translate_errors

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

__all__ = [
    "Connection",
    "Pool",
    "StoreSettings",
    "open_pool",
    "session_lock",
    "translate_errors",
]

_CLIENT_GRACE_S = 5.0
"""How much later than the server the client gives up: the server's own message says more."""

_JSONB_VERSION = b"\x01"


class StoreSettings(BaseModel):
    """How to reach PostgreSQL and how long to wait for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database")
    min_size: NonNegativeInt = 1
    max_size: PositiveInt = Field(
        default=10, description="Connections of one pool; an outbox relay keeps one to itself."
    )
    connect_timeout_s: PositiveFloat = 10.0
    statement_timeout_s: PositiveFloat = 30.0
    lock_timeout_s: PositiveFloat = 10.0
    idle_in_transaction_timeout_s: PositiveFloat = Field(
        default=60.0, description="A transaction left open holds back vacuum for every tenant."
    )
    close_timeout_s: PositiveFloat = 5.0
    application_name: str = Field(
        default="bridgework", description="Shown in pg_stat_activity; services put their name here."
    )


@asynccontextmanager
async def open_pool(settings: StoreSettings) -> AsyncIterator[Pool]:
    """Open a pool; close it at the end, gently at first, then by cutting its connections.

    Every connection speaks ``jsonb`` as Python objects (through orjson), keeps its session in UTC
    and carries the time limits of ``settings``.

    Raises:
        StoreUnavailable: no server answered within ``connect_timeout_s``.
        StoreMisconfigured: the server refused the user, the password or the database name.
    """
    with translate_errors():
        pool: Pool = await asyncpg.create_pool(
            settings.dsn.get_secret_value(),
            min_size=min(settings.min_size, settings.max_size),
            max_size=settings.max_size,
            timeout=settings.connect_timeout_s,
            command_timeout=settings.statement_timeout_s + _CLIENT_GRACE_S,
            init=_prepare_connection,
            server_settings={
                "application_name": settings.application_name,
                "statement_timeout": _milliseconds(settings.statement_timeout_s),
                "lock_timeout": _milliseconds(settings.lock_timeout_s),
                "idle_in_transaction_session_timeout": _milliseconds(
                    settings.idle_in_transaction_timeout_s
                ),
                "timezone": "UTC",
                # Compiling a plan costs more than any of our short statements.
                "jit": "off",
                # A plan made while a table was small is kept for ever otherwise, and scans the
                # table for each batch of keys once it has grown.
                "plan_cache_mode": "force_custom_plan",
            },
            reset=_nothing_to_reset,
        )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(settings.close_timeout_s):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def session_lock(connection: Connection, key: int) -> AsyncIterator[bool]:
    """Hold an advisory lock of a connection's session; yield whether it was free.

    It ends with the block, with the connection, and with the process; where it cannot be given
    back the connection is cut, so that none returns to the pool with a lock.
    """
    try:
        held = await connection.fetchval("select pg_try_advisory_lock($1)", key)
    except BaseException:
        connection.terminate()  # the answer may have been yes
        raise
    try:
        yield held
    finally:
        if held and not connection.is_closed():
            try:
                await connection.execute("select pg_advisory_unlock($1)", key)
            except BaseException:
                connection.terminate()
                raise


async def _nothing_to_reset(_connection: object) -> None:
    """Spare each release a round trip: nobody changes a session but :func:`session_lock`."""


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _prepare_connection(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _encode_jsonb(value: Any) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _decode_jsonb(value: bytes) -> Any:
    return orjson.loads(value[1:])
