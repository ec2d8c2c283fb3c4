"""A drain processes each message once, and ends when nothing else is left."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Notice,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery, Phase
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, of, visibility_changes


def drain(**settings: Any) -> EngineDriver:
    return EngineDriver(**{'until_empty': True, 'wait_time_seconds': 1, **settings})


def leave(driver: EngineDriver, name: str, delay: int) -> Delivery:
    """Process a message that asks for a retry."""
    [message] = driver.start(name)
    driver.retry_requested(message, delay)
    if delay:
        driver.settle(driver.change())
    return message


def receive_nothing_twice(driver: EngineDriver) -> None:
    for _ in range(2):
        driver.now += 1.0
        driver.receive()
        driver.steps()


def test_a_message_that_may_be_visible_at_once_is_held_until_the_drain_ends() -> None:
    driver = drain()
    message = leave(driver, 'a', 0)
    assert message.phase is Phase.HELD
    for _ in range(2):
        assert of(ChangeVisibility, driver.steps()) == []
        driver.now += 1.0
        driver.receive()
    release = driver.change()
    assert visibility_changes(release) == {'a': 0}
    driver.settle(release)
    assert driver.is_finished
    assert driver.noticed(Notice.RELEASED) == []


def test_a_message_that_was_left_is_not_begun_again() -> None:
    driver = drain()
    leave(driver, 'a', 1)
    [again] = driver.start('a')
    assert again.phase is Phase.HELD
    assert [each.id for each in driver.begun] == ['a']


def test_a_message_that_is_delivered_again_is_released_when_the_drain_ends() -> None:
    driver = drain()
    leave(driver, 'a', 1)
    driver.start('a')
    driver.stop()
    release = driver.change()
    assert visibility_changes(release) == {'a': 0}
    assert driver.noticed(Notice.RELEASED) == ['a']


def test_a_held_message_stays_hidden_so_that_other_messages_are_received() -> None:
    driver = drain(max_number_of_messages=1, visibility_timeout=30)
    leave(driver, 'a', 0)
    for half in (1, 2, 3):
        call = driver.wait_for(ChangeVisibility)
        assert (driver.now, visibility_changes(call)) == (15.0 * half, {'a': 30})
        driver.settle(call)
    driver.receive()
    [other] = driver.start('b')
    assert other.phase is Phase.WORKING


def test_a_drain_ends_when_sqs_returns_only_messages_that_it_left() -> None:
    """This queue ignores visibility timeouts."""
    driver = drain()
    leave(driver, 'a', 0)
    for _ in range(2):
        assert not driver.engine.is_stopping
        driver.start('a')
    driver.steps()
    assert driver.engine.is_stopping


def test_a_drain_begins_no_message_behind_one_that_it_left_in_its_group() -> None:
    driver = drain(is_fifo=True)
    [first] = driver.start('a', group='g')
    driver.retry_requested(first, 1)
    driver.settle(driver.change())
    again = driver.receive('a', 'b', group='g')
    [other] = driver.start('c', group='h')
    assert [each.phase for each in again] == [Phase.HELD, Phase.HELD]
    assert other.phase is Phase.WORKING


def test_a_message_that_could_not_be_deleted_is_not_processed_again() -> None:
    driver = drain()
    [message] = driver.start('a')
    driver.processed(message)
    driver.settle(driver.wait_for(Delete), CallResult.FAILED)
    [again] = driver.start('a')
    assert again.phase is Phase.HELD


def test_a_message_that_expired_before_it_began_is_processed_when_it_comes_again() -> None:
    driver = drain(visibility_timeout=30, wait_time_seconds=1)
    driver.steps()
    driver.now = 40.0
    driver.start('a')
    assert driver.noticed(Notice.EXPIRED) == ['a']
    [again] = driver.start('a')
    assert again.phase is Phase.WORKING


def test_a_listener_begins_a_message_again_that_it_left() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.retry_requested(message, 0)
    driver.settle(driver.change())
    [again] = driver.start('a')
    assert again.phase is Phase.WORKING


def test_empty_receives_that_began_before_a_change_do_not_end_a_drain() -> None:
    """A message may have become visible after SQS searched the queue for them."""
    driver = drain(concurrency=10)
    [message] = driver.start('a')
    driver.steps()
    before = len(driver.receives)
    assert before == 2
    driver.processed(message)
    driver.settle(driver.wait_for(Delete))
    for _ in range(before):
        driver.receive()
    driver.steps()
    assert not driver.engine.is_stopping
    receive_nothing_twice(driver)
    assert driver.engine.is_stopping


# The limits of a drain


@pytest.mark.parametrize('size', [1, 2, 3, 10])
def test_a_drain_receives_at_most_max_messages(size: int) -> None:
    driver = drain(max_messages=3, max_number_of_messages=size, concurrency=10)
    driver.steps()
    taken = 0
    while driver.receives:
        names = [f'{taken + number}' for number in range(driver.receives[0].max_messages)]
        taken += len(names)
        driver.processed(*driver.start(*names))
        driver.steps()
    assert taken == 3
    driver.settle(driver.wait_for(Delete))
    driver.steps()
    assert driver.engine.is_stopping
    assert driver.is_finished


def test_a_drain_ends_after_max_messages_even_if_all_are_left() -> None:
    driver = drain(max_messages=1)
    [message] = driver.start('a')
    driver.retry_requested(message)
    assert driver.steps() == []
    assert driver.is_finished


def test_held_messages_do_not_count_as_max_messages() -> None:
    driver = drain(max_messages=2)
    leave(driver, 'a', 1)
    driver.receive('a')
    [other] = driver.start('b')
    assert other.phase is Phase.WORKING


def test_a_drain_stops_after_its_timeout() -> None:
    driver = drain(timeout=5.0)
    driver.now = 100.0
    [message] = driver.start('a')
    driver.until(104.9)
    assert not driver.engine.is_stopping
    driver.until(105.0)
    assert driver.engine.is_stopping
    assert not driver.is_finished
    driver.processed(message)
    driver.settle(driver.delete())
    assert driver.engine.in_flight == 0
