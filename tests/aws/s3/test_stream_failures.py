"""Streams that fail: nothing remains in S3, and no message is sent."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mega.aws._messages.attributes import to_aws, with_payload_type
from mega.aws._messages.limits import MAX_BYTES, size_of
from mega.aws.s3 import Pointer, S3PayloadStore, stream_upload
from mega.aws.s3.pointer import MAX_BODY_BYTES, write_pointer
from mega.aws.s3.stream_upload import PART_BYTES, READ_BYTES
from mega.aws.sqs import SqsPublisher, SqsReceiver
from mega.aws.sqs.subscribe import Hook
from mega.codec import PayloadType
from mega.errors import (
    EncodeError,
    OffloadError,
    PayloadTooLargeError,
    PublishError,
    TransportError,
)
from mega.local import FailCall, Fault, Server
from tests.aws._publishing.batches import Clients
from tests.aws.conftest import ONCE
from tests.aws.s3.streaming import BUCKET, LARGE, InterruptedFile, StreamBus

READS_OF_PART = PART_BYTES // READ_BYTES

AFTER_THE_PARTS = 2 * READS_OF_PART + 3
"""The read of a file of three parts that finds its end: the third part needs two reads."""

READS = [1, READS_OF_PART + 1, *range(2 * READS_OF_PART + 1, AFTER_THE_PARTS + 1)]
"""The first read of each part, and the reads at the end."""


def published(place: StreamBus) -> bool:
    return bool(place.bus.published()) or not place.is_empty


@pytest.mark.parametrize('code', ['AccessDenied', 'SlowDown'])
@pytest.mark.parametrize('part', [1, 2, 3])
def test_nothing_remains_if_a_part_is_refused(part: int, code: str) -> None:
    place = StreamBus()
    first_read = (part - 1) * READS_OF_PART + 1
    file = InterruptedFile(LARGE, {first_read: lambda: place.bus.fail('UploadPart', code)})
    with pytest.raises(OffloadError, match=code):
        place.publisher.publish_stream(file)
    assert not published(place)


@pytest.mark.parametrize('operation', ['CreateMultipartUpload', 'CompleteMultipartUpload'])
def test_nothing_remains_if_the_upload_is_refused(operation: str) -> None:
    place = StreamBus()
    place.bus.fail(operation, 'AccessDenied')
    with pytest.raises(OffloadError, match='allow s3:PutObject on the object'):
        place.publish(LARGE)
    assert not published(place)


@pytest.mark.parametrize(
    ('operation', 'content'),
    [('UploadPart', LARGE), ('CompleteMultipartUpload', LARGE), ('PutObject', b'content')],
    ids=['part', 'completion', 'one request'],
)
def test_nothing_remains_if_a_response_is_lost(operation: str, content: bytes) -> None:
    """The request has had its effect: after a lost completion, the object exists."""
    place = StreamBus()
    place.bus.lose(operation)
    with pytest.raises(OffloadError, match='ReadTimeout'):
        place.publish(content)
    assert not published(place)


def test_nothing_remains_if_s3_completes_an_upload_after_the_timeout(server: Server) -> None:
    """S3 may still join the parts when the publisher has given up and deletes the object."""
    s3 = boto3.Session().client('s3', config=ONCE, **server.credentials)
    arguments: dict[str, Any] = {}

    def complete(**_: object) -> None:
        with suppress(ClientError):
            s3.complete_multipart_upload(**arguments)

    store = S3PayloadStore('completed-late', client=s3)
    store.create_bucket()
    server.script(FailCall('RequestTimeout', 500), operation='CompleteMultipartUpload')
    name = 'provide-client-params.s3.CompleteMultipartUpload'
    s3.meta.events.register(name, lambda params, **_: arguments.update(params))
    s3.meta.events.register('after-call.s3.DeleteObject', complete)
    with closing(s3):
        with pytest.raises(OffloadError, match='RequestTimeout'):
            store.upload_stream(store.draft_stream(), io.BytesIO(LARGE), 30.0)
        assert arguments
        assert 'Contents' not in s3.list_objects_v2(Bucket='completed-late')


def test_a_completion_that_botocore_repeats_is_accepted(server: Server) -> None:
    """S3 answers the repetition that there is no such upload."""
    with S3PayloadStore('streams', **server.credentials) as store:
        store.create_bucket()
        server.script(Fault.RESET_AFTER, operation='CompleteMultipartUpload')
        upload = store.upload_stream(store.draft_stream(), io.BytesIO(LARGE), 30.0)
        with store.open_stream(upload.pointer) as file:
            assert file.read() == LARGE
    assert server.counts().calls['CompleteMultipartUpload'] == 2


def _raise(error: BaseException) -> Callable[[], object]:
    def function() -> object:
        raise error

    return function


@pytest.mark.parametrize('read', READS)
def test_nothing_remains_if_the_program_is_interrupted(read: int) -> None:
    place = StreamBus()
    file = InterruptedFile(LARGE, {read: _raise(KeyboardInterrupt())})
    with pytest.raises(KeyboardInterrupt):
        place.publisher.publish_stream(file)
    assert not published(place)


@pytest.mark.parametrize('read', [1, AFTER_THE_PARTS])
def test_nothing_remains_if_a_read_fails(read: int) -> None:
    place, error = StreamBus(), OSError('the disk is gone')
    file = InterruptedFile(LARGE, {read: _raise(error)})
    with pytest.raises(PublishError, match='not sent: reading the stream raised OSError') as caught:
        place.publisher.publish_stream(file)
    assert caught.value.__cause__ is error
    assert not published(place)


@pytest.mark.parametrize(
    ('wrong', 'problem'),
    [
        (None, 'returned NoneType in place of bytes'),
        ('secret', 'returned str in place of bytes'),
        (b'x' * (READ_BYTES + 1), 'that returned 262,145 bytes'),
    ],
    ids=['not blocking', 'text', 'more than requested'],
)
def test_a_read_that_returns_something_else_is_refused(wrong: Any, problem: str) -> None:
    place = StreamBus()

    class File:
        def read(self, size: int) -> Any:
            return wrong

    with pytest.raises(EncodeError, match=problem) as caught:
        place.publisher.publish_stream(File())
    assert 'secret' not in str(caught.value)
    assert not published(place)


def test_nothing_remains_of_a_content_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_upload, 'MAX_BODY_BYTES', len(LARGE) - 1)
    place = StreamBus()
    with pytest.raises(PayloadTooLargeError, match='is over the limit') as caught:
        place.publish(LARGE)
    assert (caught.value.size, caught.value.limit) == (len(LARGE), len(LARGE) - 1)
    assert not published(place)


@pytest.mark.parametrize('content', [b'content', LARGE], ids=['one part', 'three parts'])
def test_nothing_remains_of_a_message_that_is_refused(content: bytes) -> None:
    place = StreamBus()
    place.bus.fail('SendMessage', 'InvalidMessageContents')
    with pytest.raises(TransportError, match='InvalidMessageContents'):
        place.publish(content)
    assert not published(place)


def test_the_content_of_a_message_that_may_be_sent_remains() -> None:
    place = StreamBus()
    place.bus.lose('SendMessage', times=10)
    with pytest.raises(TransportError, match='ReadTimeout'):
        place.publish()
    assert len(place.objects()) == 1


def test_the_content_remains_if_the_program_is_interrupted_while_it_sends(
    server: Server, clients: Clients
) -> None:
    """The message may have been sent: here it was, and the interrupt comes with the response."""
    interrupted = boto3.Session().client('sqs', **server.credentials)
    interrupted.meta.events.register(
        'after-call.sqs.SendMessage', lambda **_: _raise(KeyboardInterrupt())()
    )
    store = S3PayloadStore('kept-streams', client=clients['s3'])
    store.create_bucket()
    queue_url = server.create_queue('interrupted')
    publisher = SqsPublisher(queue_url, client=interrupted, payload_store=store)
    with closing(interrupted), pytest.raises(KeyboardInterrupt):
        publisher.publish_stream(io.BytesIO(b'content'))
    with SqsReceiver(queue_url, payload_store=store, **server.credentials) as receiver:
        [received] = receiver.receive()
        assert received.message.open_payload().read() == b'content'


def test_a_message_is_sent_again_without_another_upload() -> None:
    place = StreamBus()
    place.bus.fail('SendMessage', 'ServiceUnavailable')
    place.publish(LARGE)
    assert len(place.bus.published()) == len(place.objects()) == 1


LARGEST_POINTER = Pointer(BUCKET, 'k' * 36, MAX_BODY_BYTES, '0' * 64)


def largest_value(name: str) -> str:
    """Return the largest value of the only attribute, with this name, that a stream can have."""
    body, added = write_pointer(LARGEST_POINTER)
    attributes = {**with_payload_type(to_aws({name: 'x'}), PayloadType.STREAM), **added}
    return 'x' * (MAX_BYTES - size_of(body, attributes) + 1)


def test_a_message_that_is_too_large_is_refused_before_the_upload() -> None:
    place, file, largest = StreamBus(), io.BytesIO(b'content'), largest_value('name')
    with pytest.raises(PayloadTooLargeError):
        place.publisher.publish_stream(file, message_attributes={'name': largest + 'x'})
    assert file.tell() == 0
    place.publisher.publish_stream(file, message_attributes={'name': largest})
    [sent] = place.bus.published()
    assert sent.attributes['name'] == largest


def test_an_attribute_of_a_hook_never_makes_the_message_too_large() -> None:
    place, largest = StreamBus(), largest_value('name')
    added: list[bool] = []

    class Adding(Hook):
        def around_publish(self, outgoing: Any) -> Any:
            added.extend(outgoing.add_attribute('name', each) for each in (largest + 'x', largest))
            yield

    place.publisher_with(hooks=[Adding()]).publish_stream(io.BytesIO(b'content'))
    assert added == [False, True]
    [sent] = place.bus.published()
    assert sent.attributes['name'] == largest


def test_a_hook_prevents_the_upload() -> None:
    place, file = StreamBus(), io.BytesIO(LARGE)

    class Refusing(Hook):
        def around_publish(self, outgoing: Any) -> Any:
            raise PublishError('not today')
            yield

    with pytest.raises(PublishError, match='not today'):
        place.publisher_with(hooks=[Refusing()]).publish_stream(file)
    assert file.tell() == 0
    assert not published(place)


def test_a_hook_sees_the_error_of_an_upload() -> None:
    place, seen = StreamBus(), list[object]()

    class Watching(Hook):
        def around_publish(self, outgoing: Any) -> Any:
            result = yield
            seen.append(type(result.error))
            return result

    place.bus.fail('UploadPart', 'AccessDenied')
    with pytest.raises(OffloadError):
        place.publisher_with(hooks=[Watching()]).publish_stream(io.BytesIO(LARGE))
    assert seen == [OffloadError]


def test_an_upload_that_cannot_be_aborted_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    place = StreamBus()
    place.bus.fail('UploadPart', 'SlowDown')
    place.bus.fail('AbortMultipartUpload', 'AccessDenied')
    with (
        caplog.at_level(logging.WARNING, 'mega'),
        pytest.raises(OffloadError, match='SlowDown'),
    ):
        place.publish(LARGE)
    [record] = caplog.records
    assert 'incomplete upload not aborted, and left to a lifecycle rule' in record.getMessage()
    assert 'allow s3:AbortMultipartUpload' in record.getMessage()
    assert len(place.uploads()) == 1
