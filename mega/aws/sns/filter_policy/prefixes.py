"""Compute the prefixes of all texts that a regular expression, a number or a day can match."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

__all__ = ('day_prefixes', 'number_prefixes', 'regex_prefix')


def number_prefixes(number: Decimal) -> list[str]:
    """Return the prefixes of all texts that spell a number in JSON's grammar.

    A text can spell 42 as 42.0, 4.2e1 or 0.042E3: it starts with the first digit, or with `0.`.
    """
    sign, digits, _ = number.as_tuple()
    first = next((digit for digit in digits if digit), 0)
    if not first:
        return ['0', '-0']
    minus = '-' if sign else ''
    return [f'{minus}{first}', f'{minus}0.']


def day_prefixes(day: date) -> list[str]:
    """Return the prefixes of all ISO 8601 texts for an instant of a UTC day.

    In a time zone ahead of UTC the instant may be on the next day, and in a zone behind UTC on the
    previous day. The list is empty for the first and the last day of the calendar.
    """
    if day in (date.min, date.max):
        return []
    return [(day + timedelta(days)).isoformat() for days in (-1, 0, 1)]


def regex_prefix(regex: re.Pattern[str]) -> tuple[str, bool]:
    """Return the literal prefix of all matches of a regex, and whether the regex is anchored.

    An anchored regex matches only at the start of a text, also with `search`. The prefix is empty
    for a regex with flags or alternatives that rule out a literal prefix.
    """
    source, flags = regex.pattern, regex.flags
    if flags & (re.IGNORECASE | re.VERBOSE) or _may_branch(source):
        return '', False
    rest = _ANCHOR.sub('', source)
    literal = _LITERALS.match(rest)
    assert literal, 'the regular expression matches the empty text'
    characters = _LITERAL.findall(literal[0])
    if rest[literal.end() : literal.end() + 1] in ('*', '?', '{'):
        characters = characters[:-1]  # the quantifier may allow zero repetitions
    is_anchored = rest != source and not flags & re.MULTILINE
    return ''.join(character[-1] for character in characters), is_anchored


_ANCHOR = re.compile(r'^(?:\^|\\A)')
_LITERAL = re.compile(r'\\[^0-9A-Za-z]|[^\\.^$*+?{}\[\]()|]', re.DOTALL)
_LITERALS = re.compile(rf'(?:{_LITERAL.pattern})*', re.DOTALL)
_ESCAPE = re.compile(r'\\.', re.DOTALL)
_CLASS = re.compile(r'\[\^?\]?[^\]]*\]')


def _may_branch(source: str) -> bool:
    """Return whether a regex may have alternatives outside of all groups.

    A comment may contain any characters, so a regex with a comment counts as one with alternatives.
    """
    if '(?#' in source:
        return True
    depth = 0
    for character in _CLASS.sub('', _ESCAPE.sub('x', source)):
        depth += (character == '(') - (character == ')')
        if character == '|' and depth == 0:
            return True
    return False
