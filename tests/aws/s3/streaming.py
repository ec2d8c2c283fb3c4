"""Streams on a bus: a queue, a bucket, and files that fail on request."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from mega.aws.s3 import S3PayloadStore
from mega.aws.s3.stream_upload import PART_BYTES
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import SqsListener, StreamedPayload, StreamSubscriber
from mega.testing import Bus

__all__ = ('BUCKET', 'LARGE', 'InterruptedFile', 'StreamBus', 'reader')

BUCKET = 'streams'

LARGE = bytes(range(256)) * (2 * PART_BYTES // 256) + b'the end'
"""A content of three parts."""


class StreamBus:
    """A bus with one queue and one bucket. `settings` are those of its store."""

    def __init__(self, fifo: bool = False, **settings: Any) -> None:
        self.bus = Bus()
        self.dead_letters = self.bus.queue('dead-letters', fifo=fifo)
        self.queue = self.bus.queue(
            'videos', fifo=fifo, dead_letter=self.dead_letters, max_receive_count=3
        )
        self.bus.bucket(BUCKET)
        self.store = S3PayloadStore(BUCKET, client=self.bus.s3, **settings)
        self.publisher = self.publisher_with()

    def publisher_with(self, **settings: Any) -> SqsPublisher:
        settings = {'payload_store': self.store, **settings}
        return SqsPublisher(self.queue, client=self.bus.sqs, **settings)

    def publish(self, content: bytes = b'content', **options: Any) -> str:
        return self.publisher.publish_stream(io.BytesIO(content), **options)

    def run(self, *subscribers: Any, raising: bool = True, **settings: Any) -> None:
        settings = {'payload_store': self.store, **settings}
        listener = SqsListener(self.queue, subscribers, client=self.bus.sqs, **settings)
        self.bus.run(listener, raising=raising)

    def objects(self) -> list[str]:
        listed = self.bus.s3.list_objects_v2(Bucket=BUCKET).get('Contents', [])
        return [each['Key'] for each in listed]

    def uploads(self) -> list[str]:
        """The ids of incomplete uploads."""
        listed = self.bus.s3.list_multipart_uploads(Bucket=BUCKET).get('Uploads', [])
        return [each['UploadId'] for each in listed]

    @property
    def is_empty(self) -> bool:
        """Whether the bucket has neither an object nor a part."""
        return not self.objects() and not self.uploads()


def reader(contents: list[bytes]) -> type[StreamSubscriber]:
    """Return a subscriber that reads each content completely into a list."""

    class Reader(StreamSubscriber):
        def process(self, payload: StreamedPayload) -> None:
            with self.message.open_payload() as stream:
                contents.append(stream.read())

    return Reader


class InterruptedFile(io.BytesIO):
    """A file that calls a function before its first, second, ... read."""

    def __init__(self, content: bytes, before: Mapping[int, Callable[[], object]]) -> None:
        super().__init__(content)
        self._before = before
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        self._before.get(self._reads, bool)()
        return super().read(size)
