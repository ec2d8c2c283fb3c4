"""Patterns of texts: prefixes, suffixes, substrings, wildcards and regular expressions.

If case is ignored, both texts are case-folded (`str.casefold`) before they are compared.
"""

from __future__ import annotations

import re

from mega.errors import PatternError
from mega.match.comparables import ExactKeys, to_folded_text
from mega.match.context import Context
from mega.match.functions.wildcards import Wildcard, parse_pieces
from mega.match.pattern import Atom, Pattern
from mega.match.representation import call_repr, value_repr

__all__ = (
    'IEquals',
    'Prefix',
    'Regex',
    'Substring',
    'Suffix',
    'fullmatch',
    'iequals',
    'match',
    'prefix',
    'search',
    'substring',
    'suffix',
    'wildcard',
)


class Regex(Pattern, frozen=True):
    """A text that a regular expression matches."""

    name: str
    regex: re.Pattern[str]
    max_length: int | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str) or (self.max_length is not None and len(lhs) > self.max_length):
            return False
        return getattr(self.regex, self.name)(lhs) is not None

    def __repr__(self) -> str:
        flags = self.regex.flags & ~re.UNICODE
        limit = '' if self.max_length is None else f', max_length={self.max_length}'
        return f'{self.name}({self.regex.pattern!r}{f", {int(flags)}" if flags else ""}{limit})'


class IEquals(Atom, frozen=True):
    """A text that is equal after case folding."""

    text: str
    folded: str

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, str) and lhs.casefold() == self.folded

    @property
    def exact_keys(self) -> ExactKeys:
        return ((to_folded_text, self.folded),)

    def __repr__(self) -> str:
        return call_repr('iequals', self.text)


class Prefix(Atom, frozen=True):
    """A text that starts with another text."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        if self.folded is None:
            return lhs.startswith(self.text)
        return lhs.casefold().startswith(self.folded)

    def __repr__(self) -> str:
        return _text_call_repr('prefix', self.text, self.folded)


class Suffix(Atom, frozen=True):
    """A text that ends with another text."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        if self.folded is None:
            return lhs.endswith(self.text)
        return lhs.casefold().endswith(self.folded)

    def __repr__(self) -> str:
        return _text_call_repr('suffix', self.text, self.folded)


class Substring(Atom, frozen=True):
    """A text that contains another text."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        return self.text in lhs if self.folded is None else self.folded in lhs.casefold()

    def __repr__(self) -> str:
        return _text_call_repr('substring', self.text, self.folded)


def match(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    """A text whose start matches a regular expression, as in `re.match`.

    A text of more than `max_length` characters does not match. Set the limit for an expression that
    may take exponential time, because payloads are untrusted.

    >>> evaluate('user:login:web', match(r'user:login:(.*)'))
    True
    """
    return _compile_regex('match', regex, flags, max_length)


def fullmatch(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    r"""A text that matches a regular expression as a whole. `max_length` as in `match`.

    >>> evaluate('v12', fullmatch(r'v\d+')), evaluate('v12b', fullmatch(r'v\d+'))
    (True, False)
    """
    return _compile_regex('fullmatch', regex, flags, max_length)


def search(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    r"""A text with a match of a regular expression anywhere. `max_length` as in `match`.

    >>> evaluate('order 66', search(r'\d+')), evaluate('order', search(r'\d+'))
    (True, False)
    """
    return _compile_regex('search', regex, flags, max_length)


def prefix(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that starts with this text.

    >>> evaluate('user:login', prefix('user:')), evaluate('us', prefix('user:'))
    (True, False)
    """
    return Prefix(*_text_and_folded(text, ignore_case))


def suffix(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that ends with this text.

    >>> evaluate('photo.PNG', suffix('.png')), evaluate('photo.PNG', suffix('.png', ignore_case=1))
    (False, True)
    """
    return Suffix(*_text_and_folded(text, ignore_case))


def substring(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that contains this text.

    >>> evaluate('a big cat', substring('big'))
    True
    """
    return Substring(*_text_and_folded(text, ignore_case))


def wildcard(text: str, *, ignore_case: bool = False) -> Pattern:
    r"""A text that matches a wildcard: `*` is any number of characters, `?` is one character.

    A backslash escapes the next character. The time is at most proportional to the product of the
    lengths of both texts.

    >>> evaluate('user:login:web', wildcard('user:*:we?')), evaluate('a*', wildcard(r'a\*'))
    (True, True)
    """
    plain, folded = _text_and_folded(text, ignore_case)
    return Wildcard(plain, ignore_case, parse_pieces(plain, fold=folded is not None))


def iequals(text: str) -> Pattern:
    """An equal text, ignoring case.

    >>> evaluate('STRASSE', iequals('straße'))
    True
    """
    plain, _ = _text_and_folded(text, False)
    return IEquals(plain, plain.casefold())


def _text_and_folded(text: object, ignore_case: bool) -> tuple[str, str | None]:
    if not isinstance(text, str):
        raise PatternError('', text, 'must be a str')
    plain = str.__str__(text)
    return plain, plain.casefold() if ignore_case else None


def _text_call_repr(name: str, text: str, folded: str | None) -> str:
    return f'{name}({value_repr(text)}{"" if folded is None else ", ignore_case=True"})'


def _compile_regex(name: str, regex: object, flags: int, max_length: object) -> Pattern:
    try:
        made: re.Pattern[str] = re.compile(regex, flags)  # type: ignore[call-overload]  # it checks the type
    except (re.error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PatternError('', regex, f'is not a regular expression: {error}') from error
    if not isinstance(made.pattern, str):
        raise PatternError('', regex, 'must be a regular expression for str, not for bytes')
    return Regex(name, made, _check_max_length(max_length))


def _check_max_length(limit: object) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0):
        return limit
    raise PatternError('', limit, 'max_length must be a number of characters')
