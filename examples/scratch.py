"""What the small examples share: an AWS to run on, and a queue that lasts as long as they do."""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

__all__ = ('find_aws', 'scratch_queue')


def find_aws(description: str) -> None:
    """Read `--endpoint-url`, and leave it where boto3, and so MEGA, looks: in the environment."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--endpoint-url',
        metavar='URL',
        default=os.environ.get('AWS_ENDPOINT_URL'),
        help='a local AWS, such as http://127.0.0.1:4566; default: AWS_ENDPOINT_URL from the '
        'environment, and without that AWS itself, where a queue is made and removed',
    )
    endpoint_url = parser.parse_args().endpoint_url
    if endpoint_url:
        os.environ['AWS_ENDPOINT_URL'] = endpoint_url
        session = boto3.Session()
        if session.region_name is None:
            os.environ['AWS_DEFAULT_REGION'] = 'eu-west-1'
        if session.get_credentials() is None:  # what is no AWS takes any
            os.environ.update(AWS_ACCESS_KEY_ID='any', AWS_SECRET_ACCESS_KEY='any')


@contextmanager
def scratch_queue(suffix: str = '', **attributes: str) -> Iterator[str]:
    """The URL of a new queue, which is deleted at the end."""
    sqs = boto3.Session().client('sqs')
    name = f'mega-example-{uuid.uuid4().hex[:8]}{suffix}'
    queue_url = sqs.create_queue(QueueName=name, Attributes=attributes)['QueueUrl']
    try:
        yield queue_url
    finally:
        sqs.delete_queue(QueueUrl=queue_url)
        sqs.close()
