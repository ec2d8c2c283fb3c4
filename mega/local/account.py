"""An account of AWS in memory: SQS, SNS and S3. It has no I/O and no threads, and takes a clock.

    account = Account(Clock(start=0.0))
    url = account.call('sqs', 'CreateQueue', {'QueueName': 'orders'})['QueueUrl']
    account.call('sqs', 'SendMessage', {'QueueUrl': url, 'MessageBody': '{}'})
    account.call('sqs', 'ReceiveMessage', {'QueueUrl': url})

Requests and responses have the shapes of boto3, without `ResponseMetadata`.
"""

from __future__ import annotations

from collections.abc import Callable

from mega.local.errors import AwsError
from mega.local.operations import NextError, Object, Operation, no_error
from mega.local.s3.operations import S3
from mega.local.sns.operations import Sns
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.observer import Observer
from mega.local.sqs.operations import Sqs
from mega.local.state import State

__all__ = ('Account',)


class Account:
    """One account in one region. Not safe to share among threads.

    `clock` returns seconds since the epoch. `base_url` begins the URLs of queues. `decisions`
    decides what the documentation of AWS leaves open. `observer` receives notices of changes.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        base_url: str = 'https://sqs.eu-west-1.amazonaws.com',
        decisions: Decisions | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.state = State(clock)
        self.sqs = Sqs(self.state, base_url, decisions or Decisions(), observer or Observer())
        self._sns = Sns(self.state, self.sqs.deliver)
        self._s3 = S3(self.state)
        self._operations: dict[str, dict[str, Operation]] = {
            'sqs': self.sqs.operations,
            'sns': self._sns.operations,
            's3': self._s3.operations,
        }

    def call(
        self, service: str, operation: str, request: Object, next_error: NextError = no_error
    ) -> Object:
        """Perform an operation now. A ReceiveMessage returns the messages that are visible now.

        `next_error` returns the injected error of the next entry of a batch, or None.

        Raises:
            AwsError: for a request that AWS would refuse.
        """
        perform = self._operations[service].get(operation)
        if perform is None:
            raise AwsError(
                'InvalidAction', f'the model of {service} has no operation {operation[:80]!a}'
            )
        self.sqs.advance(self.state.clock())
        return perform(request, next_error)

    def operation_names(self) -> frozenset[str]:
        """Return the names of the operations of all services."""
        return frozenset(name for names in self._operations.values() for name in names)

    def reset(self) -> None:
        """Delete all queues, topics, buckets and messages."""
        self.state.accepted.clear()
        self.sqs.reset()
        self._sns.reset()
        self._s3.reset()
