"""The payload of a MEGA event, and its normal form: the document that is written and matched.

    Payload
      event: Event          what happened: {"name": "item.added", "timestamp": ..., ...}
      object: ObjectData    the object of the event, if there is one: type, id, current, previous
      extra: dict           any other data of the publisher

The constructors check their values, so every instance conforms to the protocol. The classes are
immutable `msgspec.Struct`s, because the listener creates three instances for each event. The
creation of a `Struct` takes less than half the time of a frozen dataclass.
`msgspec.structs.replace` returns a copy with other values.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import astuple, force_setattr

from mega.errors import EventError, join_path, safe_repr
from mega.timestamps import format_timestamp, parse_timestamp, to_utc

__all__ = (
    'PROTOCOL',
    'PROTOCOL_VERSION',
    'Event',
    'ObjectData',
    'Payload',
    'is_mega_event',
    'normal_timestamp',
)

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
    """What happened, and when.

    Attributes are readable like fields: `event.item_id` is `event.attributes['item_id']`.
    `timestamp` accepts a `datetime` or ISO-8601 text; without a zone it is UTC. The event stores it
    in UTC, cut to milliseconds.

    Raises:
        EventError: for an invalid field, with the path of the field.
    """

    name: str
    timestamp: datetime
    version: int = 1
    domain: str | None = None
    subject: str | None = None
    publisher: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # `__getattr__` makes Python read every field slowly, so they are read at once. A subclass
        # may have more of them.
        name, timestamp, version, domain, subject, publisher, attributes, *_ = astuple(self)
        if not isinstance(name, str):
            raise EventError('event.name', _expected('a str', name))
        in_normal_form = normal_timestamp(timestamp)
        if in_normal_form is not timestamp:
            force_setattr(self, 'timestamp', in_normal_form)
        if type(version) is not int:
            raise EventError('event.version', _expected('an int', version))
        if domain is not None and not isinstance(domain, str):
            raise EventError('event.domain', _expected('a str', domain))
        if subject is not None and not isinstance(subject, str):
            raise EventError('event.subject', _expected('a str', subject))
        if publisher is not None and not isinstance(publisher, str):
            raise EventError('event.publisher', _expected('a str', publisher))
        if not isinstance(attributes, dict):
            raise EventError('event.attributes', _expected('an object', attributes))

    def __getattr__(self, name: str) -> Any:
        # Python calls this method for names that are not fields. A field that is not set yet must
        # not recurse into `attributes`. A publisher must not supply special methods (__deepcopy__).
        is_free = name not in _EVENT_FIELDS and not name.startswith('__')
        if is_free and name in self.attributes:
            return self.attributes[name]
        raise AttributeError(f'the event has no field and no attribute {name!r}')


class ObjectData(Struct, frozen=True):
    """The object of the event, for example a user, in its current and its previous state.

    Raises:
        EventError: for an invalid field, with the path of the field.
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
    """A MEGA event with its object and the extra data of its publisher.

    Raises:
        EventError: for an invalid part, with the path of the part.
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
        """Return the normal form of the payload: the document that is written and matched.

        Attributes are nested, versions are filled in, unset fields are missing, and the timestamp
        is ISO-8601 text. The document shares its values with the payload.
        """
        # Python reads the fields of an event one by one slowly, because of `__getattr__`.
        name, timestamp, version, domain, subject, publisher, attributes, *_ = astuple(self.event)
        event: dict[str, Any] = {}
        if domain is not None:
            event['domain'] = domain
        event['name'] = name
        event['version'] = version
        event['timestamp'] = format_timestamp(timestamp)
        if subject is not None:
            event['subject'] = subject
        if publisher is not None:
            event['publisher'] = publisher
        if attributes:
            event['attributes'] = attributes
        document = {'protocol': PROTOCOL, 'version': PROTOCOL_VERSION, 'event': event}
        if (data := self.object) is not None:
            described: dict[str, Any] = {}
            if (kind := data.type) is not None:
                described['type'] = kind
            if (id_ := data.id) is not None:
                described['id'] = id_
            described['version'] = data.version
            if (current := data.current) is not None:
                described['current'] = current
            if (previous := data.previous) is not None:
                described['previous'] = previous
            document['object'] = described
        if extra := self.extra:
            document['extra'] = extra
        return document

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Payload:
        """Read a payload from a document, for example from a decoded body.

        A key under `event` that the protocol does not list is an attribute. An optional field that
        is null is unset. Other unknown keys are ignored. The payload shares its values with the
        document.

        Raises:
            EventError: for an invalid or missing field, with the path of the field.
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
        event, described, extra = _read_event(get('event')), get('object'), get('extra')
        return cls(
            event,
            None if described is None else _read_object(described),
            {} if extra is None else extra,
        )


def is_mega_event(document: dict[str, Any]) -> bool:
    """Return whether an object is marked as a MEGA event. It may still break the protocol."""
    return document.get('protocol') == PROTOCOL


def _read_event(event: Any) -> Event:
    if not isinstance(event, dict):
        raise _expected_object('event', event)
    inline = dict(event)  # the attributes, after the fields are taken out
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
    """Return the nested attributes, together with those among the fields of the event."""
    if not isinstance(attributes, dict):
        raise _expected_object('event.attributes', attributes)
    for key in inline:
        if key in attributes:
            raise EventError(
                join_path('event', key),
                'is given in event and in event.attributes: must be in one of them',
            )
    return {**attributes, **inline}


def _read_object(document: Any) -> ObjectData:
    if not isinstance(document, dict):
        raise _expected_object('object', document)
    get = document.get
    version = get('version')
    return ObjectData(
        get('type'),
        get('id'),
        1 if version is None else version,
        get('current'),
        get('previous'),
    )


def normal_timestamp(value: object) -> datetime:
    """Return the timestamp of an event as the event stores it: in UTC, cut to milliseconds.

    Raises:
        EventError: for a value that is not a date and time, or is too far in the past or future.
    """
    instant = parse_timestamp(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise EventError('event.timestamp', _expected('an ISO-8601 date and time', value))
    in_utc = to_utc(instant)
    if in_utc is None:
        raise EventError('event.timestamp', _expected('within the years 1 to 9999 in UTC', value))
    beyond_milliseconds = in_utc.microsecond % 1000
    return in_utc - beyond_milliseconds * _MICROSECOND if beyond_milliseconds else in_utc


def _expected_object(path: str, value: object) -> EventError:
    return EventError(path, 'is missing' if value is None else _expected('an object', value))


def _expected(wanted: str, value: object) -> str:
    return f'is {safe_repr(value)}: must be {wanted}'
