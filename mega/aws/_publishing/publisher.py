"""The core of both publishers: a payload becomes a message, and the message is sent.

    payload -> Encoder: encode, check, offload -> Sender: upload, send, retry -> message id

`SqsPublisher` and `SnsPublisher` hold one `Publisher` each, with the `ServiceApi` of their service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from mega.aws._hooks.publishing import PublishHook, PublishResult
from mega.aws._hooks.running import hooks_with
from mega.aws._messages.attributes import Attributes, FilterAttributes
from mega.aws._messages.compression import Compression, check_compression
from mega.aws._messages.destinations import check_region
from mega.aws._messages.limits import MAX_BATCH_ENTRIES
from mega.aws._publishing.batch_planner import BatchPlanner, PlannedMessage
from mega.aws._publishing.buffer import BufferLimits, PublishBuffer
from mega.aws._publishing.destination_limits import DestinationLimits
from mega.aws._publishing.encoder import Encoder, message_group
from mega.aws._publishing.hooks import begin_hooks
from mega.aws._publishing.outgoing import EncodedMessage, OutgoingMessage, PlannedOutgoing
from mega.aws._publishing.sender import ProgressLimit, Sender, send_all
from mega.aws._publishing.service import ServiceApi
from mega.aws._publishing.streams import Streamable, begin_stream, opened
from mega.aws._transport.client import AwsClient
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.s3.store import S3PayloadStore
from mega.codec import Publishable
from mega.errors import (
    ConfigurationError,
    MegaError,
    PublishError,
    Seconds,
    check_int,
    check_seconds,
)

__all__ = ('PerMessage', 'Publisher')

PerMessage: TypeAlias = Any
"""In a batch: one value for all messages, or a function of the payload."""

MAX_CONCURRENCY = 50

LOOKAHEAD = 100
"""Payloads that are encoded ahead, so that a request has messages of several message groups."""

MAX_SENDERS = 1_000
"""Destinations that a publisher remembers. Beyond that it checks them anew."""


MIN_TIMEOUT = 0.001
MAX_TIMEOUT = 86_400
"""Seconds of a time limit."""


class Publisher:
    """Publishes payloads to destinations of one service. Safe to share among threads.

    `timeout` is the time limit of `publish` in seconds, and of the progress of a batch.
    Options are named by AWS; an option that is not set is missing.
    """

    def __init__(
        self,
        aws: AwsClient,
        api: ServiceApi,
        destination: str | None,
        store: S3PayloadStore | None,
        timeout: Seconds,
        hooks: Sequence[PublishHook] = (),
        compression: Compression | None = None,
    ) -> None:
        self._aws = aws
        self._api = api
        self._destination = destination
        self._timeout = check_seconds('timeout', timeout, MIN_TIMEOUT, MAX_TIMEOUT)
        if store is not None:
            store.check_client(aws)
        self._limits = DestinationLimits(api, aws)
        compression = check_compression('compression', compression)
        self._encoder = Encoder(api, self._limits.limit_of, store, compression)
        self._hooks = hooks_with('around_publish', hooks, PublishHook)
        self._senders: dict[str, Sender] = {}
        if destination is not None:
            self._add_sender(destination)

    def publish(
        self,
        payload: Publishable,
        binary_encoding: bool,
        destination: str | None,
        attributes: Attributes | None,
        options: dict[str, Any],
        filter_attributes: FilterAttributes | None,
    ) -> str:
        """Publish one payload, and return the id of its message."""
        sender = self._sender(destination)
        with within(TimeLimit(self._timeout, self._aws.clock)):
            outgoing = self._encoder.encode(
                sender.destination, payload, binary_encoding, attributes, options, filter_attributes
            )
            return self._within_hooks(sender.destination, outgoing, sender.send)

    def publish_raw(
        self,
        body: str,
        destination: str | None,
        attributes: Attributes | None,
        options: dict[str, Any],
    ) -> str:
        """Publish a body as it is, and return the id of its message."""
        sender = self._sender(destination)
        with within(TimeLimit(self._timeout, self._aws.clock)):
            outgoing = self._encoder.encode_raw(sender.destination, body, attributes, options)
            return self._within_hooks(sender.destination, outgoing, sender.send)

    def publish_stream(
        self,
        stream: Streamable,
        destination: str | None,
        attributes: Attributes | None,
        options: dict[str, Any],
    ) -> str:
        """Publish the content of a file through S3, and return the id of its message."""
        sender = self._sender(destination)
        with opened(stream) as file:
            begun = begin_stream(self._encoder, sender, attributes, options, self._timeout)
            send = partial(begun.send, file)
            return self._within_hooks(sender.destination, begun.draft, send)

    def publish_batch(
        self,
        payloads: Iterable[Publishable],
        binary_encoding: bool,
        destination: str | None,
        attributes: PerMessage,
        options: dict[str, PerMessage],
        concurrency: int,
        raise_on_failure: bool,
        filter_attributes: FilterAttributes | None,
    ) -> list[PublishResult]:
        """Publish any number of payloads, and return one result for each, in order."""
        check_int('concurrency', concurrency, 1, MAX_CONCURRENCY, 'requests at a time')
        sender = self._sender(destination)
        target = sender.destination
        source = _PayloadSource(payloads)

        def planned(position: int, payload: Publishable) -> PlannedOutgoing:
            key = None
            try:
                given = _options_of(payload, options) if options else {}
                key = message_group(target, given)
                outgoing = self._encoder.encode(
                    target,
                    payload,
                    binary_encoding,
                    attributes(payload) if callable(attributes) else attributes,
                    given,
                    filter_attributes,
                )
                outgoing = self._with_hooks(target, outgoing)
            except Exception as error:  # a function of the user may raise any
                return PlannedMessage(None, 0, key, error, position)
            return self._encoder.plan(target, outgoing, position)

        messages = (planned(position, payload) for position, payload in enumerate(source))
        results = self._send_all(sender, messages, concurrency)
        if source.error is not None:
            raise PublishError.of_batch(results, 'the payloads ended early') from source.error
        if raise_on_failure and any(result.error for result in results):
            raise PublishError.of_batch(results)
        return results

    def send_encoded(
        self, destination: str, messages: Iterable[EncodedMessage], concurrency: int, seconds: float
    ) -> list[PublishResult]:
        """Send messages that were encoded before, and return one result for each, in order.

        The calls end after `seconds`, whether or not there is progress.

        Raises:
            ConfigurationError: for a destination that this publisher cannot reach.
        """
        sender = self._sender(destination)

        def planned(position: int, message: EncodedMessage) -> PlannedOutgoing:
            try:
                outgoing = self._encoder.build(destination, *message)
                outgoing = self._with_hooks(destination, outgoing)
            except MegaError as error:
                group = message_group(destination, message.options)
                return PlannedMessage(None, 0, group, error, position)
            return self._encoder.plan(destination, outgoing, position)

        source = (planned(position, message) for position, message in enumerate(messages))
        end = TimeLimit(seconds, self._aws.clock)
        with within(end):
            return self._send_all(sender, source, concurrency, end)

    def buffer(self, destination: str | None, limits: BufferLimits) -> PublishBuffer:
        """Open a buffer to one destination."""
        sender = self._sender(destination)
        target = sender.destination
        names = self._api.options

        def encode(
            payload: Publishable,
            binary_encoding: bool = False,
            message_attributes: Attributes | None = None,
            filter_attributes: FilterAttributes | None = None,
            **options: Any,
        ) -> OutgoingMessage:
            for name in options.keys() - names.keys():
                raise TypeError(f'publish() takes no {name!r} here')
            given = {names[name]: value for name, value in options.items() if value is not None}
            outgoing = self._encoder.encode(
                target, payload, binary_encoding, message_attributes, given, filter_attributes
            )
            return self._with_hooks(target, outgoing)

        def send(messages: list[OutgoingMessage]) -> list[PublishResult]:
            plan = self._encoder.plan
            return self._send_all(
                sender, (plan(target, message, place) for place, message in enumerate(messages))
            )

        with within(TimeLimit(self._timeout, self._aws.clock)):
            max_bytes = self._encoder.max_batch_bytes(target)
        return PublishBuffer(encode, send, max_bytes, self._timeout, limits)

    def _with_hooks(self, destination: str, outgoing: OutgoingMessage) -> OutgoingMessage:
        """Begin the hooks of a message, if there are any."""
        if not self._hooks:
            return outgoing
        return begin_hooks(self._hooks, self._encoder, destination, outgoing)

    def _within_hooks(
        self, destination: str, outgoing: OutgoingMessage, send: Callable[[OutgoingMessage], str]
    ) -> str:
        """Send a single message within its hooks."""
        if not self._hooks:
            return send(outgoing)
        begun = self._with_hooks(destination, outgoing)
        try:
            result = PublishResult(send(begun))
        except MegaError as error:
            result = PublishResult(error=error)
        result = begun.finished(result)
        if result.error is not None:
            raise result.error
        assert result.message_id is not None
        return result.message_id

    def _send_all(
        self,
        sender: Sender,
        messages: Iterator[PlannedOutgoing],
        concurrency: int = 1,
        end: TimeLimit | None = None,
    ) -> list[PublishResult]:
        results: dict[int, PublishResult] = {}
        limit = ProgressLimit(self._timeout, self._aws.clock, end)
        with within(limit.for_request()):
            max_bytes = self._encoder.max_batch_bytes(sender.destination)
        if sender.destination in self._limits.known:  # AWS answers
            limit.record_progress()
        plan = BatchPlanner(messages, MAX_BATCH_ENTRIES, max_bytes, LOOKAHEAD)
        send_all(sender, plan, results, concurrency, limit)
        return [results[position] for position in range(len(results))]

    def _sender(self, destination: str | None) -> Sender:
        """Return the sender to the destination of a call, or to the publisher's own destination."""
        target = destination or self._destination
        sender = self._senders.get(target or '')
        return sender or self._add_sender(target)

    def _add_sender(self, target: str | None) -> Sender:
        if not target:
            name = self._api.destination_option
            raise ConfigurationError(f'no {name}: give it to the publisher or to the call')
        name = self._api.destination_option
        self._api.check_destination(name, target, self._aws.endpoint_url)
        check_region(name, target, self._aws.region)
        if len(self._senders) >= MAX_SENDERS:
            self._senders.clear()
        sender = self._senders[target] = Sender(self._aws, self._api, target)
        return sender


class _PayloadSource:
    """The user's payloads, and the error with which they ended, if any."""

    def __init__(self, payloads: Iterable[Publishable]) -> None:
        self._payloads = payloads
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Publishable]:
        try:
            yield from self._payloads
        except Exception as error:
            self.error = error


def _options_of(payload: Publishable, options: dict[str, PerMessage]) -> dict[str, Any]:
    """Return the options of one message of a batch."""
    resolved = {
        name: value(payload) if callable(value) else value for name, value in options.items()
    }
    return {name: value for name, value in resolved.items() if value is not None}
