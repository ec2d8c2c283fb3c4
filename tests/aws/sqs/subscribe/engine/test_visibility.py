"""The engine extends the visibility timeout of messages in flight, up to the limits."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.commands import CallResult, ChangeVisibility, Notice
from mega.aws.sqs.subscribe.engine.delivery import MAX_VISIBILITY, Phase
from tests.aws.sqs.subscribe.engine.driver import (
    Begin,
    EngineDriver,
    Step,
    ids,
    of,
    visibility_changes,
)

NAMES = [f'message {number}' for number in range(40)]
TWELVE_HOURS = 43_200


def hidden(found: list[tuple[float, Step]]) -> list[tuple[float, dict[str, int]]]:
    """Return the time, the message ids and the new timeouts of each change of visibility."""
    return [
        (at, visibility_changes(action))
        for at, action in found
        if isinstance(action, ChangeVisibility)
    ]


def extensions(
    driver: EngineDriver, until: float, result: CallResult = CallResult.OK
) -> list[tuple[float, int]]:
    """Return the time and the seconds of each extension, given the result of each call."""
    found = []
    while driver.now < until:
        for call in of(ChangeVisibility, driver.steps()):
            found += [(driver.now, entry.seconds) for entry in call.entries]
            driver.settle(call, *[result] * len(call.entries))
        driver.now = min(until, max(driver.engine.next_deadline, driver.now))
    return found


# Messages that wait for a worker


def test_a_waiting_message_is_extended_after_half_of_its_timeout() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    driver.receive(*'abc')
    assert hidden(driver.until(29.0)) == [(15.0, {'b': 30, 'c': 30})]


def test_an_extension_is_repeated_after_half_of_its_time() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    driver.start(*'ab')
    assert extensions(driver, 61.0) == [(15.0, 30), (30.0, 30), (45.0, 30), (60.0, 30)]


def test_extensions_are_sent_in_batches_of_ten() -> None:
    driver = EngineDriver(concurrency=13, visibility_timeout=30)
    for first in (0, 10, 20):
        driver.receive(*NAMES[first : first + 10])
    found = hidden(driver.until(20.0))
    assert [(at, len(call)) for at, call in found] == [(15.0, 10), (15.0, 2 + 3 + 2)]
    assert sorted(name for _, call in found for name in call) == sorted(NAMES[13:30])


def test_a_message_is_in_one_extension_at_a_time() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    driver.start(*'ab')
    driver.now = 15.0
    call = driver.change()
    assert hidden(driver.until(25.0)) == []
    driver.settle(call)
    assert hidden(driver.until(29.0)) == []
    assert hidden(driver.until(30.0)) == [(30.0, {'b': 30})]


def test_an_extension_counts_from_its_decision_and_not_from_a_late_answer() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    driver.start(*'ab')
    driver.now = 15.0
    call = driver.change()
    driver.now = 29.0
    driver.settle(call)
    assert hidden(driver.until(31.0)) == [(30.0, {'b': 30})]


def test_a_failed_extension_is_repeated_in_time() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    driver.start(*'ab')
    driver.now = 15.0
    driver.settle(driver.change(), CallResult.RETRY)
    assert hidden(driver.until(29.0)) == [(16.0, {'b': 30})]
    assert driver.drawn == [(0.5, 1.0)]


@pytest.mark.parametrize(('timeout', 'margin'), [(30, 1.0), (10, 1.0), (5, 0.5), (1, 0.1)])
def test_a_failed_extension_waits_less_for_a_short_timeout(timeout: int, margin: float) -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=timeout)
    driver.start(*'ab')
    driver.settle(driver.wait_for(ChangeVisibility), CallResult.RETRY)
    driver.wait_for(ChangeVisibility)
    assert driver.now == timeout / 2 + margin


def test_a_message_that_could_not_be_extended_never_starts() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    first, _ = driver.start(*'ab')
    extensions(driver, 31.0, CallResult.RETRY)
    driver.processed(first)
    assert of(Begin, driver.steps()) == []
    assert driver.noticed(Notice.EXPIRED) == ['b']


def test_a_lost_message_never_starts() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    first, _ = driver.start(*'ab')
    driver.now = 15.0
    driver.settle(driver.change(), CallResult.FAILED)
    driver.processed(first)
    assert of(Begin, driver.steps()) == []
    assert driver.noticed(Notice.EXPIRED) == ['b']


@pytest.mark.parametrize(('timeout', 'margin'), [(30, 1.0), (5, 0.5)])
def test_no_message_starts_right_before_the_end_of_its_timeout(timeout: int, margin: float) -> None:
    for late, started in [(0.01, []), (0.0, []), (-0.01, ['a'])]:
        driver = EngineDriver(visibility_timeout=timeout)
        driver.receive('a')
        driver.now = timeout - margin + late
        assert ids(of(Begin, driver.steps())) == started


def test_the_timeout_of_a_late_answer_counts_from_its_request() -> None:
    driver = EngineDriver(wait_time_seconds=20, visibility_timeout=30)
    driver.steps()
    driver.until(31.0)
    driver.receive('a')
    assert of(Begin, driver.steps()) == []
    assert driver.noticed(Notice.EXPIRED) == ['a']


def test_the_timeout_of_an_answer_in_time_counts_from_the_answer() -> None:
    driver = EngineDriver(wait_time_seconds=20, visibility_timeout=30)
    driver.steps()
    driver.until(20.0)
    [message] = driver.start('a')
    assert message.begun_at == 20.0
    assert message.hidden_until == 50.0


# Messages in processing


def test_a_message_in_processing_keeps_the_rest_of_its_timeout() -> None:
    driver = EngineDriver(visibility_timeout=30)
    driver.start('a')
    assert extensions(driver, 1_000.0) == []
    assert driver.notices == []


def test_the_rest_of_the_timeout_is_at_least_half() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    first, second = driver.start(*'ab')
    for time in (15.0, 30.0):
        driver.now = time
        driver.settle(driver.change())
    driver.now = 44.0
    driver.processed(first)
    driver.steps()
    assert second.hidden_until - second.begun_at >= 15.0


def test_max_processing_time_limits_the_extensions() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=50.0)
    [message] = driver.start('a')
    assert extensions(driver, 1_000.0) == [(15.0, 30), (30.0, 20)]
    assert message.hidden_until == 50.0


def test_the_last_extension_is_rounded_up_to_whole_seconds() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=30.2)
    driver.start('a')
    assert extensions(driver, 1_000.0) == [(15.0, 16)]


def test_a_max_processing_time_below_the_timeout_needs_no_extension() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=30.0)
    driver.start('a')
    assert extensions(driver, 1_000.0) == []


def test_max_processing_time_counts_from_the_start_and_not_from_the_receive() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30, max_processing_time=40.0)
    first, second = driver.start(*'ab')
    driver.now = 15.0
    call = driver.change()
    assert visibility_changes(call) == {'a': 25, 'b': 30}
    driver.settle(call)
    driver.processed(first)
    assert extensions(driver, 1_000.0) == [(30.0, 25)]
    assert second.hidden_until == 55.0


def test_fault_88_a_message_over_its_limit_is_reported_once_and_not_extended() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=50.0)
    driver.start('a')
    extensions(driver, 49.0)
    assert driver.notices == []
    extensions(driver, 10_000.0)
    assert driver.notices == [(Notice.OVER_TIME_LIMIT, 'a')]


def test_a_short_limit_is_reported_in_time() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=2.0)
    driver.start('a')
    driver.until(1.9)
    assert driver.noticed(Notice.OVER_TIME_LIMIT) == []
    driver.until(2.0)
    assert driver.noticed(Notice.OVER_TIME_LIMIT) == ['a']


@pytest.mark.parametrize(('ends_at', 'late'), [(29.9, []), (30.0, []), (30.1, ['a'])])
def test_a_message_is_late_only_after_the_end_of_its_timeout(
    ends_at: float, late: list[str]
) -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.now = ends_at
    driver.processed(message)
    assert driver.noticed(Notice.FINISHED_LATE) == late


def test_a_message_that_ends_after_its_limit_is_deleted() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=10.0)
    [message] = driver.start('a')
    driver.until(60.0)
    driver.processed(message)
    assert ids([driver.delete()]) == ['a']
    assert driver.notices == [(Notice.OVER_TIME_LIMIT, 'a'), (Notice.FINISHED_LATE, 'a')]


def test_fault_70_a_lost_message_is_neither_extended_nor_deleted() -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=600.0)
    [message] = driver.start('a')
    driver.now = 15.0
    driver.settle(driver.change(), CallResult.FAILED)
    assert extensions(driver, 1_000.0) == []
    driver.processed(message)
    assert ids(action for _, action in driver.until(2_000.0)) == []
    assert driver.notices == [(Notice.VISIBILITY_LOST, 'a')]
    assert driver.engine.in_flight == 0


def test_a_lost_message_that_is_received_again_is_not_lost_any_more() -> None:
    driver = EngineDriver(concurrency=2, visibility_timeout=30, max_processing_time=600.0)
    [message] = driver.start('a')
    driver.now = 15.0
    driver.settle(driver.change(), CallResult.FAILED)
    driver.receive('a')
    assert extensions(driver, 31.0) == [(30.0, 30)]
    driver.processed(message)
    assert ids(action for _, action in driver.until(32.0)) == ['a']


@pytest.mark.parametrize('timeout', [30, 3_600, 30_000, TWELVE_HOURS])
@pytest.mark.parametrize('is_working', [True, False], ids=['in processing', 'waiting'])
def test_fault_71_no_message_is_hidden_for_more_than_twelve_hours(
    timeout: int, is_working: bool
) -> None:
    """SQS rejects a longer timeout, and makes the message visible after twelve hours."""
    driver = EngineDriver(
        concurrency=1, visibility_timeout=timeout, max_processing_time=MAX_VISIBILITY
    )
    driver.start(*('a' if is_working else 'ab'))
    found = extensions(driver, 2.0 * TWELVE_HOURS)
    assert all(at + seconds <= TWELVE_HOURS for at, seconds in found)
    assert max([timeout, *(at + seconds for at, seconds in found)]) >= MAX_VISIBILITY


def test_a_message_that_starts_too_late_stays_with_its_followers() -> None:
    driver = EngineDriver(is_fifo=True)
    first, *_ = driver.start(*'ab', group='g')
    driver.start_expired(first)
    release = driver.change()
    assert visibility_changes(release) == {'b': 0}
    driver.settle(release, CallResult.OK)
    assert driver.noticed(Notice.EXPIRED) == ['a']
    assert driver.noticed(Notice.FINISHED_LATE) == []
    [other] = driver.start('c', group='h')
    assert other.phase is Phase.WORKING


def test_a_late_start_after_a_release_settles_nothing() -> None:
    driver = EngineDriver(grace_period=0.0)
    [message] = driver.start('a')
    driver.stop()
    assert visibility_changes(driver.change()) == {'a': 0}
    driver.start_expired(message)
    assert driver.noticed(Notice.EXPIRED) == []


# Receipt handles


@pytest.mark.parametrize('result', CallResult)
def test_the_result_for_an_old_receipt_handle_says_nothing_about_the_new_one(
    result: CallResult,
) -> None:
    driver = EngineDriver(concurrency=2, visibility_timeout=30, max_processing_time=600.0)
    [message] = driver.start('a')
    driver.now = 15.0
    call = driver.change()
    driver.now = 16.0
    driver.receive('a', handle='newer')
    driver.settle(call, result)
    assert not message.is_lost
    assert (message.receipt_handle, message.hidden_until) == ('newer', 46.0)


def test_a_late_answer_does_not_replace_a_newer_receipt_handle() -> None:
    driver = EngineDriver(concurrency=3, wait_time_seconds=0, max_number_of_messages=1)
    driver.start('other')
    assert len(driver.receives) == 2
    late = driver.receives.pop(0)
    driver.receive('another')
    driver.now = 4.0
    driver.steps()
    driver.now = 5.0
    [message] = driver.receive('a', handle='newer')
    driver.receives.insert(0, late)
    driver.receive('a', handle='older')
    assert (message.receipt_handle, message.phase) == ('newer', Phase.WAITING)
    assert driver.noticed(Notice.DUPLICATE) == ['a']
