"""Error codes of AWS: throttling, and requests that may succeed when they are repeated."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.retries import standard

from mega.aws._messages.error_codes import is_retriable, is_throttling


@pytest.mark.parametrize(
    ('code', 'status', 'is_expected'),
    [
        ('InternalError', 500, True),
        ('Unknown', 503, True),
        ('Unknown', 429, True),
        ('RequestThrottled', 403, True),
        ('KMSThrottlingException', 400, True),
        ('TooManyRequestsException', 400, True),
        ('RequestLimitExceeded', 400, True),
        ('RequestTimeout', 400, True),
        ('InvalidClientTokenId', 403, False),
        ('', 0, False),
    ],
)
def test_a_request_is_retriable_by_its_status_or_its_code(
    code: str, status: int, is_expected: bool
) -> None:
    assert is_retriable(code, status) is is_expected


@pytest.mark.parametrize('code', ['KmsThrottled', 'KMSThrottling', 'ThrottledException'])
def test_a_code_that_contains_throttl_is_throttling(code: str) -> None:
    assert is_throttling(code)
    assert not is_throttling('KmsDisabled')


def test_every_code_that_botocore_repeats_is_retriable() -> None:
    """Publishers have botocore repeat nothing, so they repeat what it would have repeated."""
    checkers: Any = standard
    throttling = checkers.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    transient = checkers.TransientRetryableChecker._TRANSIENT_ERROR_CODES
    assert [code for code in (*throttling, *transient) if not is_retriable(code, 400)] == []
    assert [code for code in throttling if not is_throttling(code)] == []
