"""The engine repeats failed receives, with a growing wait, and never stops."""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.commands import Delete, Receive
from tests.aws.sqs.subscribe.engine.driver import ERROR, Begin, EngineDriver, ids, of


def waits(driver: EngineDriver, failures: int) -> list[float]:
    """Return the seconds that the engine waits after each of several consecutive failures."""
    found = []
    for _ in range(failures):
        driver.fail()
        failed_at = driver.now
        [(at, receive)] = driver.until(driver.now + 60.0)
        assert isinstance(receive, Receive)
        found.append(at - failed_at)
    return found


def test_fault_60_the_wait_after_a_throttled_receive_doubles_each_time() -> None:
    """The wait is random, and at most a minute."""
    driver = EngineDriver()
    assert waits(driver, 8) == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert driver.drawn[:3] == [(1.0, 2.0), (1.0, 4.0), (1.0, 8.0)]
    assert driver.drawn[-1] == (1.0, 60.0)


def test_fault_61_the_next_receive_waits_at_least_a_second() -> None:
    assert waits(EngineDriver(draw=lambda low, high: low), 3) == [1.0, 1.0, 1.0]


def test_fault_62_a_lost_connection_never_ends_the_listener() -> None:
    """After months of failures, the exponent of the backoff does not overflow."""
    driver = EngineDriver()
    for _ in range(5_000):
        driver.fail()
        driver.until(driver.now + 60.0)
    assert not driver.engine.is_stopping
    assert driver.engine.failure is None
    assert len(driver.receives) == 1


def test_a_successful_receive_resets_the_wait() -> None:
    driver = EngineDriver()
    waits(driver, 5)
    driver.receive()
    assert waits(driver, 2) == [2.0, 4.0]


def test_concurrent_failed_receives_count_once() -> None:
    driver = EngineDriver(concurrency=100)
    for answer in range(3):
        driver.start(f'{answer}')
    assert len(driver.receives) == 4
    driver.until(1.0)
    while driver.receives:
        driver.fail()
    assert driver.drawn == [(1.0, 2.0)]
    again = Receive(10, 20, 3.0, 3, is_repetition=True, attempted_since=3.0)
    assert [action for _, action in driver.until(10.0)] == [again]
    assert waits(driver, 1) == [4.0]


def test_a_receive_made_before_the_failure_does_not_end_the_wait() -> None:
    driver = EngineDriver(concurrency=100)
    driver.start('a')
    driver.fail()
    driver.receive('b')
    first, *_ = of(Receive, [action for _, action in driver.until(3.0)])
    assert first.asked_at == 2.0


def test_fault_72_with_too_many_messages_in_flight_only_receives_wait() -> None:
    driver = EngineDriver(concurrency=2, max_number_of_messages=1)
    first, *_ = driver.start('a')
    second, *_ = driver.start('b')
    driver.fail()
    driver.processed(first, second)
    found = driver.until(1.9)
    assert ids(action for _, action in found) == ['a', 'b']
    assert of(Receive, [action for _, action in found]) == []
    assert [type(action) for _, action in driver.until(2.0)] == [Receive]


def test_deletes_do_not_wait_for_the_next_receive() -> None:
    driver = EngineDriver(concurrency=2, max_number_of_messages=1)
    [message] = driver.start('a')
    driver.processed(message)
    driver.fail()
    assert len(of(Delete, driver.steps())) == 1


def test_fault_64_invalid_credentials_at_the_start_end_the_listener() -> None:
    driver = EngineDriver()
    driver.fail(is_unrecoverable=True)
    assert driver.engine.failure is ERROR
    assert driver.is_finished


def test_fault_65_a_receive_that_is_denied_later_is_repeated() -> None:
    """An administrator may restore the permission. The messages wait until then."""
    driver = EngineDriver()
    driver.receive()
    driver.fail(is_unrecoverable=True)
    assert not driver.engine.is_stopping
    assert [type(action) for _, action in driver.until(2.0)] == [Receive]


def test_fault_66_a_queue_that_disappears_later_is_polled_until_it_returns() -> None:
    driver = EngineDriver()
    driver.receive()
    for _ in range(100):
        driver.fail(is_unrecoverable=True)
        driver.until(driver.now + 60.0)
    driver.receive('a')
    assert ids(of(Begin, driver.steps())) == ['a']


def test_a_recoverable_error_at_the_start_is_repeated() -> None:
    driver = EngineDriver()
    driver.fail()
    assert driver.engine.failure is None
    assert [type(action) for _, action in driver.until(2.0)] == [Receive]


def test_errors_after_a_stop_have_no_effect() -> None:
    driver = EngineDriver()
    driver.steps()
    driver.stop()
    driver.fail(is_unrecoverable=True)
    assert driver.engine.failure is None
    assert driver.is_finished
