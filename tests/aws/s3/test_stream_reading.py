"""Contents that are read from S3: as files, and with everything that S3 may return instead."""

from __future__ import annotations

import copy
import io
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mega.aws.s3 import Pointer, S3PayloadStore
from mega.aws.s3.stream_upload import PART_BYTES
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.subscribe import Message, MessageSubscriber, StreamedPayload, StreamSubscriber
from mega.errors import (
    ConsumeError,
    DecodeError,
    OffloadError,
    PayloadStreamError,
    PointerError,
)
from mega.local import Fault, Server
from mega.testing import deliver
from tests.aws._publishing.batches import Clients
from tests.aws.answers import s3_object
from tests.aws.fault_server import FaultServer
from tests.aws.s3.making import store_on
from tests.aws.s3.streaming import BUCKET, LARGE, StreamBus, reader

DIGEST = '0' * 64


def opened(content: bytes) -> Iterator[io.BufferedReader]:
    """The file of a content, in a subscriber."""
    found: list[io.BufferedReader] = []

    class Opening(StreamSubscriber):
        def process(self, payload: StreamedPayload) -> None:
            found.append(self.message.open_payload())

    deliver(Opening, io.BytesIO(content))
    with closing(found[0]) as file:
        yield file


class TestFile:
    """The file that `open_payload` returns is one of the standard library."""

    def test_it_is_read_in_pieces_of_any_size(self) -> None:
        for file in opened(LARGE):
            pieces = [file.read(10), file.read(PART_BYTES), file.read(2 * PART_BYTES), file.read(1)]
            assert [len(piece) for piece in pieces] == [10, PART_BYTES, PART_BYTES - 3, 0]
            assert b''.join(pieces) == LARGE

    def test_it_has_lines(self) -> None:
        lines = [b'%d\n' % number for number in range(100_000)]
        for file in opened(b''.join(lines)):
            assert list(file) == lines

    def test_other_readers_accept_it(self) -> None:
        for file in opened('grün\n'.encode()):
            assert io.TextIOWrapper(file, 'utf-8').read() == 'grün\n'

    def test_it_cannot_seek_and_cannot_be_written(self) -> None:
        for file in opened(b'content'):
            assert (file.readable(), file.seekable(), file.writable()) == (True, False, False)

    def test_the_end_is_returned_again(self) -> None:
        for file in opened(b'content'):
            assert [file.read(), file.read(), file.read(5)] == [b'content', b'', b'']

    def test_it_may_be_closed_early(self) -> None:
        for file in opened(LARGE):
            assert file.read(3) == LARGE[:3]
            file.close()
            with pytest.raises(ValueError, match='closed'):
                file.read(1)


class TestContents:
    """An object that changed after its message was sent."""

    @pytest.mark.parametrize('size', [7, len(LARGE)], ids=['one part', 'three parts'])
    def test_another_content_is_never_returned_completely(self, size: int) -> None:
        place, parts = StreamBus(), list[bytes]()
        place.publish(LARGE[:size])
        [key] = place.objects()
        place.bus.s3.put_object(Bucket=BUCKET, Key=key, Body=b'x' * size)

        class Parts(StreamSubscriber):
            def process(self, payload: StreamedPayload) -> None:
                with self.message.open_payload() as stream:
                    while part := stream.read(PART_BYTES):
                        parts.append(part)

        place.run(Parts, raising=False)
        [first] = [each for each in place.bus.processed() if each.message.receive_count == 1]
        assert isinstance(first.error, PayloadStreamError)
        assert str(first.error).endswith('not the published one: the digests differ')
        # The message was retried, until its queue moved it to the dead-letter queue.
        assert [each.receive_count for each in place.bus.dead_letters()] == [3]
        assert len(parts) == 3 * (size // PART_BYTES)  # without the last part

    def test_an_object_of_another_size_is_not_opened(self) -> None:
        place = StreamBus()
        place.publish()
        [key] = place.objects()
        place.bus.s3.put_object(Bucket=BUCKET, Key=key, Body=b'x')
        place.run(reader([]), raising=False)
        assert place.bus.processed() == []
        assert len(place.bus.dead_letters()) == 1

    def test_an_object_of_unknown_size_is_retried(self, faults: FaultServer) -> None:
        pointer = Pointer(BUCKET, 'key', 7, DIGEST)
        faults.will(s3_object(b'', length=-1))
        with pytest.raises(OffloadError, match='no Content-Length') as caught:
            store_on(faults, BUCKET).find_stream(pointer)
        assert caught.value.retriable

    def test_a_content_that_is_deleted_meanwhile_is_retried(self) -> None:
        place = StreamBus()

        class Deleting(StreamSubscriber):
            def process(self, payload: StreamedPayload) -> None:
                with self.message.open_payload() as stream:
                    stream.read(1)
                    place.bus.s3.delete_object(Bucket=BUCKET, Key=place.objects()[0])
                    stream.read()

        place.publish(LARGE)
        place.run(Deleting, raising=False)
        [done] = place.bus.processed()
        assert isinstance(done.error, PayloadStreamError)
        assert 'NoSuchKey' in str(done.error)

    def test_a_read_that_is_refused_is_retried(self) -> None:
        place, contents = StreamBus(), list[bytes]()
        place.publish()
        place.bus.fail('GetObject', 'SlowDown')
        place.run(reader(contents), raising=False)
        assert contents == [b'content']
        assert [each.message.receive_count for each in place.bus.processed()] == [1, 2]


class TestMissingObjects:
    """The rules of `on_missing` are those of other bodies."""

    def missing(self, **settings: Any) -> StreamBus:
        place = StreamBus(**settings)
        place.publish()
        [key] = place.objects()
        place.bus.s3.delete_object(Bucket=BUCKET, Key=key)
        return place

    def test_the_message_stays_by_default(self) -> None:
        place = self.missing()
        place.run(reader([]), raising=False)
        assert len(place.bus.dead_letters()) == 1

    def test_the_message_is_deleted_on_request(self) -> None:
        place = self.missing(on_missing='delete')
        place.run(reader([]))
        place.bus.assert_nothing_left()
        assert place.bus.processed() == []

    def test_a_missing_bucket_is_not_a_missing_object(self) -> None:
        place = self.missing(on_missing='delete')
        place.bus.s3.delete_bucket(Bucket=BUCKET)
        place.run(reader([]), raising=False)
        assert len(place.bus.dead_letters()) == 1

    def test_a_request_that_is_refused_says_nothing_about_the_object(self) -> None:
        place, contents = StreamBus(on_missing='delete'), list[bytes]()
        place.publish()
        for operation in ('HeadObject', 'GetObject'):
            place.bus.fail(operation, 'AccessDenied')
        place.run(reader(contents), raising=False)
        assert contents == [b'content']


class TestPointers:
    """Anyone can send a message that is marked as a stream."""

    @pytest.mark.parametrize(
        ('wrong', 'problem'),
        [
            ({'size': None}, 'has no size or no digest'),
            ({'sha256': None}, 'has no size or no digest'),
            ({'size': 2 * 1024**3 + 1}, 'the limit is 2,147,483,648'),
            ({'compression': 'gzip'}, 'must not be compressed'),
            ({'bucket': 'other'}, 'neither the bucket'),
            ({'key': '../secret'}, 'not below one of the allowed_prefixes'),
        ],
        ids=['no size', 'no digest', 'too large', 'compressed', 'bucket', 'key'],
    )
    def test_an_invalid_pointer_is_refused(self, wrong: dict[str, Any], problem: str) -> None:
        place = StreamBus(allowed_prefixes=[''])
        valid = {'bucket': BUCKET, 'key': 'k', 'size': 1, 'sha256': DIGEST}
        with pytest.raises(PointerError, match=problem):
            place.store.find_stream(Pointer(**{**valid, **wrong}))

    def test_max_payload_does_not_limit_streams(self) -> None:
        place, contents = StreamBus(max_payload=3), list[bytes]()
        place.publish()
        place.run(reader(contents))
        assert contents == [b'content']

    def test_a_stream_without_a_pointer_is_refused(self) -> None:
        message = Message('id', 'aGVqCg==', 'handle', {'MegaPayloadType': 'stream'})
        with pytest.raises(DecodeError, match='it is not a pointer into S3'):
            open_message(message)

    def test_a_listener_without_a_store_says_so(self) -> None:
        place = StreamBus()
        place.publish()
        [sent] = place.bus.published()
        with pytest.raises(PointerError, match='the listener has no payload_store'):
            open_message(Message('id', sent.body, 'handle', sent.attributes))


class TestMessagesWithoutAStream:
    def test_another_payload_has_nothing_to_open(self) -> None:
        class Opening(MessageSubscriber):
            def process(self, payload: Any) -> None:
                self.message.open_payload()

        with pytest.raises(ConsumeError, match='has no content to open'):
            deliver(Opening, b'a blob')

    def test_a_pickle_and_a_copy_have_no_stream(self) -> None:
        copies: list[Message] = []

        class Copying(StreamSubscriber):
            def process(self, payload: StreamedPayload) -> None:
                copies.extend((copy.copy(self.message), pickle.loads(pickle.dumps(self.message))))

        deliver(Copying, io.BytesIO(b'content'))
        for each in copies:
            with pytest.raises(ConsumeError, match='this is a copy of the message'):
                each.open_payload()


def test_a_broken_connection_costs_the_rest_of_a_part(server: Server, clients: Clients) -> None:
    """The server cuts each of the first responses after half of its body."""
    store = S3PayloadStore(BUCKET, client=clients['s3'])
    store.create_bucket()
    upload = store.upload_stream(store.draft_stream(), io.BytesIO(LARGE), 30.0)
    cuts = [Fault.TRUNCATED_AFTER] * 5
    server.script(*cuts, operation='GetObject')
    with store.open_stream(upload.pointer) as file:
        assert file.read() == LARGE
    assert server.counts().faults == {'truncated-after': 5}


def test_a_connection_without_content_ends_the_read(server: Server, clients: Clients) -> None:
    store = S3PayloadStore(BUCKET, client=clients['s3'])
    store.create_bucket()
    upload = store.upload_stream(store.draft_stream(), io.BytesIO(b'content'), 30.0)
    server.script(Fault.RESET_AFTER, operation='GetObject')
    with store.open_stream(upload.pointer) as file, pytest.raises(PayloadStreamError):
        file.read()


def test_a_content_of_another_length_than_requested_is_refused() -> None:
    place = StreamBus()
    place.publish(LARGE)
    [key] = place.objects()
    found = place.store.find_stream(Pointer(BUCKET, key, len(LARGE), DIGEST))
    assert found is not None
    with place.store.open_stream(found) as file:
        file.read(1)
        place.bus.s3.put_object(Bucket=BUCKET, Key=key, Body=LARGE[: PART_BYTES + 1])
        with pytest.raises(PayloadStreamError, match='another size than before'):
            file.read()


def test_a_zip_file_needs_a_copy_because_it_seeks() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, 'w') as written:
        written.writestr('a.txt', 'hej')
    for file in opened(archive.getvalue()):
        copied = io.BytesIO(file.read())
        assert zipfile.ZipFile(copied).read('a.txt') == b'hej'
