"""The payload of a MEGA event, and its normal form: the document that is written and matched.

    Payload
      event: Event          what happened: {"name": "item.added", "timestamp": ..., ...}
      object: ObjectData    the object of the event, if there is one: type, id, current, previous
      extra: dict           any other data of the publisher

The constructors check their values, so every instance conforms to the protocol. The classes are
immutable `msgspec.Struct`s: the listener creates three for each event, and a `Struct` takes less
than half the time of a frozen dataclass. `msgspec.structs.replace` copies one with other values.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from mega import timestamps
from mega.errors import EventError, join_path, safe_repr

__all__ = ('PROTOCOL', 'PROTOCOL_VERSION', 'Event', 'ObjectData', 'Payload', 'is_mega_event')

PROTOCOL = 'mega'
"""The value of `protocol` in every MEGA payload."""

PROTOCOL_VERSION = 1
"""The version of the protocol in every written payload. `"1"` is accepted, too."""

_ACCEPTED_VERSIONS = (PROTOCOL_VERSION, str(PROTOCOL_VERSION))

_MICROSECOND = timedelta(microseconds=1)

_EVENT_FIELDS = frozenset(
    ('name', 'timestamp', 'version', 'domain', 'subject', 'publisher', 'attributes')
)


class Event(Struct, frozen=True):
    """What happened.

    An attribute reads as if it were a field of its own: `event.item_id`.
    `timestamp` is kept in UTC and cut to the millisecond; a text is read as ISO-8601, and no zone
    means UTC.

    Raises:
        EventError: for a field that the protocol does not allow, naming it.
    """

    name: str
    timestamp: datetime
    version: int = 1
    domain: str | None = None
    subject: str | None = None
    publisher: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise EventError('event.name', _expected('a str', self.name))
        timestamp = _normal_timestamp(self.timestamp)
        if timestamp is not self.timestamp:
            force_setattr(self, 'timestamp', timestamp)
        if type(self.version) is not int:
            raise EventError('event.version', _expected('an int', self.version))
        if self.domain is not None and not isinstance(self.domain, str):
            raise EventError('event.domain', _expected('a str', self.domain))
        if self.subject is not None and not isinstance(self.subject, str):
            raise EventError('event.subject', _expected('a str', self.subject))
        if self.publisher is not None and not isinstance(self.publisher, str):
            raise EventError('event.publisher', _expected('a str', self.publisher))
        if not isinstance(self.attributes, dict):
            raise EventError('event.attributes', _expected('an object', self.attributes))

    def __getattr__(self, name: str) -> Any:
        # A slot that is not set yet (while unpickling) comes here too, and must not come again; and
        # what Python looks up for itself (__deepcopy__) is nothing for a publisher to decide.
        is_free = name not in _EVENT_FIELDS and not name.startswith('__')
        if is_free and name in self.attributes:
            return self.attributes[name]
        raise AttributeError(f'the event has neither a field nor an attribute {name!r}')


class ObjectData(Struct, frozen=True):
    """The object that the event is about: what it is now, and what it was before.

    Raises:
        EventError: for a field that the protocol does not allow, naming it.
    """

    type: str | None = None
    id: str | None = None
    version: int = 1
    current: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.type is not None and not isinstance(self.type, str):
            raise EventError('object.type', _expected('a str', self.type))
        if self.id is not None and not isinstance(self.id, str):
            raise EventError('object.id', _expected('a str', self.id))
        if type(self.version) is not int:
            raise EventError('object.version', _expected('an int', self.version))
        if self.current is not None and not isinstance(self.current, dict):
            raise EventError('object.current', _expected('an object', self.current))
        if self.previous is not None and not isinstance(self.previous, dict):
            raise EventError('object.previous', _expected('an object', self.previous))


class Payload(Struct, frozen=True):
    """A MEGA event with its object and whatever else its publisher had to say.

    Raises:
        EventError: for a part that the protocol does not allow, naming it.
    """

    event: Event
    object: ObjectData | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.event, Event):
            raise EventError('event', _expected('an Event', self.event))
        if self.object is not None and not isinstance(self.object, ObjectData):
            raise EventError('object', _expected('an ObjectData', self.object))
        if not isinstance(self.extra, dict):
            raise EventError('extra', _expected('an object', self.extra))

    def to_dict(self) -> dict[str, Any]:
        """The normal form of the payload: what is written, and what patterns see.

        Attributes are nested, versions filled in, the timestamp is text, and what is unset is not
        there. The values inside are the payload's own, not copies.
        """
        document: dict[str, Any] = {'protocol': PROTOCOL, 'version': PROTOCOL_VERSION}
        document['event'] = _event_to_dict(self.event)
        if self.object is not None:
            document['object'] = _object_to_dict(self.object)
        if self.extra:
            document['extra'] = self.extra
        return document

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Payload:
        """Read a payload from the form in which it is written.

        A key under `event` that the protocol does not list is an attribute. A null where the
        protocol asks for nothing counts as unset. Other unknown keys are ignored.
        The values inside are the document's own, not copies.

        Raises:
            EventError: for what breaks the protocol, with the path of the field.
        """
        if not isinstance(document, dict):
            raise _expected_object('payload', document)
        get = document.get
        if not is_mega_event(document):
            raise EventError('protocol', _expected(repr(PROTOCOL), get('protocol')))
        version = get('version')
        if version not in _ACCEPTED_VERSIONS or isinstance(version, bool):
            expected = f'{PROTOCOL_VERSION}, the only version of the protocol'
            raise EventError('version', _expected(expected, version))
        event, subject, extra = _read_event(get('event')), get('object'), get('extra')
        return cls(
            event,
            None if subject is None else _read_object(subject),
            {} if extra is None else extra,
        )


def is_mega_event(document: dict[str, Any]) -> bool:
    """Whether an object says of itself that it is a MEGA event. It may still break the protocol."""
    return document.get('protocol') == PROTOCOL


def _event_to_dict(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if (domain := event.domain) is not None:
        document['domain'] = domain
    document['name'] = event.name
    document['version'] = event.version
    document['timestamp'] = timestamps.format_timestamp(event.timestamp)
    if (subject := event.subject) is not None:
        document['subject'] = subject
    if (publisher := event.publisher) is not None:
        document['publisher'] = publisher
    if attributes := event.attributes:
        document['attributes'] = attributes
    return document


def _read_event(event: Any) -> Event:
    if not isinstance(event, dict):
        raise _expected_object('event', event)
    inline = dict(event)  # what is left of it when the fields are taken
    take = inline.pop
    name, timestamp = take('name', None), take('timestamp', None)
    if name is None:
        raise EventError('event.name', 'is missing')
    if timestamp is None:
        raise EventError('event.timestamp', 'is missing')
    domain, subject = take('domain', None), take('subject', None)
    publisher, version = take('publisher', None), take('version', None)
    attributes = take('attributes', None)
    if attributes is None:
        attributes = inline
    elif inline:
        attributes = _with_inline(attributes, inline)
    version = 1 if version is None else version
    return Event(name, timestamp, version, domain, subject, publisher, attributes)


def _with_inline(attributes: Any, inline: dict[str, Any]) -> dict[str, Any]:
    """The attributes that stand nested, with those that stand among the fields of the event."""
    if not isinstance(attributes, dict):
        raise _expected_object('event.attributes', attributes)
    for key in inline:
        if key in attributes:
            raise EventError(
                join_path('event', key),
                'is given in event and in event.attributes: must be in one of them',
            )
    return {**attributes, **inline}


def _object_to_dict(subject: ObjectData) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if subject.type is not None:
        document['type'] = subject.type
    if subject.id is not None:
        document['id'] = subject.id
    document['version'] = subject.version
    if subject.current is not None:
        document['current'] = subject.current
    if subject.previous is not None:
        document['previous'] = subject.previous
    return document


def _read_object(subject: Any) -> ObjectData:
    if not isinstance(subject, dict):
        raise _expected_object('object', subject)
    get = subject.get
    version = get('version')
    return ObjectData(
        get('type'),
        get('id'),
        1 if version is None else version,
        get('current'),
        get('previous'),
    )


def _normal_timestamp(value: object) -> datetime:
    instant = timestamps.parse_timestamp(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise EventError('event.timestamp', _expected('an ISO-8601 date and time', value))
    in_utc = timestamps.to_utc(instant)
    if in_utc is None:
        raise EventError('event.timestamp', _expected('within the years 1 to 9999 in UTC', value))
    beyond_milliseconds = in_utc.microsecond % 1000
    return in_utc - beyond_milliseconds * _MICROSECOND if beyond_milliseconds else in_utc


def _expected_object(path: str, value: object) -> EventError:
    return EventError(path, 'is missing' if value is None else _expected('an object', value))


def _expected(wanted: str, value: object) -> str:
    return f'is {safe_repr(value)}: must be {wanted}'
