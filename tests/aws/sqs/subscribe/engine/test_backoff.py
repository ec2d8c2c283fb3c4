"""Receives that fail: made again, later and later, and never given up."""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.commands import Ack, Process, Receive
from tests.aws.sqs.subscribe.engine.driving import ERROR, Driven, ids, of


def waits(driven: Driven, failures: int) -> list[float]:
    """How long the engine waits after each of some failures in a row."""
    found = []
    for _ in range(failures):
        driven.fail()
        failed_at = driven.now
        [(at, poll)] = driven.until(driven.now + 60.0)
        assert isinstance(poll, Receive)
        found.append(at - failed_at)
    return found


def test_fault_60_a_receive_that_is_throttled_is_made_again_twice_as_late_each_time() -> None:
    """Up to a minute, at random."""
    driven = Driven()
    assert waits(driven, 8) == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert driven.drawn[:3] == [(1.0, 2.0), (1.0, 4.0), (1.0, 8.0)]
    assert driven.drawn[-1] == (1.0, 60.0)


def test_fault_61_it_is_never_made_again_before_a_second_is_over() -> None:
    assert waits(Driven(draw=lambda low, high: low), 3) == [1.0, 1.0, 1.0]


def test_fault_62_a_lost_connection_never_ends_the_work() -> None:
    """Nor does it become too much for a number, after months."""
    driven = Driven()
    for _ in range(5_000):
        driven.fail()
        driven.until(driven.now + 60.0)
    assert not driven.engine.is_stopping
    assert driven.engine.failure is None
    assert len(driven.polls) == 1


def test_one_that_succeeds_brings_the_wait_back_to_its_beginning() -> None:
    driven = Driven()
    waits(driven, 5)
    driven.bring()
    assert waits(driven, 2) == [2.0, 4.0]


def test_several_that_fail_together_count_once() -> None:
    driven = Driven(concurrency=100)
    for answer in range(3):
        driven.start(f'{answer}')
    assert len(driven.polls) == 4
    driven.until(1.0)
    while driven.polls:
        driven.fail()
    assert driven.drawn == [(1.0, 2.0)]
    assert [action for _, action in driven.until(10.0)] == [Receive(10, 20, 3.0, 3)]
    assert waits(driven, 1) == [4.0]


def test_one_that_was_under_way_when_another_failed_may_succeed_and_the_wait_goes_on() -> None:
    driven = Driven(concurrency=100)
    driven.start('a')
    driven.fail()
    driven.bring('b')
    first, *_ = of(Receive, [action for _, action in driven.until(3.0)])
    assert first.asked_at == 2.0


def test_fault_72_while_too_many_are_in_flight_nothing_is_received_and_the_rest_goes_on() -> None:
    driven = Driven(concurrency=2, max_number_of_messages=1)
    first, *_ = driven.start('a')
    second, *_ = driven.start('b')
    driven.fail()
    driven.processed(first, second)
    found = driven.until(1.9)
    assert ids(action for _, action in found) == ['a', 'b']
    assert of(Receive, [action for _, action in found]) == []
    assert [type(action) for _, action in driven.until(2.0)] == [Receive]


def test_what_waits_to_be_deleted_does_not_wait_for_the_next_try() -> None:
    driven = Driven(concurrency=2, max_number_of_messages=1)
    [message] = driven.start('a')
    driven.processed(message)
    driven.fail()
    assert len(of(Ack, driven.actions())) == 1


def test_fault_64_credentials_that_are_refused_at_the_start_end_the_work() -> None:
    driven = Driven()
    driven.fail(is_hopeless=True)
    assert driven.engine.failure is ERROR
    assert driven.is_finished


def test_fault_65_a_receive_that_is_denied_later_is_made_again() -> None:
    """Whoever took the permission away may give it back, and messages wait meanwhile."""
    driven = Driven()
    driven.bring()
    driven.fail(is_hopeless=True)
    assert not driven.engine.is_stopping
    assert [type(action) for _, action in driven.until(2.0)] == [Receive]


def test_fault_66_a_queue_that_is_gone_later_is_asked_for_until_it_is_there_again() -> None:
    driven = Driven()
    driven.bring()
    for _ in range(100):
        driven.fail(is_hopeless=True)
        driven.until(driven.now + 60.0)
    driven.bring('a')
    assert ids(of(Process, driven.actions())) == ['a']


def test_what_is_not_hopeless_is_made_again_at_the_start_too() -> None:
    driven = Driven()
    driven.fail()
    assert driven.engine.failure is None
    assert [type(action) for _, action in driven.until(2.0)] == [Receive]


def test_once_it_was_told_to_stop_no_error_is_of_interest() -> None:
    driven = Driven()
    driven.actions()
    driven.stop()
    driven.fail(is_hopeless=True)
    assert driven.engine.failure is None
    assert driven.is_finished
