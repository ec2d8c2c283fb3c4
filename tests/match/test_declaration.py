"""Invalid patterns are refused at their declaration; valid ones do not change after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from enum import Enum
from fractions import Fraction

import pytest

from mega.errors import PatternError
from mega.match import evaluate
from mega.match.functions import in_, not_


class AwaitResult:
    """A class whose instances are predicates. The class itself is not a predicate."""

    def __call__(self, lhs: object) -> bool:
        return True


class Colour(Enum):
    RED = 'red'


class Hostile:
    """An object of a developer whose methods all raise."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError('compared')

    def __bool__(self) -> bool:
        raise RuntimeError('asked for its truth')

    def __repr__(self) -> str:
        raise RuntimeError('printed')

    __str__ = __repr__


REFUSED: dict[str, object] = {
    'object': object(),
    'hostile object': Hostile(),
    'type': str,
    'class of callables': AwaitResult,
    'compiled regular expression': re.compile('a'),
    'enumeration': Colour.RED,
    'complex': 1j,
    'fraction': Fraction(1, 2),
    'time': time(12),
    'duration': timedelta(days=1),
    'range': range(3),
    'iterator': iter([1]),
    'generator': (member for member in 'ab'),
    'bytearray': bytearray(b'a'),
    'memoryview': memoryview(b'a'),
    'ellipsis': ...,
}


@pytest.mark.parametrize('value', REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize(
    ('wrap', 'path'),
    [
        pytest.param(lambda value: value, '', id='alone'),
        pytest.param(lambda value: {'a': value}, 'a', id='under a key'),
        pytest.param(lambda value: {'user': {'tags': ['x', value]}}, 'user.tags[1]', id='deep'),
        pytest.param(lambda value: [{'a': 1}, {'b': (value,)}], '[1].b[0]', id='in arrays'),
    ],
)
def test_other_values_are_refused_with_their_path(
    wrap: Callable[[object], object], path: str, value: object
) -> None:
    """At declaration, even if no payload would reach the value."""
    with pytest.raises(PatternError) as refusal:
        evaluate({}, wrap(value))
    assert refusal.value.path == path
    assert refusal.value.value is value
    assert str(refusal.value)


@pytest.mark.parametrize(
    ('value', 'meant'), [(str, 'is_a'), (re.compile('a'), 'match')], ids=['class', 'regex']
)
def test_an_error_suggests_the_right_function(value: object, meant: str) -> None:
    with pytest.raises(PatternError, match=meant):
        not_({'a': value})


@pytest.mark.parametrize('key', [1, None, b'a', ('a',), True], ids=repr)
def test_a_key_that_is_not_a_str_is_refused(key: object) -> None:
    with pytest.raises(PatternError):
        evaluate({'a': {}}, {'a': {key: 1}})


def test_a_pattern_does_not_change_after_its_declaration() -> None:
    """Later changes of the declared values have no effect."""
    members, keys = ['a'], {'a': 1}
    among, same = in_(members), not_(not_(keys))
    members.append('b')
    keys['a'] = 2
    assert not evaluate('b', among)
    assert evaluate({'a': 1}, same)


def test_a_pattern_that_contains_itself_is_refused() -> None:
    keys: dict[str, object] = {}
    keys['a'] = [keys]
    with pytest.raises(PatternError):
        not_(keys)


@pytest.mark.parametrize(
    'wrap',
    [
        pytest.param(lambda inner: {'a': inner}, id='objects'),
        pytest.param(lambda inner: [inner], id='arrays'),
        pytest.param(lambda inner: {'a': [inner]}, id='both'),
    ],
)
@pytest.mark.parametrize('levels', [90, 200, 300, 400, 5_000])
def test_a_pattern_that_is_nested_too_deep_is_refused(
    wrap: Callable[[object], object], levels: int
) -> None:
    """At declaration: an accepted pattern never fails on a payload."""
    lhs: object = 'a'
    rhs: object = 'a'
    for _ in range(levels):
        lhs, rhs = wrap(lhs), wrap(rhs)
    try:
        pattern = not_(not_(rhs))
    except PatternError:
        assert levels > 100
    else:
        assert evaluate('a', pattern) is isinstance(rhs, list)
