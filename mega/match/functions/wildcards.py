"""Wildcards, matched piece by piece: no text makes that slow, as some make a regular expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mega.errors import PatternError
from mega.match.context import Context
from mega.match.pattern import Pattern, value_repr

__all__ = ('Wildcard', 'pieces')


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of plain characters and `?`: it takes so many characters, and there is no choice."""

    characters: tuple[str | None, ...]
    """Character by character; None for any one."""

    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard(Pattern):
    """A text of several pieces, one after another, with anything between them."""

    text: str
    ignore_case: bool
    pieces: tuple[Piece, ...]

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        return _holds(self.pieces, lhs.casefold() if self.ignore_case else lhs)

    def __repr__(self) -> str:
        return (
            f'wildcard({value_repr(self.text)}{", ignore_case=True" if self.ignore_case else ""})'
        )


def pieces(text: str, *, fold: bool) -> tuple[Piece, ...]:
    """What stands between the stars of a wildcard; what `fold` says is folded.

    Raises:
        PatternError: for a backslash with nothing to take as it is.
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
            raise PatternError('', text, 'a backslash at the end has nothing to escape')
    return tuple(map(_piece, runs))


def _piece(run: list[str | None]) -> Piece:
    regex = ''.join('.' if character is None else re.escape(character) for character in run)
    return Piece(tuple(run), re.compile(regex, re.DOTALL))


def _holds(pieces: tuple[Piece, ...], text: str) -> bool:
    """The first piece stands at the start, the last at the end, the others where they fit first."""
    first, *middle = pieces
    if not middle:
        return first.regex.fullmatch(text) is not None
    last = middle.pop()
    found = first.regex.match(text)
    for piece in middle:
        found = found and piece.regex.search(text, found.end())
    start = len(text) - len(last.characters)
    return bool(found and found.end() <= start and last.regex.fullmatch(text, start))
