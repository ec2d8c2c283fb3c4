"""Where an extended client differs from the real libraries, one test for each row of the guide.

Each test shows what the library does, so that it fails when the library changes.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mega.aws.s3 import Pointer
from tests.aws.extended.peer_clients import PeerClient
from tests.aws.extended.place import LARGE, Place, attribute
from tests.aws.s3.making import BUCKET, send_pointer
from tests.aws.s3.matrix import AMAZON_SQS, EXT_CLIENT
from tests.aws.s3.peers import PeerError, Peers
from tests.local_aws import LocalAws

pytestmark = pytest.mark.no_cover

BOTH = pytest.mark.parametrize('library', [AMAZON_SQS, EXT_CLIENT])


@pytest.fixture
def place(own: LocalAws) -> Place:
    """A queue, and a bucket of a constant name: each library needs a session per bucket."""
    location = {'LocationConstraint': own.region}
    own.client('s3').create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    return Place.with_bucket(BUCKET, own)


@pytest.fixture
def other(libraries: Peers, place: Place) -> Any:
    """Creates a client of another library, with its own options."""

    def create(library: str, **options: object) -> PeerClient:
        return PeerClient(libraries[library], place.aws, place.bucket, options)

    return create


def test_a_receipt_handle_with_a_hyphen_is_cut(place: Place, other: Any) -> None:
    theirs, ours = other(AMAZON_SQS), place.client()
    place.send(ours)
    [message] = place.receive(theirs)
    with pytest.raises(PeerError, match='ReceiptHandleIsInvalid'):
        theirs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    ours.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert place.is_empty


@BOTH
def test_plain_boto3_refuses_their_receipt_handles(library: str, place: Place, other: Any) -> None:
    place.send(place.client())
    [message] = place.receive(other(library))
    target = {'QueueUrl': place.queue_url, 'ReceiptHandle': message['ReceiptHandle']}
    with pytest.raises(ClientError, match='ReceiptHandle'):
        place.sqs.delete_message(**target)
    place.client().delete_message(**target)
    assert place.is_empty


def test_the_visibility_of_a_large_message_cannot_be_changed(place: Place, other: Any) -> None:
    theirs = other(EXT_CLIENT)
    place.send(theirs)
    [message] = place.receive(theirs)
    target = {'ReceiptHandle': message['ReceiptHandle'], 'VisibilityTimeout': 60}
    with pytest.raises(PeerError, match='ReceiptHandle'):
        theirs.change_message_visibility(QueueUrl=place.queue_url, **target)
    place.client().change_message_visibility(QueueUrl=place.queue_url, **target)


def test_the_digests_are_those_of_the_pointer(place: Place, other: Any) -> None:
    ours = place.client()
    place.send(ours)
    [message] = place.receive(other(AMAZON_SQS), VisibilityTimeout=0)
    [own] = place.receive(ours)
    assert message['Body'] == own['Body'] == LARGE
    assert message['MD5OfBody'] != own['MD5OfBody']


def test_the_digest_of_an_attribute_with_a_label_is_wrong(place: Place, other: Any) -> None:
    attributes = {'a': {'DataType': 'Number.int', 'StringValue': '5'}}
    expected = place.send(place.sqs, 'x', MessageAttributes=attributes)['MD5OfMessageAttributes']
    place.sqs.purge_queue(QueueUrl=place.queue_url)
    ours = place.client()
    place.send(ours, MessageAttributes=attributes)
    [message] = place.receive(other(EXT_CLIENT), VisibilityTimeout=0)
    [own] = place.receive(ours)
    assert message['MD5OfMessageAttributes'] != expected
    assert own['MD5OfMessageAttributes'] == expected


def test_the_attributes_of_a_message_without_own_attributes_are_missing(
    place: Place, other: Any
) -> None:
    """The documented programs of the library read them, and so fail."""
    place.send(place.client())
    [message] = place.receive(other(EXT_CLIENT), VisibilityTimeout=0)
    assert 'MessageAttributes' not in message
    [own] = place.receive(place.client())
    assert own['MessageAttributes'] == {}


@BOTH
def test_a_missing_body_fails_the_whole_receive(library: str, place: Place, other: Any) -> None:
    send_pointer(place.aws, place.queue_url, Pointer(place.bucket, 'missing', 2))
    place.send(place.sqs, 'small')
    with pytest.raises(PeerError):
        place.receive(other(library), VisibilityTimeout=0)
    place.send(place.sqs, 'other')
    assert {each['Body'] for each in place.receive(place.client())} == {'small', 'other'}


def test_the_body_is_deleted_although_sqs_keeps_the_message(place: Place, other: Any) -> None:
    theirs = other(AMAZON_SQS, delete_payload_from_s3=True)
    place.send(place.client())
    [message] = place.receive(theirs)
    with pytest.raises(PeerError, match='ReceiptHandleIsInvalid'):
        theirs.delete_message(QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle'])
    assert not place.keys
    assert not place.is_empty


@BOTH
def test_a_batch_with_a_large_sum_fails(library: str, place: Place, other: Any) -> None:
    entries = [
        {'Id': f'{id}', 'MessageBody': 'a' * 200_000, 'MessageAttributes': {}} for id in range(6)
    ]
    with pytest.raises(PeerError, match='BatchRequestTooLong'):
        other(library).send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert place.is_empty
    response = place.client().send_message_batch(QueueUrl=place.queue_url, Entries=entries)
    assert len(response['Successful']) == 6


@BOTH
def test_a_refused_message_leaves_its_body_behind(library: str, place: Place, other: Any) -> None:
    delay: dict[str, Any] = {'DelaySeconds': 901, 'MessageAttributes': {}}
    with pytest.raises(PeerError, match='DelaySeconds'):
        place.send(other(library), **delay)
    assert place.bodies == [LARGE]
    with pytest.raises(ClientError, match='DelaySeconds'):
        place.send(place.client(), **delay)
    assert place.bodies == [LARGE]


@BOTH
def test_a_fifo_queue_delivers_a_large_duplicate(library: str, place: Place, other: Any) -> None:
    for client, expected in ((other(library), 2), (place.client(), 1)):
        url = place.aws.create_queue(fifo=True, ContentBasedDeduplication=True)
        for _ in range(2):
            client.send_message(
                QueueUrl=url, MessageBody=LARGE, MessageGroupId='a', MessageAttributes={}
            )
        assert place.aws.counts(url).visible == expected


def test_an_s3_key_replaces_the_body_of_another_message(place: Place, other: Any) -> None:
    theirs = other(AMAZON_SQS)
    for number in range(2):
        attributes = {'S3Key': attribute('the-key')}
        place.send(theirs, f'{LARGE}{number}', MessageAttributes=attributes)
    received = place.receive(theirs)
    assert [each['Body'] for each in received] == [f'{LARGE}1', f'{LARGE}1']


def test_the_attribute_of_the_size_is_accepted_on_a_small_message(place: Place, other: Any) -> None:
    size = {'DataType': 'Number', 'StringValue': '5'}
    theirs = other(AMAZON_SQS)
    place.send(theirs, 'small', MessageAttributes={'ExtendedPayloadSize': size})
    with pytest.raises(PeerError, match='JSONDecodeError'):
        place.receive(theirs)


@BOTH
def test_a_pointer_into_any_bucket_is_followed(library: str, place: Place, other: Any) -> None:
    foreign = Place.on(place.aws)
    foreign.send(foreign.client(), 'a secret' * 50_000)
    send_pointer(place.aws, place.queue_url, Pointer(foreign.bucket, foreign.keys[0], 400_000))
    [message] = place.receive(other(library), VisibilityTimeout=0)
    assert message['Body'].startswith('a secret')
    assert not place.receive(place.client())


def test_the_older_attribute_is_not_requested(place: Place, other: Any) -> None:
    place.send(place.client(legacy_attribute=True))
    [message] = place.receive(other(AMAZON_SQS), MessageAttributeNames=[], VisibilityTimeout=0)
    assert 's3BucketName' in message['Body']
    [own] = place.receive(place.client(), MessageAttributeNames=[])
    assert own['Body'] == LARGE


def test_the_older_attribute_is_not_known(place: Place, other: Any) -> None:
    place.send(place.client(legacy_attribute=True))
    [message] = place.receive(other(EXT_CLIENT), VisibilityTimeout=0)
    assert 's3BucketName' in message['Body']


def test_s3_key_has_no_effect(place: Place, other: Any) -> None:
    place.send(other(EXT_CLIENT), MessageAttributes={'S3Key': attribute('the-key')})
    assert place.keys != ['the-key']
