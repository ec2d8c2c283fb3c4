"""Wildcards, matched piece by piece in linear time.

The stars divide a wildcard into pieces of literal characters and `?`. The first piece must match at
the start and the last one at the end. Each piece between matches at the first possible place, which
leaves the most room for the rest. No backtracking is necessary, unlike with a regular expression.
For example, `a*b?*c` has the pieces `a`, `b?` and `c`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from mega.errors import PatternError
from mega.match.context import Context
from mega.match.pattern import Pattern
from mega.match.representation import value_repr

__all__ = ('Wildcard', 'parse_pieces')

MAX_SEARCHED = 32
"""The length of a piece with `?` up to which a regular expression is faster than a loop."""


class Piece(Struct, frozen=True):
    """Literal characters and `?`. A piece matches a fixed number of characters."""

    characters: tuple[str | None, ...]
    """The characters; None stands for any character (`?`)."""

    literal: str | None
    """All characters, if none of them is `?`."""

    regex: re.Pattern[str]

    has_many_gaps: bool
    """Whether a search for the regular expression could take long."""


class Wildcard(Pattern, frozen=True):
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
    literal = None if None in characters else ''.join(map(str, characters))
    has_many_gaps = literal is None and len(characters) > MAX_SEARCHED
    return Piece(tuple(characters), literal, re.compile(regex, re.DOTALL), has_many_gaps)


def _matches(pieces: tuple[Piece, ...], text: str) -> bool:
    """Return whether a text matches: first piece at the start, last at the end, others between."""
    end = _end_at(pieces[0], text, 0)
    if len(pieces) == 1:
        return end == len(text)
    for piece in pieces[1:-1]:
        if end < 0:
            return False
        end = _search(piece, text, end)
    last = pieces[-1]
    start = len(text) - len(last.characters)
    return 0 <= end <= start and _end_at(last, text, start) >= 0


def _end_at(piece: Piece, text: str, start: int) -> int:
    """Return the end of a piece that matches at a place, or -1."""
    end = start + len(piece.characters)
    if piece.literal is not None:
        return end if text.startswith(piece.literal, start) else -1
    return end if piece.regex.match(text, start) else -1


def _search(piece: Piece, text: str, start: int) -> int:
    """Return the end of the first place at which a piece matches, or -1."""
    if piece.has_many_gaps:
        return _find(piece.characters, text, start)
    if piece.literal is not None:
        found = text.find(piece.literal, start)
        return found + len(piece.literal) if found >= 0 else -1
    match = piece.regex.search(text, start)
    return match.end() if match else -1


def _find(characters: Sequence[str | None], text: str, start: int) -> int:
    """Return the end of the first place at which a piece with gaps matches, or -1.

    A search with a regular expression would begin again at every character. This loop reads each
    character once: bit n of the state says that the first n + 1 characters of the piece match here.
    """
    anywhere = sum(1 << place for place, one in enumerate(characters) if one is None)
    fits: dict[str | None, int] = {}
    for place, one in enumerate(characters):
        fits[one] = fits.get(one, anywhere) | 1 << place
    state, goal = 0, 1 << len(characters) - 1
    for place in range(start, len(text)):
        state = (state << 1 | 1) & fits.get(text[place], anywhere)
        if state & goal:
            return place + 1
    return -1
