"""A name that one holder at a time may act under, for as long as it keeps saying so.

A lease outlives neither its process nor its connection by more than ``ttl_s``. Every acquisition
gets a larger fencing token than the one before: a write that checks the token with
:func:`check_token` cannot come from a holder that was already replaced.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

import structlog
from bridgework_contracts.errors import TransientError

from bridgework_store.errors import translate_errors
from bridgework_store.migrations import SchemaPart
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

log = structlog.get_logger(__name__)

LEASES_PART = SchemaPart("leases", files("bridgework_store").joinpath("parts/leases"))
"""Give this to :func:`bridgework_store.migrations.migrate` to get the table."""

_POLL_S = 0.2


class LeaseHeld(TransientError):
    """Somebody else holds the lease and did not let go within the time we could wait."""

    default_code = "lease_held"


class LeaseLost(TransientError):
    """The lease ran out under its holder: whatever it did since may be undone by the next one."""

    default_code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held; ``token`` grows with every acquisition of ``name``."""

    name: str
    holder: str
    token: int


@asynccontextmanager
async def lease(
    pool: Pool,
    name: str,
    ttl_s: float,
    *,
    schema: str,
    wait_s: float | None = None,
    holder: str | None = None,
) -> AsyncIterator[Lease]:
    """Hold ``name`` for the block; renew it every third of ``ttl_s`` in the background.

    Args:
        pool: Takes a connection only for the moment of each statement.
        name: What is leased.
        ttl_s: How long after a crash the next holder has to wait.
        schema: Whose ``leases`` table.
        wait_s: How long to wait for the present holder; ``None`` waits for ever, 0 tries once.
        holder: Shown to operators; host, process and a random suffix if not given.

    Raises:
        LeaseHeld: not free within ``wait_s``.
        LeaseLost: could not be renewed in time; the block was cancelled where it stood.
    """
    sql = Statements.load("bridgework_store", "sql/leases.sql", schema=schema)
    holder = holder or default_holder()
    loop = asyncio.get_running_loop()
    give_up_at = None if wait_s is None else loop.time() + wait_s
    while True:
        asked_at = loop.time()
        with translate_errors():
            token = await pool.fetchval(sql.acquire, name, holder, ttl_s)
        if token is not None:
            break
        if give_up_at is not None and loop.time() >= give_up_at:
            raise LeaseHeld(f"Lease {name} is held by another process.", lease=name)
        await asyncio.sleep(min(_POLL_S, ttl_s / 3))
    held = Lease(name, holder, token)
    async with _kept_alive(pool, sql, held, ttl_s, asked_at):
        yield held


async def check_token(connection: Connection, held: Lease, *, schema: str) -> None:
    """Make the surrounding transaction fail if ``held`` is no longer the newest lease.

    Locks the lease's row until the transaction ends, so a new holder waits for it.

    Raises:
        LeaseLost: the lease has a newer token.
    """
    sql = Statements.load("bridgework_store", "sql/leases.sql", schema=schema)
    with translate_errors():
        token = await connection.fetchval(sql.current_token, held.name)
    if token != held.token:
        raise _lost(held)


def default_holder() -> str:
    """Return host, process id and a random suffix: unique, and readable for an operator."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"


@asynccontextmanager
async def _kept_alive(
    pool: Pool, sql: Statements, held: Lease, ttl_s: float, asked_at: float
) -> AsyncIterator[None]:
    owner = asyncio.current_task()
    if owner is None:
        msg = "a lease is held by a task"
        raise RuntimeError(msg)
    heartbeat = asyncio.create_task(
        _renew_until_lost(pool, sql, held, ttl_s, asked_at), name=f"lease {held.name}"
    )
    cancelling_before = owner.cancelling()
    lost = False

    def interrupt(_: asyncio.Task[None]) -> None:
        nonlocal lost
        lost = True
        owner.cancel()

    heartbeat.add_done_callback(interrupt)
    try:
        yield
        if lost:
            # The block ended in the same breath: let the cancellation we asked for arrive here.
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        # The same rule as asyncio.timeout: only our own cancellation becomes our own error.
        if lost and owner.uncancel() <= cancelling_before:
            raise _lost(held) from heartbeat.exception()
        raise
    finally:
        heartbeat.remove_done_callback(interrupt)
        heartbeat.cancel()
        await asyncio.wait([heartbeat])
        if not lost:
            await _release(pool, sql, held)


async def _release(pool: Pool, sql: Statements, held: Lease) -> None:
    try:
        with translate_errors():
            await pool.execute(sql.release, held.name, held.token)
    except TransientError as exc:
        # The block is done; the lease runs out by itself.
        log.warning("lease_not_released", lease=held.name, code=exc.code)


async def _renew_until_lost(
    pool: Pool, sql: Statements, held: Lease, ttl_s: float, asked_at: float
) -> None:
    """Return when the lease is lost: taken over, or not renewed for ``ttl_s`` by our own clock."""
    loop = asyncio.get_running_loop()
    runs_out_at = asked_at + ttl_s
    while True:
        await asyncio.sleep(ttl_s / 3)
        asked_at = loop.time()
        try:
            with translate_errors():
                async with asyncio.timeout_at(runs_out_at):
                    renewed = await pool.fetchval(sql.renew, held.name, held.token, ttl_s)
        except TransientError as exc:
            log.warning("lease_not_renewed", lease=held.name, code=exc.code)
            if loop.time() >= runs_out_at:
                return
        else:
            if renewed is None:
                return
            runs_out_at = asked_at + ttl_s


def _lost(held: Lease) -> LeaseLost:
    return LeaseLost(f"Lease {held.name} was lost.", lease=held.name, token=held.token)
