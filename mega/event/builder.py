"""The builder of payloads."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from mega.errors import EventError, join_path, safe_repr
from mega.event.payload import Event, ObjectData, Payload
from mega.event.typed import is_typed, to_event_fields, write_object

__all__ = ('PayloadBuilder',)


class PayloadBuilder:
    """Collects the parts of a payload; `build()` validates and returns it.

    Each `with_...` method adds values and returns the builder. A later value replaces an earlier
    one. `build()` copies the values, so later changes to the builder or the values do not affect
    the payload.

    >>> payload = PayloadBuilder().with_event(name='item.added', quantity=5).build()
    >>> payload.event.name, payload.event.quantity
    ('item.added', 5)
    """

    def __init__(self) -> None:
        self._event: dict[str, Any] = {}
        self._attributes: dict[str, Any] = {}
        self._object: dict[str, Any] | None = None
        self._extra: dict[str, Any] = {}

    def with_event(
        self,
        event: object = None,
        /,
        *,
        name: str | None = None,
        domain: str | None = None,
        version: int | None = None,
        timestamp: datetime | str | None = None,
        subject: str | None = None,
        publisher: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        **inline_attributes: Any,
    ) -> PayloadBuilder:
        """Add fields and attributes of the event. Any other keyword is an attribute.

        `event` is an object of a class with the decorator `mega.event.event`: it sets the name, the
        domain, the version, the subject and the attributes, unless a keyword sets them.
        `timestamp` is a `datetime` or ISO-8601 text; without a zone it is UTC. `attributes` accepts
        any name, also the name of a field.

        Raises:
            EventError: for an attribute that is given as a keyword and in `attributes`.
            EncodeError: for an object with a value that no payload can carry, with its path.
            ConfigurationError: for an object whose class does not describe an event.
        """
        if not isinstance(attributes, (Mapping, type(None))):
            raise EventError('event.attributes', f'is {safe_repr(attributes)}: must be a mapping')
        given = dict(attributes or {})
        for key in given.keys() & inline_attributes.keys():
            raise EventError(
                join_path('event', key),
                'is given as a keyword and in attributes: must be one of them',
            )
        fields = {
            'name': name,
            'domain': domain,
            'version': version,
            'timestamp': timestamp,
            'subject': subject,
            'publisher': publisher,
        }
        if event is not None:
            described = to_event_fields(event)
            self._attributes.update(described.pop('attributes'))
            self._event.update(_without_none(described))
        self._event.update(_without_none(fields))
        self._attributes.update(given, **inline_attributes)
        return self

    def with_object(
        self,
        *,
        type: str | None = None,
        id: str | None = None,
        version: int | None = None,
        current: object = None,
        previous: object = None,
    ) -> PayloadBuilder:
        """Add fields of the object of the event.

        `current` and `previous` are mappings, or objects of a dataclass or another class with
        fields.

        Raises:
            EncodeError: for an object with a value that no payload can carry, with its path.
        """
        fields = {
            'type': type,
            'id': id,
            'version': version,
            'current': _to_mapping(current, 'object.current'),
            'previous': _to_mapping(previous, 'object.previous'),
        }
        self._object = {**(self._object or {}), **_without_none(fields)}
        return self

    def with_extra(self, **extra: Any) -> PayloadBuilder:
        """Add extra data to the payload."""
        self._extra.update(extra)
        return self

    def build(self) -> Payload:
        """Return the payload. The default timestamp is the current time.

        Raises:
            EventError: for an event without a name, or a value that breaks the protocol.
        """
        if 'name' not in self._event:
            raise EventError('event.name', 'is missing: call with_event(name=...)')
        event = {'timestamp': datetime.now(timezone.utc), **self._event}
        return Payload(
            event=Event(**event, attributes=copy.deepcopy(self._attributes)),
            object=None if self._object is None else ObjectData(**copy.deepcopy(self._object)),
            extra=copy.deepcopy(self._extra),
        )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _to_mapping(state: object, path: str) -> object:
    return write_object(state, path) if is_typed(state) else state
