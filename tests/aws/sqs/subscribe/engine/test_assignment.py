"""The shares of messages that the engine hands to its workers."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine import (
    batches,
    body_waits,
    call_limits,
    delivery,
    receiving,
    retries,
    stopping,
)
from mega.aws.sqs.subscribe.engine.commands import ProcessMessages
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, of


def shares(driver: EngineDriver, *names: str) -> list[ProcessMessages]:
    """Let a receive return messages, and return the shares of workers that begin none of them."""
    driver.receive(*names)
    found = []
    while (command := driver.engine.next(driver.now)) is not None:
        found.append(command)
    return of(ProcessMessages, found)


def names_of(process: ProcessMessages) -> list[str]:
    return [each.id for each in process.deliveries]


def test_messages_are_dealt_in_the_order_of_their_arrival() -> None:
    driver = EngineDriver(concurrency=3)
    assert [names_of(each) for each in shares(driver, *'abcdefg')] == [
        ['a', 'd', 'g'],
        ['b', 'e'],
        ['c', 'f'],
    ]


def test_a_worker_without_messages_takes_those_that_another_worker_has_not_begun() -> None:
    driver = EngineDriver(concurrency=2)
    [first, second] = shares(driver, *'abcd')
    assert [names_of(first), names_of(second)] == [['a', 'c'], ['b', 'd']]
    second.deliveries.clear()
    driver.engine.processing_ended(second)
    process = driver.engine.next(0.0)
    assert isinstance(process, ProcessMessages)
    assert [names_of(first), names_of(process)] == [['a'], ['c']]


def test_a_worker_that_has_begun_nothing_keeps_its_first_message() -> None:
    driver = EngineDriver(concurrency=2)
    [process] = shares(driver, 'a')
    assert names_of(process) == ['a']


def test_a_worker_that_has_begun_a_message_keeps_no_other_one() -> None:
    driver = EngineDriver(concurrency=2)
    [first, second] = shares(driver, *'abc')
    first.deliveries.popleft()
    second.deliveries.popleft()
    driver.engine.processing_ended(second)
    process = driver.engine.next(0.0)
    assert isinstance(process, ProcessMessages)
    assert [names_of(first), names_of(process)] == [[], ['c']]


@pytest.mark.parametrize(
    ('max_processing_time', 'seconds'), [(None, 0.1), (60.0, 0.1), (0.05, 0.05), (0.001, 0.01)]
)
def test_a_share_ends_after_a_tenth_of_a_second_or_the_max_processing_time(
    max_processing_time: float | None, seconds: float
) -> None:
    driver = EngineDriver(max_processing_time=max_processing_time)
    [process] = shares(driver, *'ab')
    assert process.due == seconds
    assert driver.engine.next_deadline == seconds


@pytest.mark.parametrize(
    ('max_processing_time', 'seconds'), [(None, 14.9), (10.0, 1.0), (0.5, 0.1)]
)
def test_a_message_that_a_thread_may_begin_is_checked_often_enough_for_its_limit(
    max_processing_time: float | None, seconds: float
) -> None:
    driver = EngineDriver(visibility_timeout=30, max_processing_time=max_processing_time)
    shares(driver, 'a')
    driver.engine.next(0.1)
    assert driver.engine.next_deadline == pytest.approx(0.1 + seconds)


LIMITS = {
    'seconds of a share and of a batch': (batches.MAX_BATCH_DELAY, 0.1),
    'entries of a batch call': (batches.BATCH_SIZE, 10),
    'seconds until a body stalls': (body_waits.STALLED_AFTER, 1.0),
    'messages without a body': (body_waits.MAX_STALLED, 40),
    'seconds of a call': (call_limits.CALL_SECONDS, 5.0),
    'shortest seconds of a call': (call_limits.MIN_CALL_SECONDS, 0.25),
    'seconds hidden': (delivery.MAX_VISIBILITY, 12 * 60 * 60 - 10),
    'longest back-off of receives': (receiving.MAX_BACKOFF, 60.0),
    'first pause of receives': (receiving.FIRST_PAUSE, 0.05),
    'longest pause of receives': (receiving.MAX_PAUSE, 1.0),
    'seconds of an attempt id': (receiving.ATTEMPT_SECONDS, 5 * 60 - 10),
    'attempts of a delete': (retries.MAX_ATTEMPTS, 6),
    'first back-off of a delete': (retries.FIRST_BACKOFF, 0.4),
    'longest back-off of a delete': (retries.LONGEST_BACKOFF, 60.0),
    'seconds for interrupted receives': (stopping.INTERRUPT_TIMEOUT, 0.75),
    'seconds for the last calls': (stopping.SETTLE_TIMEOUT, 5.0),
}


@pytest.mark.parametrize('name', LIMITS)
def test_the_engine_has_the_limits_that_it_documents(name: str) -> None:
    limit, documented = LIMITS[name]
    assert limit == documented
