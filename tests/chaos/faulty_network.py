"""A network between listeners and AWS that fails on command, and an S3 that stops responding.

    listener --> FaultyProxy --> the SQS server
    listener --> FaultyStore      objects in memory, by the path of their URL

Both run on one asyncio event loop, on ports of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from struct import pack

__all__ = ('FaultyProxy', 'FaultyStore')

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


class FaultyStore:
    """S3's PutObject, GetObject and DeleteObject, for objects in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._responds = asyncio.Event()
        self._responds.set()

    async def start(self) -> str:
        """Start to listen, and return the URL of the store."""
        self._server = await asyncio.start_server(self._connected, '127.0.0.1', 0)
        return f'http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}'

    def close(self) -> None:
        self._server.close()

    async def stop_responding(self, seconds: float) -> None:
        """Accept connections and requests for some time, and respond to none."""
        self._responds.clear()
        await asyncio.sleep(seconds)
        self._responds.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
                method, target, _ = head.split(' ', 2)
                if 'expect: 100-continue' in head.lower():
                    writer.write(b'HTTP/1.1 100 Continue\r\n\r\n')
                body = await reader.readexactly(_content_length(head))
                await self._responds.wait()
                writer.write(self._response(method, target.partition('?')[0], body))
                await writer.drain()
        writer.close()

    def _response(self, method: str, path: str, body: bytes) -> bytes:
        if method == 'PUT':
            self._objects[path] = body
            return b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
        found = self._objects.get(path)
        if found is None:
            return b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
        return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b' % (len(found), found)


def _content_length(head: str) -> int:
    for line in head.split('\r\n'):
        name, _, value = line.partition(':')
        if name.lower() == 'content-length':
            return int(value)
    return 0
