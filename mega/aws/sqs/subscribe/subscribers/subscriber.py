"""The base classes of subscribers, and the statuses that they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Collection, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.metadata import Metadata, metadata_of
from mega.aws.sqs.subscribe.subscribers.declaration import (
    EVENT_FIELDS,
    EXTRA_FIELD,
    NAMES_OF_EVENTS,
    OBJECT_FIELDS,
    check_exceptions,
    find_declared,
)
from mega.aws.sqs.subscribe.subscribers.misspelling import check_names
from mega.aws.sqs.subscribe.subscribers.possible_patterns import (
    PAYLOAD_SHAPES,
    add_declared_event,
    compile_fields,
    compile_for_messages,
    compile_for_payloads,
    event_shape,
    shape_of,
)
from mega.aws.sqs.subscribe.subscribers.retry_delay import RetryDelay, check_delay
from mega.aws.sqs.subscribe.subscribers.typed import (
    Conversion,
    DataConversion,
    EventConversion,
    convert_data,
    convert_events,
    resolve_type_arguments,
)
from mega.codec import Publishable, StreamedPayload, to_untyped
from mega.event import Payload, is_mega_event
from mega.event.declaration import declaration_of
from mega.match.explanation import Explanation, Finding, explain_all
from mega.match.feasibility import Shape
from mega.match.functions import and_, any_, is_a, optional
from mega.match.pattern import Pattern, compile_pattern

if TYPE_CHECKING:
    # Type checkers know this module without an installation. Python 3.10 has no defaults.
    from typing_extensions import TypeVar

    EventT = TypeVar('EventT', default=Payload)
    ObjectT = TypeVar('ObjectT', default=dict[str, Any])
    DataT = TypeVar('DataT', default=dict[str, Any])
else:
    from typing import TypeVar

    EventT, ObjectT, DataT = map(TypeVar, ('EventT', 'ObjectT', 'DataT'))

__all__ = (
    'BlobSubscriber',
    'DataSubscriber',
    'EventSubscriber',
    'MessageSubscriber',
    'ProcessResult',
    'ProcessStatus',
    'StreamSubscriber',
    'Subscriber',
    'TextSubscriber',
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

    message_pattern: ClassVar[Any]
    """The pattern for the metadata of the message: an object with keys of `self.message`, such as
    `{'attributes': {'tenant': 'acme'}, 'receive_count': lt(3)}`. It applies in addition to all
    declarations for the payload. A value that is None counts as missing."""

    retriable_exceptions: ClassVar[tuple[type[BaseException], ...]] = ()
    """The exceptions of `process` that leave the message in the queue, for a retry."""

    retry_delay: ClassVar[RetryDelay | None] = None
    """The delay before a retry: a number of seconds, a `Backoff`, or a function of the message.
    None: the listener's `retry_delay`. The delay of a `RetriableError` precedes this one."""

    payload_classes: ClassVar[type | tuple[type, ...]] = (
        *(Payload, dict, str, bytes),
        StreamedPayload,
    )
    """The classes of payload that this subscriber can receive."""

    compiled_pattern: ClassVar[Pattern | None] = None
    """All declarations for the payload as one compiled pattern; None if there are none."""

    compiled_message_pattern: ClassVar[Pattern | None] = None
    """The compiled `message_pattern`; None if there is none."""

    type_arguments: ClassVar[tuple[Any, ...]] = ()
    """The type arguments of the class, or a variable in place of each that is missing."""

    payload_conversion: ClassVar[Conversion | None] = None
    """Converts payloads for a class with type parameters; None for a class without."""

    message: Message
    """The message in processing. `message.lost` says whether another consumer may have it."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_names(cls, cls._names_of_declarations(), NAMES_OF_EVENTS)
        check_exceptions(cls.__name__, cls.retriable_exceptions)
        check_delay(f'{cls.__name__}.retry_delay', cls.retry_delay)
        cls.type_arguments = resolve_type_arguments(cls, cls.type_arguments)
        cls.payload_conversion = cls._conversion()
        declared = list(cls._declared())
        cls.compiled_pattern = (
            (declared[0] if len(declared) == 1 else and_(*declared)) if declared else None
        )
        cls.compiled_message_pattern = compile_for_messages(cls)

    @classmethod
    def matches(
        cls, payload: Publishable | StreamedPayload, message: Metadata | None = None
    ) -> Explanation:
        """Explain whether this class receives a payload: its kind and all declarations must match.

        The result is true if the class receives the payload. `print` it for the reason.
        `payload` is any object that a publisher accepts. An event may be given as a `dict`. Nothing
        processes the payload. A predicate that raises does not match.

        A `message_pattern` is tested with `message`: a `Message`, or an object such as
        `{'attributes': {'tenant': 'acme'}}`. The default is a first delivery without attributes.

        Raises:
            ConfigurationError: for a key of `message` that is not metadata.
            EventError: for a `dict` that is marked as a MEGA event but is not a valid one.
        """
        return explain_match(cls, payload, message)

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        if found := find_declared(cls, 'pattern'):
            yield compile_for_payloads(cls, *found, cls._shapes())

    @classmethod
    def _conversion(cls) -> Conversion | None:
        """Return the conversion for the type arguments of the class."""
        return None

    @classmethod
    def _shapes(cls) -> Mapping[type, Shape]:
        """Return the types that a pattern for whole payloads may test."""
        return PAYLOAD_SHAPES

    @classmethod
    def _names_of_declarations(cls) -> Collection[str]:
        return _NAMES

    @abstractmethod
    def process(self, payload: Any, /) -> ProcessResult | Awaitable[ProcessResult]:
        """Process a payload that matches. May be `async def`.

        Return a `ProcessStatus`; None means `DONE`. A `RetriableError` and the
        `retriable_exceptions` mean `RETRIABLE_ERROR`, also within an `ExceptionGroup`. A failure of
        the machine, such as no memory or too many open files, has the same effect. Any other
        exception means `FATAL_ERROR`, unless the listener has `unhandled='retry'`.
        """


Subscriber: TypeAlias = type[MessageSubscriber]

_NAMES = frozenset(
    ('pattern', 'message_pattern', 'retriable_exceptions', 'retry_delay', 'payload_classes')
)


class DataSubscriber(MessageSubscriber, Generic[DataT]):
    """Receives data objects (`dict`) that match its `pattern`.

    `DataSubscriber[Order]` receives each data object as an `Order`: a dataclass, a class of attrs,
    a `msgspec.Struct`, a TypedDict, or a class of pydantic. `self.payload` is then the `dict`. A
    data object that does not fit is a `FATAL_ERROR`, with an `InvalidPayloadError`.
    """

    payload_classes = dict

    payload: dict[str, Any]
    """The data object as it was sent. Only a class with a type parameter has it."""

    if TYPE_CHECKING:

        @abstractmethod
        def process(self, payload: DataT, /) -> ProcessResult | Awaitable[ProcessResult]: ...

    @classmethod
    def _conversion(cls) -> DataConversion | None:
        return convert_data(cls, cls.type_arguments)

    @classmethod
    def _shapes(cls) -> Mapping[type, Shape]:
        return {dict: shape_of(cls.type_arguments[0])}


class TextSubscriber(MessageSubscriber):
    """Receives text (`str`) that matches its `pattern`."""

    payload_classes = str


class BlobSubscriber(MessageSubscriber):
    """Receives binary blobs (`bytes`) that match its `pattern`."""

    payload_classes = bytes


class StreamSubscriber(MessageSubscriber):
    """Receives the messages of `publish_stream`, whose content stays in S3.

    `process` receives a `StreamedPayload`, with the size and the digest. The content is read with
    `self.message.open_payload()`. To select messages, declare a `message_pattern`.
    """

    payload_classes = StreamedPayload


class EventSubscriber(MessageSubscriber, Generic[EventT, ObjectT]):
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

    `EventSubscriber[ItemAdded]` receives the attributes of each event as an `ItemAdded`. If the
    class has the decorator `mega.event.event`, the subscriber matches its name, domain and version.
    With `EventSubscriber[ItemAdded, Cart]`, `self.current` and `self.previous` are `Cart`s. The
    classes are those of `DataSubscriber`. An event that does not fit is a `FATAL_ERROR`, with an
    `InvalidPayloadError`.
    """

    payload_classes = Payload

    payload: Payload
    """The whole payload. Only a class with type parameters has it."""

    current: ObjectT | None
    """The current state of the object. Only a class with type parameters has it."""

    previous: ObjectT | None
    """The previous state of the object. Only a class with type parameters has it."""

    if TYPE_CHECKING:

        @abstractmethod
        def process(self, event: EventT, /) -> ProcessResult | Awaitable[ProcessResult]: ...

    else:

        def __class_getitem__(cls, arguments: Any) -> Any:
            """Allow `EventSubscriber[ItemAdded]`, without the second parameter."""
            given = arguments if isinstance(arguments, tuple) else (arguments,)
            missing = len(cls.__parameters__) - len(given)
            return super().__class_getitem__((*given, *[Any] * missing))

    @classmethod
    def _conversion(cls) -> EventConversion | None:
        return convert_events(cls, cls.type_arguments)

    @classmethod
    def _shapes(cls) -> Mapping[type, Shape]:
        of_event, of_object = cls.type_arguments
        declared = declaration_of(of_event)
        # A pattern tests the event as it was sent, which may be an older version.
        attributes = dict if declared is not None and declared.upgrades else shape_of(of_event)
        return {Payload: event_shape(attributes, shape_of(of_object))}

    @classmethod
    def _declared(cls) -> Iterator[Pattern]:
        shape = cls._shapes()[Payload]
        assert isinstance(shape, Mapping)
        event = compile_fields(cls, EVENT_FIELDS, shape['event'])
        if declared := declaration_of(cls.type_arguments[0]):
            add_declared_event(cls, declared, event)
        if event:  # an explanation names the first that failed: the name and not an attribute
            ordered = {field: event[field] for field in EVENT_FIELDS if field in event}
            yield compile_pattern({'event': ordered})
        if subject := compile_fields(cls, OBJECT_FIELDS, shape['object']):
            # An event without an object matches if none of the fields is required.
            may_be_absent = all(pattern.when_missing for pattern in subject.values())
            yield compile_pattern({'object': optional(subject) if may_be_absent else subject})
        if extra := compile_fields(cls, EXTRA_FIELD, shape):
            yield compile_pattern(extra)
        yield from super()._declared()

    @classmethod
    def _names_of_declarations(cls) -> Collection[str]:
        return _NAMES | NAMES_OF_EVENTS


def explain_match(
    subscriber: Subscriber, payload: Publishable | StreamedPayload, message: Metadata | None = None
) -> Explanation:
    """Return why a subscriber receives a payload or not.

    A class of the user may have another `matches`, so that the library calls this function.

    Raises:
        ConfigurationError: for a key of `message` that is not metadata.
        EventError: for a `dict` that is marked as a MEGA event but is not a valid one.
    """
    if not isinstance(payload, StreamedPayload):
        payload = to_untyped(payload)
    if isinstance(payload, dict) and is_mega_event(payload):
        payload = Payload.from_dict(payload)
    kinds, pattern = subscriber.payload_classes, subscriber.compiled_pattern
    if isinstance(payload, kinds):
        message_pattern = subscriber.compiled_message_pattern
        parts: list[tuple[Pattern, object, str]] = []
        if pattern is not None or message_pattern is None:
            parts.append((any_() if pattern is None else pattern, payload, ''))
        if message_pattern is not None:
            parts.append((message_pattern, metadata_of(message), 'message'))
        return explain_all(parts, payload)
    expected = kinds if isinstance(kinds, tuple) else (kinds,)
    received = ' and '.join(_KINDS[each][1] for each in expected)
    kind = _kind_of(payload)
    if isinstance(payload, dict) and 'event' in payload and Payload in expected:
        kind = 'it has no "protocol": "mega"'
    note = f'{kind}; the subscriber receives {received} only'
    return Explanation(False, (Finding('', payload, is_a(*expected), False, note),))


def _kind_of(payload: object) -> str:
    names = (name for kind, (name, _) in _KINDS.items() if isinstance(payload, kind))
    return f'it is {next(names, "no payload")}'


_KINDS = {
    Payload: ('an event', 'events'),
    dict: ('a data object', 'data objects'),
    str: ('a text', 'texts'),
    bytes: ('a blob', 'blobs'),
    StreamedPayload: ('a stream', 'streams'),
}
