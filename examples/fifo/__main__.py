"""Run a producer and a consumer of a FIFO queue at the same time. `settings.ini` has the settings.

python -m examples.fifo --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

import sys
from threading import Thread

from examples.fifo.consumer import consume
from examples.fifo.producer import produce
from examples.fifo.settings import read_settings
from examples.scratch import on_aws, scratch_queue


def main(queue_url: str) -> int:
    settings = read_settings()
    print('sent          received')
    producer = Thread(target=produce, args=[queue_url, settings])
    producer.start()
    try:
        received = consume(queue_url, settings)
    finally:
        producer.join()
    for group, numbers in received.items():
        print(f'{group}: {len(numbers)} of {settings.messages_per_group} messages received')
    if any(numbers != sorted(numbers) for numbers in received.values()):
        print('A group is out of order.')
        return 1
    print('Every group is in order, and the queue is empty.')
    return 0


if __name__ == '__main__':
    with (
        on_aws('A producer and a consumer of a FIFO queue.'),
        scratch_queue('.fifo', FifoQueue='true') as queue_url,
    ):
        sys.exit(main(queue_url))
