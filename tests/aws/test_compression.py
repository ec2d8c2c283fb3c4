"""Compressed bodies, from publishers and stores to subscribers."""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any

import pytest

from mega.aws._messages.limits import MAX_ATTRIBUTES
from mega.aws.extended import ExtendedClient
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import BlobSubscriber, DataSubscriber, SqsListener, TextSubscriber
from mega.codec import Publishable
from mega.errors import ConfigurationError, EncodeError, PayloadTooLargeError
from mega.match.functions import exists
from mega.testing import Bus
from tests.aws.s3.making import BUCKET, create_bucket, keys_in
from tests.local_aws import LocalAws

FORMATS = ['gzip', 'zstd']
LINES = {'lines': [f'line {number}' for number in range(1_000)]}
MARK = 'MegaCompression'


class Data(DataSubscriber):
    pattern = {'lines': exists()}

    def process(self, payload: dict[str, Any]) -> None: ...


class Text(TextSubscriber):
    def process(self, payload: str) -> None: ...


class Blob(BlobSubscriber):
    def process(self, payload: bytes) -> None: ...


def store_of(bus: Bus, **settings: Any) -> S3PayloadStore:
    bus.bucket(BUCKET)
    return S3PayloadStore(BUCKET, client=bus.s3, **settings)


def received(bus: Bus, queue: str, store: S3PayloadStore | None = None) -> list[Any]:
    """The payloads that the subscribers of a listener receive."""
    bus.run(SqsListener(queue, [Data, Text, Blob], client=bus.sqs, payload_store=store))
    return [each.payload for each in bus.processed()]


@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize(
    'payload',
    [LINES, 'some text ' * 100, b'\0' * 5_000, {'lines': 'x' * 1_000}],
    ids=['data', 'text', 'blob', 'repeated'],
)
def test_a_compressed_payload_arrives_equal(bus: Bus, format: Any, payload: Publishable) -> None:
    orders = bus.queue('orders')
    SqsPublisher(orders, client=bus.sqs, compression=format).publish(payload)
    [sent] = bus.published()
    assert sent.attributes[MARK] == format
    assert sent.payload == payload
    assert received(bus, orders) == [payload]


def test_a_body_that_does_not_become_smaller_is_not_compressed(bus: Bus) -> None:
    orders = bus.queue('orders')
    with SqsPublisher(orders, client=bus.sqs, compression='gzip') as publisher:
        publisher.publish({'id': 1})
        publisher.publish(LINES, message_attributes={f'a{n}': n for n in range(MAX_ATTRIBUTES)})
    assert [MARK in each.attributes for each in bus.published()] == [False, False]


@pytest.mark.parametrize('is_raw', [True, False], ids=['raw', 'wrapped'])
def test_a_compressed_payload_passes_through_a_topic(bus: Bus, is_raw: bool) -> None:
    orders = bus.queue('orders')
    topic = bus.topic('news', to=orders, raw=is_raw)
    SnsPublisher(topic, client=bus.sns, compression='gzip').publish(LINES)
    assert received(bus, orders) == [LINES]


def test_each_way_to_publish_compresses(bus: Bus) -> None:
    orders = bus.queue('orders')
    body = json.dumps(LINES)
    with SqsPublisher(orders, client=bus.sqs, compression='gzip') as publisher:
        publisher.publish_raw_message(body)
        publisher.publish_batch([LINES] * 3)
        with publisher.buffer() as buffer:
            buffer.publish(LINES)
    assert [each.attributes[MARK] for each in bus.published()] == ['gzip'] * 5
    assert received(bus, orders) == [LINES] * 5


def test_compression_is_off_by_default(bus: Bus) -> None:
    orders, store = bus.queue('orders'), store_of(bus, always=True)
    SqsPublisher(orders, client=bus.sqs, payload_store=store).publish(LINES)
    SqsPublisher(orders, client=bus.sqs).publish(LINES)
    assert [MARK in each.attributes for each in bus.published()] == [False, False]


def test_a_body_that_fits_its_message_after_compression_is_not_offloaded(bus: Bus) -> None:
    orders, store = bus.queue('orders'), store_of(bus)
    large = {'lines': ['some line'] * 100_000}
    publisher = SqsPublisher(orders, client=bus.sqs, payload_store=store, compression='gzip')
    publisher.publish(large)
    [sent] = bus.published()
    assert not sent.is_offloaded
    assert received(bus, orders) == [large]  # without a store


def test_a_body_that_is_too_large_after_compression_is_offloaded_as_the_store_says(
    bus: Bus,
) -> None:
    orders, store = bus.queue('orders'), store_of(bus, threshold=200)
    publisher = SqsPublisher(orders, client=bus.sqs, payload_store=store, compression='gzip')
    publisher.publish(LINES)
    [sent] = bus.published()
    assert sent.is_offloaded
    assert MARK not in sent.attributes  # the store does not compress
    assert received(bus, orders, store) == [LINES]


def test_content_based_deduplication_uses_the_body_before_compression(bus: Bus) -> None:
    orders = bus.queue('orders.fifo')
    for format in None, 'gzip', 'zstd':
        publisher = SqsPublisher(orders, client=bus.sqs, compression=format)
        publisher.publish(LINES, message_group_id='a')
    assert received(bus, orders) == [LINES]


@pytest.mark.parametrize('format', FORMATS)
def test_a_store_compresses_objects_and_sets_their_content_encoding(
    aws: LocalAws, format: Any
) -> None:
    bucket, s3 = create_bucket(aws), aws.client('s3')
    store = S3PayloadStore(bucket, client=s3, always=True, compression=format)
    body = json.dumps(LINES)
    upload = store.offload(body)
    upload.upload()
    assert upload.attributes[MARK]['StringValue'] == format
    [key] = keys_in(aws, bucket)
    found = s3.get_object(Bucket=bucket, Key=key)
    assert found['ContentEncoding'] == format
    content = found['Body'].read()
    assert len(content) < len(body) / 3
    if format == 'gzip':
        assert gzip.decompress(content).decode() == body
    fetched = S3PayloadStore(bucket, client=s3).fetch(upload.pointer)  # any store reads it
    assert fetched is not None
    assert fetched.body == body


@pytest.mark.parametrize('format', FORMATS)
def test_a_body_that_is_compressed_in_s3_arrives(bus: Bus, format: Any) -> None:
    orders, store = bus.queue('orders'), store_of(bus, always=True, compression=format)
    with SqsPublisher(orders, client=bus.sqs, payload_store=store) as publisher:
        publisher.publish(LINES)
        publisher.publish('a')  # is not smaller when it is compressed
    assert [each.attributes.get(MARK) for each in bus.published()] == [format, None]
    assert received(bus, orders, store) == [LINES, 'a']


def test_the_limit_of_a_store_is_that_of_the_body_before_compression(bus: Bus) -> None:
    orders, store = bus.queue('orders'), store_of(bus, compression='gzip', max_payload=300_000)
    publisher = SqsPublisher(orders, client=bus.sqs, payload_store=store)
    with pytest.raises(PayloadTooLargeError, match='300,000'):
        publisher.publish('a' * 300_001)
    publisher.publish('a' * 300_000)
    assert received(bus, orders, store) == ['a' * 300_000]


def test_a_batch_counts_the_attribute_of_a_compressed_object(bus: Bus) -> None:
    """Nine attributes leave room for the size alone, so that the batch is split instead."""
    orders, store = bus.queue('orders'), store_of(bus, compression='gzip', threshold=1_048_576)
    nine = {f'a{number}': number for number in range(9)}
    with SqsPublisher(orders, client=bus.sqs, payload_store=store) as publisher:
        publisher.publish_batch(['a' * 600_000] * 2, message_attributes=nine)
    assert [each.is_offloaded for each in bus.published()] == [False, False]


def test_a_dead_letter_keeps_its_compressed_body(bus: Bus) -> None:
    class Failing(DataSubscriber):
        pattern = {'lines': exists()}

        def process(self, payload: dict[str, Any]) -> None:
            raise ValueError

    orders, failed = bus.queue('orders'), bus.queue('failed')
    SqsPublisher(orders, client=bus.sqs, compression='zstd').publish(LINES)
    listener = SqsListener(orders, [Failing], client=bus.sqs, dead_letter_queue_url=failed)
    bus.run(listener, raising=False)
    [dead] = bus.dead_letters()
    assert dead.payload == LINES


def test_only_a_publisher_sets_the_attribute(bus: Bus) -> None:
    publisher = SqsPublisher(bus.queue('orders'), client=bus.sqs)
    with pytest.raises(EncodeError, match=MARK):
        publisher.publish({}, message_attributes={MARK: 'gzip'})
    with pytest.raises(EncodeError, match=MARK):
        publisher.publish_raw_message('x', message_attributes={MARK: 'gzip'})


def test_an_extended_client_reads_and_writes_compressed_objects(bus: Bus) -> None:
    orders, store = bus.queue('orders'), store_of(bus, compression='gzip')
    client, body = ExtendedClient(bus.sqs, store), 'a' * 300_000
    sent = client.send_message(QueueUrl=orders, MessageBody=body)
    [message] = client.receive_message(QueueUrl=orders)['Messages']
    assert message['Body'] == body
    assert message['MD5OfBody'] == sent['MD5OfMessageBody']
    assert message['MessageAttributes'] == {}
    attribute = {'DataType': 'String', 'StringValue': 'gzip'}
    with pytest.raises(EncodeError, match=MARK):
        client.send_message(QueueUrl=orders, MessageBody=body, MessageAttributes={MARK: attribute})
    nine = {f'a{number}': attribute for number in range(9)}
    with pytest.raises(EncodeError, match='the limit is 8'):
        client.send_message(QueueUrl=orders, MessageBody=body, MessageAttributes=nine)


@pytest.mark.parametrize('found', ['br', 'GZIP', '', True], ids=repr)
def test_an_unknown_format_is_refused(bus: Bus, found: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be 'gzip' or 'zstd'"):
        SqsPublisher(client=bus.sqs, compression=found)
    with pytest.raises(ConfigurationError, match="must be 'gzip' or 'zstd'"):
        store_of(bus, compression=found)


def test_zstd_without_its_package_is_refused_and_its_messages_stay_in_the_queue(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, failed = bus.queue('orders'), bus.queue('failed')
    SqsPublisher(orders, client=bus.sqs, compression='zstd').publish(LINES)
    name = 'compression' if sys.version_info >= (3, 14) else 'backports'
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sqs-mega\[zstd\]'"):
        SqsPublisher(orders, client=bus.sqs, compression='zstd')
    options: dict[str, Any] = {'dead_letter_queue_url': failed, 'max_receives': 1}
    with pytest.raises(AssertionError, match='3 deliveries'):  # it is delivered again and again
        bus.run(SqsListener(orders, [Data], client=bus.sqs, **options), max_deliveries=3)
    assert bus.dead_letters() == []
    monkeypatch.undo()
    assert received(bus, orders) == [LINES]
