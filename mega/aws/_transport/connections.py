"""The direct client's own connections to one endpoint."""

from __future__ import annotations

import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions

from mega.aws._transport.http import HttpResponse, NoResponseError, send_request
from mega.aws._transport.interruption import current_interrupter
from mega.aws._transport.time_limits import current_limit, open_within_limit

__all__ = ('ConnectionPool',)


class _Connection:
    is_interrupted = False
    has_served = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def __del__(self) -> None:
        self.sock.close()  # of a client that its user did not close


class ConnectionPool:
    """Sends requests on open connections, the last used first. Safe to share among threads.

    `config` is botocore's: timeouts in seconds, and the number of idle connections to keep.
    """

    def __init__(self, url: str, config: Any, ca_bundle: str) -> None:
        parts = urlsplit(url)
        is_https = parts.scheme == 'https'
        self._url = url
        self._config = config
        self._address = (parts.hostname or '', parts.port or (443 if is_https else 80))
        self._tls = ssl.create_default_context(cafile=ca_bundle) if is_https else None
        self._idle: deque[_Connection] = deque()

    def send(self, request: bytes) -> HttpResponse:
        """Send a request, and return its response.

        A server may close an idle connection at the moment of its reuse. A request on a reused
        connection that received no byte of a response is sent again, once, on a fresh connection.

        Raises:
            botocore.exceptions.HTTPClientError: one of its subclasses, as botocore would.
            CallInterrupted: when the interrupter of this thread refuses calls.
        """
        limit = current_limit()
        is_repetition = limit is not None and limit.is_repetition
        if not is_repetition and (idle := self._take_idle()) is not None:
            with suppress(NoResponseError):
                return self._exchange(idle, request)
        return self._exchange(self._open(), request)

    def _read_timeout(self) -> float:
        timeout: float = self._config.read_timeout
        limit = current_limit()
        return timeout if limit is None else limit.shorten(timeout)

    def close(self) -> None:
        """Close the idle connections. A later request opens a new one."""
        while (connection := self._take_idle()) is not None:
            connection.sock.close()

    def _take_idle(self) -> _Connection | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _open(self) -> _Connection:
        details: dict[str, Any] = {'endpoint_url': self._url}
        try:
            sock = open_within_limit(self._connect, socket.socket.close)
        except TimeoutError as error:
            raise exceptions.ConnectTimeoutError(**details, error=error) from error
        except ssl.SSLError as error:
            raise exceptions.SSLError(**details, error=error) from error
        except OSError as error:
            raise exceptions.EndpointConnectionError(**details, error=error) from error
        return _Connection(sock)

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._address, self._config.connect_timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return sock
        return self._tls.wrap_socket(sock, server_hostname=self._address[0])

    def _exchange(self, connection: _Connection, request: bytes) -> HttpResponse:
        interrupter = current_interrupter()
        is_reused, connection.has_served = connection.has_served, True
        is_kept = False
        try:
            if interrupter is not None:
                interrupter.on_request_start(connection)
            response = send_request(connection.sock, request, self._read_timeout)
            is_kept = response.keep_alive and len(self._idle) < self._config.max_pool_connections
            return response
        except TimeoutError as error:
            self.close()  # the network may have lost the idle connections, too
            raise exceptions.ReadTimeoutError(endpoint_url=self._url, error=error) from error
        except (OSError, ValueError) as error:
            is_stale = is_reused and not connection.is_interrupted
            if is_stale and isinstance(error, NoResponseError):
                raise
            raise exceptions.ConnectionClosedError(endpoint_url=self._url, error=error) from error
        finally:
            if interrupter is not None:
                interrupter.on_request_end(connection)
            if is_kept and not connection.is_interrupted:
                self._idle.append(connection)
            else:
                connection.sock.close()
