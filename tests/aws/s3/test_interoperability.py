"""Offloaded messages between this library and others, which run in their own processes.

matrix.py has the claims. If a library cannot read a message, a test shows the value that it returns
instead, so that the test fails when the library learns to read it.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest

from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import Message, MessageSubscriber, SqsListener
from mega.codec import WirePayload
from tests.aws.s3.matrix import (
    AMAZON_SNS,
    AMAZON_SQS,
    CELLS,
    DOCUMENT,
    EXT_CLIENT,
    JAVA,
    MEGA,
    WRITERS,
    Cell,
    Instead,
    Reader,
    Route,
    Writer,
    documented,
    section,
)
from tests.aws.s3.peers import PeerError, Peers, peers
from tests.local_aws import LocalAws
from tests.profile import some

pytestmark = pytest.mark.no_cover  # other tests run the same code

LINE = 'Grüße, 漢字 \U0001f600, and the rest of a line, which is plain'
LARGE: list[WirePayload] = [{'pages': [f'{LINE}\n' * 45] * 100}, f'{LINE}\n' * 4_500]
SMALL: list[WirePayload] = [{'lines': [LINE]}, LINE]
BLOB = random.Random(0).randbytes(200_000)  # too large for a message only as Base64

READ = [cell for cell in CELLS if cell.gap is None]
NOT_READ = [cell for cell in CELLS if cell.gap is not None]
OURS = [cell for cell in READ if MEGA in (cell.writer.name, cell.reader.name)]
THEIRS = [cell for cell in READ if MEGA not in (cell.writer.name, cell.reader.name)]
INLINE = [cell for cell in OURS if not cell.writer.setting]


class Found(NamedTuple):
    """The payload that a listener of this library passed to its subscriber."""

    payload: WirePayload
    message: Message


class FieldLocation(NamedTuple):
    """A local server with a bucket, and the libraries that use it."""

    aws: LocalAws
    bucket: str
    peers: Peers

    def way(self, route: Route) -> tuple[str, str]:
        """The destination, and the URL of the queue that receives its messages."""
        queue_url = self.aws.create_queue()
        if route is Route.SQS:
            return queue_url, queue_url
        topic_arn = self.aws.create_topic()
        self.aws.subscribe(topic_arn, queue_url, raw=route is Route.RAW)
        return topic_arn, queue_url

    def write(self, writer: Writer, destination: str, payload: WirePayload) -> None:
        if writer.name == MEGA:
            self.publisher(destination, writer.is_legacy).publish(payload)
            return
        body = payload if isinstance(payload, str) else json.dumps(payload)
        if writer.name == JAVA:
            self.write_as_java(writer, destination, body)
            return
        method, arguments = _sent(destination, body)
        self.call(writer.name, method, writer.is_legacy, **arguments)

    def publisher(self, destination: str, is_legacy: bool = False) -> SqsPublisher | SnsPublisher:
        store = S3PayloadStore(
            self.bucket, legacy_attribute=is_legacy, client=self.aws.client('s3')
        )
        if _is_topic(destination):
            return SnsPublisher(destination, payload_store=store, client=self.aws.client('sns'))
        return SqsPublisher(destination, payload_store=store, client=self.aws.client('sqs'))

    def write_as_java(self, writer: Writer, destination: str, body: str) -> None:
        key, content = str(uuid.uuid4()), body.encode()
        self.aws.client('s3').put_object(Bucket=self.bucket, Key=key, Body=content)
        pointer = f'["{writer.pointer_class}",{{"s3BucketName":"{self.bucket}","s3Key":"{key}"}}]'
        size = {'DataType': 'Number', 'StringValue': str(len(content))}
        method, arguments = _sent(destination, pointer)
        arguments['MessageAttributes'] = {writer.attribute: size}
        if method == 'publish':
            self.aws.client('sns').publish(**arguments)
        else:
            self.aws.client('sqs').send_message(**arguments)

    def call(
        self, library: str, method: str, is_legacy: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        options = {'use_legacy_attribute': True} if is_legacy else None
        answer: dict[str, Any] = self.peers[library].call(
            method, self.bucket, self.aws.credentials, options, **arguments
        )
        return answer

    def receive(self, library: str, queue_url: str, *attribute_names: str) -> list[dict[str, Any]]:
        """Return the messages of a queue, as a library returns them."""
        answer = self.call(
            library,
            'receive',
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageAttributeNames=list(attribute_names),
        )
        messages: list[dict[str, Any]] = answer.get('Messages', [])
        return messages

    def listen(self, queue_url: str, expected: int) -> list[Found]:
        """Pass the messages of a queue to one of our subscribers, until `count` have arrived."""
        found: list[Found] = []
        store = S3PayloadStore(self.bucket, client=self.aws.client('s3'))
        listener = SqsListener(
            queue_url,
            max_number_of_messages=10,
            wait_time_seconds=1,
            payload_store=store,
            client=self.aws.client('sqs'),
        )

        class Collector(MessageSubscriber):
            def process(self, payload: WirePayload) -> None:
                found.append(Found(payload, self.message))
                if len(found) == expected:
                    listener.stop()

        listener.register_subscriber(Collector)
        listener.drain()
        return found

    def read(self, reader: Reader, queue_url: str, expected: int) -> list[WirePayload]:
        """Return the payloads in a queue, as a reader reads them, texts last."""
        if reader.name == MEGA:
            payloads = [found.payload for found in self.listen(queue_url, expected)]
        else:
            payloads = []
            while received := self.receive(reader.name, queue_url, *reader.attribute_names):
                payloads += [_payload(message['Body']) for message in received]
                if len(payloads) >= expected:
                    break
        return sorted(payloads, key=lambda payload: isinstance(payload, str))


@pytest.fixture(scope='module')
def libraries() -> Iterator[Peers]:
    with peers() as started:
        yield started


@pytest.fixture(scope='module')
def buckets() -> dict[str, str]:
    """The bucket on each server, once it exists."""
    return {}


@pytest.fixture
def place(aws: LocalAws, libraries: Peers, buckets: dict[str, str]) -> FieldLocation:
    return _place(aws, libraries, buckets)


@pytest.fixture
def one_place(moto: LocalAws, libraries: Peers, buckets: dict[str, str]) -> FieldLocation:
    """One server, for tests whose result is the same on every server."""
    return _place(moto, libraries, buckets)


def _place(aws: LocalAws, libraries: Peers, buckets: dict[str, str]) -> FieldLocation:
    if aws.name not in buckets:
        bucket = buckets[aws.name] = f'interoperability-{uuid.uuid4()}'
        location = {'LocationConstraint': aws.region}
        aws.client('s3').create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    return FieldLocation(aws, buckets[aws.name], libraries)


@pytest.mark.parametrize('cell', some(OURS, 3), ids=str)
def test_a_large_payload_arrives(cell: Cell, place: FieldLocation) -> None:
    destination, queue_url = place.way(cell.route)
    for payload in LARGE:
        place.write(cell.writer, destination, payload)
    assert place.read(cell.reader, queue_url, len(LARGE)) == LARGE


@pytest.mark.parametrize('cell', some(THEIRS, 2), ids=str)
def test_other_libraries_exchange_a_large_payload(cell: Cell, one_place: FieldLocation) -> None:
    destination, queue_url = one_place.way(cell.route)
    one_place.write(cell.writer, destination, LARGE[1])
    assert one_place.read(cell.reader, queue_url, 1) == [LARGE[1]]


@pytest.mark.parametrize('cell', some(NOT_READ, 3), ids=str)
def test_a_library_that_cannot_read_a_payload_returns_another_value(
    cell: Cell, one_place: FieldLocation
) -> None:
    destination, queue_url = one_place.way(cell.route)
    one_place.write(cell.writer, destination, LARGE[1])
    assert cell.gap
    if cell.gap.instead is Instead.ERROR:
        with pytest.raises(PeerError, match='SQSExtendedClientException: Invalid payload format'):
            one_place.receive(cell.reader.name, queue_url)
        return
    [message] = one_place.receive(cell.reader.name, queue_url, *cell.reader.attribute_names)
    found = json.loads(message['Body'])
    if cell.gap.instead is Instead.ENVELOPE:
        assert found['Type'] == 'Notification', cell.gap.reason
        found = json.loads(found['Message'])
    assert found[0] == cell.writer.pointer_class, cell.gap.reason
    assert found[1]['s3BucketName'] == one_place.bucket, cell.gap.reason


@pytest.mark.parametrize('cell', INLINE, ids=str)
def test_a_payload_that_is_not_offloaded_arrives(cell: Cell, place: FieldLocation) -> None:
    place = place._replace(bucket='nobody-made-this-one')  # a request for it fails
    destination, queue_url = place.way(cell.route)
    for payload in SMALL:
        place.write(cell.writer, destination, payload)
    assert place.read(cell.reader, queue_url, len(SMALL)) == SMALL


@pytest.mark.parametrize('writer', [writer for writer in WRITERS if writer.name != JAVA], ids=str)
def test_a_message_has_the_documented_form_of_its_library(
    writer: Writer, one_place: FieldLocation
) -> None:
    destination, queue_url = one_place.way(writer.routes[0])
    one_place.write(writer, destination, LARGE[1])
    [message] = one_place.aws.receive(queue_url, at_least=1)
    pointer = json.loads(message['Body'])
    if writer.pointer_class is not None:
        pointer_class, pointer = pointer
        assert pointer_class == writer.pointer_class
    assert pointer['s3BucketName'] == one_place.bucket
    size = {'DataType': 'Number', 'StringValue': str(len(str(LARGE[1]).encode()))}
    assert message['MessageAttributes'] == {writer.attribute: size}


@pytest.mark.parametrize('library', [AMAZON_SQS, AMAZON_SNS])
def test_a_key_that_the_sender_chose_is_followed(library: str, one_place: FieldLocation) -> None:
    """AWS's clients read it from an attribute, which remains on the message."""
    route = Route.SQS if library == AMAZON_SQS else Route.RAW
    destination, queue_url = one_place.way(route)
    method, arguments = _sent(destination, str(LARGE[1]))
    key = {'DataType': 'String', 'StringValue': f'orders/{library} + ü %2F'}
    one_place.call(library, method, **arguments, MessageAttributes={'S3Key': key})
    [found] = one_place.listen(queue_url, 1)
    assert found.payload == LARGE[1]
    assert found.message.attributes['S3Key'] == key['StringValue']


@pytest.mark.parametrize('library', [AMAZON_SQS, EXT_CLIENT])
def test_a_blob_is_base64_to_another_library_and_a_blob_after_it_is_forwarded(
    library: str, place: FieldLocation
) -> None:
    first, second = place.aws.create_queue(), place.aws.create_queue()
    place.publisher(first).publish(BLOB, message_attributes={'tenant': 'acme'})
    [received] = place.receive(library, first, 'All')
    assert base64.b64decode(received['Body'], validate=True) == BLOB
    place.call(
        library,
        'send',
        QueueUrl=second,
        MessageBody=received['Body'],
        MessageAttributes=received['MessageAttributes'],
    )
    [found] = place.listen(second, 1)
    assert found.payload == BLOB
    assert found.message.attributes['tenant'] == 'acme'
    assert found.message.pointer
    assert found.message.pointer.bucket == place.bucket


def test_no_library_patches_the_boto3_of_the_tests() -> None:
    assert boto3.Session.__module__ == boto3.session.Session.__module__ == 'boto3.session'


def test_the_documented_matrix_is_the_tested_matrix() -> None:
    _, found, _ = documented(DOCUMENT.read_text(encoding='utf-8'))
    assert found == section(), 'python -m tests.aws.s3.matrix writes it anew'


def _is_topic(destination: str) -> bool:
    return destination.startswith('arn:')


def _sent(destination: str, body: str) -> tuple[str, dict[str, Any]]:
    """Return the method that sends a body, and its arguments."""
    if _is_topic(destination):
        return 'publish', {'TopicArn': destination, 'Message': body}
    return 'send', {'QueueUrl': destination, 'MessageBody': body}


def _payload(body: str) -> WirePayload:
    payload: WirePayload = json.loads(body) if body.startswith('{') else body
    return payload
