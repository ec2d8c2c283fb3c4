"""The AWS of the demo, and the topic and queues that the demo creates there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from mega.local import LocalAws

__all__ = (
    'DEFAULT_REGION',
    'Aws',
    'Bus',
    'CannotRunError',
    'aws_at',
    'embedded_aws',
    'real_aws',
    'temporary_bus',
)

DEFAULT_REGION = 'eu-west-1'


class CannotRunError(Exception):
    """The demo cannot run: a region or an endpoint is missing."""


@dataclass(frozen=True, slots=True)
class Aws:
    """An AWS, and the keyword arguments with which publishers and listeners connect to it."""

    name: str
    session: boto3.Session
    endpoint_url: str | None = None

    @property
    def connection(self) -> dict[str, Any]:
        return {'session': self.session, 'endpoint_url': self.endpoint_url}

    def client(self, service: Any) -> Any:
        config = Config(connect_timeout=5, retries={'mode': 'standard', 'total_max_attempts': 2})
        try:
            return self.session.client(service, endpoint_url=self.endpoint_url, config=config)
        except ValueError as error:
            raise CannotRunError(error) from error


@dataclass(frozen=True, slots=True)
class Bus:
    """One topic and the queues behind it."""

    topic_arn: str
    orders: str
    audit: str
    failed: str


@contextmanager
def embedded_aws(region: str | None) -> Iterator[Aws]:
    """Start the in-memory AWS of this package in this process."""
    os.environ['no_proxy'] = os.environ['NO_PROXY'] = '127.0.0.1'
    with LocalAws() as server:
        url, local_region = server.endpoint_url, server.credentials['region_name']
        if region not in (None, local_region):
            problem = f'is unknown to the local AWS: pass {local_region}'
            raise CannotRunError(f'the region {region!r} {problem}')
        yield Aws(f'a local AWS ({url})', _session(local_region, True), url)


def aws_at(endpoint_url: str, region: str | None) -> Aws:
    """Return the AWS at an endpoint, with dummy credentials if boto3 finds none.

    A local AWS accepts any credentials.
    """
    found = boto3.Session()
    session = _session(
        region or found.region_name or DEFAULT_REGION, found.get_credentials() is None
    )
    return Aws(endpoint_url, session, endpoint_url)


def real_aws(region: str | None) -> Aws:
    """Return AWS itself, with the region and the credentials that boto3 finds."""
    session = boto3.Session(region_name=region)
    if not session.region_name:
        raise CannotRunError('no region: pass --region, or set AWS_DEFAULT_REGION')
    return Aws(f'AWS, {session.region_name}', session)


def _session(region: str, with_any_credentials: bool) -> boto3.Session:
    any_text = 'demo' if with_any_credentials else None
    return boto3.Session(
        aws_access_key_id=any_text, aws_secret_access_key=any_text, region_name=region
    )


@contextmanager
def temporary_bus(aws: Aws, name: str) -> Iterator[Bus]:
    """Create a topic and three queues, and delete them at the end, also after an error."""
    sqs, sns = aws.client('sqs'), aws.client('sns')
    with closing(sqs), closing(sns), ExitStack() as cleanup:
        topic_arn = sns.create_topic(Name=name)['TopicArn']
        cleanup.callback(sns.delete_topic, TopicArn=topic_arn)

        def queue(suffix: str, **attributes: str) -> str:
            found = sqs.create_queue(QueueName=f'{name}-{suffix}', Attributes=attributes)
            cleanup.callback(sqs.delete_queue, QueueUrl=found['QueueUrl'])
            return str(found['QueueUrl'])

        def subscribed_queue(suffix: str, is_raw: bool) -> str:
            arn = f'{topic_arn}-{suffix}'.replace(':sns:', ':sqs:')
            # Created with its policy: a later change may take AWS a minute to apply.
            url = queue(suffix, Policy=_policy(arn, topic_arn))
            subscription = sns.subscribe(
                TopicArn=topic_arn,
                Protocol='sqs',
                Endpoint=arn,
                Attributes={'RawMessageDelivery': str(is_raw).lower()},
                ReturnSubscriptionArn=True,
            )
            cleanup.callback(sns.unsubscribe, SubscriptionArn=subscription['SubscriptionArn'])
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
