"""One request and its answer, on a socket that is open.

Python's own HTTP client is written for all of HTTP, and takes two fifths of what a call costs: it
reads an answer line by line, and its head with the parser of electronic mail. What SQS and SNS are
asked is always the same small request, so it goes out in one piece, and the answer is read by the
parser of Node.js, in C.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ('MOST_AT_ONCE', 'Answer', 'exchange', 'head_of')

MOST_AT_ONCE = 65_536
"""Bytes of a body that go out with its head, of a head that is read, and of a read."""

_FOR_OTHERS = frozenset(('accept-encoding', 'expect', 'host', 'transfer-encoding'))
"""Headers, by their names in lower case, with which a request is not an ordinary one."""


class Answer:
    """An answer as botocore asks for it, in the course of being read: hears what the parser finds.

    `headers` have names in lower case. `keeps` is whether the connection may serve once more.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b''
        self.is_complete = False
        self.keeps = False
        self._parser = HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._unread = 0
        self._has_head = False

    def stream(self, *_: object) -> Iterator[bytes]:
        """The body, all of it at once."""
        yield self.body

    def feed(self, data: bytes) -> None:
        """Read on; without any data the server has closed the connection.

        Raises:
            ValueError: for what is no answer, or not all of one.
        """
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.keeps = False
            if not self.is_complete:
                raise ValueError(f'no answer in HTTP: {error}') from error
        self._unread += len(data)
        if not self._has_head and self._unread > MOST_AT_ONCE:
            raise ValueError(f'an answer whose head has more than {MOST_AT_ONCE:,} bytes')

    def close(self) -> None:
        """Let go of the parser: knowing each other, both would be left to the collector."""
        del self._parser

    def _end(self) -> None:
        """See whether the end of the connection is that of the body."""
        is_measured = 'content-length' in self.headers or 'transfer-encoding' in self.headers
        if not self._has_head or is_measured:
            raise ValueError('the connection was closed before the end of the answer')
        self._complete()

    def _complete(self) -> None:
        self.body = b''.join(self._parts)
        self.is_complete = True

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError('more than was asked for')

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode('latin-1').lower(), value.decode('latin-1')
        self.headers[key] = f'{self.headers[key]}, {text}' if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self.status < 200:  # there is another one to come
            self.headers.clear()
            self._has_head = False
            return
        self.keeps = self._parser.should_keep_alive()
        self._complete()


def exchange(socket: Any, request: bytes) -> Answer:
    """Send a request, and wait for the whole of its answer.

    Raises:
        OSError: when the connection fails, or the socket's timeout is over.
        ValueError: for what is no answer, or not all of one.
    """
    with suppress(BrokenPipeError):  # who refuses it may have closed before its end, and answered
        socket.sendall(request)
    answer = Answer()
    try:
        while not answer.is_complete:
            answer.feed(socket.recv(MOST_AT_ONCE))
    finally:
        answer.close()
    return answer


def head_of(method: str, url: str, host: str, headers: Mapping[str, Any]) -> bytes | None:
    """The head of a request, as urllib3 writes it; None where it would not, or another one.

    `host` has its port, unless that is the usual one. Headers are texts or bytes.
    """
    lines = [
        f'{method} {url} HTTP/1.1',
        f'Host: {host}',
        'Accept-Encoding: identity',
    ]
    for name, value in headers.items():
        if name.lower() in _FOR_OTHERS:
            return None
        lines.append(f'{name}: {value.decode("latin-1") if isinstance(value, bytes) else value}')
    head = '\r\n'.join(lines)
    # One that holds a line of its own could add to a request, or end it.
    if head.count('\n') >= len(lines) or head.count('\r') >= len(lines):
        return None
    try:
        return f'{head}\r\n\r\n'.encode('latin-1')
    except UnicodeEncodeError:
        return None
