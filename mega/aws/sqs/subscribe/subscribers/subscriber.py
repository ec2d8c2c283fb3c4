"""Subscribers: what they want of the messages of a queue, and what they do with it."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.subscribers.declaration import (
    EVENT_FIELDS,
    EXTRA_FIELD,
    OBJECT_FIELDS,
    accepts_arguments,
    check_exceptions,
    find_declared,
    patterns,
)
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay, check_delay
from mega.errors import ConfigurationError, join_path, safe_repr
from mega.event import Payload
from mega.match.functions import and_, optional
from mega.match.pattern import Pattern, compiled

__all__ = (
    'Answer',
    'BlobSubscriber',
    'DataSubscriber',
    'EventSubscriber',
    'MessageSubscriber',
    'ProcessStatus',
    'Subscriber',
    'TextSubscriber',
    'check_subscriber',
)


class ProcessStatus(Enum):
    """What a subscriber says of a message that it has processed."""

    DONE = 'done'
    """It is processed. This is also the answer of a `process` that returns nothing."""

    RETRY_LATER = 'retry later'
    """It cannot be processed yet; it stays in the queue and comes again. This is no error."""

    FATAL_ERROR = 'fatal error'
    """It can never be processed; it is dead-lettered where a queue was given, and deleted."""

    RETRIABLE_ERROR = 'retriable error'
    """It failed, and may not fail again; it stays in the queue and comes again."""


Answer: TypeAlias = ProcessStatus | None
"""What `process` may return; None is `DONE`."""


class MessageSubscriber(ABC):
    """Gets every kind of payload that its `pattern` matches, or any without one.

    Subclass it, declare, and register the class with a listener. Every delivery is served by a
    fresh instance, made without arguments: `self` is private to the delivery, `self.message`.
    What is costly to make belongs on the class or the module.

    A message may be delivered more than once: `process` should be idempotent.
    """

    pattern: ClassVar[Any]
    """What to match over the whole payload; an event is matched in the form of its `to_dict()`."""

    retriable_exceptions: ClassVar[tuple[type[BaseException], ...]] = ()
    """Exceptions out of `process` that leave the message in the queue, to come again."""

    retry_delay: ClassVar[RetryDelay | None] = None
    """When a message comes again that it wants again: a number of seconds, a `Backoff`, or a
    function of the message; None: after the listener's `retry_delay`. A `RetriableError` with a
    delay goes before it."""

    payload_kind: ClassVar[type | tuple[type, ...]] = (Payload, dict, str, bytes)
    """The payloads that this kind of subscriber gets at all."""

    wants: ClassVar[Pattern | None] = None
    """All that the class declares, compiled; None where that is nothing."""

    message: Message
    """The delivery that is being processed. `message.lost` says whether it still is ours."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_exceptions(cls.__name__, cls.retriable_exceptions)
        check_delay(f'{cls.__name__}.retry_delay', cls.retry_delay)
        declared = list(cls._declared())
        cls.wants = (declared[0] if len(declared) == 1 else and_(*declared)) if declared else None

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        if found := find_declared(cls, 'pattern'):
            yield compiled(found[1], join_path(cls.__name__, found[0]))

    @abstractmethod
    def process(self, payload: Any) -> Answer | Awaitable[Answer]:
        """Process a payload that matched. May be `async def`.

        Return a `ProcessStatus`, or nothing for `DONE`, or raise: an exception is a `FATAL_ERROR`
        unless it is a `RetriableError` or among the `retriable_exceptions`.
        """


Subscriber: TypeAlias = type[MessageSubscriber]


class DataSubscriber(MessageSubscriber):
    """Gets data objects (`dict`) that its `pattern` matches."""

    payload_kind = dict


class TextSubscriber(MessageSubscriber):
    """Gets plain text (`str`) that its `pattern` matches."""

    payload_kind = str


class BlobSubscriber(MessageSubscriber):
    """Gets binary blobs (`bytes`) that its `pattern` matches."""

    payload_kind = bytes


class EventSubscriber(MessageSubscriber):
    """Gets MEGA events that match everything it declares.

    Declare any of the class attributes below, each a value, a function of `mega.match.functions`
    or a predicate of one's own, and `pattern` for what they cannot say.

    | attribute          | alias             | matches            |
    |--------------------|-------------------|--------------------|
    | `event_name`       | `name`            | `event.name`       |
    | `event_domain`     | `domain`          | `event.domain`     |
    | `event_version`    | `version`         | `event.version`    |
    | `event_timestamp`  | `timestamp`       | `event.timestamp`  |
    | `event_subject`    | `subject`         | `event.subject`    |
    | `event_publisher`  | `publisher`       | `event.publisher`  |
    | `event_attributes` | `attributes`      | `event.attributes` |
    | `object_type`      |                   | `object.type`      |
    | `object_version`   |                   | `object.version`   |
    | `object_id`        |                   | `object.id`        |
    | `object_current`   | `current_object`  | `object.current`   |
    | `object_previous`  | `previous_object` | `object.previous`  |
    | `extra`            |                   | `extra`            |

    Where a class declares both an attribute and its alias, the alias is ignored. A child's
    declaration, under either name, goes before its parent's.
    """

    payload_kind = Payload

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        if event := patterns(cls, EVENT_FIELDS):
            yield compiled({'event': event})
        if subject := patterns(cls, OBJECT_FIELDS):
            # An event without an object has none of its fields.
            may_be_absent = all(pattern.absent for pattern in subject.values())
            yield compiled({'object': optional(subject) if may_be_absent else subject})
        if extra := patterns(cls, EXTRA_FIELD):
            yield compiled(extra)
        yield from super()._declared()


def check_subscriber(subscriber: object) -> Subscriber:
    """Take a class that a listener can serve, or say what is wrong with it.

    Raises:
        ConfigurationError: for what is no subscriber, or cannot be made or called.
    """
    if not inspect.isclass(subscriber):
        problem = 'register the class itself, not an instance of it'
        raise ConfigurationError(f'{safe_repr(subscriber)} is no subscriber: {problem}')
    name = subscriber.__name__
    if not issubclass(subscriber, MessageSubscriber):
        problem = 'subclass MessageSubscriber, EventSubscriber, DataSubscriber or their like'
        raise ConfigurationError(f'{name} is no subscriber: {problem}')
    if inspect.isabstract(subscriber):
        raise ConfigurationError(f'{name} has no process(self, payload): declare one')
    if not accepts_arguments(subscriber):
        problem = 'its constructor needs arguments, and an instance is made for every delivery'
        raise ConfigurationError(f'{name} cannot be made: {problem}')
    if not accepts_arguments(subscriber.process, None, None):
        raise ConfigurationError(f'{name}.process takes (self, payload)')
    return subscriber
