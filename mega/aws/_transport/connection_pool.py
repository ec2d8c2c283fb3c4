"""Pools of connections that take an ordinary request the shorter way, on a connection that is open.

Whatever is not ordinary is left to urllib3: the first request of a connection, which opens it,
proxies, large bodies, anything that HTTP would refuse.

What a thread sends this way can be overheard, and what comes of a request be given beforehand.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from mega.aws._transport.http import MOST_AT_ONCE, Answer, exchange, head_of

__all__ = ('Exchanging', 'Outcome', 'Sent', 'overhearing')

Outcome: TypeAlias = Answer | Exception
"""What came of a request: what was answered, or an error of urllib3's."""

_HOST = re.compile(r'[A-Za-z0-9.-]+')


@dataclass(frozen=True, slots=True)
class Sent:
    """An ordinary request, and the pool that it was left to."""

    pool: Exchanging
    host: str
    headers: Mapping[str, Any]
    request: bytes


@dataclass(slots=True)
class _Ear:
    """What a thread is to be given once, by which pool, and what was heard of it."""

    outcome: Outcome | None
    pool: Exchanging | None
    heard: Sent | None = None


class _Thread(threading.local):
    ear: _Ear | None = None


_thread = _Thread()


@contextmanager
def overhearing(outcome: Outcome | None = None, pool: Exchanging | None = None) -> Iterator[_Ear]:
    """Let the last ordinary request of this thread in the block be `heard`.

    With an outcome, the first request of that pool is not sent: that is what came of it.
    """
    # Another call may be made in the midst of this one: by a signal handler, say.
    before, ear = _thread.ear, _Ear(outcome, pool)
    _thread.ear = ear
    try:
        yield ear
    finally:
        _thread.ear = before


class Exchanging:
    """Comes before a class of connection pools, urllib3's or botocore's."""

    def urlopen(
        self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> Any:
        """Answer a request, as the pool does: the shorter way where that is possible."""
        usual: Any = super()
        ear = _thread.ear
        if ear is not None and ear.pool is self and (outcome := ear.outcome) is not None:
            ear.outcome = None
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        request = self._ordinary(method, url, body, headers, options)
        if request is not None:
            if ear is not None:
                ear.heard = Sent(self, self.named_host, headers, request)
            if (answer := self.exchanged(request)) is not None:
                return answer
        return usual.urlopen(method, url, body=body, headers=headers, **options)

    @property
    def named_host(self) -> str:
        """The host, as requests name it: with its port, unless that is the usual one."""
        pool: Any = self
        is_usual = pool.port == pool.ConnectionCls.default_port
        return pool.host if is_usual else f'{pool.host}:{pool.port}'

    def exchanged(self, request: bytes) -> Answer | None:
        """The answer to a request in one piece; None, and not sent, where no connection is open.

        Raises:
            urllib3's errors, of which botocore makes its own.
        """
        pool: Any = self
        if pool.pool is None:  # it was closed
            return None
        connection = pool._get_conn()
        try:
            return _answered(pool, connection, request) if connection.begins() else None
        finally:
            pool._put_conn(connection)

    def _ordinary(
        self,
        method: str,
        url: str,
        body: object,
        headers: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> bytes | None:
        """A request in one piece, if it is ordinary: small, to no path, and through no proxy."""
        pool: Any = self
        if isinstance(body, str) and body.isascii():  # SNS's are texts
            body = body.encode()
        if (
            url != '/'
            or not isinstance(body, bytes)
            or len(body) > MOST_AT_ONCE
            or 'timeout' in options
            or pool.proxy is not None
            or pool.proxy_headers
            or not _HOST.fullmatch(pool.host)
        ):
            return None
        head = head_of(method, url, self.named_host, headers)
        return None if head is None else head + body


def _answered(pool: Any, connection: Any, request: bytes) -> Answer:
    """The answer to a request on an open connection, which is closed unless it may serve again."""
    try:
        connection.sock.settimeout(pool.timeout.read_timeout)
        answer = exchange(connection.sock, request)
    except BaseException as error:
        connection.close()  # what is still to come must not be taken for the next answer
        if isinstance(error, (OSError, ValueError)):
            raise _error(pool, error) from error
        raise
    if not answer.keeps:
        connection.close()
    return answer


def _error(pool: Any, error: Exception) -> Exception:
    from urllib3.exceptions import ProtocolError, ReadTimeoutError

    if isinstance(error, TimeoutError):
        return ReadTimeoutError(pool, '/', f'Read timed out: {pool.timeout}')
    return ProtocolError('Connection aborted.', error)
