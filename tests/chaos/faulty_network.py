"""A network between listeners and AWS that fails on command.

    listener --> FaultyProxy --> the server with SQS and S3

It runs on an asyncio event loop, on a port of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from struct import pack

__all__ = ('FaultyProxy',)

MAX_READ = 65_536


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset."""
    connection = writer.get_extra_info('socket')
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack('ii', 1, 0))
    writer.transport.abort()


class FaultyProxy:
    """Forwards TCP connections to a port of 127.0.0.1, unless the network fails."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._open: set[asyncio.StreamWriter] = set()
        self._works = asyncio.Event()
        self._works.set()

    async def start(self) -> str:
        """Start to listen, and return the URL of the proxy."""
        self._server = await asyncio.start_server(self._connected, '127.0.0.1', 0)
        return f'http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}'

    def close(self) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def reset_connections(self) -> None:
        """Reset every open connection, also those with a request under way."""
        for writer in list(self._open):
            _reset(writer)

    async def lose_everything(self, seconds: float) -> None:
        """Forward no byte for some time. What the network lost stays lost: connections reset."""
        self._works.clear()
        await asyncio.sleep(seconds)
        await self.reset_connections()
        self._works.set()

    async def forward_nothing(self, seconds: float) -> None:
        """Accept connections and requests for some time, as a server that does not respond."""
        self._works.clear()
        await asyncio.sleep(seconds)
        self._works.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._works.wait()
            far = await asyncio.open_connection('127.0.0.1', self._target_port)
            try:
                # The first side that closes ends both directions.
                tasks = [
                    asyncio.create_task(self._forward(reader, far[1])),
                    asyncio.create_task(self._forward(far[0], writer)),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                far[1].close()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(MAX_READ):
                await self._works.wait()
                writer.write(data)
                await writer.drain()
