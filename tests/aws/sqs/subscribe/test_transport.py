"""A listener continues after any failure of its calls to AWS."""

from __future__ import annotations

import json
import logging
import random
import time
from collections import Counter
from threading import Barrier, Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import MessageSubscriber, Stats
from mega.aws.sqs.subscribe.engine import call_limits
from mega.aws.sqs.subscribe.runtime.event_loop import EventLoopThread
from mega.errors import RetriableError, TransportError
from mega.testing import Bus
from tests.aws.answers import ALL_DONE, HTML, Answer, Fault, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.sqs.subscribe.factories import (
    WITHIN,
    LogWatcher,
    listener_on,
    listening,
    send,
    subscriber,
    warnings_of,
    will_receive,
)

QUEUE_URL = 'http://127.0.0.1/123456789012/orders'
NOTHING = sqs_answer()
UNAVAILABLE = Answer(503)


def received(*bodies: str) -> Answer:
    """Return a response to ReceiveMessage with messages."""
    return sqs_answer(
        Messages=[
            {'MessageId': body, 'ReceiptHandle': f'handle of {body}', 'Body': body}
            for body in bodies
        ]
    )


class RecordedWaits:
    """A fake of `random.uniform` that returns `length` and records the bounds of each wait."""

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


def record_waits(
    monkeypatch: pytest.MonkeyPatch, expected: int = 0, length: float = 0.0
) -> RecordedWaits:
    made = RecordedWaits(expected, length)
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
        sqs_answer(Messages=[{'MessageId': ['1'], 'ReceiptHandle': '1', 'Body': 'hej'}]),
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
def test_no_failed_receive_ends_the_work_after_a_successful_one(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault
) -> None:
    record_waits(monkeypatch)
    will_receive(faults, NOTHING, fault, fault, received('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set(), pattern='hej')
    listener = listener_on(faults, QUEUE_URL, made)
    with listening(listener):
        assert processed.wait(WITHIN)
    assert (listener.stats().done, listener.stats().deleted) == (1, 1)


@pytest.mark.parametrize('fault', [UNAVAILABLE, Fault.RESET_AFTER], ids=['unavailable', 'reset'])
def test_a_first_failure_that_is_retriable_does_not_end_the_work(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault
) -> None:
    record_waits(monkeypatch)
    will_receive(faults, fault, received('hej'), Fault.SILENCE)
    processed = Event()
    with listening(listener_on(faults, QUEUE_URL, subscriber(lambda payload: processed.set()))):
        assert processed.wait(WITHIN)


def test_a_call_that_times_out_does_not_end_the_listener(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = record_waits(monkeypatch, expected=2)
    will_receive(faults, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    client = faults.client('sqs', read_timeout=0.2)
    with listening(listener_on(faults, QUEUE_URL, made, client=client)):
        assert drawn.are_all.wait(WITHIN)
        will_receive(faults, received('hej'), NOTHING, Fault.SILENCE)
        assert processed.wait(WITHIN)


def test_the_wait_after_a_failed_receive_is_one_to_sixty_seconds(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait grows with each failure and is random, so that listeners do not retry together."""
    drawn = record_waits(monkeypatch, expected=10)
    will_receive(faults, *[UNAVAILABLE] * 9, received('hej'), NOTHING, UNAVAILABLE, Fault.SILENCE)
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
    drawn = record_waits(monkeypatch, expected=1, length=60.0)
    will_receive(faults, UNAVAILABLE)
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with listening(listener) as thread:
        assert drawn.are_all.wait(WITHIN)
        listener.stop()
        thread.join(5)
        assert not thread.is_alive()


def test_each_failed_receive_is_logged_with_the_queue_and_without_a_traceback(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = record_waits(monkeypatch, expected=2)
    will_receive(faults, UNAVAILABLE, Fault.RESET_AFTER, Fault.SILENCE)
    with listening(listener_on(faults, QUEUE_URL, subscriber())):
        assert drawn.are_all.wait(WITHIN)
    records = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(records) == 2
    for record in records:
        assert QUEUE_URL in record.getMessage()
        assert 'ReceiveMessage' in record.getMessage()
        assert not record.exc_info


def test_fault_82_a_response_that_is_not_from_aws_is_logged(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The response contains no messages. A proxy returns it at once, and at each receive."""
    record_waits(monkeypatch)
    html = Answer(200, HTML, {'Content-Type': 'text/html'})
    will_receive(faults, html, received('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    with listening(listener_on(faults, QUEUE_URL, subscriber(lambda payload: processed.set()))):
        assert processed.wait(WITHIN)
    assert any(QUEUE_URL in text for text in warnings_of(caplog))


def test_drain_raises_the_first_failure_to_receive(faults: FaultServer) -> None:
    will_receive(faults, received('hej'), NOTHING, UNAVAILABLE)
    listener = listener_on(faults, QUEUE_URL, subscriber())
    with pytest.raises(TransportError, match='ReceiveMessage'):
        listener.drain()
    assert listener.stats().done == 1


FAILED_CALLS = pytest.mark.parametrize(
    'fault',
    [UNAVAILABLE, sqs_error('RequestThrottled'), Fault.RESET_AFTER, Answer(200, b'null')],
    ids=['unavailable', 'throttled', 'reset', 'not from aws'],
)


def failed_entry(place: int, code: str, *, is_final: bool = True) -> dict[str, object]:
    """Return the result of a batch call for a failed entry."""
    return {'Id': str(place), 'SenderFault': is_final, 'Code': code, 'Message': 'as scripted'}


def calls(faults: FaultServer, operation: str) -> list[dict[str, Any]]:
    """Return the parameters of all calls of an operation."""
    made = [request for request in faults.requests if request.operation == operation]
    return [json.loads(request.body) for request in made]


def handles(faults: FaultServer, operation: str) -> list[list[str]]:
    """Return the receipt handles of each batch call."""
    return [
        [entry['ReceiptHandle'] for entry in call['Entries']] for call in calls(faults, operation)
    ]


@FAILED_CALLS
def test_a_failed_delete_is_repeated(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault
) -> None:
    record_waits(monkeypatch)
    will_receive(faults, received('a', 'b'), NOTHING, DeleteMessageBatch=[fault, fault, ALL_DONE])
    seen: list[Any] = []
    stats = listener_on(faults, QUEUE_URL, subscriber(None, seen)).drain()
    assert seen == ['a', 'b']
    assert stats == Stats(received=2, done=2, deleted=2, errors=2)
    assert handles(faults, 'DeleteMessageBatch') == [['handle of a', 'handle of b']] * 3


def test_a_delete_without_a_response_is_repeated_long_before_the_timeout_of_the_client(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_limits, 'CALL_SECONDS', 0.05)
    record_waits(monkeypatch)
    will_receive(faults, received('a'), NOTHING, DeleteMessageBatch=[Fault.SILENCE, ALL_DONE])
    client = faults.client('sqs', read_timeout=10 * WITHIN)
    stats = listener_on(faults, QUEUE_URL, subscriber(), client=client).drain()
    assert stats.errors >= 1  # on a busy machine, a response may take longer than the limit
    assert stats == Stats(received=1, done=1, deleted=1, errors=stats.errors)


def test_an_extension_without_a_response_is_repeated_before_the_visibility_timeout_ends(
    bus: Bus,
) -> None:
    def take_a_minute(payload: str) -> None:
        bus.advance(60)

    queue = bus.queue('orders')
    send(bus, queue, 'a')
    settings: dict[str, Any] = {'visibility_timeout': 30, 'max_processing_time': 600}
    listener = listener_on(bus, queue, subscriber(take_a_minute), **settings)
    bus.lose('ChangeMessageVisibility')
    bus.run(listener)
    assert listener.stats() == Stats(received=1, done=1, deleted=1, errors=1)


@FAILED_CALLS
def test_a_message_that_cannot_be_deleted_is_logged(
    faults: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Answer | Fault,
) -> None:
    """SQS delivers the message again after its visibility timeout."""
    record_waits(monkeypatch)
    will_receive(faults, received('a'), NOTHING, DeleteMessageBatch=[fault])
    stats = listener_on(faults, QUEUE_URL, subscriber()).drain()
    assert stats == Stats(received=1, done=1, errors=6)
    *_, text = warnings_of(caplog)
    assert 'message a' in text
    assert 'processed again' in text


def test_fault_116_an_expired_receipt_handle_is_logged_and_not_used_again(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    stale = sqs_answer(Failed=[failed_entry(0, 'ReceiptHandleIsInvalid')])
    will_receive(faults, received('a'), NOTHING, DeleteMessageBatch=[stale])
    stats = listener_on(faults, QUEUE_URL, subscriber()).drain()
    assert stats == Stats(received=1, done=1)
    assert len(calls(faults, 'DeleteMessageBatch')) == 1
    refusal, consequence = warnings_of(caplog)
    assert 'message a: DeleteMessageBatch' in refusal
    assert 'ReceiptHandleIsInvalid' in refusal
    assert 'message a' in consequence
    assert 'processed again' in consequence


DONE = {'Id': '0'}


@pytest.mark.parametrize(
    'answer',
    [
        sqs_answer(Successful=[DONE], Failed=[failed_entry(1, 'InternalError', is_final=False)]),
        sqs_answer(Successful=[DONE], Failed=[failed_entry(1, 'RequestThrottled')]),
        sqs_answer(Successful=[DONE]),
    ],
    ids=['failed', 'throttled', 'missing in the response'],
)
def test_only_the_failed_entries_of_a_batch_are_deleted_again(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    record_waits(monkeypatch)
    will_receive(faults, received('a', 'b'), NOTHING, DeleteMessageBatch=[answer, ALL_DONE])
    stats = listener_on(faults, QUEUE_URL, subscriber()).drain()
    assert stats == Stats(received=2, done=2, deleted=2)
    assert handles(faults, 'DeleteMessageBatch') == [
        ['handle of a', 'handle of b'],
        ['handle of b'],
    ]


@FAILED_CALLS
def test_a_failed_change_of_visibility_is_repeated(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault
) -> None:
    record_waits(monkeypatch)
    will_receive(faults, received('a'), NOTHING, ChangeMessageVisibilityBatch=[fault, ALL_DONE])
    stats = listener_on(faults, QUEUE_URL, subscriber(RetriableError(5))).drain()
    assert stats == Stats(received=1, retried=1, errors=1)
    hidden = {'Id': '0', 'ReceiptHandle': 'handle of a', 'VisibilityTimeout': 5}
    change = {'QueueUrl': QUEUE_URL, 'Entries': [hidden]}
    assert calls(faults, 'ChangeMessageVisibilityBatch') == [change] * 2


def test_a_message_whose_visibility_cannot_be_changed_is_logged(
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    gone = sqs_answer(Failed=[failed_entry(0, 'MessageNotInflight')])
    will_receive(faults, received('a'), NOTHING, ChangeMessageVisibilityBatch=[gone])
    stats = listener_on(faults, QUEUE_URL, subscriber(RetriableError(5))).drain()
    assert stats.retried == 1
    assert len(calls(faults, 'ChangeMessageVisibilityBatch')) == 1
    assert [text for text in warnings_of(caplog) if 'MessageNotInflight' in text]


def test_a_message_does_not_start_after_its_visibility_timeout(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All extensions failed, so that another consumer may have received the message."""
    will_receive(
        faults, received('a', 'b', 'c'), NOTHING, ChangeMessageVisibilityBatch=[UNAVAILABLE]
    )
    now, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now() + passed[0])

    def take_long(payload: str) -> None:
        passed[0] += 21

    seen: list[Any] = []
    made = subscriber(take_long, seen)
    stats = listener_on(faults, QUEUE_URL, made, visibility_timeout=40).drain()
    assert seen == ['a', 'b']
    assert (stats.done, stats.deleted, stats.released, stats.expired) == (2, 2, 0, 1)
    assert {text.partition(':')[0] for text in warnings_of(caplog) if 'its visib' in text} == {
        'message b took longer than its visibility timeout, and may be processed twice',
        'message c was not started within its visibility timeout, and SQS delivers it again',
    }


def test_a_message_behind_a_blocked_event_loop_does_not_start_after_its_visibility_timeout(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One coroutine blocks the event loop for 31 seconds. All extensions fail meanwhile."""
    record_waits(monkeypatch)
    will_receive(
        faults, received('a', 'b'), Fault.SILENCE, ChangeMessageVisibilityBatch=[UNAVAILABLE]
    )
    now, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now() + passed[0])
    submit, both = EventLoopThread.submit, Barrier(2)

    def observe(self: EventLoopThread, *arguments: Any) -> Any:
        worker = submit(self, *arguments)
        submitted.append(worker)
        if len(submitted) == 2:
            both.wait(WITHIN)
        return worker

    async def block(payload: str) -> None:
        seen.append(payload)
        both.wait(WITHIN)
        passed[0] += 31

    submitted: list[Any] = []
    seen: list[str] = []
    monkeypatch.setattr(EventLoopThread, 'submit', observe)

    class Blocking(MessageSubscriber):
        async def process(self, payload: str) -> None:
            await block(payload)

    expired = LogWatcher('message b was not started within its visibility timeout')
    monkeypatch.setattr(logging.getLogger('mega'), 'handlers', [expired])
    settings = {'concurrency': 2, 'max_number_of_messages': 2}
    with listening(listener_on(faults, QUEUE_URL, Blocking, **settings)):
        assert expired.event.wait(WITHIN)
    assert seen == ['a']


def test_messages_of_a_slow_server_start_despite_a_short_visibility_timeout(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes longer than the visibility timeout."""
    will_receive(faults, received('a'), received('a'), NOTHING)
    now, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, 'monotonic', lambda: now() + passed[0])
    client = faults.client('sqs')

    def be_late(**those: object) -> None:
        passed[0] += 2.5

    client.meta.events.register('after-call.sqs.ReceiveMessage', be_late)
    made = subscriber()
    stats = listener_on(faults, QUEUE_URL, made, client=client, visibility_timeout=2).drain()
    assert (stats.expired, stats.done) == (1, 1)
    asked = [call['VisibilityTimeout'] for call in calls(faults, 'ReceiveMessage')]
    assert asked[:2] == [2, 5]


@pytest.mark.parametrize('settings', [{}, {'dead_letter_queue_url': f'{QUEUE_URL}-dead'}], ids=str)
def test_a_message_without_a_body_does_not_end_the_listener(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    """SQS sends no such message, but a proxy may."""
    record_waits(monkeypatch)
    bare = sqs_answer(Messages=[{'MessageId': '1', 'ReceiptHandle': 'handle'}])
    will_receive(faults, bare, NOTHING)
    made = subscriber(pattern='hej')
    assert listener_on(faults, QUEUE_URL, made, **settings).drain().received == 1


def test_a_fifo_receive_without_a_response_is_repeated_with_its_attempt_id(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS returns the messages of the lost response again, so that their group is not idle."""
    record_waits(monkeypatch)
    will_receive(faults, Fault.RESET_AFTER, received('hej'), Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    with listening(listener_on(faults, f'{QUEUE_URL}.fifo', made)):
        assert processed.wait(WITHIN)
    attempts = [call['ReceiveRequestAttemptId'] for call in calls(faults, 'ReceiveMessage')]
    assert attempts[0] == attempts[1]
    assert attempts[0] not in attempts[2:]


def test_the_settings_of_a_listener_reach_its_calls(faults: FaultServer) -> None:
    settings = {
        'max_number_of_messages': 7,
        'wait_time_seconds': 13,
        'visibility_timeout': 41,
    }
    will_receive(faults, received('hej'), NOTHING, Fault.SILENCE)
    processed = Event()
    made = subscriber(lambda payload: processed.set())
    with listening(listener_on(faults, QUEUE_URL, made, **settings)):
        assert processed.wait(WITHIN)
    assert calls(faults, 'ReceiveMessage')[0] == {
        'QueueUrl': QUEUE_URL,
        'MaxNumberOfMessages': 7,
        'WaitTimeSeconds': 13,
        'VisibilityTimeout': 41,
        'MessageAttributeNames': ['All'],
        'AttributeNames': ['All'],
        'MessageSystemAttributeNames': ['All'],
    }
    deleted = {'Id': '0', 'ReceiptHandle': 'handle of hej'}
    assert calls(faults, 'DeleteMessageBatch')[-1] == {'QueueUrl': QUEUE_URL, 'Entries': [deleted]}


@pytest.mark.parametrize(('wait', 'drained_by'), [(0, 0), (1, 1), (20, 1)])
def test_drain_makes_two_receives_of_at_most_a_second(
    faults: FaultServer, wait: int, drained_by: int
) -> None:
    will_receive(faults, NOTHING, received('hej'), NOTHING)
    listener_on(faults, QUEUE_URL, subscriber(), wait_time_seconds=wait).drain()
    # The delete may be sent before or after the third receive, depending on MAX_BATCH_DELAY.
    done = Counter(request.operation for request in faults.requests)
    assert done == {'GetQueueAttributes': 1, 'ReceiveMessage': 4, 'DeleteMessageBatch': 1}
    assert {call['WaitTimeSeconds'] for call in calls(faults, 'ReceiveMessage')} == {drained_by}
