"""A local AWS for whole commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count
from typing import Any

import boto3
import pytest

from mega.local import LocalAws
from mega.local.faults import Faults

_numbers = count(1)


class CommandAws:
    """SQS, SNS and S3 on a server, and the environment with which a command finds them."""

    def __init__(self, aws: LocalAws) -> None:
        self.server = aws
        self.sqs = boto3.client('sqs', **aws.credentials)
        self.sns = boto3.client('sns', **aws.credentials)
        self.environment: Mapping[str, str] = {
            'AWS_ENDPOINT_URL': aws.endpoint_url,
            'AWS_DEFAULT_REGION': aws.credentials['region_name'],
            'AWS_ACCESS_KEY_ID': aws.credentials['aws_access_key_id'],
            'AWS_SECRET_ACCESS_KEY': aws.credentials['aws_secret_access_key'],
        }

    def queue(self, name: str = 'orders', fifo: bool = False, **attributes: object) -> str:
        """Create a queue with a unique name, and return its URL."""
        return self.server.create_queue(f'{name}-{next(_numbers)}', fifo, **attributes)

    def topic(self, *queues: str, fifo: bool = False) -> str:
        """Create a topic, subscribe queues to it, and return its ARN."""
        arn = self.server.create_topic(f'events-{next(_numbers)}', fifo)
        for url in queues:
            self.sns.subscribe(TopicArn=arn, Protocol='sqs', Endpoint=self.arn(url))
        return arn

    def arn(self, url: str) -> str:
        return self._attribute(url, 'QueueArn')

    def visible(self, url: str) -> int:
        """Return the number of visible messages in a queue."""
        return int(self._attribute(url, 'ApproximateNumberOfMessages'))

    def receive(self, url: str) -> list[Any]:
        """Receive ten messages at most, with all attributes."""
        names: list[Any] = ['All']
        answer = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            AttributeNames=names,
            MessageAttributeNames=names,
        )
        return [*answer.get('Messages', [])]

    def close(self) -> None:
        self.sqs.close()
        self.sns.close()

    def _attribute(self, url: str, name: Any) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return str(answer['Attributes'][name])


@pytest.fixture(scope='session')
def _command_aws() -> Iterator[CommandAws]:
    with LocalAws() as server, closing(CommandAws(server)) as aws:
        yield aws


@pytest.fixture
def aws(_command_aws: CommandAws) -> Iterator[CommandAws]:
    """A local AWS that other tests use, too. Its faults end with the test."""
    yield _command_aws
    _command_aws.server.configure(faults=Faults())
