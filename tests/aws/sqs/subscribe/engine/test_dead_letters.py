"""What failed for good: it is kept hidden until it is in the dead-letter queue, or left."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    Action,
    ChangeVisibility,
    DeadLetter,
    EntryResult,
    Notice,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.engine import FIRST_BACKOFF, MAX_TRIES
from tests.aws.sqs.subscribe.engine.driving import Driven, changes, ids, of


def failing(driven: Driven, group: str | None = None) -> Delivery:
    """A message that failed for good."""
    [message, *_] = driven.start('a', 'b', group=group) if group else driven.start('a')
    driven.engine.failed(message, driven.now)
    return message


def sends(driven: Driven, *told: EntryResult) -> list[float]:
    """When a message is sent to the dead-letter queue, where this comes of one try after another.

    Whatever else is to be done meanwhile succeeds.
    """
    found: list[float] = []
    answers = list(told)
    while answers and driven.now < 200.0:
        for action in driven.actions():
            if isinstance(action, DeadLetter):
                found.append(driven.now)
                driven.engine.dead_lettered(action.delivery, answers.pop(0), driven.now)
            elif isinstance(action, (Ack, ChangeVisibility)):
                driven.settle(action)
        if answers:
            driven.now = min(200.0, driven.engine.next_deadline)
    return found


def acks(found: list[tuple[float, Action]]) -> list[tuple[float, list[str]]]:
    return [(at, ids([action])) for at, action in found if isinstance(action, Ack)]


def test_a_message_is_deleted_when_it_is_there() -> None:
    driven = Driven()
    failing(driven)
    [send] = of(DeadLetter, driven.actions())
    assert acks(driven.until(10.0)) == []
    driven.engine.dead_lettered(send.delivery, EntryResult.DONE, driven.now)
    assert acks(driven.until(20.0)) == [(10.0 + MAX_BATCH_DELAY, ['a'])]
    assert driven.happened(Notice.DEAD_LETTERED) == ['a']


def test_one_that_can_never_get_there_is_left_until_its_timeout_is_over() -> None:
    driven = Driven()
    failing(driven)
    assert sends(driven, EntryResult.FAILED) == [0.0]
    assert ids(action for _, action in driven.until(100.0)) == []
    assert driven.engine.in_hand == 0
    assert driven.told == [(Notice.NOT_DEAD_LETTERED, 'a')]


def test_one_that_did_not_get_there_is_sent_again_later_and_later() -> None:
    driven = Driven()
    failing(driven)
    times = sends(driven, *[EntryResult.RETRY] * 4, EntryResult.DONE)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == pytest.approx([FIRST_BACKOFF * 2**tries for tries in (1, 2, 3, 4)])
    assert driven.happened(Notice.DEAD_LETTERED) == ['a']
    assert ids([driven.wait_for(Ack)]) == ['a']


def test_and_so_many_times_at_most() -> None:
    driven = Driven()
    failing(driven)
    assert len(sends(driven, *[EntryResult.RETRY] * (MAX_TRIES + 1))) == MAX_TRIES
    assert driven.told == [(Notice.NOT_DEAD_LETTERED, 'a')]
    assert driven.engine.in_hand == 0


def test_to_delete_it_is_tried_as_often_as_any_other() -> None:
    driven = Driven()
    failing(driven)
    sends(driven, *[EntryResult.RETRY] * (MAX_TRIES - 1), EntryResult.DONE)
    for _ in range(MAX_TRIES):
        driven.settle(driven.wait_for(Ack), EntryResult.RETRY)
    assert driven.happened(Notice.NOT_DELETED) == ['a']


def test_it_is_kept_hidden_from_its_failure_on() -> None:
    driven = Driven(visibility_timeout=30)
    [message] = driven.start('a')
    driven.now = 20.0
    driven.engine.failed(message, driven.now)
    assert changes(driven.change()) == {'a': 30}


def test_while_it_is_being_sent_too() -> None:
    driven = Driven(visibility_timeout=30)
    failing(driven)
    found = driven.until(16.0)
    assert [at for at, action in found if isinstance(action, DeadLetter)] == [0.0]
    assert [at for at, action in found if isinstance(action, ChangeVisibility)] == [15.0]


def test_one_that_others_may_have_is_not_sent_again() -> None:
    driven = Driven(visibility_timeout=30)
    failing(driven)
    [send] = of(DeadLetter, driven.actions())
    driven.now = 15.0
    driven.settle(driven.change(), EntryResult.FAILED)
    assert driven.happened(Notice.VISIBILITY_LOST) == ['a']
    driven.engine.dead_lettered(send.delivery, EntryResult.RETRY, driven.now)
    assert ids(action for _, action in driven.until(100.0)) == []


def test_fault_112_those_behind_it_wait_until_it_is_gone() -> None:
    driven = Driven(is_fifo=True)
    failing(driven, group='g')
    sends(driven, EntryResult.RETRY, EntryResult.DONE)
    assert len(driven.started) == 1
    driven.settle(driven.wait_for(Ack))
    driven.actions()
    assert [delivery.id for delivery in driven.started] == ['a', 'b']


def test_at_a_stop_there_is_time_to_send_it_again() -> None:
    driven = Driven()
    failing(driven)
    driven.stop()
    sends(driven, EntryResult.RETRY, EntryResult.DONE)
    driven.settle(driven.wait_for(Ack))
    assert driven.is_finished


def test_when_the_grace_period_is_over_what_is_not_sent_is_given_back() -> None:
    driven = Driven(grace_period=1.0)
    failing(driven)
    driven.stop()
    sends(driven, EntryResult.RETRY, EntryResult.RETRY)
    call = driven.wait_for(ChangeVisibility)
    assert changes(call) == {'a': 0}
    assert driven.now == 1.0
    assert driven.happened(Notice.RELEASED_IN_PROGRESS) == ['a']
    driven.settle(call)
    assert driven.is_finished


def test_and_what_is_being_sent_then_is_waited_for() -> None:
    driven = Driven(grace_period=0.0)
    failing(driven)
    [send] = of(DeadLetter, driven.actions())
    driven.stop()
    assert ids(action for _, action in driven.until(1.0)) == []
    driven.engine.dead_lettered(send.delivery, EntryResult.RETRY, driven.now)
    assert changes(driven.change()) == {'a': 0}
