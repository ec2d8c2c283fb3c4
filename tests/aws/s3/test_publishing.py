"""The bodies that are offloaded, and the messages that point to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mega.aws._messages.limits import size_of
from mega.errors import EncodeError, PayloadTooLargeError
from tests.aws._messages.limit_rows import KB, MB
from tests.aws._publishing.batches import EACH_SERVICE
from tests.aws.s3.making import LARGE, publisher_on, store_on
from tests.aws.s3.sending import Sending, is_offloaded, key_of
from tests.local_aws import LocalAws, Service

SIZED: dict[str, tuple[str, dict[str, Any], int]] = {
    'ASCII': ('a' * 1_000, {}, 1_000),
    'not ASCII': ('é' * 500, {}, 1_000),
    'four bytes a character': ('\U0001f600' * 250, {}, 1_000),
    'text attribute': ('a' * 900, {'name': 'x' * 90}, 900 + 4 + 6 + 90),
    'attribute not ASCII': ('a' * 900, {'name': 'é' * 45}, 900 + 4 + 6 + 90),
    'number attribute': ('a' * 900, {'n': 12345}, 900 + 1 + 6 + 5),
    'binary attribute': ('a' * 900, {'blob': b'\x00\xff' * 45}, 900 + 4 + 6 + 90),
    'custom type': (
        'a' * 900,
        {'n': {'DataType': 'Number.int', 'StringValue': '7'}},
        900 + 1 + 10 + 1,
    ),
}


@pytest.mark.parametrize(('body', 'attributes', 'size'), SIZED.values(), ids=SIZED)
def test_trap_02_a_body_is_offloaded_from_one_byte_above_the_threshold_with_attributes(
    sending: Sending, body: str, attributes: dict[str, Any], size: int
) -> None:
    """Names, types with their labels, texts and bytes count, in bytes."""
    at, above = (sending.publisher('sqs', threshold=limit) for limit in (size, size - 1))
    at.publish_raw_message(body, message_attributes=attributes)
    assert sending.s3.requests == []
    above.publish_raw_message(body, message_attributes=attributes)
    assert [is_offloaded(each) for each in sending.accepted] == [False, True]
    assert sending.bodies == [body]
    size_attribute = sending.accepted[1].attributes['ExtendedPayloadSize']
    assert size_attribute == {'DataType': 'Number', 'StringValue': str(len(body.encode()))}
    kept = {
        name: each for name, each in sending.accepted[1].attributes.items() if name in attributes
    }
    assert kept == sending.accepted[0].attributes


def test_trap_02_the_size_of_a_payload_is_its_body_with_the_payload_type(
    sending: Sending,
) -> None:
    size = size_of('AP8=', {'MegaPayloadType': {'DataType': 'String', 'StringValue': 'blob'}})
    for limit in (size, size - 1):
        sending.publisher('sqs', threshold=limit).publish(b'\x00\xff')
    assert [is_offloaded(each) for each in sending.accepted] == [False, True]
    marks = [each.attributes['MegaPayloadType']['StringValue'] for each in sending.accepted]
    assert marks == ['blob', 'blob']


@EACH_SERVICE
def test_always_offloads_every_body(sending: Sending, service: Service) -> None:
    ours = sending.publisher(service, always=True)
    ours.publish('a')
    ours.publish_batch(['b', 'c'])
    assert sorted(sending.bodies) == ['a', 'b', 'c']
    assert all(is_offloaded(each) for each in sending.accepted)
    assert sorted(map(key_of, sending.accepted)) == sorted(sending.keys())


@EACH_SERVICE
def test_trap_03_any_threshold_works_down_to_0(sending: Sending, service: Service) -> None:
    """The reserved attribute is larger than that by itself."""
    sending.publisher(service, threshold=0).publish('a')
    assert [is_offloaded(each) for each in sending.accepted] == [True]


@EACH_SERVICE
def test_legacy_attribute_writes_the_first_form_of_the_pointer(
    sending: Sending, service: Service
) -> None:
    sending.publisher(service, always=True, legacy_attribute=True).publish('a')
    [message] = sending.accepted
    assert list(message.attributes) == ['SQSLargePayloadSize']
    assert message.body.startswith('["com.amazon.sqs.javamessaging.MessageS3Pointer",{')


@EACH_SERVICE
def test_trap_01_fault_77_and_118_a_body_above_the_limit_of_the_destination_is_offloaded(
    sending: Sending, service: Service
) -> None:
    """A queue or a topic may have a lower limit than the threshold of the store."""
    store = store_on(sending.s3, threshold=MB)
    ours = sending.publisher_with(store, service, MaximumMessageSize=2 * KB)
    ours.publish_raw_message('a' * 2 * KB)
    ours.publish_raw_message('a' * (2 * KB + 1))
    assert [is_offloaded(each) for each in sending.accepted] == [False, True]


@EACH_SERVICE
def test_trap_01_the_default_threshold_is_256_kib(sending: Sending, service: Service) -> None:
    """A queue or topic may accept four times as much, and deliver to another that does not."""
    ours = sending.publisher_with(store_on(sending.s3), service, MaximumMessageSize=MB)
    ours.publish_raw_message('a' * (256 * KB + 1))
    assert [is_offloaded(each) for each in sending.accepted] == [True]


@pytest.mark.parametrize('character', ['a', '"', '\n'], ids=ascii)
def test_the_envelope_of_sns_counts_in_the_threshold_of_a_topic(
    aws: LocalAws, character: str
) -> None:
    """SNS escapes the body in its envelope, and the queue counts the result.

    Only AWS can show that characters beyond ASCII are not escaped: neither server does that.
    """
    threshold = 4_000
    topic, queue_url = aws.create_topic(), aws.create_queue()
    aws.subscribe(topic, queue_url)
    ours = publisher_on(aws, topic, store_on(aws, threshold=threshold))
    for number in range(200, 2_200, 200):
        ours.publish_raw_message(character * number, message_attributes={'n': character * 9})
    received = aws.receive(queue_url, at_least=10)
    inline = [
        len(each['Body'].encode())
        for each in received
        if '"ExtendedPayloadSize"' not in each['Body']
    ]
    assert 0 < len(inline) < 10
    assert max(inline) <= threshold


def sizes(sending: Sending) -> list[int]:
    return [size_of(each.body, each.attributes) for each in sending.accepted]


@EACH_SERVICE
def test_trap_04_the_largest_bodies_of_a_batch_are_offloaded_until_it_fits_a_request(
    sending: Sending, service: Service
) -> None:
    lengths = [150, 90, 250, 120, 60, 200, 110, 80, 240, 130]  # 1,430,000 bytes
    bodies = [str(each % 10) * each * 1_000 for each in lengths]
    store = store_on(sending.s3, threshold=MB if service == 'sqs' else 256 * KB)
    ours = sending.publisher_with(store, service, MaximumMessageSize=MB)
    ours.publish_batch(bodies)
    assert sum(sizes(sending)) <= MB
    assert sorted(len(each) // 1_000 for each in sending.bodies) == [240, 250]
    assert [is_offloaded(each) for each in sending.accepted].count(True) == 2
    operation = 'SendMessageBatch' if service == 'sqs' else 'PublishBatch'
    assert sending.server.counts().calls[operation] == 1


def test_trap_04_each_entry_of_a_batch_points_to_its_own_body(sending: Sending) -> None:
    bodies = [f'{number}' * 150_000 for number in range(10)]
    results = sending.publisher('sqs').publish_batch(bodies)
    put = dict(zip(sending.keys(), sending.bodies, strict=True))
    found = {
        each.message_id: put[key_of(each)] if is_offloaded(each) else each.body
        for each in sending.accepted
    }
    assert [found[each.message_id] for each in results] == bodies


def test_trap_04_an_entry_that_is_too_large_fails_alone(sending: Sending) -> None:
    ours = sending.publisher('sqs', always=True)

    def attributes(payload: Any) -> dict[str, str]:
        return {f'a{number}': 'x' for number in range(10)} if payload == 'b' else {}

    results = ours.publish_batch(
        ['a', 'b', 'c'], message_attributes=attributes, raise_on_failure=False
    )
    assert [result.error is None for result in results] == [True, False, True]
    assert sorted(sending.bodies) == ['a', 'c']


def test_a_body_above_max_payload_in_a_batch_is_sent_as_without_a_store(
    sending: Sending,
) -> None:
    """A body above max_payload cannot be offloaded, but fits into a message."""
    bodies = [f'{number}' * 150_000 for number in range(10)]
    ours = sending.publisher('sqs', max_payload=100_000)
    results = ours.publish_batch([*bodies, 'small'])
    assert [each.error for each in results] == [None] * 11
    assert sorted(each.body for each in sending.accepted) == sorted([*bodies, 'small'])
    assert sending.s3.requests == []


def test_a_body_above_max_payload_is_refused_before_an_upload(sending: Sending) -> None:
    ours = sending.publisher('sqs', threshold=10, max_payload=20)
    with pytest.raises(PayloadTooLargeError) as caught:
        ours.publish_raw_message('a' * 21)
    assert (caught.value.size, caught.value.limit) == (21, 20)
    assert sending.s3.requests == []
    assert sending.accepted == []


@EACH_SERVICE
def test_trap_05_the_arguments_of_the_caller_are_not_changed(
    sending: Sending, service: Service
) -> None:
    """A second large message with the same attributes is sent like the first one.

    A small message afterwards has no data of the others.
    """
    ours = sending.publisher(service, threshold=5_000)
    own = {'DataType': 'Number.int', 'StringValue': '7'}
    attributes: dict[str, Any] = {'tenant': 'a', 'n': own}
    payload = {'data': 'x' * 6_000}
    for _ in range(2):
        ours.publish(payload, message_attributes=attributes)
    ours.publish({'data': 1}, message_attributes=attributes)
    ours.publish_batch([payload, payload], message_attributes=attributes)
    assert attributes == {'tenant': 'a', 'n': {'DataType': 'Number.int', 'StringValue': '7'}}
    assert payload == {'data': 'x' * 6_000}
    expected = [True, True, False, True, True]
    assert [is_offloaded(each) for each in sending.accepted] == expected
    assert all(each.attributes['n'] == own for each in sending.accepted)


def test_trap_06_40_large_messages_from_8_threads_arrive_as_40_different_payloads(
    aws: LocalAws,
) -> None:
    queue_url = aws.create_queue()
    store = store_on(aws)
    ours = publisher_on(aws, queue_url, store)
    payloads = [{'n': number, 'text': f'{number:02}' * (LARGE // 2)} for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(ours.publish, payloads))
    received = {each['MessageId']: each for each in aws.receive(queue_url, at_least=40)}
    s3 = aws.client('s3')
    keys = {identity: json.loads(received[identity]['Body'])[1]['s3Key'] for identity in ids}
    bodies = [
        s3.get_object(Bucket=store.bucket, Key=keys[identity])['Body'].read() for identity in ids
    ]
    assert [json.loads(body) for body in bodies] == payloads
    assert len(set(keys.values())) == 40


@pytest.mark.parametrize('name', ['ExtendedPayloadSize', 'SQSLargePayloadSize'])
@pytest.mark.parametrize('has_store', [False, True], ids=['without a store', 'with a store'])
@EACH_SERVICE
def test_trap_10_a_reserved_attribute_is_refused_for_a_message_of_any_size(
    sending: Sending, service: Service, name: str, has_store: bool
) -> None:
    ours = sending.publisher(service)
    if not has_store:
        ours = type(ours)(ours._publisher._destination, client=sending.clients[service])
    for publish in (ours.publish, ours.publish_raw_message):
        with pytest.raises(EncodeError, match=name):
            publish('a', message_attributes={name: 1})
    [result] = ours.publish_batch(['a'], message_attributes={name: 1}, raise_on_failure=False)
    assert name in str(result.error)
    assert sending.accepted == []


@EACH_SERVICE
def test_trap_15_an_empty_body_is_refused_before_an_upload(
    sending: Sending, service: Service
) -> None:
    ours = sending.publisher(service, always=True)
    for publish in (ours.publish, ours.publish_raw_message):
        with pytest.raises(EncodeError, match='empty'):
            publish('')
    assert sending.s3.requests == []


REFUSED: dict[str, Callable[[Any], object]] = {
    'ten attributes': lambda ours: ours.publish(
        'a', message_attributes={f'a{number}': 'x' for number in range(10)}
    ),
    'a bad attribute': lambda ours: ours.publish('a', message_attributes={'a b': 'x'}),
    'a bad character': lambda ours: ours.publish_raw_message('a\x00'),
    'a bad group': lambda ours: ours.publish('a', message_group_id='a b'),
    'a deduplication id': lambda ours: ours.publish('a', message_deduplication_id='a'),
    'no text': lambda ours: ours.publish_raw_message(b'a'),
}


@EACH_SERVICE
@pytest.mark.parametrize('publish', REFUSED.values(), ids=REFUSED)
def test_trap_17_every_check_comes_before_the_upload(
    sending: Sending, service: Service, publish: Callable[[Any], object]
) -> None:
    with pytest.raises(EncodeError):
        publish(sending.publisher(service, always=True))
    assert sending.s3.requests == []
    assert sending.accepted == []


@EACH_SERVICE
def test_a_pointer_leaves_room_for_nine_attributes(sending: Sending, service: Service) -> None:
    attributes = {f'a{number}': 'x' for number in range(9)}
    sending.publisher(service, always=True).publish('a', message_attributes=attributes)
    [message] = sending.accepted
    assert len(message.attributes) == 10


def test_ten_attributes_and_a_large_body_are_sent_if_the_queue_accepts_both(
    sending: Sending,
) -> None:
    """Without room for the attribute a message is not offloaded, and two requests are sent."""
    attributes = {f'a{number}': 'x' for number in range(10)}
    ours = sending.publisher('sqs')
    results = ours.publish_batch(['a' * 200_000] * 6, message_attributes=attributes)
    assert [each.error for each in results] == [None] * 6
    assert sending.server.counts().calls['SendMessageBatch'] == 2
