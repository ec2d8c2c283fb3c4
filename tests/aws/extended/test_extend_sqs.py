"""What the document of aws-sqs-ext-client promises about sessions and resources."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from mega.aws.extended import ExtendedClient, extend_sqs
from tests.aws.extended.place import LARGE, Place
from tests.aws.s3.making import new_bucket_name
from tests.local_aws import LocalAws


def session_on(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A session of boto3 whose clients use a server, as a user's environment configures it."""
    credentials: dict[str, Any] = {**aws.credentials}
    monkeypatch.setenv('AWS_ENDPOINT_URL', credentials.pop('endpoint_url'))
    return boto3.Session(**credentials)


def test_extend_sqs_has_the_defaults_of_aws_sqs_ext_client(
    own: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = extend_sqs(session_on(own, monkeypatch), new_bucket_name()).client('sqs')
    place = Place(own, client.large_payload_support, own.create_queue())
    for body in ('a' * 262_144, LARGE):
        place.send(client, body)
    assert place.bodies == [LARGE]
    for message in place.receive(client):
        client.delete_message_extended(
            QueueUrl=place.queue_url, ReceiptHandle=message['ReceiptHandle']
        )
    assert place.is_empty
    assert not place.keys


def test_extend_sqs_has_the_options_of_aws_sqs_ext_client(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(place.aws, monkeypatch)
    for options in ({'always_through_s3': True}, {'message_size_threshold': 3}):
        place.send(extend_sqs(session, place.bucket, **options).client('sqs'), 'four')
    assert place.bodies == ['four', 'four']


def test_extend_sqs_creates_a_missing_bucket_with_the_given_parameters(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, s3 = new_bucket_name(), aws.client('s3')
    session = session_on(aws, monkeypatch)
    for _ in range(2):  # the second finds it
        extend_sqs(session, bucket, s3_bucket_params={'ACL': 'private'})
        location = s3.get_bucket_location(Bucket=bucket)
        assert location['LocationConstraint'] == aws.region


def test_without_bucket_parameters_extend_sqs_sends_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1')  # nothing listens
    extend_sqs(boto3.Session(region_name='eu-west-1'), 'bodies', s3_bucket_params=None)


def test_extend_sqs_leaves_the_session_and_boto3_unchanged(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(place.aws, monkeypatch)
    extended = extend_sqs(session, place.bucket)
    assert hasattr(extended.resource('sqs').Queue(place.queue_url), 'send_message_extended')
    assert not hasattr(session.resource('sqs').Queue(place.queue_url), 'send_message_extended')
    assert not hasattr(session.client('sqs'), 'send_message_extended')
    assert extended.client('s3').list_buckets()['Buckets']
    assert extended.resource('s3').Bucket(place.bucket).name == place.bucket
    assert extended.region_name == session.region_name


def test_a_resource_works_through_the_extended_client(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = extend_sqs(session_on(place.aws, monkeypatch), place.bucket).resource('sqs')
    assert isinstance(resource.meta.client, ExtendedClient)
    queue = resource.get_queue_by_name(QueueName=place.queue_url.rpartition('/')[2])
    queue.send_message(MessageBody=LARGE)
    queue.send_messages(Entries=[{'Id': '1', 'MessageBody': f'{LARGE}1'}])
    messages = queue.receive_messages(MaxNumberOfMessages=10)
    assert sorted(message.body for message in messages) == [LARGE, f'{LARGE}1']
    messages[0].change_visibility(VisibilityTimeout=60)
    messages[0].delete()
    queue.delete_messages(Entries=[{'Id': '1', 'ReceiptHandle': messages[1].receipt_handle}])
    assert place.is_empty
    assert not place.keys


def test_the_methods_have_the_names_of_aws_sqs_ext_client(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = extend_sqs(session_on(place.aws, monkeypatch), place.bucket)
    client, queue = session.client('sqs'), session.resource('sqs').Queue(place.queue_url)
    client.send_message_extended(QueueUrl=place.queue_url, MessageBody=LARGE)
    [received] = client.receive_message_extended(QueueUrl=place.queue_url)['Messages']
    entry = {'Id': '1', 'ReceiptHandle': received['ReceiptHandle']}
    client.delete_message_batch_extended(QueueUrl=place.queue_url, Entries=[entry])
    client.send_message_batch_extended(
        QueueUrl=place.queue_url, Entries=[{'Id': '1', 'MessageBody': LARGE}]
    )
    [message] = queue.receive_messages_extended()
    message.delete_extended()
    queue.send_message_extended(MessageBody=LARGE)
    queue.send_messages_extended(Entries=[{'Id': '1', 'MessageBody': LARGE}])
    messages = queue.receive_messages_extended(MaxNumberOfMessages=10)
    handles = [message.meta.data['ReceiptHandle'] for message in messages]
    client.delete_message_extended(QueueUrl=place.queue_url, ReceiptHandle=handles[0])
    queue.delete_messages_extended(Entries=[{'Id': '2', 'ReceiptHandle': handles[1]}])
    assert place.is_empty
    assert not place.keys
