"""After a removal, a set has the results of a set that never had the patterns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mega.match import PatternSet
from mega.match.functions import any_, contains, gt, match, not_, one_of, or_, prefix
from mega.match.pattern_set import REBUILD_RATIO
from tests.match.reference import Description, build, matches
from tests.match.strategies import object_descriptions, payloads
from tests.profile import amount

KINDS = ['ab', prefix('a'), gt('a'), match('a'), any_(), one_of('ab', 'c'), not_('b')]


def set_of(*patterns: Any) -> PatternSet[int]:
    """An indexed set of patterns, each with its position as the target."""
    made: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(patterns):
        made.add(pattern, place)
    made.build()
    return made


class Asked:
    """A predicate that records its calls, and raises if it has an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls = 0

    def __call__(self, lhs: object) -> bool:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return True


def nodes_in(patterns: PatternSet[int]) -> int:
    return sum(len(index.positions) for index in patterns._indexes)


@settings(deadline=None, max_examples=amount(20, 500))
@given(
    st.lists(object_descriptions(), min_size=1, max_size=24),
    st.lists(payloads(), min_size=4, max_size=4),
    st.data(),
)
def test_a_set_agrees_with_a_set_that_never_had_the_removed_patterns(
    described: list[Description], lhss: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Additions, removals and matches in any order."""
    patterns: PatternSet[int] = PatternSet()
    present: list[int] = []
    for place, description in enumerate(described):
        patterns.add(build(description), place)
        present.append(place)
        if data.draw(st.booleans(), 'match'):
            lhs = data.draw(st.sampled_from(lhss))
            assert patterns.match(lhs) == [i for i in present if matches(described[i], lhs)]
        for _ in range(data.draw(st.integers(0, len(present)), 'removals')):
            removed = data.draw(st.sampled_from(present), 'removed')
            patterns.remove(removed)
            present.remove(removed)
    assert [target for _, target in patterns] == present
    for lhs in lhss:
        expected = [i for i in present if matches(described[i], lhs)]
        assert patterns.match(lhs) == expected
        assert [target for target, why in patterns.explain(lhs) if why] == expected


@pytest.mark.parametrize('removed', [(0,), (999,), range(0, 1000, 10), range(1, 1000), range(1000)])
def test_removed_targets_are_not_returned(removed: Any) -> None:
    """With every kind of look-up, groups of equal patterns, few and many removals."""
    patterns = set_of(*({'a': KINDS[i % len(KINDS)]} for i in range(1000)))
    for place in removed:
        patterns.remove(place)
    expected = [place for place in range(1000) if place not in removed]
    assert patterns.match({'a': 'ab'}) == expected
    assert patterns.match({'a': 'ab'}) == expected
    assert len(patterns) == len(expected)


def test_every_pattern_of_a_target_is_removed() -> None:
    patterns: PatternSet[str] = PatternSet()
    for pattern, target in (({'a': 1}, 'x'), ({'a': gt(0)}, 'y'), ({'a': any_()}, 'x')):
        patterns.add(pattern, target)
    patterns.remove('x')
    assert patterns.match({'a': 1}) == ['y']


@pytest.mark.parametrize('is_indexed', [True, False])
def test_a_target_may_be_added_again(is_indexed: bool) -> None:
    patterns = set_of({'a': 1}, {'a': 1})
    patterns.remove(0)
    if is_indexed:
        patterns.build()
    patterns.add({'b': 2}, 0)
    assert patterns.match({'a': 1, 'b': 2}) == [1, 0]
    patterns.remove(0)
    assert patterns.match({'a': 1, 'b': 2}) == [1]


def test_an_unknown_target_is_refused() -> None:
    patterns = set_of({'a': 1})
    with pytest.raises(KeyError, match='7'):
        patterns.remove(7)
    patterns.remove(0)
    with pytest.raises(KeyError):
        patterns.remove(0)
    assert patterns.match({'a': 1}) == []


def test_targets_must_be_hashable_for_a_removal_only() -> None:
    patterns: PatternSet[Any] = PatternSet()
    patterns.add({'a': 1}, 'x')
    patterns.add({'a': 1}, [])
    assert patterns.match({'a': 1}) == ['x', []]
    with pytest.raises(TypeError, match='unhashable'):
        patterns.remove('x')
    assert patterns.match({'a': 1}) == ['x', []]


# ── predicates ───────────────────────────────────────────────────────────────────────────────────


def with_predicates(asked: Callable[[Any], object]) -> list[Any]:
    """Patterns that call a predicate in each place of the index that can call one."""
    return [
        {'a': asked},
        {'a': asked, 'b': 1},
        {'a': contains(asked)},
        {'a': or_(asked, 5), 'b': gt(0)},
        *({'a': not_(asked), 'b': i} for i in range(5)),
        *({f'k{i}': asked, 'b': 1} for i in range(5)),
    ]


PAYLOAD = {'a': ['x'], 'b': 1, **{f'k{i}': 'x' for i in range(5)}}


@pytest.mark.parametrize('place', range(len(with_predicates(len))))
def test_a_predicate_of_a_removed_pattern_is_not_called(place: int) -> None:
    asked = Asked(ValueError('called'))
    patterns = set_of(*with_predicates(lambda lhs: True), with_predicates(asked)[place])
    [index] = patterns._indexes
    patterns.remove(len(patterns) - 1)
    assert patterns._indexes == [index]
    patterns.match(PAYLOAD)
    assert asked.calls == 0


def test_a_predicate_that_a_remaining_pattern_shares_is_called_once() -> None:
    asked = Asked()
    patterns = set_of({'a': asked}, {'a': asked}, *({'b': i} for i in range(20)))
    patterns.remove(0)
    patterns.add({'a': asked, 'b': 1}, 100)
    assert patterns.match(PAYLOAD) == [1, 3, 100]
    assert asked.calls == 1


def test_the_exception_of_a_predicate_affects_only_remaining_patterns() -> None:
    asked = Asked(ValueError('broken'))
    patterns = set_of({'a': asked}, {'a': asked}, *({'b': i} for i in range(20)))
    [index] = patterns._indexes
    patterns.remove(0)
    assert patterns._indexes == [index]
    errors: list[tuple[int, BaseException]] = []
    assert patterns.match(PAYLOAD, errors) == [3]
    assert [target for target, _ in errors] == [1]


# ── costs ────────────────────────────────────────────────────────────────────────────────────────


def test_few_removals_rebuild_nothing() -> None:
    patterns = set_of(*({'a': i} for i in range(1000)))
    [index] = patterns._indexes
    for place in range(1000 // (REBUILD_RATIO + 1)):
        patterns.remove(place)
        assert patterns.match({'a': place}) == []
    assert patterns._indexes == [index]


def test_each_removal_indexes_a_constant_number_of_patterns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On average, with a match after each."""
    patterns = set_of(*({'a': i} for i in range(1000)))
    indexed = 0
    build_index = PatternSet[int]._build_index

    def count(self: PatternSet[int], positions: Any) -> Any:
        nonlocal indexed
        indexed += len(positions)
        return build_index(self, positions)

    monkeypatch.setattr(PatternSet, '_build_index', count)
    for place in range(1000):
        patterns.remove(place)
        assert patterns.match({'a': place}) == []
    assert indexed <= (REBUILD_RATIO + 1) * 1000


def test_a_set_that_always_changes_keeps_no_removed_patterns() -> None:
    patterns: PatternSet[int] = PatternSet()
    for place in range(amount(500, 3_000)):
        patterns.add({'a': place, 'b': lambda lhs: True}, place)
        if place >= 20:
            patterns.remove(place - 20)
        assert patterns.match({'a': place, 'b': 1}) == [place]
    assert len(patterns._members) == len(patterns._positions_of) == 20
    assert sum(len(index.predicates) for index in patterns._indexes) <= nodes_in(patterns)
    assert nodes_in(patterns) <= 20 * (1 + 1 / REBUILD_RATIO) + 1


# ── threads ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.no_cover
def test_threads_match_while_others_add_and_remove() -> None:
    patterns: PatternSet[int] = PatternSet()
    patterns.add({'a': any_()}, -1)
    failures: list[object] = []
    done = threading.Event()

    def keep_matching() -> None:
        while not done.is_set():
            found = patterns.match({'a': 1})
            if found[0] != -1 or len(found) > 3:
                failures.append(found)

    def keep_changing(first: int) -> None:
        for i in range(first, first + 200):
            patterns.add({'a': one_of(1, 2, prefix('x'))}, i)
            if i not in patterns.match({'a': 1}):
                failures.append(i)
            patterns.remove(i)
            if i in patterns.match({'a': 1}):
                failures.append(i)

    readers = [threading.Thread(target=keep_matching)]
    writers = [threading.Thread(target=keep_changing, args=(i * 1000,)) for i in range(2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert patterns.match({'a': 1}) == [-1]
