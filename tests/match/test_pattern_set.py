"""Sets of patterns: order, additions, errors, and the calls of predicates."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mega.errors import PatternError
from mega.event import Event, Payload
from mega.match import PatternSet
from mega.match.functions import (
    any_,
    between,
    contains,
    field,
    gt,
    length,
    match,
    neq,
    not_,
    one_of,
    or_,
    prefix,
)


def set_of(*patterns: Any) -> PatternSet[int]:
    """A set of patterns, each with its position as the target."""
    made: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(patterns):
        made.add(pattern, place)
    return made


class Asked:
    """A predicate that records its calls."""

    def __init__(self, answer: Callable[[Any], object]) -> None:
        self.answer = answer
        self.values: list[object] = []

    def __call__(self, lhs: object) -> object:
        self.values.append(lhs)
        return self.answer(lhs)


def always(lhs: object) -> bool:
    return True


def broken(lhs: object) -> bool:
    raise ValueError(f'no {lhs}')


def test_a_set_without_patterns_matches_nothing() -> None:
    assert PatternSet[str]().match({'a': 1}) == []
    assert len(PatternSet[str]()) == 0


@pytest.mark.parametrize('count', [1, 3, 10, 1000])
def test_targets_come_in_the_order_in_which_they_were_added(count: int) -> None:
    """With every kind of look-up: a value, a prefix, a range, a test, or none."""
    kinds = ['ab', prefix('a'), gt('a'), match('a'), any_(), always, one_of('ab', 'c'), not_('b')]
    patterns = set_of(*({'a': kinds[i % len(kinds)]} for i in range(count)))
    assert patterns.match({'a': 'ab'}) == list(range(count))


def test_a_target_of_several_patterns_is_returned_once_for_each() -> None:
    patterns: PatternSet[str] = PatternSet()
    for pattern in ({'a': 1}, {'a': gt(0)}, {'a': 2}):
        patterns.add(pattern, 'same')
    assert patterns.match({'a': 1}) == ['same', 'same']


def test_a_pattern_with_several_matching_alternatives_is_returned_once() -> None:
    either = or_({'a': 1}, {'b': 2})
    patterns = set_of(
        *[either] * 5, {'a': one_of(1, '1', gt(0))}, {'c': contains(one_of('x', 'y'))}
    )
    assert patterns.match({'a': 1, 'b': 2, 'c': ['x', 'y', 'x']}) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize('others', [0, 1, 10])
def test_a_pattern_with_equal_alternatives_is_returned_once(others: int) -> None:
    either = or_({'a': 1}, {'a': 1}, {'a': 1, 'b': any_()})
    patterns = set_of(either, *[{'a': 1}] * others, either)
    assert patterns.match({'a': 1, 'b': 1}) == list(range(others + 2))
    assert patterns.match({'a': 1}) == list(range(others + 2))


def test_a_set_grows_between_matches() -> None:
    patterns: PatternSet[int] = PatternSet()
    for i in range(200):
        patterns.add({'a': i % 10, 'b': prefix('x')}, i)
        expected = [j for j in range(i + 1) if j % 10 == 3]
        assert patterns.match({'a': 3, 'b': 'xyz'}) == expected
    assert len(patterns) == 200


def test_one_more_pattern_rebuilds_only_small_indexes() -> None:
    """Large indexes stay; only indexes that are not much larger than the additions are rebuilt."""
    patterns = set_of(*({'a': i} for i in range(1000)))
    patterns.match({})
    largest = patterns._indexes[0]
    patterns.add({'a': 5}, 1000)
    assert patterns.match({'a': 5}) == [5, 1000]
    assert patterns._indexes[0] is largest


def test_build_builds_the_index_before_the_first_match() -> None:
    patterns = set_of({'a': 1}, {'a': 2})
    patterns.build()
    built = patterns._snapshot
    assert built is not None
    patterns.build()
    assert patterns.match({'a': 1}) == [0]
    assert patterns._snapshot is built


def test_build_of_an_empty_set_does_nothing() -> None:
    patterns: PatternSet[int] = PatternSet()
    patterns.build()
    assert patterns.match({'a': 1}) == []


def test_an_invalid_pattern_is_refused_when_it_is_added() -> None:
    patterns = set_of({'a': 1})
    with pytest.raises(PatternError, match=r'user\.tags'):
        patterns.add({'user': {'tags': object()}}, 1)
    assert patterns.match({'a': 1}) == [0]


def test_an_object_with_to_dict_is_matched_as_its_dict() -> None:
    payload = Payload(Event('user:login', '2020-05-04T15:53:23.123'))  # type: ignore[arg-type]
    assert set_of({'event': {'name': 'user:login', 'version': 1}}).match(payload) == [0]


@pytest.mark.parametrize('lhs', ['hej', b'hej', None, 5, ['hej'], ('hej',)], ids=repr)
def test_a_payload_may_be_anything(lhs: object) -> None:
    patterns = set_of('hej', b'hej', None, 5, ['hej'], any_(), {'a': 1}, {}, prefix('he'), gt(4))
    expected: dict[Any, list[int]] = {
        'hej': [0, 4, 5, 8], b'hej': [1, 5], None: [2, 5], 5: [3, 5, 9], ('hej',): [4, 5],
    }  # fmt: skip
    assert patterns.match(lhs) == expected[('hej',) if isinstance(lhs, list) else lhs]


def test_a_predicate_may_empty_the_payload_and_nothing_raises() -> None:
    payload: dict[str, Any] = {}

    def empties(lhs: object) -> bool:
        payload.clear()
        return True

    others = [{'a': {'d': i, 'e': gt(4)}} for i in range(10)]
    patterns = set_of(*({'a': {'d': i, 'c': empties}} for i in range(10)), *others, *others)
    payload['a'] = {'d': 5, 'c': 1, 'e': 5}
    assert patterns.match(payload)[0] == 5


def test_the_returned_list_belongs_to_the_caller() -> None:
    patterns = set_of(*[{'a': 1}] * 5)
    patterns.match({'a': 1}).clear()
    assert patterns.match({'a': 1}) == [0, 1, 2, 3, 4]


def test_a_set_shows_its_patterns() -> None:
    patterns = set_of({'a': 1}, prefix('x'))
    assert [(repr(pattern), target) for pattern, target in patterns] == [
        ("{'a': 1}", 0),
        ("prefix('x')", 1),
    ]
    assert repr(patterns) == '<PatternSet of 2>'


# ── predicates ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    'others',
    [
        [{}] * 50,
        [{'c': i % 3} for i in range(50)],
        [{'c': gt(i)} for i in range(-20, 20)],
        [{'c': neq(1)}] * 10,
        [{}, {'c': 0}, {'c': prefix('x')}, {'c': between(0, 2)}],
    ],
    ids=['alone', 'values', 'ranges', 'negated', 'mixed'],
)
def test_a_predicate_is_called_once_per_value(others: list[dict[str, Any]]) -> None:
    asked = Asked(lambda lhs: lhs == 'x')
    patterns = set_of(*({'b': asked, **other} for other in others))
    assert 0 < len(patterns.match({'b': 'x', 'c': 0})) <= len(others)
    assert asked.values == ['x']


def test_a_predicate_is_called_once_for_each_of_several_values() -> None:
    asked = Asked(bool)
    patterns = set_of(
        *[{'a': asked}, {'b': asked}, {'c': contains(asked)}, {'a': or_(5, asked)}] * 3
    )
    assert len(patterns.match({'a': 'x', 'b': 'y', 'c': ['', 'x']})) == 12
    assert sorted(map(str, asked.values)) == ['', 'x', 'y']


def test_a_predicate_is_called_once_also_after_a_later_addition() -> None:
    asked = Asked(bool)
    patterns = set_of(*[{'a': asked}] * 20)
    patterns.match({'a': 1})
    for _ in range(3):
        patterns.add({'a': asked, 'b': 2}, 20)
        patterns.add({'a': asked}, 21)
        asked.values.clear()
        patterns.match({'a': 1, 'b': 2})
        assert asked.values == [1]


def test_a_predicate_is_called_again_for_the_next_payload() -> None:
    asked = Asked(bool)
    patterns = set_of({'a': asked}, {'a': asked, 'b': 1})
    for _ in range(2):
        patterns.match({'a': 1, 'b': 1})
    assert asked.values == [1, 1]


@pytest.mark.parametrize('count', [1, 20])
def test_a_predicate_is_called_only_if_all_other_conditions_are_true(count: int) -> None:
    asked = Asked(bool)
    patterns = set_of(
        *[
            {'a': asked, 'b': 1},
            {'a': asked, 'b': {'c': gt(1)}},
            {'a': asked, 'b': not_(5)},
            {'a': {'x': asked}, 'b': match('x')},
            {'a': asked, 'b': neq(field('d'))},
        ]
        * count
    )
    assert patterns.match({'a': {'x': 1}, 'b': 5, 'd': 5}) == []
    assert asked.values == []


def test_a_predicate_is_not_called_for_a_missing_key() -> None:
    asked = Asked(bool)
    assert set_of({'a': asked}, {'a': not_(asked)}, {'a': asked}).match({'b': 1}) == []
    assert asked.values == []


def test_results_for_a_value_and_for_its_length_are_separate() -> None:
    """The argument of a predicate may be a temporary object."""
    asked = Asked(lambda lhs: isinstance(lhs, int))
    patterns = set_of({'a': length(asked)}, {'b': length(asked)}, {'c': asked})
    assert patterns.match({'a': 'x' * 1000, 'b': 'x' * 2000, 'c': 'x'}) == [0, 1]
    assert asked.values == [1000, 2000, 'x']


# ── predicates that raise ────────────────────────────────────────────────────────────────────────


def test_a_predicate_that_raises_affects_only_its_own_patterns() -> None:
    patterns = set_of(
        {'a': broken}, {'a': 1}, {'a': broken, 'b': 2}, {'a': broken, 'b': 3}, {'a': gt(0)},
        {'a': or_(5, broken)},
    )  # fmt: skip
    errors: list[tuple[int, BaseException]] = []
    assert patterns.match({'a': 1, 'b': 2}, errors) == [1, 4]
    assert [(target, str(error)) for target, error in errors] == [
        (0, 'no 1'), (2, 'no 1'), (5, 'no 1'),
    ]  # fmt: skip


def test_without_errors_the_first_exception_is_raised_after_all_tests() -> None:
    asked = Asked(bool)

    def other(lhs: object) -> bool:
        raise KeyError('other')

    patterns = set_of({'a': 1, 'b': asked}, {'a': other, 'b': 1}, {'a': broken}, {'b': asked})
    with pytest.raises(KeyError, match='other'):
        patterns.match({'a': 1, 'b': 1})
    assert asked.values == [1]


def test_errors_are_appended_to_the_list() -> None:
    errors: list[tuple[int, BaseException]] = [(7, ValueError('before'))]
    set_of({'a': broken}).match({'a': 1}, errors)
    assert [target for target, _ in errors] == [7, 0]


@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit, MemoryError, RecursionError])
def test_every_exception_of_a_predicate_is_collected(error: type[BaseException]) -> None:
    def raising(lhs: object) -> bool:
        raise error('from within')

    errors: list[tuple[int, BaseException]] = []
    assert set_of({'a': raising}, {'a': 1}).match({'a': 1}, errors) == [1]
    assert [type(found) for _, found in errors] == [error]
    with pytest.raises(error, match='from within'):
        set_of({'a': raising}).match({'a': 1})


def test_an_exception_of_bool_is_an_error_too() -> None:
    class Unsure:
        def __bool__(self) -> bool:
            raise ValueError('unsure')

    errors: list[tuple[int, BaseException]] = []
    assert set_of({'a': lambda lhs: Unsure()}, {'a': 1}).match({'a': 1}, errors) == [1]
    assert [str(error) for _, error in errors] == ['unsure']


def test_a_matching_alternative_outweighs_another_that_raises() -> None:
    either = or_({'a': broken}, {'b': 2})
    errors: list[tuple[int, BaseException]] = []
    assert set_of(either, either).match({'a': 1, 'b': 2}, errors) == [0, 1]
    assert errors == []


# ── threads ──────────────────────────────────────────────────────────────────────────────────────


def test_threads_match_while_others_add() -> None:
    patterns: PatternSet[int] = PatternSet()
    patterns.add({'a': any_()}, -1)
    failures: list[object] = []
    done = threading.Event()

    def keep_matching() -> None:
        seen = 0
        while not done.is_set():
            found = patterns.match({'a': 1})
            if found != sorted(found) or len(found) < seen:
                failures.append(found)
            seen = len(found)

    def keep_adding() -> None:
        for i in range(200):
            patterns.add({'a': one_of(1, 2, prefix('x'))}, i)
            if i not in patterns.match({'a': 1}):
                failures.append(i)

    readers = [threading.Thread(target=keep_matching) for _ in range(2)]
    writers = [threading.Thread(target=keep_adding) for _ in range(1)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert len(patterns.match({'a': 1})) == 201
