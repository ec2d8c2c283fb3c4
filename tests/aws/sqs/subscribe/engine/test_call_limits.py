"""A call to SQS that gets no response ends early enough for another attempt."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.call_limits import CALL_SECONDS, MIN_CALL_SECONDS
from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.stopping import SETTLE_TIMEOUT
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, ids, of

OK, RETRY = CallResult.OK, CallResult.RETRY


def test_a_receive_may_take_its_long_poll_and_one_call() -> None:
    driver = EngineDriver(wait_time_seconds=20)
    [receive] = of(Receive, driver.steps())
    assert receive.time_limit == 20 + CALL_SECONDS


@pytest.mark.parametrize(
    ('ends_at', 'limit'), [(0.0, 5.0), (22.0, 4.0), (28.0, 1.0), (29.9, MIN_CALL_SECONDS)]
)
def test_a_delete_may_take_half_of_the_rest_of_the_visibility_timeout(
    ends_at: float, limit: float
) -> None:
    driver = EngineDriver(visibility_timeout=30, is_fifo=True)
    [message] = driver.start('a', group='g')
    driver.now = ends_at
    driver.processed(message)
    assert driver.delete().time_limit == limit


@pytest.mark.parametrize('ends_at', [30.0, 31.0])
def test_a_visibility_timeout_that_is_over_limits_no_call(ends_at: float) -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.now = ends_at
    driver.processed(message)
    assert driver.delete().time_limit == CALL_SECONDS


def test_one_lost_delete_is_repeated_before_the_visibility_timeout_ends() -> None:
    for ends_at in (0.0, 20.0, 25.0, 28.0, 29.0):
        driver = EngineDriver(visibility_timeout=30, is_fifo=True)
        [message] = driver.start('a', group='g')
        driver.now = ends_at
        driver.processed(message)
        lost = driver.delete()
        driver.now += lost.time_limit
        driver.settle(lost, RETRY)
        repeated = driver.wait_for(Delete)
        assert repeated.is_repetition
        assert driver.now + repeated.time_limit <= 30.0


@pytest.mark.parametrize('timeout', [2, 10, 30, 600])
def test_one_lost_extension_is_repeated_before_the_visibility_timeout_ends(timeout: int) -> None:
    driver = EngineDriver(visibility_timeout=timeout, max_processing_time=10.0 * timeout)
    [message] = driver.start('a')
    lost = driver.wait_for(ChangeVisibility)
    assert not lost.is_repetition
    driver.now += lost.time_limit
    driver.settle(lost, RETRY)
    repeated = driver.wait_for(ChangeVisibility)
    assert repeated.is_repetition
    assert driver.now + repeated.time_limit <= timeout
    driver.settle(repeated, OK)
    driver.until(timeout + 0.1)
    assert not message.is_lost


def test_a_dead_letter_may_take_one_call_and_is_repeated_on_a_fresh_connection() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.failed_permanently(message)
    command = driver.wait_for(SendDeadLetter)
    assert (command.time_limit, command.is_repetition) == (CALL_SECONDS, False)
    driver.dead_lettered(command, RETRY)
    command = driver.wait_for(SendDeadLetter)
    assert (command.time_limit, command.is_repetition) == (CALL_SECONDS, True)


def test_the_last_calls_of_a_stop_leave_time_for_another_attempt() -> None:
    driver = EngineDriver(visibility_timeout=600, grace_period=0.0)
    driver.start('a')
    driver.stop()
    assert driver.change().time_limit == SETTLE_TIMEOUT / 2


def test_a_receive_after_a_failure_is_a_repetition() -> None:
    driver = EngineDriver()
    driver.fail()
    assert driver.wait_for(Receive).is_repetition
    driver.receive()
    assert [each.is_repetition for each in of(Receive, driver.steps())] == [False]


def test_a_call_after_a_successful_one_is_not_a_repetition() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=100.0)
    driver.start('a')
    driver.settle(driver.wait_for(ChangeVisibility), RETRY)
    driver.settle(driver.wait_for(ChangeVisibility), OK)
    assert not driver.wait_for(ChangeVisibility).is_repetition


# The visibility timeout ends during the processing


def test_a_message_is_lost_when_no_extension_is_confirmed_in_time() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=100.0)
    [message] = driver.start('a')
    driver.wait_for(ChangeVisibility)
    driver.until(29.9)
    assert not message.is_lost
    driver.until(30.0)
    assert message.is_lost


def test_a_message_without_extensions_is_lost_after_its_visibility_timeout() -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.until(29.9)
    assert not message.is_lost
    driver.until(30.0)
    assert message.is_lost


def test_a_message_that_ends_after_its_visibility_timeout_is_deleted_nevertheless() -> None:
    """SQS did not report another consumer, and without the delete there certainly is one."""
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.until(31.0)
    driver.processed(message)
    assert ids([driver.wait_for(Delete)]) == ['a']


def test_a_waiting_message_is_not_lost_before_a_worker_begins_it() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    _, waiting = driver.start(*'ab')
    driver.until(29.9)
    assert not waiting.is_lost
