"""Serve the model on a socket, in the calling thread or in a new one."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from mega.local.server.application import Application
from mega.local.server.transport import Connection

__all__ = ('ServerThread', 'listen', 'serve', 'url_of')


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback. Port 0 selects a free port.

    Raises:
        OSError: if the port is in use.
    """
    return socket.create_server(('127.0.0.1', port), backlog=1_024)


def url_of(listening: socket.socket, tls: ssl.SSLContext | None = None) -> str:
    scheme = 'https' if tls else 'http'
    return f'{scheme}://127.0.0.1:{listening.getsockname()[1]}'


async def serve(
    listening: socket.socket,
    started: Callable[[Callable[[], None]], object],
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> None:
    """Serve a new model until it is stopped. Then close the socket and all connections.

    `started` receives the function that stops the server, which only the thread of the event loop
    may call. `settings` are those of `Control`.
    """
    loop = asyncio.get_running_loop()
    application = Application(loop, url_of(listening, tls))
    application.configure(**settings)
    connections: set[Connection] = set()
    server = await loop.create_server(
        lambda: Connection(loop, application, connections), sock=listening, ssl=tls
    )
    stopped = asyncio.Event()
    started(stopped.set)
    await stopped.wait()
    server.close()
    for connection in list(connections):
        connection.abort()
    while connections:
        await asyncio.sleep(0)


class ServerThread:
    """A server in a daemon thread of this process."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._listening = listen(port)
        self._tls = tls
        self._is_started = Event()
        self.url = url_of(self._listening, tls)
        self._thread = Thread(target=self._run, name='mega.local', daemon=True)
        self._thread.start()
        self._is_started.wait()

    def _run(self) -> None:
        def started(stop: Callable[[], None]) -> None:
            self._loop, self._stop = asyncio.get_running_loop(), stop
            self._is_started.set()

        try:
            asyncio.run(serve(self._listening, started, self._tls))
        finally:
            self._is_started.set()

    def close(self) -> None:
        """Stop the server, and wait for its end. Connections are reset."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop)
            self._thread.join()
