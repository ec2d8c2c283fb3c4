"""The subset of HTTP/1.1 with keep-alive that AWS clients use."""

from __future__ import annotations

import asyncio
import re
import socket
from asyncio import AbstractEventLoop, BaseTransport, Transport
from collections.abc import Callable
from http import HTTPStatus
from struct import pack
from typing import Protocol, cast

from mega.local.server.chunks import ChunkReader
from mega.local.server.messages import RESET, Reply, Request
from mega.local.server.polling import Cancel

__all__ = ('Connection', 'Handler')

MAX_HEAD = 65_536  # bytes
MAX_BODY = 64 * 1_048_576
INPUT_SIZE = 65_536
LARGE = 65_536
"""The size in bytes from which a body is received and sent without copies."""

_LENGTH = re.compile(rb'\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n', re.IGNORECASE)
_TARGET = re.compile(rb'\r\nx-amz-target:[ \t]*([!-~]+)', re.IGNORECASE)
_EXPECT = re.compile(rb'\r\nexpect:[ \t]*100-continue', re.IGNORECASE)
_CHUNKED = re.compile(rb'\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n', re.IGNORECASE)
_CLOSE = re.compile(rb'\r\nconnection:[ \t]*close', re.IGNORECASE)
_REASONS = {int(status): status.phrase for status in HTTPStatus}


class Handler(Protocol):
    """Answers requests."""

    def delay(self, request: Request) -> float:
        """Return the latency of the response in seconds."""

    def handle(self, request: Request, answer: Callable[[Reply], None]) -> Cancel | None:
        """Answer now, or later if a cancellation is returned."""


class Connection(asyncio.BufferedProtocol):
    """One connection. The server answers its requests one after another.

    `connections` are the open connections of the server. Requests are collected in a buffer. A
    large body is received where it remains, because to copy it takes longer than to receive it.
    """

    def __init__(
        self, loop: AbstractEventLoop, handler: Handler, connections: set[Connection]
    ) -> None:
        self._loop = loop
        self._connections = connections
        self._handler = handler
        self._input = memoryview(bytearray(INPUT_SIZE))
        self._buffer = bytearray()
        self._large = memoryview(b'')
        self._missing = 0
        """The number of bytes of a large body that have not arrived."""
        self._head = b''
        self._is_busy = False
        self._is_last = False
        self._is_head = False
        self._is_continued = False
        self._chunks: ChunkReader | None = None
        self._cancel: Cancel | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast(Transport, transport)
        self._connections.add(self)
        # asyncio always closes a TLS connection after the end of its input.
        self._is_tls = transport.get_extra_info('sslcontext') is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._is_busy = True  # no client waits for the requests that remain in the buffer
        if self._cancel:
            self._cancel()

    def abort(self) -> None:
        """Close the connection at once."""
        self._transport.abort()

    def eof_received(self) -> bool:
        """Finish the current response, and cancel a waiting receive.

        The client has closed its side for writing, but may still read. True keeps the connection
        open.
        """
        self._is_last = True
        if self._cancel:
            # Now, and not when the connection closes: a message may arrive in between.
            self._cancel()
            self._cancel = None
            return False
        return self._is_busy and not self._is_tls

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next input goes."""
        return self._large[-self._missing :] if self._missing else self._input

    def buffer_updated(self, count: int) -> None:
        if not self._missing:
            self._buffer += self._input[:count]
            if not self._is_busy:
                self._next()
            return
        self._missing -= count
        if not self._missing:
            body, self._large = bytes(self._large), memoryview(b'')
            self._begin(self._head, body)

    def _next(self) -> None:
        """Handle the first request in the buffer, if it is complete."""
        end = self._buffer.find(b'\r\n\r\n')
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self._refuse()
            return
        head = bytes(self._buffer[: end + 2])
        try:
            body = self._take_body(head, end + 4)
        except ValueError:
            self._refuse()
            return
        if body is not None:
            self._begin(head, body)
        elif not self._is_continued and _EXPECT.search(head):
            self._is_continued = True
            self._transport.write(b'HTTP/1.1 100 Continue\r\n\r\n')

    def _take_body(self, head: bytes, start: int) -> bytes | None:
        """Remove the first request from the buffer, and return its body; None if it is incomplete.

        Raises:
            ValueError: for a body that is too large, or has invalid chunks.
        """
        if _CHUNKED.search(head):
            self._chunks = self._chunks or ChunkReader(start)
            if not self._chunks.read(self._buffer):
                return None
            body, end = self._chunks.body, self._chunks.place
            self._chunks = None
        else:
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            end = start + length
            if length > MAX_BODY:
                raise ValueError('too large')
            if len(self._buffer) < end:
                if length >= LARGE:
                    self._expect_large(head, start, length)
                return None
            body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return body

    def _expect_large(self, head: bytes, start: int, length: int) -> None:
        """Receive the rest of a body where it remains."""
        self._head = head
        self._large = memoryview(bytearray(length))
        received = len(self._buffer) - start
        self._large[:received] = self._buffer[start:]
        self._missing = length - received
        self._buffer.clear()

    def _begin(self, head: bytes, body: bytes) -> None:
        self._is_busy = True
        self._is_continued = False
        self._is_last = bool(_CLOSE.search(head))
        request = _request(head, body)
        self._is_head = request.method == 'HEAD'
        if not request.path:
            self._refuse(400, b'not a request of HTTP\n')
            return
        delay = self._handler.delay(request)
        # The latency includes the work of the server, which a large body makes noticeable.
        earliest = self._loop.time() + delay

        def answer(reply: Reply) -> None:
            self._cancel = None
            if delay:
                self._loop.call_at(earliest, self._finish, reply)
            else:
                self._finish(reply)

        self._cancel = self._handler.handle(request, answer)

    def _finish(self, reply: Reply) -> None:
        """Send a response, and continue with the next request in the buffer."""
        if self._transport.is_closing():
            return
        if reply is RESET:
            self._reset()
            return
        head, body = _encode(reply, self._is_head)
        if reply.pause:
            middle = len(body) // 2
            self._transport.write(head + body[:middle])
            self._loop.call_later(reply.pause, self._end, reply, body[middle:])
        elif len(body) < LARGE:
            self._end(reply, head + body)
        else:
            self._transport.write(head)
            self._end(reply, memoryview(body))

    def _end(self, reply: Reply, rest: bytes | memoryview) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(rest)
        self._is_busy = False
        if self._is_last or reply.is_cut:
            self._transport.close()
        elif self._buffer:
            self._next()

    def _reset(self) -> None:
        """Close the connection with a TCP reset, not with an empty response."""
        connection: socket.socket = self._transport.get_extra_info('socket')
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack('ii', 1, 0))
        self._transport.abort()

    def _refuse(self, status: int = 413, problem: bytes = b'too large\n') -> None:
        self._is_last = True
        self._finish(Reply(status, 'text/plain', problem))


def _request(head: bytes, body: bytes) -> Request:
    """Return a request. `head` ends with a line break. An invalid first line has an empty path."""
    words = head[: head.index(b'\r\n')].decode('latin-1').split(' ')
    method, address = words[:2] if len(words) == 3 else ('', '')
    path, _, query = address.partition('?')
    target = _TARGET.search(head)
    return Request(method, path, query, target[1].decode() if target else '', head, body)


def _encode(reply: Reply, is_head: bool) -> tuple[bytes, bytes]:
    """Return the head and the body of a response."""
    length = len(reply.body) if reply.length is None else reply.length
    head = (
        f'HTTP/1.1 {reply.status} {_REASONS.get(reply.status, "")}\r\n'
        f'Content-Type: {reply.content_type}\r\n'
        f'{reply.headers}Content-Length: {length}\r\n\r\n'
    ).encode('latin-1')
    if is_head:
        return head, b''
    return head, reply.body[: len(reply.body) // 2] if reply.is_cut else reply.body
