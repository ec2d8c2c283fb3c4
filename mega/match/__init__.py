"""The pattern language: which payloads a subscriber wants.

`lhs` is the value from the payload, `rhs` the pattern. Any value is a pattern; what values cannot
say, `mega.match.functions` does. A pattern is compiled when it is declared and fails then; to match
raises nothing, and changes nothing.
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
    """Whether a value matches a pattern.

    `lhs` is a value as JSON or BSON has them, or an object with `to_dict()`, such as a payload.

    >>> evaluate({'type': 'cart', 'quantity': 5}, {'quantity': 5})
    True

    Raises:
        PatternError: when `rhs` is no pattern.
        Exception: whatever a predicate within the pattern raises.
    """
    value = to_plain(lhs)
    return compile_pattern(rhs).accepts(value, Context(value))
