"""The end of the work: nothing new, nothing lost, and not for ever."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Notice,
    Process,
    Receive,
)
from mega.aws.sqs.subscribe.engine.engine import INTERRUPT_TIMEOUT, SETTLE_TIMEOUT
from tests.aws.sqs.subscribe.engine.driving import ERROR, Driven, changes, ids, of

GRACE = 20.0


def test_one_that_has_nothing_in_hand_and_asks_for_nothing_ends_at_once() -> None:
    driven = Driven()
    assert not driven.is_finished
    driven.stop()
    assert driven.is_finished
    assert driven.actions() == []


def test_after_a_stop_nothing_is_received_or_started() -> None:
    driven = Driven(concurrency=2)
    first, *_ = driven.start(*'abc')
    driven.stop()
    driven.processed(first)
    found = [action for _, action in driven.until(100.0)]
    assert of(Receive, found) == []
    assert of(Process, found) == []


def test_what_waits_is_given_back_at_once_whoever_is_still_in_work() -> None:
    driven = Driven(concurrency=1)
    driven.start(*'abc')
    driven.stop()
    assert changes(driven.change()) == {'b': 0, 'c': 0}
    assert driven.happened(Notice.RELEASED) == ['b', 'c']


def test_what_a_receive_brings_after_the_stop_is_given_back() -> None:
    driven = Driven()
    driven.actions()
    driven.stop()
    driven.bring('a')
    call = driven.change()
    assert changes(call) == {'a': 0}
    assert not driven.is_finished
    driven.settle(call)
    assert driven.is_finished


def test_it_waits_for_the_answers_to_its_last_calls() -> None:
    driven = Driven(concurrency=2)
    first, second = driven.start(*'ab')
    driven.engine.broken_off(driven.polls.pop())
    driven.stop()
    driven.processed(first)
    driven.left(second, 60)
    leave, ack = driven.actions()
    assert isinstance(leave, ChangeVisibility)
    assert isinstance(ack, Ack)
    driven.settle(ack)
    assert not driven.is_finished
    driven.settle(leave)
    assert driven.is_finished


def test_fault_85_what_is_in_work_is_finished_and_deleted() -> None:
    driven = Driven(grace_period=GRACE)
    [message] = driven.start('a')
    driven.stop()
    driven.until(GRACE - 1.0)
    assert not driven.is_finished
    driven.processed(message)
    driven.settle(driven.ack())
    assert driven.is_finished
    assert driven.told == [(Notice.DELETED, 'a')]


def test_what_has_not_ended_in_its_grace_period_is_given_back() -> None:
    driven = Driven(grace_period=GRACE)
    driven.start('a')
    driven.stop()
    call = driven.wait_for(ChangeVisibility)
    assert (driven.now, changes(call)) == (GRACE, {'a': 0})
    assert driven.told == [(Notice.RELEASED_IN_PROGRESS, 'a')]
    driven.settle(call)
    assert driven.is_finished


def test_without_a_grace_period_it_is_given_back_at_once() -> None:
    driven = Driven(grace_period=0.0)
    driven.start('a')
    driven.stop()
    assert changes(driven.change()) == {'a': 0}


def test_what_is_in_work_is_kept_hidden_in_its_grace_period() -> None:
    driven = Driven(grace_period=GRACE, max_processing_time=600.0, visibility_timeout=10)
    driven.start('a')
    driven.stop()
    assert changes(driven.wait_for(ChangeVisibility)) == {'a': 10}
    assert driven.now == 5.0


@pytest.mark.parametrize('verdict', ['processed', 'left', 'failed'])
def test_a_verdict_that_comes_after_that_is_of_no_interest(verdict: str) -> None:
    """The message is somebody else's: it must not be deleted, nor be hidden from them."""
    driven = Driven(grace_period=0.0)
    [message] = driven.start('a')
    driven.stop()
    call = driven.change()
    more = (60,) if verdict == 'left' else ()
    getattr(driven.engine, verdict)(message, *more, driven.now)
    assert ids(driven.actions()) == []
    driven.settle(call)
    assert ids(action for _, action in driven.until(100.0)) == []


def test_a_poll_that_is_under_way_is_waited_for_for_a_moment() -> None:
    driven = Driven()
    driven.actions()
    driven.stop()
    driven.until(0.9 * INTERRUPT_TIMEOUT)
    assert not driven.is_finished
    driven.until(INTERRUPT_TIMEOUT)
    assert driven.is_finished


def test_a_poll_that_was_broken_off_is_not_waited_for() -> None:
    driven = Driven()
    driven.actions()
    driven.stop()
    driven.engine.broken_off(driven.polls.pop())
    assert driven.is_finished


def test_a_poll_may_take_its_time_while_work_does() -> None:
    """What it brings is given back all the same."""
    driven = Driven(concurrency=2, grace_period=GRACE)
    [message] = driven.start('a')
    driven.stop()
    driven.until(10.0)
    driven.bring('b')
    assert changes(driven.change()) == {'b': 0}
    assert not driven.is_finished
    driven.processed(message)


@pytest.mark.parametrize(
    'told', [EntryResult.RETRY, None], ids=['failing calls', 'calls without answer']
)
def test_whatever_happens_it_ends(told: EntryResult | None) -> None:
    driven = Driven(concurrency=3, grace_period=GRACE, visibility_timeout=600)
    first, second, *_ = driven.start(*'abcd')
    driven.stop()
    driven.processed(first)
    driven.engine.failed(second, driven.now)
    while driven.now < GRACE + SETTLE_TIMEOUT:
        assert not driven.is_finished
        for action in driven.actions():
            if told and isinstance(action, (Ack, ChangeVisibility)):
                driven.settle(action, *[told] * len(action.entries))
        driven.now = min(max(driven.engine.next_deadline, driven.now), GRACE + SETTLE_TIMEOUT)
    assert driven.is_finished


def test_deletes_that_fail_are_made_again_while_there_is_time() -> None:
    driven = Driven(grace_period=GRACE)
    [message] = driven.start('a')
    driven.stop()
    driven.processed(message)
    driven.settle(driven.ack(), EntryResult.RETRY)
    assert not driven.is_finished
    driven.settle(driven.wait_for(Ack))
    assert driven.is_finished


def test_what_is_on_its_way_to_the_dead_letter_queue_gets_there() -> None:
    driven = Driven()
    [message] = driven.start('a')
    driven.engine.failed(message, driven.now)
    driven.stop()
    [send] = of(DeadLetter, driven.actions())
    assert not driven.is_finished
    driven.engine.dead_lettered(send.delivery, EntryResult.DONE, driven.now)
    driven.settle(driven.ack())
    assert driven.is_finished


def test_on_a_fifo_queue_the_head_is_given_back_last() -> None:
    driven = Driven(is_fifo=True, concurrency=2, grace_period=0.0)
    driven.start(*'abc', group='g')
    driven.stop()
    release = driven.change()
    assert set(changes(release)) == {'b', 'c'}
    driven.settle(release)
    assert changes(driven.change()) == {'a': 0}


def test_a_second_stop_changes_nothing() -> None:
    driven = Driven(grace_period=GRACE)
    driven.start('a')
    driven.stop()
    driven.until(GRACE / 2)
    driven.stop()
    driven.wait_for(ChangeVisibility)
    assert driven.now == GRACE


def test_a_pause_does_not_keep_a_stop_from_its_end() -> None:
    driven = Driven(concurrency=1)
    first, _ = driven.start(*'ab')
    driven.engine.pause()
    driven.stop()
    driven.settle(driven.change())
    driven.processed(first)
    driven.settle(driven.ack())
    assert driven.is_finished


# Work until the queue is empty


def test_two_receives_in_a_row_that_find_nothing_end_what_goes_until_the_queue_is_empty() -> None:
    driven = Driven(until_empty=True)
    driven.bring()
    assert not driven.engine.is_stopping
    driven.actions()
    driven.bring()
    assert driven.is_finished
    assert driven.engine.failure is None


@pytest.mark.parametrize(('wait', 'waits'), [(0, 0), (1, 1), (20, 1)])
def test_they_wait_for_a_second_at_most(wait: int, waits: int) -> None:
    driven = Driven(until_empty=True, wait_time_seconds=wait)
    assert driven.actions() == [Receive(10, waits, 0.0, 0)]


def test_a_message_between_them_has_them_begin_anew() -> None:
    driven = Driven(until_empty=True)
    driven.bring()
    driven.processed(*driven.start('a'))
    driven.actions()
    driven.bring()
    driven.settle(driven.ack())
    assert not driven.engine.is_stopping
    driven.actions()
    driven.bring()
    assert driven.is_finished


def test_it_does_not_end_while_something_is_in_hand() -> None:
    driven = Driven(until_empty=True, concurrency=2)
    [message] = driven.start('a')
    for _ in range(4):
        driven.bring()
        driven.actions()
    assert not driven.engine.is_stopping
    driven.processed(message)
    driven.settle(driven.wait_for(Ack))
    assert not driven.engine.is_stopping
    while not driven.engine.is_stopping:
        driven.bring()
        driven.actions()
    assert driven.is_finished


def test_a_receive_that_fails_ends_it_with_that_error() -> None:
    driven = Driven(until_empty=True)
    driven.bring()
    driven.fail()
    assert driven.engine.failure is ERROR
    assert driven.is_finished


def test_what_stays_in_the_queue_is_not_waited_for() -> None:
    driven = Driven(until_empty=True)
    [message] = driven.start('a')
    driven.left(message)
    for _ in range(2):
        driven.bring()
        driven.actions()
    assert driven.is_finished
