"""Publishers in asyncio: `apublish` and `apublish_batch`."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from mega.aws.sns import SnsPublisher
from mega.aws.sqs import SqsPublisher
from mega.errors import EncodeError, PublishError, TransportError
from mega.local import Server
from tests.aws._publishing.batches import EACH_SERVICE, QUEUE, TOPIC, Clients, bodies, publisher
from tests.aws.fault_server import Fault, FaultServer
from tests.local_aws import Service

tenant: ContextVar[str] = ContextVar('tenant')


@EACH_SERVICE
def test_apublish_publishes_as_publish_does(
    service: Service, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)

    async def run() -> list[str]:
        options = {'message_attributes': {'a': 1}, 'message_group_id': 'g'}
        calls = [ours.apublish({'n': n}, **options) for n in range(5)]
        return list(await asyncio.gather(*calls))

    ids = asyncio.run(run())
    assert len(set(ids)) == 5
    accepted = server.accepted()
    assert sorted(body['n'] for body in bodies(server)) == list(range(5))
    assert {each.group_id for each in accepted} == {'g'}
    assert {each.attributes['a']['StringValue'] for each in accepted} == {'1'}


@EACH_SERVICE
def test_apublish_batch_publishes_as_publish_batch_does(
    service: Service, server: Server, clients: Clients
) -> None:
    ours = publisher(server, clients, service)
    results = asyncio.run(ours.apublish_batch(({'n': n} for n in range(25)), concurrency=2))
    assert all(result.message_id for result in results)
    assert sorted(body['n'] for body in bodies(server)) == list(range(25))


def test_apublish_raises_the_errors_of_publish(server: Server, clients: Clients) -> None:
    ours = publisher(server, clients, 'sqs')
    with pytest.raises(EncodeError):
        asyncio.run(ours.apublish(float('nan')))
    with pytest.raises(PublishError):
        asyncio.run(ours.apublish_batch([float('nan')]))


def test_apublish_keeps_the_context_variables(server: Server, clients: Clients) -> None:
    ours = publisher(server, clients, 'sqs')

    async def run() -> list[Any]:
        tenant.set('acme')
        seen: list[Any] = []
        await ours.apublish_batch(
            [{'n': 1}], message_attributes=lambda payload: seen.append(tenant.get())
        )
        return seen

    assert asyncio.run(run()) == ['acme']


@EACH_SERVICE
def test_the_event_loop_continues_while_aws_does_not_answer(
    service: Service, faults: FaultServer
) -> None:
    """And the call ends at the timeout of the publisher."""
    faults.will(Fault.SILENCE)
    kind: Any = SqsPublisher if service == 'sqs' else SnsPublisher
    ours = kind(QUEUE if service == 'sqs' else TOPIC, timeout=0.05, **faults.credentials)

    async def run() -> int:
        task = asyncio.ensure_future(ours.apublish('a'))
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(TransportError, match='Timeout'):
            task.result()
        return turns

    assert asyncio.run(run()) > 10
