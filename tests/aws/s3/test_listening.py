"""A listener with messages that point into S3: fetched, left and deleted messages."""

from __future__ import annotations

import json
from threading import Barrier
from typing import Any

import pytest

from mega.aws.s3 import Pointer
from mega.aws.s3.pointer import write_pointer
from mega.aws.sqs.subscribe import EventSubscriber, MessageSubscriber, Stats
from tests.aws._publishing.batches import QUEUE
from tests.aws.answers import (
    Scripted,
    Together,
    s3_error,
    s3_object,
    sqs_answer,
)
from tests.aws.fault_server import FaultServer
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
from tests.aws.sqs.subscribe.factories import (
    listener_on,
    send,
    subscriber,
    will_receive,
)
from tests.event.examples import item_added
from tests.local_aws import Counts, LocalAws


def drained(aws: Any, queue_url: str, store: Any, seen: list[Any], **settings: Any) -> Stats:
    settings = {'max_number_of_messages': 10, **settings}
    listener = listener_on(aws, queue_url, subscriber(None, seen), payload_store=store, **settings)
    stats: Stats = listener.drain()
    return stats


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_every_kind_of_payload_arrives_from_s3_as_from_a_message(
    ministack: LocalAws, case: Any
) -> None:
    queue_url, store = ministack.create_queue(), store_on(ministack, always=True)
    seen: list[Any] = []
    for each in (store, None):
        publisher_on(ministack, queue_url, each).publish(case.payload, case.binary)
        stats = drained(ministack, queue_url, store, seen)
        assert stats == Stats(received=1, done=1, deleted=1)
    assert seen[0] == seen[1]
    assert type(seen[0]) is type(seen[1])
    assert len(keys_in(ministack, store.bucket)) == 1


WAYS = pytest.mark.parametrize('way', ['queue', 'raw', 'wrapped'])


def sent(aws: LocalAws, way: str, store: Any, *payloads: Any, **options: Any) -> str:
    """Publish payloads to a new queue on a route, and return its URL."""
    queue_url = destination = aws.create_queue()
    if way != 'queue':
        destination = aws.create_topic()
        aws.subscribe(destination, queue_url, raw=way == 'raw')
    ours = publisher_on(aws, destination, store)
    for payload in payloads:
        ours.publish(payload, **options)
    return queue_url


@WAYS
def test_a_message_has_the_pointer_of_its_payload_and_all_of_its_own_data(
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
def test_trap_19_patterns_match_the_payload_and_not_the_pointer(aws: LocalAws, way: str) -> None:
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


def test_trap_19_a_filter_policy_sees_the_attributes_and_the_pointer_only(
    aws: LocalAws,
) -> None:
    """With offloaded bodies, a filter policy needs attributes."""
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


def test_trap_10_and_fault_35_a_pointer_to_another_bucket_causes_no_request(
    aws: LocalAws, faults: FaultServer
) -> None:
    """The fault server counts the requests to S3. The message is left, or dead-lettered."""
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


def test_trap_10_a_listener_without_a_store_follows_no_pointer(aws: LocalAws) -> None:
    queue_url, dead = aws.create_queue(), aws.create_queue()
    send_pointer(aws, queue_url, put(aws, create_bucket(aws), 'hej'))
    stats = drained(aws, queue_url, None, [], dead_letter_queue_url=dead)
    assert stats.unopened == 1
    [letter] = aws.receive(dead, at_least=1)
    assert 'payload_store' in letter['MessageAttributes']['MegaDeadLetter']['StringValue']


def test_an_allowed_bucket_is_read(aws: LocalAws) -> None:
    other, queue_url = create_bucket(aws), aws.create_queue()
    send_pointer(aws, queue_url, put(aws, other, 'hej'))
    seen: list[Any] = []
    drained(aws, queue_url, store_on(aws, allowed_buckets=[other]), seen)
    assert seen == ['hej']


@pytest.mark.parametrize('is_wrapped', [False, True], ids=['direct', 'wrapped'])
def test_trap_11_a_body_that_looks_like_a_pointer_without_the_attribute_is_a_text(
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
def test_fault_38_a_fetched_body_that_looks_like_a_pointer_is_data(
    faults: FaultServer, kind: str
) -> None:
    """Neither a pointer nor an envelope in it is followed: one fetch for each message."""
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
def test_trap_12_an_invalid_pointer_fails_its_own_message_only(aws: LocalAws, body: str) -> None:
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


def test_trap_12_one_failed_fetch_of_ten_fails_one_message(faults: FaultServer) -> None:
    """They are fetched at the same time: the server responds to none before all have arrived."""
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


def test_trap_25_the_bodies_of_a_batch_are_fetched_at_the_same_time_with_concurrency_1(
    faults: FaultServer,
) -> None:
    """The server responds to none of the ten before all of them have arrived."""
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
def test_trap_13_a_receipt_handle_is_not_changed(faults: FaultServer, handle: str) -> None:
    """Other libraries would read it as a pointer."""
    message = {**pointing_to(POINTER_TO_OURS), 'ReceiptHandle': handle}
    will_receive(faults, *deliveries(message), GetObject=[s3_object(b'ok')])
    drained(faults, QUEUE, store_on(faults), [])
    [delete] = [each for each in faults.requests if each.operation == 'DeleteMessageBatch']
    [entry] = json.loads(delete.body)['Entries']
    assert entry['ReceiptHandle'] == handle


def test_trap_14_all_attributes_are_requested_with_both_reserved_names(
    faults: FaultServer,
) -> None:
    will_receive(faults, sqs_answer())
    drained(faults, QUEUE, store_on(faults), [])
    asked = [each for each in faults.requests if each.operation == 'ReceiveMessage']
    assert json.loads(asked[0].body)['MessageAttributeNames'] == ['All']
