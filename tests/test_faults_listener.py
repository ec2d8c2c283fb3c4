"""Faults that a listener meets, with the numbers of the fault catalogue. None ends the listener.

Other files test the remaining faults: `test_faults_bodies` the bodies and their codecs, and, beside
the other tests of the listener, `test_signals` the signals and kills (84 to 87), `test_lifecycle`
the exits (93), and `test_transport` the failed calls to AWS (60 to 63).
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mega.aws.sqs.subscribe import (
    DataSubscriber,
    EventSubscriber,
    Message,
    MessageSubscriber,
    ProcessStatus,
    Stats,
    TextSubscriber,
)
from mega.errors import RetriableError
from mega.event import Payload
from mega.match.functions import between, empty, gt, match, not_, one_of
from tests.aws.answers import sqs_answer
from tests.aws.fault_server import fault_server
from tests.aws.payloads import CONFIRMATION
from tests.aws.sqs.subscribe.factories import (
    drained,
    listener_on,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.event.examples import document
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
LEFT = Counts(visible=0, in_flight=1)


def event_body(**event: Any) -> str:
    return json.dumps(document(event))


@pytest.mark.parametrize('body', [' ', '\n\t '], ids=repr)
def test_fault_01_a_blank_body_is_a_text_that_may_match_no_subscriber(
    aws: LocalAws, body: str
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, body)
    stats = listener_on(aws, queue_url, subscriber(base=DataSubscriber)).drain()
    assert stats == Stats(received=1, unmatched=1, deleted=1)
    send(aws, queue_url, body)
    seen: list[Any] = []
    listener_on(aws, queue_url, subscriber(None, seen, TextSubscriber)).drain()
    assert seen == [body]


@pytest.mark.parametrize(
    'body',
    [
        pytest.param('{"a":', id='02 truncated'),
        pytest.param('{"a":1} trailing', id='06 trailing'),
        pytest.param('{"a":NaN}', id='08 NaN'),
        pytest.param(event_body(name=5), id='14 name'),
        pytest.param(event_body(timestamp='yesterday'), id='15 timestamp'),
        pytest.param(json.dumps(document(version=2)), id='17 version'),
        pytest.param('{"a":' + '[' * 100_000, id='22 depth'),
        pytest.param(f'{{"a":{"9" * 5_000}}}', id='24 digits'),
        pytest.param('GgAAABMkaWQAsSz0G7bSxHPiaPMfBPrjzgA=', id='decimal of 35 digits'),
    ],
)
@pytest.mark.parametrize('has_queue', [False, True], ids=['left', 'dead-lettered'])
def test_fault_02_to_24_an_invalid_body_is_kept_and_the_next_message_is_processed(
    aws: LocalAws, body: str, has_queue: bool
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, body, 'hej')
    seen: list[Any] = []
    settings = {'dead_letter_queue_url': dead} if has_queue else {'unmatched': 'delete'}
    stats = listener_on(aws, queue_url, subscriber(None, seen), **settings).drain()
    assert (stats.unopened, stats.done) == (1, 1)
    assert seen == ['hej']
    assert aws.counts(queue_url) == (EMPTY if has_queue else LEFT)
    assert [message['Body'] for message in aws.receive(dead)] == [body] * has_queue


@pytest.mark.parametrize('kind', ['SubscriptionConfirmation', 'UnsubscribeConfirmation'])
@pytest.mark.parametrize(
    'has_queue', [False, True], ids=['without dead-letter queue', 'with dead-letter queue']
)
def test_fault_20_a_confirmation_is_logged_and_deleted_without_a_request_to_its_link(
    aws: LocalAws, caplog: pytest.LogCaptureFixture, kind: str, has_queue: bool
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    with socket.create_server(('127.0.0.1', 0)) as trap:
        trap.setblocking(False)
        link = 'http://{}:{}/?Action=ConfirmSubscription'.format(*trap.getsockname())
        send(aws, queue_url, json.dumps({**CONFIRMATION, 'Type': kind, 'SubscribeURL': link}))
        seen: list[Any] = []
        settings = {'dead_letter_queue_url': dead} if has_queue else {}
        listener_on(aws, queue_url, subscriber(None, seen), **settings).drain()
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert seen == []
    assert (aws.counts(queue_url), aws.counts(dead)) == (EMPTY, EMPTY)
    [text] = warnings_of(caplog)
    assert kind in text
    assert link not in text


class StrictHandler(logging.StreamHandler):  # type: ignore[type-arg]  # no generic before Python 3.11
    """A log handler that writes UTF-8, and raises an exception for a line that it cannot encode."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        raise


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """Return the bytes that the library writes to a log file."""
    written = io.BytesIO()
    handler = StrictHandler(io.TextIOWrapper(written, encoding='utf-8', write_through=True))
    logging.getLogger('mega').addHandler(handler)
    yield written
    logging.getLogger('mega').removeHandler(handler)


HOSTILE = {
    '28 lone surrogate': 'a\ud800b',
    '29 NUL': 'a\x00b',
    '29 ANSI': '\x1b[2Jb',
    '29 line break': 'a\nERROR forged',
    '29 line separator': 'a\u2028b',
    '29 long': 'x' * 100_000,
}


@pytest.mark.parametrize('name', HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    'has_queue', [False, True], ids=['without dead-letter queue', 'with dead-letter queue']
)
def test_fault_28_and_29_external_text_is_logged_escaped_and_shortened(
    aws: LocalAws, log: io.BytesIO, name: str, has_queue: bool
) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    bodies = [
        event_body(name=name),
        event_body(name='a', domain=name),
        event_body(timestamp=name),
        json.dumps(document(version=name)),
        json.dumps({name: 1}),
    ]
    send(aws, queue_url, *bodies)
    settings = {'dead_letter_queue_url': dead} if has_queue else {}
    stats = listener_on(aws, queue_url, subscriber(pattern='hej'), **settings).drain()
    assert (stats.unmatched, stats.unopened) == (3, 2)
    logged = log.getvalue().decode().splitlines()
    lines = [line for line in logged if queue_url not in line]  # without the checks at start
    assert len(lines) == 5 * (1 + has_queue)
    for line in lines:
        assert line.isprintable()
        assert len(line) < 500


@pytest.mark.parametrize('key', ['__class__', '__dict__', '$where', '__proto__', 'message'])
def test_fault_31_special_names_are_ordinary_keys(aws: LocalAws, key: str) -> None:
    seen: list[Any] = []

    class Matching(EventSubscriber):
        attributes = {key: 'x'}

        def process(self, payload: Payload) -> None:
            seen.append((type(self), type(self.message), type(payload.event), payload.to_dict()))

    queue_url = aws.create_queue()
    body = document({'attributes': {key: 'x'}}, object={'current': {key: 1}}, extra={key: [key]})
    send(aws, queue_url, json.dumps(body))
    assert listener_on(aws, queue_url, Matching).drain().done == 1
    [(kind, message, event, payload)] = seen
    assert (kind, message, event.__name__) == (Matching, Message, 'Event')
    assert payload == Payload.from_dict(body).to_dict()


@pytest.mark.parametrize(
    'value', [{'a': 1}, [1], 'text', 5, True, None, 1.5, [], {}, '', [[{}]]], ids=repr
)
def test_fault_32_a_value_of_another_type_does_not_match_and_raises_no_exception(
    aws: LocalAws, value: Any
) -> None:
    patterns = [gt(10), between('x', 'z'), match('z'), one_of(7, 'z'), {'b': 2}, [7], False, 7, 'z',
                not_(not_(b'')), {'a': {'b': {}}}]  # fmt: skip
    made = [subscriber(base=EventSubscriber, attributes={'value': pattern}) for pattern in patterns]
    made.append(subscriber(base=EventSubscriber, attributes={'value': {'a': empty()}}))
    queue_url = aws.create_queue()
    send(aws, queue_url, event_body(attributes={'value': value}))
    assert listener_on(aws, queue_url, *made).drain() == Stats(received=1, unmatched=1, deleted=1)


class InvalidComparison:
    """A value whose comparison returns an array, or raises an exception."""

    def __eq__(self, other: object) -> bool:
        raise ValueError('the truth value of an array is ambiguous')

    __hash__ = None  # type: ignore[assignment]


def raising(error: BaseException) -> Callable[[object], bool]:
    def predicate(value: object) -> bool:
        raise error

    return predicate


@pytest.mark.parametrize(
    'predicate',
    [
        pytest.param(lambda value: value == InvalidComparison(), id='33 __eq__'),
        pytest.param(raising(KeyError('a')), id='91 KeyError'),
        pytest.param(raising(RecursionError()), id='91 RecursionError'),
        pytest.param(raising(MemoryError()), id='95 MemoryError'),
        pytest.param(raising(asyncio.CancelledError()), id='94 CancelledError'),
    ],
)
def test_fault_33_and_91_a_predicate_that_raises_leaves_the_message_for_a_retry(
    aws: LocalAws, predicate: Callable[[object], bool]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, {'a': 1}, 'hej')
    seen: list[Any] = []
    made = [subscriber(base=DataSubscriber, pattern={'a': predicate}), subscriber(None, seen)]
    stats = listener_on(aws, queue_url, *made).drain()
    assert stats == Stats(received=2, retried=1, done=1, deleted=1)
    assert {'a': 1} in seen
    assert 'hej' in seen
    assert aws.counts(queue_url) == LEFT


@pytest.mark.parametrize(
    'error', [ValueError(), RecursionError(), KeyError('a'), OSError(2, 'no file')], ids=repr
)
@pytest.mark.parametrize(
    ('unhandled', 'stats', 'left'),
    [
        ('fatal', Stats(received=2, fatal=1, done=1, deleted=2), EMPTY),
        ('retry', Stats(received=2, retried=1, done=1, deleted=1), LEFT),
    ],
    ids=['fatal', 'retry'],
)
def test_fault_90_and_96_an_exception_is_fatal_or_a_retry_and_others_process(
    aws: LocalAws, error: Exception, unhandled: str, stats: Stats, left: Counts
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'bad', 'good')
    seen: list[Any] = []
    made = [subscriber(error, pattern='bad'), subscriber(None, seen)]
    assert listener_on(aws, queue_url, *made, unhandled=unhandled).drain() == stats
    assert sorted(seen) == ['bad', 'good']
    assert aws.counts(queue_url) == left


def test_fault_92_a_retry_of_one_subscriber_repeats_all_three(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []
    answers: list[Exception | None] = [RetriableError(delay=0), None]

    def process(payload: str) -> None:
        if error := answers.pop(0):
            raise error

    made = [subscriber(None, seen), subscriber(process, seen), subscriber(None, seen)]
    stats = drained(listener_on(aws, queue_url, *made))
    assert stats == Stats(received=2, retried=1, done=1, deleted=1)
    assert len(seen) == 6


def test_fault_93_after_an_interrupt_no_other_subscriber_is_started(aws: LocalAws) -> None:
    """An interrupt ends the program at once. All subscribers receive the redelivered message."""
    queue_url = aws.create_queue()
    send(aws, queue_url, 'hej')
    seen: list[Any] = []
    listener = listener_on(aws, queue_url, subscriber(KeyboardInterrupt()), subscriber(None, seen))
    with pytest.raises(KeyboardInterrupt):
        listener.drain()
    assert seen == []


@pytest.mark.parametrize(
    'error',
    [
        pytest.param(GeneratorExit(), id='94 GeneratorExit'),
        pytest.param(asyncio.CancelledError(), id='94 CancelledError'),
        pytest.param(MemoryError(), id='95 MemoryError'),
    ],
)
@pytest.mark.parametrize('is_async', [False, True], ids=['plain', 'async'])
def test_fault_94_and_95_the_message_is_left_and_the_next_is_processed(
    aws: LocalAws, error: BaseException, is_async: bool
) -> None:
    async def process(payload: str) -> None:
        raise error

    queue_url, dead = aws.create_queue(), aws.create_queue()
    send(aws, queue_url, 'bad', 'good')
    made = [subscriber(process if is_async else error, pattern='bad'), subscriber(pattern='good')]
    stats = listener_on(aws, queue_url, *made, dead_letter_queue_url=dead).drain()
    assert stats == Stats(received=2, retried=1, done=1, deleted=1)
    assert (aws.counts(queue_url), aws.counts(dead)) == (LEFT, EMPTY)


def test_fault_98_changes_of_a_subscriber_to_an_event_are_invisible_to_the_others(
    aws: LocalAws,
) -> None:
    seen: list[Any] = []

    def process(payload: Payload) -> None:
        seen.append(json.dumps(payload.to_dict()))
        payload.event.attributes.clear()
        payload.extra['tags'].append('changed')
        assert payload.object
        assert payload.object.current
        payload.object.current['items'][0]['price'] = None

    queue_url = aws.create_queue()
    body = document({'quantity': 5}, extra={'tags': []}, object={'current': {'items': [{}]}})
    send(aws, queue_url, json.dumps(body))
    assert listener_on(aws, queue_url, *[subscriber(process) for _ in '123']).drain().done == 1
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_fault_99_a_subscriber_may_delete_the_message_itself(aws: LocalAws) -> None:
    class Deleting(MessageSubscriber):
        def process(self, payload: str) -> ProcessStatus:
            handle = self.message.receipt_handle
            aws.client('sqs').delete_message(QueueUrl=queue_url, ReceiptHandle=handle)
            return ProcessStatus.DONE

    queue_url = aws.create_queue()
    send(aws, queue_url, *'ab')
    stats = listener_on(aws, queue_url, Deleting).drain()
    assert (stats.received, stats.done, stats.retried) == (2, 2, 0)
    assert aws.counts(queue_url) == EMPTY


@pytest.mark.parametrize('system', [{}, {'ApproximateReceiveCount': 'often'}], ids=str)
def test_fault_115_a_receive_count_that_is_missing_or_wrong_is_1(system: dict[str, str]) -> None:
    class Counting(MessageSubscriber):
        def process(self, payload: str) -> None:
            seen.append(self.message.receive_count)

    seen: list[int] = []
    received = {'MessageId': '1', 'ReceiptHandle': 'a', 'Body': 'hej', 'Attributes': system}
    with fault_server() as faults:
        will_receive(faults, sqs_answer(Messages=[received]), sqs_answer())
        listener_on(faults, 'http://127.0.0.1/123456789012/orders', Counting).drain()
    assert seen == [1]
