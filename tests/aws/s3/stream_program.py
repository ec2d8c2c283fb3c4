"""A program that publishes or reads one stream, and prints how much memory that needed.

    python -m tests.aws.s3.stream_program publish|read BYTES QUEUE_URL SQS_URL S3_URL

The measurement begins when the clients exist, before their first call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsPublisher, SqsReceiver

READ = 1_048_576


class Zeros:
    """A file with a number of bytes, which are never in memory together."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        count = min(size, self._left, READ)
        self._left -= count
        return bytes(count)


def peak() -> int:
    """The largest memory of the process until now, in bytes.

    Not `ru_maxrss` of `getrusage`, which begins with the memory of the process before its `exec`.
    """
    lines = Path('/proc/self/status').read_text().splitlines()
    [line] = [each for each in lines if each.startswith('VmHWM:')]
    return int(line.split()[1]) * 1_024


def publish(publisher: SqsPublisher, size: int) -> int:
    publisher.publish_stream(Zeros(size))
    return size


def read(receiver: SqsReceiver) -> int:
    """Read the content of the next message, delete both, and return the number of bytes."""
    [received] = receiver.receive()
    count = 0
    with received.message.open_payload() as stream:
        while piece := stream.read(READ):
            count += len(piece)
    received.ack()
    return count


def main(way: str, size: str, queue_url: str, sqs_url: str, s3_url: str) -> None:
    keys: dict[str, Any] = {'aws_access_key_id': 'testing', 'aws_secret_access_key': 'testing'}
    keys['region_name'] = 'eu-west-1'
    with ExitStack() as closing:
        store = S3PayloadStore('streams', delete=True, endpoint_url=s3_url, **keys)
        closing.enter_context(store)
        settings = {'payload_store': store, 'endpoint_url': sqs_url, **keys}
        transfer: Callable[[int], int]
        if way == 'publish':
            publisher = closing.enter_context(SqsPublisher(queue_url, **settings))
            transfer = lambda size: publish(publisher, size)  # noqa: E731
        else:
            receiver = closing.enter_context(SqsReceiver(queue_url, **settings))
            transfer = lambda _: read(receiver)  # noqa: E731
        before = peak()
        count = transfer(int(size))
        sys.stdout.write(json.dumps({'bytes': count, 'memory': peak() - before}))


if __name__ == '__main__':
    main(*sys.argv[1:])
