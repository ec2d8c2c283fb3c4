"""FIFO queues: the messages of a group start one by one, and none overtakes another."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Notice,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.retries import MAX_ATTEMPTS
from tests.aws.sqs.subscribe.engine.driver import Begin, EngineDriver, of, visibility_changes


def fifo(**settings: Any) -> EngineDriver:
    return EngineDriver(is_fifo=True, **{'concurrency': 10, **settings})


def started(driver: EngineDriver) -> list[str]:
    """Return the ids of all messages that workers began."""
    driver.steps()
    return [message.id for message in driver.begun]


def test_one_message_of_a_group_is_in_processing_at_a_time() -> None:
    driver = fifo()
    driver.receive(*'abc', group='g')
    assert started(driver) == ['a']


def test_groups_do_not_wait_for_each_other() -> None:
    driver = fifo()
    driver.receive('a1', 'a2', group='a')
    driver.receive('b1', 'b2', group='b')
    assert started(driver) == ['a1', 'b1']


def test_the_next_message_of_a_group_starts_after_the_delete_of_the_previous_one() -> None:
    driver = fifo()
    first, *_ = driver.start(*'abc', group='g')
    driver.processed(first)
    ack = driver.delete()
    assert of(Begin, [action for _, action in driver.until(1.0)]) == []
    driver.settle(ack)
    assert started(driver) == ['a', 'b']


def test_messages_without_a_known_group_are_one_group() -> None:
    driver = fifo()
    driver.receive(*'ab')
    driver.receive('c', group='g')
    assert started(driver) == ['a', 'c']
    driver.processed(driver.begun[0])
    driver.settle(driver.delete())
    assert started(driver) == ['a', 'c', 'b']


def test_a_later_message_queues_behind_its_group() -> None:
    driver = fifo()
    driver.start(*'ab', group='g')
    driver.start('c', group='g')
    while len(driver.begun) < 3:
        driver.processed(driver.begun[-1])
        driver.settle(driver.delete())
        driver.steps()
    assert started(driver) == ['a', 'b', 'c']


def test_on_a_standard_queue_groups_have_no_effect() -> None:
    """On a standard queue, groups are for SQS's fair queues and have no order."""
    driver = EngineDriver(concurrency=10)
    driver.receive(*'abc', group='g')
    assert started(driver) == ['a', 'b', 'c']


# When the head of a group stays in the queue


def test_followers_are_released_before_the_message_that_stays() -> None:
    """A consumer that receives the head first could start it after its followers."""
    driver = fifo()
    first, *_ = driver.start(*'abc', group='g')
    driver.retry_requested(first, 0)
    release = driver.change()
    assert visibility_changes(release) == {'c': 0, 'b': 0}
    assert driver.noticed(Notice.RELEASED) == ['c', 'b']
    driver.settle(release)
    assert visibility_changes(driver.change()) == {'a': 0}


def test_the_message_that_stays_waits_for_its_last_follower() -> None:
    driver = fifo()
    first, *_ = driver.start(*'abc', group='g')
    driver.retry_requested(first, 5)
    driver.settle_with_failures(driver.change(), CallResult.RETRY, 'b')
    again = driver.wait_for(ChangeVisibility)
    assert visibility_changes(again) == {'b': 0}
    driver.settle(again)
    assert visibility_changes(driver.change()) == {'a': 5}


def test_other_groups_continue() -> None:
    driver = fifo()
    first, *_ = driver.start('a1', 'a2', group='a')
    other, *_ = driver.start('b1', 'b2', group='b')
    driver.retry_requested(first)
    driver.processed(other)
    driver.settle(driver.delete())
    assert started(driver) == ['a1', 'b1', 'b2']


@pytest.mark.parametrize('delay', [None, 0, 60])
def test_fault_110_no_follower_of_a_message_that_stays_starts(delay: int | None) -> None:
    driver = fifo()
    first, *_ = driver.start(*'abc', group='g')
    driver.retry_requested(first, delay)
    while driver.engine.in_flight:
        driver.settle(driver.wait_for(ChangeVisibility))
    assert started(driver) == ['a']


def test_no_follower_of_a_message_that_was_not_deleted_starts() -> None:
    """SQS delivers the message again, and its followers must start after it."""
    driver = fifo()
    first, *_ = driver.start(*'ab', group='g')
    driver.processed(first)
    for _ in range(MAX_ATTEMPTS):
        driver.settle(driver.wait_for(Delete), CallResult.RETRY)
    assert driver.noticed(Notice.NOT_DELETED) == ['a']
    assert visibility_changes(driver.change()) == {'b': 0}


def test_no_follower_of_a_message_that_was_not_dead_lettered_starts() -> None:
    driver = fifo()
    first, *_ = driver.start(*'ab', group='g')
    driver.failed_permanently(first)
    [send] = of(SendDeadLetter, driver.steps())
    driver.dead_lettered(send, CallResult.FAILED)
    assert visibility_changes(driver.change()) == {'b': 0}


def test_no_follower_of_a_lost_message_starts() -> None:
    driver = fifo(max_processing_time=600.0)
    first, *_ = driver.start(*'ab', group='g')
    driver.now = 15.0
    driver.settle_with_failures(driver.change(), CallResult.FAILED, 'a')
    driver.processed(first)
    assert visibility_changes(driver.change()) == {'b': 0}


def test_fault_114_no_follower_of_an_expired_message_starts() -> None:
    driver = fifo(concurrency=2, max_number_of_messages=2, visibility_timeout=30)
    driver.steps()
    busy = [*driver.start('x', group='x'), *driver.start('y', group='y')]
    driver.start(*'ab', group='g')
    driver.now = 15.0
    driver.settle_with_failures(driver.change(), CallResult.FAILED, 'a')
    driver.processed(*busy)
    assert visibility_changes(driver.change()) == {'b': 0}
    assert driver.noticed(Notice.EXPIRED) == ['a']
    assert started(driver) == ['x', 'y']


def test_a_released_group_starts_again_from_its_head() -> None:
    driver = fifo()
    first, *_ = driver.start(*'ab', group='g')
    driver.retry_requested(first, 0)
    driver.settle(driver.change())
    driver.settle(driver.change())
    driver.receive(*'ab', group='g')
    assert started(driver) == ['a', 'a']


def test_a_message_becomes_visible_after_its_followers_of_the_same_receive() -> None:
    """An earlier delivery of the group, whose release got no response, does not change that."""
    driver = EngineDriver(concurrency=9, is_fifo=True)
    a, _, _ = driver.start(*'abc', group='g')
    driver.retry_requested(a)
    driver.settle_with_failures(driver.change(), CallResult.RETRY, 'c')
    driver.now = 0.1
    driver.receive('a', 'b', group='g')
    driver.stop()
    call = driver.change()
    assert visibility_changes(call) == {'b': 0}
    driver.settle(call)
    assert visibility_changes(driver.change()) == {'a': 0}
