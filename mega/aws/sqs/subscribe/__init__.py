"""Receiving from SQS: subscribers declare what they want, a listener brings it to them.

The way of a message: it is received (`queue`), opened (`mega.aws.sqs.message`), matched
(`registry`), handed to every subscriber that wants it (`dispatch`), judged (`verdict`), and SQS is
told, `retries` saying when it comes again. The `processor` leads one message to its verdict, with
`hooks` round it. What happens when, to all of them, is decided in the `engine`, and done by the
threads of a `crew`, for a `shift` of a `listener`.
"""

from __future__ import annotations

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult, Hook
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.runtime.stats import Stats
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff
from mega.aws.sqs.subscribe.subscribers.subscriber import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    ProcessStatus,
    TextSubscriber,
)

__all__ = (
    'Backoff',
    'BlobSubscriber',
    'DataSubscriber',
    'DeliveryResult',
    'EventSubscriber',
    'Hook',
    'Message',
    'MessageSubscriber',
    'Outcome',
    'ProcessStatus',
    'SqsListener',
    'Stats',
    'TextSubscriber',
)
