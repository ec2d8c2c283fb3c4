"""Predicates of the user are called last, and only for present values."""

from __future__ import annotations

from typing import Any

import pytest

from mega.match import evaluate
from mega.match.functions import (
    and_,
    contains,
    every,
    exactly,
    gt,
    is_a,
    length,
    not_,
    one_of,
    optional,
    or_,
    prefix,
)


class Asked:
    """A predicate that records its arguments."""

    def __init__(self, answer: bool = True) -> None:
        self.values: list[object] = []
        self.answer = answer

    def __call__(self, lhs: object) -> bool:
        self.values.append(lhs)
        return self.answer


PAYLOAD: dict[str, Any] = {'a': 5, 'b': 'x', 'c': {'d': [1, 2]}}


def patterns_that_fail(asked: Asked) -> dict[str, object]:
    """Patterns with a part behind the predicate that does not match the payload."""
    return {
        'another key': {'a': asked, 'b': 'y'},
        'a key that is missing': {'a': asked, 'nowhere': 1},
        'a key deeper down': {'a': asked, 'c': {'d': 1}},
        'behind a deeper predicate': {'c': {'d': asked}, 'b': 'y'},
        'behind a member': {'c': {'d': contains(asked)}, 'b': 'y'},
        'behind every member': {'c': {'d': every(asked)}, 'b': 'y'},
        'behind members in order': {'c': {'d': exactly([asked, asked])}, 'b': 'y'},
        'behind a length': {'b': length(asked), 'a': 6},
        'behind a choice': {'a': or_(asked, 6), 'b': 'y'},
        'behind one of several': {'a': one_of(asked, 6), 'b': 'y'},
        'behind a list': {'a': [asked, 6], 'b': 'y'},
        'behind a negation': {'a': not_(asked), 'b': 'y'},
        'behind what is optional': {'a': optional(asked), 'b': 'y'},
        'and_': {'a': and_(asked, gt(5))},
        'and_ of three': {'a': and_(is_a(int), asked, gt(5))},
        'and_ of objects': and_({'a': asked}, {'b': 'y'}),
        'and_ within and_': {'a': and_(and_(asked, is_a(int)), gt(5))},
        'an operator': {'b': is_a(str) & asked & prefix('y')},
        'an operator the other way': {'b': asked & prefix('y')},
    }


CLAIMS = list(patterns_that_fail(Asked()))


@pytest.mark.parametrize('claim', CLAIMS)
@pytest.mark.parametrize('answer', [True, False])
def test_a_predicate_is_not_called_if_the_rest_does_not_match(claim: str, answer: bool) -> None:
    asked = Asked(answer)
    assert not evaluate(PAYLOAD, patterns_that_fail(asked)[claim])
    assert not asked.values


def test_a_result_that_needs_no_predicate_ignores_one_that_raises() -> None:
    def broken(lhs: object) -> bool:
        raise LookupError(lhs)

    assert not evaluate(PAYLOAD, {'a': broken, 'b': 'y'})
    assert not evaluate(PAYLOAD, {'a': and_(broken, gt(5))})
    with pytest.raises(LookupError):
        evaluate(PAYLOAD, {'a': broken, 'b': 'x'})


def test_predicates_are_called_in_their_order() -> None:
    first, second = Asked(), Asked(False)
    third = Asked()
    assert not evaluate(PAYLOAD, {'a': first, 'b': second, 'c': third})
    assert (first.values, second.values, third.values) == ([5], ['x'], [])
    assert not evaluate(PAYLOAD, {'a': and_(second, gt(4), third)})
    assert (second.values, third.values) == (['x', 5], [])


def test_a_predicate_in_contains_is_called_with_the_members() -> None:
    for pattern in (every, contains, lambda asked: exactly([asked, asked, asked])):
        asked = Asked(pattern is not contains)
        evaluate({'a': ['x', None, {'b': 1}]}, {'a': pattern(asked)})
        assert asked.values == ['x', None, {'b': 1}]


def test_a_predicate_in_length_is_called_with_the_number() -> None:
    asked = Asked()
    assert evaluate({'a': 'abc', 'b': []}, {'a': length(asked), 'b': length(asked)})
    assert asked.values == [3, 0]
    assert not evaluate({'a': 5, 'b': None}, or_({'a': length(asked)}, {'b': length(asked)}))
    assert asked.values == [3, 0]
