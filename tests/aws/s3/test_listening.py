"""A listener whose messages point into S3: what it fetches, what it leaves, and what it deletes."""

from __future__ import annotations

import json
import time
from threading import Barrier
from typing import Any

import pytest

from mega.aws.s3 import Pointer
from mega.aws.s3.pointer import write_pointer
from mega.aws.sqs.subscribe import DataSubscriber, EventSubscriber, MessageSubscriber, Stats
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import (
    Answer,
    Fault,
    Scripted,
    Together,
    s3_error,
    s3_object,
    sqs_answer,
)
from tests.aws.fault_server import FaultServer, fault_server
from tests.aws.payloads import CASES, ENVELOPE
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
from tests.aws.sqs.subscribe.making import (
    listener_on,
    send,
    subscriber,
    warnings_of,
    will_receive,
)
from tests.event.examples import item_added
from tests.local_aws import Counts, LocalAws

EMPTY = Counts(visible=0, in_flight=0)
LEFT = Counts(visible=0, in_flight=1)


def drained(aws: Any, queue_url: str, store: Any, seen: list[Any], **settings: Any) -> Stats:
    settings = {'max_number_of_messages': 10, **settings}
    listener = listener_on(aws, queue_url, subscriber(None, seen), payload_store=store, **settings)
    stats: Stats = listener.drain()
    return stats


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_every_kind_of_payload_comes_back_from_s3_as_from_a_message(
    moto: LocalAws, case: Any
) -> None:
    queue_url, store = moto.create_queue(), store_on(moto, always=True)
    seen: list[Any] = []
    for each in (store, None):
        publisher_on(moto, queue_url, each).publish(case.payload, case.binary)
        stats = drained(moto, queue_url, store, seen)
        assert stats == Stats(received=1, done=1, deleted=1)
    assert seen[0] == seen[1]
    assert type(seen[0]) is type(seen[1])
    assert len(keys_in(moto, store.bucket)) == 1


WAYS = pytest.mark.parametrize('way', ['queue', 'raw', 'wrapped'])


def sent(aws: LocalAws, way: str, store: Any, *payloads: Any, **options: Any) -> str:
    """Publish payloads on their way to a new queue, and answer its URL."""
    queue_url = destination = aws.create_queue()
    if way != 'queue':
        destination = aws.create_topic()
        aws.subscribe(destination, queue_url, raw=way == 'raw')
    ours = publisher_on(aws, destination, store)
    for payload in payloads:
        ours.publish(payload, **options)
    return queue_url


@WAYS
def test_a_message_knows_where_its_payload_came_from_and_keeps_all_it_had(
    aws: LocalAws, way: str
) -> None:
    class Keeper(MessageSubscriber):
        messages: list[Any] = []

        def process(self, payload: Any) -> None:
            self.messages.append((self.message, payload))

    store = store_on(aws)
    queue_url = sent(aws, way, store, 'a' * LARGE, message_attributes={'tenant': 'x'})
    listener_on(aws, queue_url, Keeper, payload_store=store).drain()
    [(message, payload)] = Keeper.messages
    assert payload == 'a' * LARGE
    assert message.attributes == {'tenant': 'x', 'ExtendedPayloadSize': str(LARGE)}
    assert message.pointer.bucket == store.bucket
    assert [message.pointer.key] == keys_in(aws, store.bucket)
    assert message.pointer.size == LARGE
    assert message.pointer.queue_url == (queue_url if way == 'queue' else None)
    assert len(message.body) < 2_000


@WAYS
def test_trap_19_patterns_see_the_payload_and_not_the_pointer(aws: LocalAws, way: str) -> None:
    seen: list[Any] = []

    class OfItems(EventSubscriber):
        event_name = 'item.added'

        def process(self, payload: Any) -> None:
            seen.append(payload)

    store = store_on(aws, always=True)
    queue_url = sent(aws, way, store, item_added(), {'other': 1})
    stats = listener_on(aws, queue_url, OfItems, payload_store=store).drain()
    assert (stats.done, stats.unmatched) == (1, 1)
    assert seen == [item_added()]


def test_trap_19_a_filter_of_sns_sees_attributes_and_of_the_body_only_the_pointer(
    aws: LocalAws,
) -> None:
    """So what SNS is to filter by has to be an attribute, once bodies are offloaded."""
    store, topic = store_on(aws, threshold=4_000), aws.create_topic()
    by_attribute, by_body = aws.create_queue(), aws.create_queue()
    policy = {'kind': ['a']}
    aws.subscribe(topic, by_attribute, raw=True, FilterPolicy=policy)
    aws.subscribe(topic, by_body, raw=True, FilterPolicy=policy, FilterPolicyScope='MessageBody')
    ours = publisher_on(aws, topic, store)
    for text in ('', 'x' * 5_000):
        ours.publish({'kind': 'a', 'text': text}, message_attributes={'kind': 'a'})
        ours.publish({'kind': 'b', 'text': text}, message_attributes={'kind': 'b'})
    assert len(aws.receive(by_attribute, at_least=2)) == 2
    assert [json.loads(each['Body'])['text'] for each in aws.receive(by_body, 1)] == ['']


def test_trap_10_and_fault_35_a_pointer_to_a_foreign_bucket_makes_no_request_at_all(
    aws: LocalAws, faults: FaultServer
) -> None:
    """Counted by a server that takes the place of S3. The message is left, or dead-lettered."""
    secret = Pointer('secrets', 'k', 9)
    queue_url, dead = aws.create_queue(), aws.create_queue()
    envelope = {
        **ENVELOPE,
        'Message': write_pointer(secret)[0],
        'MessageAttributes': {'ExtendedPayloadSize': {'Type': 'Number', 'Value': '9'}},
    }
    store = store_on(faults, allowed_buckets=['another'], delete=True, on_missing='delete')
    for settings in ({}, {'dead_letter_queue_url': dead}):
        send_pointer(aws, queue_url, secret)
        send(aws, queue_url, json.dumps(envelope), 'hej')
        seen: list[Any] = []
        stats = drained(aws, queue_url, store, seen, **settings)
        assert seen == ['hej']
        assert stats.unopened == 2
    assert aws.counts(queue_url) == Counts(visible=0, in_flight=2)
    assert len(aws.receive(dead, at_least=2)) == 2
    assert faults.requests == []


def test_trap_10_without_a_store_no_pointer_is_followed(aws: LocalAws) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send_pointer(aws, queue_url, put(aws, create_bucket(aws), 'hej'))
    stats = drained(aws, queue_url, None, [], dead_letter_queue_url=dead)
    assert stats.unopened == 1
    [letter] = aws.receive(dead, at_least=1)
    assert 'payload_store' in letter['MessageAttributes']['MegaDeadLetter']['StringValue']


def test_another_bucket_is_read_where_it_is_allowed(aws: LocalAws) -> None:
    other, queue_url = create_bucket(aws), aws.create_queue()
    send_pointer(aws, queue_url, put(aws, other, 'hej'))
    seen: list[Any] = []
    drained(aws, queue_url, store_on(aws, allowed_buckets=[other]), seen)
    assert seen == ['hej']


@pytest.mark.parametrize('is_wrapped', [False, True], ids=['direct', 'wrapped'])
def test_trap_11_what_looks_like_a_pointer_and_is_not_announced_is_a_text(
    faults: FaultServer, is_wrapped: bool
) -> None:
    body, _ = write_pointer(POINTER_TO_OURS)
    sent_body = json.dumps({**ENVELOPE, 'Message': body}) if is_wrapped else body
    message = {'MessageId': 'm', 'ReceiptHandle': 'h', 'Body': sent_body}
    will_receive(faults, *deliveries(message))
    seen: list[Any] = []
    drained(faults, QUEUE, store_on(faults), seen)
    assert seen == [body]
    assert not [each for each in faults.requests if each.operation == 'GetObject']


@pytest.mark.parametrize('kind', ['pointer', 'envelope with a pointer'])
def test_fault_38_what_a_pointer_leads_to_is_data_whatever_it_looks_like(
    faults: FaultServer, kind: str
) -> None:
    """Neither a pointer nor an envelope in it is followed: one fetch for a message, and no more."""
    inner, _ = write_pointer(Pointer(BUCKET, 'another'))
    attributes = {'ExtendedPayloadSize': {'Type': 'Number', 'Value': '2'}}
    content = inner
    if kind != 'pointer':
        content = json.dumps({**ENVELOPE, 'Message': inner, 'MessageAttributes': attributes})
    pointer = Pointer(BUCKET, 'a-key')
    will_receive(faults, *deliveries(pointing_to(pointer)), GetObject=[s3_object(content.encode())])
    seen: list[Any] = []
    drained(faults, QUEUE, store_on(faults), seen)
    assert seen == [inner if kind == 'pointer' else json.loads(content)]
    assert [each.operation for each in faults.requests].count('GetObject') == 1


BROKEN = {
    'no pointer': 'hej',
    'broken JSON': '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3Buc',
    'no key': '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b"}]',
    'deep': '[' * 5_000,
}


@pytest.mark.parametrize('body', BROKEN.values(), ids=BROKEN)
def test_trap_12_a_broken_pointer_fails_its_own_message_alone(aws: LocalAws, body: str) -> None:
    queue_url, dead, store = aws.create_queue(), aws.create_queue(), store_on(aws)
    good = [put(aws, store.bucket, f'{n}', f'k{n}') for n in range(4)]
    send_pointer(aws, queue_url, *good[:2])
    send_pointer(aws, queue_url, POINTER_TO_OURS, body=body)
    send_pointer(aws, queue_url, *good[2:])
    seen: list[Any] = []
    stats = drained(aws, queue_url, store, seen, dead_letter_queue_url=dead)
    assert sorted(seen) == ['0', '1', '2', '3']
    assert (stats.done, stats.unopened) == (4, 1)
    assert [each['Body'] for each in aws.receive(dead, at_least=1)] == [body]


def test_trap_12_one_of_ten_fetches_that_fails_fails_one_message(faults: FaultServer) -> None:
    """They are fetched side by side: the server answers none before all are there."""
    together = Barrier(10)
    good = Together(together, s3_object(b'ok'))
    answers: list[Scripted] = [good] * 9
    will_receive(
        faults,
        *deliveries(*[pointing_to(POINTER_TO_OURS, number) for number in range(10)]),
        GetObject=[Together(together, s3_error('AccessDenied', 403)), *answers],
    )
    seen: list[Any] = []
    stats = drained(faults, QUEUE, store_on(faults), seen)
    assert seen == ['ok'] * 9
    assert (stats.done, stats.unopened) == (9, 1)


def test_trap_25_a_batch_is_fetched_side_by_side_even_with_a_concurrency_of_1(
    faults: FaultServer,
) -> None:
    """The server answers none of the ten before all of them are there."""
    will_receive(
        faults,
        *deliveries(*[pointing_to(POINTER_TO_OURS, number) for number in range(10)]),
        GetObject=[Together(Barrier(10), s3_object(b'ok'))],
    )
    seen: list[Any] = []
    stats = drained(faults, QUEUE, store_on(faults), seen, concurrency=1)
    assert (seen, stats.done) == (['ok'] * 10, 10)


@pytest.mark.parametrize(
    'handle',
    ['AQEB-xyz+/==', '-..s3BucketName..-b-..s3BucketName..--..s3Key..-k-..s3Key..-AQEB', '-'],
)
def test_trap_13_a_receipt_handle_is_what_sqs_gave(faults: FaultServer, handle: str) -> None:
    """Whatever other libraries would take it for."""
    message = {**pointing_to(POINTER_TO_OURS), 'ReceiptHandle': handle}
    will_receive(faults, *deliveries(message), GetObject=[s3_object(b'ok')])
    drained(faults, QUEUE, store_on(faults), [])
    [delete] = [each for each in faults.requests if each.operation == 'DeleteMessageBatch']
    [entry] = json.loads(delete.body)['Entries']
    assert entry['ReceiptHandle'] == handle


def test_trap_14_all_attributes_are_asked_for_and_so_both_reserved_names(
    faults: FaultServer,
) -> None:
    will_receive(faults, sqs_answer())
    drained(faults, QUEUE, store_on(faults), [])
    asked = [each for each in faults.requests if each.operation == 'ReceiveMessage']
    assert json.loads(asked[0].body)['MessageAttributeNames'] == ['All']


LEAVES: dict[str, Scripted] = {
    'fault 40 denied': s3_error('AccessDenied', 403),
    'fault 41 no bucket': s3_error('NoSuchBucket', 404),
    'fault 44 broken off': s3_object(b'o', length=2),
    'fault 44 silence': s3_object(b'o', length=2, hangs=True),
    'fault 44 reset': Fault.RESET_AFTER,
    'fault 50 another owner': s3_error('AccessDenied', 403, 'not the expected owner'),
    'fault 51 KMS': s3_error('KMS.DisabledException', 400),
    'busy': s3_error('SlowDown', 503),
    'a proxy': Answer(404, b'<html>'),
}


@pytest.mark.parametrize('answer', LEAVES.values(), ids=LEAVES)
def test_fault_40_41_44_50_and_51_what_cannot_be_fetched_now_is_left_and_told(
    faults: FaultServer, caplog: pytest.LogCaptureFixture, answer: Scripted
) -> None:
    """Not deleted, not dead-lettered, nobody's to process: it may be there the next time."""
    will_receive(faults, *deliveries(pointing_to(POINTER_TO_OURS)), GetObject=[answer])
    seen: list[Any] = []
    store = store_on(faults, read_timeout=0.2, on_missing='delete', delete=True)
    stats = drained(faults, QUEUE, store, seen, dead_letter_queue_url=f'{QUEUE}-dead')
    assert seen == []
    assert stats.unopened == 1
    operations = {each.operation for each in faults.requests}
    assert not operations & {'DeleteMessageBatch', 'DeleteObject', 'SendMessage'}
    assert any('a-key' in text and 'stays' in text for text in warnings_of(caplog))


def test_fault_39_a_missing_body_is_dead_lettered_or_left_unless_told_otherwise(
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


def test_fault_39_on_missing_delete_deletes_the_message_and_says_so(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    queue_url, store = aws.create_queue(), store_on(aws, on_missing='delete')
    send_pointer(aws, queue_url, Pointer(store.bucket, 'gone', 1))
    seen: list[Any] = []
    stats = drained(aws, queue_url, store, seen)
    assert (seen, stats.unopened, stats.deleted) == ([], 1, 1)
    assert aws.counts(queue_url) == EMPTY
    assert any('not in S3 any more' in text for text in warnings_of(caplog))


def test_fault_39_on_missing_raw_hands_out_the_pointer_as_a_text(aws: LocalAws) -> None:
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


def test_fault_42_and_43_a_body_that_is_not_what_was_announced_is_dead_lettered(
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


def test_a_store_of_a_listener_and_the_queue_may_be_in_different_places(
    aws: LocalAws,
) -> None:
    with fault_server() as s3:
        s3.will(s3_object(b'ok'))
        queue_url = aws.create_queue()
        send_pointer(aws, queue_url, POINTER_TO_OURS)
        seen: list[Any] = []
        drained(aws, queue_url, store_on(s3), seen)
        assert seen == ['ok']


def test_coroutines_get_what_lies_in_s3_too(faults: FaultServer) -> None:
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


def test_trap_25_the_time_that_opening_took_counts(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the visibility timeout is over others may have the message: it is not begun any more.

    Here a predicate takes that time, when the body has come from S3.
    """
    passed: list[float] = []
    now = time.monotonic
    monkeypatch.setattr(
        'mega.aws.sqs.subscribe.runtime.session.time.monotonic', lambda: now() + sum(passed)
    )

    def takes_long(value: object) -> bool:
        passed.append(31.0)
        return True

    seen: list[Any] = []
    pointer = Pointer(BUCKET, 'a-key')
    will_receive(faults, *deliveries(pointing_to(pointer)), GetObject=[s3_object(b'{"a":1}')])
    slow = subscriber(None, seen, DataSubscriber, pattern={'a': takes_long})
    stats = listener_on(faults, QUEUE, slow, payload_store=store_on(faults)).drain()
    assert (seen, stats.expired, stats.deleted) == ([], 1, 0)


def test_fault_95_a_body_that_nobody_has_room_for_leaves_its_message_and_not_the_work(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever on its way memory runs out: here where its digest is made."""

    def no_room(content: bytes) -> Any:
        raise MemoryError

    pointer = Pointer(BUCKET, 'a-key', 2, '0' * 64)
    other = {'MessageId': 'm', 'ReceiptHandle': 'h', 'Body': 'hej'}
    will_receive(faults, *deliveries(pointing_to(pointer), other), GetObject=[s3_object(b'ok')])
    monkeypatch.setattr('mega.aws.s3.store.hashlib.sha256', no_room)
    seen: list[Any] = []
    stats = drained(faults, QUEUE, store_on(faults, delete=True), seen)
    assert (seen, stats.done, stats.deleted) == (['hej'], 1, 1)


def test_no_room_to_read_a_body_does_not_count_against_its_message(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is this process's fault: elsewhere there may be room."""

    def no_room(stream: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr('botocore.response.StreamingBody.read', no_room)
    pointer = Pointer(BUCKET, 'a-key', 2)
    will_receive(faults, *deliveries(pointing_to(pointer)), GetObject=[s3_object(b'ok')])
    given_up = {'dead_letter_queue_url': f'{QUEUE}-dead', 'max_receives': 1}
    listener = listener_on(faults, QUEUE, subscriber(), payload_store=store_on(faults), **given_up)
    stats = listener.drain()
    assert (stats.unopened, stats.dead_lettered, stats.deleted) == (1, 0, 0)
