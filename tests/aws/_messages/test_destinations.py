"""The parser of destinations: accepted URLs and ARNs, and what the errors advise to pass."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import boto3
import pytest

from mega.aws._messages.destinations import check_bucket, check_queue_url, check_topic_arn
from mega.aws.s3 import S3PayloadStore
from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.errors import ConfigurationError

KEYS: dict[str, Any] = {
    'aws_access_key_id': 'testing',
    'aws_secret_access_key': 'testing',
    'region_name': 'eu-west-1',
}
LOCAL = 'http://127.0.0.1:1'
URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders'
OTHER = 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead'
TOPIC = 'arn:aws:sns:eu-west-1:123456789012:orders'

QUEUE_URLS = [
    URL,
    f'{URL}.fifo',
    'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders',
    'https://sqs.us-gov-west-1.amazonaws.com/123456789012/orders',
    'https://sqs-fips.us-east-1.amazonaws.com/123456789012/orders',
    'https://sqs.eusc-de-east-1.amazonaws.eu/123456789012/orders',
    'https://sqs.us-iso-east-1.c2s.ic.gov/123456789012/orders',
    'https://queue.amazonaws.com/123456789012/orders',
    'https://eu-west-1.queue.amazonaws.com/123456789012/orders',
    'https://vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com/123456789012/orders',
]
LOCAL_URLS = [
    'http://localhost:4566/000000000000/orders',
    'http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/orders.fifo',
    'http://localhost:4566/queue/eu-west-1/000000000000/orders',
    'http://localhost:9324/queue/orders',
    'http://localhost:9324/orders',
    'http://[::1]:5000/123456789012/orders',
]
NOT_QUEUE_URLS = [
    '',
    'orders',
    'arn:aws:sqs:eu-west-1:123456789012:orders',
    TOPIC,
    'sqs.eu-west-1.amazonaws.com/123456789012/orders',
    'https://sqs.eu-west-1.amazonaws.com',
    'https://sqs.eu-west-1.amazonaws.com/',
    'https://sqs.eu-west-1.amazonaws.com/orders',
    'https://sqs.eu-west-1.amazonaws.com/orders.fifo',
    'https://sqs.eu-west-1.amazonaws.com/shop/orders',
    'https://sqs.eu-west-1.amazonaws.com/123456789012/shop/orders',
    'https://queue.amazonaws.com/orders',
    'https://eu-west-1.queue.amazonaws.com/orders',
    'https://vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com/orders',
    f'{URL}\n',
    f' {URL}',
    f'{URL}?Action=SendMessage',
    f'{URL}#1',
    f'{URL}.fifos',
    'https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues',
    f'https://sqs.eu-west-1.amazonaws.com/123456789012/{"a" * 81}',
    None,
    b'https://sqs.eu-west-1.amazonaws.com/123456789012/orders',
]
NOT_TOPIC_ARNS = [
    '',
    'orders',
    URL,
    'arn:aws:sqs:eu-west-1:123456789012:orders',
    'arn:aws:sns:eu-west-1:123456789012',
    f'{TOPIC}:0a1b2c3d',
    f'{TOPIC}\n',
    'arn:aws:sns:eu-west-1:123456789012:endpoint/APNS/app/1',
    None,
]


class Everything(MessageSubscriber):
    def process(self, payload: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize('url', QUEUE_URLS + LOCAL_URLS)
def test_the_url_of_a_queue_is_accepted(url: str) -> None:
    assert check_queue_url('queue_url', url) == url


@pytest.mark.parametrize('url', NOT_QUEUE_URLS)
def test_any_other_value_is_refused_as_the_url_of_a_queue(url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'queue_url=.*: pass the URL'):
        check_queue_url('queue_url', url)


def test_the_error_for_the_arn_of_a_queue_shows_its_url() -> None:
    with pytest.raises(ConfigurationError, match=f'pass the URL {URL}$'):
        check_queue_url('queue_url', 'arn:aws:sqs:eu-west-1:123456789012:orders')


def test_the_error_for_a_url_without_an_account_shows_where_it_belongs() -> None:
    with pytest.raises(ConfigurationError, match=r'its account: https.*/ACCOUNT/orders$'):
        check_queue_url('queue_url', 'https://sqs.eu-west-1.amazonaws.com/orders')


@pytest.mark.parametrize(
    'arn',
    [
        TOPIC,
        f'{TOPIC}.fifo',
        'arn:aws-cn:sns:cn-north-1:123456789012:orders',
        'arn:aws-us-gov:sns:us-gov-west-1:123456789012:orders',
        'arn:aws:sns:local:000000000000:orders',
    ],
)
def test_the_arn_of_a_topic_is_accepted(arn: str) -> None:
    assert check_topic_arn('topic_arn', arn) == arn


@pytest.mark.parametrize('arn', NOT_TOPIC_ARNS)
def test_any_other_value_is_refused_as_the_arn_of_a_topic(arn: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'topic_arn=.*: .*pass the ARN of a topic'):
        check_topic_arn('topic_arn', arn)


def test_an_error_does_not_show_a_password_in_a_url() -> None:
    with pytest.raises(ConfigurationError, match='<a URL with a user name>'):
        check_queue_url('queue_url', 'https://me:secret@localhost/1/orders')


@pytest.mark.parametrize('bucket', ['s3://bodies', 'arn:aws:s3:::bodies', 'Bodies', '', None])
def test_a_bucket_that_is_not_a_name_is_refused(bucket: Any) -> None:
    with pytest.raises(ConfigurationError, match='must be the name of a bucket, without s3://'):
        check_bucket('bucket', bucket)
    with pytest.raises(ConfigurationError, match='must be the name of a bucket, without s3://'):
        S3PayloadStore(bucket, **KEYS)


# Every class that has a destination


@pytest.mark.parametrize('url', ['orders', 'arn:aws:sqs:eu-west-1:123456789012:orders'])
def test_a_queue_that_is_not_a_url_is_refused_in_the_constructor_and_in_a_call(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r'queue_url=.*: pass the URL'):
        SqsPublisher(url, **KEYS)
    with pytest.raises(ConfigurationError, match=r'queue_url=.*: pass the URL'):
        SqsListener(url, [Everything], **KEYS)
    with pytest.raises(ConfigurationError, match=r'dead_letter_queue_url=.*: pass the URL'):
        SqsListener(URL, [Everything], dead_letter_queue_url=url, **KEYS)
    with SqsPublisher(endpoint_url=LOCAL, **KEYS) as publisher:
        for publish in (publisher.publish, publisher.publish_raw_message, publisher.publish_batch):
            with pytest.raises(ConfigurationError, match=r'queue_url=.*: pass the URL'):
                publish('a', queue_url=url)
        with pytest.raises(ConfigurationError, match=r'queue_url=.*: pass the URL'):
            publisher.buffer(queue_url=url)


def test_a_topic_that_is_not_an_arn_is_refused_in_the_constructor_and_in_a_call() -> None:
    with pytest.raises(ConfigurationError, match='use an SqsPublisher'):
        SnsPublisher(URL, **KEYS)
    with (
        SnsPublisher(endpoint_url=LOCAL, **KEYS) as publisher,
        pytest.raises(ConfigurationError, match='topic_arn='),
    ):
        publisher.publish('a', topic_arn='orders')


@pytest.mark.parametrize('url', LOCAL_URLS)
def test_a_queue_on_another_host_is_refused_without_an_endpoint_url(url: str) -> None:
    """The calls would go to AWS, and find no such queue, or a queue of the same name."""
    match = r'calls go to https://sqs\.eu-west-1\.amazonaws\.com, .*: pass endpoint_url='
    with pytest.raises(ConfigurationError, match=match):
        SqsPublisher(url, **KEYS)
    with pytest.raises(ConfigurationError, match=match):
        SqsListener(url, [Everything], **KEYS)
    with pytest.raises(ConfigurationError, match=match):
        SqsListener(URL, [Everything], dead_letter_queue_url=url, **KEYS)
    SqsPublisher(url, endpoint_url=LOCAL, **KEYS).close()


def test_an_endpoint_of_the_environment_or_of_a_client_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closing(boto3.client('sqs', endpoint_url=LOCAL, **KEYS)) as client:
        SqsPublisher(LOCAL_URLS[0], client=client)
    monkeypatch.setenv('AWS_ENDPOINT_URL', LOCAL)
    SqsPublisher(LOCAL_URLS[0], **KEYS).close()


@pytest.mark.parametrize('url', QUEUE_URLS)
def test_a_queue_of_aws_needs_no_endpoint_url(url: str) -> None:
    keys = {**KEYS, 'region_name': None}
    SqsPublisher(url, **keys).close()
    SqsListener(url, [Everything], **keys).close()


def test_a_dead_letter_queue_in_another_region_is_refused() -> None:
    other = OTHER.replace('eu-west-1', 'us-east-2')
    with pytest.raises(ConfigurationError, match=r'is in us-east-2, and calls go to eu-west-1'):
        SqsListener(URL, [Everything], dead_letter_queue_url=other, **KEYS)


def test_register_subscriber_is_a_decorator() -> None:
    with SqsListener(URL, **KEYS) as listener:

        @listener.register_subscriber
        class Decorated(MessageSubscriber):
            def process(self, payload: Any) -> None:
                """Do nothing."""

        assert isinstance(Decorated, type)
        assert listener.subscribers == (Decorated,)
