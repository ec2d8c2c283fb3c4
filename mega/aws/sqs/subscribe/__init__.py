"""Receive messages from SQS: subscribers declare patterns, and a listener passes them messages.

    listener.py   SqsListener, the public class; option_checks.py checks its options
    subscribers/  declaration and routing of subscribers
    processing/   one message: open -> match -> dispatch -> settle
    engine/       all messages: when to receive, start, extend, delete and dead-letter
    preflight/    checks of the queue at the start
    runtime/      threads, the event loop, and the calls to AWS

The path of a message: the `runtime` receives it, as the `engine` commands. A worker thread opens it
and passes it to the matching subscribers (`processing`). Their statuses decide the settlement. The
engine then commands the delete, the change of visibility, or the call to the dead-letter queue.

The module imports the listener on first use, because subscribers on Lambda do not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mega._lazy_import import import_on_first_use
from mega.aws._hooks.running import HookGenerator
from mega.aws._hooks.work import blocking
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult, Hook
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.retry_delay import Backoff
from mega.aws.sqs.subscribe.subscribers.subscriber import (
    BlobSubscriber,
    DataSubscriber,
    EventSubscriber,
    MessageSubscriber,
    ProcessResult,
    ProcessStatus,
    StreamSubscriber,
    Subscriber,
    TextSubscriber,
)
from mega.codec import AnyPayload, StreamedPayload

if TYPE_CHECKING:
    from mega.aws.sqs.subscribe.listener import SqsListener
    from mega.aws.sqs.subscribe.runtime.activity import Activity
    from mega.aws.sqs.subscribe.runtime.stats import Stats

__all__ = (
    'Activity',
    'AnyPayload',
    'Backoff',
    'BlobSubscriber',
    'DataSubscriber',
    'DeliveryResult',
    'EventSubscriber',
    'Hook',
    'HookGenerator',
    'Message',
    'MessageSubscriber',
    'Outcome',
    'ProcessResult',
    'ProcessStatus',
    'SqsListener',
    'Stats',
    'StreamSubscriber',
    'StreamedPayload',
    'Subscriber',
    'TextSubscriber',
    'blocking',
)

_OF_LISTENERS = {
    'Activity': '.runtime.activity',
    'SqsListener': '.listener',
    'Stats': '.runtime.stats',
}
"""The module of each name that is imported on first use."""

__getattr__ = import_on_first_use(__name__, _OF_LISTENERS)
