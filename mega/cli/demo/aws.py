"""The AWS of the demo, and the topic and queues that the demo creates there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from mega.aws._transport.client import AwsClient, create_client
from mega.errors import TransportError

__all__ = ('Aws', 'Bus', 'aws_at', 'real_aws', 'temporary_bus')

DEFAULT_REGION = 'eu-west-1'

_ANY_CREDENTIALS = {'aws_access_key_id': 'demo', 'aws_secret_access_key': 'demo'}


@dataclass(frozen=True, slots=True)
class Aws:
    """An AWS, and the keyword arguments with which publishers and listeners connect to it."""

    name: str
    connection: dict[str, Any]

    def client(self, service: str) -> AwsClient:
        return create_client(service, None, attempts=2, **self.connection)


@dataclass(frozen=True, slots=True)
class Bus:
    """One topic and the queues behind it."""

    topic_arn: str
    orders: str
    audit: str
    failed: str


def aws_at(endpoint_url: str, region: str | None) -> Aws:
    """Return the AWS at an endpoint, with dummy credentials if boto3 finds none.

    A local AWS accepts any credentials.
    """
    connection: dict[str, Any] = {
        'endpoint_url': endpoint_url,
        'region_name': region or os.environ.get('AWS_DEFAULT_REGION') or DEFAULT_REGION,
    }
    with closing(create_client('sqs', None, attempts=1, **connection)) as sqs:
        try:
            sqs.call('list_queues', MaxResults=1)
        except TransportError as error:
            if error.code == 'NoCredentialsError':
                connection |= _ANY_CREDENTIALS
    return Aws(endpoint_url, connection)


def real_aws(region: str | None) -> Aws:
    """Return AWS itself, with the region and the credentials that boto3 finds."""
    with closing(create_client('sqs', None, region_name=region)) as sqs:
        return Aws(f'AWS, {sqs.region}', {'region_name': sqs.region})


@contextmanager
def temporary_bus(aws: Aws, name: str) -> Iterator[Bus]:
    """Create a topic and three queues, and delete them at the end, also after an error."""
    with (
        closing(aws.client('sqs')) as sqs,
        closing(aws.client('sns')) as sns,
        ExitStack() as cleanup,
    ):
        topic_arn = sns.call('create_topic', Name=name)['TopicArn']
        cleanup.callback(sns.call, 'delete_topic', TopicArn=topic_arn)

        def queue(suffix: str, **attributes: str) -> str:
            found = sqs.call('create_queue', QueueName=f'{name}-{suffix}', Attributes=attributes)
            cleanup.callback(sqs.call, 'delete_queue', QueueUrl=found['QueueUrl'])
            return str(found['QueueUrl'])

        def subscribed_queue(suffix: str, is_raw: bool) -> str:
            arn = f'{topic_arn}-{suffix}'.replace(':sns:', ':sqs:')
            # Created with its policy: a later change may take AWS a minute to apply.
            url = queue(suffix, Policy=_policy(arn, topic_arn))
            subscription = sns.call(
                'subscribe',
                TopicArn=topic_arn,
                Protocol='sqs',
                Endpoint=arn,
                Attributes={'RawMessageDelivery': str(is_raw).lower()},
                ReturnSubscriptionArn=True,
            )
            arn = subscription['SubscriptionArn']
            cleanup.callback(sns.call, 'unsubscribe', SubscriptionArn=arn)
            return url

        yield Bus(
            topic_arn,
            orders=subscribed_queue('orders', is_raw=True),
            audit=subscribed_queue('audit', is_raw=False),
            failed=queue('failed'),
        )


def _policy(queue_arn: str, topic_arn: str) -> str:
    """Return the access policy that allows a topic to send to a queue."""
    statement = {
        'Effect': 'Allow',
        'Principal': {'Service': 'sns.amazonaws.com'},
        'Action': 'sqs:SendMessage',
        'Resource': queue_arn,
        'Condition': {'ArnEquals': {'aws:SourceArn': topic_arn}},
    }
    return json.dumps({'Version': '2012-10-17', 'Statement': [statement]})
