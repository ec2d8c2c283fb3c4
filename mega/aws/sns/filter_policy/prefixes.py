"""With what texts begin: those that a regular expression finds, and those that spell a value."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

__all__ = ('day_prefixes', 'number_prefixes', 'regex_prefix')


def number_prefixes(number: Decimal) -> list[str]:
    """The beginnings of all texts that spell a number in JSON's grammar.

    42 may be written 42.0, 4.2e1 or 0.042E3: with its first digit, or with a zero and a point.
    """
    sign, digits, _ = number.as_tuple()
    first = next((digit for digit in digits if digit), 0)
    if not first:
        return ['0', '-0']
    minus = '-' if sign else ''
    return [f'{minus}{first}', f'{minus}0.']


def day_prefixes(day: date) -> list[str]:
    """The beginnings of all ISO-8601 texts for an instant of a UTC day; none at the calendar's end.

    In a zone ahead of UTC it may be the next day already, in one behind it the day before.
    """
    if day in (date.min, date.max):
        return []
    return [(day + timedelta(by)).isoformat() for by in (-1, 0, 1)]


def regex_prefix(regex: re.Pattern[str]) -> tuple[str, bool]:
    """The plain text with which everything begins that a regular expression finds.

    And whether it is found at the beginning of a text alone, by whatever it is searched.
    """
    written, flags = regex.pattern, regex.flags
    if flags & (re.IGNORECASE | re.VERBOSE) or _may_branch(written):
        return '', False
    rest = _START.sub('', written)
    plain = _RUN.match(rest)
    assert plain, 'it may be empty'
    characters = _ONE.findall(plain[0])
    if rest[plain.end() : plain.end() + 1] in ('*', '?', '{'):  # the last one may be missing
        characters = characters[:-1]
    is_anchored = rest != written and not flags & re.MULTILINE
    return ''.join(character[-1] for character in characters), is_anchored


_START = re.compile(r'^(?:\^|\\A)')
_ONE = re.compile(r'\\[^0-9A-Za-z]|[^\\.^$*+?{}\[\]()|]', re.DOTALL)
_RUN = re.compile(rf'(?:{_ONE.pattern})*', re.DOTALL)
_ESCAPE = re.compile(r'\\.', re.DOTALL)
_CLASS = re.compile(r'\[\^?\]?[^\]]*\]')


def _may_branch(written: str) -> bool:
    """Whether there may be alternatives outside of all groups. A comment could hold anything."""
    if '(?#' in written:
        return True
    depth = 0
    for character in _CLASS.sub('', _ESCAPE.sub('x', written)):
        depth += (character == '(') - (character == ')')
        if character == '|' and depth == 0:
            return True
    return False
