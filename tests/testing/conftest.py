"""A bus with one queue, and subscribers that record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mega.aws.sqs import SqsPublisher
from mega.aws.sqs.subscribe import MessageSubscriber, SqsListener
from mega.testing import Bus, Queue


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def queue(bus: Bus) -> Queue:
    return bus.queue('orders')


Publish = Callable[..., str]
Listen = Callable[..., SqsListener]


@pytest.fixture
def publish(bus: Bus, queue: Queue) -> Publish:
    """Publishes to the queue."""
    return SqsPublisher(queue, client=bus.sqs).publish


@pytest.fixture
def listen(bus: Bus, queue: Queue) -> Listen:
    """Creates a listener of the queue."""

    def create(subscriber: Any, queue_url: str = queue, **options: Any) -> SqsListener:
        return SqsListener(queue_url, [subscriber], client=bus.sqs, **options)

    return create


def subscriber(process: Callable[[Any, Any], Any], **members: Any) -> Any:
    """Return a subscriber class with a function of the instance and the payload."""
    return type('Recorder', (MessageSubscriber,), {'process': process, **members})


def recorder(seen: list[Any], **members: Any) -> Any:
    """Return a subscriber class that records payloads."""
    return subscriber(lambda self, payload: seen.append(payload), **members)


def retry_until(count: int, seen: list[float], bus: Bus, error: Exception, **members: Any) -> Any:
    """Return a subscriber that raises an error until the given receive, and records the times."""

    def process(self: Any, payload: Any) -> None:
        seen.append(bus.time)
        if len(seen) < count:
            raise error

    return subscriber(process, **members)
