"""Queues, topics and buckets of a bus. Each is the text that publishers and listeners take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mega.errors import ConfigurationError, check_int, safe_repr
from mega.local.state import REGION, arn_of

__all__ = ('Bucket', 'Queue', 'Resources', 'Topic')

DEFAULT_MAX_RECEIVE_COUNT = 10
"""The default of the console of SQS."""

MAX_RECEIVE_COUNT = 1_000
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""


class Queue(str):
    """The URL of a queue, with its `name` and `arn`."""

    @property
    def name(self) -> str:
        """The name, with its suffix `.fifo` if it is a FIFO queue."""
        return self.rpartition('/')[2]

    @property
    def arn(self) -> str:
        """The ARN."""
        return arn_of('sqs', self.name)


class Topic(str):
    """The ARN of a topic, with its `name`."""

    @property
    def name(self) -> str:
        """The name, with its suffix `.fifo` if it is a FIFO topic."""
        return self.rpartition(':')[2]

    @property
    def arn(self) -> str:
        """The ARN."""
        return str(self)


class Bucket(str):
    """The name of a bucket."""


class Resources:
    """Creates the resources of an account, with a client for each service."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._sqs, self._sns, self._s3 = (clients[name] for name in ('sqs', 'sns', 's3'))
        self._queues: dict[str, Queue] = {}

    def queue(
        self,
        name: str,
        fifo: bool | None,
        dead_letter: Queue | None,
        max_receive_count: int | None,
        attributes: Mapping[str, str],
    ) -> Queue:
        """Create a queue, or return it if it exists with the same attributes."""
        given = dict(attributes)
        if max_receive_count is not None and dead_letter is None:
            raise ConfigurationError('max_receive_count needs dead_letter=, the queue to move to')
        if dead_letter is not None:
            self._check_queue('dead_letter', dead_letter)
            count = DEFAULT_MAX_RECEIVE_COUNT if max_receive_count is None else max_receive_count
            check_int('max_receive_count', count, 1, MAX_RECEIVE_COUNT)
            policy = {'deadLetterTargetArn': dead_letter.arn, 'maxReceiveCount': count}
            given['RedrivePolicy'] = json.dumps(policy)
        name, is_fifo = _full_name(name, fifo)
        if is_fifo:
            given = {'FifoQueue': 'true', 'ContentBasedDeduplication': 'true', **given}
        url = self._sqs.create_queue(QueueName=name, Attributes=given)['QueueUrl']
        queue = self._queues[Queue(url).arn] = Queue(url)
        return queue

    def topic(
        self,
        name: str,
        to: Queue | Iterable[Queue],
        raw: bool,
        filter_policy: Any,
        fifo: bool | None,
    ) -> Topic:
        """Create a topic, and subscribe queues to it."""
        queues = [to] if isinstance(to, str) else list(to)
        for queue in queues:
            self._check_queue('to', queue)
        if fifo is None and queues and all(queue.name.endswith('.fifo') for queue in queues):
            fifo = True
        name, is_fifo = _full_name(name, fifo)
        given = {'FifoTopic': 'true', 'ContentBasedDeduplication': 'true'} if is_fifo else {}
        topic = Topic(self._sns.create_topic(Name=name, Attributes=given)['TopicArn'])
        attributes = _subscription_attributes(raw, filter_policy)
        for queue in queues:
            self._sns.subscribe(
                TopicArn=topic, Protocol='sqs', Endpoint=queue.arn, Attributes=attributes
            )
        return topic

    def bucket(self, name: str) -> Bucket:
        """Create a bucket."""
        location = {'LocationConstraint': REGION}
        self._s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
        return Bucket(name)

    def visibility_timeout(self, queue: Queue) -> int:
        """Return the visibility timeout of a queue of this bus, in seconds."""
        self._check_queue('queue', queue)
        name = 'VisibilityTimeout'
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        return int(found['Attributes'][name])

    def destination(self, arn: str) -> str:
        """Return the queue or topic with an ARN."""
        if ':sns:' in arn:
            return Topic(arn)
        return Queue(self._sqs.get_queue_url(QueueName=arn.rpartition(':')[2])['QueueUrl'])

    def _check_queue(self, option: str, queue: object) -> None:
        if not isinstance(queue, Queue):
            raise ConfigurationError(
                f'{option}={safe_repr(queue)}: must be a queue, as bus.queue() returns it'
            )
        if queue.arn not in self._queues:
            raise ConfigurationError(f'{option}={safe_repr(str(queue))} is a queue of another bus')


def _full_name(name: str, fifo: bool | None) -> tuple[str, bool]:
    """Return the name with the suffix that AWS requires, and whether it is FIFO."""
    is_fifo = name.endswith('.fifo')
    if fifo and not is_fifo:
        return f'{name}.fifo', True
    if is_fifo and fifo is False:
        raise ConfigurationError(f'fifo=False: the name {safe_repr(name)} ends as a FIFO name')
    return name, is_fifo


def _subscription_attributes(raw: bool, filter_policy: Any) -> dict[str, str]:
    attributes = {'RawMessageDelivery': 'true'} if raw else {}
    if filter_policy is None:
        return attributes
    own = getattr(filter_policy, 'subscription_attributes', None)
    if isinstance(own, Mapping):  # of `to_filter_policy`
        return {**attributes, **own}
    return {**attributes, 'FilterPolicy': json.dumps(filter_policy)}
