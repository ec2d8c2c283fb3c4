"""Events in JSON bodies, whose structure msgspec reads and checks in C.

`decode_event` reads every event in the form that publishers write. It leaves all other bodies to
`Payload.from_dict`, which accepts more forms and finds the path of an error:

    {"event": {"name": ..., "item_id": ...}}    unlisted fields: attributes, or to be ignored
    {"event": {"name": 5}}                      errors
    {"a": 1}                                    objects that are not events

The constructors of the public classes would check each field again. Therefore msgspec fills
instances of classes with the same fields, which do not check. Each instance then becomes one of the
public class, without a copy.

No event may be nested deeper than `MAX_NESTED_LEVELS`. To count the brackets of a body takes a
sixth of the time of the decoding. So the first decoder reads only values of a few levels, which
nearly all events have, and msgspec checks the levels with the types.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from msgspec import MsgspecError, Struct, field
from msgspec.json import Decoder

from mega.event.payload import Event, ObjectData, Payload, normal_timestamp
from mega.json_reading import MAX_NESTED_LEVELS, count_openings
from mega.timestamps import parse_written_timestamp

__all__ = ('decode_event',)

SHALLOW_LEVELS = 5
"""The maximum number of nested objects and arrays in an attribute for the first decoder.

The creation of the decoder takes a millisecond, and twice as long with each more level.
"""

_Value = TypeVar('_Value')


class _Event(Struct, Generic[_Value], forbid_unknown_fields=True):
    name: str
    timestamp: str
    version: int = 1
    domain: str | None = None
    subject: str | None = None
    publisher: str | None = None
    attributes: dict[str, _Value] = field(default_factory=dict)


class _ObjectData(Struct, Generic[_Value], forbid_unknown_fields=True):
    type: str | None = None
    id: str | None = None
    version: int = 1
    current: dict[str, _Value] | None = None
    previous: dict[str, _Value] | None = None


class _Document(Struct, Generic[_Value], forbid_unknown_fields=True):
    protocol: Literal['mega']
    version: Literal[1, '1']
    event: _Event[_Value]
    object: _ObjectData[_Value] | None = None
    extra: dict[str, _Value] | None = None


class _Payload(Struct):
    event: Event
    object: ObjectData | None
    extra: dict[str, Any]


def decode_event(body: str) -> Payload | None:
    """Read the event in a JSON body. None: the body must be read in another way."""
    if '"mega"' not in body or body[0] != '{':
        return None
    try:
        try:
            document = _decode_shallow(body)
        except MsgspecError as error:
            # The other decoder would refuse an unknown field, too.
            if 'unknown field' in str(error) or count_openings(body) > MAX_NESTED_LEVELS:
                return None
            document = _decode(body)
        event: Any = document.event
        written = event.timestamp
        event.timestamp = parse_written_timestamp(written) or normal_timestamp(written)
    except (MsgspecError, ValueError):
        return None
    event.__class__ = Event
    data: Any = document.object
    if data is not None:
        data.__class__ = ObjectData
    payload: Any = _Payload(event, data, document.extra or {})
    payload.__class__ = Payload
    return payload  # type: ignore[no-any-return]  # mypy does not see the new class


def _value_type(levels: int) -> Any:
    """Return the type of a value. `levels` is the maximum number of nested objects and arrays."""
    scalar = str | int | float | bool | None
    if not levels:
        return scalar
    member = _value_type(levels - 1)
    # mypy knows only types that are in the source.
    return scalar | dict[str, member] | list[member]  # type: ignore[valid-type]


_decode_shallow = Decoder(_Document[_value_type(SHALLOW_LEVELS)]).decode  # type: ignore[misc]
_decode = Decoder(_Document[Any]).decode
