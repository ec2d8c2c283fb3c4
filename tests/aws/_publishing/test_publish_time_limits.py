"""The time limit of a publisher, with retries, uploads and batches, if AWS does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from threading import Event
from typing import Any

import pytest

from mega.aws._hooks.publishing import PublishResult
from mega.aws._publishing import destination_limits, sender
from mega.aws._publishing.buffer import BufferLimits, PublishBuffer
from mega.aws._publishing.outgoing import OutgoingMessage
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import ConfigurationError, OffloadError, PublishError, TransportError
from tests.aws._publishing.batches import EACH_SERVICE, QUEUE, TOPIC
from tests.aws.conftest import Clock
from tests.aws.fault_server import Answer, Fault, FaultServer, sqs_answer, sqs_error
from tests.local_aws import Service

# The watchdog, which ends calls of botocore at their limit, has the system's clock.
pytestmark = pytest.mark.usefixtures('no_handlers_of_moto')

SOON = 0.05
WITHIN = 10.0
SENT = sqs_answer(MessageId='m')


def publisher(faults: FaultServer, service: Service = 'sqs', **options: Any) -> Any:
    options = {'timeout': SOON, **faults.credentials, **options}
    if service == 'sqs':
        return SqsPublisher(QUEUE, **options)
    return SnsPublisher(TOPIC, **options)


@EACH_SERVICE
@pytest.mark.parametrize('path', ['direct', 'client='])
def test_publish_ends_at_its_timeout_if_aws_does_not_answer(
    service: Service, path: str, faults: FaultServer
) -> None:
    faults.will(Fault.SILENCE)
    if path == 'direct':
        ours = publisher(faults, service)
    else:
        kind: Any = SqsPublisher if service == 'sqs' else SnsPublisher
        client = faults.client(service, attempts=5)
        ours = kind(QUEUE if service == 'sqs' else TOPIC, client=client, timeout=SOON)
    with pytest.raises(TransportError) as caught:
        ours.publish({'n': 1})
    assert (caught.value.code, caught.value.retriable) == ('Timeout', True)
    assert len(faults.requests) <= 1  # on a busy machine, the time is over before it arrives


def test_a_timeout_may_be_a_timedelta(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE)
    with pytest.raises(TransportError, match='Timeout'):
        publisher(faults, timeout=timedelta(milliseconds=50)).publish_raw_message('a')


@pytest.mark.parametrize('timeout', [0, -1, float('nan'), True, '30', None, timedelta(0), 86_401])
def test_a_timeout_out_of_range_is_refused(timeout: Any, faults: FaultServer) -> None:
    with pytest.raises(ConfigurationError, match=r'timeout=.*: must be 0.001 to 86,400 seconds'):
        publisher(faults, timeout=timeout)


def test_no_retry_begins_after_the_timeout(waits: list[float], faults: FaultServer) -> None:
    faults.will(sqs_error('RequestThrottled'))
    with pytest.raises(TransportError) as caught:
        publisher(faults, timeout=1).publish('a')
    assert caught.value.code == 'RequestThrottled'
    assert sum(waits) < 1
    assert 1 < len(faults.requests) < sender.MAX_ATTEMPTS


def test_the_timeout_includes_the_upload_to_s3(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE)
    with (
        S3PayloadStore('bodies', always=True, **faults.credentials) as store,
        pytest.raises(OffloadError, match='Timeout'),
    ):
        publisher(faults, timeout=0.5, payload_store=store).publish('a')
    assert [each.operation for each in faults.requests] == ['PutObject']


def test_a_queue_that_does_not_tell_its_limit_does_not_use_up_the_timeout(
    faults: FaultServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again a minute later, and not for each message."""
    monkeypatch.setattr(destination_limits, 'LIMIT_LOOKUP_SECONDS', SOON)
    faults.will(SENT, GetQueueAttributes=[Fault.SILENCE])
    ours = publisher(faults, timeout=WITHIN)
    for _ in range(2):
        assert ours.publish('a' * 2_000) == 'm'
    operations = [each.operation for each in faults.requests]
    assert operations == ['GetQueueAttributes', 'SendMessage', 'SendMessage']
    clock.sleep(destination_limits.LIMIT_LOOKUP_PAUSE)
    assert ours.publish('a' * 2_000) == 'm'
    assert [each.operation for each in faults.requests][3] == 'GetQueueAttributes'


# Batches


@pytest.mark.parametrize('concurrency', [1, 3])
def test_a_batch_ends_at_the_timeout_if_aws_does_not_answer(
    concurrency: int, faults: FaultServer
) -> None:
    """With the error of each payload, and without a request for the payloads that follow."""
    faults.will(Fault.SILENCE)
    with pytest.raises(PublishError) as caught:
        publisher(faults).publish_batch(({'n': n} for n in range(150)), concurrency=concurrency)
    errors = [result.error for result in caught.value.results]
    assert {type(error) for error in errors} == {TransportError}
    assert {error.code for error in errors} == {'Timeout'}
    assert len(errors) == 150
    assert len(faults.requests) <= 1 + concurrency


def test_a_batch_ends_at_the_timeout_if_s3_does_not_answer(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE, GetQueueAttributes=[sqs_answer()])
    with S3PayloadStore('bodies', always=True, **faults.credentials) as store:
        results = publisher(faults, payload_store=store).publish_batch(
            ['a'] * 12, raise_on_failure=False
        )
    assert {type(result.error) for result in results} == {OffloadError}


def test_a_batch_may_take_longer_than_the_timeout_while_it_makes_progress(
    clock: Clock, faults: FaultServer
) -> None:
    """Neither slow payloads nor many requests end it."""

    def slow_payloads() -> Iterator[dict[str, int]]:
        for n in range(30):
            clock.sleep(1)
            yield {'n': n}

    def sent(*places: int) -> Answer:
        entries = [{'Id': str(place), 'MessageId': f'm-{place}'} for place in places]
        return sqs_answer(Successful=entries)

    faults.will(sent(*range(10)), GetQueueAttributes=[sqs_answer()])
    assert all(result.message_id for result in publisher(faults, timeout=2).publish_batch(
        slow_payloads()
    ))  # fmt: skip


def test_a_refusal_is_progress_of_a_batch(clock: Clock, faults: FaultServer) -> None:
    """The payloads after it are tried, however long AWS takes to refuse many."""

    def slow_payloads() -> Iterator[Any]:
        for n in range(250):
            if n % 10 == 0:
                clock.sleep(1)
            yield {'n': n}

    faults.will(sqs_error('AccessDenied'))
    results = publisher(faults, timeout=2).publish_batch(slow_payloads(), raise_on_failure=False)
    errors: list[Any] = [result.error for result in results]
    assert {error.code for error in errors} == {'AccessDenied'}


def test_a_message_of_a_batch_is_not_retried_after_the_timeout(
    waits: list[float], faults: FaultServer
) -> None:
    faults.will(sqs_error('RequestThrottled'), GetQueueAttributes=[sqs_answer()])
    results = publisher(faults, timeout=5).publish_batch(['a'], raise_on_failure=False)
    assert isinstance(results[0].error, TransportError)
    assert results[0].error.code == 'RequestThrottled'
    assert sum(waits) < 5
    assert len(faults.requests) < 1 + sender.MAX_ATTEMPTS


# Buffers


def test_a_flush_ends_at_its_timeout(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE, GetQueueAttributes=[sqs_answer()])
    with publisher(faults).buffer(max_seconds=60) as buffer:
        future = buffer.publish({'n': 1})
        with pytest.raises(PublishError, match='1 payloads have no result after 0'):
            buffer.flush(timeout=0)
        assert not future.cancelled()
    assert isinstance(future.exception(), TransportError)


class SlowAws:
    """A function that sends messages, but not before it may."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = Event(), Event()

    def send_all(self, messages: list[OutgoingMessage]) -> list[PublishResult]:
        self.has_begun.set()
        self.may_end.wait(WITHIN)
        return [PublishResult('m') for _ in messages]

    def buffer(self, *limits: int) -> PublishBuffer:
        def encode(payload: Any, binary_encoding: bool, **options: Any) -> OutgoingMessage:
            return OutgoingMessage(payload, {}, {}, len(payload))

        return PublishBuffer(encode, self.send_all, 1_000, SOON, BufferLimits(*limits))


def test_a_close_ends_at_its_timeout_and_resolves_the_futures_that_wait() -> None:
    """The first payload is in flight, and the second one waits behind it."""
    aws = SlowAws()
    buffer = aws.buffer(1, 60, 10, 1_000)
    sending = buffer.publish('a')
    assert aws.has_begun.wait(WITHIN)
    waiting = buffer.publish('b')
    with pytest.raises(PublishError, match='1 payloads were not sent, and 1 are in flight'):
        buffer.close(timeout=timedelta(0))
    assert isinstance(waiting.exception(timeout=0), PublishError)
    aws.may_end.set()
    assert sending.result(WITHIN) == 'm'
    buffer.close()


def test_a_close_without_a_timeout_ends_if_aws_does_not_answer(faults: FaultServer) -> None:
    faults.will(Fault.SILENCE)
    with publisher(faults).buffer(max_messages=5) as buffer:
        futures = [buffer.publish({'n': n}) for n in range(25)]
    assert all(isinstance(future.exception(0), TransportError) for future in futures)


@pytest.mark.parametrize('timeout', [-1, float('nan'), '1', True])
@pytest.mark.parametrize('way', ['flush', 'close'])
def test_a_timeout_of_a_buffer_out_of_range_is_refused(
    way: str, timeout: Any, faults: FaultServer
) -> None:
    faults.will(sqs_answer())
    with publisher(faults).buffer() as buffer, pytest.raises(ConfigurationError, match='timeout='):
        getattr(buffer, way)(timeout=timeout)


@pytest.mark.parametrize('limits', [(1, 60, 1, 1_000), (1, 60, 10, 9)], ids=['number', 'bytes'])
def test_a_full_buffer_refuses_a_payload_after_the_timeout(limits: tuple[int, ...]) -> None:
    aws = SlowAws()
    with aws.buffer(*limits) as buffer:
        first = buffer.publish('a' * 9)
        with pytest.raises(PublishError, match=r'the buffer was full for 0\.05 seconds'):
            buffer.publish('b')
        aws.may_end.set()
        assert first.result(WITHIN) == 'm'
        assert buffer.publish('b').result(WITHIN) == 'm'


def test_a_buffer_is_bounded_by_the_bytes_of_its_payloads(faults: FaultServer) -> None:
    """A full one sends what waits, before max_messages and max_seconds."""
    entries = [{'Id': '0', 'MessageId': 'm'}]
    faults.will(sqs_answer(Successful=entries), GetQueueAttributes=[sqs_answer()])
    with publisher(faults, timeout=WITHIN).buffer(
        max_messages=1_000, max_seconds=60, max_pending_bytes=1_000
    ) as buffer:
        for n in range(3):
            buffer.publish(chr(97 + n) * 1_000)
    bodies = [json.loads(each.body) for each in faults.requests if b'Entries' in each.body]
    sent = list(chain.from_iterable(body['Entries'] for body in bodies))
    assert [entry['MessageBody'][0] for entry in sent] == ['a', 'b', 'c']
    assert len(bodies) == 3
