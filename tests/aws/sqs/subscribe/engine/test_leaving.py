"""Messages that stay in the queue, and when they come again."""

from __future__ import annotations

from mega.aws.sqs.subscribe.engine.commands import ChangeVisibility, Delete, EntryResult, Notice
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.engine.retries import MAX_TRIES
from mega.aws.sqs.subscribe.engine.visibility import MAX_VISIBILITY
from tests.aws.sqs.subscribe.engine.driver import Begin, EngineDriver, ids, of, visibility_changes

NAMES = [f'message {number}' for number in range(40)]


def test_a_message_that_is_to_come_again_after_a_while_is_hidden_for_so_long() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.left_in_queue(message, 300)
    call = driver.change()
    assert visibility_changes(call) == {'a': 300}
    driver.settle(call)
    assert driver.engine.in_flight == 0


def test_without_a_while_it_comes_when_its_timeout_is_over_and_nothing_is_said() -> None:
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.left_in_queue(message)
    assert ids(action for _, action in driver.until(100.0)) == []
    assert driver.engine.in_flight == 0


def test_several_go_together() -> None:
    driver = EngineDriver(concurrency=25)
    batches = [driver.start(*NAMES[first : min(first + 10, 25)]) for first in (0, 10, 20)]
    for seconds, message in enumerate(message for batch in batches for message in batch):
        driver.left_in_queue(message, seconds)
    calls = of(ChangeVisibility, driver.steps())
    assert [len(call.entries) for call in calls] == [10, 10, 5]
    assert [each for call in calls for each in visibility_changes(call).values()] == list(range(25))
    assert all(len({entry.id for entry in call.entries}) == len(call.entries) for call in calls)


def test_no_delay_goes_beyond_the_twelve_hours() -> None:
    driver = EngineDriver(visibility_timeout=43_200)
    first, *_ = driver.start('a')
    driver.until(40_000.0)
    driver.left_in_queue(first, 43_200)
    assert visibility_changes(driver.change()) == {'a': MAX_VISIBILITY - 40_000}


def test_a_delay_is_never_overwritten_by_an_extension_that_is_under_way() -> None:
    """They might come to SQS in any order: so the delay waits for the answer to the extension."""
    for told in EntryResult:
        driver = EngineDriver(max_processing_time=600.0)
        [message] = driver.start('a')
        driver.now = 15.0
        extension = driver.change()
        driver.left_in_queue(message, 300)
        assert of(ChangeVisibility, driver.steps()) == []
        driver.settle(extension, told)
        assert visibility_changes(driver.change()) == {'a': 300}


def test_nor_by_one_that_was_decided_and_not_yet_made() -> None:
    """It was one too many for a call."""
    driver = EngineDriver(concurrency=11, max_processing_time=600.0)
    messages = [*driver.start(*NAMES[:10]), *driver.start(NAMES[10])]
    driver.now = 15.0
    first = driver.engine.next(driver.now)
    assert isinstance(first, ChangeVisibility)
    extended = {entry.delivery for entry in first.entries}
    [other] = [message for message in messages if message not in extended]
    driver.left_in_queue(other, 300)
    assert visibility_changes(driver.change()) == {other.id: 300}


def test_what_is_left_is_not_extended_any_more() -> None:
    driver = EngineDriver(max_processing_time=600.0)
    [message] = driver.start('a')
    driver.left_in_queue(message, 300)
    call = driver.change()
    assert ids(action for _, action in driver.until(600.0)) == []
    driver.settle(call)
    assert ids(action for _, action in driver.until(1_200.0)) == []


def test_a_delay_that_failed_is_set_again_while_the_message_is_hidden() -> None:
    driver = EngineDriver(visibility_timeout=30)
    [message] = driver.start('a')
    driver.now = 29.0
    driver.left_in_queue(message, 300)
    driver.settle(driver.change(), EntryResult.RETRY)
    driver.settle(driver.wait_for(ChangeVisibility), EntryResult.RETRY)
    assert ids(action for _, action in driver.until(600.0)) == []
    assert driver.engine.in_flight == 0


def test_and_so_many_times_at_most() -> None:
    driver = EngineDriver(visibility_timeout=43_200)
    [message] = driver.start('a')
    driver.left_in_queue(message, 300)
    tries = 0
    while driver.engine.in_flight:
        driver.settle(driver.wait_for(ChangeVisibility), EntryResult.RETRY)
        tries += 1
    assert tries == MAX_TRIES


def test_a_delay_that_is_refused_is_not_asked_for_again() -> None:
    """The message is there already, or gone."""
    driver = EngineDriver()
    [message] = driver.start('a')
    driver.left_in_queue(message, 300)
    driver.settle(driver.change(), EntryResult.FAILED)
    assert ids(action for _, action in driver.until(600.0)) == []
    assert driver.notices == []
    assert driver.engine.in_flight == 0


def test_what_comes_again_while_it_is_left_is_a_message_like_any_other() -> None:
    """It came, so nothing more has to be said of its last delivery."""
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.left_in_queue(message, 0)
    call = driver.change()
    driver.receive('a')
    assert ids(of(Begin, driver.steps())) == ['a']
    driver.settle(call, EntryResult.FAILED)
    assert driver.engine.in_flight == 1
    assert driver.notices == []


# What comes once more while it is in hand


def test_fault_108_a_message_that_is_in_work_is_not_started_once_more() -> None:
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.receive('a')
    assert of(Begin, driver.steps()) == []
    assert driver.notices == [(Notice.DUPLICATE, 'a')]
    driver.processed(message)
    assert ids(action for _, action in driver.until(1.0)) == ['a']


def test_nor_is_one_that_waits_started_twice() -> None:
    driver = EngineDriver(concurrency=2)
    driver.steps()
    first, *_ = driver.receive(*'aba')
    driver.steps()
    driver.processed(first)
    driver.steps()
    assert [message.id for message in driver.begun] == ['a', 'b']
    assert driver.notices == [(Notice.DUPLICATE, 'a')]


def test_its_new_handle_and_its_new_time_are_those_that_count() -> None:
    driver = EngineDriver(concurrency=2, visibility_timeout=30)
    [message] = driver.start('a')
    driver.until(20.0)
    driver.engine.received(driver.polls.pop(), [Delivery('a', 'new')], driver.now)
    driver.until(45.0)
    driver.processed(message)
    assert driver.notices == [(Notice.DUPLICATE, 'a')]
    assert [entry.receipt_handle for entry in driver.wait_for(Delete).entries] == ['new']


def test_one_that_is_on_its_way_to_the_dead_letter_queue_is_not_started_once_more() -> None:
    driver = EngineDriver(concurrency=2)
    [message] = driver.start('a')
    driver.to_dead_letter(message)
    driver.steps()
    driver.receive('a')
    assert of(Begin, driver.steps()) == []
