"""The pattern language: patterns select the payloads that a subscriber receives.

`lhs` is the value from the payload, `rhs` the pattern. Every value is a pattern; the functions in
`mega.match.functions` express the other patterns. A pattern is compiled when it is declared, and an
invalid pattern raises then. Matching raises nothing and changes nothing.
"""

from __future__ import annotations

from mega.match.context import Context, to_plain
from mega.match.explanation import Explanation, Explanations, Finding, explain
from mega.match.pattern import Pattern, compile_pattern
from mega.match.pattern_set import PatternSet

__all__ = (
    'Explanation',
    'Explanations',
    'Finding',
    'Pattern',
    'PatternSet',
    'evaluate',
    'explain',
)


def evaluate(lhs: object, rhs: object) -> bool:
    """Return whether a value matches a pattern.

    `lhs` is a value of JSON or BSON, or an object with `to_dict()`, such as a payload.

    >>> evaluate({'type': 'cart', 'quantity': 5}, {'quantity': 5})
    True

    Raises:
        PatternError: if `rhs` is not a valid pattern.
        Exception: any exception of a predicate in the pattern.
    """
    value = to_plain(lhs)
    return compile_pattern(rhs).accepts(value, Context(value))
