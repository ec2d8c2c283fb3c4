"""What both publishers share: from payloads to what is sent, checked before anything leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypeAlias

from mega.aws._messages.attributes import (
    Attributes,
    FilterAttributes,
    to_aws,
    with_filter_attributes,
    with_payload_type,
)
from mega.aws._messages.destinations import region_of
from mega.aws._messages.limits import (
    ALWAYS_ALLOWED_BYTES,
    DEFAULT_MAX_BYTES,
    MAX_ATTRIBUTES,
    MAX_BATCH_ENTRIES,
    check_attributes,
    check_body,
    size_of,
)
from mega.aws._publishing.batch_planner import BatchPlanner, PlannedMessage
from mega.aws._publishing.buffer import PublishBuffer
from mega.aws._publishing.sender import Outgoing, PublishResult, Queued, Sender, ServiceApi, deliver
from mega.aws._transport.client import AwsClient, ClosesClient
from mega.aws.s3.store import S3PayloadStore
from mega.codec import AnyPayload, encode, payload_type_hint
from mega.errors import (
    ConfigurationError,
    EncodeError,
    PayloadTooLargeError,
    PublishError,
    TransportError,
    check_int,
    safe_repr,
)

__all__ = ('PerMessage', 'Publisher')

PerMessage: TypeAlias = Any
"""In a batch: one value for all messages, or a function of the payload."""

MAX_CONCURRENCY = 50
LOOK_AHEAD = 100
"""Payloads that are encoded before they are sent, so that messages of several groups find a way."""


class Publisher(ClosesClient, ABC):
    """Publishes payloads to destinations of one service, each checked before it leaves."""

    _wire: ClassVar[ServiceApi]
    _destination_name: ClassVar[str]
    _option_names: ClassVar[dict[str, str]]

    def __init__(
        self, aws: AwsClient, destination: str | None, store: S3PayloadStore | None
    ) -> None:
        super().__init__(aws)
        self._destination = destination
        self._store = store
        self._limits: dict[str, int] = {}

    @abstractmethod
    def _check_options(self, options: dict[str, Any], is_fifo: bool) -> None:
        """Refuse what the service would refuse beside body and attributes."""

    @abstractmethod
    def _check_size(self, outgoing: Outgoing, limit: int) -> None:
        """Refuse a message that is too large for a destination of this limit."""

    @abstractmethod
    def _delivered_size(self, outgoing: Outgoing) -> int:
        """The bytes that a message is to the queue where it arrives."""

    @abstractmethod
    def _sole_queue(self, destination: str) -> str | None:
        """The URL of the only queue in which a message arrives; None where there may be more."""

    @abstractmethod
    def _ask_limit(self, destination: str) -> Any:
        """Ask the service for the largest message that a destination takes."""

    @abstractmethod
    def _batch_bytes(self, destination: str) -> int:
        """The largest sum of the messages in one call."""

    def _publish(
        self,
        payload: AnyPayload,
        binary_encoding: bool,
        destination: str | None,
        attributes: Attributes | None,
        options: dict[str, Any],
        filter_attributes: FilterAttributes | None,
    ) -> str:
        target = self._target(destination)
        outgoing = self._encode(
            target, payload, binary_encoding, attributes, options, filter_attributes
        )
        return self._sender(target).send(outgoing)

    def _publish_raw(
        self,
        body: str,
        destination: str | None,
        attributes: Attributes | None,
        options: dict[str, Any],
    ) -> str:
        target = self._target(destination)
        if not isinstance(body, str):
            raise EncodeError('', f'is {safe_repr(body)}: a raw message is a text')
        check_body(body)
        return self._sender(target).send(self._validate(target, body, to_aws(attributes), options))

    def _publish_batch(
        self,
        payloads: Iterable[AnyPayload],
        binary_encoding: bool,
        destination: str | None,
        attributes: PerMessage,
        options: dict[str, PerMessage],
        concurrency: int,
        raise_on_failure: bool,
        filter_attributes: FilterAttributes | None,
    ) -> list[PublishResult]:
        check_int('concurrency', concurrency, 1, MAX_CONCURRENCY, 'calls at a time')
        target = self._target(destination)
        source = _Source(payloads)

        given_options = {name: each for name, each in options.items() if each is not None}

        def item(position: int, payload: AnyPayload) -> PlannedMessage[Queued]:
            order_key = None
            try:
                given = {name: _resolve(each, payload) for name, each in given_options.items()}
                order_key = _order_key(target, given)
                outgoing = self._encode(
                    target,
                    payload,
                    binary_encoding,
                    _resolve(attributes, payload),
                    given,
                    filter_attributes,
                )
            except Exception as error:  # of a user's function, perhaps
                return PlannedMessage(None, 0, order_key, error, position)
            return self._item(target, outgoing, order_key, position)

        items = (item(position, payload) for position, payload in enumerate(source))
        results = self._deliver(target, items, concurrency)
        if source.error is not None:
            raise PublishError.of_batch(results, 'the payloads ended early') from source.error
        if raise_on_failure and any(result.error for result in results):
            raise PublishError.of_batch(results)
        return results

    def _buffer(
        self, destination: str | None, max_messages: int, max_seconds: float, max_pending: int
    ) -> PublishBuffer:
        target = self._target(destination)

        def pack(
            payload: AnyPayload,
            binary_encoding: bool = False,
            message_attributes: Attributes | None = None,
            filter_attributes: FilterAttributes | None = None,
            **options: Any,
        ) -> Outgoing:
            given = self._aws_options(**options)
            return self._encode(
                target, payload, binary_encoding, message_attributes, given, filter_attributes
            )

        def send_all(messages: list[Outgoing]) -> list[PublishResult]:
            return self._deliver(
                target,
                (
                    self._item(target, message, _order_key(target, message.options), position)
                    for position, message in enumerate(messages)
                ),
            )

        return PublishBuffer(
            pack,
            send_all,
            self._batch_bytes(target),
            max_messages=max_messages,
            max_seconds=max_seconds,
            max_pending=max_pending,
        )

    def _deliver(
        self, target: str, items: Iterator[PlannedMessage[Queued]], concurrency: int = 1
    ) -> list[PublishResult]:
        results: dict[int, PublishResult] = {}
        plan = BatchPlanner(items, MAX_BATCH_ENTRIES, self._batch_bytes(target), LOOK_AHEAD)
        deliver(self._sender(target), plan, results, concurrency)
        return [results[position] for position in range(len(results))]

    def _item(
        self, target: str, outgoing: Outgoing, order_key: str | None, position: int
    ) -> PlannedMessage[Queued]:
        item: PlannedMessage[Queued] = PlannedMessage(
            outgoing, outgoing.size, order_key, None, position
        )
        store = self._store
        if outgoing.upload is not None:
            item.memory_bytes = outgoing.upload.pointer.size or 0
            return item
        if store is None:
            return item
        around = size_of('', outgoing.attributes)
        least = around + store.pointer_bytes
        may_be_put = outgoing.size - around <= store.max_payload
        if may_be_put and least < outgoing.size and len(outgoing.attributes) < MAX_ATTRIBUTES:
            item.least = least

            def shrink() -> tuple[Queued, int]:
                smaller = self._offloaded(store, target, outgoing)
                return smaller, smaller.size

            item.shrink = shrink
        return item

    def _encode(
        self,
        target: str,
        payload: AnyPayload,
        binary_encoding: bool,
        attributes: Attributes | None,
        options: dict[str, Any],
        filter_attributes: FilterAttributes | None,
    ) -> Outgoing:
        body = encode(payload, binary_encoding)
        if isinstance(payload, str):  # JSON and Base64 hold no character that AWS refuses
            check_body(body)
        if filter_attributes is not None:
            attributes = with_filter_attributes(attributes, filter_attributes, payload)
        mine = to_aws(attributes) if attributes else {}
        return self._validate(
            target, body, with_payload_type(mine, payload_type_hint(payload, body)), options
        )

    def _aws_options(self, **options: PerMessage) -> dict[str, PerMessage]:
        """What goes with a message, by AWS's names."""
        for name in options.keys() - self._option_names.keys():
            raise TypeError(f'publish() takes no {name!r} here')
        return {self._option_names[name]: value for name, value in options.items()}

    def _validate(
        self, target: str, body: str, attributes: dict[str, Any], options: dict[str, Any]
    ) -> Outgoing:
        given = {name: value for name, value in options.items() if value is not None}
        is_fifo = _is_fifo(target)
        if attributes:
            check_attributes(attributes)
        if given or is_fifo:
            self._check_options(given, is_fifo)
        outgoing = Outgoing(body, attributes, given, size_of(body, attributes))
        if self._store is not None and self._is_large(self._store, target, outgoing):
            outgoing = self._offloaded(self._store, target, outgoing)
        if outgoing.size > ALWAYS_ALLOWED_BYTES:
            try:
                self._check_size(outgoing, self._limit(target))
            except PayloadTooLargeError as error:
                raise PayloadTooLargeError(error.size, error.limit, self._advice()) from None
        return outgoing

    def _advice(self) -> str:
        if self._store is None:
            return 'with a payload_store the publisher sends its body through S3'
        return 'its attributes are too large'

    def _is_large(self, store: S3PayloadStore, target: str, outgoing: Outgoing) -> bool:
        """Whether a body goes to S3, and its message carries a pointer."""
        if store.always:
            return True
        size = self._delivered_size(outgoing)
        return size > store.threshold or (
            outgoing.size > ALWAYS_ALLOWED_BYTES and outgoing.size > self._limit(target)
        )

    def _offloaded(self, store: S3PayloadStore, target: str, outgoing: Outgoing) -> Outgoing:
        """The message that carries a pointer, checked; nothing is in S3 yet."""
        upload = store.offload(outgoing.body, self._sole_queue(target))
        attributes = {**outgoing.attributes, **upload.attributes}
        check_attributes(attributes)
        options = outgoing.options
        if _is_fifo(target) and 'MessageDeduplicationId' not in options:
            # By content, as the queue or topic would do it: of a pointer no two are equal.
            options = {**options, 'MessageDeduplicationId': upload.pointer.sha256}
        return Outgoing(upload.body, attributes, options, size_of(upload.body, attributes), upload)

    def _target(self, destination: str | None) -> str:
        """Where one message goes: to the destination given with it, or the publisher's own."""
        target = destination or self._destination
        if not target:
            name = self._destination_name
            raise ConfigurationError(f'no {name}: give it to the publisher or to the call')
        region, ours = region_of(target), self._aws.region
        if region and ours and region != ours:
            problem = f'lies in {region}, and this publisher talks to {ours}: make one for it'
            raise ConfigurationError(f'{target} {problem}')
        return target

    def _sender(self, target: str) -> Sender:
        return Sender(self._aws, self._wire, target)

    def _limit(self, target: str) -> int:
        """The largest message that a destination takes, asked for once."""
        if target not in self._limits:
            try:
                self._limits[target] = int(self._ask_limit(target))
            except TransportError as error:
                if error.retriable:
                    return DEFAULT_MAX_BYTES  # this time
                self._limits[target] = DEFAULT_MAX_BYTES  # it may not be asked
            except (KeyError, TypeError, ValueError):
                self._limits[target] = DEFAULT_MAX_BYTES  # it does not say
        return self._limits[target]


class _Source:
    """A user's payloads, and the error where they end in one."""

    def __init__(self, payloads: Iterable[AnyPayload]) -> None:
        self._payloads = payloads
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[AnyPayload]:
        try:
            yield from self._payloads
        except Exception as error:
            self.error = error


def _resolve(each: PerMessage, payload: AnyPayload) -> Any:
    return each(payload) if callable(each) else each


def _order_key(target: str, options: dict[str, Any]) -> str | None:
    """The group whose order a message keeps."""
    group = options.get('MessageGroupId') if _is_fifo(target) else None
    return group if isinstance(group, str) else None


def _is_fifo(destination: str) -> bool:
    return destination.endswith('.fifo')
