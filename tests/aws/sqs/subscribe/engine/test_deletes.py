"""The engine deletes processed messages in batches, if no message group waits for a delete."""

from __future__ import annotations

from itertools import chain

import pytest

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import CallResult, Delete, Notice
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.retries import FIRST_BACKOFF, MAX_ATTEMPTS
from tests.aws.sqs.subscribe.engine.driver import EngineDriver, Step, ids, of

NAMES = [f'message {number}' for number in range(100)]


def acks(found: list[tuple[float, Step]]) -> list[tuple[float, list[str]]]:
    """Return the time and the message ids of each delete."""
    return [(at, ids([action])) for at, action in found if isinstance(action, Delete)]


def test_ten_deletes_are_one_batch() -> None:
    driver = EngineDriver(concurrency=10)
    messages = driver.start(*NAMES[:10])
    driver.processed(*messages[:9])
    assert of(Delete, driver.steps()) == []
    driver.processed(messages[9])
    assert ids([driver.delete()]) == NAMES[:10]


def test_deletes_beyond_ten_wait_for_the_next_batch() -> None:
    driver = EngineDriver(concurrency=25)
    batches = [driver.start(*NAMES[first : min(first + 10, 25)]) for first in (0, 10, 20)]
    driver.processed(*chain(*batches))
    assert acks(driver.until(MAX_BATCH_DELAY)) == [
        (0.0, NAMES[:10]),
        (0.0, NAMES[10:20]),
        (MAX_BATCH_DELAY, NAMES[20:25]),
    ]


def test_a_smaller_batch_is_sent_after_a_tenth_of_a_second() -> None:
    driver = EngineDriver(concurrency=10)
    first, second, third = driver.start(*'abc')
    driver.processed(first)
    found = driver.until(0.75 * MAX_BATCH_DELAY)
    driver.processed(second)
    found += driver.until(3.0)
    driver.processed(third)
    found += driver.until(9.0)
    assert acks(found) == [(MAX_BATCH_DELAY, ['a', 'b']), (3.0 + MAX_BATCH_DELAY, ['c'])]


def test_each_entry_has_a_unique_id_and_the_receipt_handle() -> None:
    driver = EngineDriver(concurrency=10)
    driver.processed(*driver.start(*NAMES[:10]))
    call = driver.delete()
    assert len({entry.id for entry in call.entries}) == 10
    assert [entry.receipt_handle for entry in call.entries] == [
        f'handle of {name}' for name in NAMES[:10]
    ]


def test_a_delete_is_sent_before_the_visibility_timeout_ends() -> None:
    driver = EngineDriver(visibility_timeout=2)
    [message] = driver.start('a')
    driver.until(2.0 - MAX_BATCH_DELAY / 2)
    driver.processed(message)
    assert ids([driver.delete()]) == ['a']


def test_an_urgent_delete_sends_the_waiting_deletes_with_it() -> None:
    driver = EngineDriver(visibility_timeout=2, concurrency=3, max_number_of_messages=1)
    driver.steps()
    [early] = driver.start('a')
    driver.until(1.0)
    [late] = driver.start('b')
    driver.until(2.0 - 1.5 * MAX_BATCH_DELAY)
    driver.processed(late, early)
    assert acks(driver.until(5.0)) == [(2.0 - MAX_BATCH_DELAY, ['b', 'a'])]


def test_fault_89_a_message_that_finishes_late_is_reported_and_deleted_at_once() -> None:
    """SQS accepts the delete if no other consumer received the message."""
    driver = EngineDriver(visibility_timeout=2)
    [message] = driver.start('a')
    driver.until(3.0)
    driver.processed(message)
    assert ids([driver.delete()]) == ['a']
    assert driver.notices == [(Notice.FINISHED_LATE, 'a')]


def test_an_empty_receive_flushes_the_deletes() -> None:
    driver = EngineDriver(concurrency=2, max_number_of_messages=1)
    driver.processed(*driver.start('a'))
    assert of(Delete, driver.steps()) == []
    driver.receive()
    assert ids([driver.delete()]) == ['a']


def test_a_stop_flushes_the_deletes() -> None:
    driver = EngineDriver(concurrency=2)
    first, second = driver.start(*'ab')
    driver.processed(first)
    driver.stop()
    assert ids([driver.delete()]) == ['a']
    driver.processed(second)
    assert ids([driver.delete()]) == ['b']


def test_deletes_of_a_fifo_queue_do_not_wait() -> None:
    driver = EngineDriver(concurrency=2, is_fifo=True)
    first, _ = driver.start(*'ab')
    driver.processed(first)
    assert ids([driver.delete()]) == ['a']


def test_a_deleted_message_is_forgotten() -> None:
    driver = EngineDriver(concurrency=10)
    driver.processed(*driver.start(*NAMES[:10]))
    driver.settle(driver.delete())
    assert driver.engine.in_flight == 0
    assert driver.noticed(Notice.DELETED) == NAMES[:10]


def test_fault_63_an_entry_that_is_missing_in_the_response_is_repeated() -> None:
    driver = EngineDriver(is_fifo=True)
    driver.processed(*driver.start('a'))
    driver.settle(driver.delete(), CallResult.RETRY)
    assert [names for _, names in acks(driver.until(1.0))] == [['a']]


def test_fault_67_a_failed_delete_is_repeated_with_backoff() -> None:
    """After six calls the engine reports the message, and SQS delivers it again."""
    driver = EngineDriver(is_fifo=True)
    driver.processed(*driver.start('a'))
    for _ in range(MAX_ATTEMPTS):
        driver.settle(driver.wait_for(Delete), CallResult.RETRY)
    assert acks(driver.until(100.0)) == []
    assert driver.notices == [(Notice.NOT_DELETED, 'a')]
    assert driver.engine.in_flight == 0


def test_the_backoff_doubles_and_has_jitter() -> None:
    driver = EngineDriver(is_fifo=True)
    driver.processed(*driver.start('a'))
    times = []
    for _ in range(MAX_ATTEMPTS):
        call = driver.wait_for(Delete)
        times.append(call.decided_at)
        driver.settle(call, CallResult.RETRY)
    assert times == pytest.approx([FIRST_BACKOFF * (2**tries - 1) for tries in range(MAX_ATTEMPTS)])
    assert set(driver.drawn) == {(0.5, 1.0)}


def test_fault_68_only_the_failed_entries_of_a_batch_are_repeated() -> None:
    driver = EngineDriver(concurrency=3)
    driver.processed(*driver.start(*'abc'))
    driver.now = MAX_BATCH_DELAY
    driver.settle(driver.delete(), CallResult.OK, CallResult.RETRY, CallResult.FAILED)
    assert driver.notices == [(Notice.DELETED, 'a'), (Notice.NOT_DELETED, 'c')]
    assert [names for _, names in acks(driver.until(10.0))] == [['b']]


def test_fault_69_an_expired_receipt_handle_is_reported_and_not_used_again() -> None:
    driver = EngineDriver(is_fifo=True)
    driver.processed(*driver.start('a', group='g'))
    driver.settle(driver.delete(), CallResult.FAILED)
    assert acks(driver.until(100.0)) == []
    assert driver.notices == [(Notice.NOT_DELETED, 'a')]
    assert driver.engine.in_flight == 0


def test_a_message_received_again_during_its_delete_is_deleted_by_its_new_handle() -> None:
    """The result for the old handle has no effect, because the message is still in the queue."""
    for result in CallResult:
        driver = EngineDriver(concurrency=2, max_number_of_messages=1)
        driver.processed(*driver.start('a'))
        driver.now = MAX_BATCH_DELAY
        call = driver.delete()
        driver.engine.received(driver.receives.pop(), [Delivery('a', 'new')], driver.now)
        driver.settle(call, result)
        assert driver.notices == [(Notice.DUPLICATE, 'a')]
        driver.now = 2 * MAX_BATCH_DELAY
        assert [entry.receipt_handle for entry in driver.delete().entries] == ['new']


def test_fault_107_a_message_is_never_in_two_deletes_at_the_same_time() -> None:
    driver = EngineDriver(concurrency=2, max_number_of_messages=1)
    driver.processed(*driver.start('a'))
    driver.receive('a')
    driver.now = MAX_BATCH_DELAY
    assert len(driver.delete().entries) == 1
    assert of(Delete, driver.steps()) == []
