"""Compare ten payloads of 2 MB published and received as a batch, and one after another.

The in-memory S3 responds after 50 ms. It and the in-memory SQS run in their own processes. Objects
are encrypted with KMS, so that the server spends no time on the MD5 that is an ETag otherwise. All
measurements run once in each round, so that other load on the machine slows all of them. The
figures exclude the bandwidth of a network, which ten concurrent bodies would share, and TLS.

    python -m benchmarks.large_payloads [rounds]
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.local import running

LATENCY_MS = 50
PAYLOADS: list[dict[str, Any]] = [{'number': n, 'text': 'x' * 2_000_000} for n in range(10)]


class Anything(DataSubscriber):
    """A subscriber without work."""

    def process(self, payload: dict[str, Any]) -> None:
        """Do nothing."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    taken: dict[str, list[float]] = {
        'publish': [], 'publish, batch': [], 'receive': [], 'receive, batch': [],
    }  # fmt: skip
    with running(latency_ms=LATENCY_MS) as s3, running() as sqs:
        store = S3PayloadStore('payloads', server_side_encryption='aws:kms', **s3.credentials)
        store.create_bucket()
        queue_url = sqs.create_queue('large')
        publisher = SqsPublisher(queue_url, payload_store=store, **sqs.credentials)

        def receive(at_once: int) -> None:
            with SqsListener(
                queue_url,
                [Anything],
                payload_store=store,
                max_number_of_messages=at_once,
                wait_time_seconds=0,
                **sqs.credentials,
            ) as listener:
                done = listener.drain().done
            assert done == len(PAYLOADS), done

        def publish() -> None:
            for payload in PAYLOADS:
                publisher.publish(payload)

        for round_ in range(rounds + 1):  # the first round is a warm-up
            times = {
                'publish': seconds(publish),
                'receive': seconds(lambda: receive(1)),
                'publish, batch': seconds(lambda: publisher.publish_batch(PAYLOADS)),
                'receive, batch': seconds(lambda: receive(10)),
            }
            for name, time_taken in times.items():
                taken[name] += [time_taken] if round_ else []
    print(f'Python {platform.python_version()}, {platform.machine()}, {rounds} rounds')
    for name in ('publish', 'receive'):
        one_by_one, batch = taken[name], taken[f'{name}, batch']
        ratios = [one / ten for one, ten in zip(one_by_one, batch, strict=True)]
        print(
            f'{name:>7}: one after another {statistics.median(one_by_one) * 1e3:4.0f} ms, '
            f'as a batch {statistics.median(batch) * 1e3:4.0f} ms: {statistics.median(ratios):.1f} '
            f'times as fast ({min(ratios):.1f} to {max(ratios):.1f})'
        )


if __name__ == '__main__':
    main()
