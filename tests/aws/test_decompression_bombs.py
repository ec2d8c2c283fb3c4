"""Forty decompression bombs and broken streams, as anyone with access to a queue can send them.

Each message stays in its queue, or is dead-lettered with the reason, in bounded memory and time.
"""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from base64 import b64encode
from typing import Any, NamedTuple

import pytest

from mega.aws._messages.compression import (
    MAX_DECOMPRESSED_BYTES,
    Compression,
    compress,
    compress_text,
)
from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs.message import read_message
from mega.aws.sqs.opening import open_message
from mega.aws.sqs.subscribe import SqsListener, TextSubscriber
from mega.testing import Bus
from tests.aws.s3.making import BUCKET
from tests.hostile import cpu_limit

MAX_PAYLOAD = 1_000_000
TOO_LARGE = bytes(MAX_DECOMPRESSED_BYTES + 1)
CONTENT = b'some content ' * 20


class Case(NamedTuple):
    """The content of a message or of an object in S3, and a part of the expected reason."""

    name: str
    content: bytes
    format: str
    reason: str


def broken(format: Compression) -> list[Case]:
    """Streams that are broken in the same ways in both formats."""
    good = compress(CONTENT, format)
    middle = len(good) // 2
    changed = good[:-1] + bytes([good[-1] ^ 1])
    return [
        Case('empty', b'', format, 'in Base64'),
        Case('header only', good[:5], format, 'ends early'),
        Case('half', good[:middle], format, 'ends early'),
        Case('all but one byte', good[:-1], format, 'ends early'),
        Case('another checksum', changed, format, 'is not valid'),
        Case('plain text', CONTENT, format, 'is not valid'),
        Case('zeros', bytes(1_000), format, 'is not valid'),
        Case('twice', good + good, format, 'other data after its end'),
        Case('data after the end', good + b'x', format, 'other data after its end'),
        Case('not UTF-8', compress(b'\xff' * 100, format), format, 'UTF-8'),
        Case('compressed twice', compress(good, format), format, 'UTF-8'),
        Case('bomb', compress(TOO_LARGE, format), format, 'has more than'),
    ]


GZIP_HEADER = b'\x1f\x8b\x08'
LONG_NAME = GZIP_HEADER + b'\x08' + bytes(6) + b'n' * 50_000

SPECIAL = [
    Case('a name without end', LONG_NAME, 'gzip', 'ends early'),
    Case('zlib', zlib.compress(CONTENT), 'gzip', 'is not valid'),
    Case('a block of an unknown type', GZIP_HEADER + bytes(7) + b'\x07', 'gzip', 'is not valid'),
    Case('zstd marked as gzip', compress(CONTENT, 'zstd'), 'gzip', 'is not valid'),
    Case('gzip marked as zstd', gzip.compress(CONTENT, mtime=0), 'zstd', 'is not valid'),
    Case('a window of 128 MiB', b'\x28\xb5\x2f\xfd\x00\x88\x09\x00\x00a', 'zstd', 'is not valid'),
    Case('a skippable frame', b'\x50\x2a\x4d\x18\x01\x00\x00\x00a', 'zstd', 'is empty'),
    Case('an unknown format', CONTENT, 'br', "must be 'gzip' or 'zstd'"),
]
IN_MESSAGES = [*broken('gzip'), *broken('zstd'), *SPECIAL]
IN_S3 = [
    each
    for each in [*broken('gzip'), *broken('zstd')]
    if each.name in ('bomb', 'half', 'another checksum', 'twice')
]


class Received(TextSubscriber):
    def process(self, payload: str) -> None:
        raise AssertionError('no such body is opened')


def attribute(value: str) -> dict[str, str]:
    return {'DataType': 'String', 'StringValue': value}


def message_of(case: Case) -> dict[str, Any]:
    return {
        'MessageBody': b64encode(case.content).decode() or 'A===',
        'MessageAttributes': {'MegaCompression': attribute(case.format)},
    }


def pointer_to(bus: Bus, case: Case) -> dict[str, Any]:
    """A message whose pointer leads to the content, and announces no size."""
    bus.s3.put_object(Bucket=BUCKET, Key='a-key', Body=case.content)
    location = {'s3BucketName': BUCKET, 's3Key': 'a-key'}
    return {
        'MessageBody': json.dumps(['software.amazon.payloadoffloading.PayloadS3Pointer', location]),
        'MessageAttributes': {
            'MegaCompression': attribute(case.format),
            'ExtendedPayloadSize': attribute('unknown'),
        },
    }


@pytest.mark.no_cover
def test_the_largest_body_is_decoded_in_bounded_memory() -> None:
    """Small objects need the most memory: here 27 times that of the text."""
    items = ','.join(['{}'] * ((MAX_DECOMPRESSED_BYTES - 12) // 3))
    body = compress_text(f'{{"items":[{items}]}}', 'gzip')
    message = read_message(
        {
            'MessageId': 'id',
            'ReceiptHandle': 'handle',
            'Body': body,
            'MessageAttributes': {'MegaCompression': attribute('gzip')},
        }
    )
    assert len(body) < 10_000
    tracemalloc.start()
    try:
        with cpu_limit(20.0):  # tracemalloc takes most of it
            _, payload = open_message(message)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(payload, dict)
    assert len(payload['items']) > MAX_DECOMPRESSED_BYTES / 3 - 10
    assert peak < 40 * MAX_DECOMPRESSED_BYTES


@pytest.mark.parametrize(
    ('case', 'is_in_s3'),
    [(case, False) for case in IN_MESSAGES] + [(case, True) for case in IN_S3],
    ids=lambda value: f'{value.format}, {value.name}' if isinstance(value, Case) else str(value),
)
def test_the_message_is_left_or_dead_lettered_with_the_reason(
    bus: Bus, case: Case, is_in_s3: bool
) -> None:
    assert len(IN_MESSAGES) + len(IN_S3) == 40
    bus.bucket(BUCKET)
    store = S3PayloadStore(BUCKET, client=bus.s3, max_payload=MAX_PAYLOAD)
    failed = bus.queue('failed')
    orders = bus.queue('orders', dead_letter=failed, max_receive_count=1)
    sent = pointer_to(bus, case) if is_in_s3 else message_of(case)
    for queue in orders, bus.queue('others'):
        bus.sqs.send_message(QueueUrl=queue, **sent)
    options: dict[str, Any] = {'client': bus.sqs, 'payload_store': store}
    tracemalloc.start()
    try:
        with cpu_limit(1.0):
            bus.run(SqsListener(orders, [Received], **options))  # left to the redrive policy
            others = SqsListener(
                bus.queue('others'), [Received], dead_letter_queue_url=failed, **options
            )
            bus.run(others)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_DECOMPRESSED_BYTES
    left, dead = bus.dead_letters()
    assert left.body == dead.body == sent['MessageBody']
    assert dead.error in ('DecodeError', 'PointerError')
    assert dead.reason is not None
    assert case.reason in dead.reason
    assert dead.reason.isprintable()
