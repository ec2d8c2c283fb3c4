"""Wildcards, matched piece by piece in polynomial time.

The stars divide a wildcard into pieces of literal characters and `?`. The first piece must match at
the start and the last one at the end. Each piece between matches at the first possible place, which
leaves the most room for the rest. No backtracking is necessary, unlike with a regular expression.
For example, `a*b?*c` has the pieces `a`, `b?` and `c`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mega.errors import PatternError
from mega.match.context import Context
from mega.match.pattern import Pattern, value_repr

__all__ = ('Wildcard', 'parse_pieces')


@dataclass(frozen=True, slots=True)
class Piece:
    """Literal characters and `?`. A piece matches a fixed number of characters."""

    characters: tuple[str | None, ...]
    """The characters; None stands for any character (`?`)."""

    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard(Pattern):
    """A text that contains the pieces in this order, with any characters between them."""

    text: str
    ignore_case: bool
    pieces: tuple[Piece, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        return _matches(self.pieces, lhs.casefold() if self.ignore_case else lhs)

    def __repr__(self) -> str:
        return (
            f'wildcard({value_repr(self.text)}{", ignore_case=True" if self.ignore_case else ""})'
        )


def parse_pieces(text: str, *, fold: bool) -> tuple[Piece, ...]:
    """Return the pieces between the stars of a wildcard, case-folded if `fold` is true.

    Raises:
        PatternError: if the text ends with a backslash that escapes nothing.
    """
    runs: list[list[str | None]] = [[]]
    characters = iter(text)
    for character in characters:
        if character == '*':
            runs.append([])
        elif character == '?':
            runs[-1].append(None)
        elif character != '\\':
            runs[-1] += character.casefold() if fold else character
        elif escaped := next(characters, ''):
            runs[-1] += escaped.casefold() if fold else escaped
        else:
            raise PatternError('', text, 'a backslash at the end escapes nothing')
    return tuple(map(_piece, runs))


def _piece(characters: list[str | None]) -> Piece:
    regex = ''.join('.' if character is None else re.escape(character) for character in characters)
    return Piece(tuple(characters), re.compile(regex, re.DOTALL))


def _matches(pieces: tuple[Piece, ...], text: str) -> bool:
    """Return whether a text matches: first piece at the start, last at the end, others between."""
    first, *middle = pieces
    if not middle:
        return first.regex.fullmatch(text) is not None
    last = middle.pop()
    found = first.regex.match(text)
    for piece in middle:
        found = found and piece.regex.search(text, found.end())
    start = len(text) - len(last.characters)
    return bool(found and found.end() <= start and last.regex.fullmatch(text, start))
