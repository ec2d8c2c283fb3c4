"""A report of 3 MB over SQS, which accepts messages of up to 1 MiB: S3 stores the body.

python -m examples.large_payloads --endpoint-url http://127.0.0.1:4566
"""

from __future__ import annotations

import uuid
from typing import Any

import boto3

from examples.scratch import on_aws, scratch_queue
from mega.aws.s3 import S3PayloadStore
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import DataSubscriber, SqsListener


class Reports(DataSubscriber):
    pattern = {'type': 'report'}

    def process(self, payload: dict[str, Any]) -> None:
        pointer = self.message.pointer
        where = 'its message' if pointer is None else f'S3, {pointer.size:,} bytes'
        print(f'{payload["title"]}: {len(payload["lines"]):,} lines, from {where}')


def main(queue_url: str, store: S3PayloadStore) -> None:
    reports = [
        {'type': 'report', 'title': 'Today', 'lines': ['a line'] * 100},
        {'type': 'report', 'title': 'This year', 'lines': ['a line of a year'] * 160_000},
    ]
    with SqsPublisher(queue_url, payload_store=store) as publisher:
        publisher.publish_batch(reports)
    with SqsListener(queue_url, [Reports], payload_store=store) as listener:
        listener.drain()


if __name__ == '__main__':
    bucket = f'mega-example-{uuid.uuid4().hex[:8]}'
    # With one queue and one listener, a processed body can be deleted: no other listener needs it.
    with (
        on_aws('Payloads that are larger than a message.'),
        scratch_queue() as queue_url,
        S3PayloadStore(bucket, delete=True) as store,
    ):
        store.create_bucket(expire_after_days=1)
        main(queue_url, store)
        boto3.Session().client('s3').delete_bucket(Bucket=bucket)
        print('The bucket is empty again.')
