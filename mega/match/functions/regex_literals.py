r"""Literal texts that every match of a regular expression contains.

The index finds a regular expression by such a text, and only then runs it. For example, every match
of `shop_[0-9]+\.thing(s?)\.paid` contains 'shop_', '.thing' and '.paid'.

Only characters outside of groups count. The scanner gives up where it is not certain: if case is
ignored, or if the expression has alternatives, comments or an escape such as `\x41`.
"""

from __future__ import annotations

import re

from msgspec import Struct

__all__ = ('Literal', 'literals_of')

_TOKEN = re.compile(
    r"""
    (?: \\ (?P<escaped> [^0-9A-Za-z])
      | \\ [AbBdDsSwWZ]
      | \[ \^? \]? (?: [^\]\\] | \\. )* \]
      | (?P<bracket> [()])
      | (?P<or> \|)
      | [.^${]
      | (?P<plain> [^\\[])
    )
    (?P<quantifier> (?: [*+?] | \{ (?: [0-9]+ (?:,[0-9]*)? | ,[0-9]* ) \} ) [+?]? )?
    """,
    re.VERBOSE | re.DOTALL,
)

_MAY_HAVE_COMMENTS = re.compile(r'\(\?(?:#|[aiLmsu]*x)')
"""A comment, or a group with the flag for comments, which `flags` of the expression lacks."""


class Literal(Struct, frozen=True):
    """A text in every match."""

    text: str

    is_start: bool
    """Whether every match starts with the text."""


def literals_of(regex: re.Pattern[str]) -> list[Literal]:
    """Return the texts that every match contains, as far as they are known, the longest first.

    >>> [literal.text for literal in literals_of(re.compile(r'v[0-9]+/orders?/'))]
    ['/order', 'v', '/']
    """
    if regex.flags & (re.IGNORECASE | re.VERBOSE) or _MAY_HAVE_COMMENTS.search(regex.pattern):
        return []
    runs = [Literal('', is_start=True)]
    source, position, depth = regex.pattern, 0, 0
    while position < len(source):
        token = _TOKEN.match(source, position)
        if token is None or (token['or'] and not depth):
            return []
        position = token.end()
        if token['bracket']:
            depth += 1 if token['bracket'] == '(' else -1
        elif depth:
            continue
        character, quantifier = token['escaped'] or token['plain'], token['quantifier']
        if character and (not quantifier or quantifier[0] == '+'):
            runs[-1] = Literal(runs[-1].text + character, runs[-1].is_start)
        if not character or quantifier:
            runs.append(Literal('', is_start=False))
    runs.sort(key=lambda run: len(run.text), reverse=True)
    return [run for run in runs if run.text]
