"""The parts of a listener that its sessions share, and what runs a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Struct

from mega.aws._transport.client import AwsClient
from mega.aws.s3.store import S3PayloadStore
from mega.aws.sns.verification import EnvelopePolicy
from mega.aws.sqs.opening import MessageOpener, open_message
from mega.aws.sqs.subscribe.engine import Engine
from mega.aws.sqs.subscribe.processing.hooks import DeliveryResult
from mega.aws.sqs.subscribe.processing.pipeline import OpenedMessage, Processor
from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender
from mega.aws.sqs.subscribe.runtime.lazy_event_loop import EventLoop
from mega.aws.sqs.subscribe.runtime.queue_client import QueueClient
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.aws.sqs.subscribe.runtime.worker_pool import Handlers, Pool
from mega.aws.sqs.subscribe.subscribers.routing import Router

__all__ = ('ListenerContext', 'Runtime', 'create_context')


class ListenerContext(Struct, frozen=True):
    """The parts of a listener that all its sessions share."""

    queue: QueueClient
    dead_letter_queue: DeadLetterSender | None
    router: Router
    processor: Processor
    counter: StatsCounter
    store: S3PayloadStore | None = None
    envelopes: EnvelopePolicy | None = None
    gzip_attribute: str | None = None

    @property
    def opener(self) -> MessageOpener:
        """The function that opens a message whose body was not prefetched."""
        settings = self.store, self.envelopes, self.gzip_attribute
        if settings == (None, None, None):
            return open_message  # a `partial` costs time for each message
        return partial(
            open_message,
            store=self.store,
            policy=self.envelopes,
            gzip_attribute=self.gzip_attribute,
        )


def create_context(
    aws: AwsClient,
    queue_url: str,
    dead_letter_queue_url: str | None,
    processor: Processor,
    router: Router,
    counter: StatsCounter,
    store: S3PayloadStore | None,
    envelopes: EnvelopePolicy | None,
    gzip_attribute: str | None,
) -> ListenerContext:
    """Create the parts of a listener that make calls with its client.

    Raises:
        ConfigurationError: for a store with a client of another kind.
    """
    if store is not None:
        store.check_client(aws)
    dead_letter_queue = None
    if dead_letter_queue_url is not None:
        dead_letter_queue = DeadLetterSender(aws, dead_letter_queue_url, queue_url)
    queue = QueueClient(aws, queue_url)
    return ListenerContext(
        queue,
        dead_letter_queue,
        router,
        processor,
        counter,
        store,
        envelopes,
        gzip_attribute,
    )


class Runtime(Protocol):
    """What runs the commands of a session: threads, or a test in its own thread.

    `max_s3_threads` is the number of threads for calls to S3. Without one, the calls are made when
    their results are needed. `observe` is called with the result of each message, if it is set.
    """

    @property
    def max_s3_threads(self) -> int: ...
    @property
    def observe(self) -> Callable[[OpenedMessage, DeliveryResult], None] | None: ...

    def create_pool(self, engine: Engine, handlers: Handlers) -> Pool:
        """Create the pool, which asks the engine for commands, and runs them."""

    def create_event_loop(self, on_done: Callable[[], None]) -> EventLoop:
        """Create the event loop of the subscribers that are `async def`."""
