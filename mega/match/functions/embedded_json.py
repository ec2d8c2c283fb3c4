r"""JSON inside of a text.

A producer that serializes twice sends `{"order": "{\"total\": 5}"}`: the value of `order` is a
text. All patterns that test such a text share one parse of it. The index parses it once more for
each field in it that it looks up, however many patterns have a condition on the field.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import Any, ClassVar

from mega import json_reading
from mega.match.comparables import Normaliser
from mega.match.context import MISSING, Context
from mega.match.pattern import Pattern, compile_pattern
from mega.match.representation import call_repr

__all__ = ('JsonText', 'json_text', 'normaliser_in_json', 'read_embedded', 'read_text')

MAX_NORMALISERS = 1_000
"""The number of paths in JSON texts for which patterns share a look-up."""


class JsonText(Pattern, frozen=True):
    """A text that contains JSON whose value matches."""

    _USES_CONTEXT: ClassVar[bool] = True

    child: Pattern

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        value = read_embedded(lhs, context)
        return value is not MISSING and self.child.accepts(value, context)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def __repr__(self) -> str:
        return call_repr('json_text', self.child)


def read_embedded(text: str, context: Context) -> object:
    """Return the value of a text that contains JSON; MISSING for any other text."""
    return context.convert(read_text, text)


def read_text(text: str) -> object:
    """Parse a text that contains JSON; MISSING for any other text."""
    try:
        return json_reading.read_json(text)
    except ValueError:
        return MISSING


@lru_cache(MAX_NORMALISERS)
def normaliser_in_json(path: tuple[str, ...], normalise: Normaliser) -> Normaliser:
    """Return the normaliser of the value at a path in the JSON of a text.

    Generated code calls it by its `__name__`, which is therefore unique.
    """

    def normalise_in_json(lhs: object) -> Any:
        value = read_text(lhs) if isinstance(lhs, str) else MISSING
        for name in path:
            value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        return None if value is MISSING else normalise(value)

    normalise_in_json.__name__ = f'in_json_{next(_numbers)}'
    return normalise_in_json


_numbers = count()


def json_text(pattern: object) -> Pattern:
    """A text that contains JSON: one complete value, which matches.

    The limits are those of a body: at most 100 nested levels, integers of at most 4,300 digits, and
    no NaN. Any other text does not match. In `pattern`, the path of a `field` starts at the root of
    the payload.

    >>> evaluate({'order': '{"total": 5}'}, {'order': json_text({'total': gt(1)})})
    True
    """
    return JsonText(compile_pattern(pattern))
