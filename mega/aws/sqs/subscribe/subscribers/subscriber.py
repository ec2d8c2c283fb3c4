"""The base classes of subscribers, and the statuses that they return."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Collection, Iterator
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.subscribers.declaration import (
    EVENT_FIELDS,
    EXTRA_FIELD,
    NAMES_OF_EVENTS,
    OBJECT_FIELDS,
    accepts_arguments,
    check_exceptions,
    find_declared,
)
from mega.aws.sqs.subscribe.subscribers.misspelling import check_names
from mega.aws.sqs.subscribe.subscribers.possible_patterns import (
    EVENT_SHAPE,
    compile_fields,
    compile_for_payloads,
)
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay, check_delay
from mega.codec import AnyPayload
from mega.errors import ConfigurationError, safe_repr
from mega.event import Payload, is_mega_event
from mega.match.explanation import Explanation, Finding, explain
from mega.match.functions import and_, any_, is_a, optional
from mega.match.pattern import Pattern, compile_pattern

__all__ = (
    'BlobSubscriber',
    'DataSubscriber',
    'EventSubscriber',
    'MessageSubscriber',
    'ProcessResult',
    'ProcessStatus',
    'Subscriber',
    'TextSubscriber',
    'check_subscriber',
    'explain_match',
)


class ProcessStatus(Enum):
    """The result of a subscriber for one message."""

    DONE = 'done'
    """The message is processed. A `process` that returns None means the same."""

    RETRY_LATER = 'retry later'
    """The message cannot be processed yet. It stays in the queue. This is not an error."""

    FATAL_ERROR = 'fatal error'
    """The message can never be processed. It is dead-lettered, if there is a queue, and deleted."""

    RETRIABLE_ERROR = 'retriable error'
    """The message failed, and may succeed later. It stays in the queue."""


ProcessResult: TypeAlias = ProcessStatus | None
"""The return type of `process`. None means `DONE`."""


class MessageSubscriber(ABC):
    """Receives all payloads that match its `pattern`. Without a pattern, it receives all payloads.

    Subclass it, declare a pattern, and register the class with a listener. The listener creates a
    new instance for each delivery, without arguments. `self` is therefore private to the delivery,
    and `self.message` is the message. Keep expensive objects on the class or in the module.

    SQS may deliver a message more than once: `process` should be idempotent.
    """

    pattern: ClassVar[Any]
    """The pattern for the whole payload. An event is matched in the form of its `to_dict()`."""

    retriable_exceptions: ClassVar[tuple[type[BaseException], ...]] = ()
    """The exceptions of `process` that leave the message in the queue, for a retry."""

    retry_delay: ClassVar[RetryDelay | None] = None
    """The delay before a retry: a number of seconds, a `Backoff`, or a function of the message.
    None: the listener's `retry_delay`. The delay of a `RetriableError` precedes this one."""

    payload_classes: ClassVar[type | tuple[type, ...]] = (Payload, dict, str, bytes)
    """The classes of payload that this subscriber can receive."""

    compiled_pattern: ClassVar[Pattern | None] = None
    """All declarations of the class as one compiled pattern; None if there are none."""

    message: Message
    """The message in processing. `message.lost` says whether another consumer may have it."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_names(cls, cls._names_of_declarations(), NAMES_OF_EVENTS)
        check_exceptions(cls.__name__, cls.retriable_exceptions)
        check_delay(f'{cls.__name__}.retry_delay', cls.retry_delay)
        declared = list(cls._declared())
        cls.compiled_pattern = (
            (declared[0] if len(declared) == 1 else and_(*declared)) if declared else None
        )

    @classmethod
    def matches(cls, payload: AnyPayload) -> Explanation:
        """Explain whether this class receives a payload: its kind and all declarations must match.

        The result is true if the class receives the payload. `print` it for the reason.
        `payload` is any object that a publisher accepts. An event may be given as a `dict`. Nothing
        processes the payload. A predicate that raises does not match.

        Raises:
            EventError: for a `dict` that is marked as a MEGA event but is not a valid one.
        """
        return explain_match(cls, payload)

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        if found := find_declared(cls, 'pattern'):
            yield compile_for_payloads(cls, *found)

    @classmethod
    def _names_of_declarations(cls) -> Collection[str]:
        return _NAMES

    @abstractmethod
    def process(self, payload: Any) -> ProcessResult | Awaitable[ProcessResult]:
        """Process a payload that matches. May be `async def`.

        Return a `ProcessStatus`; None means `DONE`. A `RetriableError` and the
        `retriable_exceptions` mean `RETRIABLE_ERROR`, also within an `ExceptionGroup`. A failure of
        the machine, such as no memory or too many open files, has the same effect. Any other
        exception means `FATAL_ERROR`, unless the listener has `unhandled='retry'`.
        """


Subscriber: TypeAlias = type[MessageSubscriber]

_NAMES = frozenset(('pattern', 'retriable_exceptions', 'retry_delay', 'payload_classes'))

_SAMPLE = Message('', '', '')


class DataSubscriber(MessageSubscriber):
    """Receives data objects (`dict`) that match its `pattern`."""

    payload_classes = dict


class TextSubscriber(MessageSubscriber):
    """Receives text (`str`) that matches its `pattern`."""

    payload_classes = str


class BlobSubscriber(MessageSubscriber):
    """Receives binary blobs (`bytes`) that match its `pattern`."""

    payload_classes = bytes


class EventSubscriber(MessageSubscriber):
    """Receives MEGA events that match all its declarations.

    Each of the following class attributes may be a value, a function of `mega.match.functions` or a
    predicate. `pattern` is for conditions that they cannot express.

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

    If a class declares both an attribute and its alias, the alias is ignored. The declaration of a
    class, under either name, precedes that of its parent.
    """

    payload_classes = Payload

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        if event := compile_fields(cls, EVENT_FIELDS, EVENT_SHAPE['event']):
            yield compile_pattern({'event': event})
        if subject := compile_fields(cls, OBJECT_FIELDS, EVENT_SHAPE['object']):
            # An event without an object matches if none of the fields is required.
            may_be_absent = all(pattern.when_missing for pattern in subject.values())
            yield compile_pattern({'object': optional(subject) if may_be_absent else subject})
        if extra := compile_fields(cls, EXTRA_FIELD, EVENT_SHAPE):
            yield compile_pattern(extra)
        yield from super()._declared()

    @classmethod
    def _names_of_declarations(cls) -> Collection[str]:
        return _NAMES | NAMES_OF_EVENTS


def explain_match(subscriber: Subscriber, payload: AnyPayload) -> Explanation:
    """Return why a subscriber receives a payload or not.

    A class of the user may have another `matches`, so that the library calls this function.

    Raises:
        EventError: for a `dict` that is marked as a MEGA event but is not a valid one.
    """
    if isinstance(payload, dict) and is_mega_event(payload):
        payload = Payload.from_dict(payload)
    kinds, pattern = subscriber.payload_classes, subscriber.compiled_pattern
    if isinstance(payload, kinds):
        return explain(payload, any_() if pattern is None else pattern)
    expected = is_a(*kinds) if isinstance(kinds, tuple) else is_a(kinds)
    return Explanation(False, (Finding('', payload, expected, False, 'another kind of payload'),))


def check_subscriber(subscriber: object) -> Subscriber:
    """Check a subscriber, and return it.

    The check creates an instance, as the listener does for each delivery.

    Raises:
        ConfigurationError: for an object that is not a subscriber class, an abstract class, a class
            whose constructor needs arguments or raises, a class whose `message` cannot be set, or
            one whose `process` takes other arguments or is a generator.
    """
    if not inspect.isclass(subscriber):
        problem = 'register the class, not an instance of it'
        raise ConfigurationError(f'{safe_repr(subscriber)} is not a subscriber class: {problem}')
    name = subscriber.__name__
    if not issubclass(subscriber, MessageSubscriber):
        problem = 'it must extend MessageSubscriber, EventSubscriber or another of them'
        raise ConfigurationError(f'{name} is not a subscriber class: {problem}')
    if inspect.isabstract(subscriber):
        raise ConfigurationError(f'{name} is abstract: it must define process(self, payload)')
    _check_instance(subscriber)
    return subscriber


def _check_instance(subscriber: Subscriber) -> None:
    """Check that the listener can create an instance, set its message, and call `process`."""
    name = subscriber.__name__
    if not accepts_arguments(subscriber):
        problem = 'the listener creates an instance for each delivery, without arguments'
        raise ConfigurationError(f'the constructor of {name} needs arguments: {problem}')
    try:
        instance = subscriber()
    except Exception as error:
        problem = 'the listener creates an instance for each delivery, and one now, as a check'
        kind = type(error).__name__
        raise ConfigurationError(f'the constructor of {name} raised {kind}: {problem}') from error
    try:
        instance.message = _SAMPLE
        is_kept = instance.message is _SAMPLE
    except Exception as error:
        raise ConfigurationError(_no_message(name, type(error).__name__)) from error
    if not is_kept:
        raise ConfigurationError(_no_message(name, 'it has another value afterwards'))
    process = getattr(instance, 'process', None)
    if not accepts_arguments(process, None):
        raise ConfigurationError(f'{name}.process must accept (self, payload)')
    if inspect.isgeneratorfunction(process) or inspect.isasyncgenfunction(process):
        problem = 'the listener calls it, and would not run it: remove the `yield`'
        raise ConfigurationError(f'{name}.process is a generator: {problem}')


def _no_message(name: str, reason: str) -> str:
    remedy = 'the class must neither be frozen nor define `message`'
    return f'the listener cannot set `self.message` of {name}: {reason}: {remedy}'
