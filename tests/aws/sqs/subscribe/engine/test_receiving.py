"""The engine receives only as many messages as workers can begin soon."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from mega.aws.sqs.subscribe.engine.commands import Receive
from tests.aws.sqs.subscribe.engine.driver import ERROR, Begin, EngineDriver, ids, of

NAMES = [str(number) for number in range(1_000)]


def test_one_receive_waits_at_an_empty_queue() -> None:
    driver = EngineDriver(concurrency=100)
    assert driver.steps() == [Receive(10, 20, 0.0, 0)]
    for _ in range(3):
        driver.now += 20.0
        driver.receive()
        assert len(of(Receive, driver.steps())) == 1


@pytest.mark.parametrize('number', [1, 7, 10])
@pytest.mark.parametrize('wait', [0, 20])
def test_a_receive_uses_the_settings(number: int, wait: int) -> None:
    driver = EngineDriver(max_number_of_messages=number, wait_time_seconds=wait)
    assert driver.steps() == [Receive(number, wait, 0.0, 0)]


def test_each_receive_with_messages_allows_one_more() -> None:
    driver = EngineDriver(concurrency=1_000)
    driver.steps()
    under_way = []
    for answer in range(4):
        driver.receive(*NAMES[answer * 10 : answer * 10 + 10])
        driver.steps()
        under_way.append(len(driver.receives))
    assert under_way == [2, 3, 4, 5]


def test_an_empty_receive_reduces_the_receives_to_one() -> None:
    driver = EngineDriver(concurrency=1_000)
    for answer in range(4):
        driver.start(*NAMES[answer * 10 : answer * 10 + 10])
    driver.now += 20.0
    while driver.receives:
        driver.receive()
    assert len(of(Receive, driver.steps())) == 1


def test_a_failed_receive_reduces_the_receives_to_one() -> None:
    driver = EngineDriver(concurrency=1_000)
    driver.start(*NAMES[:10])
    driver.start(*NAMES[10:20])
    driver.until(1.0)
    while driver.receives:
        driver.fail()
    assert len(of(Receive, [action for _, action in driver.until(5.0)])) == 1


@pytest.mark.parametrize('number', [1, 3, 10])
@pytest.mark.parametrize('concurrency', [1, 2, 8, 32])
def test_the_messages_in_flight_are_limited_by_concurrency_and_one_batch(
    concurrency: int, number: int
) -> None:
    """The limit holds for a queue of any size, even if no message finishes."""
    driver = EngineDriver(concurrency=concurrency, max_number_of_messages=number)
    names = map(str, count())
    driver.steps()
    while driver.receives:
        driver.start(*(next(names) for _ in range(number)))
    ahead = min(number, concurrency - 1)
    assert concurrency <= driver.engine.in_flight < concurrency + ahead + number


def test_a_concurrency_of_one_receives_nothing_ahead() -> None:
    driver = EngineDriver(concurrency=1, max_number_of_messages=1)
    [message] = driver.start('a')
    assert driver.receives == []
    driver.processed(message)
    assert len(of(Receive, driver.steps())) == 1


def test_a_concurrency_of_one_finishes_a_batch_before_the_next_receive() -> None:
    driver = EngineDriver(concurrency=1)
    messages = driver.start(*'abc')
    receives = []
    for message in messages:
        receives.append(len(driver.receives))
        driver.processed(message)
        driver.steps()
    assert receives == [0, 0, 0]
    assert len(driver.receives) == 1


def test_a_concurrency_of_two_receives_one_message_ahead() -> None:
    driver = EngineDriver(concurrency=2, max_number_of_messages=1)
    driver.start('a')
    driver.start('b')
    assert len(driver.receives) == 1
    driver.start('c')
    assert driver.receives == []


def test_messages_that_wait_for_their_delete_do_not_count_against_the_limit() -> None:
    driver = EngineDriver(concurrency=1, max_number_of_messages=1)
    for name in 'abc':
        [message] = driver.start(name)
        driver.processed(message)
        assert [type(action) for action in driver.steps()] == [Receive]
    assert driver.engine.in_flight == 3


@pytest.mark.parametrize('concurrency', [1, 3, 20])
def test_as_many_messages_start_as_the_concurrency_allows(concurrency: int) -> None:
    driver = EngineDriver(concurrency=concurrency)
    driver.receive(*NAMES[:10])
    assert ids(of(Begin, driver.steps())) == NAMES[:concurrency][:10]


def test_a_free_worker_begins_the_next_message_of_its_share() -> None:
    driver = EngineDriver(concurrency=2)
    first, second, *_ = driver.start(*'abcd')
    driver.processed(second)
    assert ids(of(Begin, driver.steps())) == ['d']
    driver.retry_requested(first)
    assert ids(of(Begin, driver.steps())) == ['c']


def test_a_pause_stops_receives_but_not_processing() -> None:
    driver = EngineDriver(concurrency=2)
    driver.steps()
    driver.engine.pause()
    first, *_ = driver.start(*'abc')
    driver.processed(first)
    assert [type(action) for _, action in driver.until(0.05)] == [Begin]
    assert driver.receives == []
    driver.engine.resume()
    assert len(of(Receive, driver.steps())) == 1


def test_a_receive_that_a_pause_interrupted_is_repeated_after_it() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.engine.pause()
    driver.engine.receive_interrupted(driver.receives.pop())
    assert driver.until(100.0) == []
    driver.engine.resume()
    assert driver.steps() == [Receive(10, 20, 100.0, 0, attempted_since=100.0)]


# Empty receives that do not wait


def test_receives_that_return_nothing_at_once_follow_each_other_with_growing_pauses() -> None:
    """The first two need no pause, because a drain ends after them."""
    driver = EngineDriver(wait_time_seconds=0)
    times = []
    for _ in range(9):
        [receive] = driver.receives or [driver.wait_for(Receive)]
        times.append(receive.asked_at)
        driver.receive()
    pauses = [round(after - before, 6) for before, after in pairwise(times)]
    assert pauses == [0.0, 0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0]


def test_no_pause_follows_a_long_poll() -> None:
    driver = EngineDriver(wait_time_seconds=20)
    for _ in range(5):
        driver.steps()
        driver.now += 20.0
        driver.receive()
    assert len(of(Receive, driver.steps())) == 1


def test_no_pause_follows_a_receive_with_messages() -> None:
    driver = EngineDriver(wait_time_seconds=0, concurrency=2)
    for _ in range(5):
        driver.receive()
        driver.now += 1.0
    driver.start('a')
    assert driver.receives


# FIFO: the messages of a lost response


def test_a_receive_without_a_response_is_repeated_with_its_attempt_id() -> None:
    """SQS then returns the same messages, which would otherwise stay hidden."""
    driver = EngineDriver(is_fifo=True)
    driver.steps()
    [lost] = driver.receives
    driver.fail()
    again = driver.wait_for(Receive)
    assert again.attempt_id == lost.attempt_id
    driver.receive()
    driver.steps()
    [new] = driver.receives
    assert new.attempt_id not in (None, lost.attempt_id)


def test_an_interrupted_receive_is_repeated_with_its_attempt_id_after_a_pause() -> None:
    driver = EngineDriver(is_fifo=True)
    driver.steps()
    receive = driver.receives.pop()
    driver.engine.pause()
    driver.engine.receive_interrupted(receive)
    driver.engine.resume()
    assert [each.attempt_id for each in of(Receive, driver.steps())] == [receive.attempt_id]


def test_an_attempt_id_is_not_used_after_its_messages_may_be_visible() -> None:
    driver = EngineDriver(is_fifo=True, visibility_timeout=30, wait_time_seconds=20)
    driver.steps()
    [lost] = driver.receives
    driver.now = 29.5
    driver.fail()
    again = driver.wait_for(Receive)
    assert again.asked_at >= 30.0
    assert again.attempt_id != lost.attempt_id


def test_an_attempt_id_is_not_used_after_five_minutes() -> None:
    driver = EngineDriver(is_fifo=True, visibility_timeout=600)
    driver.steps()
    [first] = driver.receives
    attempts = [first.attempt_id]
    while driver.now < 300.0:
        driver.now = driver.receives[0].asked_at + 25.0
        driver.fail()
        attempts.append(driver.wait_for(Receive).attempt_id)
    assert attempts[-1] != attempts[0]
    assert attempts[-2] == attempts[0]


def test_a_receive_that_sqs_refused_is_not_repeated() -> None:
    driver = EngineDriver(is_fifo=True)
    driver.steps()
    receive = driver.receives.pop()
    driver.engine.receive_failed(receive, ERROR, driver.now, is_lost=False)
    assert driver.wait_for(Receive).attempt_id != receive.attempt_id


def test_a_receive_of_a_standard_queue_has_no_attempt_id() -> None:
    driver = EngineDriver()
    driver.steps()
    assert driver.receives[0].attempt_id is None
