"""The loggers of the package."""

from __future__ import annotations

import pytest

from mega.logging import about, get_logger


def test_a_record_of_the_log_keeps_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """It would keep the frames of its traceback, with their connections and payloads."""
    get_logger('mega.test').warning('%s failed %d times: %s', 'a call', 2, ValueError('no'))
    [record] = caplog.records
    assert record.args == ('a call', 2, 'no')
    assert record.getMessage() == 'a call failed 2 times: no'


def test_a_record_names_the_function_that_logged_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level('DEBUG', 'mega.test')
    logger = get_logger('mega.test')
    logger.warning('a')
    logger.debug('b')
    logger.log(20, 'c')
    names = {(record.funcName, record.filename) for record in caplog.records}
    assert names == {('test_a_record_names_the_function_that_logged_it', 'test_loggers.py')}


def test_the_code_of_a_record_is_at_the_end_of_its_text_and_a_field(
    caplog: pytest.LogCaptureFixture,
) -> None:
    get_logger('mega.test').warning('%d late', 2, code='late', extra=about(queue='orders'))
    [record] = caplog.records
    assert record.getMessage() == '2 late [late]'
    assert vars(record)['mega'] == {'queue': 'orders', 'code': 'late'}


def test_the_code_is_before_the_lines_of_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    traceback = 'KeyError\n  File "shop.py", line 1'
    get_logger('mega.test').error('failed: %s', traceback, code='bad', extra=about())
    assert caplog.messages == ['failed: KeyError [bad]\n  File "shop.py", line 1']
