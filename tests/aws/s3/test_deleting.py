"""Bodies that are deleted in S3: after their message, if no other message points to them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from mega.aws.s3 import Pointer
from mega.aws.sqs.subscribe import ProcessStatus
from mega.errors import RetriableError
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import (
    ALL_DONE,
    Answer,
    Scripted,
    s3_error,
    s3_object,
    sqs_answer,
    sqs_error,
)
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import (
    BUCKET,
    LARGE,
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


def drain(aws: LocalAws | FaultServer, queue_url: str, store: Any, answer: Any = None) -> None:
    settings = {'max_number_of_messages': 10, 'payload_store': store}
    listener_on(aws, queue_url, subscriber(answer), **settings).drain()


def messages(count: int) -> list[Scripted]:
    """The responses of a queue with messages that point to different keys."""
    return deliveries(*[pointing_to(Pointer(BUCKET, f'k{n}', 2), n) for n in range(count)])


def deleted(faults: FaultServer) -> list[str]:
    """The keys of the requested deletes."""
    paths = [each.path for each in faults.requests if each.operation == 'DeleteObject']
    return sorted(path.rpartition('/')[2] for path in paths)


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
    will_receive(faults, *messages(1), GetObject=[OURS], DeleteObject=[Answer(204)])
    drain(faults, QUEUE, store_on(faults, delete=True))
    operations = [each.operation for each in faults.requests]
    assert [each for each in operations if each.startswith('Delete')] == [
        'DeleteMessageBatch',
        'DeleteObject',
    ]


def test_trap_07_only_the_bodies_of_deleted_messages_of_a_batch_are_deleted(
    faults: FaultServer,
) -> None:
    answer = sqs_answer(
        Successful=[{'Id': '0'}, {'Id': '2'}],
        Failed=[{'Id': '1', 'SenderFault': True, 'Code': 'ReceiptHandleIsInvalid'}],
    )
    will_receive(
        faults,
        *messages(3),
        GetObject=[OURS],
        DeleteObject=[Answer(204)],
        DeleteMessageBatch=[answer],
    )
    drain(faults, QUEUE, store_on(faults, delete=True))
    [request] = [each for each in faults.requests if each.operation == 'DeleteMessageBatch']
    handles = {each['Id']: each['ReceiptHandle'] for each in json.loads(request.body)['Entries']}
    # The messages are processed in the order in which their bodies arrive.
    keys = [f'k{handles[number].removeprefix("handle-")}' for number in ('0', '2')]
    assert deleted(faults) == sorted(keys)


def test_trap_07_a_body_remains_until_sqs_confirms_the_delete_of_its_message(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # no wait before a repetition
    will_receive(
        faults,
        *messages(1),
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


@pytest.mark.parametrize('url', [None, f'{QUEUE}-2', QUEUE.upper(), ''], ids=repr)
def test_trap_08_a_body_that_was_sent_to_another_queue_remains(
    faults: FaultServer, url: str | None
) -> None:
    """Bodies of other libraries, of messages to a topic, and of messages to another queue."""
    found = s3_object(b'ok') if url is None else s3_object(b'ok', mega_queue_url=url)
    will_receive(faults, *messages(1), GetObject=[found])
    drain(faults, QUEUE, store_on(faults, delete=True))
    assert deleted(faults) == []


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
    faults: FaultServer, caplog: pytest.LogCaptureFixture
) -> None:
    will_receive(
        faults,
        *messages(3),
        GetObject=[OURS],
        DeleteObject=[s3_error('AccessDenied', 403), Answer(204)],
    )
    store = store_on(faults, delete=True)
    settings = {'max_number_of_messages': 10, 'payload_store': store}
    stats = listener_on(faults, QUEUE, subscriber(None), **settings).drain()
    assert (stats.done, stats.deleted) == (3, 3)
    assert deleted(faults) == ['k0', 'k1', 'k2']
    assert len([text for text in warnings_of(caplog) if 'lifecycle' in text]) == 1


def test_the_same_rule_applies_to_bodies_in_an_allowed_bucket(
    aws: LocalAws,
) -> None:
    queue_url, other = aws.create_queue(), create_bucket(aws)
    publisher_on(aws, queue_url, store_on(aws, other, always=True)).publish('a')
    drain(aws, queue_url, store_on(aws, allowed_buckets=[other], delete=True))
    assert keys_in(aws, other) == []
