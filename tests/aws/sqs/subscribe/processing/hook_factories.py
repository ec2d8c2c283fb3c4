"""Factories of hooks, and a listener that drains a queue with them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import (
    Hook,
    Message,
    SqsListener,
    Stats,
)
from mega.aws.sqs.subscribe.subscribers.subscriber import Subscriber
from mega.local import Server

__all__ = ('HookGenerator', 'RecordingHook', 'around_delivery', 'around_subscriber', 'drained')

HookGenerator = Generator[Any, Any, Any]


class RecordingHook(Hook):
    """A hook that records its calls under its name."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    def around_delivery(self, message: Message) -> HookGenerator:
        self.notes.append(f'{self.name} before the delivery')
        delivered = yield
        self.notes.append(f'{self.name} after the delivery: {delivered.settlement.action.value}')

    def around_subscriber(
        self, subscriber: Subscriber, message: Message, payload: Any
    ) -> HookGenerator:
        self.notes.append(f'{self.name} before {subscriber.__name__}')
        outcome = yield
        self.notes.append(f'{self.name} after {subscriber.__name__}: {outcome.status.value}')


def drained(
    server: Server, *subscribers: Subscriber, hooks: Any, count: int = 1, **more: Any
) -> Stats:
    """Publish `count` messages 'hej', drain the queue with hooks, and return the statistics."""
    queue_url = server.create_queue('orders')
    settings: Any = {'wait_time_seconds': 0, 'hooks': hooks, **more, **server.credentials}
    with (
        SqsPublisher(queue_url, **server.credentials) as publisher,
        SqsListener(queue_url, subscribers, **settings) as listener,
    ):
        for _ in range(count):
            publisher.publish('hej')
        return listener.drain()


def around_subscriber(function: Any) -> Any:
    """Return a hook with `function` as its `around_subscriber`."""
    made: Any = type(
        'Made', (Hook,), {'around_subscriber': lambda self, *arguments: function(*arguments)}
    )
    return made()


def around_delivery(function: Any) -> Any:
    made: Any = type('Made', (Hook,), {'around_delivery': lambda self, message: function(message)})
    return made()
