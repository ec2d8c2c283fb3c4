"""A listener with messages into S3 when a body is missing, late, invalid or too large."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import boto3
import pytest

from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.s3.pointer import write_pointer
from mega.aws.s3.store import FetchedBody
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, MessageSubscriber, SqsListener, Stats
from mega.local import FailCall, Server
from mega.local import Fault as LocalFault
from mega.local.faults import Step
from tests.aws._publishing.batches import QUEUE, Clients
from tests.aws.answers import (
    Answer,
    Scripted,
    s3_object,
)
from tests.aws.conftest import ONCE, Clock
from tests.aws.fault_server import FaultServer, fault_server
from tests.aws.s3.making import (
    BUCKET,
    POINTER_TO_OURS,
    deliveries,
    pointing_to,
    put,
    send_pointer,
    store_on,
)
from tests.aws.sqs.subscribe.factories import (
    listener_on,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)


LEFT = Counts(visible=0, in_flight=1)


def drained(aws: Any, queue_url: str, store: Any, seen: list[Any], **settings: Any) -> Stats:
    settings = {'max_number_of_messages': 10, **settings}
    listener = listener_on(aws, queue_url, subscriber(None, seen), payload_store=store, **settings)
    stats: Stats = listener.drain()
    return stats


def test_fault_101_without_threads_the_workers_read_the_bodies_and_not_the_receive(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receive that waited for S3 would delay its messages, and the calls of the listener."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith('mega-s3'):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    will_receive(faults, *deliveries(pointing_to(POINTER_TO_OURS)), GetObject=[s3_object(b'{}')])
    fetch, received = S3PayloadStore.fetch, []

    def observe(store: S3PayloadStore, pointer: Pointer) -> FetchedBody | None:
        received.append(listener.stats().received)
        return fetch(store, pointer)

    monkeypatch.setattr(S3PayloadStore, 'fetch', observe)
    listener = listener_on(faults, QUEUE, subscriber(), payload_store=store_on(faults))
    assert listener.drain().received == 1
    assert received == [1]


LEAVES: dict[str, Scripted] = {
    'fault 44 broken off': s3_object(b'o', length=2),
    'fault 44 silence': s3_object(b'o', length=2, hangs=True),
    'a proxy': Answer(404, b'<html>'),
}


REFUSALS: dict[str, Step] = {
    'fault 40 denied': FailCall('AccessDenied', 403),
    'fault 41 no bucket': FailCall('NoSuchBucket', 404),
    'fault 44 reset': LocalFault.RESET_AFTER,
    'fault 50 another owner': FailCall('AccessDenied', 403, 'not the expected owner'),
    'fault 51 KMS': FailCall('KMS.DisabledException'),
    'busy': FailCall('SlowDown', 503),
}


@pytest.mark.parametrize('step', REFUSALS.values(), ids=REFUSALS)
def test_fault_40_41_44_50_and_51_a_message_is_left_if_s3_refuses_its_body(
    server: Server, clients: Clients, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    """It is not deleted, dead-lettered or processed, because the next fetch may succeed."""
    queue_url, dead = server.create_queue('orders'), server.create_queue('dead')
    with closing(boto3.client('s3', config=ONCE, **server.credentials)) as s3:
        store = S3PayloadStore(BUCKET, client=s3, on_missing='delete', delete=True, always=True)
        store.create_bucket()
        SqsPublisher(queue_url, client=clients['sqs'], payload_store=store).publish({'a': 1})
        server.script(*[step] * 3, operation='GetObject')
        seen: list[Any] = []
        settings: Any = {'client': clients['sqs'], 'wait_time_seconds': 0, 'payload_store': store}
        made = SqsListener(
            queue_url, [subscriber(None, seen)], dead_letter_queue_url=dead, **settings
        )
        stats = made.drain()
    assert seen == []
    assert stats.unopened == 1
    assert not server.counts().calls.keys() & {'DeleteMessageBatch', 'DeleteObject'}
    assert len(server.accepted()) == 1
    assert any(BUCKET in text and 'cannot be fetched' in text for text in warnings_of(caplog))


@pytest.mark.parametrize('answer', LEAVES.values(), ids=LEAVES)
def test_fault_44_a_message_is_left_if_the_answer_with_its_body_is_not_complete(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, answer: Scripted
) -> None:
    """It is not deleted, dead-lettered or processed, because the next fetch may succeed."""
    will_receive(faults, *deliveries(pointing_to(POINTER_TO_OURS)), GetObject=[answer])
    seen: list[Any] = []
    store = store_on(faults, read_timeout=0.2, on_missing='delete', delete=True)
    stats = drained(faults, QUEUE, store, seen, dead_letter_queue_url=f'{QUEUE}-dead')
    assert seen == []
    assert stats.unopened == 1
    operations = {each.operation for each in faults.requests}
    assert not operations & {'DeleteMessageBatch', 'DeleteObject', 'SendMessage'}
    assert any('a-key' in text and 'cannot be fetched' in text for text in warnings_of(caplog))


def test_fault_39_the_message_of_a_missing_body_is_dead_lettered_or_left_by_default(
    aws: LocalAws,
) -> None:
    queue_url, dead, store = aws.create_queue(), aws.create_queue(), store_on(aws)
    missing = Pointer(store.bucket, 'gone', 1)
    send_pointer(aws, queue_url, missing)
    assert drained(aws, queue_url, store, []).unopened == 1
    assert aws.counts(queue_url) == LEFT
    queue_url = aws.create_queue()
    send_pointer(aws, queue_url, missing)
    drained(aws, queue_url, store, [], dead_letter_queue_url=dead)
    assert aws.counts(queue_url) == EMPTY
    [letter] = aws.receive(dead, at_least=1)
    assert letter['Body'] == write_pointer(missing)[0]
    assert 'ExtendedPayloadSize' in letter['MessageAttributes']
    assert 'gone' in letter['MessageAttributes']['MegaDeadLetter']['StringValue']


def test_fault_39_on_missing_delete_deletes_the_message_and_logs_it(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, on_missing='delete')
    send_pointer(aws, queue_url, Pointer(store.bucket, 'gone', 1))
    seen: list[Any] = []
    stats = drained(aws, queue_url, store, seen)
    assert (seen, stats.unopened, stats.deleted) == ([], 1, 1)
    assert aws.counts(queue_url) == EMPTY
    assert any('not in S3 any more' in text for text in warnings_of(caplog))


def test_fault_39_on_missing_raw_passes_the_pointer_as_a_text(aws: LocalAws) -> None:
    pointers: list[Any] = []

    class Keeper(MessageSubscriber):
        def process(self, payload: Any) -> None:
            pointers.append((payload, self.message.pointer))

    queue_url, store = aws.create_queue(), store_on(aws, on_missing='raw', delete=True)
    missing = Pointer(store.bucket, 'gone', 1)
    send_pointer(aws, queue_url, missing)
    stats = listener_on(aws, queue_url, Keeper, payload_store=store).drain()
    assert stats.done == 1
    assert pointers == [(write_pointer(missing)[0], missing)]


def test_fault_42_and_43_a_body_of_another_size_or_digest_is_dead_lettered(
    aws: LocalAws,
) -> None:
    queue_url, dead, store = aws.create_queue(), aws.create_queue(), store_on(aws, max_payload=100)
    put(aws, store.bucket, 'a' * 101)
    put(aws, store.bucket, 'changed', 'changed')
    send_pointer(
        aws,
        queue_url,
        Pointer(store.bucket, 'a-key'),
        Pointer(store.bucket, 'a-key', 101),
        Pointer(store.bucket, 'changed', 8),
        Pointer(store.bucket, 'changed', 7, '0' * 64),
    )
    seen: list[Any] = []
    stats = drained(aws, queue_url, store, seen, dead_letter_queue_url=dead)
    assert (seen, stats.unopened) == ([], 4)
    assert len(aws.receive(dead, at_least=4)) == 4


def test_the_store_and_the_queue_of_a_listener_may_have_different_endpoints(
    aws: LocalAws,
) -> None:
    with fault_server() as s3:
        s3.will(s3_object(b'ok'))
        queue_url = aws.create_queue()
        send_pointer(aws, queue_url, POINTER_TO_OURS)
        seen: list[Any] = []
        drained(aws, queue_url, store_on(s3), seen)
        assert seen == ['ok']


def test_an_async_subscriber_gets_a_body_from_s3(faults: FaultServer) -> None:
    seen: list[Any] = []

    class Later(MessageSubscriber):
        async def process(self, payload: Any) -> None:
            seen.append(payload)

    will_receive(
        faults,
        *deliveries(*[pointing_to(POINTER_TO_OURS, number) for number in range(3)]),
        GetObject=[s3_object(b'ok')],
    )
    store = store_on(faults)
    settings = {'max_number_of_messages': 10, 'concurrency': 3}
    stats = listener_on(faults, QUEUE, Later, payload_store=store, **settings).drain()
    assert (seen, stats.done) == (['ok'] * 3, 3)


def test_trap_25_the_visibility_timeout_includes_the_fetch(
    faults: FaultServer, clock: Clock
) -> None:
    """After the visibility timeout another consumer may have the message, so it is not started.

    Here a predicate takes that time, after the body was fetched.
    """

    def takes_long(value: object) -> bool:
        clock.sleep(31.0)
        return True

    seen: list[Any] = []
    pointer = Pointer(BUCKET, 'a-key')
    will_receive(faults, *deliveries(pointing_to(pointer)), GetObject=[s3_object(b'{"a":1}')])
    slow = subscriber(None, seen, DataSubscriber, pattern={'a': takes_long})
    stats = listener_on(faults, QUEUE, slow, payload_store=store_on(faults)).drain()
    assert (seen, stats.expired, stats.deleted) == ([], 1, 0)


def test_fault_95_a_body_that_does_not_fit_in_memory_leaves_its_message_in_the_queue(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory may run out at any step: here while the digest is computed."""

    def no_room(content: bytes) -> Any:
        raise MemoryError

    pointer = Pointer(BUCKET, 'a-key', 2, '0' * 64)
    other = {'MessageId': 'm', 'ReceiptHandle': 'h', 'Body': 'hej'}
    will_receive(faults, *deliveries(pointing_to(pointer), other), GetObject=[s3_object(b'ok')])
    monkeypatch.setattr('hashlib.sha256', no_room)
    seen: list[Any] = []
    stats = drained(faults, QUEUE, store_on(faults, delete=True), seen)
    assert (seen, stats.done, stats.deleted) == (['hej'], 1, 1)


def test_a_memory_error_while_reading_does_not_count_against_the_message(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a fault of this process: another process may have enough memory."""

    def no_room(stream: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr('botocore.response.StreamingBody.read', no_room)
    pointer = Pointer(BUCKET, 'a-key', 2)
    will_receive(faults, *deliveries(pointing_to(pointer)), GetObject=[s3_object(b'ok')])
    given_up = {'dead_letter_queue_url': f'{QUEUE}-dead', 'max_receives': 1}
    listener = listener_on(faults, QUEUE, subscriber(), payload_store=store_on(faults), **given_up)
    stats = listener.drain()
    assert (stats.unopened, stats.dead_lettered, stats.deleted) == (1, 0, 0)
