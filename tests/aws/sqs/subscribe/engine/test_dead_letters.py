"""Permanently failed messages stay hidden until the engine dead-letters them or returns them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Notice,
    SendDeadLetter,
)
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.retries import FIRST_BACKOFF, MAX_ATTEMPTS
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, Step, ids, of, visibility_changes


def failing(driver: EngineDriver, group: str | None = None) -> Delivery:
    """Receive one message, and let its processing fail permanently."""
    [message, *_] = driver.start('a', 'b', group=group) if group else driver.start('a')
    driver.failed_permanently(message)
    return message


def sends(driver: EngineDriver, *results: CallResult) -> list[float]:
    """Return the times of the sends to the dead-letter queue, given the result of each send.

    All other calls succeed.
    """
    found: list[float] = []
    answers = list(results)
    while answers and driver.now < 200.0:
        for action in driver.steps():
            if isinstance(action, SendDeadLetter):
                found.append(driver.now)
                driver.dead_lettered(action, answers.pop(0))
            elif isinstance(action, (Delete, ChangeVisibility)):
                driver.settle(action)
        if answers:
            driver.now = min(200.0, driver.engine.next_deadline)
    return found


def acks(found: list[tuple[float, Step]]) -> list[tuple[float, list[str]]]:
    return [(at, ids([action])) for at, action in found if isinstance(action, Delete)]


def test_a_dead_lettered_message_is_deleted() -> None:
    driver = EngineDriver()
    failing(driver)
    [send] = of(SendDeadLetter, driver.steps())
    assert acks(driver.until(10.0)) == []
    driver.dead_lettered(send)
    assert acks(driver.until(20.0)) == [(10.0 + MAX_BATCH_DELAY, ['a'])]
    assert driver.noticed(Notice.DEAD_LETTERED) == ['a']


def test_a_message_that_the_dead_letter_queue_rejects_stays_until_its_timeout() -> None:
    driver = EngineDriver()
    failing(driver)
    assert sends(driver, CallResult.FAILED) == [0.0]
    assert ids(action for _, action in driver.until(100.0)) == []
    assert driver.engine.in_flight == 0
    assert driver.notices == [(Notice.NOT_DEAD_LETTERED, 'a')]


def test_a_failed_dead_letter_is_sent_again_with_backoff() -> None:
    driver = EngineDriver()
    failing(driver)
    times = sends(driver, *[CallResult.RETRY] * 4, CallResult.OK)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == pytest.approx([FIRST_BACKOFF * 2**tries for tries in range(4)])
    assert driver.noticed(Notice.DEAD_LETTERED) == ['a']
    assert ids([driver.wait_for(Delete)]) == ['a']


def test_a_failed_dead_letter_is_sent_a_limited_number_of_times() -> None:
    driver = EngineDriver()
    failing(driver)
    assert len(sends(driver, *[CallResult.RETRY] * (MAX_ATTEMPTS + 1))) == MAX_ATTEMPTS
    assert driver.notices == [(Notice.NOT_DEAD_LETTERED, 'a')]
    assert driver.engine.in_flight == 0


def test_the_delete_of_a_dead_lettered_message_has_the_full_number_of_tries() -> None:
    driver = EngineDriver()
    failing(driver)
    sends(driver, *[CallResult.RETRY] * (MAX_ATTEMPTS - 1), CallResult.OK)
    for _ in range(MAX_ATTEMPTS):
        driver.settle(driver.wait_for(Delete), CallResult.RETRY)
    assert driver.noticed(Notice.NOT_DELETED) == ['a']


def test_the_visibility_timeout_of_a_failed_message_is_extended() -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.now = 20.0
    driver.failed_permanently(message)
    assert visibility_changes(driver.change()) == {'a': 30}


def test_the_visibility_timeout_is_extended_during_the_send() -> None:
    driver = EngineDriver(visibility_timeout=30)
    failing(driver)
    found = driver.until(16.0)
    assert [at for at, action in found if isinstance(action, SendDeadLetter)] == [0.0]
    assert [at for at, action in found if isinstance(action, ChangeVisibility)] == [15.0]


def test_a_lost_message_is_not_sent_again() -> None:
    driver = EngineDriver(visibility_timeout=30)
    failing(driver)
    [send] = of(SendDeadLetter, driver.steps())
    driver.now = 15.0
    driver.settle(driver.change(), CallResult.FAILED)
    assert driver.noticed(Notice.VISIBILITY_LOST) == ['a']
    driver.dead_lettered(send, CallResult.RETRY)
    assert ids(action for _, action in driver.until(100.0)) == []


def test_fault_112_followers_wait_for_the_delete_of_a_dead_lettered_message() -> None:
    driver = EngineDriver(is_fifo=True)
    failing(driver, group='g')
    sends(driver, CallResult.RETRY, CallResult.OK)
    assert len(driver.begun) == 1
    driver.settle(driver.wait_for(Delete))
    driver.steps()
    assert [delivery.id for delivery in driver.begun] == ['a', 'b']


def test_a_stop_leaves_time_to_send_a_dead_letter_again() -> None:
    driver = EngineDriver()
    failing(driver)
    driver.stop()
    sends(driver, CallResult.RETRY, CallResult.OK)
    driver.settle(driver.wait_for(Delete))
    assert driver.is_finished


def test_an_unsent_dead_letter_is_released_after_the_grace_period() -> None:
    driver = EngineDriver(grace_period=1.0)
    failing(driver)
    driver.stop()
    sends(driver, CallResult.RETRY, CallResult.RETRY)
    call = driver.wait_for(ChangeVisibility)
    assert visibility_changes(call) == {'a': 0}
    assert driver.now == 1.0
    assert driver.noticed(Notice.RELEASED_IN_PROGRESS) == ['a']
    driver.settle(call)
    assert driver.is_finished


def test_a_stop_waits_for_a_dead_letter_that_is_being_sent() -> None:
    driver = EngineDriver(grace_period=0.0)
    failing(driver)
    [send] = of(SendDeadLetter, driver.steps())
    driver.stop()
    assert ids(action for _, action in driver.until(1.0)) == []
    driver.dead_lettered(send, CallResult.RETRY)
    assert visibility_changes(driver.change()) == {'a': 0}
