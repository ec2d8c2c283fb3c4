"""Messages that wait for their bodies: no worker and no receive waits for them."""

from __future__ import annotations

import pytest

from mega.aws.sqs.subscribe.engine.body_waits import MAX_STALLED, STALLED_AFTER
from mega.aws.sqs.subscribe.engine.commands import CallResult, ChangeVisibility, Notice, Receive
from tests.aws.sqs.subscribe.engine.driver import (
    Begin,
    EngineDriver,
    of,
    visibility_changes,
)


def begun(driver: EngineDriver) -> list[str]:
    return [step.delivery.id for step in of(Begin, driver.steps())]


def test_a_worker_begins_another_message_until_the_body_is_ready() -> None:
    driver = EngineDriver(concurrency=1)
    a, b = driver.start('a', 'b')
    driver.wait_for_body(a)
    assert begun(driver) == ['b']
    driver.processed(b)
    assert begun(driver) == []
    driver.body_is_ready(a)
    assert begun(driver) == ['a']
    driver.processed(a)


def test_a_message_without_its_body_is_not_counted_for_the_next_receive_after_a_second() -> None:
    driver = EngineDriver(concurrency=1)
    [a] = driver.start('a')
    driver.wait_for_body(a)
    assert of(Receive, driver.steps()) == []
    [(time, _)] = [found for found in driver.until(2.0) if isinstance(found[1], Receive)]
    assert time == STALLED_AFTER


def test_neither_a_stalled_message_nor_one_that_waits_for_its_delete_is_counted() -> None:
    driver = EngineDriver(concurrency=1, max_number_of_messages=1)
    [stalled] = driver.start('a')
    driver.wait_for_body(stalled)
    driver.until(STALLED_AFTER)
    [processed] = driver.start('b')
    driver.processed(processed)
    assert len(of(Receive, driver.steps())) == 1


def test_a_limited_number_of_messages_is_not_counted() -> None:
    driver = EngineDriver(concurrency=1)
    driver.steps()
    while driver.receives:
        for delivery in driver.start(*[f'{driver.now}-{number}' for number in range(10)]):
            driver.wait_for_body(delivery)
        driver.now += STALLED_AFTER
        driver.steps()
    assert driver.engine.in_flight == MAX_STALLED + 10


def test_a_message_whose_body_does_not_arrive_expires_without_an_extension() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30, max_processing_time=600)
    [a] = driver.start('a')
    driver.wait_for_body(a)
    assert of(ChangeVisibility, [step for _, step in driver.until(29.9)]) == []
    assert driver.noticed(Notice.EXPIRED) == []
    driver.until(30.0)
    assert driver.noticed(Notice.EXPIRED) == ['a']
    driver.body_is_ready(a)
    assert begun(driver) == []


def test_the_wait_ends_if_sqs_does_not_count_the_message_as_in_flight() -> None:
    """The extension was under way when the wait began."""
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    b, a = driver.start('b', 'a')
    [extension] = of(ChangeVisibility, [step for _, step in driver.until(15.0)])
    driver.processed(b)
    assert begun(driver) == ['a']
    driver.wait_for_body(a)
    driver.settle_with_failures(extension, CallResult.FAILED, 'a')
    assert driver.noticed(Notice.EXPIRED) == ['a']
    driver.body_is_ready(a)
    assert begun(driver) == []


def test_the_visibility_timeout_is_extended_again_after_the_body_is_ready() -> None:
    driver = EngineDriver(concurrency=1, visibility_timeout=30)
    a, _ = driver.start('a', 'b')
    driver.wait_for_body(a)
    assert begun(driver) == ['b']
    driver.until(20.0)
    driver.body_is_ready(a)
    assert visibility_changes(driver.change()) == {'a': 30}


@pytest.mark.parametrize('is_stopped_before', [False, True])
def test_a_stop_releases_a_message_that_waits_for_its_body(is_stopped_before: bool) -> None:
    driver = EngineDriver(concurrency=1)
    [a] = driver.start('a')
    if is_stopped_before:
        driver.stop()
        driver.wait_for_body(a)
    else:
        driver.wait_for_body(a)
        driver.stop()
    assert visibility_changes(driver.change()) == {'a': 0}
    driver.body_is_ready(a)
    assert begun(driver) == []


def test_the_next_message_of_a_group_does_not_begin_before_one_that_waits_for_its_body() -> None:
    driver = EngineDriver(concurrency=2, is_fifo=True)
    a, _ = driver.start('a', 'b', group='g')
    driver.wait_for_body(a)
    assert begun(driver) == []
    driver.body_is_ready(a)
    assert begun(driver) == ['a']
