"""Texts: their beginning, end and middle, wildcards, regular expressions, and the case ignored.

To ignore the case, both texts are folded (`str.casefold`) before they are compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mega.errors import PatternError
from mega.match.context import Context
from mega.match.functions.wildcards import Wildcard, pieces
from mega.match.pattern import Pattern, call_repr, value_repr

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


@dataclass(frozen=True, slots=True, eq=False)
class Regex(Pattern):
    """A text in which a regular expression is found."""

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


@dataclass(frozen=True, slots=True, eq=False)
class IEquals(Pattern):
    """The equal text once both are folded."""

    text: str
    folded: str

    def accepts(self, lhs: object, context: Context) -> bool:
        return isinstance(lhs, str) and lhs.casefold() == self.folded

    def __repr__(self) -> str:
        return call_repr('iequals', self.text)


@dataclass(frozen=True, slots=True, eq=False)
class Prefix(Pattern):
    """A text that begins with another."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        if self.folded is None:
            return lhs.startswith(self.text)
        return lhs.casefold().startswith(self.folded)

    def __repr__(self) -> str:
        return _written('prefix', self.text, self.folded)


@dataclass(frozen=True, slots=True, eq=False)
class Suffix(Pattern):
    """A text that ends with another."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        if self.folded is None:
            return lhs.endswith(self.text)
        return lhs.casefold().endswith(self.folded)

    def __repr__(self) -> str:
        return _written('suffix', self.text, self.folded)


@dataclass(frozen=True, slots=True, eq=False)
class Substring(Pattern):
    """A text that holds another."""

    text: str
    folded: str | None

    def accepts(self, lhs: object, context: Context) -> bool:
        if not isinstance(lhs, str):
            return False
        return self.text in lhs if self.folded is None else self.folded in lhs.casefold()

    def __repr__(self) -> str:
        return _written('substring', self.text, self.folded)


def match(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    """A text that begins with the regular expression, as `re.match` finds it.

    A text longer than `max_length` characters does not match: some expressions take exponential
    time, and what they are run on comes from outside.

    >>> evaluate('user:login:web', match(r'user:login:(.*)'))
    True
    """
    return _regex('match', regex, flags, max_length)


def fullmatch(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    r"""A text that is the regular expression from end to end. `max_length` as in `match`.

    >>> evaluate('v12', fullmatch(r'v\d+')), evaluate('v12b', fullmatch(r'v\d+'))
    (True, False)
    """
    return _regex('fullmatch', regex, flags, max_length)


def search(
    regex: str | re.Pattern[str], flags: int = 0, *, max_length: int | None = None
) -> Pattern:
    r"""A text that holds the regular expression anywhere. `max_length` as in `match`.

    >>> evaluate('order 66', search(r'\d+')), evaluate('order', search(r'\d+'))
    (True, False)
    """
    return _regex('search', regex, flags, max_length)


def prefix(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that begins with this one.

    >>> evaluate('user:login', prefix('user:')), evaluate('us', prefix('user:'))
    (True, False)
    """
    return Prefix(*_texts(text, ignore_case))


def suffix(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that ends with this one.

    >>> evaluate('photo.PNG', suffix('.png')), evaluate('photo.PNG', suffix('.png', ignore_case=1))
    (False, True)
    """
    return Suffix(*_texts(text, ignore_case))


def substring(text: str, *, ignore_case: bool = False) -> Pattern:
    """A text that holds this one.

    >>> evaluate('a big cat', substring('big'))
    True
    """
    return Substring(*_texts(text, ignore_case))


def wildcard(text: str, *, ignore_case: bool = False) -> Pattern:
    r"""A text that reads like this one, where `*` is any run of characters and `?` is any one.

    A backslash takes the character after it as it is. The time is bounded by the product of both
    lengths, whatever the texts.

    >>> evaluate('user:login:web', wildcard('user:*:we?')), evaluate('a*', wildcard(r'a\*'))
    (True, True)
    """
    plain, folded = _texts(text, ignore_case)
    return Wildcard(plain, ignore_case, pieces(plain, fold=folded is not None))


def iequals(text: str) -> Pattern:
    """The equal text, whatever the case of its letters.

    >>> evaluate('STRASSE', iequals('straße'))
    True
    """
    plain, _ = _texts(text, False)
    return IEquals(plain, plain.casefold())


def _texts(text: object, ignore_case: bool) -> tuple[str, str | None]:
    if not isinstance(text, str):
        raise PatternError('', text, 'a text is wanted')
    plain = str.__str__(text)
    return plain, plain.casefold() if ignore_case else None


def _written(name: str, text: str, folded: str | None) -> str:
    return f'{name}({value_repr(text)}{"" if folded is None else ", ignore_case=True"})'


def _regex(name: str, regex: object, flags: int, max_length: object) -> Pattern:
    try:
        made: re.Pattern[str] = re.compile(regex, flags)  # type: ignore[call-overload]  # it checks
    except (re.error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PatternError('', regex, f'no regular expression: {error}') from error
    if not isinstance(made.pattern, str):
        raise PatternError('', regex, 'a regular expression over text is wanted, not over bytes')
    return Regex(name, made, _length(max_length))


def _length(limit: object) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0):
        return limit
    raise PatternError('', limit, 'max_length is a number of characters')
