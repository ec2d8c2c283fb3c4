"""The messages of the queues of the in-memory AWS, as a test sees them: without receiving them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mega.local.sqs.queues import Queue
from mega.local.sqs.stored import StoredMessage

__all__ = ('can_deliver', 'is_empty', 'messages_in')


def messages_in(queue: Queue, now: float) -> Collection[StoredMessage]:
    """Return the messages of a queue, also the hidden ones, in the order of sending."""
    queue.update(now)
    return queue.messages


def is_empty(queue: Queue, now: float) -> bool:
    """Return whether a queue has no messages, not even hidden ones."""
    return not messages_in(queue, now)


def can_deliver(queue: Queue, now: float) -> bool:
    """Return whether a receive would return a message, or move one to the dead-letter queue."""
    messages = messages_in(queue, now)
    blocked = _blocked_groups(messages) if queue.is_fifo else set()
    return any(each.hidden_until is None and each.group not in blocked for each in messages)


def _blocked_groups(messages: Iterable[StoredMessage]) -> set[str | None]:
    """Return the message groups of a FIFO queue that have a message in flight."""
    return {each.group for each in messages if each.is_in_flight}
