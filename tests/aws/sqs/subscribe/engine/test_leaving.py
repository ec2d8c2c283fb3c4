"""Messages that stay in the queue, and when they come again."""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.commands import (
    Ack,
    ChangeVisibility,
    EntryResult,
    Notice,
    Process,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.engine import MAX_TRIES
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY
from tests.aws.sqs.subscribe.engine.driving import Driven, changes, ids, of

NAMES = [f'message {number}' for number in range(40)]


def test_a_message_that_is_to_come_again_after_a_while_is_hidden_for_so_long() -> None:
    driven = Driven()
    [message] = driven.start('a')
    driven.left(message, 300)
    call = driven.change()
    assert changes(call) == {'a': 300}
    driven.settle(call)
    assert driven.engine.in_hand == 0


def test_without_a_while_it_comes_when_its_timeout_is_over_and_nothing_is_said() -> None:
    driven = Driven()
    [message] = driven.start('a')
    driven.left(message)
    assert ids(action for _, action in driven.until(100.0)) == []
    assert driven.engine.in_hand == 0


def test_several_go_together() -> None:
    driven = Driven(concurrency=25)
    batches = [driven.start(*NAMES[first : min(first + 10, 25)]) for first in (0, 10, 20)]
    for seconds, message in enumerate(message for batch in batches for message in batch):
        driven.left(message, seconds)
    calls = of(ChangeVisibility, driven.actions())
    assert [len(call.entries) for call in calls] == [10, 10, 5]
    assert [each for call in calls for each in changes(call).values()] == list(range(25))
    assert all(len({entry.id for entry in call.entries}) == len(call.entries) for call in calls)


def test_no_delay_goes_beyond_the_twelve_hours() -> None:
    driven = Driven(visibility_timeout=43_200)
    first, *_ = driven.start('a')
    driven.until(40_000.0)
    driven.left(first, 43_200)
    assert changes(driven.change()) == {'a': MAX_VISIBILITY - 40_000}


def test_a_delay_is_never_overwritten_by_an_extension_that_is_under_way() -> None:
    """They might come to SQS in any order: so the delay waits for the answer to the extension."""
    for told in EntryResult:
        driven = Driven(max_processing_time=600.0)
        [message] = driven.start('a')
        driven.now = 15.0
        extension = driven.change()
        driven.left(message, 300)
        assert of(ChangeVisibility, driven.actions()) == []
        driven.settle(extension, told)
        assert changes(driven.change()) == {'a': 300}


def test_nor_by_one_that_was_decided_and_not_yet_made() -> None:
    """It was one too many for a call."""
    driven = Driven(concurrency=11, max_processing_time=600.0)
    messages = [*driven.start(*NAMES[:10]), *driven.start(NAMES[10])]
    driven.now = 15.0
    first = driven.engine.next(driven.now)
    assert isinstance(first, ChangeVisibility)
    extended = {entry.delivery for entry in first.entries}
    [other] = [message for message in messages if message not in extended]
    driven.left(other, 300)
    assert changes(driven.change()) == {other.id: 300}


def test_what_is_left_is_not_extended_any_more() -> None:
    driven = Driven(max_processing_time=600.0)
    [message] = driven.start('a')
    driven.left(message, 300)
    call = driven.change()
    assert ids(action for _, action in driven.until(600.0)) == []
    driven.settle(call)
    assert ids(action for _, action in driven.until(1_200.0)) == []


def test_a_delay_that_failed_is_set_again_while_the_message_is_hidden() -> None:
    driven = Driven(visibility_timeout=30)
    [message] = driven.start('a')
    driven.now = 29.0
    driven.left(message, 300)
    driven.settle(driven.change(), EntryResult.RETRY)
    driven.settle(driven.wait_for(ChangeVisibility), EntryResult.RETRY)
    assert ids(action for _, action in driven.until(600.0)) == []
    assert driven.engine.in_hand == 0


def test_and_so_many_times_at_most() -> None:
    driven = Driven(visibility_timeout=43_200)
    [message] = driven.start('a')
    driven.left(message, 300)
    tries = 0
    while driven.engine.in_hand:
        driven.settle(driven.wait_for(ChangeVisibility), EntryResult.RETRY)
        tries += 1
    assert tries == MAX_TRIES


def test_a_delay_that_is_refused_is_not_asked_for_again() -> None:
    """The message is there already, or gone."""
    driven = Driven()
    [message] = driven.start('a')
    driven.left(message, 300)
    driven.settle(driven.change(), EntryResult.FAILED)
    assert ids(action for _, action in driven.until(600.0)) == []
    assert driven.told == []
    assert driven.engine.in_hand == 0


def test_what_comes_again_while_it_is_left_is_a_message_like_any_other() -> None:
    """It came, so nothing more has to be said of its last delivery."""
    driven = Driven(concurrency=2)
    [message] = driven.start('a')
    driven.left(message, 0)
    call = driven.change()
    driven.bring('a')
    assert ids(of(Process, driven.actions())) == ['a']
    driven.settle(call, EntryResult.FAILED)
    assert driven.engine.in_hand == 1
    assert driven.told == []


# What comes once more while it is in hand


def test_fault_108_a_message_that_is_in_work_is_not_started_once_more() -> None:
    driven = Driven(concurrency=2)
    [message] = driven.start('a')
    driven.bring('a')
    assert of(Process, driven.actions()) == []
    assert driven.told == [(Notice.DUPLICATE, 'a')]
    driven.processed(message)
    assert ids(action for _, action in driven.until(1.0)) == ['a']


def test_nor_is_one_that_waits_started_twice() -> None:
    driven = Driven(concurrency=2)
    driven.actions()
    first, *_ = driven.bring(*'aba')
    driven.actions()
    driven.processed(first)
    driven.actions()
    assert [message.id for message in driven.started] == ['a', 'b']
    assert driven.told == [(Notice.DUPLICATE, 'a')]


def test_its_new_handle_and_its_new_time_are_those_that_count() -> None:
    driven = Driven(concurrency=2, visibility_timeout=30)
    [message] = driven.start('a')
    driven.until(20.0)
    driven.engine.received(driven.polls.pop(), [Delivery('a', 'new')], driven.now)
    driven.until(45.0)
    driven.processed(message)
    assert driven.told == [(Notice.DUPLICATE, 'a')]
    assert [entry.handle for entry in driven.wait_for(Ack).entries] == ['new']


def test_one_that_is_on_its_way_to_the_dead_letter_queue_is_not_started_once_more() -> None:
    driven = Driven(concurrency=2)
    [message] = driven.start('a')
    driven.engine.failed(message, driven.now)
    driven.actions()
    driven.bring('a')
    assert of(Process, driven.actions()) == []
