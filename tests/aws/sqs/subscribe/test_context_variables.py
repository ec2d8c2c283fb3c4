"""Each delivery has its own context variables."""

from __future__ import annotations

from contextvars import ContextVar
from threading import Event
from typing import Any

import pytest

from mega.aws.sqs.subscribe import Hook, MessageSubscriber
from tests.aws.sqs.subscribe.factories import WITHIN, listener_on, listening, send, subscriber
from tests.local_aws import LocalAws

tenant: ContextVar[str] = ContextVar('tenant', default='nobody')

seen: list[str] = []
all_seen = Event()


def exchange(payload: str) -> None:
    """Record the value that this delivery sees, and set another one."""
    seen.append(tenant.get())
    tenant.set(payload)
    if len(seen) == 3:
        all_seen.set()


class Plain(MessageSubscriber):
    def process(self, payload: str) -> None:
        exchange(payload)


class Asynchronous(MessageSubscriber):
    async def process(self, payload: str) -> None:
        exchange(payload)


class InPattern(MessageSubscriber):
    def pattern(value: Any) -> bool:  # noqa: N805
        exchange(value)
        return True

    async def process(self, payload: str) -> None: ...


class InHook(Hook):
    def around_delivery(self, message: Any) -> Any:
        exchange('hej')
        yield


KINDS = {
    'def': [Plain],
    'async def': [Asynchronous],
    'async def and def': [Asynchronous, subscriber()],
    'pattern': [InPattern],
}


@pytest.fixture(autouse=True)
def _new() -> None:
    seen.clear()
    all_seen.clear()
    tenant.set('caller')


@pytest.mark.parametrize('subscribers', KINDS.values(), ids=KINDS)
def test_no_delivery_of_drain_sees_the_variables_of_another_one(
    aws: LocalAws, subscribers: list[Any]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    listener_on(aws, queue_url, *subscribers, max_number_of_messages=10).drain()
    assert seen == ['caller'] * 3
    assert tenant.get() == 'caller'


@pytest.mark.parametrize('subscribers', KINDS.values(), ids=KINDS)
def test_no_delivery_of_listen_sees_the_variables_of_another_one(
    aws: LocalAws, subscribers: list[Any]
) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, *'abc')
    settings = {'max_number_of_messages': 10, 'concurrency': 2}
    with listening(listener_on(aws, queue_url, *subscribers, **settings)):
        assert all_seen.wait(WITHIN)
    assert len(set(seen)) == 1


def test_a_variable_that_a_hook_sets_is_visible_in_process_and_not_later(aws: LocalAws) -> None:
    queue_url = aws.create_queue()
    send(aws, queue_url, 'a')
    for made in (Plain, Asynchronous):
        listener_on(aws, queue_url, made, hooks=[InHook()], retry_delay=0).drain()
        send(aws, queue_url, 'b')
    assert seen == ['caller', 'hej'] * 2
