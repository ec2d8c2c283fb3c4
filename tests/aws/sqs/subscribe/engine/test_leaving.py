"""Messages that stay in the queue, and the time of their next delivery."""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.commands import (
    CallResult,
    ChangeVisibility,
    Delete,
    Notice,
    Receive,
)
from mega.aws.sqs.subscribe.engine.delivery import MAX_VISIBILITY, Delivery
from mega.aws.sqs.subscribe.engine.retries import MAX_ATTEMPTS
from tests.aws.sqs.subscribe.engine.driver import Begin, EngineDriver, ids, of, visibility_changes

NAMES = [f'message {number}' for number in range(40)]


def test_a_retry_delay_becomes_the_visibility_timeout() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.retry_requested(message, 300)
    call = driver.change()
    assert visibility_changes(call) == {'a': 300}
    driver.settle(call)
    assert driver.engine.in_flight == 0


def test_without_a_delay_the_visibility_timeout_is_not_changed() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.retry_requested(message)
    assert ids(action for _, action in driver.until(100.0)) == []
    assert driver.engine.in_flight == 0


def test_messages_that_are_left_share_a_batch() -> None:
    driver = EngineDriver(concurrency=25)
    batches = [driver.start(*NAMES[first : min(first + 10, 25)]) for first in (0, 10, 20)]
    for seconds, message in enumerate(message for batch in batches for message in batch):
        driver.retry_requested(message, seconds)
    calls = of(ChangeVisibility, driver.steps())
    assert [len(call.entries) for call in calls] == [10, 10, 5]
    assert [each for call in calls for each in visibility_changes(call).values()] == list(range(25))
    assert all(len({entry.id for entry in call.entries}) == len(call.entries) for call in calls)


def test_no_delay_exceeds_twelve_hours() -> None:
    driver = EngineDriver(visibility_timeout=43_200)
    first, *_ = driver.start('a')
    driver.until(40_000.0)
    driver.retry_requested(first, 43_200)
    assert visibility_changes(driver.change()) == {'a': MAX_VISIBILITY - 40_000}


def test_the_twelve_hours_begin_with_the_first_attempt_to_receive() -> None:
    """A repeated attempt returns the receipt handles of the lost response."""
    driver = EngineDriver(visibility_timeout=43_200, is_fifo=True)
    driver.steps()
    driver.until(100.0)
    driver.fail()
    repeated = driver.wait_for(Receive)
    assert repeated.attempted_since == 0.0 < repeated.asked_at
    [first] = driver.start('a', group='g')
    driver.retry_requested(first, 43_200)
    assert visibility_changes(driver.change()) == {'a': int(MAX_VISIBILITY - driver.now)}


def test_an_extension_under_way_never_overwrites_a_delay() -> None:
    """SQS might process both calls in either order. So the delay waits for the first response."""
    for result in CallResult:
        driver = EngineDriver(max_processing_time=600.0)
        [message] = driver.start('a')
        driver.now = 15.0
        extension = driver.change()
        driver.retry_requested(message, 300)
        assert of(ChangeVisibility, driver.steps()) == []
        driver.settle(extension, result)
        assert visibility_changes(driver.change()) == {'a': 300}


def test_a_pending_extension_never_overwrites_a_delay() -> None:
    """The batch of the extension was full, so that the extension waits for the next call."""
    driver = EngineDriver(concurrency=11, max_processing_time=600.0)
    messages = [*driver.start(*NAMES[:10]), *driver.start(NAMES[10])]
    driver.now = 15.0
    first = driver.engine.next(driver.now)
    assert isinstance(first, ChangeVisibility)
    extended = {entry.delivery for entry in first.entries}
    [other] = [message for message in messages if message not in extended]
    driver.retry_requested(other, 300)
    assert visibility_changes(driver.change()) == {other.id: 300}


def test_a_message_that_is_left_is_not_extended() -> None:
    driver = EngineDriver(max_processing_time=600.0)
    [message] = driver.start('a')
    driver.retry_requested(message, 300)
    call = driver.change()
    assert ids(action for _, action in driver.until(600.0)) == []
    driver.settle(call)
    assert ids(action for _, action in driver.until(1_200.0)) == []


def test_a_delay_that_failed_is_set_again_before_the_timeout_ends() -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.now = 29.0
    driver.retry_requested(message, 300)
    driver.settle(driver.change(), CallResult.RETRY)
    driver.settle(driver.wait_for(ChangeVisibility), CallResult.RETRY)
    assert ids(action for _, action in driver.until(600.0)) == []
    assert driver.engine.in_flight == 0


def test_a_failed_delay_is_set_a_limited_number_of_times() -> None:
    driver = EngineDriver(visibility_timeout=43_200)
    [message] = driver.start('a')
    driver.retry_requested(message, 300)
    tries = 0
    while driver.engine.in_flight:
        driver.settle(driver.wait_for(ChangeVisibility), CallResult.RETRY)
        tries += 1
    assert tries == MAX_ATTEMPTS


def test_a_delay_that_sqs_refuses_is_not_repeated() -> None:
    """The message is visible already, or deleted."""
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.retry_requested(message, 300)
    driver.settle(driver.change(), CallResult.FAILED)
    assert ids(action for _, action in driver.until(600.0)) == []
    assert driver.notices == []
    assert driver.engine.in_flight == 0


def test_a_message_received_again_while_it_is_left_is_processed() -> None:
    """The new delivery makes the call for the previous delivery unnecessary."""
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.retry_requested(message, 0)
    call = driver.change()
    driver.receive('a')
    assert ids(of(Begin, driver.steps())) == ['a']
    driver.settle(call, CallResult.FAILED)
    assert driver.engine.in_flight == 1
    assert driver.notices == []


# Duplicate deliveries of a message in flight


def test_fault_108_a_duplicate_of_a_message_in_processing_does_not_start() -> None:
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.receive('a')
    assert of(Begin, driver.steps()) == []
    assert driver.notices == [(Notice.DUPLICATE, 'a')]
    driver.processed(message)
    assert ids(action for _, action in driver.until(1.0)) == ['a']


def test_a_duplicate_of_a_waiting_message_does_not_start() -> None:
    driver = EngineDriver(concurrency=2)
    driver.steps()
    first, *_ = driver.receive(*'aba')
    driver.steps()
    driver.processed(first)
    driver.steps()
    assert [message.id for message in driver.begun] == ['a', 'b']
    assert driver.notices == [(Notice.DUPLICATE, 'a')]


def test_a_duplicate_updates_the_receipt_handle_and_the_timeout() -> None:
    driver = EngineDriver(concurrency=2, visibility_timeout=30)
    [message] = driver.start('a')
    driver.until(20.0)
    driver.engine.received(driver.receives.pop(), [Delivery('a', 'new')], driver.now)
    driver.until(45.0)
    driver.processed(message)
    assert driver.notices == [(Notice.DUPLICATE, 'a')]
    assert [entry.receipt_handle for entry in driver.wait_for(Delete).entries] == ['new']


def test_a_duplicate_of_a_dead_letter_does_not_start() -> None:
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.failed_permanently(message)
    driver.steps()
    driver.receive('a')
    assert of(Begin, driver.steps()) == []
