"""Offloaded messages: keys, requests to S3, deduplication ids and metadata."""

from __future__ import annotations

import hashlib
import json
from itertools import count
from threading import Barrier
from typing import Any

import boto3
import pytest

from tests.aws._publishing.batches import EACH_SERVICE
from tests.aws.answers import Answer, Together
from tests.aws.s3.making import LARGE, create_bucket, publisher_on, store_on
from tests.aws.s3.sending import Sending
from tests.event.examples import item_added
from tests.local_aws import LocalAws, Service


def test_trap_18_no_key_is_used_twice_not_even_for_the_same_body(sending: Sending) -> None:
    """A delete or a change of one would affect the other. A caller cannot choose a key."""
    ours = sending.publisher('sqs', always=True, key_prefix='in/')
    for _ in range(3):
        ours.publish('a', message_attributes={'S3Key': 'mine'})
    ours.publish_batch(['a'] * 3)
    keys = sending.keys()
    assert len(set(keys)) == 6
    assert all(len(key) == len('in/') + 36 and key.startswith('in/') for key in keys)


def test_trap_20_a_body_for_each_protocol_is_refused(sending: Sending) -> None:
    """SNS would look for it in the pointer."""
    ours = sending.publisher('sns', always=True)
    for publish in (ours.publish, ours.publish_raw_message, ours.publish_batch):
        with pytest.raises(TypeError, match='message_structure'):
            publish(['a'], message_structure='json')


def test_trap_21_a_body_is_uploaded_as_its_text(sending: Sending) -> None:
    """It is not compressed, because no other reader would decompress it."""
    ours = sending.publisher('sqs', always=True)
    ours.publish(item_added(), binary_encoding=True)
    ours.publish('\ufeffé\n')
    first, second = sending.requests('PutObject')
    assert second.body == '\ufeffé\n'.encode()
    assert first.body.isascii()
    for request in (first, second):
        assert request.headers['content-type'] == 'text/plain; charset=utf-8'
        assert 'content-encoding' not in request.headers


def test_trap_23_no_access_control_list_is_sent_unless_it_is_asked_for(sending: Sending) -> None:
    """Buckets refuse one by default. Only AWS can show that."""
    sending.publisher('sqs', always=True).publish('a')
    sending.publisher('sqs', always=True, put_arguments={'ACL': 'private'}).publish('a')
    lists = [each.headers.get('x-amz-acl') for each in sending.requests('PutObject')]
    assert lists == [None, 'private']


def test_trap_24_s3_may_be_in_another_region_and_boto3_is_not_patched(
    aws: LocalAws, sending: Sending
) -> None:
    """The store has its own client, endpoint and region. Other clients are not affected."""
    queue_url = aws.create_queue()
    ours = publisher_on(aws, queue_url, store_on(sending.s3, always=True))
    ours.publish('a')
    assert sending.bodies == ['a']
    [plain] = aws.receive(queue_url, at_least=1)
    assert 's3Key' in plain['Body']
    assert boto3.Session.__module__ == boto3.session.Session.__module__ == 'boto3.session'
    aws.client('sqs').send_message(QueueUrl=queue_url, MessageBody='a' * LARGE)
    [plain] = aws.receive(queue_url, at_least=1)
    assert plain['Body'] == 'a' * LARGE


def test_trap_25_the_bodies_of_a_batch_are_uploaded_at_the_same_time(sending: Sending) -> None:
    """The server responds to none of them until all ten have arrived."""
    sending.s3.will(Together(Barrier(10), Answer()))
    sending.publisher('sqs', always=True).publish_batch(f'{number}' for number in range(10))
    assert sorted(sending.bodies) == [f'{number}' for number in range(10)]
    assert len(sending.accepted) == 10


def test_trap_26_two_stores_share_no_settings(sending: Sending) -> None:
    first = store_on(sending.s3, 'first', always=True, put_arguments={'ACL': 'private'})
    second = store_on(sending.s3, 'second', always=True)
    for store in (first, second, first):
        sending.publisher_with(store).publish('a')
    found = [
        (each.path.split('/')[1], each.headers.get('x-amz-acl'))
        for each in sending.requests('PutObject')
    ]
    assert found == [('first', 'private'), ('second', None), ('first', 'private')]


_contents = count()


def fifo_payloads() -> tuple[str, str]:
    """A small and a large body that were not sent in the last five minutes."""
    content = f'{next(_contents)}'
    return content, content * LARGE


@pytest.mark.cannot(moto='forgets within a receive which contents it has seen')
@pytest.mark.parametrize('through_topic', [False, True], ids=['queue', 'topic'])
def test_trap_16_content_based_deduplication_uses_the_body_and_not_the_pointer(
    aws: LocalAws, through_topic: bool
) -> None:
    queue_url = aws.create_queue(fifo=True, ContentBasedDeduplication=True)
    destination = queue_url
    if through_topic:
        destination = aws.create_topic(fifo=True, ContentBasedDeduplication=True)
        aws.subscribe(destination, queue_url, raw=True)
    ours = publisher_on(aws, destination, store_on(aws))
    small, large = fifo_payloads()
    for payload in (small, large, small, large, large):
        ours.publish(payload, message_group_id='g')
    ours.publish_batch([small, large], message_group_id='g')
    received = aws.receive(queue_url, at_least=2)
    assert len(received) == 2


@EACH_SERVICE
def test_trap_16_the_deduplication_id_is_the_digest_of_the_body_unless_one_is_given(
    sending: Sending, service: Service
) -> None:
    """As SQS and SNS compute it from a body, so that it is the same with and without offloading."""
    ours = sending.publisher(service, fifo=True, always=True)
    ours.publish('a', message_group_id='g')
    ours.publish('a', message_group_id='g', message_deduplication_id='mine')
    ours.publish_batch(['a'], message_group_id='h')
    digest = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
    assert [each.deduplication_id for each in sending.accepted] == [digest, 'mine', digest]


@EACH_SERVICE
def test_the_digest_of_an_offloaded_body_is_computed_once(
    sending: Sending, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []
    original = hashlib.sha256

    def sha256(content: bytes = b'') -> Any:
        hashed.append(content)
        return original(content)

    ours = sending.publisher(service, fifo=True, always=True)
    monkeypatch.setattr(hashlib, 'sha256', sha256)
    ours.publish('a', message_group_id='g')
    assert hashed.count(b'a') == 1


@EACH_SERVICE
def test_the_metadata_names_the_queue_only_for_messages_to_one_queue(
    sending: Sending, service: Service
) -> None:
    ours = sending.publisher(service, always=True)
    ours.publish('a')
    ours.publish_batch(['b'])
    only = [each.headers.get('x-amz-meta-mega-queue-url') for each in sending.requests('PutObject')]
    assert only == [ours._publisher._destination if service == 'sqs' else None] * 2


def test_publishers_can_share_a_bucket(aws: LocalAws) -> None:
    """Two stores with prefixes share one bucket."""
    bucket, queue_url = create_bucket(aws), aws.create_queue()
    for prefix in ('a/', 'b/'):
        store = store_on(aws, bucket, key_prefix=prefix, always=True)
        publisher_on(aws, queue_url, store).publish('x')
    keys = [json.loads(each['Body'])[1]['s3Key'][:2] for each in aws.receive(queue_url, 2)]
    assert sorted(keys) == ['a/', 'b/']
