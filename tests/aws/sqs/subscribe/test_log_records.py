"""Each record of a listener says what it is about, and the changes of its state are records."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Hook, MessageSubscriber, ProcessStatus
from mega.errors import RetriableError, TransportError
from mega.logging import current_delivery
from mega.testing import Bus, deliver
from tests.aws.answers import sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    LogWatcher,
    listener_on,
    listening,
    send,
    subscriber,
    will_receive,
)
from tests.local_aws import LocalAws

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'


@pytest.fixture(autouse=True)
def _debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, 'mega')


def records(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.name.partition('.')[0] == 'mega']


def about(caplog: pytest.LogCaptureFixture, words: str) -> Any:
    """Return what the only record with certain words is about."""
    [found] = [each for each in records(caplog) if words in each.getMessage()]
    return vars(found)['mega']


def states_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the states of the listener that were logged."""
    found = [vars(each)['mega'].get('state') for each in records(caplog)]
    return [state for state in found if state is not None]


@contextmanager
def logged(words: str) -> Iterator[Event]:
    """Return an event that is set when a record has certain words."""
    watcher, logger = LogWatcher(words), logging.getLogger('mega')
    logger.addHandler(watcher)
    try:
        yield watcher.event
    finally:
        logger.removeHandler(watcher)


def fail(payload: object) -> None:
    raise ValueError(payload)


def retry(payload: object) -> None:
    raise RetriableError(delay=0) from TimeoutError('slow')


class Refunds(MessageSubscriber):
    """Answers as the payload says."""

    def process(self, payload: Any) -> Any:
        answers = {'fail': fail, 'retry': retry}
        if payload in answers and self.message.receive_count == 1:
            answers[payload](payload)
        return ProcessStatus.DONE


class FailingHook(Hook):
    def around_delivery(self, message: Any) -> Any:
        if message.body == 'hook' and message.receive_count == 1:
            raise KeyError('hook')
        yield


# Each record


def test_each_record_of_a_listener_has_its_queue_and_its_message(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    queue, dead = bus.queue('refunds'), bus.queue('dead')
    send(bus, queue, 'fail', 'retry', 'hook', 'done', '{not json')
    listener = listener_on(bus, queue, Refunds, dead_letter_queue_url=dead, hooks=[FailingHook()])
    bus.run(listener, raising=False)
    assert listener.stats().dead_lettered == 2
    found = [vars(each)['mega'] for each in records(caplog)]
    assert {each['queue'] for each in found} == {'refunds'}
    ids = {each['message_id'] for each in found if 'message_id' in each}
    assert len(ids) == 5
    assert about(caplog, 'dead-lettered: ValueError in Refunds') | {'message_id': ''} == {
        'queue': 'refunds',
        'message_id': '',
        'error': 'ValueError',
        'subscriber': 'Refunds',
        'code': 'dead-lettered',
    }


def test_the_record_of_an_outcome_has_the_subscriber_the_status_and_the_error(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    queue = bus.queue('refunds')
    [message_id] = send(bus, queue, 'fail')
    bus.run(listener_on(bus, queue, Refunds), raising=False)
    found = about(caplog, 'Refunds: fatal error')
    assert found.pop('duration') >= 0
    assert found == {
        'queue': 'refunds',
        'message_id': message_id,
        'receive_count': 1,
        'subscriber': 'Refunds',
        'status': 'fatal_error',
        'error': 'ValueError',
        'code': 'subscriber-failed',
    }


def test_a_retry_is_one_line_and_its_traceback_is_at_debug(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    queue = bus.queue('refunds')
    [message_id] = send(bus, queue, 'retry')
    bus.run(listener_on(bus, queue, Refunds), raising=False)
    levels = {each.levelno for each in records(caplog) if each.name.endswith('outcome_log')}
    assert levels == {logging.WARNING, logging.DEBUG}
    [line] = [
        each.getMessage() for each in records(caplog)
        if each.name.endswith('outcome_log') and each.levelno == logging.WARNING
    ]  # fmt: skip
    assert line.startswith(
        f'Refunds: retriable error: message {message_id}: RetriableError in retry (test_log_records'
    )
    assert line.endswith(', caused by TimeoutError [subscriber-retried]')
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ('unmatched', 'level'), [(None, logging.WARNING), ('delete', logging.DEBUG)]
)
def test_an_unmatched_message_is_a_warning_unless_the_setting_says_what_to_do(
    bus: Bus, caplog: pytest.LogCaptureFixture, unmatched: Any, level: int
) -> None:
    queue = bus.queue('refunds')
    send(bus, queue, 'x')
    bus.run(listener_on(bus, queue, subscriber(pattern='y'), unmatched=unmatched))
    assert about(caplog, 'no subscriber matches')['queue'] == 'refunds'
    [found] = [each for each in records(caplog) if 'no subscriber matches' in each.getMessage()]
    assert found.levelno == level


# The context of a delivery


class Watching(Hook):
    """Appends the current delivery where a hook runs."""

    def __init__(self, seen: list[dict[str, Any]]) -> None:
        self.seen = seen

    def around_delivery(self, message: Any) -> Any:
        self.seen.append(current_delivery())
        yield
        self.seen.append(current_delivery())


class Watched(MessageSubscriber):
    seen: list[dict[str, Any]] = []

    def process(self, payload: Any) -> None:
        self.seen.append(current_delivery())


class AsyncWatched(MessageSubscriber):
    async def process(self, payload: Any) -> None:
        Watched.seen.append(current_delivery())


@pytest.fixture
def seen() -> Iterator[list[dict[str, Any]]]:
    Watched.seen.clear()
    yield Watched.seen
    Watched.seen.clear()


@pytest.mark.parametrize(
    'classes',
    [[Watched], [AsyncWatched], [AsyncWatched, Watched]],
    ids=['threads', 'event loop', 'both'],
)
def test_each_delivery_has_its_own_context_around_process(
    aws: LocalAws, seen: list[dict[str, Any]], classes: Any
) -> None:
    queue = aws.create_queue()
    sent = send(aws, queue, *'abcdefgh')
    around: list[dict[str, Any]] = []
    listener = listener_on(
        aws, queue, *classes, concurrency=4, max_number_of_messages=10, hooks=[Watching(around)]
    )
    listener.drain()
    name = queue.rpartition('/')[2]
    expected = [
        {'queue': name, 'message_id': each, 'receive_count': 1, 'subscriber': made.__name__}
        for each in sent
        for made in classes
    ]
    assert sorted(seen, key=str) == sorted(expected, key=str)
    of_messages = [{'queue': name, 'message_id': each, 'receive_count': 1} for each in sent]
    assert sorted(around, key=str) == sorted([*of_messages, *of_messages], key=str)
    assert current_delivery() == {}


def test_a_delivery_leaves_nothing_in_the_calling_thread(
    bus: Bus, seen: list[dict[str, Any]]
) -> None:
    queue = bus.queue('refunds')
    send(bus, queue, 'a')
    bus.run(listener_on(bus, queue, Watched))
    deliver(Watched, 'b')
    assert [each['subscriber'] for each in seen] == ['Watched', 'Watched']
    assert 'queue' not in seen[1]
    assert current_delivery() == {}


# Changes of the state


def test_the_start_a_pause_and_the_stop_are_logged_once_each(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue = aws.create_queue()
    listener = listener_on(aws, queue, subscriber())
    with logged('receiving from') as started, logged('resumed') as resumed, listening(listener):
        assert started.wait(WITHIN)
        for change in (listener.resume, listener.pause, listener.pause, listener.resume):
            change()
        assert resumed.wait(WITHIN)
        listener.stop()
        listener.stop()
    states = [each for each in records(caplog) if 'state' in vars(each)['mega']]
    assert states_in(caplog) == ['started', 'paused', 'resumed', 'stopping', 'stopped']
    assert {each.levelno for each in states} == {logging.INFO}
    assert {vars(each)['mega']['queue'] for each in states} == {queue.rpartition('/')[2]}
    assert all(queue in each.getMessage() for each in states)
    assert ' at http' not in states[0].getMessage()  # the URL of the queue has the endpoint


def test_a_pause_of_a_listener_that_stops_is_not_logged(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    def stop_and_pause(payload: object) -> None:
        for change in (listener.stop, listener.pause, listener.resume):
            change()

    queue = aws.create_queue()
    send(aws, queue, 'a')
    listener = listener_on(aws, queue, subscriber(stop_and_pause))
    listener.listen()
    assert states_in(caplog) == ['started', 'stopping', 'stopped']


def test_the_stop_of_a_listener_that_an_error_ends_is_logged(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    listener = listener_on(aws, aws.create_queue() + '-gone', subscriber())
    with pytest.raises(TransportError):
        listener.drain()
    assert states_in(caplog)[-1] == 'stopped'


def test_the_first_receive_after_failures_is_logged(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    will_receive(faults, sqs_error('ServiceUnavailable', 503), sqs_answer(Messages=[]))
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with logged('again, after') as reconnected, listening(listener):
        assert reconnected.wait(WITHIN)
    assert about(caplog, 'again, after failed calls: 1') == {
        'queue': 'orders',
        'state': 'reconnected',
        'failures': 1,
    }
    failed = about(caplog, 'ReceiveMessage from')
    assert (failed['queue'], failed['error']) == ('orders', 'ServiceUnavailable')
    text = f'ReceiveMessage from {QUEUE_URL} failed (ServiceUnavailable): '
    assert caplog.text.count('failed (') == caplog.text.count(text) == 1
