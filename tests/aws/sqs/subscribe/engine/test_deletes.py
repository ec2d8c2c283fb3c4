"""Messages that are processed are deleted: together, where that keeps nobody waiting."""

from __future__ import annotations

from itertools import chain

import pytest

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import Ack, Action, EntryResult, Notice
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.engine import FIRST_BACKOFF, MAX_TRIES
from tests.aws.sqs.subscribe.engine.driving import Driven, ids, of

NAMES = [f'message {number}' for number in range(100)]


def acks(found: list[tuple[float, Action]]) -> list[tuple[float, list[str]]]:
    """When which messages were to be deleted."""
    return [(at, ids([action])) for at, action in found if isinstance(action, Ack)]


def test_ten_go_at_once() -> None:
    driven = Driven(concurrency=10)
    messages = driven.start(*NAMES[:10])
    driven.processed(*messages[:9])
    assert of(Ack, driven.actions()) == []
    driven.processed(messages[9])
    assert ids([driven.ack()]) == NAMES[:10]


def test_of_more_than_ten_the_rest_waits_for_others() -> None:
    driven = Driven(concurrency=25)
    batches = [driven.start(*NAMES[first : min(first + 10, 25)]) for first in (0, 10, 20)]
    driven.processed(*chain(*batches))
    assert acks(driven.until(MAX_BATCH_DELAY)) == [
        (0.0, NAMES[:10]),
        (0.0, NAMES[10:20]),
        (MAX_BATCH_DELAY, NAMES[20:25]),
    ]


def test_fewer_go_when_the_first_of_them_has_waited_for_a_tenth_of_a_second() -> None:
    driven = Driven(concurrency=10)
    first, second, third = driven.start(*'abc')
    driven.processed(first)
    found = driven.until(0.75 * MAX_BATCH_DELAY)
    driven.processed(second)
    found += driven.until(3.0)
    driven.processed(third)
    found += driven.until(9.0)
    assert acks(found) == [(MAX_BATCH_DELAY, ['a', 'b']), (3.0 + MAX_BATCH_DELAY, ['c'])]


def test_every_entry_has_an_id_of_its_own_and_the_handle_of_its_message() -> None:
    driven = Driven(concurrency=10)
    driven.processed(*driven.start(*NAMES[:10]))
    call = driven.ack()
    assert len({entry.id for entry in call.entries}) == 10
    assert [entry.handle for entry in call.entries] == [f'handle of {name}' for name in NAMES[:10]]


def test_they_go_while_their_message_is_hidden() -> None:
    driven = Driven(visibility_timeout=2)
    [message] = driven.start('a')
    driven.until(2.0 - MAX_BATCH_DELAY / 2)
    driven.processed(message)
    assert ids([driven.ack()]) == ['a']


def test_one_that_hardly_waits_any_more_takes_the_others_with_it() -> None:
    driven = Driven(visibility_timeout=2, concurrency=3, max_number_of_messages=1)
    driven.actions()
    [early] = driven.start('a')
    driven.until(1.0)
    [late] = driven.start('b')
    driven.until(2.0 - 1.5 * MAX_BATCH_DELAY)
    driven.processed(late, early)
    assert acks(driven.until(5.0)) == [(2.0 - MAX_BATCH_DELAY, ['b', 'a'])]


def test_fault_89_one_that_took_longer_than_it_was_hidden_is_told_of_and_deleted_at_once() -> None:
    """SQS may still take it: nobody else received the message perhaps."""
    driven = Driven(visibility_timeout=2)
    [message] = driven.start('a')
    driven.until(3.0)
    driven.processed(message)
    assert ids([driven.ack()]) == ['a']
    assert driven.told == [(Notice.FINISHED_LATE, 'a')]


def test_they_go_when_a_receive_found_nothing() -> None:
    driven = Driven(concurrency=2, max_number_of_messages=1)
    driven.processed(*driven.start('a'))
    assert of(Ack, driven.actions()) == []
    driven.bring()
    assert ids([driven.ack()]) == ['a']


def test_they_go_at_a_stop_and_after_it() -> None:
    driven = Driven(concurrency=2)
    first, second = driven.start(*'ab')
    driven.processed(first)
    driven.stop()
    assert ids([driven.ack()]) == ['a']
    driven.processed(second)
    assert ids([driven.ack()]) == ['b']


def test_those_of_a_fifo_queue_do_not_wait() -> None:
    driven = Driven(concurrency=2, is_fifo=True)
    first, _ = driven.start(*'ab')
    driven.processed(first)
    assert ids([driven.ack()]) == ['a']


def test_what_is_deleted_is_forgotten() -> None:
    driven = Driven(concurrency=10)
    driven.processed(*driven.start(*NAMES[:10]))
    driven.settle(driven.ack())
    assert driven.engine.in_hand == 0
    assert driven.happened(Notice.DELETED) == NAMES[:10]


def test_fault_63_what_an_answer_does_not_mention_is_asked_again() -> None:
    driven = Driven(is_fifo=True)
    driven.processed(*driven.start('a'))
    driven.settle(driven.ack(), EntryResult.RETRY)
    assert [names for _, names in acks(driven.until(1.0))] == [['a']]


def test_fault_67_a_delete_that_fails_is_made_again_later_and_later() -> None:
    """Six times in all. Then the message is told of, and comes again."""
    driven = Driven(is_fifo=True)
    driven.processed(*driven.start('a'))
    for _ in range(MAX_TRIES):
        driven.settle(driven.wait_for(Ack), EntryResult.RETRY)
    assert acks(driven.until(100.0)) == []
    assert driven.told == [(Notice.NOT_DELETED, 'a')]
    assert driven.engine.in_hand == 0


def test_the_wait_before_each_try_is_twice_as_long_and_drawn() -> None:
    driven = Driven(is_fifo=True)
    driven.processed(*driven.start('a'))
    times = []
    for _ in range(MAX_TRIES):
        call = driven.wait_for(Ack)
        times.append(call.decided_at)
        driven.settle(call, EntryResult.RETRY)
    assert times == pytest.approx(
        [2 * FIRST_BACKOFF * (2**tries - 1) for tries in range(MAX_TRIES)]
    )
    assert set(driven.drawn) == {(0.5, 1.0)}


def test_fault_68_of_a_batch_only_what_failed_is_deleted_again() -> None:
    driven = Driven(concurrency=3)
    driven.processed(*driven.start(*'abc'))
    driven.now = MAX_BATCH_DELAY
    driven.settle(driven.ack(), EntryResult.DONE, EntryResult.RETRY, EntryResult.FAILED)
    assert driven.told == [(Notice.DELETED, 'a'), (Notice.NOT_DELETED, 'c')]
    assert [names for _, names in acks(driven.until(10.0))] == [['b']]


def test_fault_69_a_handle_that_has_expired_is_told_of_and_not_used_again() -> None:
    driven = Driven(is_fifo=True)
    driven.processed(*driven.start('a', group='g'))
    driven.settle(driven.ack(), EntryResult.FAILED)
    assert acks(driven.until(100.0)) == []
    assert driven.told == [(Notice.NOT_DELETED, 'a')]
    assert driven.engine.in_hand == 0


def test_what_came_once_more_while_it_was_deleted_is_deleted_by_its_new_handle() -> None:
    """Whatever SQS says of the old one: the message that has a new one is still there."""
    for told in EntryResult:
        driven = Driven(concurrency=2, max_number_of_messages=1)
        driven.processed(*driven.start('a'))
        driven.now = MAX_BATCH_DELAY
        call = driven.ack()
        driven.engine.received(driven.polls.pop(), [Delivery('a', 'new')], driven.now)
        driven.settle(call, told)
        assert driven.told == [(Notice.DUPLICATE, 'a')]
        driven.now = 2 * MAX_BATCH_DELAY
        assert [entry.handle for entry in driven.ack().entries] == ['new']


def test_fault_107_nothing_that_is_acked_is_acked_twice_at_a_time() -> None:
    driven = Driven(concurrency=2, max_number_of_messages=1)
    driven.processed(*driven.start('a'))
    driven.bring('a')
    driven.now = MAX_BATCH_DELAY
    assert len(driven.ack().entries) == 1
    assert of(Ack, driven.actions()) == []
