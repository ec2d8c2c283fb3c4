"""HTTP requests and responses."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

__all__ = ('GARBAGE', 'RESET', 'Reply', 'Request', 'next_request_id')

_request_ids = count(1)


class Request(NamedTuple):
    """A request. `target` is its X-Amz-Target header, or ''. `path` and `query` are as sent."""

    method: str
    path: str
    query: str
    target: str
    head: bytes
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name, parsed anew at each access."""
        lines = self.head.decode('latin-1').split('\r\n')[1:]
        pairs = (line.partition(':') for line in lines if line)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}


class Reply(NamedTuple):
    """An HTTP response. Headers are whole lines, except Content-Type and Content-Length.

    The transport sends no body in response to a HEAD request. `length` is the length of the body
    that a GET request would get; None if `body` is this body. `pause` is a pause in seconds after
    half of the body. If `is_cut`, only this half is sent.
    """

    status: int
    content_type: str
    body: bytes
    headers: str = ''
    pause: float = 0.0
    is_cut: bool = False
    length: int | None = None


RESET = Reply(0, '', b'')
"""No response: the server resets the connection."""

GARBAGE = Reply(200, 'text/html', b'<html><body>Please log in to the proxy</body></html>')


def next_request_id() -> str:
    return f'request-{next(_request_ids)}'
