"""The errors of calls to AWS: which of them are throttling, and which may succeed when repeated."""

from __future__ import annotations

import re

from mega.errors import TransportError, single_line

__all__ = ('is_retriable', 'is_throttling', 'transport_error')

# The codes that botocore's standard retry mode counts as throttling, without "throttl" in them.
_THROTTLING_CODES = frozenset(
    {
        'BandwidthLimitExceeded',
        'LimitExceededException',
        'PriorRequestNotComplete',
        'ProvisionedThroughputExceededException',
        'RequestLimitExceeded',
        'SlowDown',
        'TooManyRequestsException',
        'TransactionInProgressException',
    }
)

_TRANSIENT_CODES = frozenset({'RequestTimeout', 'RequestTimeoutException'})

# Python shows the value of a header that it cannot send: the value may be a session token.
_SECRET_IN_MESSAGE = re.compile('Invalid header value.*')


def is_throttling(code: str) -> bool:
    """Return whether an error code of AWS says that there are too many requests, as of KMS."""
    return 'throttl' in code.lower() or code in _THROTTLING_CODES


def is_retriable(code: str, status: int) -> bool:
    """Return whether the same request may succeed later, by AWS's error code and HTTP status."""
    return status >= 500 or status == 429 or is_throttling(code) or code in _TRANSIENT_CODES


def transport_error(operation: str, error: Exception) -> TransportError:
    """Return the error to raise for an error of botocore, of the network, or of an answer's form.

    The errors that are not retriable are AWS's own answers and requests that were never sent. Any
    other error leaves the outcome of the request unknown.
    """
    from botocore.exceptions import (
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    text = _SECRET_IN_MESSAGE.sub('an invalid header value', single_line(str(error)))
    if isinstance(error, ClientError):
        code = str(error.response.get('Error', {}).get('Code', 'Unknown'))
        status = error.response.get('ResponseMetadata', {}).get('HTTPStatusCode', 0)
        return TransportError(operation, code, text, is_retriable(code, status))
    never_sent = (NoCredentialsError, ParamValidationError, PartialCredentialsError)
    return TransportError(operation, type(error).__name__, text, not isinstance(error, never_sent))
