"""Failures between S3 and the queue: sent messages, results, and objects that remain in S3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import MegaError, OffloadError, PublishError, TransportError
from tests.aws._publishing.batches import EACH_SERVICE, QUEUE, TOPIC, is_sent
from tests.aws.answers import (
    Answer,
    Fault,
    Scripted,
    Together,
    s3_error,
    sns_answer,
    sns_error,
    sqs_answer,
    sqs_error,
)
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import BUCKET, store_on
from tests.aws.s3.sending import Sending
from tests.local_aws import Service

SENT = {'sqs': sqs_answer(MessageId='an-id'), 'sns': sns_answer(MessageId='an-id')}
REFUSED = {'sqs': sqs_error('InvalidMessageContents'), 'sns': sns_error('InvalidParameter')}
DENIED = s3_error('AccessDenied', 403)
BUSY = s3_error('SlowDown', 503)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait in these tests."""
    monkeypatch.setattr('random.uniform', lambda low, high: low)
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)


def publisher(faults: FaultServer, service: Service, *, attempts: int = 1) -> Any:
    """A publisher with one server for messages and S3, that offloads every body."""
    store = store_on(faults, always=True)
    client = faults.client(service, attempts=attempts)
    if service == 'sqs':
        return SqsPublisher(QUEUE, client=client, payload_store=store)
    return SnsPublisher(TOPIC, client=client, payload_store=store)


def will(faults: FaultServer, *messages: Scripted, **of_s3: list[Scripted]) -> None:
    """Set the responses to requests that send. S3 succeeds, unless its responses are given."""
    others: dict[str, list[Scripted]] = {
        'GetQueueAttributes': [sqs_answer(Attributes={'MaximumMessageSize': '1048576'})],
        'PutObject': [Answer()],
        'DeleteObject': [Answer(204)],
    }
    faults.will(*messages, **{**others, **of_s3})


def operations(faults: FaultServer) -> list[str]:
    return [request.operation for request in faults.requests]


def keys(faults: FaultServer, operation: str) -> set[str]:
    return {each.path for each in faults.requests if each.operation == operation}


@EACH_SERVICE
@pytest.mark.parametrize('answer', [DENIED, BUSY, Fault.RESET_AFTER])
def test_fault_48_a_message_is_not_sent_if_its_upload_failed(
    faults: FaultServer, service: Service, answer: Scripted
) -> None:
    will(faults, SENT[service], PutObject=[answer])
    with pytest.raises(OffloadError) as caught:
        publisher(faults, service).publish('a')
    assert caught.value.bucket == BUCKET
    assert set(operations(faults)) == {'PutObject'}


def test_fault_48_the_other_messages_of_a_batch_are_sent(sending: Sending) -> None:
    sending.s3.will(Answer(), DENIED, Answer())
    results = sending.publisher('sqs', always=True).publish_batch('abc', raise_on_failure=False)
    assert sorted(is_sent(results)) == [False, True, True]
    [error] = [each.error for each in results if each.error]
    assert isinstance(error, OffloadError)
    assert len(sending.accepted) == 2


def test_a_batch_without_a_successful_upload_sends_no_request(sending: Sending) -> None:
    sending.s3.will(DENIED)
    with pytest.raises(PublishError, match='3 of 3 payloads'):
        sending.publisher('sqs', always=True).publish_batch('abc')
    assert sending.server.counts().calls.get('SendMessageBatch', 0) == 0


def ordered(sending: Sending) -> Any:
    store = store_on(sending.s3, threshold=100)
    return sending.publisher_with(store, fifo=True, ContentBasedDeduplication=True)


def test_a_failed_upload_fails_its_group_and_no_other(sending: Sending) -> None:
    """Otherwise the following messages would arrive before it."""
    sending.s3.will(DENIED, Answer())
    payloads = ['a1', 'b1', 'a2', 'b2', 'a3']
    ours = ordered(sending)
    payloads[0] *= 100  # the only one that is offloaded
    results = ours.publish_batch(
        payloads, message_group_id=lambda payload: payload[0], raise_on_failure=False
    )
    assert is_sent(results) == [False, True, False, True, False]
    assert [each.body for each in sending.accepted] == ['b1', 'b2']
    assert 'the group' in str(results[2].error)


def test_a_failed_upload_is_retried_and_its_message_keeps_its_order(
    sending: Sending,
) -> None:
    sending.s3.will(BUSY, BUSY, Answer())
    ours = ordered(sending)
    payloads = ['1' * 200, '2', '3']
    assert is_sent(ours.publish_batch(payloads, message_group_id='g')) == [True] * 3
    assert [each.body for each in sending.accepted][1:] == ['2', '3']
    assert sending.bodies == ['1' * 200] * 3
    assert len(set(sending.keys())) == 1


def test_an_upload_is_tried_six_times_at_most(sending: Sending) -> None:
    sending.s3.will(BUSY)
    with pytest.raises(PublishError, match='SlowDown'):
        sending.publisher('sqs', always=True).publish_batch(['a'])
    assert len(sending.bodies) == 6


@EACH_SERVICE
def test_trap_17_and_fault_47_the_body_of_a_refused_message_is_deleted(
    faults: FaultServer, service: Service
) -> None:
    will(faults, REFUSED[service])
    with pytest.raises(TransportError):
        publisher(faults, service).publish('a')
    assert [operations(faults)[place] for place in (0, -1)] == ['PutObject', 'DeleteObject']
    assert keys(faults, 'PutObject') == keys(faults, 'DeleteObject')


@EACH_SERVICE
def test_trap_17_and_fault_47_a_failed_delete_is_logged_and_the_refusal_raised(
    faults: FaultServer, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    will(faults, REFUSED[service], DeleteObject=[DENIED])
    with pytest.raises(TransportError) as caught:
        publisher(faults, service).publish('a')
    assert caught.value.code in ('InvalidMessageContents', 'InvalidParameter')
    assert 'lifecycle' in caplog.text


@EACH_SERVICE
@pytest.mark.parametrize('first', [Fault.RESET_AFTER, Answer(500)], ids=['reset', '500'])
def test_fault_47_the_body_is_kept_if_an_earlier_try_may_have_sent_the_message(
    faults: FaultServer, service: Service, first: Scripted
) -> None:
    """The second request was refused, and the outcome of the first is unknown."""
    will(faults, first, REFUSED[service])
    with pytest.raises(TransportError) as caught:
        publisher(faults, service, attempts=2).publish('a')
    assert caught.value.code in ('InvalidMessageContents', 'InvalidParameter')
    assert 'DeleteObject' not in operations(faults)


@EACH_SERVICE
@pytest.mark.parametrize(
    'answer', [Fault.RESET_AFTER, Answer(500), Answer(200, b'<html>')], ids=['reset', '500', 'html']
)
def test_fault_47_the_body_is_kept_if_the_outcome_is_unknown(
    faults: FaultServer, service: Service, answer: Scripted
) -> None:
    will(faults, answer)
    with pytest.raises(TransportError):
        publisher(faults, service).publish('a')
    assert 'DeleteObject' not in operations(faults)


def failed(sender_fault: bool, *places: int) -> Answer:
    """A response to three entries: these failed, and the others were sent."""
    return sqs_answer(
        Failed=[{'Id': str(n), 'SenderFault': sender_fault, 'Code': 'x'} for n in places],
        Successful=[{'Id': str(n), 'MessageId': f'id-{n}'} for n in range(3) if n not in places],
    )


def test_fault_47_only_the_bodies_of_refused_messages_of_a_batch_are_deleted(
    faults: FaultServer,
) -> None:
    will(faults, failed(True, 1))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [True, False, True]
    put = {each.path: each.body for each in faults.requests if each.operation == 'PutObject'}
    assert [put[path] for path in keys(faults, 'DeleteObject')] == [b'b']


def test_fault_47_a_body_is_kept_if_its_message_is_refused_after_an_unknown_outcome(
    faults: FaultServer,
) -> None:
    """The outcome of the first request is unknown, so they may have been sent."""
    will(faults, Fault.RESET_AFTER, failed(True, 0, 1, 2))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert len(keys(faults, 'PutObject')) == 3
    assert 'DeleteObject' not in operations(faults)


def test_fault_47_every_body_of_a_refused_batch_is_deleted(faults: FaultServer) -> None:
    will(faults, sqs_error('QueueDoesNotExist'))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert keys(faults, 'PutObject') == keys(faults, 'DeleteObject')


def test_a_retried_message_points_to_the_first_upload(faults: FaultServer) -> None:
    will(faults, failed(False, 1), sqs_answer(Successful=[{'Id': '0', 'MessageId': 'again'}]))
    results = publisher(faults, 'sqs').publish_batch('abc')
    assert [each.message_id for each in results] == ['id-0', 'again', 'id-2']
    assert operations(faults).count('PutObject') == 3


def test_a_failed_upload_does_not_delay_the_others(
    sending: Sending,
) -> None:
    """All ten are in progress when S3 refuses the first one."""
    together = Barrier(10)
    sending.s3.will(Together(together, DENIED), Together(together, Answer()))
    results = sending.publisher('sqs', always=True).publish_batch(
        (f'{number}' for number in range(10)), raise_on_failure=False
    )
    assert is_sent(results).count(False) == 1


@contextmanager
def buffer_on(sending: Sending, **settings: Any) -> Iterator[Any]:
    with sending.publisher('sqs', **settings).buffer(max_messages=5, max_seconds=60) as buffer:
        yield buffer


def test_each_future_of_a_buffer_has_the_error_of_its_upload(sending: Sending) -> None:
    sending.s3.will(DENIED, Answer())
    with buffer_on(sending, threshold=100) as buffer:
        futures = [buffer.publish(payload) for payload in ('a' * 200, 'b', 'c')]
    assert isinstance(futures[0].exception(10), OffloadError)
    assert [bool(each.result(10)) for each in futures[1:]] == [True, True]


def test_a_buffer_refuses_a_body_above_max_payload_at_once(sending: Sending) -> None:
    with buffer_on(sending, threshold=10, max_payload=20) as buffer:
        with pytest.raises(MegaError):
            buffer.publish('a' * 30)
        assert buffer.publish('b')
    assert [each.body for each in sending.accepted] == ['b']


def test_an_unexpected_error_of_an_upload_is_the_result_and_nothing_is_sent(
    sending: Sending,
) -> None:
    """For example of a client with event handlers of the user."""
    client = sending.s3.client('s3')

    def burst(**those: object) -> None:
        raise LookupError('a hook of the user')

    client.meta.events.register('before-call.s3.PutObject', burst)
    ours = sending.publisher_with(S3PayloadStore(BUCKET, client=client, always=True))
    [result] = ours.publish_batch(['a'], raise_on_failure=False)
    assert 'LookupError' in str(result.error)
    assert sending.accepted == []
