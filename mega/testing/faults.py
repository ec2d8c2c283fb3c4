"""The faults that a test asks for, as steps of the plan of the in-memory AWS.

    bus.fail('SendMessage', 'AccessDenied')     # AWS refuses the next call, which has no effect
    bus.lose('DeleteMessage')                   # the next call has its effect, without a response

An operation and its batch form are the same: a fault of `DeleteMessage` also applies to
`DeleteMessageBatch`, because publishers and listeners choose between both.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from mega.errors import ConfigurationError, safe_repr
from mega.local.faults import FailCall, Fault

__all__ = ('LOST', 'operation_of', 'refusal', 'without_batch')

LOST = Fault.RESET_AFTER
"""AWS performs the operation, and its response is lost."""

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


def refusal(code: str) -> FailCall:
    """Return the refusal of a call with an error code of AWS.

    Raises:
        ConfigurationError: for an empty code.
    """
    if not code:
        raise ConfigurationError('code is empty: pass a code of AWS, such as AccessDenied')
    return FailCall(code, _STATUS.get(code, 400))


def operation_of(name: str, known: Collection[str]) -> str:
    """Return the operation with a name, without `Batch`.

    Raises:
        ConfigurationError: for an unknown operation, with the nearest name.
    """
    if name in known:
        return without_batch(name)
    near = get_close_matches(str(name), known, 1)
    advice = f'; did you mean {near[0]!r}?' if near else ''
    raise ConfigurationError(f'{safe_repr(name)} is not an operation of SQS, SNS or S3{advice}')


def without_batch(operation: str) -> str:
    """Return the operation without the suffix of its batch form."""
    return operation.removesuffix('Batch')
