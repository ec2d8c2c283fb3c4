"""Run a producer and a consumer of a FIFO queue, each in its own thread.

python -m examples.fifo --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

import sys
from threading import Thread

from examples.fifo.consumer import GROUPS, Consumer, consumed
from examples.fifo.producer import produce
from examples.scratch import on_aws, scratch_queue
from mega.aws.sqs.subscribe import SqsListener

MESSAGES_EACH = 5
RECEIVE_TIMEOUT = 20.0  # seconds until the next message


def main(queue_url: str, failed_url: str) -> int:
    with SqsListener(
        queue_url, [Consumer], max_number_of_messages=10, dead_letter_queue_url=failed_url
    ) as listener:
        print('sent          received')
        consumer = Thread(target=listener.listen)
        producer = Thread(target=produce, args=[queue_url, GROUPS, MESSAGES_EACH])
        consumer.start()
        producer.start()
        try:
            total = len(GROUPS) * MESSAGES_EACH
            received = [consumed.get(timeout=RECEIVE_TIMEOUT) for _ in range(total)]
        finally:
            producer.join()
            listener.stop()
            consumer.join()
    for group in GROUPS:
        numbers = [number for name, number in received if name == group]
        if numbers != sorted(numbers):
            print(f'{group} is out of order: {numbers}')
            return 1
    print(f'{total} messages, every group in order.')
    return 0


if __name__ == '__main__':
    with (
        on_aws('A producer and a consumer of a FIFO queue.'),
        scratch_queue('.fifo', FifoQueue='true') as queue_url,
        scratch_queue('-failed.fifo', FifoQueue='true') as failed_url,
    ):
        sys.exit(main(queue_url, failed_url))
