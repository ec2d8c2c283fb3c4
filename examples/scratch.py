"""Shared functions of the small examples: select an AWS endpoint, and create a temporary queue."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from mega.errors import MegaError

__all__ = ('on_aws', 'scratch_queue')


@contextmanager
def on_aws(description: str) -> Iterator[None]:
    """Run an example: set the variables for boto3, and so for MEGA, from `--endpoint-url`.

    An error of AWS, such as missing credentials, ends the program with one line.
    """
    _find_aws(description)
    try:
        yield
    except (BotoCoreError, ClientError, MegaError) as error:
        sys.exit(f'The example cannot run: {error}')


def _find_aws(description: str) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--endpoint-url',
        metavar='URL',
        default=os.environ.get('AWS_ENDPOINT_URL'),
        help='a local AWS, such as http://127.0.0.1:4566; default: the environment variable '
        'AWS_ENDPOINT_URL, or AWS itself, where the example creates and deletes a queue',
    )
    endpoint_url = parser.parse_args().endpoint_url
    if endpoint_url:
        os.environ['AWS_ENDPOINT_URL'] = endpoint_url
        session = boto3.Session()
        if session.region_name is None:
            os.environ['AWS_DEFAULT_REGION'] = 'eu-west-1'
        if session.get_credentials() is None:  # a local AWS accepts any credentials
            os.environ.update(AWS_ACCESS_KEY_ID='any', AWS_SECRET_ACCESS_KEY='any')


@contextmanager
def scratch_queue(suffix: str = '', **attributes: str) -> Iterator[str]:
    """Create a queue, yield its URL, and delete the queue at the end."""
    sqs = boto3.Session().client('sqs')
    name = f'mega-example-{uuid.uuid4().hex[:8]}{suffix}'
    queue_url = sqs.create_queue(QueueName=name, Attributes=attributes)['QueueUrl']
    try:
        yield queue_url
    finally:
        sqs.delete_queue(QueueUrl=queue_url)
        sqs.close()
