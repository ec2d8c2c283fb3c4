"""What is in hand is kept hidden from others, for as long as it may be."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import (
    Action,
    ChangeVisibility,
    EntryResult,
    Notice,
    Process,
)
from mega.aws.sqs.subscribe.engine.delivery import Phase
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY
from tests.aws.sqs.subscribe.engine.driving import Driven, changes, ids, of

NAMES = [f'message {number}' for number in range(40)]
TWELVE_HOURS = 43_200


def hidden(found: list[tuple[float, Action]]) -> list[tuple[float, dict[str, int]]]:
    """When which messages were to be hidden for how long."""
    return [(at, changes(action)) for at, action in found if isinstance(action, ChangeVisibility)]


def extensions(
    driven: Driven, until: float, told: EntryResult = EntryResult.DONE
) -> list[tuple[float, int]]:
    """When a message is to be hidden for how long, where SQS says this of each call."""
    found = []
    while driven.now < until:
        for call in of(ChangeVisibility, driven.actions()):
            found += [(driven.now, entry.seconds) for entry in call.entries]
            driven.settle(call, *[told] * len(call.entries))
        driven.now = min(until, max(driven.engine.next_deadline, driven.now))
    return found


# What waits


def test_what_waits_is_extended_when_half_of_its_timeout_is_over() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    driven.bring(*'abc')
    assert hidden(driven.until(29.0)) == [(15.0, {'b': 30, 'c': 30})]


def test_it_is_extended_again_when_half_of_that_is_over() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    driven.start(*'ab')
    assert extensions(driven, 61.0) == [(15.0, 30), (30.0, 30), (45.0, 30), (60.0, 30)]


def test_extensions_go_ten_at_a_time() -> None:
    driven = Driven(concurrency=13, visibility_timeout=30)
    for first in (0, 10, 20):
        driven.bring(*NAMES[first : first + 10])
    found = hidden(driven.until(20.0))
    assert [(at, len(call)) for at, call in found] == [(15.0, 10), (15.0, 2 + 3 + 2)]
    assert sorted(name for _, call in found for name in call) == sorted(NAMES[13:30])


def test_a_message_is_in_one_extension_at_a_time() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    driven.start(*'ab')
    driven.now = 15.0
    call = driven.change()
    assert hidden(driven.until(25.0)) == []
    driven.settle(call)
    assert hidden(driven.until(29.0)) == []
    assert hidden(driven.until(30.0)) == [(30.0, {'b': 30})]


def test_it_counts_from_when_it_was_decided_and_not_from_the_late_answer() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    driven.start(*'ab')
    driven.now = 15.0
    call = driven.change()
    driven.now = 29.0
    driven.settle(call)
    assert hidden(driven.until(31.0)) == [(30.0, {'b': 30})]


def test_an_extension_that_fails_is_tried_again_in_time() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    driven.start(*'ab')
    driven.now = 15.0
    driven.settle(driven.change(), EntryResult.RETRY)
    assert hidden(driven.until(29.0)) == [(16.0, {'b': 30})]
    assert driven.drawn == [(0.5, 1.0)]


def test_what_could_not_be_extended_in_time_is_never_started() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    first, _ = driven.start(*'ab')
    extensions(driven, 31.0, EntryResult.RETRY)
    driven.processed(first)
    assert of(Process, driven.actions()) == []
    assert driven.happened(Notice.EXPIRED) == ['b']


def test_what_others_may_have_is_never_started() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    first, _ = driven.start(*'ab')
    driven.now = 15.0
    driven.settle(driven.change(), EntryResult.FAILED)
    driven.processed(first)
    assert of(Process, driven.actions()) == []
    assert driven.happened(Notice.EXPIRED) == ['b']


@pytest.mark.parametrize(('timeout', 'margin'), [(30, 1.0), (5, 0.5), (1, 0.1)])
def test_nothing_is_started_right_before_its_timeout_is_over(timeout: int, margin: float) -> None:
    for late, started in [(0.01, []), (-0.01, ['a'])]:
        driven = Driven(visibility_timeout=timeout)
        driven.bring('a')
        driven.now = timeout - margin + late
        assert ids(of(Process, driven.actions())) == started


def test_what_comes_in_an_answer_that_is_late_was_hidden_when_it_was_asked_for_perhaps() -> None:
    driven = Driven(wait_time_seconds=20, visibility_timeout=30)
    driven.actions()
    driven.until(31.0)
    driven.bring('a')
    assert of(Process, driven.actions()) == []
    assert driven.happened(Notice.EXPIRED) == ['a']


def test_what_comes_within_the_wait_is_hidden_from_then_on() -> None:
    driven = Driven(wait_time_seconds=20, visibility_timeout=30)
    driven.actions()
    driven.until(20.0)
    [message] = driven.start('a')
    assert message.started_at == 20.0
    assert message.hidden_until == 50.0


# What is in work


def test_what_is_in_work_has_what_is_left_of_its_timeout() -> None:
    driven = Driven(visibility_timeout=30)
    driven.start('a')
    assert extensions(driven, 1_000.0) == []
    assert driven.told == []


def test_that_is_half_of_it_at_least() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30)
    first, second = driven.start(*'ab')
    for time in (15.0, 30.0):
        driven.now = time
        driven.settle(driven.change())
    driven.now = 44.0
    driven.processed(first)
    driven.actions()
    assert second.hidden_until - second.started_at >= 15.0


def test_with_a_processing_time_it_is_kept_hidden_for_that_long_and_no_longer() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=50.0)
    [message] = driven.start('a')
    assert extensions(driven, 1_000.0) == [(15.0, 30), (30.0, 20)]
    assert message.hidden_until == 50.0


def test_part_of_a_second_is_a_second() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=30.2)
    driven.start('a')
    assert extensions(driven, 1_000.0) == [(15.0, 16)]


def test_a_processing_time_shorter_than_the_timeout_needs_no_extension() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=30.0)
    driven.start('a')
    assert extensions(driven, 1_000.0) == []


def test_the_processing_time_counts_from_the_start_and_not_from_the_receive() -> None:
    driven = Driven(concurrency=1, visibility_timeout=30, max_processing_time=40.0)
    first, second = driven.start(*'ab')
    driven.now = 15.0
    call = driven.change()
    assert changes(call) == {'a': 25, 'b': 30}
    driven.settle(call)
    driven.processed(first)
    assert extensions(driven, 1_000.0) == [(30.0, 25)]
    assert second.hidden_until == 55.0


def test_fault_88_what_is_in_work_for_too_long_is_told_once_and_no_longer_hidden() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=50.0)
    driven.start('a')
    extensions(driven, 49.0)
    assert driven.told == []
    extensions(driven, 10_000.0)
    assert driven.told == [(Notice.OVER_TIME_LIMIT, 'a')]


def test_it_is_told_in_time_however_short_that_is() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=2.0)
    driven.start('a')
    driven.until(1.9)
    assert driven.happened(Notice.OVER_TIME_LIMIT) == []
    driven.until(2.0)
    assert driven.happened(Notice.OVER_TIME_LIMIT) == ['a']


def test_what_ends_after_all_is_deleted() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=10.0)
    [message] = driven.start('a')
    driven.until(60.0)
    driven.processed(message)
    assert ids([driven.ack()]) == ['a']
    assert driven.told == [(Notice.OVER_TIME_LIMIT, 'a'), (Notice.FINISHED_LATE, 'a')]


def test_fault_70_what_others_may_have_is_neither_extended_nor_deleted_any_more() -> None:
    driven = Driven(visibility_timeout=30, max_processing_time=600.0)
    [message] = driven.start('a')
    driven.now = 15.0
    driven.settle(driven.change(), EntryResult.FAILED)
    assert extensions(driven, 1_000.0) == []
    driven.processed(message)
    assert ids(action for _, action in driven.until(2_000.0)) == []
    assert driven.told == [(Notice.VISIBILITY_LOST, 'a')]
    assert driven.engine.in_hand == 0


def test_what_was_lost_and_comes_again_while_it_is_in_work_is_ours_again() -> None:
    driven = Driven(concurrency=2, visibility_timeout=30, max_processing_time=600.0)
    [message] = driven.start('a')
    driven.now = 15.0
    driven.settle(driven.change(), EntryResult.FAILED)
    driven.bring('a')
    assert extensions(driven, 31.0) == [(30.0, 30)]
    driven.processed(message)
    assert ids(action for _, action in driven.until(32.0)) == ['a']


@pytest.mark.parametrize('timeout', [30, 3_600, 30_000, TWELVE_HOURS])
@pytest.mark.parametrize('in_work', [True, False], ids=['in work', 'waiting'])
def test_fault_71_no_message_is_hidden_for_more_than_twelve_hours(
    timeout: int, in_work: bool
) -> None:
    """SQS refuses what would be longer, and takes the message away at that time."""
    driven = Driven(concurrency=1, visibility_timeout=timeout, max_processing_time=MAX_VISIBILITY)
    driven.start(*('a' if in_work else 'ab'))
    found = extensions(driven, 2.0 * TWELVE_HOURS)
    assert all(at + seconds <= TWELVE_HOURS for at, seconds in found)
    assert max([timeout, *(at + seconds for at, seconds in found)]) >= MAX_VISIBILITY


def test_what_waited_too_long_for_a_thread_is_left_with_those_behind_it_and_others_go_on() -> None:
    driven = Driven(is_fifo=True)
    first, *_ = driven.start(*'ab', group='g')
    driven.engine.start_expired(first, driven.now)
    release = driven.change()
    assert changes(release) == {'b': 0}
    driven.settle(release, EntryResult.DONE)
    assert driven.happened(Notice.EXPIRED) == ['a']
    assert driven.happened(Notice.FINISHED_LATE) == []
    [other] = driven.start('c', group='h')
    assert other.phase is Phase.WORKING


def test_what_came_too_late_after_it_was_given_back_is_not_settled_twice() -> None:
    driven = Driven(grace_period=0.0)
    [message] = driven.start('a')
    driven.stop()
    assert changes(driven.change()) == {'a': 0}
    driven.engine.start_expired(message, driven.now)
    assert driven.happened(Notice.EXPIRED) == []
