"""Bodies that are deleted in S3: after their message, if no other message points to them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import ProcessStatus, SqsListener, Stats
from mega.errors import RetriableError
from mega.local import FailCall, FailEntries, Server
from tests.aws._publishing.batches import QUEUE, Clients
from tests.aws.answers import ALL_DONE, Answer, s3_object, sqs_answer, sqs_error
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import (
    BUCKET,
    LARGE,
    POINTER_TO_OURS,
    create_bucket,
    deliveries,
    keys_in,
    pointing_to,
    publisher_on,
    put,
    send_pointer,
    store_on,
)
from tests.aws.sqs.subscribe.factories import listener_on, subscriber, warnings_of, will_receive
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
OURS = s3_object(b'ok', mega_queue_url=QUEUE)
MESSAGE = deliveries(pointing_to(POINTER_TO_OURS))


def drain(aws: LocalAws | FaultServer, queue_url: str, store: Any, answer: Any = None) -> None:
    settings = {'max_number_of_messages': 10, 'payload_store': store}
    listener_on(aws, queue_url, subscriber(answer), **settings).drain()


@pytest.mark.parametrize('delete', [False, True], ids=['by default', 'on request'])
def test_trap_08_and_fault_49_a_body_remains_without_delete(aws: LocalAws, delete: bool) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, always=True, delete=delete)
    ours = publisher_on(aws, queue_url, store)
    ours.publish('a')
    ours.publish_batch(['b', 'c'])
    drain(aws, queue_url, store)
    assert aws.counts(queue_url) == EMPTY
    assert len(keys_in(aws, store.bucket)) == (0 if delete else 3)


def test_a_body_that_was_offloaded_because_of_its_batch_is_deleted(aws: LocalAws) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, delete=True)
    publisher_on(aws, queue_url, store).publish_batch(['a' * 250_000] * 6)
    assert len(keys_in(aws, store.bucket)) == 2
    drain(aws, queue_url, store)
    assert keys_in(aws, store.bucket) == []


def test_trap_07_the_body_is_deleted_after_the_message(faults: FaultServer) -> None:
    will_receive(faults, *MESSAGE, GetObject=[OURS], DeleteObject=[Answer(204)])
    drain(faults, QUEUE, store_on(faults, delete=True))
    operations = [each.operation for each in faults.requests]
    assert [each for each in operations if each.startswith('Delete')] == [
        'DeleteMessageBatch',
        'DeleteObject',
    ]


class Offloaded:
    """A queue of the in-memory AWS with messages whose bodies are in S3, and its listener."""

    def __init__(self, server: Server, clients: Clients, *bodies: str) -> None:
        self._sqs, self._s3 = clients['sqs'], clients['s3']
        self.store = S3PayloadStore(BUCKET, client=self._s3, always=True, delete=True)
        self.store.create_bucket()
        self.queue_url = server.create_queue('orders')
        publisher = SqsPublisher(self.queue_url, client=self._sqs, payload_store=self.store)
        publisher.publish_batch(bodies)

    def drain(self) -> Stats:
        settings: Any = {'max_number_of_messages': 10, 'wait_time_seconds': 0}
        subscribers = [subscriber(None)]
        return SqsListener(
            self.queue_url, subscribers, client=self._sqs, payload_store=self.store, **settings
        ).drain()

    def keys(self) -> list[str]:
        """The keys of the bodies in S3."""
        listed = self._s3.list_objects_v2(Bucket=BUCKET)
        return [each['Key'] for each in listed.get('Contents', [])]

    def keys_of_messages(self) -> list[str]:
        """The keys in the messages that are visible."""
        answer = self._sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        pointers = [json.loads(each['Body'])[1] for each in answer.get('Messages', [])]
        return [pointer['s3Key'] for pointer in pointers]


def test_trap_07_only_the_bodies_of_deleted_messages_of_a_batch_are_deleted(
    server: Server, clients: Clients
) -> None:
    offloaded = Offloaded(server, clients, *'abc')
    refused = FailEntries((0,), 'ReceiptHandleIsInvalid', 400)
    server.script(refused, operation='DeleteMessageBatch')
    assert offloaded.drain().done == 3
    server.advance(30)
    assert len(offloaded.keys()) == 1
    assert offloaded.keys() == offloaded.keys_of_messages()


def test_trap_07_a_body_remains_until_sqs_confirms_the_delete_of_its_message(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # no wait before a repetition
    will_receive(
        faults,
        *MESSAGE,
        GetObject=[OURS],
        DeleteObject=[Answer(204)],
        DeleteMessageBatch=[sqs_error('ServiceUnavailable', 503), sqs_answer(), ALL_DONE],
    )
    drain(faults, QUEUE, store_on(faults, delete=True))
    operations = [each.operation for each in faults.requests]
    assert [each for each in operations if each.startswith('Delete')] == [
        *['DeleteMessageBatch'] * 3,
        'DeleteObject',
    ]


@pytest.mark.parametrize('raw', [False, True], ids=['wrapped', 'raw'])
def test_trap_08_a_body_that_went_through_a_topic_remains(aws: LocalAws, raw: bool) -> None:
    topic, store = aws.create_topic(), store_on(aws, always=True, delete=True)
    queues = [aws.create_queue() for _ in range(2)]
    for queue_url in queues:
        aws.subscribe(topic, queue_url, raw=raw)
    publisher_on(aws, topic, store).publish('a')
    for queue_url in queues:
        seen: list[Any] = []
        settings = {'payload_store': store}
        listener_on(aws, queue_url, subscriber(None, seen), **settings).drain()
        assert seen == ['a']
    assert len(keys_in(aws, store.bucket)) == 1


@pytest.mark.parametrize(
    'change',
    [lambda url: f'{url}-2', str.upper, lambda url: ''],
    ids=['other', 'upper case', 'empty'],
)
def test_trap_08_a_body_that_was_sent_to_another_queue_remains(
    server: Server, clients: Clients, change: Callable[[str], str]
) -> None:
    offloaded = Offloaded(server, clients, 'ok')
    [key] = offloaded.keys()
    metadata = {'mega-queue-url': change(offloaded.queue_url)}
    clients['s3'].put_object(Bucket=BUCKET, Key=key, Body=b'ok', Metadata=metadata)
    assert offloaded.drain().deleted == 1
    assert offloaded.keys() == [key]


def test_a_body_that_another_library_offloaded_remains(aws: LocalAws) -> None:
    """Even in the bucket of the store."""
    queue_url, store = aws.create_queue(), store_on(aws, delete=True)
    send_pointer(aws, queue_url, put(aws, store.bucket, 'hej'))
    drain(aws, queue_url, store)
    assert aws.counts(queue_url) == EMPTY
    assert keys_in(aws, store.bucket) == ['a-key']


def test_a_message_that_is_left_keeps_its_body(aws: LocalAws) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, delete=True)
    publisher_on(aws, queue_url, store).publish('a' * LARGE)
    drain(aws, queue_url, store, RetriableError())
    assert len(keys_in(aws, store.bucket)) == 1


def test_the_body_of_a_message_that_is_deleted_after_a_fatal_error_is_deleted(
    aws: LocalAws,
) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, delete=True)
    publisher_on(aws, queue_url, store).publish('a' * LARGE)
    drain(aws, queue_url, store, ProcessStatus.FATAL_ERROR)
    assert keys_in(aws, store.bucket) == []


def dead_lettered(aws: LocalAws, store: Any) -> tuple[str, str]:
    """A queue, and its dead-letter queue with a large message from it."""
    queue_url, dead = aws.create_queue(), aws.create_queue()
    publisher_on(aws, queue_url, store).publish('a' * LARGE)
    answer = ProcessStatus.FATAL_ERROR
    settings = {'payload_store': store, 'dead_letter_queue_url': dead}
    listener_on(aws, queue_url, subscriber(answer), **settings).drain()
    assert aws.counts(queue_url) == EMPTY
    return queue_url, dead


def test_the_body_of_a_dead_lettered_message_remains_after_its_processing(
    aws: LocalAws,
) -> None:
    store = store_on(aws, delete=True)
    _, dead = dead_lettered(aws, store)
    assert len(keys_in(aws, store.bucket)) == 1
    seen: list[Any] = []
    listener_on(aws, dead, subscriber(None, seen), payload_store=store).drain()
    assert seen == ['a' * LARGE]
    assert aws.counts(dead) == EMPTY
    assert len(keys_in(aws, store.bucket)) == 1


def test_the_body_of_a_redriven_dead_letter_remains(aws: LocalAws) -> None:
    """Another copy of the message may still be in the dead-letter queue."""
    store = store_on(aws, delete=True)
    queue_url, dead = dead_lettered(aws, store)
    [letter] = aws.receive(dead, at_least=1, delete=False)
    aws.client('sqs').send_message(
        QueueUrl=queue_url,
        MessageBody=letter['Body'],
        MessageAttributes=letter['MessageAttributes'],
    )
    seen: list[Any] = []
    listener_on(aws, queue_url, subscriber(None, seen), payload_store=store).drain()
    assert seen == ['a' * LARGE]
    assert len(keys_in(aws, store.bucket)) == 1


def test_the_body_of_a_message_that_sqs_redrove_remains(aws: LocalAws) -> None:
    dead = aws.create_queue()
    queue_url = aws.create_queue(RedrivePolicy=aws.redrive_to(dead, 1), VisibilityTimeout=0)
    store = store_on(aws, delete=True)
    publisher_on(aws, queue_url, store).publish('a' * LARGE)
    aws.receive(queue_url, at_least=1, delete=False)
    aws.receive(queue_url, delete=False)
    seen: list[Any] = []
    listener_on(aws, dead, subscriber(None, seen), payload_store=store).drain()
    assert seen == ['a' * LARGE]
    assert len(keys_in(aws, store.bucket)) == 1


def test_a_failed_delete_of_a_body_is_logged_and_the_listener_continues(
    server: Server, clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    offloaded = Offloaded(server, clients, *'abc')
    server.script(FailCall('AccessDenied', 403), operation='DeleteObject')
    stats = offloaded.drain()
    assert (stats.done, stats.deleted) == (3, 3)
    assert len(offloaded.keys()) == 1
    assert server.counts().calls['DeleteObject'] == 3
    assert len([text for text in warnings_of(caplog) if 'lifecycle' in text]) == 1


def test_the_same_rule_applies_to_bodies_in_an_allowed_bucket(
    aws: LocalAws,
) -> None:
    queue_url, other = aws.create_queue(), create_bucket(aws)
    publisher_on(aws, queue_url, store_on(aws, other, always=True)).publish('a')
    drain(aws, queue_url, store_on(aws, allowed_buckets=[other], delete=True))
    assert keys_in(aws, other) == []
