"""Where a field of a payload stands in a message, for SNS to find it.

A data object is written as it is. Of a MEGA event patterns see the normal form, while on the wire
an attribute may stand among the event's own fields, a version may be absent, and a timestamp may be
of any zone. In message attributes there is what their publisher was told to set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from mega.aws._messages.filter_attributes import Path
from mega.aws.sns.filter_policy.operators import is_encodable
from mega.errors import join_path
from mega.match.eventbridge.parser import OR, RESERVED

__all__ = ('DATA', 'EVENT', 'FieldLocation', 'Kind', 'root')


class Kind(Enum):
    """What is known of a value before anybody looks at it."""

    ANYTHING = 'any value'
    TEXT = 'a text'
    CONSTANT = 'the same in every message'
    VERSION = 'a whole number; one that is 1 may be absent'
    INSTANT = 'an instant, in whatever zone'
    ATTRIBUTES = 'an object whose fields may stand beside it'


Schema: TypeAlias = 'Mapping[str, Schema] | Kind'
"""What is below a place: these fields and no others, or values of a kind."""

DATA: Schema = Kind.ANYTHING

EVENT: Schema = {
    'protocol': Kind.TEXT,
    'version': Kind.CONSTANT,
    'event': {
        **dict.fromkeys(('name', 'domain', 'subject', 'publisher'), Kind.TEXT),
        'version': Kind.VERSION,
        'timestamp': Kind.INSTANT,
        'attributes': Kind.ATTRIBUTES,
    },
    'object': {
        **dict.fromkeys(('type', 'id'), Kind.TEXT),
        'version': Kind.VERSION,
        **dict.fromkeys(('current', 'previous'), Kind.ANYTHING),
    },
    'extra': Kind.ANYTHING,
}
"""The normal form of a MEGA event."""

_FIELDS_OF_EVENT = frozenset(EVENT['event'])  # type: ignore[index,arg-type]


@dataclass(frozen=True, slots=True)
class FieldLocation:
    """A field of a payload, and the paths at which SNS may find it: it is at one of them."""

    keys: Path
    paths: tuple[Path, ...]
    within: Schema
    form: Schema
    names: Mapping[Path, str] | None
    """The attributes that hold fields; None where the body is asked."""

    def below(self, key: str) -> FieldLocation | None:
        """The place one key further in; None where there never is one."""
        keys = (*self.keys, key)
        within = self.within
        if isinstance(within, Mapping):
            if key not in within:
                return None
            inner: Schema = within[key]
        else:
            inner = Kind.ANYTHING
        if self.names is not None:
            name = self.names.get(keys)
            return replace(self, keys=keys, paths=((name,),) if name else (), within=inner)
        paths = tuple((*path, key) for path in self.paths)
        if within is Kind.ATTRIBUTES and key not in _FIELDS_OF_EVENT:
            paths = (*paths, *((*path[:-1], key) for path in self.paths))
        return replace(self, keys=keys, paths=paths, within=inner)

    @property
    def shown(self) -> str:
        """The path as an error would show it."""
        path = ''
        for key in self.keys:
            path = join_path(path, key)
        return path

    @property
    def can_be_missing(self) -> bool:
        """Whether SNS can tell that it is missing.

        Only of the outermost fields. Further in, SNS would also find a name with dots, or what the
        first of two equal keys holds, neither of which is there for us.
        """
        return self.names is None and self.form is DATA and len(self.keys) == 1

    @property
    def can_be_asked(self) -> bool:
        """Whether SNS reads every name on the way as we do, and in an `$or` too."""
        return bool(self.paths) and all(map(_is_plain, self.keys if self.names is None else ()))


def root(form: Schema, names: Mapping[Path, str] | None) -> FieldLocation:
    """The whole payload: a data object, or an event."""
    return FieldLocation((), ((),) if names is None else (), form, form, names)


def _is_plain(name: str) -> bool:
    return (
        bool(name)
        and '.' not in name
        and name not in RESERVED
        and name != OR
        and is_encodable(name)
    )
