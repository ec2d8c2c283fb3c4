"""One HTTP/1.1 exchange on an open socket: a request in one piece, and its response.

httptools, the parser of Node.js, reads the response. Python's own HTTP client would take two fifths
of the CPU time of a call: it reads line by line, and parses headers as electronic mail.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ('HttpResponse', 'NoResponseError', 'send_request')

MAX_READ = 65_536
"""Bytes of one read, and of the head of a response."""


class NoResponseError(ConnectionError):
    """The connection ended before the first byte of a response."""


class HttpResponse:
    """A response while it is read. The parser calls the methods `on_*`.

    Names in `headers` are lower case. `keep_alive`: the connection may serve another request.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b''
        self.size = 0
        self.is_complete = self.keep_alive = self._has_head = False
        self._parser = HttpResponseParser(self)
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Read the next bytes; empty bytes mean that the server closed the connection.

        Raises:
            ValueError: for bytes that are not an HTTP response, or an incomplete one.
        """
        self.size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.is_complete:
                raise ValueError(f'invalid HTTP response: {error}') from error
        if not self._has_head and self.size > MAX_READ:
            raise ValueError(f'the head of the response exceeds {MAX_READ:,} bytes')
        if not data:  # without a length, the end of the connection is the end of the body
            if not self._has_head or self.headers.keys() & {'content-length', 'transfer-encoding'}:
                raise ValueError('the connection was closed before the end of the response')
            self._complete()

    def close(self) -> None:
        """Drop the parser: the two refer to each other, and only the collector would free them."""
        del self._parser

    def _complete(self) -> None:
        self.body = b''.join(self._parts)
        self.is_complete = True

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError('a second response to one request')

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode('latin-1').lower(), value.decode('latin-1')
        self.headers[key] = f'{self.headers[key]}, {text}' if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim response (100 Continue): the final one follows
            self.headers.clear()
            self._has_head = False
            return
        self.keep_alive = self._parser.should_keep_alive()
        self._complete()


def send_request(sock: Any, request: bytes, timeout: Callable[[], float]) -> HttpResponse:
    """Send a request, and read the whole response.

    `timeout` returns the seconds that the next operation of the socket may take. It may raise a
    `TimeoutError`.

    Raises:
        NoResponseError: when the connection ended before the first byte of a response.
        OSError: when the connection failed later, or the socket's timeout expired.
        ValueError: for bytes that are not an HTTP response, or an incomplete one.
    """
    response = HttpResponse()
    try:
        sock.settimeout(timeout())
        with suppress(BrokenPipeError):  # a server may respond and close before it read everything
            sock.sendall(request)
        while not response.is_complete:
            sock.settimeout(timeout())
            response.feed(sock.recv(MAX_READ))
    except (OSError, ValueError) as error:
        if response.size or isinstance(error, TimeoutError):
            raise
        raise NoResponseError('the connection was closed without a response') from error
    finally:
        response.close()
    return response
