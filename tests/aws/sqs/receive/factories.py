"""Queues with messages, and receivers of them, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mega.aws.sqs import ReceivedMessage, SqsPublisher, SqsReceiver
from mega.testing import Bus

__all__ = ('payloads', 'published', 'receiver_on')


def published(
    bus: Bus, queue_url: str, *payloads: Any, group: str | None = None, **options: Any
) -> None:
    """Publish payloads to a queue of a bus, one after another."""
    publisher = SqsPublisher(queue_url, client=bus.sqs)
    for payload in payloads:
        publisher.publish(payload, message_group_id=group, **options)


def receiver_on(bus: Bus, queue_url: str, **options: Any) -> SqsReceiver:
    """Return a receiver that asks for up to ten messages, and does not wait for them."""
    given = {'max_number_of_messages': 10, 'wait_time_seconds': 0, **options}
    return SqsReceiver(queue_url, client=bus.sqs, **given)


def payloads(messages: Iterable[ReceivedMessage]) -> list[Any]:
    return [received.payload for received in messages]
