"""Receiving from SQS: subscribers declare what they want, a listener brings it to them.

The way of a message: the listener receives it (`receiver`), opens it (`mega.aws.sqs.message`),
hands it to every subscriber that wants it (`dispatch`), decides what becomes of it (`verdict`), and
tells SQS (`settle`).
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
