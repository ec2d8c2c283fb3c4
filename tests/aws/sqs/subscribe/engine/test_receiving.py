"""How much the engine receives: what can be worked on soon, and no more."""

from __future__ import annotations

from itertools import count

import pytest

from mega.aws.sqs.subscribe.engine.commands import Process, Receive
from tests.aws.sqs.subscribe.engine.driving import Driven, ids, of

NAMES = [str(number) for number in range(1_000)]


def test_one_receive_waits_at_an_idle_queue() -> None:
    driven = Driven(concurrency=100)
    assert driven.actions() == [Receive(10, 20, 0.0, 0)]
    for _ in range(3):
        driven.bring()
        assert len(of(Receive, driven.actions())) == 1


@pytest.mark.parametrize('number', [1, 7, 10])
@pytest.mark.parametrize('wait', [0, 20])
def test_a_receive_asks_for_what_the_settings_say(number: int, wait: int) -> None:
    driven = Driven(max_number_of_messages=number, wait_time_seconds=wait)
    assert driven.actions() == [Receive(number, wait, 0.0, 0)]


def test_while_messages_come_there_is_one_more_receive_for_each_answer() -> None:
    driven = Driven(concurrency=1_000)
    driven.actions()
    under_way = []
    for answer in range(4):
        driven.bring(*NAMES[answer * 10 : answer * 10 + 10])
        driven.actions()
        under_way.append(len(driven.polls))
    assert under_way == [2, 3, 4, 5]


def test_a_receive_that_finds_nothing_brings_them_back_to_one() -> None:
    driven = Driven(concurrency=1_000)
    for answer in range(4):
        driven.start(*NAMES[answer * 10 : answer * 10 + 10])
    while driven.polls:
        driven.bring()
    assert len(of(Receive, driven.actions())) == 1


def test_one_that_failed_brings_them_back_to_one() -> None:
    driven = Driven(concurrency=1_000)
    driven.start(*NAMES[:10])
    driven.start(*NAMES[10:20])
    driven.until(1.0)
    while driven.polls:
        driven.fail()
    assert len(of(Receive, [action for _, action in driven.until(5.0)])) == 1


@pytest.mark.parametrize('number', [1, 3, 10])
@pytest.mark.parametrize('concurrency', [1, 2, 8, 32])
def test_what_is_in_hand_is_no_more_than_what_is_in_work_and_a_batch_and_a_receive(
    concurrency: int, number: int
) -> None:
    """However much there is in the queue, and though nothing of it is ever finished."""
    driven = Driven(concurrency=concurrency, max_number_of_messages=number)
    names = map(str, count())
    driven.actions()
    while driven.polls:
        driven.start(*(next(names) for _ in range(number)))
    ahead = min(number, concurrency - 1)
    assert concurrency <= driven.engine.in_hand < concurrency + ahead + number


def test_nothing_is_received_ahead_where_one_is_in_work_at_a_time() -> None:
    driven = Driven(concurrency=1, max_number_of_messages=1)
    [message] = driven.start('a')
    assert driven.polls == []
    driven.processed(message)
    assert len(of(Receive, driven.actions())) == 1


def test_a_batch_is_worked_off_before_the_next_one_comes_where_it_is_one_at_a_time() -> None:
    driven = Driven(concurrency=1)
    messages = driven.start(*'abc')
    polls = []
    for message in messages:
        polls.append(len(driven.polls))
        driven.processed(message)
        driven.actions()
    assert polls == [0, 0, 0]
    assert len(driven.polls) == 1


def test_with_two_in_work_another_is_received_meanwhile() -> None:
    driven = Driven(concurrency=2, max_number_of_messages=1)
    driven.start('a')
    driven.start('b')
    assert len(driven.polls) == 1
    driven.start('c')
    assert driven.polls == []


def test_what_waits_to_be_deleted_takes_no_room() -> None:
    driven = Driven(concurrency=1, max_number_of_messages=1)
    for name in 'abc':
        [message] = driven.start(name)
        driven.processed(message)
        assert [type(action) for action in driven.actions()] == [Receive]
    assert driven.engine.in_hand == 3


@pytest.mark.parametrize('concurrency', [1, 3, 20])
def test_as_many_are_started_as_may_be_in_work(concurrency: int) -> None:
    driven = Driven(concurrency=concurrency)
    driven.bring(*NAMES[:10])
    assert ids(of(Process, driven.actions())) == NAMES[:concurrency][:10]


def test_one_that_is_done_makes_room_for_the_next_in_the_order_of_their_coming() -> None:
    driven = Driven(concurrency=2)
    first, second, *_ = driven.start(*'abcd')
    driven.processed(second)
    assert ids(of(Process, driven.actions())) == ['c']
    driven.left(first)
    assert ids(of(Process, driven.actions())) == ['d']


def test_nothing_is_received_during_a_pause_and_what_is_in_hand_is_processed() -> None:
    driven = Driven(concurrency=2)
    driven.actions()
    driven.engine.pause()
    first, *_ = driven.start(*'abc')
    driven.processed(first)
    assert [type(action) for _, action in driven.until(0.05)] == [Process]
    assert driven.polls == []
    driven.engine.resume()
    assert len(of(Receive, driven.actions())) == 1


def test_a_receive_that_was_broken_off_by_a_pause_is_made_anew_after_it() -> None:
    driven = Driven()
    driven.actions()
    driven.engine.pause()
    driven.engine.broken_off(driven.polls.pop())
    assert driven.until(100.0) == []
    driven.engine.resume()
    assert driven.actions() == [Receive(10, 20, 100.0, 0)]
