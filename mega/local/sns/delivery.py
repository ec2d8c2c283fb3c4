"""Delivery of published messages to the subscribed queues.

A queue may refuse a delivery as it refuses a SendMessage. A message that a queue refuses, or whose
queue does not exist, goes to the dead-letter queue of the subscription. Without a dead-letter
queue, it is lost, as in AWS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mega.local.errors import AwsError
from mega.local.messages import Draft, Message, sha256_of_text
from mega.local.sns.envelope import wrap
from mega.local.sns.topics import Subscription, Topic

__all__ = ('Send', 'deliver')

MAX_RAW_ATTRIBUTES = 10
"""SNS discards a raw message with more attributes (guide, SNS message attributes)."""

Send: TypeAlias = Callable[[str, Draft], None]
"""Send a message to the queue with this ARN. Raises an `AwsError` if the queue refuses it."""


def deliver(message: Message, topic: Topic, send: Send) -> None:
    """Deliver a message to every subscription whose filter policy accepts it."""
    draft = message.draft
    for subscription in topic.subscriptions.values():
        accepts = subscription.accepts
        if accepts is None or accepts(draft.body, draft.attributes):
            _deliver_to(message, subscription, send)


def _deliver_to(message: Message, subscription: Subscription, send: Send) -> None:
    is_raw = subscription.is_raw
    is_possible = not is_raw or len(message.draft.attributes) <= MAX_RAW_ATTRIBUTES
    if is_possible and _is_accepted(message, subscription, subscription.queue_arn, is_raw, send):
        return
    # AWS does not document the form of a dead letter with too many attributes for a raw one.
    if target := subscription.dead_letter_arn:
        _is_accepted(message, subscription, target, is_raw and is_possible, send)


def _is_accepted(
    message: Message, subscription: Subscription, queue_arn: str, is_raw: bool, send: Send
) -> bool:
    """Send a message to a queue, and return whether the queue accepts it."""
    try:
        send(queue_arn, _delivery(message, subscription, queue_arn, is_raw))
    except AwsError:
        return False
    return True


def _delivery(message: Message, subscription: Subscription, queue_arn: str, is_raw: bool) -> Draft:
    """Return the message that a queue gets.

    A FIFO topic passes the ids of group and deduplication to FIFO queues only. A standard topic
    passes the id of the group to standard queues (guide, SQS fair queues).
    """
    draft = message.draft
    is_fifo = queue_arn.endswith('.fifo')
    return Draft(
        draft.body if is_raw else wrap(message, subscription),
        draft.attributes if is_raw else {},
        draft.group_id if is_fifo == subscription.topic.is_fifo else None,
        (draft.deduplication_id or sha256_of_text(draft.body)) if is_fifo else None,
        topic_arn=subscription.topic.arn,
    )
