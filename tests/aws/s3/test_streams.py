"""Streams from the publisher to the subscriber: contents, messages and settlements."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mega.aws.lambda_ import LambdaHandler
from mega.aws.s3 import S3PayloadStore
from mega.aws.s3.stream_upload import PART_BYTES
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher, SqsReceiver
from mega.aws.sqs.subscribe import (
    BlobSubscriber,
    Hook,
    MessageSubscriber,
    SqsListener,
    StreamedPayload,
    StreamSubscriber,
)
from mega.errors import ConfigurationError, EncodeError, PatternError, PublishError
from mega.testing import deliver
from tests.aws.s3.making import create_bucket, keys_in
from tests.aws.s3.streaming import BUCKET, LARGE, StreamBus, reader
from tests.local_aws import LocalAws

SIZES = [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, len(LARGE)]


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize('size', SIZES)
def test_a_content_of_any_size_arrives(size: int) -> None:
    place, contents = StreamBus(), list[bytes]()
    place.publish(LARGE[:size])
    place.run(reader(contents))
    assert contents == [LARGE[:size]]
    place.bus.assert_nothing_left()


def test_a_content_arrives_through_a_server(moto: LocalAws) -> None:
    queue_url, bucket = moto.create_queue(), create_bucket(moto)
    with (
        S3PayloadStore(bucket, delete=True, **moto.credentials) as store,
        SqsPublisher(queue_url, payload_store=store, **moto.credentials) as publisher,
        SqsReceiver(queue_url, payload_store=store, **moto.credentials) as receiver,
    ):
        publisher.publish_stream(io.BytesIO(LARGE))
        [received] = receiver.receive()
        assert received.message.open_payload().read() == LARGE
        received.ack()
    assert keys_in(moto, bucket) == []


class TestFiles:
    """The files that a publisher reads."""

    @pytest.fixture
    def place(self) -> StreamBus:
        return StreamBus()

    def received(self, place: StreamBus) -> bytes:
        contents: list[bytes] = []
        place.run(reader(contents))
        [content] = contents
        return content

    def test_a_path_is_opened_and_closed(self, place: StreamBus, tmp_path: Path) -> None:
        path = tmp_path / 'film.mp4'
        path.write_bytes(LARGE)
        place.publisher.publish_stream(path)
        assert self.received(place) == LARGE

    def test_a_file_is_read_from_its_position_and_stays_open(self, place: StreamBus) -> None:
        with io.BytesIO(b'a header, and the content') as file:
            file.seek(14)
            place.publisher.publish_stream(file)
            assert not file.closed
        assert self.received(place) == b'the content'

    def test_a_pipe_is_sufficient(self, place: StreamBus) -> None:
        reading, writing = os.pipe()

        def write() -> None:
            with os.fdopen(writing, 'wb') as pipe:
                pipe.write(LARGE)

        thread = Thread(target=write)
        thread.start()
        with os.fdopen(reading, 'rb', buffering=0) as file:  # a read returns what the pipe has
            place.publisher.publish_stream(file)
        thread.join()
        assert self.received(place) == LARGE

    def test_a_path_that_cannot_be_opened_is_named(self, place: StreamBus, tmp_path: Path) -> None:
        with pytest.raises(PublishError, match=r"missing' cannot be opened: No such file"):
            place.publisher.publish_stream(tmp_path / 'missing')

    @pytest.mark.parametrize('wrong', ['film.mp4', b'content', None, 5])
    def test_another_object_is_refused(self, place: StreamBus, wrong: Any) -> None:
        with pytest.raises(EncodeError, match='a file that is open for reading bytes, or a Path'):
            place.publisher.publish_stream(wrong)

    def test_a_text_file_is_refused(self, place: StreamBus) -> None:
        text: Any = io.StringIO('content')
        with pytest.raises(EncodeError, match='it must be a binary file, in blocking mode'):
            place.publisher.publish_stream(text)
        assert place.is_empty

    def test_an_async_program_publishes_in_a_thread(self, place: StreamBus) -> None:
        asyncio.run(place.publisher.apublish_stream(io.BytesIO(b'content')))
        assert self.received(place) == b'content'


class TestMessages:
    """The messages of streams, and their objects."""

    def test_the_message_carries_the_pointer_of_the_extended_clients(self) -> None:
        place = StreamBus()
        place.publish(LARGE, message_attributes={'name': 'film.mp4'})
        [sent], [key] = place.bus.published(), place.objects()
        location = {'s3BucketName': BUCKET, 's3Key': key, 'sha256': digest_of(LARGE)}
        name = 'software.amazon.payloadoffloading.PayloadS3Pointer'
        assert json.loads(sent.body) == [name, location]
        size = str(len(LARGE))
        attributes = {'MegaPayloadType': 'stream', 'ExtendedPayloadSize': size, 'name': 'film.mp4'}
        assert sent.attributes == attributes
        assert sent.payload == StreamedPayload(len(LARGE), digest_of(LARGE))

    @pytest.mark.parametrize('content', [b'content', LARGE], ids=['one part', 'three parts'])
    def test_the_object_has_the_settings_of_the_store(self, content: bytes) -> None:
        arguments = {'CacheControl': 'no-store', 'Metadata': {'team': 'video'}}
        place = StreamBus(
            key_prefix='films/',
            server_side_encryption='aws:kms',
            ssekms_key_id='key',
            tagging={'a': 'b'},
            put_arguments=arguments,
        )
        place.publish(content)
        [key] = place.objects()
        found = place.bus.s3.get_object(Bucket=BUCKET, Key=key)
        assert key.startswith('films/')
        assert found['Body'].read() == content
        assert found['ContentType'] == 'application/octet-stream'
        assert found['CacheControl'] == 'no-store'
        assert found['Metadata'] == {'team': 'video', 'mega-queue-url': place.queue}
        assert (found['ServerSideEncryption'], found['SSEKMSKeyId']) == ('aws:kms', 'key')
        assert found['TagCount'] == 1

    def test_equal_contents_are_duplicates_on_a_fifo_queue(self) -> None:
        place = StreamBus(fifo=True)
        for content in (b'one', b'one', b'two'):
            place.publish(content, message_group_id='g')
        ids = [sent.message_deduplication_id for sent in place.bus.published()]
        assert ids == [digest_of(b'one'), digest_of(b'two')]
        assert len(place.objects()) == 3  # SQS does not say that it dropped a message

    def test_a_stream_has_eight_attributes_of_the_user(self) -> None:
        place, file = StreamBus(), io.BytesIO(b'content')
        attributes = {f'a{number}': 1 for number in range(9)}
        with pytest.raises(EncodeError, match='are 11, with those that the publisher adds'):
            place.publisher.publish_stream(file, message_attributes=attributes)
        assert file.tell() == 0
        del attributes['a8']
        place.publisher.publish_stream(file, message_attributes=attributes)

    def test_a_publisher_without_a_store_refuses(self) -> None:
        place = StreamBus()
        publisher = place.publisher_with(payload_store=None)
        with pytest.raises(ConfigurationError, match='the publisher needs a payload_store'):
            publisher.publish_stream(io.BytesIO())

    @pytest.mark.parametrize('raw', [True, False], ids=['raw', 'in an envelope'])
    def test_a_topic_delivers_to_each_queue(self, raw: bool) -> None:
        place, contents = StreamBus(delete=True), list[bytes]()
        topic = place.bus.topic('films', to=[place.queue], raw=raw)
        publisher = SnsPublisher(topic, client=place.bus.sns, payload_store=place.store)
        publisher.publish_stream(io.BytesIO(LARGE), subject='A film')
        place.run(reader(contents))
        assert contents == [LARGE]
        assert len(place.objects()) == 1  # another queue may have the message, too

    def test_hooks_run_around_the_upload(self) -> None:
        place, seen = StreamBus(always=True), list[object]()

        class Trace(Hook):
            def around_publish(self, outgoing: Any) -> Any:
                seen.append((place.objects(), outgoing.add_attribute('trace', 'abc')))
                result = yield
                seen.append((place.objects(), result.message_id))
                return result

        message_id = place.publisher_with(hooks=[Trace()]).publish_stream(io.BytesIO(b'content'))
        assert seen == [([], True), (place.objects(), message_id)]
        [sent] = place.bus.published()
        assert sent.attributes['trace'] == 'abc'


class TestSubscribers:
    """What receives a stream, and how."""

    def test_nothing_is_read_for_a_subscriber_that_does_not_open_it(self) -> None:
        place, seen = StreamBus(delete=True), list[StreamedPayload]()

        class Sizes(StreamSubscriber):
            def process(self, payload: StreamedPayload) -> None:
                seen.append(payload)

        place.publish(LARGE)
        place.bus.fail('GetObject', times=10)
        place.run(Sizes)
        assert seen == [StreamedPayload(len(LARGE), digest_of(LARGE))]
        assert place.is_empty

    def test_each_subscriber_reads_from_the_first_byte(self) -> None:
        place, contents = StreamBus(), list[bytes]()
        place.publish()
        place.run(reader(contents), reader(contents))
        assert contents == [b'content'] * 2

    def test_a_subscriber_of_any_payload_receives_streams(self) -> None:
        contents: list[bytes] = []

        class Everything(MessageSubscriber):
            def process(self, payload: Any) -> None:
                contents.append(self.message.open_payload().read())

        deliver(Everything, io.BytesIO(b'content'))
        assert contents == [b'content']

    def test_a_subscriber_of_blobs_receives_no_streams(self) -> None:
        class Blobs(BlobSubscriber):
            def process(self, payload: bytes) -> None:
                raise AssertionError

        explanation = Blobs.matches(StreamedPayload(7, digest_of(b'content')))
        assert not explanation
        assert 'the subscriber receives blobs only' in str(explanation)

    def test_a_pattern_for_the_content_is_refused(self) -> None:
        with pytest.raises(PatternError, match='can never match'):
            type('Films', (StreamSubscriber,), {'pattern': {'name': 'film.mp4'}})

    def test_attributes_select_streams(self) -> None:
        place, contents = StreamBus(), list[bytes]()
        films = reader(contents)
        pattern = {'attributes': {'kind': 'film'}}
        selected = type('Films', (films,), {'message_pattern': pattern})
        for kind in ('film', 'other'):
            place.publish(kind.encode(), message_attributes={'kind': kind})
        place.run(selected)
        assert contents == [b'film']

    def test_an_async_subscriber_reads_in_a_thread(self) -> None:
        contents: list[bytes] = []

        class Films(StreamSubscriber):
            async def process(self, payload: StreamedPayload) -> None:
                with self.message.open_payload() as stream:
                    while part := await asyncio.to_thread(stream.read, PART_BYTES):
                        contents.append(part)

        deliver(Films, io.BytesIO(LARGE))
        assert [len(part) for part in contents] == [PART_BYTES, PART_BYTES, len(b'the end')]
        assert b''.join(contents) == LARGE

    def test_a_receiver_returns_streams(self) -> None:
        place = StreamBus(delete=True)
        place.publish()
        with SqsReceiver(
            place.queue, client=place.bus.sqs, payload_store=place.store, wait_time_seconds=0
        ) as receiver:
            [received] = receiver.receive()
            assert received.payload == StreamedPayload(7, digest_of(b'content'))
            assert received.message.open_payload().read() == b'content'
            received.ack()
        assert place.is_empty

    def test_a_function_of_lambda_reads_streams(self) -> None:
        place, contents = StreamBus(), list[bytes]()
        place.publish()
        handler = LambdaHandler([reader(contents)], payload_store=place.store)
        place.bus.run(place.bus.event_source_mapping(place.queue, handler))
        assert contents == [b'content']

    def test_a_dead_letter_keeps_its_content(self) -> None:
        place, contents = StreamBus(delete=True), list[bytes]()

        class Broken(StreamSubscriber):
            def process(self, payload: StreamedPayload) -> None:
                raise ValueError

        place.publish(LARGE)
        place.run(Broken, dead_letter_queue_url=place.dead_letters, raising=False)
        place.bus.assert_dead_lettered(error=ValueError)
        listener = SqsListener(
            place.dead_letters,
            [reader(contents)],
            client=place.bus.sqs,
            payload_store=place.store,
        )
        place.bus.run(listener)
        assert contents == [LARGE]
