"""The proxy fails exactly as told, seen by a real PostgreSQL client."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from bridgework_testkit.fault_proxy import FaultProxy


def _through(proxy: FaultProxy, dsn: str) -> str:
    parts = urlsplit(dsn)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))


async def _proxy_for(dsn: str) -> FaultProxy:
    parts = urlsplit(dsn)
    assert parts.hostname is not None
    assert parts.port is not None
    return FaultProxy(parts.hostname, parts.port)


async def test_cut_closes_and_restore_lets_new_connections_through(database: str) -> None:
    """An open connection dies, new ones fail until restored, the port stays."""
    async with await _proxy_for(database) as proxy:
        connection = await asyncpg.connect(_through(proxy, database))
        assert await connection.fetchval("select 1") == 1
        await proxy.cut()
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("select 1")
        with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
            await asyncpg.connect(_through(proxy, database), timeout=5)
        proxy.restore()
        connection = await asyncpg.connect(_through(proxy, database))
        assert await connection.fetchval("select 2") == 2
        await connection.close()
    assert proxy.connections >= 3


async def test_delay_slows_each_chunk_and_freeze_stops_all(database: str) -> None:
    """A delayed answer comes late, a frozen one only after restore, from the same connection."""
    clock = asyncio.get_running_loop().time
    async with await _proxy_for(database) as proxy:
        connection = await asyncpg.connect(_through(proxy, database))
        proxy.delay_s = 0.2
        began = clock()
        await connection.execute("select 1")
        assert clock() - began >= 0.4  # there and back
        proxy.delay_s = 0.0
        proxy.freeze()
        waiting = asyncio.create_task(connection.execute("select 2"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        proxy.restore()
        assert await asyncio.wait_for(waiting, 5) == "SELECT 1"
        await connection.close()
