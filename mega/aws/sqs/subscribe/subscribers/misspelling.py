"""Class attributes that look like a declaration of a subscriber, but declare nothing.

A subscriber with `nmae = 'item.added'` receives every event. So a class is refused if the name of a
public attribute is close to the name of a declaration. Methods, properties and nested classes are
no declarations; neither are names in capitals, or with an underscore at the start.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from typing import Any

from mega.errors import ConfigurationError

__all__ = ('check_names',)

RESERVED = {
    'event': "'event' is reserved: declare one field, such as event_name, or set `pattern`",
    'object': "'object' is reserved: declare one field, such as object_type, or set `pattern`",
    'message': "'message' is the delivery in progress: set `message_pattern`",
    'matches': "'matches' is the method that explains a match: set `pattern`",
}
"""Names that are not declarations, and the declarations to write in their place."""

MIN_SIMILARITY = 0.9
"""The share of equal characters from which two names are close, if they are long."""


def check_names(cls: type, names: Collection[str], names_of_events: Collection[str]) -> None:
    """Check the class attributes of a subscriber class and its mixins.

    `names` are the declarations that the class can have. `names_of_events` are those of an
    `EventSubscriber`.

    Raises:
        ConfigurationError: for an attribute that declares nothing, with the way to correct it.
    """
    for name in _attributes(cls):
        if name in names:
            continue
        if name in RESERVED:
            problem = RESERVED[name]
        elif name in names_of_events:
            problem = (
                'only an EventSubscriber matches this field of events: extend EventSubscriber, '
                'or set `pattern`'
            )
        elif near := next((known for known in names if _is_meant(name, known)), None):
            problem = f'the name of the declaration is {near!r}'
        else:
            continue
        otherwise = 'if the attribute is not a declaration, rename it'
        raise ConfigurationError(f'{cls.__name__}.{name} would be ignored: {problem}; {otherwise}')


def _attributes(cls: type) -> Iterator[str]:
    """Yield the names of the public attributes that may be meant as declarations."""
    for ancestor in cls.__mro__:
        if ancestor is object or ancestor.__module__.partition('.')[0] in ('mega', 'typing'):
            continue
        for name, value in vars(ancestor).items():
            if not name.startswith('_') and not name.isupper() and not _is_code(name, value):
                yield name


def _is_code(name: str, value: Any) -> bool:
    """Return whether a value is a method, a property or a class, and not a predicate."""
    if inspect.isfunction(value):
        return value.__name__ == name
    return inspect.isclass(value) or inspect.ismodule(value) or hasattr(type(value), '__get__')


def _is_meant(name: str, known: str) -> bool:
    """Return whether a name is close to a known name, or to its singular, as 'atribute' is."""
    return _is_close(name, known) or _is_close(name, known.removesuffix('s'))


def _is_close(name: str, known: str) -> bool:
    """Return whether a name is probably a misspelt known name.

    Close are names with two letters transposed, and names with one letter too many, too few or
    wrong and the same first letter: 'nmae' and 'names', but not 'game'. Long names may differ more.
    """
    if any(f'{name[:i]}{name[i : i + 2][::-1]}{name[i + 2 :]}' == known for i in range(len(name))):
        return True
    if name[0].lower() != known[0]:
        return False
    if name.casefold() == known or _differs_in_one_letter(name, known):
        return True
    from difflib import SequenceMatcher  # few names come here

    return SequenceMatcher(None, name, known, autojunk=False).ratio() >= MIN_SIMILARITY


def _differs_in_one_letter(name: str, known: str) -> bool:
    start = 0
    while start < min(len(name), len(known)) and name[start] == known[start]:
        start += 1
    one, other = name[start:], known[start:]
    # Another last letter makes another word: 'published' is not meant as 'publisher'.
    return one[1:] == other or one == other[1:] or one[1:] == other[1:] != ''
