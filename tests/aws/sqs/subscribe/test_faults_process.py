"""Faults of a process and of its clock, with the numbers of the fault catalogue."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener, Stats
from mega.aws.sqs.subscribe.runtime import threads
from mega.errors import TransportError
from mega.event import Payload
from mega.local import FailCall, Server
from tests.aws.answers import ALL_DONE, Fault, sqs_answer, sqs_error
from tests.aws.conftest import Clock
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    listener_on,
    listening,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.event.examples import document
from tests.local_aws import LocalAws

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'


@contextmanager
def handled_by(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger('mega')
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def test_fault_81_unknown_fields_of_an_answer_are_ignored(faults: FaultServer) -> None:
    message = {
        'MessageId': '1',
        'ReceiptHandle': 'a',
        'Body': 'hej',
        'Attributes': {'ApproximateReceiveCount': '1', 'Tomorrow': 'x'},
        'MessageAttributes': {'a': {'DataType': 'String', 'StringValue': 'x', 'Tomorrow': 1}},
        'Tomorrow': {'x': [1]},
    }
    will_receive(faults, sqs_answer(Messages=[message], Tomorrow=1), sqs_answer())
    seen: list[Any] = []

    class Recording(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append((payload, self.message.attributes, self.message.receive_count))

    assert listener_on(faults, QUEUE_URL, Recording).drain() == Stats(received=1, done=1, deleted=1)
    assert seen == [('hej', {'a': 'x'}, 1)]


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError('not even this')

    __repr__ = __str__


class Raising(logging.Handler):
    """A log handler that raises an exception, although a handler must not."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError('the log is full')


class BrokenPipe:
    """A stream whose reader has closed its end."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize(
    'handler',
    [
        pytest.param(Raising(), id='100 raises'),
        pytest.param(logging.StreamHandler(BrokenPipe()), id='102 EPIPE'),
        pytest.param(logging.NullHandler(), id='100 __str__ raises'),
    ],
)
def test_fault_100_and_102_a_failing_log_handler_loses_no_message(
    aws: LocalAws, handler: logging.Handler
) -> None:
    """The log has a line for a failed, an unmatched, an invalid and a returned message."""
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, 'bad', 'good', '{"a":', json.dumps({'nobody': 1}))
    seen: list[Any] = []
    made = [subscriber(WordlessError(), pattern='bad'), subscriber(None, seen, pattern='good')]
    with handled_by(handler):
        stats = listener_on(aws, queue_url, *made, dead_letter_queue_url=dead).drain()
    assert seen == ['good']
    assert stats == Stats(
        received=4, done=1, fatal=1, unmatched=1, unopened=1, dead_lettered=3, deleted=4
    )


@pytest.mark.parametrize('handler', [Raising()], ids=['raises'])
def test_fault_100_a_failing_log_handler_does_not_end_the_listener_when_calls_fail(
    faults: FaultServer, handler: logging.Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # no wait before a repetition
    message = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
    gone = sqs_answer(Failed=[{'Id': '0', 'Code': 'BrokenPipe', 'SenderFault': True}])
    will_receive(
        faults,
        sqs_error('ServiceUnavailable', 503),
        sqs_answer(Messages=[message]),
        Fault.SILENCE,
        GetQueueAttributes=[sqs_error('ServiceUnavailable', 503)],
        DeleteMessageBatch=[ALL_DONE, gone],
    )
    done = Event()
    made = subscriber(lambda payload: done.set())
    with handled_by(handler), listening(listener_on(faults, QUEUE_URL, made)) as thread:
        assert done.wait(WITHIN)
        assert thread.is_alive()


def test_fault_101_the_existing_threads_continue_if_no_thread_can_be_started(
    aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    clock: Clock,
) -> None:
    """The listener starts without a thread, and later keeps the threads that exist."""
    start, refused = threading.Thread.start, [2]

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith('mega-listener') and refused[0]:
            refused[0] -= 1
            clock.sleep(2)  # the listener pauses before it tries again
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    monkeypatch.setattr(threads, 'SIGNAL_CHECK_SECONDS', 0.01)
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abcd')
    done = threading.Barrier(3)  # two messages in processing, and the test

    def process(payload: str) -> None:
        done.wait(WITHIN)

    made = subscriber(process)
    listener = listener_on(aws, queue_url, made, concurrency=2, max_number_of_messages=10)
    with listening(listener):
        for _ in range(2):
            done.wait(WITHIN)
    assert listener.stats().done == 4
    assert len([text for text in warnings_of(caplog) if 'no thread can be started' in text]) == 2


@pytest.mark.parametrize(
    'code', ['SignatureDoesNotMatch', 'RequestExpired', 'InvalidSignatureException']
)
def test_fault_104_a_wrong_clock_is_reported_at_the_start(server: Server, code: str) -> None:
    queue_url = server.create_queue('orders')
    expired = FailCall(code, 403, 'Signature expired: 20200504T155323Z is now earlier than')
    server.script(expired, operation='GetQueueAttributes')
    with (
        SqsListener(queue_url, [subscriber()], **server.credentials) as listener,
        pytest.raises(TransportError, match='the clock of this machine'),
    ):
        listener.listen()


def test_fault_105_a_clock_that_is_set_back_changes_no_deadline(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """The wall clock is set back by an hour during the processing, and the extensions continue."""
    message = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej'}
    extended = Event()
    monkeypatch.setattr(threads, 'SIGNAL_CHECK_SECONDS', 0.01)
    client = faults.client('sqs')
    name = 'after-call.sqs.ChangeMessageVisibilityBatch'
    client.meta.events.register(name, lambda **those: extended.set())
    now = time.time

    def process(payload: str) -> None:
        monkeypatch.setattr(time, 'time', lambda: now() - 3_600)
        clock.sleep(20)
        assert extended.wait(WITHIN)

    will_receive(faults, sqs_answer(Messages=[message]), sqs_answer())
    settings: dict[str, Any] = {'visibility_timeout': 30, 'max_processing_time': 600}
    settings |= {'client': client, 'concurrency': 2}
    stats = listener_on(faults, QUEUE_URL, subscriber(process), **settings).drain()
    assert stats == Stats(received=1, done=1, deleted=1)


def test_fault_106_an_event_of_the_future_is_delivered(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    tomorrow = datetime.now(timezone.utc) + timedelta(days=365_000)
    send(aws, queue_url, json.dumps(document({'timestamp': tomorrow.isoformat()})))
    seen: list[Payload] = []
    assert listener_on(aws, queue_url, subscriber(None, seen)).drain().done == 1
    [payload] = seen
    assert payload.event.timestamp.year == tomorrow.year
