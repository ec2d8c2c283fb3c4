"""Read from a JSON text only the values that patterns test.

Patterns test few values of an event. To decode the other values takes longer than the match.
msgspec skips a value in a third of the time that it takes to decode it. A type tells msgspec to
decode only the values at the paths of the patterns. For example, the patterns

    {'event': {'name': 'item.added', 'attributes': {'quantity': gt(5)}}}
    {'object': {'type': 'cart'}}

become TypedDicts with these keys:

    {'event': {'name': Any, 'attributes': {'quantity': Any}}, 'object': {'type': Any}}

Where a pattern expects an object, a text may have another value. So each TypedDict is in a union
with all other types of JSON. An array is decoded completely: patterns of EventBridge look into it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias, TypedDict

from msgspec.json import Decoder

from mega.errors import DecodeError
from mega.json_reading import BYTE_ORDER_MARK, read_json
from mega.match.eventbridge.matcher import EventPattern
from mega.match.functions.paths import Field
from mega.match.pattern import AllOf, AnyOf, Not, Object, Pattern

__all__ = ('JsonFields', 'JsonText')

MAX_PATHS = 64
"""The maximum number of paths. If the patterns test more, whole texts are decoded.

msgspec compares each key of a text with each key of the type.
"""

MAX_PATH_KEYS = 10
"""The maximum number of keys in a path. At the end of it, a value is decoded completely."""

_Path: TypeAlias = tuple[str, ...]


class JsonFields:
    """The decoder of the values that patterns test.

    Its paths are never removed: a value that no pattern tests any more changes no result.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._paths: set[_Path] = set()
        self.decode = Decoder(_type_of(self._paths)).decode
        self.include(patterns)

    def include(self, patterns: Iterable[Pattern]) -> None:
        """Decode the values that these patterns test, too. Other threads may decode meanwhile."""
        paths = self._paths.copy()
        for pattern in patterns:
            if () in paths:
                break
            paths.update(path[:MAX_PATH_KEYS] for path in _paths_of(pattern))
            if len(paths) > MAX_PATHS:
                paths = {()}
        if paths != self._paths:
            self._paths, self.decode = paths, Decoder(_type_of(paths)).decode


class JsonText:
    """A JSON text in place of its value, which is decoded when the match asks for it."""

    __slots__ = ('_fields', '_text')

    def __init__(self, text: str | bytes, fields: JsonFields) -> None:
        self._text = text
        self._fields = fields

    def to_dict(self) -> Any:
        """Return the value, with the fields that patterns test.

        Raises:
            DecodeError: for any other text than one complete JSON value.
        """
        try:
            text = self._text
            # msgspec accepts no subclass of str.
            text = str(text, 'utf-8') if isinstance(text, bytes) else str.__str__(text)
            return read_json(text.removeprefix(BYTE_ORDER_MARK), self._fields.decode)
        except UnicodeDecodeError as error:
            raise DecodeError(f'it is not UTF-8 at byte {error.start}', 'JSON') from None
        except ValueError as error:
            raise DecodeError(str(error), 'JSON') from None


def _paths_of(pattern: Pattern, path: _Path = ()) -> Iterator[_Path]:
    """Yield the paths of the values that a pattern tests. `path` leads to its own value."""
    if isinstance(pattern, Object) and pattern.entries:
        for key, child in pattern.entries:
            yield from _paths_of(child, (*path, str.__str__(key)))
    elif isinstance(pattern, (AllOf, AnyOf, Not)):
        for child in pattern.children:
            yield from _paths_of(child, path)
    elif isinstance(pattern, EventPattern):
        for combination in pattern.combinations:
            for condition in combination:
                yield from _spellings(path, condition.path)
    else:
        yield path
        yield from _referenced_paths(pattern)


def _spellings(parent: _Path, path: _Path) -> Iterator[_Path]:
    """Yield the paths that are the same to EventBridge: the key `a.b` is like `a` and then `b`."""
    if len(path) > MAX_PATH_KEYS:
        yield parent
        return
    yield (*parent, *path)
    for start in range(len(path) - 1):
        for end in range(start + 2, len(path) + 1):
            yield (*parent, *path[:start], '.'.join(path[start:end]))


def _referenced_paths(pattern: Pattern) -> Iterator[_Path]:
    if isinstance(pattern, Field):
        yield pattern.keys
    for child in pattern.children:
        yield from _referenced_paths(child)


def _type_of(paths: Collection[_Path]) -> Any:
    """Return a type of msgspec whose instances have the values at these paths."""
    if () in paths:
        return Any
    by_key: defaultdict[str, list[_Path]] = defaultdict(list)
    for key, *rest in paths:
        by_key[key].append(tuple(rest))
    fields: Any = {key: _type_of(rest) for key, rest in by_key.items()}
    # mypy knows only TypedDicts whose keys are in the source.
    of_object: Any = TypedDict('of_object', fields, total=False)  # type: ignore[misc]
    return of_object | list[Any] | str | int | float | bool | None
