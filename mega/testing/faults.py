"""The faults that a test asks for: calls that AWS refuses, and responses that are lost."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection
from difflib import get_close_matches

from mega.errors import ConfigurationError, check_int, safe_repr

__all__ = ('LOST', 'RequestedFaults', 'status_of')

LOST = ''
"""In place of the code of an error: AWS performs the operation, and its response is lost."""

MAX_TIMES = 1_000_000

_STATUS = {
    'AccessDenied': 403,
    'AccessDeniedException': 403,
    'ExpiredToken': 403,
    'InternalError': 500,
    'NoSuchBucket': 404,
    'NoSuchKey': 404,
    'NotFound': 404,
    'ServiceUnavailable': 503,
    'SlowDown': 503,
    'Throttled': 429,
}
"""The HTTP status of an error. Others have 400."""


class RequestedFaults:
    """The faults of the next calls, by operation.

    An operation and its batch form are the same: a fault of `DeleteMessage` also applies to
    `DeleteMessageBatch`, because publishers and listeners choose between both.
    """

    def __init__(self, operations: Collection[str]) -> None:
        self._operations = operations
        self._next: defaultdict[str, deque[str]] = defaultdict(deque)
        self.are_suspended = False

    def add(self, operation: str, code: str, times: int) -> None:
        """Let the next calls of an operation fail.

        Raises:
            ConfigurationError: for an unknown operation.
        """
        check_int('times', times, 1, MAX_TIMES)
        if operation not in self._operations:
            near = get_close_matches(str(operation), self._operations, 1)
            advice = f'; did you mean {near[0]!r}?' if near else ''
            raise ConfigurationError(
                f'{safe_repr(operation)} is not an operation of SQS, SNS or S3{advice}'
            )
        self._next[_without_batch(operation)].extend([code] * times)

    def take(self, operation: str) -> str | None:
        """Return the code of the next fault of a call; None for no fault."""
        faults = None if self.are_suspended else self._next.get(_without_batch(operation))
        return faults.popleft() if faults else None


def status_of(code: str) -> int:
    """Return the HTTP status of an error."""
    return _STATUS.get(code, 400)


def _without_batch(operation: str) -> str:
    return operation.removesuffix('Batch')
