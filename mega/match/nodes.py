"""The patterns behind the vocabulary, one class a kind.

They are made by `mega.match.functions`, which checks what it is given; nothing is checked here.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

from mega.match.pattern import Pattern, called
from mega.match.scales import Scale, Test

__all__ = (
    'Any',
    'Between',
    'Compare',
    'Empty',
    'Equal',
    'Exists',
    'Missing',
    'OneOf',
    'Optional',
    'Regex',
)


@dataclass(frozen=True, slots=True, eq=False)
class Equal(Pattern):
    """The value itself."""

    child: Pattern

    def accepts(self, lhs: object) -> bool:
        return self.child.accepts(lhs)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def _absent(self) -> bool | None:
        return self.child.absent

    def __repr__(self) -> str:
        return called('eq', self.child)


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Pattern):
    """More or less than a value on its scale."""

    name: str
    test: Test
    scale: Scale

    def accepts(self, lhs: object) -> bool:
        return self.scale.holds(self.test, lhs)

    def __repr__(self) -> str:
        return called(self.name, self.scale.value)


@dataclass(frozen=True, slots=True, eq=False)
class Between(Pattern):
    """From one value to another on their scale, both included."""

    low: Scale
    high: Scale

    def accepts(self, lhs: object) -> bool:
        return self.low.holds(operator.ge, lhs) and self.high.holds(operator.le, lhs)

    def __repr__(self) -> str:
        return called('between', self.low.value, self.high.value)


@dataclass(frozen=True, slots=True, eq=False)
class OneOf(Pattern):
    """A value, not an array, that matches at least one member."""

    members: tuple[Pattern, ...]

    def accepts(self, lhs: object) -> bool:
        if isinstance(lhs, (list, tuple)):
            return False
        for child in self.members:
            if child.accepts(lhs):
                return True
        return False

    @property
    def children(self) -> tuple[Pattern, ...]:
        return self.members

    def __repr__(self) -> str:
        return called('one_of', *self.members)


@dataclass(frozen=True, slots=True, eq=False)
class Regex(Pattern):
    """A text that begins with a regular expression."""

    regex: re.Pattern[str]
    max_length: int | None

    def accepts(self, lhs: object) -> bool:
        if not isinstance(lhs, str) or (self.max_length is not None and len(lhs) > self.max_length):
            return False
        return self.regex.match(lhs) is not None

    def __repr__(self) -> str:
        flags = self.regex.flags & ~re.UNICODE
        limit = '' if self.max_length is None else f', max_length={self.max_length}'
        return f'match({self.regex.pattern!r}{f", {int(flags)}" if flags else ""}{limit})'


@dataclass(frozen=True, slots=True, eq=False)
class Any(Pattern):
    """Whatever is there."""

    def accepts(self, lhs: object) -> bool:
        return True

    def _absent(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return 'any_()'


@dataclass(frozen=True, slots=True, eq=False)
class Exists(Pattern):
    """Whatever is there and not null."""

    def accepts(self, lhs: object) -> bool:
        return lhs is not None

    def _absent(self) -> bool | None:
        return False

    def __repr__(self) -> str:
        return 'exists()'


@dataclass(frozen=True, slots=True, eq=False)
class Missing(Pattern):
    """Nothing is there."""

    def accepts(self, lhs: object) -> bool:
        return False

    def _absent(self) -> bool | None:
        return True

    def __repr__(self) -> str:
        return 'missing()'


@dataclass(frozen=True, slots=True, eq=False)
class Optional(Pattern):
    """Nothing is there, or what is there matches."""

    child: Pattern

    def accepts(self, lhs: object) -> bool:
        return self.child.accepts(lhs)

    @property
    def children(self) -> tuple[Pattern, ...]:
        return (self.child,)

    def _absent(self) -> bool | None:
        return True

    def __repr__(self) -> str:
        return called('optional', self.child)


@dataclass(frozen=True, slots=True, eq=False)
class Empty(Pattern):
    """Null, and what holds nothing."""

    def accepts(self, lhs: object) -> bool:
        return lhs is None or (isinstance(lhs, (str, list, tuple, dict)) and not lhs)

    def __repr__(self) -> str:
        return 'empty()'
