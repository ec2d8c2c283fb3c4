"""Events in JSON bodies, whose structure msgspec reads and checks in C.

`decode_event` reads every event in the form that publishers write. It leaves all other bodies to
`Payload.from_dict`, which accepts more forms and finds the path of an error:

    {"event": {"name": ..., "item_id": ...}}    unlisted fields: attributes, or to be ignored
    {"event": {"name": 5}}                      errors
    {"a": 1}                                    objects that are not events

The constructors of `Event` and `ObjectData` would check each field again, and take as long as half
of the decoding. Therefore msgspec fills instances of subclasses, whose only difference is that they
do not check. Each instance then becomes one of the public class.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder
from msgspec.structs import force_setattr

from mega.event.payload import Event, ObjectData, Payload, normal_timestamp
from mega.json_reading import MAX_NESTED_LEVELS, count_openings

__all__ = ('decode_event',)


class _Event(Event, frozen=True, forbid_unknown_fields=True):
    timestamp: str  # type: ignore[assignment]  # msgspec would read other forms than the library

    def __post_init__(self) -> None:
        force_setattr(self, 'timestamp', normal_timestamp(self.timestamp))
        force_setattr(self, '__class__', Event)


class _ObjectData(ObjectData, frozen=True, forbid_unknown_fields=True):
    def __post_init__(self) -> None:
        force_setattr(self, '__class__', ObjectData)


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
    except (MsgspecError, ValueError):
        return None
    return Payload(document.event, document.object, document.extra or {})
