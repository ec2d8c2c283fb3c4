"""FIFO queues: one message of a group after the other, and never past one that stays."""

from __future__ import annotations

from typing import Any

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Notice,
    Process,
)
from mega.aws.sqs.subscribe.engine.engine import MAX_TRIES
from tests.aws.sqs.subscribe.engine.driving import Driven, changes, of


def fifo(**settings: Any) -> Driven:
    return Driven(is_fifo=True, **{'concurrency': 10, **settings})


def started(driven: Driven) -> list[str]:
    """What was ever started."""
    driven.actions()
    return [message.id for message in driven.started]


def test_one_of_a_group_is_in_work_at_a_time() -> None:
    driven = fifo()
    driven.bring(*'abc', group='g')
    assert started(driven) == ['a']


def test_groups_do_not_wait_for_each_other() -> None:
    driven = fifo()
    driven.bring('a1', 'a2', group='a')
    driven.bring('b1', 'b2', group='b')
    assert started(driven) == ['a1', 'b1']


def test_the_next_one_is_started_when_the_one_before_it_is_gone_and_not_before() -> None:
    driven = fifo()
    first, *_ = driven.start(*'abc', group='g')
    driven.processed(first)
    ack = driven.ack()
    assert of(Process, [action for _, action in driven.until(1.0)]) == []
    driven.settle(ack)
    assert started(driven) == ['a', 'b']


def test_what_comes_later_goes_behind() -> None:
    driven = fifo()
    driven.start(*'ab', group='g')
    driven.start('c', group='g')
    while len(driven.started) < 3:
        driven.processed(driven.started[-1])
        driven.settle(driven.ack())
        driven.actions()
    assert started(driven) == ['a', 'b', 'c']


def test_what_has_no_group_waits_for_nobody() -> None:
    driven = fifo()
    driven.bring('a', group='g')
    driven.bring('b')
    driven.bring('c')
    assert started(driven) == ['a', 'b', 'c']


def test_on_a_standard_queue_groups_mean_nothing() -> None:
    """There they share the queue fairly, and have no order."""
    driven = Driven(concurrency=10)
    driven.bring(*'abc', group='g')
    assert started(driven) == ['a', 'b', 'c']


# When the first one stays


def test_those_behind_one_that_stays_are_given_back_before_it_is() -> None:
    """Given back first it could be received, and started after them."""
    driven = fifo()
    first, *_ = driven.start(*'abc', group='g')
    driven.left(first, 0)
    release = driven.change()
    assert changes(release) == {'c': 0, 'b': 0}
    assert driven.happened(Notice.RELEASED) == ['c', 'b']
    driven.settle(release)
    assert changes(driven.change()) == {'a': 0}


def test_it_waits_until_the_last_of_them_is_given_back() -> None:
    driven = fifo()
    first, *_ = driven.start(*'abc', group='g')
    driven.left(first, 5)
    driven.settle_but(driven.change(), EntryResult.RETRY, 'b')
    again = driven.wait_for(ChangeVisibility)
    assert changes(again) == {'b': 0}
    driven.settle(again)
    assert changes(driven.change()) == {'a': 5}


def test_other_groups_go_on() -> None:
    driven = fifo()
    first, *_ = driven.start('a1', 'a2', group='a')
    other, *_ = driven.start('b1', 'b2', group='b')
    driven.left(first)
    driven.processed(other)
    driven.settle(driven.ack())
    assert started(driven) == ['a1', 'b1', 'b2']


@pytest.mark.parametrize('delay', [None, 0, 60])
def test_fault_110_nothing_behind_one_that_stays_is_started(delay: int | None) -> None:
    driven = fifo()
    first, *_ = driven.start(*'abc', group='g')
    driven.left(first, delay)
    while driven.engine.in_hand:
        driven.settle(driven.wait_for(ChangeVisibility))
    assert started(driven) == ['a']


def test_nor_behind_one_that_could_not_be_deleted() -> None:
    """It will come again, and they must come after it."""
    driven = fifo()
    first, *_ = driven.start(*'ab', group='g')
    driven.processed(first)
    for _ in range(MAX_TRIES):
        driven.settle(driven.wait_for(Ack), EntryResult.RETRY)
    assert driven.happened(Notice.NOT_DELETED) == ['a']
    assert changes(driven.change()) == {'b': 0}


def test_nor_behind_one_that_could_not_be_dead_lettered() -> None:
    driven = fifo()
    first, *_ = driven.start(*'ab', group='g')
    driven.engine.failed(first, driven.now)
    [send] = of(DeadLetter, driven.actions())
    driven.engine.dead_lettered(send.delivery, EntryResult.FAILED, driven.now)
    assert changes(driven.change()) == {'b': 0}


def test_nor_behind_one_that_others_may_have() -> None:
    driven = fifo(max_processing_time=600.0)
    first, *_ = driven.start(*'ab', group='g')
    driven.now = 15.0
    driven.settle_but(driven.change(), EntryResult.FAILED, 'a')
    driven.processed(first)
    assert changes(driven.change()) == {'b': 0}


def test_fault_114_nor_behind_one_that_was_not_started_in_time() -> None:
    driven = fifo(concurrency=2, max_number_of_messages=2, visibility_timeout=30)
    driven.actions()
    busy = [*driven.start('x', group='x'), *driven.start('y', group='y')]
    driven.start(*'ab', group='g')
    driven.now = 15.0
    driven.settle_but(driven.change(), EntryResult.FAILED, 'a')
    driven.processed(*busy)
    assert changes(driven.change()) == {'b': 0}
    assert driven.happened(Notice.EXPIRED) == ['a']
    assert started(driven) == ['x', 'y']


def test_a_group_begins_anew_when_it_comes_again() -> None:
    driven = fifo()
    first, *_ = driven.start(*'ab', group='g')
    driven.left(first, 0)
    driven.settle(driven.change())
    driven.settle(driven.change())
    driven.bring(*'ab', group='g')
    assert started(driven) == ['a', 'a']
