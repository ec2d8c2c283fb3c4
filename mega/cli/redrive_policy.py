"""The redrive policy of a queue, which limits the receives of its messages.

SQS moves a message to the dead-letter queue at the receive after the maximum of the policy. A
command that receives messages to show them stops before its own receives reach that number.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from mega.aws._transport.client import AwsClient
from mega.aws.sqs.message import read_message
from mega.cli.exit_status import CommandError
from mega.cli.queue_calls import call_queue
from mega.errors import safe_repr

__all__ = ('RedrivePolicy', 'read_redrive_policy')


class RedrivePolicy(Struct, frozen=True):
    """The redrive policy of a queue: the maximum of receives, and the ARN of the other queue."""

    max_receives: int
    target: str

    def check_queue(self, url: str) -> None:
        """Refuse a queue that allows one receive of a message, which its consumer needs.

        Raises:
            CommandError: with the queue that SQS would move messages to.
        """
        if self.max_receives <= 1:
            raise CommandError(
                f'the maxReceiveCount of {url} is {self.max_receives}, so that a message that is '
                f'received here moves to {self.target} instead of its consumer. Pass --force to '
                'go on'
            )

    def check_message(self, received: dict[str, Any], receives: int = 0) -> None:
        """Refuse to go on if `receives` more receives would use up those of a message.

        Raises:
            CommandError: with the message, and the queue that SQS would move it to.
        """
        message = read_message(received)
        if message.receive_count + receives >= self.max_receives:
            raise CommandError(
                f'message {message.id} was received {message.receive_count:,} times, and the '
                f'maxReceiveCount of its queue is {self.max_receives:,}: another receive may move '
                f'it to {self.target}. Pass --force to go on'
            )


def read_redrive_policy(aws: AwsClient, url: str) -> RedrivePolicy | None:
    """Return the redrive policy of a queue; None if it has none.

    Raises:
        CommandError: for a policy that is not in the form of SQS.
        TransportError: if SQS refuses the attributes of the queue.
    """
    response = call_queue(aws, url, 'get_queue_attributes', AttributeNames=['RedrivePolicy'])
    policy = (response.get('Attributes') or {}).get('RedrivePolicy')
    if not policy:
        return None
    try:
        found = json.loads(policy)
        return RedrivePolicy(int(found['maxReceiveCount']), str(found['deadLetterTargetArn']))
    except (ValueError, LookupError, TypeError) as error:
        raise CommandError(f'{url} has the redrive policy {safe_repr(policy)}') from error
