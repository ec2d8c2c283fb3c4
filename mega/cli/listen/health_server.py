"""The HTTP server of `mega listen --health`, in a thread of the parent process.

It answers one GET or HEAD request per connection. A client cannot harm it: the size of a request,
the time of a connection and the number of connections are limited.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from threading import Event, Thread
from typing import NamedTuple

from mega.cli.exit_status import CommandError
from mega.cli.listen.health import Response, respond
from mega.cli.listen.snapshot import Snapshot

__all__ = ('Address', 'HealthServer')

MAX_REQUEST_BYTES = 8_192
MAX_CONNECTIONS = 100
MAX_SECONDS = 5.0

_ADDRESS = re.compile(r'(?:(?P<host>[^\s\[\]:]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})', re.A)
_REQUEST = re.compile(rb'(GET|HEAD) (/[!-~]*) HTTP/1\.[01](\r\n|$)', re.A)


class Address(NamedTuple):
    """Where the server listens. Port 0 selects a free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `[HOST:]PORT`. The default host is 127.0.0.1, so that only this machine connects.

        Raises:
            ValueError: for another text.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found['port']) > 65_535:
            raise ValueError(f'{text!r} is not a PORT or a HOST:PORT, such as 0.0.0.0:8080')
        return cls((found['host'] or '127.0.0.1').strip('[]'), int(found['port']))

    def __str__(self) -> str:
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'


class HealthServer:
    """Answers until `close`. `snapshot` is called in the thread of the server, for each request.

    The server closes a connection that is not done after `max_seconds`.

    Raises:
        CommandError: if the server cannot listen on the address.
    """

    def __init__(
        self,
        address: Address,
        snapshot: Callable[[], Snapshot],
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._snapshot = snapshot
        self._max_seconds = max_seconds
        family = socket.AF_INET6 if ':' in address.host else socket.AF_INET
        try:
            self._listening = socket.create_server(address, family=family)
        except (OSError, UnicodeError) as error:
            problem = getattr(error, 'strerror', None) or error
            raise CommandError(f'--health {address}: cannot listen there: {problem}') from error
        self.address = Address(address.host, self._listening.getsockname()[1])
        self._connections: set[_Connection] = set()
        self._started = Event()
        self._thread = Thread(target=self._run, name='mega-health', daemon=True)
        self._thread.start()
        self._started.wait()

    def close(self) -> None:
        """Stop the server, and free its port."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._connection, sock=self._listening)
        self._started.set()
        await self._stop.wait()
        server.close()
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        while self._connections:
            for connection in self._connections:
                connection.transport.abort()
            await asyncio.sleep(0)

    def _connection(self) -> _Connection:
        return _Connection(self._connections, self._snapshot, self._max_seconds)


class _Connection(asyncio.Protocol):
    """Answers one request, and closes."""

    transport: asyncio.Transport

    def __init__(
        self,
        connections: set[_Connection],
        snapshot: Callable[[], Snapshot],
        max_seconds: float,
    ) -> None:
        self._connections = connections
        self._snapshot = snapshot
        self._max_seconds = max_seconds
        self._received = b''

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connections.add(self)
        if len(self._connections) > MAX_CONNECTIONS:
            transport.abort()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._max_seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, _ = self._received.partition(b'\r\n\r\n')
        if end or len(self._received) > MAX_REQUEST_BYTES:
            self.transport.pause_reading()
            self.transport.write(response_bytes(head if end else b'', self._snapshot))
            self.transport.close()  # once the client has received everything, or at the deadline

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()
        self._connections.discard(self)


def response_bytes(head: bytes, snapshot: Callable[[], Snapshot]) -> bytes:
    """Return the response to the head of a request. Only its first line matters."""
    found = _REQUEST.match(head)
    if found is None:
        text = 'only GET and HEAD are answered\n'
        response = Response(HTTPStatus.BAD_REQUEST, 'text/plain; charset=utf-8', text)
    else:
        response = respond(found[2].decode('ascii'), snapshot())
    body = response.body.encode('utf-8', 'backslashreplace')
    fields = (
        f'HTTP/1.1 {response.status.value} {response.status.phrase}',
        f'Content-Type: {response.content_type}',
        f'Content-Length: {len(body)}',
        'Cache-Control: no-store',
        'Connection: close',
    )
    headers = ''.join(f'{field}\r\n' for field in fields).encode('ascii')
    is_head = found is not None and found[1] == b'HEAD'
    return headers + b'\r\n' + (b'' if is_head else body)
