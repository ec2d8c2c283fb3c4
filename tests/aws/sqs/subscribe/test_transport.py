"""A listener goes on whatever its calls to AWS come to."""

from __future__ import annotations

import json
import random
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Stats
from mega.errors import RetriableError, TransportError
from tests.aws.answers import HTML, Answer, Fault, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.making import (
    WITHIN,
    listener_on,
    listening,
    subscriber,
    warnings_of,
)

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
POLICY = sqs_answer(Attributes={'RedrivePolicy': '{}'})
NOTHING = sqs_answer()
UNAVAILABLE = Answer(503)


def found(*bodies: str) -> Answer:
    """What ReceiveMessage answers when there are messages."""
    return sqs_answer(
        Messages=[
            {'MessageId': body, 'ReceiptHandle': f'handle of {body}', 'Body': body}
            for body in bodies
        ]
    )


class Waits:
    """The bounds of the waits that were drawn, each drawn as `length`; and word of the last one."""

    def __init__(self, expected: int, length: float) -> None:
        self.bounds: list[tuple[float, float]] = []
        self.are_all = Event()
        self._expected = expected
        self._length = length

    def draw(self, low: float, high: float) -> float:
        self.bounds.append((low, high))
        if len(self.bounds) == self._expected:
            self.are_all.set()
        return self._length


def waits(monkeypatch: pytest.MonkeyPatch, expected: int = 0, length: float = 0.0) -> Waits:
    made = Waits(expected, length)
    monkeypatch.setattr(random, 'uniform', made.draw)
    return made


@pytest.mark.parametrize(
    'fault',
    [
        Answer(500),
        UNAVAILABLE,
        Answer(500, HTML),
        Answer(200, HTML),
        Answer(200, b'{"Messages": ['),
        Answer(200),
        Answer(200, b'[]'),
        Answer(200, b'null'),
        sqs_answer(Messages='text'),
        sqs_answer(Messages=['text', None, {}, {'MessageId': '1'}]),
        sqs_answer(Messages=[{'MessageId': '1', 'ReceiptHandle': '1', 'Attributes': 'text'}]),
        sqs_error('RequestThrottled'),
        sqs_error('ThrottlingException'),
        sqs_error('OverLimit'),
        sqs_error('AccessDenied', 403),
        sqs_error('InvalidClientTokenId', 403),
        sqs_error('AWS.SimpleQueueService.NonExistentQueue'),
        Fault.RESET_BEFORE,
        Fault.RESET_AFTER,
        Answer(200, b'{', length=100),
    ],
    ids=lambda fault: fault.name if isinstance(fault, Fault) else f'{fault.status}{fault.body!r}',
)
def test_no_failure_to_receive_ends_the_loop(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault
) -> None:
    waits(monkeypatch)
    faults.will(POLICY, fault, fault, found('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set(), pattern='hej')
    listener = listener_on(faults, QUEUE_URL, made)
    with listening(listener):
        assert processed.wait(WITHIN)
    assert listener.stats().done == 1


def test_a_call_that_takes_too_long_does_not_either(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = waits(monkeypatch, expected=2)
    faults.will(POLICY, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    client = faults.client('sqs', read_timeout=0.2)
    with listening(listener_on(faults, QUEUE_URL, made, client=client)):
        assert drawn.are_all.wait(WITHIN)
        faults.will(found('hej'), NOTHING, Fault.SILENCE)
        assert processed.wait(WITHIN)


def test_the_next_try_comes_after_one_to_sixty_seconds(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer after every failure in a row, and at random: not all listeners are to come at once."""
    drawn = waits(monkeypatch, expected=10)
    faults.will(POLICY, *[UNAVAILABLE] * 9, found('hej'), NOTHING, UNAVAILABLE, Fault.SILENCE)
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with listening(listener):
        assert drawn.are_all.wait(WITHIN)
    lows, highs = zip(*drawn.bounds, strict=True)
    assert set(lows) == {1}
    assert list(highs[:9]) == sorted(highs[:9])
    assert highs[0] < highs[3] < highs[8] == 60
    assert highs[9] == highs[0]
    assert listener.stats() == Stats(received=1, done=1, deleted=1, errors=10)


def test_a_stop_ends_the_wait(faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = waits(monkeypatch, expected=1, length=60.0)
    faults.will(POLICY, UNAVAILABLE)
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with listening(listener) as thread:
        assert drawn.are_all.wait(WITHIN)
        listener.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_every_failure_is_told_with_the_queue_and_without_a_traceback(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = waits(monkeypatch, expected=2)
    faults.will(POLICY, UNAVAILABLE, Fault.RESET_AFTER, Fault.SILENCE)
    with listening(listener_on(faults, QUEUE_URL, subscriber())):
        assert drawn.are_all.wait(WITHIN)
    assert len(caplog.records) == 2
    for record in caplog.records:
        assert QUEUE_URL in record.getMessage()
        assert 'ReceiveMessage' in record.getMessage()
        assert not record.exc_info


def test_an_answer_that_aws_did_not_write_is_told_of(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says nothing of messages, and a proxy that gives it gives it at once, and for ever."""
    waits(monkeypatch)
    html = Answer(200, HTML, {'Content-Type': 'text/html'})
    faults.will(POLICY, html, found('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    with listening(listener_on(faults, QUEUE_URL, subscriber(lambda payload: processed.set()))):
        assert processed.wait(WITHIN)
    assert any(QUEUE_URL in text for text in warnings_of(caplog))


def test_drain_raises_the_first_failure_to_receive(faults: FaultServer) -> None:
    faults.will(found('hej'), NOTHING, UNAVAILABLE)
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with pytest.raises(TransportError, match='ReceiveMessage'):
        listener.drain()
    assert listener.stats().done == 1


@pytest.mark.parametrize(
    'fault',
    [UNAVAILABLE, sqs_error('ReceiptHandleIsInvalid'), Fault.RESET_AFTER],
    ids=['unavailable', 'handle', 'reset'],
)
def test_a_message_that_could_not_be_deleted_is_told_of(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, fault: Answer | Fault
) -> None:
    """It comes again when its visibility timeout ends."""
    faults.will(found('a', 'b'), fault, NOTHING)
    seen: list[Any] = []
    stats = listener_on(faults, QUEUE_URL, subscriber(None, seen)).drain()
    assert seen == ['a', 'b']
    assert stats == Stats(received=2, done=2, deleted=1, errors=1)
    [text] = warnings_of(caplog)
    assert 'message a' in text
    assert 'processed again' in text


def test_a_message_that_could_not_be_hidden_is_told_of(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    faults.will(found('a'), sqs_error('MessageNotInflight'), NOTHING)
    stats = listener_on(faults, QUEUE_URL, subscriber(RetriableError(5))).drain()
    assert stats.retried == 1
    assert [text for text in warnings_of(caplog) if 'ChangeMessageVisibility' in text]


@pytest.mark.parametrize('settings', [{}, {'dead_letter_queue_url': f'{QUEUE_URL}-dead'}], ids=str)
def test_a_message_without_a_body_ends_nothing(
    faults: FaultServer, settings: dict[str, str]
) -> None:
    """SQS sends none, but what is between it and us may."""
    bare = sqs_answer(Messages=[{'MessageId': '1', 'ReceiptHandle': 'handle'}])
    faults.will(bare, NOTHING)
    made = subscriber(pattern='hej')
    assert listener_on(faults, QUEUE_URL, made, **settings).drain().received == 1


def test_settings_that_cannot_be_read_are_warned_of_and_no_more(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Receiving needs no right to read them."""
    faults.will(sqs_error('AccessDenied', 403), found('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    with listening(listener_on(faults, QUEUE_URL, subscriber(lambda payload: processed.set()))):
        assert processed.wait(WITHIN)
    assert any('GetQueueAttributes' in text for text in warnings_of(caplog))


def test_the_settings_of_a_listener_are_those_of_its_calls(faults: FaultServer) -> None:
    settings = {
        'max_number_of_messages': 7,
        'wait_time_seconds': 13,
        'visibility_timeout': 41,
    }
    faults.will(POLICY, found('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    with listening(listener_on(faults, QUEUE_URL, made, **settings)):
        assert processed.wait(WITHIN)
    calls = {request.operation: json.loads(request.body) for request in faults.requests}
    assert calls['ReceiveMessage'] == {
        'QueueUrl': QUEUE_URL,
        'MaxNumberOfMessages': 7,
        'WaitTimeSeconds': 13,
        'VisibilityTimeout': 41,
        'MessageAttributeNames': ['All'],
        'MessageSystemAttributeNames': ['All'],
    }
    assert calls['DeleteMessage']['ReceiptHandle'] == 'handle of hej'


@pytest.mark.parametrize(('wait', 'drained_by'), [(0, 0), (1, 1), (20, 1)])
def test_drain_waits_no_longer_than_a_second_and_asks_twice(
    faults: FaultServer, wait: int, drained_by: int
) -> None:
    faults.will(NOTHING, found('hej'), NOTHING)
    listener_on(faults, QUEUE_URL, subscriber(), wait_time_seconds=wait).drain()
    assert [request.operation for request in faults.requests] == [
        'ReceiveMessage', 'ReceiveMessage', 'DeleteMessage', 'ReceiveMessage', 'ReceiveMessage',
    ]  # fmt: skip
    waited = {json.loads(request.body).get('WaitTimeSeconds') for request in faults.requests}
    assert waited == {drained_by, None}
