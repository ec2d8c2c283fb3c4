"""What the documents of the extended clients promise about operations of SQS."""

from __future__ import annotations

import json
from hashlib import md5

import pytest

from tests.aws.extended.place import LARGE, Place
from tests.local_aws import LocalAws


def test_a_batch_is_sent_with_each_large_body_in_s3(place: Place) -> None:
    client = place.client()
    bodies = [LARGE, 'small', f'{LARGE}2']
    entries = [{'Id': f'{number}', 'MessageBody': body} for number, body in enumerate(bodies)]
    response = client.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    digests = {entry['Id']: entry['MD5OfMessageBody'] for entry in response['Successful']}
    assert digests == {
        f'{number}': md5(body.encode(), usedforsecurity=False).hexdigest()
        for number, body in enumerate(bodies)
    }
    assert sorted(place.bodies) == [LARGE, f'{LARGE}2']
    assert sorted(each['Body'] for each in place.receive(client)) == sorted(bodies)


def test_the_largest_bodies_of_a_batch_are_in_s3_if_their_sum_is_too_large(place: Place) -> None:
    client = place.client()
    sizes = [100_000, 150_000, 200_000, 250_000, 120_000, 240_000, 30_000]  # 1,090,000
    entries = [{'Id': f'{size}', 'MessageBody': 'a' * size} for size in sizes]
    client.send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert [len(body) for body in place.bodies] == [250_000]
    received = place.receive(client)
    assert sorted(len(each['Body']) for each in received) == sorted(sizes)


def test_a_fifo_queue_drops_a_large_duplicate(own: LocalAws) -> None:
    place = Place.on(own, fifo=True, ContentBasedDeduplication=True)
    client = place.client()
    for body in (LARGE, LARGE, f'{LARGE}2'):
        place.send(client, body, MessageGroupId='a')
    for _ in range(2):
        place.send(client, f'{LARGE}3', MessageGroupId='a', MessageDeduplicationId='3')
    received = place.receive(client)
    assert [each['Body'] for each in received] == [LARGE, f'{LARGE}2', f'{LARGE}3']


def test_a_delay_applies_to_a_large_body(place: Place) -> None:
    client = place.client()
    place.send(client, DelaySeconds=900)
    assert not place.receive(client)
    assert place.bodies == [LARGE]


def test_messages_and_their_bodies_are_deleted_in_a_batch(place: Place) -> None:
    client = place.client(delete=True)
    for number in range(3):
        place.send(client, f'{LARGE}{number}')
    place.send(client, 'small')
    entries = [
        {'Id': f'{number}', 'ReceiptHandle': message['ReceiptHandle']}
        for number, message in enumerate(place.receive(client))
    ]
    client.delete_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert place.is_empty
    assert not place.keys


def test_the_visibility_of_a_large_message_is_changed(place: Place) -> None:
    client = place.client()
    place.send(client)
    for _ in range(2):
        [message] = place.receive(client)
        target = {'ReceiptHandle': message['ReceiptHandle'], 'VisibilityTimeout': 0}
        client.change_message_visibility(QueueUrl=place.queue_url, **target)
        [message] = place.receive(client)
        target['ReceiptHandle'] = message['ReceiptHandle']
        response = client.change_message_visibility_batch(
            QueueUrl=place.queue_url, Entries=[{'Id': '1', **target}]
        )
        assert len(response['Successful']) == 1


def test_plain_boto3_accepts_the_receipt_handles(place: Place) -> None:
    client = place.client()
    place.send(client)
    [message] = place.receive(client)
    handle = message['ReceiptHandle']
    place.sqs.change_message_visibility(
        QueueUrl=place.queue_url, ReceiptHandle=handle, VisibilityTimeout=60
    )
    copied = json.loads(json.dumps(handle))
    place.sqs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=copied)
    assert place.is_empty


@pytest.mark.parametrize('is_batch', [False, True])
def test_the_receipt_handles_of_other_extended_clients_are_accepted(
    is_batch: bool, place: Place
) -> None:
    """Their handle contains the bucket and the key. AWS's handles contain `-` as well."""
    client = place.client(delete=True)
    place.send(client)
    [message] = place.receive(place.sqs)
    bucket, key = '-..s3BucketName..-', '-..s3Key..-'
    place_in_s3 = f'{bucket}{place.bucket}{bucket}{key}{place.keys[0]}{key}'
    handle = {'ReceiptHandle': place_in_s3 + message['ReceiptHandle']}
    timeout = {**handle, 'VisibilityTimeout': 60}
    client.change_message_visibility(QueueUrl=place.queue_url, **timeout)
    if is_batch:
        entries = [{'Id': '1', **handle}]
        client.delete_message_batch(QueueUrl=place.queue_url, Entries=entries)
    else:
        client.delete_message(QueueUrl=place.queue_url, **handle)
    assert place.is_empty
    assert not place.keys
