"""An error of a publisher names the queue or topic, and what to change in the setup."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import PublishError, TransportError
from mega.local import FailCall, FailEntries, Server
from tests.aws._publishing.batches import (
    BATCHES,
    EACH_SERVICE,
    QUEUE,
    TOPIC,
    Clients,
    faulty,
    numbers,
    publisher,
)
from tests.aws.answers import Answer
from tests.aws.fault_server import FaultServer
from tests.local_aws import Service

OPERATIONS = {'sqs': 'SendMessage', 'sns': 'Publish'}
PAYLOAD = {'n': 0}
DENIED = 'User: arn:aws:iam::1:user/a is not authorized to perform: {} on resource: arn:aws:x'


def publish(ours: Any) -> None:
    ours.publish(PAYLOAD)


def publish_raw_message(ours: Any) -> None:
    ours.publish_raw_message('{}')


def publish_batch(ours: Any) -> None:
    [result] = ours.publish_batch([PAYLOAD], raise_on_failure=False)
    raise result.error


def apublish(ours: Any) -> None:
    asyncio.run(ours.apublish(PAYLOAD))


def apublish_batch(ours: Any) -> None:
    with pytest.raises(PublishError) as caught:
        asyncio.run(ours.apublish_batch([PAYLOAD]))
    raise caught.value.results[0].error


def buffer(ours: Any) -> None:
    with ours.buffer() as buffer:
        future = buffer.publish(PAYLOAD)
    future.result()


EACH_METHOD = pytest.mark.parametrize(
    'method', [publish, publish_raw_message, publish_batch, apublish, apublish_batch, buffer]
)


def missing(service: Service, clients: Clients) -> tuple[Any, str]:
    """A publisher to a queue or topic that does not exist, and its name."""
    if service == 'sqs':
        return SqsPublisher(QUEUE, client=clients['sqs']), QUEUE
    return SnsPublisher(TOPIC, client=clients['sns']), TOPIC


@EACH_SERVICE
@EACH_METHOD
def test_the_error_of_each_method_names_a_missing_queue_or_topic(
    service: Service, method: Callable[[Any], None], server: Server, clients: Clients
) -> None:
    ours, name = missing(service, clients)
    noun, address = ('queue', 'URL') if service == 'sqs' else ('topic', 'ARN')
    with pytest.raises(TransportError) as caught:
        method(ours)
    advice = f'; create the {noun}, or check its {address}, account and region: {name}'
    assert str(caught.value).endswith(advice)
    assert caught.value.code in ('AWS.SimpleQueueService.NonExistentQueue', 'NotFound')
    assert not caught.value.retriable
    assert type(caught.value.__cause__).__name__ in ('QueueDoesNotExist', 'NotFoundException')


ERRORS = [
    ('sqs', FailCall('AccessDenied', 403, DENIED.format('sqs:sendmessage')),
     'allow sqs:SendMessage on the queue {name}'),
    ('sqs', FailCall('AccessDenied', 403, f'{DENIED.format("sqs:sendmessage")}: explicit deny'),
     'remove the explicit deny of sqs:SendMessage on the queue {name}'),
    ('sqs', FailCall('AccessDenied', 403, 'Access to the resource https://x is denied.'),
     'allow sqs:SendMessage on the queue {name}'),
    ('sqs', FailCall('KmsAccessDenied'),
     'allow kms:GenerateDataKey and kms:Decrypt on the KMS key of the queue {name}'),
    ('sqs', FailCall('KmsDisabled'),
     'enable the KMS key of the queue {name}, or give the queue another key'),
    ('sqs', FailCall('InvalidClientTokenId', 403), 'check the credentials that boto3 finds, and'),
    ('sns', FailCall('AuthorizationError', 403, DENIED.format('SNS:Publish')),
     'allow sns:Publish on the topic {name}'),
    ('sns', FailCall('KMSAccessDenied'),
     'allow kms:GenerateDataKey and kms:Decrypt on the KMS key of the topic {name}'),
    ('sns', FailCall('AuthorizationError', 403, DENIED.format('kms:GenerateDataKey')),
     'allow kms:GenerateDataKey and kms:Decrypt on the KMS key of the topic {name}'),
    ('sns', FailCall('KMSDisabled'),
     'enable the KMS key of the topic {name}, or give the topic another key'),
    ('sns', FailCall('InvalidClientTokenId', 403), 'check the credentials that boto3 finds, and'),
]  # fmt: skip


@pytest.mark.parametrize('method', [publish, publish_batch])
@pytest.mark.parametrize(('service', 'failure', 'advice'), ERRORS)
def test_the_advice_names_the_permission_the_key_or_the_credentials(
    service: Service,
    failure: FailCall,
    advice: str,
    method: Callable[[Any], None],
    server: Server,
    clients: Clients,
) -> None:
    name = server.create_queue('orders') if service == 'sqs' else server.create_topic('orders')
    ours = publisher(server, clients, service)
    operation = BATCHES[service] if method is publish_batch else OPERATIONS[service]
    server.script(failure, operation=operation)
    with pytest.raises(TransportError) as caught:
        method(ours)
    assert advice.format(name=name) in str(caught.value)
    assert caught.value.code.endswith(failure.code)


@EACH_SERVICE
def test_an_entry_that_a_key_refuses_has_advice(
    service: Service, server: Server, clients: Clients
) -> None:
    server.script(FailEntries((1,), 'KmsDisabled', status=400), operation=BATCHES[service])
    ours = publisher(server, clients, service)
    results = ours.publish_batch(numbers(2), raise_on_failure=False)
    assert results[0].error is None
    assert 'enable the KMS key of the' in str(results[1].error)


@EACH_SERVICE
@pytest.mark.parametrize('method', [publish, publish_batch])
def test_the_page_of_another_server_has_advice_on_the_endpoint(
    service: Service, method: Callable[[Any], None], faults: FaultServer
) -> None:
    faults.will(Answer(404, b'<html></html>'), Answer(404, b'<html></html>'))
    with pytest.raises(TransportError) as caught:
        method(faulty(faults, service))
    advice = f'check the endpoint and the URL: the answer is not from AWS: {QUEUE}'
    if service == 'sns':
        advice = f'check the endpoint and the ARN: the answer is not from AWS: {TOPIC}'
    assert str(caught.value).endswith(advice)


@EACH_SERVICE
@pytest.mark.parametrize('method', [publish, publish_batch])
def test_an_error_about_the_message_has_no_advice_on_the_setup(
    service: Service, method: Callable[[Any], None], server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)
    server.script(*[FailCall('InvalidParameterValue', message='too long')] * 2)
    with pytest.raises(TransportError) as caught:
        method(ours)
    assert caught.value.problem == 'too long'
