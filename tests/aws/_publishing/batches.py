"""Publishers to the servers of the tests, and the messages that arrived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.local import Server
from tests.aws.fault_server import FaultServer
from tests.local_aws import ACCOUNT_ID, REGION, Service

__all__ = (
    'BATCHES',
    'EACH_SERVICE',
    'QUEUE',
    'SERVICES',
    'TOPIC',
    'Clients',
    'bodies',
    'calls',
    'faulty',
    'is_sent',
    'numbers',
    'publisher',
)

SERVICES: tuple[Service, ...] = ('sqs', 'sns')
EACH_SERVICE = pytest.mark.parametrize('service', SERVICES)
BATCHES = {'sqs': 'SendMessageBatch', 'sns': 'PublishBatch'}
QUEUE = f'https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/orders'
TOPIC = f'arn:aws:sns:{REGION}:{ACCOUNT_ID}:orders'
Clients: TypeAlias = dict[Service, Any]


def publisher(server: Server, clients: Clients, service: Service, fifo: bool = False) -> Any:
    attributes = {'ContentBasedDeduplication': True} if fifo else {}
    if service == 'sqs':
        url = server.create_queue('orders', fifo=fifo, **attributes)
        return SqsPublisher(url, client=clients['sqs'])
    arn = server.create_topic('orders', fifo=fifo, **attributes)
    return SnsPublisher(arn, client=clients['sns'])


def faulty(faults: FaultServer, service: Service) -> Any:
    """A publisher to the server with scripted responses."""
    if service == 'sqs':
        return SqsPublisher(QUEUE, client=faults.client('sqs'))
    return SnsPublisher(TOPIC, client=faults.client('sns'))


def calls(server: Server, service: Service) -> int:
    return server.counts().calls.get(BATCHES[service], 0)


def bodies(server: Server) -> list[Any]:
    return [json.loads(accepted.body) for accepted in server.accepted()]


def numbers(count: int) -> Iterator[dict[str, int]]:
    return ({'n': number} for number in range(count))


def is_sent(results: list[Any]) -> list[bool]:
    """Return for each result whether it was sent. A result has either an id or an error."""
    for result in results:
        assert (result.message_id is None) is not (result.error is None)
    return [result.error is None for result in results]
