"""A TCP proxy between a client and its server that fails on command.

Put it in front of PostgreSQL, an HTTP server, anything with one address. (Not in front of Kafka:
clients learn the brokers' own addresses from the first answer and go around it.)
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536


class FaultProxy:
    """Forwards bytes to ``host:port`` until told otherwise.

    Attributes:
        port: Where it listens, on 127.0.0.1; kept across ``cut`` and ``restore``.
        delay_s: Pause before each chunk is passed on, in both directions.
        connections: How many connections were accepted so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._is_cut = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.delay_s = 0.0
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self._hang_up()

    async def cut(self) -> None:
        """Close every connection, and every new one as soon as it is made."""
        self._is_cut = True
        await self._hang_up()

    def freeze(self) -> None:
        """Pass nothing on, close nothing: the silence of a dead network."""
        self._flowing.clear()

    def restore(self) -> None:
        """Forward again, without delay; bytes held by ``freeze`` go on."""
        self._is_cut = False
        self.delay_s = 0.0
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._is_cut:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        both = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        self._pipes.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)
            self._pipes.difference_update(both)
            for end in (writer, far_writer):
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._flowing.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()

    async def _hang_up(self) -> None:
        pipes = list(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        if pipes:
            await asyncio.wait(pipes)
