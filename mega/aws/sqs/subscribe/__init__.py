"""Receiving from SQS: subscribers declare what they want, a listener brings it to them.

The way of a message: it is received (`queue`, `receiver`), opened (`mega.aws.sqs.message`), handed
to every subscriber that wants it (`dispatch`), judged (`verdict`), and SQS is told (`settle`). The
`processor` leads one message along it, the `listener` all of them.
"""

from __future__ import annotations

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.listener import SqsListener
from mega.aws.sqs.subscribe.stats import Stats
from mega.aws.sqs.subscribe.subscriber import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    ProcessStatus,
    TextSubscriber,
)

__all__ = (
    'BlobSubscriber',
    'DataSubscriber',
    'EventSubscriber',
    'Message',
    'MessageSubscriber',
    'ProcessStatus',
    'SqsListener',
    'Stats',
    'TextSubscriber',
)
