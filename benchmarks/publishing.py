"""How many payloads a second leave one process, by each way of publishing.

Against an in-memory SQS in a process of its own, over loopback, in rounds: every way once a round,
so that what else the machine does slows all of them. The ratios are to be quoted, not the rates.
It does not show a real network, TLS, or AWS's own time; the second table adds 10 ms to each call.

    python -m benchmarks.publishing [rounds]
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

import boto3

from benchmarks.sqs_server import running
from mega.aws._publishing.sender import Outgoing, PublishResult
from mega.aws.sqs import SqsPublisher
from mega.event import Payload, PayloadBuilder

MESSAGES = 2_000
MESSAGES_WITH_LATENCY = 1_600


def event(number: int) -> Payload:
    return (
        PayloadBuilder()
        .with_event(
            domain='shopping_cart',
            name='item.added',
            subject=str(number),
            publisher='shopping-cart-service',
            item_id='61fcc874-624e-40f8-8fd7-0e663c7837e8',
            quantity=5,
            price='19.99',
        )
        .with_object(
            type='shopping_cart',
            id='18a3f92e-1fbf-45eb-8769-d836d0a1be55',
            current={'user_id': number, 'currency': 'USD', 'value': '377.37', 'items': [1, 2, 3]},
        )
        .build()
    )


EVENTS = [event(number) for number in range(MESSAGES)]
BODIES = [json.dumps(payload.to_dict()) for payload in EVENTS]


def plain_sends(client: Any, queue_url: str) -> None:
    for body in BODIES:
        client.send_message(QueueUrl=queue_url, MessageBody=body)


def plain_batches(client: Any, queue_url: str) -> None:
    bodies = iter(BODIES)
    while batch := list(islice(bodies, 10)):
        entries = [{'Id': str(place), 'MessageBody': body} for place, body in enumerate(batch)]
        client.send_message_batch(QueueUrl=queue_url, Entries=entries)


def publishes(publisher: SqsPublisher) -> None:
    for payload in EVENTS:
        publisher.publish(payload)


def publishes_batch(
    publisher: SqsPublisher, concurrency: int = 1, messages: int = MESSAGES
) -> None:
    publisher.publish_batch(EVENTS[:messages], concurrency=concurrency)


def publishes_from_threads(publisher: SqsPublisher, threads: int = 8) -> None:
    with publisher.buffer() as buffer, ThreadPoolExecutor(threads) as pool:
        futures = list(pool.map(buffer.publish, EVENTS))
    assert all(future.result() for future in futures)


def seconds(ways: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """How long each way took, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - started)
    return taken


def show(title: str, taken: dict[str, list[float]], messages: int) -> None:
    """Rates, and how many times the first way's: in each round, and then the median of those."""
    print(f'\n{title:<44}{"messages":>11}   times the first: median, least, most')
    base = next(iter(taken.values()))
    for name, times in taken.items():
        ratios = sorted(one / other for one, other in zip(base, times, strict=True))
        rate = messages / statistics.median(times)
        spread = f'{statistics.median(ratios):>8.2f}{ratios[0]:>7.2f}{ratios[-1]:>7.2f}'
        print(f'{name:<44}{rate:>9,.0f}/s{spread}')


class NoAws(SqsPublisher):
    """A publisher that does everything but the call."""

    def _limit(self, target: str) -> int:
        return 1_048_576


def own_cost(queue_url: str, endpoint: dict[str, Any]) -> float:
    """Microseconds for each payload of a batch, when the call costs nothing."""

    class Free:
        def send_batch(self, batch: list[Outgoing]) -> list[PublishResult]:
            return [PublishResult('id')] * len(batch)

    publisher = NoAws(queue_url, **endpoint)
    publisher._sender = lambda target: Free()  # type: ignore[method-assign,assignment,return-value]
    times = []
    for _ in range(7):
        started = time.perf_counter()
        publisher.publish_batch(EVENTS)
        times.append(time.perf_counter() - started)
    return min(times) / MESSAGES * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f'Python {platform.python_version()}, {platform.machine()}, {rounds} rounds, median')
    print(f'{MESSAGES:,} events of {len(BODIES[0])} bytes as JSON')
    with running() as server:
        queue_url = server.create_queue('publishing')
        publisher = SqsPublisher(queue_url, **server.credentials)
        client = boto3.client('sqs', **server.credentials)
        taken = seconds(
            {
                'boto3 send_message, one by one': partial(plain_sends, client, queue_url),
                'boto3 send_message_batch, ten at a time': partial(
                    plain_batches, client, queue_url
                ),
                'publish, one by one': partial(publishes, publisher),
                'publish_batch': partial(publishes_batch, publisher),
                'buffer, from 8 threads': partial(publishes_from_threads, publisher),
            },
            rounds,
        )
        show('no latency', taken, MESSAGES)
        batches = taken['boto3 send_message_batch, ten at a time']
        alone = statistics.median(batches) / MESSAGES * 1e6
        own = own_cost(queue_url, dict(server.credentials))
        print(
            f'\nwithout the call, publish_batch takes {own:.1f} us for each payload, JSON included;'
        )
        print(f'the plain loop takes {alone:.1f} us, of which encoding is not a part')
        server.configure(latency_ms=10)
        ways = {
            f'publish_batch, concurrency={calls}': partial(
                publishes_batch, publisher, calls, MESSAGES_WITH_LATENCY
            )
            for calls in (1, 8)
        }
        slow = seconds(ways, max(3, rounds // 2))
        show('10 ms added to each call', slow, MESSAGES_WITH_LATENCY)


if __name__ == '__main__':
    main()
