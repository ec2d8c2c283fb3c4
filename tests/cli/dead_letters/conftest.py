"""A dead-letter queue with messages as a listener and SQS leave them there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.command import Result, mega
from tests.cli.conftest import CommandAws

__all__ = ('Letters', 'text_attribute')


def text_attribute(value: str) -> dict[str, Any]:
    return {'DataType': 'String', 'StringValue': value}


class Letters:
    """A queue and its dead-letter queue, and the command on them."""

    def __init__(self, aws: CommandAws, fifo: bool = False) -> None:
        self.aws = aws
        self.dead = aws.queue('dead', fifo)
        policy = json.dumps({'deadLetterTargetArn': aws.arn(self.dead), 'maxReceiveCount': 1})
        self.orders = aws.queue('orders', fifo, RedrivePolicy=policy)

    def add(
        self,
        body: str = '{}',
        error: str = 'ValueError',
        group: str | None = None,
        attributes: dict[str, Any] | None = None,
        **reason: object,
    ) -> str:
        """Send a dead letter as a listener does, and return its id."""
        found = {
            'error': error,
            'text': 'the quantity is missing',
            'subscriber': 'Restock',
            'message_id': 'first-id',
            'source_queue': self.orders,
            **reason,
        }
        attribute = text_attribute(json.dumps(found))
        return self.send(body, group, {**(attributes or {}), 'MegaDeadLetter': attribute})

    def send(
        self, body: str = '{}', group: str | None = None, attributes: dict[str, Any] | None = None
    ) -> str:
        """Send a message without a reason, and return its id."""
        options: dict[str, Any] = {}
        if group is not None:
            self._number = getattr(self, '_number', 0) + 1
            options = {'MessageGroupId': group, 'MessageDeduplicationId': str(self._number)}
        answer: Any = self.aws.sqs.send_message(
            QueueUrl=self.dead, MessageBody=body, MessageAttributes=attributes or {}, **options
        )
        return str(answer['MessageId'])

    def fail(self, body: str = '{}') -> str:
        """Let SQS move a message to the dead-letter queue, and return its id."""
        sent = self.aws.sqs.send_message(QueueUrl=self.orders, MessageBody=body)
        for _ in range(2):
            self.aws.sqs.receive_message(QueueUrl=self.orders, VisibilityTimeout=0)
        return str(sent['MessageId'])

    def run(self, command: str, *arguments: str, stdin: str = '') -> Result:
        """Run a command of `mega dead-letters` on the queue."""
        options = ('--wait', '0')
        return mega(
            *('dead-letters', command, self.dead, *arguments, *options),
            stdin=stdin,
            environment=self.aws.environment,
        )


@pytest.fixture
def letters(aws: CommandAws) -> Letters:
    return Letters(aws)


@pytest.fixture
def fifo_letters(aws: CommandAws) -> Letters:
    return Letters(aws, fifo=True)
