"""The error codes of AWS: which are throttling, and which requests may succeed when repeated."""

from __future__ import annotations

__all__ = ('is_retriable', 'is_throttling')

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


def is_throttling(code: str) -> bool:
    """Return whether a code says that there were too many requests, to AWS or to KMS behind it."""
    return 'throttl' in code.lower() or code in _THROTTLING_CODES


def is_retriable(code: str, status: int) -> bool:
    """Return whether the same request may succeed later, by AWS's error code and HTTP status."""
    return status >= 500 or status == 429 or is_throttling(code) or code in _TRANSIENT_CODES
