"""The error codes of AWS: which are throttling, and which requests may succeed when repeated."""

from __future__ import annotations

__all__ = ('NEVER_SENT', 'is_retriable', 'is_throttling')

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

# Codes of status 4xx for a state that ends by itself. `OverLimit`: too many messages are in flight
# (API reference of ReceiveMessage). `IDPCommunicationError`: STS cannot reach an identity provider.
_TRANSIENT_CODES = frozenset(
    {
        'AWS.SimpleQueueService.OverLimit',
        'IDPCommunicationError',
        'OverLimit',
        'RequestTimeout',
        'RequestTimeoutException',
    }
)

NEVER_SENT = frozenset(
    {
        'ConfigNotFound',
        'FileNotFoundError',
        'InvalidConfigError',
        'LoginError',
        'NoCredentialsError',
        'ParamValidationError',
        'PartialCredentialsError',
        'PermissionError',
        'ProfileNotFound',
        'RefreshWithMFAUnsupportedError',
        'SSOError',
        'TokenRetrievalError',
        'UnknownCredentialError',
    }
)
"""The errors, by class, for a request that botocore cannot create until the setup changes.

The two of the operating system concern files of credentials, such as the token of a web identity.
"""


def is_throttling(code: str) -> bool:
    """Return whether a code says that there were too many requests, to AWS or to KMS behind it."""
    return 'throttl' in code.lower() or code in _THROTTLING_CODES


def is_retriable(code: str, status: int) -> bool:
    """Return whether the same request may succeed later, by AWS's error code and HTTP status.

    Any other error of status 4xx stays the same until an administrator changes the setup.
    """
    return status >= 500 or status in (408, 429) or is_throttling(code) or code in _TRANSIENT_CODES
