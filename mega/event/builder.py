"""Building a payload step by step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from mega.errors import EventError, join_path, safe_repr
from mega.event.payload import Event, ObjectData, Payload

__all__ = ('PayloadBuilder',)


class PayloadBuilder:
    """Collects what makes up a payload; `build()` checks and makes it.

    Every `with_...` adds to what is there, the later value winning, and returns the builder.
    A payload is independent of its builder and of the values it was given: they are copied.

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
        """Say what happened. Any other keyword is an attribute of the event.

        An attribute that is called like a field goes into `attributes`.

        Raises:
            EventError: for an attribute that is given both ways.
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
        self._event.update(_without_none(fields))
        self._attributes.update(given, **inline_attributes)
        return self

    def with_object(
        self,
        *,
        type: str | None = None,
        id: str | None = None,
        version: int | None = None,
        current: Mapping[str, Any] | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> PayloadBuilder:
        """Say what the event is about."""
        fields = {
            'type': type,
            'id': id,
            'version': version,
            'current': current,
            'previous': previous,
        }
        self._object = {**(self._object or {}), **_without_none(fields)}
        return self

    def with_extra(self, **extra: Any) -> PayloadBuilder:
        """Say what else is worth knowing."""
        self._extra.update(extra)
        return self

    def build(self) -> Payload:
        """Make the payload. An event without a timestamp happened now.

        Raises:
            EventError: for what breaks the protocol, such as an event without a name.
        """
        if 'name' not in self._event:
            raise EventError('event.name', 'is missing: give it with_event(name=...)')
        event = {'timestamp': datetime.now(timezone.utc), **self._event}
        return Payload(
            event=Event(**event, attributes=copy.deepcopy(self._attributes)),
            object=None if self._object is None else ObjectData(**copy.deepcopy(self._object)),
            extra=copy.deepcopy(self._extra),
        )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
