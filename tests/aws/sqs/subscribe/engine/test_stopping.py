"""The end of the work: nothing new, nothing lost, and not for ever."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    ChangeVisibility,
    DeadLetter,
    Delete,
    EntryResult,
    Notice,
    Receive,
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


def test_one_that_has_nothing_in_hand_and_asks_for_nothing_ends_at_once() -> None:
    driver = EngineDriver()
    assert not driver.is_finished
    driver.stop()
    assert driver.is_finished
    assert driver.steps() == []


def test_after_a_stop_nothing_is_received_or_started() -> None:
    driver = EngineDriver(concurrency=2)
    first, *_ = driver.start(*'abc')
    driver.stop()
    driver.processed(first)
    found = [action for _, action in driver.until(100.0)]
    assert of(Receive, found) == []
    assert of(Begin, found) == []


def test_what_waits_is_given_back_at_once_whoever_is_still_in_work() -> None:
    driver = EngineDriver(concurrency=1)
    driver.start(*'abc')
    driver.stop()
    assert visibility_changes(driver.change()) == {'b': 0, 'c': 0}
    assert driver.noticed(Notice.RELEASED) == ['b', 'c']


def test_what_a_receive_brings_after_the_stop_is_given_back() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.receive('a')
    call = driver.change()
    assert visibility_changes(call) == {'a': 0}
    assert not driver.is_finished
    driver.settle(call)
    assert driver.is_finished


def test_it_waits_for_the_answers_to_its_last_calls() -> None:
    driver = EngineDriver(concurrency=2)
    first, second = driver.start(*'ab')
    driver.engine.receive_interrupted(driver.polls.pop())
    driver.stop()
    driver.processed(first)
    driver.left_in_queue(second, 60)
    leave, ack = driver.steps()
    assert isinstance(leave, ChangeVisibility)
    assert isinstance(ack, Delete)
    driver.settle(ack)
    assert not driver.is_finished
    driver.settle(leave)
    assert driver.is_finished


def test_fault_85_what_is_in_work_is_finished_and_deleted() -> None:
    driver = EngineDriver(grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.until(GRACE - 1.0)
    assert not driver.is_finished
    driver.processed(message)
    driver.settle(driver.delete())
    assert driver.is_finished
    assert driver.notices == [(Notice.DELETED, 'a')]


def test_what_has_not_ended_in_its_grace_period_is_given_back() -> None:
    driver = EngineDriver(grace_period=GRACE)
    driver.start('a')
    driver.stop()
    call = driver.wait_for(ChangeVisibility)
    assert (driver.now, visibility_changes(call)) == (GRACE, {'a': 0})
    assert driver.notices == [(Notice.RELEASED_IN_PROGRESS, 'a')]
    driver.settle(call)
    assert driver.is_finished


def test_without_a_grace_period_it_is_given_back_at_once() -> None:
    driver = EngineDriver(grace_period=0.0)
    driver.start('a')
    driver.stop()
    assert visibility_changes(driver.change()) == {'a': 0}


def test_what_is_in_work_is_kept_hidden_in_its_grace_period() -> None:
    driver = EngineDriver(grace_period=GRACE, max_processing_time=600.0, visibility_timeout=10)
    driver.start('a')
    driver.stop()
    assert visibility_changes(driver.wait_for(ChangeVisibility)) == {'a': 10}
    assert driver.now == 5.0


@pytest.mark.parametrize('verdict', ['processed', 'left_in_queue', 'to_dead_letter'])
def test_a_verdict_that_comes_after_that_is_of_no_interest(verdict: str) -> None:
    """The message is somebody else's: it must not be deleted, nor be hidden from them."""
    driver = EngineDriver(grace_period=0.0)
    [message] = driver.start('a')
    driver.stop()
    call = driver.change()
    getattr(driver, verdict)(message)
    assert ids(driver.steps()) == []
    driver.settle(call)
    assert ids(action for _, action in driver.until(100.0)) == []


def test_a_poll_that_is_under_way_is_waited_for_for_a_moment() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.until(0.9 * INTERRUPT_TIMEOUT)
    assert not driver.is_finished
    driver.until(INTERRUPT_TIMEOUT)
    assert driver.is_finished


def test_a_poll_that_was_broken_off_is_not_waited_for() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.engine.receive_interrupted(driver.polls.pop())
    assert driver.is_finished


def test_a_poll_may_take_its_time_while_work_does() -> None:
    """What it brings is given back all the same."""
    driver = EngineDriver(concurrency=2, grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.until(10.0)
    driver.receive('b')
    assert visibility_changes(driver.change()) == {'b': 0}
    assert not driver.is_finished
    driver.processed(message)


@pytest.mark.parametrize(
    'told', [EntryResult.RETRY, None], ids=['failing calls', 'calls without answer']
)
def test_whatever_happens_it_ends(told: EntryResult | None) -> None:
    driver = EngineDriver(concurrency=3, grace_period=GRACE, visibility_timeout=600)
    first, second, *_ = driver.start(*'abcd')
    driver.stop()
    driver.processed(first)
    driver.to_dead_letter(second)
    while driver.now < GRACE + SETTLE_TIMEOUT:
        assert not driver.is_finished
        for action in driver.steps():
            if told and isinstance(action, (Delete, ChangeVisibility)):
                driver.settle(action, *[told] * len(action.entries))
        driver.now = min(max(driver.engine.next_deadline, driver.now), GRACE + SETTLE_TIMEOUT)
    assert driver.is_finished


def test_deletes_that_fail_are_made_again_while_there_is_time() -> None:
    driver = EngineDriver(grace_period=GRACE)
    [message] = driver.start('a')
    driver.stop()
    driver.processed(message)
    driver.settle(driver.delete(), EntryResult.RETRY)
    assert not driver.is_finished
    driver.settle(driver.wait_for(Delete))
    assert driver.is_finished


def test_what_is_on_its_way_to_the_dead_letter_queue_gets_there() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.to_dead_letter(message)
    driver.stop()
    [send] = of(DeadLetter, driver.steps())
    assert not driver.is_finished
    driver.dead_lettered(send)
    driver.settle(driver.delete())
    assert driver.is_finished


def test_on_a_fifo_queue_the_head_is_given_back_last() -> None:
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


def test_a_pause_does_not_keep_a_stop_from_its_end() -> None:
    driver = EngineDriver(concurrency=1)
    first, _ = driver.start(*'ab')
    driver.engine.pause()
    driver.stop()
    driver.settle(driver.change())
    driver.processed(first)
    driver.settle(driver.delete())
    assert driver.is_finished


# Work until the queue is empty


def test_two_receives_in_a_row_that_find_nothing_end_what_goes_until_the_queue_is_empty() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    assert not driver.engine.is_stopping
    driver.steps()
    driver.receive()
    assert driver.is_finished
    assert driver.engine.failure is None


@pytest.mark.parametrize(('wait', 'waits'), [(0, 0), (1, 1), (20, 1)])
def test_they_wait_for_a_second_at_most(wait: int, waits: int) -> None:
    driver = EngineDriver(until_empty=True, wait_time_seconds=wait)
    assert driver.steps() == [Receive(10, waits, 0.0, 0)]


def test_a_message_between_them_has_them_begin_anew() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    driver.processed(*driver.start('a'))
    driver.steps()
    driver.receive()
    driver.settle(driver.delete())
    assert not driver.engine.is_stopping
    driver.steps()
    driver.receive()
    assert driver.is_finished


def test_it_does_not_end_while_something_is_in_hand() -> None:
    driver = EngineDriver(until_empty=True, concurrency=2)
    [message] = driver.start('a')
    for _ in range(4):
        driver.receive()
        driver.steps()
    assert not driver.engine.is_stopping
    driver.processed(message)
    driver.settle(driver.wait_for(Delete))
    assert not driver.engine.is_stopping
    while not driver.engine.is_stopping:
        driver.receive()
        driver.steps()
    assert driver.is_finished


def test_a_receive_that_fails_ends_it_with_that_error() -> None:
    driver = EngineDriver(until_empty=True)
    driver.receive()
    driver.fail()
    assert driver.engine.failure is ERROR
    assert driver.is_finished


def test_what_stays_in_the_queue_is_not_waited_for() -> None:
    driver = EngineDriver(until_empty=True)
    [message] = driver.start('a')
    driver.left_in_queue(message)
    for _ in range(2):
        driver.receive()
        driver.steps()
    assert driver.is_finished
