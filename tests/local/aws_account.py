"""An account of the model for tests, with short forms of its calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mega.local.account import Account
from mega.local.clock import Clock
from mega.local.errors import AwsError

__all__ = ('LocalAccount',)


class LocalAccount:
    """An account whose clock begins at 2026-01-01T00:00:00Z."""

    def __init__(self) -> None:
        self.clock = Clock(1_767_225_600.0)
        self.account = Account(self.clock)

    def sqs(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.account.call('sqs', operation, request)

    def sns(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.account.call('sns', operation, request)

    def s3(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.account.call('s3', operation, request)

    def refused(self, service: str, operation: str, **request: Any) -> AwsError:
        """Return the error of a call."""
        with pytest.raises(AwsError) as refused:
            self.account.call(service, operation, request)
        return refused.value

    def queue(self, name: str, **attributes: str) -> str:
        """Create a queue, and return its URL."""
        fifo = {'FifoQueue': 'true'} if name.endswith('.fifo') else {}
        request = {'QueueName': name, 'Attributes': {**fifo, **attributes}}
        return str(self.account.call('sqs', 'CreateQueue', request)['QueueUrl'])

    def arn_of(self, queue_url: str) -> str:
        found = self.sqs('GetQueueAttributes', QueueUrl=queue_url, AttributeNames=['QueueArn'])
        return str(found['Attributes']['QueueArn'])

    def topic(self, name: str, **attributes: str) -> str:
        """Create a topic, and return its ARN."""
        fifo = {'FifoTopic': 'true'} if name.endswith('.fifo') else {}
        created = self.sns('CreateTopic', Name=name, Attributes={**fifo, **attributes})
        return str(created['TopicArn'])

    def subscribe(self, topic_arn: str, queue_url: str, **attributes: Any) -> str:
        """Subscribe a queue, and return the subscription's ARN. Objects become JSON."""
        texts = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in attributes.items()
        }
        endpoint = self.arn_of(queue_url)
        request = {'TopicArn': topic_arn, 'Protocol': 'sqs', 'Endpoint': endpoint}
        return str(self.sns('Subscribe', **request, Attributes=texts)['SubscriptionArn'])

    def received(self, queue_url: str) -> list[dict[str, Any]]:
        """Receive up to ten messages with all attributes."""
        everything = {'MessageAttributeNames': ['All'], 'MessageSystemAttributeNames': ['All']}
        request = {'QueueUrl': queue_url, 'MaxNumberOfMessages': 10, **everything}
        messages: list[dict[str, Any]] = self.sqs('ReceiveMessage', **request).get('Messages', [])
        return messages

    def bodies(self, queue_url: str) -> list[str]:
        return [message['Body'] for message in self.received(queue_url)]
