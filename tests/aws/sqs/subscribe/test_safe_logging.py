"""The loggers of the listener."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.safe_logging import get_logger


def test_a_record_of_the_log_keeps_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """It would keep the frames of its traceback, with their connections and payloads."""
    get_logger('mega.test').warning('%s failed %d times: %s', 'a call', 2, ValueError('no'))
    [record] = caplog.records
    assert record.args == ('a call', 2, 'no')
    assert record.getMessage() == 'a call failed 2 times: no'
