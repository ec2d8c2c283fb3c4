"""A subscriber with `async def process`, which waits for many calls at the same time.

python -m examples.asyncio_subscriber --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from examples.scratch import on_aws, scratch_queue
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener
from mega.match.functions import empty, not_

NEWSLETTERS = {
    'spring': [f'reader-{number}@example.com' for number in range(1, 5)],
    'summer': ['reader-2@example.com', 'reader-3@example.com'],
    'without readers': [],
}


class Newsletters(DataSubscriber):
    pattern = {'type': 'newsletter', 'readers': not_(empty())}
    retriable_exceptions = (asyncio.TimeoutError, ConnectionError)

    # One event loop runs the coroutines of all messages of a listener. Objects that belong to an
    # event loop can therefore be class attributes: this semaphore, or a connection pool.
    connections = asyncio.Semaphore(3)

    async def process(self, payload: dict[str, Any]) -> None:
        start = time.monotonic()
        sending = [self.send(payload['name'], reader) for reader in payload['readers']]
        await asyncio.wait_for(asyncio.gather(*sending), timeout=10)
        print(f'{payload["name"]}: {len(sending)} sent in {time.monotonic() - start:.1f} s')

    async def send(self, name: str, reader: str) -> None:
        async with self.connections:
            await asyncio.sleep(0.2)  # a slow mail server
            print(f'{name} to {reader}')


def main(queue_url: str) -> None:
    with SqsPublisher(queue_url) as publisher:
        for name, readers in NEWSLETTERS.items():
            publisher.publish({'type': 'newsletter', 'name': name, 'readers': readers})
    with SqsListener(queue_url, [Newsletters]) as listener:
        listener.drain()


if __name__ == '__main__':
    with on_aws('A subscriber with an async process.'), scratch_queue() as queue_url:
        main(queue_url)
