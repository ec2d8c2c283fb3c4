"""A stop starts no message, loses no message, and ends in limited time."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Notice,
    Receive,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.stopping import INTERRUPT_TIMEOUT, SETTLE_TIMEOUT
from tests.aws.sqs.subscribe.engine.driver import (
    ERROR,
    Begin,
    EngineDriver,
    ids,
    of,
    visibility_changes,
)

GRACE = 20.0


def test_a_stop_without_messages_and_receives_ends_at_once() -> None:
    driver = EngineDriver()
    assert not driver.is_finished
    driver.stop()
    assert driver.is_finished
    assert driver.steps() == []


def test_after_a_stop_the_engine_receives_and_starts_no_message() -> None:
    driver = EngineDriver(concurrency=2)
    first, *_ = driver.start(*'abc')
    driver.stop()
    driver.processed(first)
    found = [action for _, action in driver.until(100.0)]
    assert of(Receive, found) == []
    assert of(Begin, found) == []


def test_waiting_messages_are_released_at_once() -> None:
    driver = EngineDriver(concurrency=1)
    driver.start(*'abc')
    driver.stop()
    assert visibility_changes(driver.change()) == {'b': 0, 'c': 0}
    assert driver.noticed(Notice.RELEASED) == ['b', 'c']


def test_messages_received_after_a_stop_are_released() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.receive('a')
    call = driver.change()
    assert visibility_changes(call) == {'a': 0}
    assert not driver.is_finished
    driver.settle(call)
    assert driver.is_finished


def test_a_stop_waits_for_its_last_calls() -> None:
    driver = EngineDriver(concurrency=2)
    first, second = driver.start(*'ab')
    driver.engine.receive_interrupted(driver.receives.pop())
    driver.stop()
    driver.processed(first)
    driver.retry_requested(second, 60)
    leave, ack = driver.steps()
    assert isinstance(leave, ChangeVisibility)
    assert isinstance(ack, Delete)
    driver.settle(ack)
    assert not driver.is_finished
    driver.settle(leave)
    assert driver.is_finished


def test_fault_85_a_message_in_processing_is_finished_and_deleted() -> None:
    driver = EngineDriver(grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.until(GRACE - 1.0)
    assert not driver.is_finished
    driver.processed(message)
    driver.settle(driver.delete())
    assert driver.is_finished
    assert driver.notices == [(Notice.DELETED, 'a')]


def test_a_message_in_processing_is_released_after_the_grace_period() -> None:
    driver = EngineDriver(grace_period=GRACE)
    driver.start('a')
    driver.stop()
    call = driver.wait_for(ChangeVisibility)
    assert (driver.now, visibility_changes(call)) == (GRACE, {'a': 0})
    assert driver.notices == [(Notice.RELEASED_IN_PROGRESS, 'a')]
    driver.settle(call)
    assert driver.is_finished


def test_a_message_that_is_released_in_processing_is_lost() -> None:
    driver = EngineDriver(grace_period=0.0)
    [message] = driver.start('m0')
    assert not message.is_lost
    driver.stop()
    driver.steps()
    assert message.is_lost


def test_without_a_grace_period_it_is_released_at_once() -> None:
    driver = EngineDriver(grace_period=0.0)
    driver.start('a')
    driver.stop()
    assert visibility_changes(driver.change()) == {'a': 0}


def test_messages_in_processing_are_extended_during_the_grace_period() -> None:
    driver = EngineDriver(grace_period=GRACE, max_processing_time=600.0, visibility_timeout=10)
    driver.start('a')
    driver.stop()
    assert visibility_changes(driver.wait_for(ChangeVisibility)) == {'a': 10}
    assert driver.now == 5.0


@pytest.mark.parametrize('end_processing', ['processed', 'retry_requested', 'failed_permanently'])
def test_a_settlement_after_the_release_has_no_effect(end_processing: str) -> None:
    """Another consumer may have the message. The engine must not delete it or hide it."""
    driver = EngineDriver(grace_period=0.0)
    [message] = driver.start('a')
    driver.stop()
    call = driver.change()
    getattr(driver, end_processing)(message)
    assert ids(driver.steps()) == []
    driver.settle(call)
    assert ids(action for _, action in driver.until(100.0)) == []


def test_a_stop_waits_shortly_for_a_receive() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.until(0.9 * INTERRUPT_TIMEOUT)
    assert not driver.is_finished
    driver.until(INTERRUPT_TIMEOUT)
    assert driver.is_finished


def test_a_stop_does_not_wait_for_an_interrupted_receive() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.engine.receive_interrupted(driver.receives.pop())
    assert driver.is_finished


def test_a_receive_may_take_as_long_as_the_processing() -> None:
    """The engine releases the messages of such a receive."""
    driver = EngineDriver(concurrency=2, grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.until(10.0)
    driver.receive('b')
    assert visibility_changes(driver.change()) == {'b': 0}
    assert not driver.is_finished
    driver.processed(message)


@pytest.mark.parametrize(
    'result', [CallResult.RETRY, None], ids=['failing calls', 'calls without answer']
)
def test_a_stop_always_ends(result: CallResult | None) -> None:
    driver = EngineDriver(concurrency=3, grace_period=GRACE, visibility_timeout=600)
    first, second, *_ = driver.start(*'abcd')
    driver.stop()
    driver.processed(first)
    driver.failed_permanently(second)
    while driver.now < GRACE + SETTLE_TIMEOUT:
        assert not driver.is_finished
        for action in driver.steps():
            if result and isinstance(action, (Delete, ChangeVisibility)):
                driver.settle(action, *[result] * len(action.entries))
        driver.now = min(max(driver.engine.next_deadline, driver.now), GRACE + SETTLE_TIMEOUT)
    assert driver.is_finished


def test_failed_deletes_are_repeated_during_a_stop() -> None:
    driver = EngineDriver(grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.processed(message)
    driver.settle(driver.delete(), CallResult.RETRY)
    assert not driver.is_finished
    driver.settle(driver.wait_for(Delete))
    assert driver.is_finished


def test_a_dead_letter_is_sent_during_a_stop() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.failed_permanently(message)
    driver.stop()
    [send] = of(SendDeadLetter, driver.steps())
    assert not driver.is_finished
    driver.dead_lettered(send)
    driver.settle(driver.delete())
    assert driver.is_finished


def test_on_a_fifo_queue_the_head_is_released_last() -> None:
    driver = EngineDriver(is_fifo=True, concurrency=2, grace_period=0.0)
    driver.start(*'abc', group='g')
    driver.stop()
    release = driver.change()
    assert set(visibility_changes(release)) == {'b', 'c'}
    driver.settle(release)
    assert visibility_changes(driver.change()) == {'a': 0}


def test_a_second_stop_changes_nothing() -> None:
    driver = EngineDriver(grace_period=GRACE)
    driver.start('a')
    driver.stop()
    driver.until(GRACE / 2)
    driver.stop()
    driver.wait_for(ChangeVisibility)
    assert driver.now == GRACE


def test_a_pause_does_not_prevent_the_end_of_a_stop() -> None:
    driver = EngineDriver(concurrency=1)
    first, _ = driver.start(*'ab')
    driver.engine.pause()
    driver.stop()
    driver.settle(driver.change())
    driver.processed(first)
    driver.settle(driver.delete())
    assert driver.is_finished


# Drain: process until the queue is empty


def test_two_empty_receives_in_a_row_end_a_drain() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    assert not driver.engine.is_stopping
    driver.steps()
    driver.receive()
    driver.steps()
    assert driver.is_finished
    assert driver.engine.failure is None


@pytest.mark.parametrize(('wait', 'waits'), [(0, 0), (1, 1), (20, 1)])
def test_the_receives_of_a_drain_wait_at_most_a_second(wait: int, waits: int) -> None:
    driver = EngineDriver(until_empty=True, wait_time_seconds=wait)
    assert driver.steps() == [Receive(10, waits, 0.0, 0)]


def test_a_message_between_empty_receives_resets_their_count() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    driver.processed(*driver.start('a'))
    driver.steps()
    driver.receive()
    driver.settle(driver.delete())
    assert not driver.engine.is_stopping
    driver.steps()
    driver.receive()
    driver.steps()
    assert driver.is_finished


def test_a_drain_does_not_end_with_messages_in_flight() -> None:
    driver = EngineDriver(until_empty=True, concurrency=2)
    [message] = driver.start('a')
    for _ in range(4):
        driver.now += 1.0
        driver.receive()
        driver.steps()
    assert not driver.engine.is_stopping
    driver.processed(message)
    driver.settle(driver.wait_for(Delete))
    assert not driver.engine.is_stopping
    while not driver.engine.is_stopping:
        driver.now += 1.0
        driver.receive()
        driver.steps()
    assert driver.is_finished


def test_a_failed_receive_ends_a_drain_with_its_error() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    driver.fail()
    assert driver.engine.failure is ERROR
    assert driver.is_finished


def test_a_drain_does_not_wait_for_messages_left_in_the_queue() -> None:
    driver = EngineDriver(until_empty=True)
    [message] = driver.start('a')
    driver.retry_requested(message)
    for _ in range(2):
        driver.receive()
        driver.steps()
    assert driver.is_finished


def test_during_a_stop_a_message_is_lost_when_the_timeout_of_its_newer_handle_ends() -> None:
    driver = EngineDriver(concurrency=2, visibility_timeout=4, grace_period=20.0)
    [message] = driver.start('a')
    driver.stop()
    driver.until(4.0)
    assert message.is_lost
    driver.receive('a', handle='newer')
    assert not message.is_lost
    driver.until(8.0)
    assert message.is_lost
