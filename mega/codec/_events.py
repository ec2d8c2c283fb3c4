"""Events in JSON bodies, whose structure msgspec reads and checks in C.

That is faster than to read an object first. `decode_event` reads every event in the form that the
publishers write. It leaves all other bodies to `Payload.from_dict`, with the same result:

    {"event": {"name": ..., "item_id": ...}}    unlisted fields: attributes, or to be ignored
    {"event": {"name": 5}}                      errors, whose paths `from_dict` finds
    {"a": 1}                                    objects that are not events
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from mega.event.payload import Event, ObjectData, Payload
from mega.json_reading import MAX_NESTED_LEVELS, count_openings

__all__ = ('decode_event',)


class _Event(Struct, forbid_unknown_fields=True):
    name: str
    timestamp: str
    version: int | None = None
    domain: str | None = None
    subject: str | None = None
    publisher: str | None = None
    attributes: dict[str, Any] | None = None


class _ObjectData(Struct, forbid_unknown_fields=True):
    type: str | None = None
    id: str | None = None
    version: int | None = None
    current: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None


class _Document(Struct, forbid_unknown_fields=True):
    protocol: Literal['mega']
    version: Literal[1, '1']
    event: _Event
    object: _ObjectData | None = None
    extra: dict[str, Any] | None = None


_decode = Decoder(_Document).decode


def decode_event(body: str) -> Payload | None:
    """Read the event in a JSON body. None: the body must be read in another way."""
    if '"mega"' not in body or count_openings(body) > MAX_NESTED_LEVELS:
        return None
    try:
        document = _decode(body)
        return Payload(
            _read_event(document.event),
            None if document.object is None else _read_object(document.object),
            document.extra or {},
        )
    except (MsgspecError, ValueError):
        return None


def _read_event(event: _Event) -> Event:
    return Event(
        event.name,
        event.timestamp,  # type: ignore[arg-type]  # the constructor parses a text
        1 if event.version is None else event.version,
        event.domain,
        event.subject,
        event.publisher,
        event.attributes or {},
    )


def _read_object(data: _ObjectData) -> ObjectData:
    version = 1 if data.version is None else data.version
    return ObjectData(data.type, data.id, version, data.current, data.previous)
