"""One AWS, or one server in its place: three clients of boto3's shape, and the passing of time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

__all__ = ('Backend', 'bodies', 'refused')

_numbers = count(1)
_run = uuid4().hex[:8]  # AWS keeps the names of deleted queues and buckets for a while

# A topic may send to a queue only with the queue's permission.
_FROM_TOPICS = {
    'Version': '2012-10-17',
    'Statement': {
        'Effect': 'Allow',
        'Principal': {'Service': 'sns.amazonaws.com'},
        'Action': 'sqs:SendMessage',
        'Resource': '*',
    },
}


@dataclass(repr=False)
class Backend:
    """The clients of one backend, and helpers that create resources with unique names.

    `advance_clock` lets seconds pass at once; None if the backend uses the time of the machine. A
    test then waits for `longest_wait` seconds at most, and is skipped if it needs more. With
    `is_aws`, the backend is AWS itself, which delivers later than it answers. `inject` takes an
    operation and the fault of its next call: a code, or `lost` for the loss of the response. If
    `waits_in_own_time`, a long poll lets the time of the backend pass.
    """

    name: str
    sqs: Any
    sns: Any
    s3: Any
    region: str
    advance_clock: Callable[[float], object] | None = None
    longest_wait: float = 0
    is_aws: bool = False
    inject: Callable[[str, str], object] | None = None
    waits_in_own_time: bool = False
    _account: str = field(default='', init=False)
    _queues: list[str] = field(default_factory=list, init=False)
    _topics: list[str] = field(default_factory=list, init=False)
    _buckets: list[str] = field(default_factory=list, init=False)

    def __repr__(self) -> str:
        return self.name

    def advance(self, seconds: float) -> None:
        """Let time pass, or skip the test if the backend cannot."""
        if self.advance_clock is not None:
            self.advance_clock(seconds)
        elif seconds > self.longest_wait:
            pytest.skip(f'{self.name} has no clock that a test can advance')
        else:
            time.sleep(seconds)

    def long_poll(self, queue_url: str, seconds: float, **parameters: Any) -> list[dict[str, Any]]:
        """Receive with a long poll, in which some seconds pass. Skip the test if they cannot."""
        receive = partial(self.sqs.receive_message, QueueUrl=queue_url, **parameters)
        if self.advance_clock is None and seconds > self.longest_wait:
            self.advance(seconds)
        if self.waits_in_own_time or self.advance_clock is None:
            return list(receive().get('Messages', []))
        with ThreadPoolExecutor(1) as thread:
            future = thread.submit(receive)
            self.advance(seconds)
            return list(future.result().get('Messages', []))

    def wait_for_aws(self, seconds: float) -> None:
        """Wait until AWS has distributed a change. Other backends apply it at once."""
        if self.is_aws:
            time.sleep(seconds)

    def queue(self, fifo: bool = False, **attributes: object) -> str:
        """Create a queue, and return its URL. An attribute that is not a text becomes JSON."""
        if fifo:
            attributes['FifoQueue'] = True
        response = self.sqs.create_queue(
            QueueName=self.new_name(fifo), Attributes=_texts(attributes)
        )
        url = str(response['QueueUrl'])
        self._queues.append(url)
        return url

    def queue_for_topics(self, fifo: bool = False, **attributes: object) -> str:
        """Create a queue that accepts messages of topics."""
        return self.queue(fifo, Policy=_FROM_TOPICS, **attributes)

    def arn(self, queue_url: str) -> str:
        """Return the ARN of a queue, which is of the same account as the queues before."""
        if not self._account:
            self._account = self.attributes(queue_url, 'QueueArn')['QueueArn'].split(':')[4]
        return f'arn:aws:sqs:{self.region}:{self._account}:{queue_url.rpartition("/")[2]}'

    def attributes(self, queue_url: str, *names: str) -> dict[str, str]:
        response = self.sqs.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=list(names or ['All'])
        )
        return dict(response.get('Attributes', {}))

    def topic(self, fifo: bool = False, **attributes: object) -> str:
        """Create a topic, and return its ARN."""
        if fifo:
            attributes['FifoTopic'] = True
        response = self.sns.create_topic(Name=self.new_name(fifo), Attributes=_texts(attributes))
        arn = str(response['TopicArn'])
        self._topics.append(arn)
        return arn

    def subscribe(self, topic_arn: str, queue_url: str, **attributes: object) -> str:
        """Subscribe a queue to a topic, and return the ARN of the subscription."""
        response = self.sns.subscribe(
            TopicArn=topic_arn,
            Protocol='sqs',
            Endpoint=self.arn(queue_url),
            Attributes=_texts(attributes),
            ReturnSubscriptionArn=True,
        )
        return str(response['SubscriptionArn'])

    def subscribed(self, fifo: bool = False, raw: bool = True, **attributes: object) -> Any:
        """Create a topic with one queue. Return the ARN of the topic, and the URL of the queue."""
        topic_arn, queue_url = self.topic(fifo), self.queue_for_topics(fifo)
        self.subscribe(topic_arn, queue_url, RawMessageDelivery=raw, **attributes)
        return topic_arn, queue_url

    def bucket(self) -> str:
        """Create a bucket, and return its name."""
        name = self.new_name()
        self.create_bucket(name)
        return name

    def create_bucket(self, name: str) -> None:
        location = {'LocationConstraint': self.region}
        parameters = {} if self.region == 'us-east-1' else {'CreateBucketConfiguration': location}
        self.s3.create_bucket(Bucket=name, **parameters)
        if name not in self._buckets:
            self._buckets.append(name)

    def forget(self, bucket: str) -> None:
        """Leave out a bucket, which the test has deleted, from the deletion of resources."""
        self._buckets.remove(bucket)

    def new_name(self, fifo: bool = False) -> str:
        return f'contract-{_run}-{next(_numbers)}' + '.fifo' * fifo

    def send(self, queue_url: str, *bodies: str, **parameters: Any) -> list[dict[str, Any]]:
        """Send messages one by one, with the same parameters. Return the responses."""
        return [
            self.sqs.send_message(QueueUrl=queue_url, MessageBody=body, **parameters)
            for body in bodies
        ]

    def receive(self, queue_url: str, at_least: int = 1, **parameters: Any) -> list[dict[str, Any]]:
        """Receive messages until there are enough. Wait for one second, or for 20 on AWS."""
        messages: list[dict[str, Any]] = []
        given = {'MaxNumberOfMessages': 10, 'MessageSystemAttributeNames': ['All'], **parameters}
        for _ in range(10):
            wait = 2 if self.is_aws else int(len(messages) < at_least)
            response = self.sqs.receive_message(
                QueueUrl=queue_url, WaitTimeSeconds=wait, MessageAttributeNames=['All'], **given
            )
            found = response.get('Messages', [])
            messages += found
            if len(messages) >= at_least or not (found or self.is_aws):
                break
        return messages

    def receive_one(self, queue_url: str, **parameters: Any) -> dict[str, Any]:
        """Receive exactly one message."""
        [message] = self.receive(queue_url, MaxNumberOfMessages=1, **parameters)
        return message

    def is_empty(self, queue_url: str) -> bool:
        """Return whether no message is visible."""
        return not self.receive(queue_url, at_least=0)

    def drained(self, queue_url: str, at_least: int) -> list[str]:
        """Receive and delete messages. Return their bodies in order."""
        found: list[str] = []
        while len(found) < at_least and (messages := self.receive(queue_url)):
            self.delete(queue_url, *messages)
            found += bodies(messages)
        return found

    def delete(self, queue_url: str, *messages: Mapping[str, Any]) -> None:
        for message in messages:
            self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message['ReceiptHandle'])

    def change_visibility(self, queue_url: str, message: Mapping[str, Any], seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=queue_url,
            ReceiptHandle=message['ReceiptHandle'],
            VisibilityTimeout=seconds,
        )

    def delete_resources(self) -> None:
        """Delete the resources that were created. A local backend deletes them when it ends."""
        while self._topics:
            arn = self._topics.pop()
            with _missing_is_fine():
                for each in self.sns.list_subscriptions_by_topic(TopicArn=arn)['Subscriptions']:
                    self.sns.unsubscribe(SubscriptionArn=each['SubscriptionArn'])
                self.sns.delete_topic(TopicArn=arn)
        while self._queues:
            with _missing_is_fine():
                self.sqs.delete_queue(QueueUrl=self._queues.pop())
        while self._buckets:
            name = self._buckets.pop()
            for each in self.s3.list_objects_v2(Bucket=name).get('Contents', []):
                self.s3.delete_object(Bucket=name, Key=each['Key'])
            self.s3.delete_bucket(Bucket=name)


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message['Body'] for message in messages]


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """Expect a refusal as the sender's fault, with one of the codes if some are given.

    SQS has two spellings of some codes, of its query protocol and of its JSON protocol.
    """
    with pytest.raises(ClientError) as raised:
        yield
    response = raised.value.response
    error: Mapping[str, Any] = response['Error']
    found = {error['Code'], error.get('QueryErrorCode'), type(raised.value).__name__}
    assert not codes or found & set(codes), f'{error["Code"]}: {error.get("Message")}'
    assert 400 <= response['ResponseMetadata']['HTTPStatusCode'] < 500


@contextmanager
def _missing_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response['ResponseMetadata']['HTTPStatusCode'] not in (400, 404):
            raise


def _texts(attributes: Mapping[str, object]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in attributes.items()
    }
