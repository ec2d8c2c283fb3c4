"""Compare the sizes of bodies, and what a million of them cost to send, receive and delete.

Prints the tables of docs/large-payloads.md. Sizes are in bytes. The sizes of compressed bodies
differ a little between versions of zlib and of zstd.

    python -m benchmarks.payload_sizes
"""

from __future__ import annotations

import platform
import random
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from mega.aws._messages.compression import Compression, compress, compress_text
from mega.codec import Publishable, encode
from tests.event.examples import ITEM_ADDED, NOTIFICATION, USER_LOGIN, item_added

__all__ = ('Cost', 'Sizes', 'costs', 'main', 'payloads', 'sizes')

NAMES = ('item.added', 'item.removed', 'checkout.started', 'coupon.applied')

CHUNK = 64 * 1024
"""Bytes of a message that SQS bills as one request."""

DOLLARS_PER_MILLION = {'SQS': 0.40, 'PUT': 5.00, 'GET': 0.40}
"""Prices of requests in us-east-1 without the free tier: a standard queue of SQS, and S3 Standard.

SQS: https://cloudburn.io/blog/amazon-sqs-pricing of March 14th, 2026.
S3: $0.005 and $0.0004 for a thousand, read in November 2026 in
https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples. DELETE
is free: https://aws.amazon.com/s3/faqs/.
AWS has today's prices: https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/s3/pricing/.
"""


class Sizes(NamedTuple):
    """Bytes of a payload in a message, and compressed as an object in S3."""

    json: int
    bson: int
    gzip: int
    zstd: int
    gzip_in_s3: int
    zstd_in_s3: int


class Cost(NamedTuple):
    """Requests to send, receive and delete one message, and the price of a million of them."""

    sqs_requests: int
    s3_requests: int
    dollars: float


def payloads() -> Mapping[str, Publishable]:
    return {
        'data object': NOTIFICATION,
        'event': ITEM_ADDED,
        'event with an object': USER_LOGIN,
        'event with two states of an object': item_added(),
        '1 MB of events': {'type': 'report', 'events': list(events(1_000_000))},
    }


def events(size: int) -> Iterator[dict[str, Any]]:
    """Yield events of carts with 500 items for sale, until their JSON has this size."""
    chance = _Chance(0)
    catalogue = [(chance.id(), f'{chance.number(200)}.99') for _ in range(500)]
    while size > 0:
        event = _event(chance, *catalogue[chance.number(len(catalogue))])
        yield event
        size -= len(encode(event)) + 1


class _Chance:
    """Random numbers by a seed. They are equal in all versions of Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def number(self, limit: int) -> int:
        return int(self._random() * limit)

    def id(self) -> str:
        high, middle, low = (self.number(2**bits) for bits in (52, 52, 24))
        return str(UUID(int=high << 76 | middle << 24 | low))


def _event(chance: _Chance, item_id: str, price: str) -> dict[str, Any]:
    number = chance.number
    time = f'{number(24):02}:{number(60):02}:{number(60):02}.{number(1_000):03}'
    return {
        'protocol': 'mega',
        'version': 1,
        'event': {
            'domain': 'shopping_cart',
            'name': NAMES[number(len(NAMES))],
            'version': 2,
            'timestamp': f'2026-05-{number(28) + 1:02}T{time}',
            'subject': str(number(1_000_000)),
            'publisher': 'shopping-cart-service',
            'attributes': {
                'item_id': item_id,
                'quantity': number(10) + 1,
                'price': price,
                'ip_address': f'10.{number(256)}.{number(256)}.{number(256)}',
            },
        },
        'object': {'type': 'shopping_cart', 'id': chance.id(), 'version': number(20)},
    }


def sizes(payload: Publishable) -> Sizes:
    body = encode(payload)
    formats: tuple[Compression, ...] = ('gzip', 'zstd')
    return Sizes(
        len(body.encode()),
        len(encode(payload, binary_encoding=True)),
        *(len(compress_text(body, each)) for each in formats),
        *(len(compress(body.encode(), each)) for each in formats),
    )


def costs(found: Sizes) -> Mapping[str, Cost]:
    """Return the cost of each way that a payload of these sizes can take."""
    return {
        'JSON in the message': _cost(found.json),
        'gzip in the message': _cost(found.gzip),
        'zstd in the message': _cost(found.zstd),
        'in S3, compressed or not': _cost(0, is_in_s3=True),
    }


def _cost(size: int, *, is_in_s3: bool = False) -> Cost:
    """Return the cost of a message of this size: SendMessage, ReceiveMessage, DeleteMessage."""
    chunks = max(1, -(-size // CHUNK))
    sqs = 2 * chunks + 1
    dollars = sqs * DOLLARS_PER_MILLION['SQS']
    if is_in_s3:
        dollars += DOLLARS_PER_MILLION['PUT'] + DOLLARS_PER_MILLION['GET']
    return Cost(sqs, 2 if is_in_s3 else 0, dollars)


def main() -> None:
    print(f'Python {platform.python_version()}, zlib {zlib.ZLIB_RUNTIME_VERSION}\n')
    found = {name: sizes(payload) for name, payload in payloads().items()}
    print('| payload | JSON | BSON | gzip | zstd | gzip in S3 | zstd in S3 |')
    print('|---|---|---|---|---|---|---|')
    for name, each in found.items():
        print(f'| {name} |', ' | '.join(f'{size:,}' for size in each), '|')
    print('\n| payload | body | SQS requests | S3 requests | dollars |')
    print('|---|---|---|---|---|')
    for name in ('event with an object', '1 MB of events'):
        for way, cost in costs(found[name]).items():
            numbers = f'{cost.sqs_requests} | {cost.s3_requests} | {cost.dollars:.2f}'
            print(f'| {name} | {way} | {numbers} |')


if __name__ == '__main__':
    main()
