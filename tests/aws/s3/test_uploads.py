"""Failures between S3 and the queue: sent messages, results, and objects that remain in S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import MegaError, OffloadError, PublishError, TransportError
from mega.local import FailCall, FailEntries, Fault, Server
from tests.aws._publishing.batches import EACH_SERVICE, Clients, is_sent
from tests.aws.answers import Answer, Together, s3_error
from tests.aws.s3.making import BUCKET
from tests.aws.s3.sending import Sending, key_of
from tests.local_aws import Service

SEND = {'sqs': 'SendMessage', 'sns': 'Publish'}
REFUSED = {'sqs': FailCall('InvalidMessageContents'), 'sns': FailCall('InvalidParameter')}
DENIED = FailCall('AccessDenied', 403)
BUSY = FailCall('SlowDown', 503)
ALWAYS = 6  # a call is tried six times at most


@dataclass(frozen=True)
class Uploading:
    """A server with a bucket, and publishers with a store on it."""

    server: Server
    clients: Clients

    def publisher(self, service: Service = 'sqs', fifo: bool = False, **settings: Any) -> Any:
        """A publisher to a new queue or topic. Without settings, its store takes every body."""
        store = S3PayloadStore(BUCKET, client=self.clients['s3'], **(settings or {'always': True}))
        limits = {'ContentBasedDeduplication': True} if fifo else {}
        if service == 'sqs':
            url = self.server.create_queue('orders', fifo=fifo, **limits)
            return SqsPublisher(url, client=self.clients['sqs'], payload_store=store)
        arn = self.server.create_topic('orders', fifo=fifo, **limits)
        return SnsPublisher(arn, client=self.clients['sns'], payload_store=store)

    def keys(self) -> set[str]:
        """The keys of the bodies in the bucket."""
        listed = self.clients['s3'].list_objects_v2(Bucket=BUCKET)
        return {each['Key'] for each in listed.get('Contents', [])}

    def bodies(self) -> set[str]:
        """The bodies in the bucket."""
        objects = [self.clients['s3'].get_object(Bucket=BUCKET, Key=key) for key in self.keys()]
        return {each['Body'].read().decode() for each in objects}

    def calls(self, operation: str) -> int:
        return self.server.counts().calls.get(operation, 0)


@pytest.fixture
def uploading(server: Server, clients: Clients) -> Uploading:
    S3PayloadStore(BUCKET, client=clients['s3']).create_bucket()
    return Uploading(server, clients)


@EACH_SERVICE
@pytest.mark.parametrize('step', [DENIED, BUSY, Fault.RESET_AFTER], ids=['denied', 'busy', 'reset'])
def test_fault_48_a_message_is_not_sent_if_its_upload_failed(
    uploading: Uploading, service: Service, step: FailCall | Fault
) -> None:
    uploading.server.script(*[step] * ALWAYS, operation='PutObject')
    with pytest.raises(OffloadError) as caught:
        uploading.publisher(service).publish('a')
    assert caught.value.bucket == BUCKET
    assert uploading.server.accepted() == []


def test_fault_48_the_other_messages_of_a_batch_are_sent(uploading: Uploading) -> None:
    uploading.server.script(None, DENIED, operation='PutObject')
    results = uploading.publisher().publish_batch('abc', raise_on_failure=False)
    assert sorted(is_sent(results)) == [False, True, True]
    [error] = [each.error for each in results if each.error]
    assert isinstance(error, OffloadError)
    assert {key_of(each) for each in uploading.server.accepted()} == uploading.keys()


def test_a_batch_without_a_successful_upload_sends_no_request(uploading: Uploading) -> None:
    uploading.server.script(*[DENIED] * 3, operation='PutObject')
    with pytest.raises(PublishError, match='3 of 3 payloads'):
        uploading.publisher().publish_batch('abc')
    assert uploading.calls('SendMessageBatch') == 0


def test_a_failed_upload_fails_its_group_and_no_other(uploading: Uploading) -> None:
    """Otherwise the following messages would arrive before it."""
    uploading.server.script(DENIED, operation='PutObject')
    payloads = ['a1', 'b1', 'a2', 'b2', 'a3']
    payloads[0] *= 100  # the only offloaded payload
    results = uploading.publisher(fifo=True, threshold=100).publish_batch(
        payloads, message_group_id=lambda payload: payload[0], raise_on_failure=False
    )
    assert is_sent(results) == [False, True, False, True, False]
    assert [each.body for each in uploading.server.accepted()] == ['b1', 'b2']
    assert 'the group' in str(results[2].error)


def test_a_failed_upload_is_retried_and_its_message_keeps_its_order(
    uploading: Uploading,
) -> None:
    uploading.server.script(BUSY, BUSY, operation='PutObject')
    payloads = ['1' * 200, '2', '3']
    ours = uploading.publisher(fifo=True, threshold=100)
    assert is_sent(ours.publish_batch(payloads, message_group_id='g')) == [True] * 3
    first, *others = uploading.server.accepted()
    assert [each.body for each in others] == ['2', '3']
    assert uploading.keys() == {key_of(first)}
    assert uploading.calls('PutObject') == 3


def test_an_upload_is_tried_six_times_at_most(uploading: Uploading) -> None:
    uploading.server.script(*[BUSY] * (ALWAYS + 1), operation='PutObject')
    with pytest.raises(PublishError, match='SlowDown'):
        uploading.publisher().publish_batch(['a'])
    assert uploading.calls('PutObject') == ALWAYS


@EACH_SERVICE
def test_trap_17_and_fault_47_the_body_of_a_refused_message_is_deleted(
    uploading: Uploading, service: Service
) -> None:
    uploading.server.script(REFUSED[service], operation=SEND[service])
    with pytest.raises(TransportError):
        uploading.publisher(service).publish('a')
    assert uploading.calls('PutObject') == 1
    assert uploading.keys() == set()


@EACH_SERVICE
def test_trap_17_and_fault_47_a_failed_delete_is_logged_and_the_refusal_raised(
    uploading: Uploading, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    uploading.server.script(REFUSED[service], operation=SEND[service])
    uploading.server.script(*[DENIED] * ALWAYS, operation='DeleteObject')
    with pytest.raises(TransportError) as caught:
        uploading.publisher(service).publish('a')
    assert caught.value.code == REFUSED[service].code
    assert 'lifecycle' in caplog.text
    assert uploading.bodies() == {'a'}


@EACH_SERVICE
@pytest.mark.parametrize(
    'first', [Fault.RESET_AFTER, FailCall('InternalError', 500)], ids=['reset', '500']
)
def test_fault_47_the_body_is_kept_if_an_earlier_try_may_have_sent_the_message(
    uploading: Uploading, service: Service, first: FailCall | Fault
) -> None:
    """The second request was refused, and the outcome of the first is unknown."""
    uploading.server.script(first, REFUSED[service], operation=SEND[service])
    with pytest.raises(TransportError) as caught:
        uploading.publisher(service).publish('a')
    assert caught.value.code == REFUSED[service].code
    assert uploading.bodies() == {'a'}


@EACH_SERVICE
@pytest.mark.parametrize(
    'step',
    [Fault.RESET_AFTER, FailCall('InternalError', 500), Fault.GARBAGE_BEFORE],
    ids=['reset', '500', 'html'],
)
def test_fault_47_the_body_is_kept_if_the_outcome_is_unknown(
    uploading: Uploading, service: Service, step: FailCall | Fault
) -> None:
    uploading.server.script(*[step] * ALWAYS, operation=SEND[service])
    with pytest.raises(TransportError):
        uploading.publisher(service).publish('a')
    assert uploading.bodies() == {'a'}


def refused_entries(*positions: int) -> FailEntries:
    return FailEntries(positions, 'InvalidMessageContents', 400)


def test_fault_47_only_the_bodies_of_refused_messages_of_a_batch_are_deleted(
    uploading: Uploading,
) -> None:
    uploading.server.script(refused_entries(1), operation='SendMessageBatch')
    results = uploading.publisher().publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [True, False, True]
    assert uploading.bodies() == {'a', 'c'}


def test_fault_47_a_body_is_kept_if_its_message_is_refused_after_an_unknown_outcome(
    uploading: Uploading,
) -> None:
    """The outcome of the first request is unknown, so they may have been sent."""
    steps = Fault.RESET_AFTER, refused_entries(0, 1, 2)
    uploading.server.script(*steps, operation='SendMessageBatch')
    results = uploading.publisher().publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert uploading.bodies() == {*'abc'}


def test_fault_47_every_body_of_a_refused_batch_is_deleted(uploading: Uploading) -> None:
    uploading.server.script(Fault.MISSING, operation='SendMessageBatch')
    results = uploading.publisher().publish_batch('abc', raise_on_failure=False)
    assert is_sent(results) == [False] * 3
    assert uploading.calls('PutObject') == 3
    assert uploading.keys() == set()


def test_a_retried_message_points_to_the_first_upload(uploading: Uploading) -> None:
    uploading.server.script(FailEntries((1,)), operation='SendMessageBatch')
    results = uploading.publisher().publish_batch('abc')
    accepted = uploading.server.accepted()
    assert [each.message_id for each in results] == [accepted[n].message_id for n in (0, 2, 1)]
    assert {key_of(each) for each in accepted} == uploading.keys()
    assert uploading.calls('PutObject') == 3


def test_a_failed_upload_does_not_delay_the_others(sending: Sending) -> None:
    """All ten are in progress when S3 refuses the first one."""
    together = Barrier(10)
    denied = s3_error('AccessDenied', 403)
    sending.s3.will(Together(together, denied), Together(together, Answer()))
    results = sending.publisher('sqs', always=True).publish_batch(
        (f'{number}' for number in range(10)), raise_on_failure=False
    )
    assert is_sent(results).count(False) == 1


@contextmanager
def buffer_on(uploading: Uploading, **settings: Any) -> Iterator[Any]:
    with uploading.publisher(**settings).buffer(max_messages=5, max_seconds=60) as buffer:
        yield buffer


def test_each_future_of_a_buffer_has_the_error_of_its_upload(uploading: Uploading) -> None:
    uploading.server.script(DENIED, operation='PutObject')
    with buffer_on(uploading, threshold=100) as buffer:
        futures = [buffer.publish(payload) for payload in ('a' * 200, 'b', 'c')]
    assert isinstance(futures[0].exception(10), OffloadError)
    assert [bool(each.result(10)) for each in futures[1:]] == [True, True]


def test_a_buffer_refuses_a_body_above_max_payload_at_once(uploading: Uploading) -> None:
    with buffer_on(uploading, threshold=10, max_payload=20) as buffer:
        with pytest.raises(MegaError):
            buffer.publish('a' * 30)
        assert buffer.publish('b')
    assert [each.body for each in uploading.server.accepted()] == ['b']


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
