"""The payload of a MEGA event, and the one form in which it is written and matched.

A payload is checked when it is made, however it is made: one that exists keeps the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mega import instants
from mega.errors import EventError, shorten, step

__all__ = ('PROTOCOL', 'VERSION', 'Event', 'ObjectData', 'Payload', 'is_marked')

PROTOCOL = 'mega'
"""What `protocol` holds in every MEGA payload."""

VERSION = 1
"""The version of the protocol that is written. `"1"` is read as well."""

_EVENT_FIELDS = frozenset(
    ('name', 'timestamp', 'version', 'domain', 'subject', 'publisher', 'attributes')
)


@dataclass(frozen=True, slots=True)
class Event:
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
            raise EventError('event.name', _not('a text', self.name))
        object.__setattr__(self, 'timestamp', _timestamp(self.timestamp))
        _check_version('event.version', self.version)
        _check_text('event.domain', self.domain)
        _check_text('event.subject', self.subject)
        _check_text('event.publisher', self.publisher)
        _check_object('event.attributes', self.attributes)

    def __getattr__(self, name: str) -> Any:
        # A slot that is not set yet (while unpickling) comes here too, and must not come again; and
        # what Python looks up for itself (__deepcopy__) is nothing for a publisher to decide.
        is_free = name not in _EVENT_FIELDS and not name.startswith('__')
        if is_free and name in self.attributes:
            return self.attributes[name]
        raise AttributeError(f'the event has neither a field nor an attribute {name!r}')


@dataclass(frozen=True, slots=True)
class ObjectData:
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
        _check_text('object.type', self.type)
        _check_text('object.id', self.id)
        _check_version('object.version', self.version)
        if self.current is not None:
            _check_object('object.current', self.current)
        if self.previous is not None:
            _check_object('object.previous', self.previous)


@dataclass(frozen=True, slots=True)
class Payload:
    """A MEGA event with its object and whatever else its publisher had to say.

    Raises:
        EventError: for a part that the protocol does not allow, naming it.
    """

    event: Event
    object: ObjectData | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.event, Event):
            raise EventError('event', _not('an Event', self.event))
        if self.object is not None and not isinstance(self.object, ObjectData):
            raise EventError('object', _not('an ObjectData', self.object))
        _check_object('extra', self.extra)

    def to_dict(self) -> dict[str, Any]:
        """The normal form of the payload: what is written, and what patterns see.

        Attributes are nested, versions filled in, the timestamp is text, and what is unset is not
        there. The values inside are the payload's own, not copies.
        """
        event, subject = self.event, self.object
        document: dict[str, Any] = {'protocol': PROTOCOL, 'version': VERSION}
        document['event'] = _set(
            domain=event.domain,
            name=event.name,
            version=event.version,
            timestamp=instants.to_text(event.timestamp),
            subject=event.subject,
            publisher=event.publisher,
            attributes=event.attributes or None,
        )
        if subject is not None:
            document['object'] = _set(
                type=subject.type,
                id=subject.id,
                version=subject.version,
                current=subject.current,
                previous=subject.previous,
            )
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
        _check_object('payload', document)
        if not is_marked(document):
            raise EventError('protocol', _not(repr(PROTOCOL), document.get('protocol')))
        _check_protocol_version(document.get('version'))
        subject = document.get('object')
        return cls(
            event=_read_event(document.get('event')),
            object=None if subject is None else _read_object(subject),
            extra=_or_empty(document.get('extra')),
        )


def is_marked(document: dict[str, Any]) -> bool:
    """Whether an object says of itself that it is a MEGA event. It may still break the protocol."""
    return document.get('protocol') == PROTOCOL


def _read_event(event: Any) -> Event:
    _check_object('event', event)
    for required in ('name', 'timestamp'):
        if event.get(required) is None:
            raise EventError(f'event.{required}', 'is missing')
    return Event(
        name=event['name'],
        timestamp=event['timestamp'],
        version=_or_one(event.get('version')),
        domain=event.get('domain'),
        subject=event.get('subject'),
        publisher=event.get('publisher'),
        attributes=_read_attributes(event),
    )


def _read_attributes(event: dict[str, Any]) -> Any:
    nested = _or_empty(event.get('attributes'))
    inline = {key: value for key, value in event.items() if key not in _EVENT_FIELDS}
    if not inline:
        return nested
    _check_object('event.attributes', nested)
    for key in inline:
        if key in nested:
            raise EventError(step('event', key), 'stands under event and under event.attributes')
    return {**nested, **inline}


def _read_object(subject: Any) -> ObjectData:
    _check_object('object', subject)
    return ObjectData(
        type=subject.get('type'),
        id=subject.get('id'),
        version=_or_one(subject.get('version')),
        current=subject.get('current'),
        previous=subject.get('previous'),
    )


def _timestamp(value: object) -> datetime:
    instant = instants.parse(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise EventError('event.timestamp', _not('an ISO-8601 date and time', value))
    in_utc = instants.to_utc(instant)
    if in_utc is None:
        raise EventError('event.timestamp', _not('within the years 1 to 9999 in UTC', value))
    return in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000)


def _check_protocol_version(version: object) -> None:
    if isinstance(version, bool) or version not in (VERSION, str(VERSION)):
        raise EventError('version', _not(f'{VERSION}, the only version of the protocol', version))


def _check_version(path: str, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool):
        raise EventError(path, _not('a whole number', version))


def _check_text(path: str, text: object) -> None:
    if text is not None and not isinstance(text, str):
        raise EventError(path, _not('a text', text))


def _check_object(path: str, value: object) -> None:
    if not isinstance(value, dict):
        raise EventError(path, 'is missing' if value is None else _not('an object', value))


def _not(wanted: str, value: object) -> str:
    return f'is {shorten(value)}, not {wanted}'


def _or_one(version: Any) -> Any:
    return 1 if version is None else version


def _or_empty(value: Any) -> Any:
    return {} if value is None else value


def _set(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
