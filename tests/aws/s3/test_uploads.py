"""Between S3 and the queue something fails: what is sent, what is told, and what stays in S3."""

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
    """Retries wait for nothing here: not what is tested."""
    monkeypatch.setattr('random.uniform', lambda low, high: low)
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)


def publisher(faults: FaultServer, service: Service, *, attempts: int = 1) -> Any:
    """A publisher with everything on one server, that puts whatever it sends into S3."""
    store = store_on(faults, always=True)
    client = faults.client(service, attempts=attempts)
    if service == 'sqs':
        return SqsPublisher(QUEUE, client=client, payload_store=store)
    return SnsPublisher(TOPIC, client=client, payload_store=store)


def will(faults: FaultServer, *messages: Scripted, **of_s3: list[Scripted]) -> None:
    """Answer calls that send like this. S3 does what it is asked, unless it is told otherwise."""
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
def test_fault_48_when_a_body_is_not_put_its_message_is_not_sent(
    faults: FaultServer, service: Service, answer: Scripted
) -> None:
    will(faults, SENT[service], PutObject=[answer])
    with pytest.raises(OffloadError) as caught:
        publisher(faults, service).publish('a')
    assert caught.value.bucket == BUCKET
    assert set(operations(faults)) == {'PutObject'}


def test_fault_48_in_a_batch_the_others_are_sent(sending: Sending) -> None:
    sending.s3.will(Answer(), DENIED, Answer())
    results = sending.publisher('sqs', always=True).publish_batch('abc', raise_on_failure=False)
    assert sorted(is_sent(results)) == [False, True, True]
    [error] = [each.error for each in results if each.error]
    assert isinstance(error, OffloadError)
    assert len(sending.accepted) == 2


def test_a_batch_of_which_nothing_could_be_put_is_no_call(sending: Sending) -> None:
    sending.s3.will(DENIED)
    with pytest.raises(PublishError, match='3 of 3 payloads'):
        sending.publisher('sqs', always=True).publish_batch('abc')
    assert sending.server.counts().calls.get('SendMessageBatch', 0) == 0


def ordered(sending: Sending) -> Any:
    store = store_on(sending.s3, threshold=100)
    return sending.publisher_with(store, fifo=True, ContentBasedDeduplication=True)


def test_a_body_that_was_not_put_closes_its_group_and_no_other(sending: Sending) -> None:
    """Or what follows would come before it."""
    sending.s3.will(DENIED, Answer())
    payloads = ['a1', 'b1', 'a2', 'b2', 'a3']
    ours = ordered(sending)
    payloads[0] *= 100  # the only one that goes to S3
    results = ours.publish_batch(
        payloads, message_group_id=lambda payload: payload[0], raise_on_failure=False
    )
    assert is_sent(results) == [False, True, False, True, False]
    assert [each.body for each in sending.accepted] == ['b1', 'b2']
    assert 'the group' in str(results[2].error)


def test_a_body_that_could_not_be_put_for_a_moment_is_put_again_and_sent_in_its_order(
    sending: Sending,
) -> None:
    sending.s3.will(BUSY, BUSY, Answer())
    ours = ordered(sending)
    payloads = ['1' * 200, '2', '3']
    assert is_sent(ours.publish_batch(payloads, message_group_id='g')) == [True] * 3
    assert [each.body for each in sending.accepted][1:] == ['2', '3']
    assert sending.bodies == ['1' * 200] * 3
    assert len(set(sending.keys())) == 1


def test_a_body_that_can_never_be_put_is_given_up(sending: Sending) -> None:
    sending.s3.will(BUSY)
    with pytest.raises(PublishError, match='SlowDown'):
        sending.publisher('sqs', always=True).publish_batch(['a'])
    assert len(sending.bodies) == 6


@EACH_SERVICE
def test_trap_17_and_fault_47_what_a_refused_message_points_to_is_deleted_again(
    faults: FaultServer, service: Service
) -> None:
    will(faults, REFUSED[service])
    with pytest.raises(TransportError):
        publisher(faults, service).publish('a')
    assert [operations(faults)[place] for place in (0, -1)] == ['PutObject', 'DeleteObject']
    assert keys(faults, 'PutObject') == keys(faults, 'DeleteObject')


@EACH_SERVICE
def test_trap_17_and_fault_47_what_cannot_be_deleted_is_left_and_the_refusal_told(
    faults: FaultServer, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    will(faults, REFUSED[service], DeleteObject=[DENIED])
    with pytest.raises(TransportError) as caught:
        publisher(faults, service).publish('a')
    assert caught.value.code in ('InvalidMessageContents', 'InvalidParameter')
    assert 'lifecycle' in caplog.text


@EACH_SERVICE
@pytest.mark.parametrize('first', [Fault.RESET_AFTER, Answer(500)], ids=['reset', '500'])
def test_fault_47_what_may_have_been_sent_before_it_was_refused_is_kept(
    faults: FaultServer, service: Service, first: Scripted
) -> None:
    """botocore sent it twice. The refusal is of the second: of the first nobody heard."""
    will(faults, first, REFUSED[service])
    with pytest.raises(TransportError) as caught:
        publisher(faults, service, attempts=2).publish('a')
    assert caught.value.code in ('InvalidMessageContents', 'InvalidParameter')
    assert 'DeleteObject' not in operations(faults)


@EACH_SERVICE
@pytest.mark.parametrize(
    'answer', [Fault.RESET_AFTER, Answer(500), Answer(200, b'<html>')], ids=['reset', '500', 'html']
)
def test_fault_47_what_nobody_knows_the_fate_of_is_kept(
    faults: FaultServer, service: Service, answer: Scripted
) -> None:
    will(faults, answer)
    with pytest.raises(TransportError):
        publisher(faults, service).publish('a')
    assert 'DeleteObject' not in operations(faults)


def failed(sender_fault: bool, *places: int) -> Answer:
    """An answer in which these entries of three failed, and the others were sent."""
    return sqs_answer(
        Failed=[{'Id': str(n), 'SenderFault': sender_fault, 'Code': 'x'} for n in places],
        Successful=[{'Id': str(n), 'MessageId': f'id-{n}'} for n in range(3) if n not in places],
    )


def test_fault_47_of_a_batch_only_what_was_refused_is_deleted(faults: FaultServer) -> None:
    will(faults, failed(True, 1))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [True, False, True]
    put = {each.path: each.body for each in faults.requests if each.operation == 'PutObject'}
    assert [put[path] for path in keys(faults, 'DeleteObject')] == [b'b']


def test_fault_47_what_was_tried_before_is_kept_when_it_is_refused(faults: FaultServer) -> None:
    """First the whole call was lost, and with it whether these were sent."""
    will(faults, Fault.RESET_AFTER, failed(True, 0, 1, 2))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert len(keys(faults, 'PutObject')) == 3
    assert 'DeleteObject' not in operations(faults)


def test_fault_47_a_batch_that_is_refused_whole_has_all_of_it_deleted(faults: FaultServer) -> None:
    will(faults, sqs_error('QueueDoesNotExist'))
    results = publisher(faults, 'sqs').publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert keys(faults, 'PutObject') == keys(faults, 'DeleteObject')


def test_what_is_sent_again_points_to_what_was_put_first(faults: FaultServer) -> None:
    will(faults, failed(False, 1), sqs_answer(Successful=[{'Id': '0', 'MessageId': 'again'}]))
    results = publisher(faults, 'sqs').publish_batch('abc')
    assert [each.message_id for each in results] == ['id-0', 'again', 'id-2']
    assert operations(faults).count('PutObject') == 3


def test_one_body_that_is_not_put_does_not_keep_the_others_waiting_for_it(
    sending: Sending,
) -> None:
    """All ten are under way when the first is answered, and it is refused."""
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


def test_a_buffer_tells_each_what_came_of_its_body(sending: Sending) -> None:
    sending.s3.will(DENIED, Answer())
    with buffer_on(sending, threshold=100) as buffer:
        futures = [buffer.publish(payload) for payload in ('a' * 200, 'b', 'c')]
    assert isinstance(futures[0].exception(10), OffloadError)
    assert [bool(each.result(10)) for each in futures[1:]] == [True, True]


def test_a_buffer_refuses_at_once_what_is_over_max_payload(sending: Sending) -> None:
    with buffer_on(sending, threshold=10, max_payload=20) as buffer:
        with pytest.raises(MegaError):
            buffer.publish('a' * 30)
        assert buffer.publish('b')
    assert [each.body for each in sending.accepted] == ['b']


def test_an_unforeseen_error_of_an_upload_is_told_and_nothing_is_sent(sending: Sending) -> None:
    """Of a client with hooks of the user's own, say."""
    client = sending.s3.client('s3')

    def burst(**those: object) -> None:
        raise LookupError('a hook of the user')

    client.meta.events.register('before-call.s3.PutObject', burst)
    ours = sending.publisher_with(S3PayloadStore(BUCKET, client=client, always=True))
    [result] = ours.publish_batch(['a'], raise_on_failure=False)
    assert 'LookupError' in str(result.error)
    assert sending.accepted == []
