"""A message that waits for a blocked event loop stays hidden, and does not begin late."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import CallResult, ChangeVisibility, Notice, Receive
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, visibility_changes


def test_a_message_that_waits_for_the_event_loop_is_extended_without_a_limit() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=40.0)
    [message] = driver.start('a')
    driver.postpone(message)
    for half in range(1, 10):
        call = driver.wait_for(ChangeVisibility)
        assert driver.now == 15.0 * half
        driver.settle(call)
    assert driver.engine.begin(message, driver.now)
    assert message.begun_at == driver.now
    assert not message.is_lost


def test_a_message_does_not_begin_in_the_event_loop_after_its_visibility_timeout() -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.postpone(message)
    driver.wait_for(ChangeVisibility)
    driver.now = 30.0
    assert not driver.engine.begin(message, driver.now)
    driver.start_expired(message)
    assert driver.noticed(Notice.EXPIRED) == ['a']
    assert driver.engine.in_flight == 0


def test_the_followers_of_a_message_that_cannot_begin_are_released() -> None:
    driver = EngineDriver(is_fifo=True, visibility_timeout=30)
    [first, _] = driver.start(*'ab', group='g')
    driver.postpone(first)
    driver.settle(driver.wait_for(ChangeVisibility), CallResult.OK, CallResult.RETRY)
    driver.now = 45.0
    assert not driver.engine.begin(first, driver.now)
    driver.start_expired(first)
    assert driver.noticed(Notice.EXPIRED)[-1] == 'a'
    assert driver.engine.in_flight <= 1  # the follower until its release succeeded


def test_a_message_that_did_not_begin_before_a_stop_is_released() -> None:
    driver = EngineDriver(visibility_timeout=30, grace_period=20.0)
    [message] = driver.start('a')
    driver.postpone(message)
    driver.stop()
    assert not driver.engine.begin(message, driver.now)
    driver.start_expired(message)
    assert visibility_changes(driver.change()) == {'a': 0}
    assert driver.noticed(Notice.RELEASED) == ['a']


def test_a_message_that_never_began_is_released_when_the_grace_period_ends() -> None:
    driver = EngineDriver(visibility_timeout=30, grace_period=5.0)
    [message] = driver.start('a')
    driver.postpone(message)
    driver.stop()
    driver.now = 5.0
    assert visibility_changes(driver.change()) == {'a': 0}
    assert driver.noticed(Notice.RELEASED_IN_PROGRESS) == []
    assert not driver.engine.begin(message, driver.now)


# Late answers


def test_after_a_late_answer_messages_are_hidden_for_longer() -> None:
    """Otherwise no message of a slow server would ever begin."""
    driver = EngineDriver(wait_time_seconds=0, visibility_timeout=2)
    driver.steps()
    driver.now = 2.5
    driver.receive('a')
    driver.steps()
    assert driver.noticed(Notice.EXPIRED) == ['a']
    [receive] = driver.receives
    assert receive.visibility_timeout == 2 + 3
    driver.now = 5.0
    [message] = driver.start('a')
    assert message.begun_at == 5.0
    assert message.hidden_until == 2.5 + 5


@pytest.mark.parametrize(('timeout', 'late_after'), [(2, 0.5), (5, 1.25), (8, 2.0), (30, 2.0)])
def test_an_answer_is_late_after_two_seconds_or_a_quarter_of_the_visibility_timeout(
    timeout: int, late_after: float
) -> None:
    for lateness, hidden_until in [
        (late_after, timeout + 1 + late_after),
        (late_after + 0.01, timeout),
    ]:
        driver = EngineDriver(wait_time_seconds=1, visibility_timeout=timeout)
        driver.steps()
        driver.now = 1 + lateness
        [message] = driver.receive('a')
        assert message.hidden_until == hidden_until


def test_the_longer_visibility_timeout_shrinks_after_answers_in_time() -> None:
    driver = EngineDriver(wait_time_seconds=1, visibility_timeout=2)
    driver.steps()
    driver.now = 5.0
    driver.start('a')
    asked = []
    for _ in range(4):
        [receive] = driver.receives or [driver.wait_for(Receive)]
        asked.append(receive.visibility_timeout)
        driver.now += 1.0
        driver.receive()
    assert asked == [7, 4, 3, 2]
