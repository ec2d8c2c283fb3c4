"""Changes in one thread and matches in another: nothing waits, nothing is lost or comes back."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mega.match import Pattern, PatternSet
from mega.match.comparables import ExactKeys
from mega.match.context import Context
from mega.match.functions import gt, not_, one_of, prefix
from mega.match.pattern import compile_pattern

TIMEOUT = 30.0


class Stop(Pattern, frozen=True):
    """A pattern of any value. The thread that indexes it stops until it may continue."""

    reached: threading.Event
    may_continue: threading.Event

    @property
    def exact_keys(self) -> ExactKeys | None:
        self.reached.set()
        assert self.may_continue.wait(TIMEOUT)
        return None

    def accepts(self, lhs: object, context: Context) -> bool:
        return True


@contextmanager
def stopped(change: Callable[[Stop], object]) -> Iterator[None]:
    """Start a change in another thread, run the block while it is stopped, and let it finish."""
    stop = Stop(threading.Event(), threading.Event())
    changing = threading.Thread(target=change, args=[stop])
    changing.start()
    assert stop.reached.wait(TIMEOUT)
    try:
        yield
    finally:
        stop.may_continue.set()
        changing.join(TIMEOUT)
    assert not changing.is_alive()


def set_of(*patterns: Any) -> PatternSet[int]:
    made: PatternSet[int] = PatternSet()
    for place, pattern in enumerate(patterns):
        made.add(pattern, place)
    return made


@pytest.mark.parametrize('count', [1, 5, 1000])
def test_a_match_does_not_wait_for_an_addition(count: int) -> None:
    """Whether the addition rebuilds existing indexes or not."""
    patterns = set_of(*[{'a': 1}] * count)
    patterns.build()
    with stopped(lambda stop: patterns.add({'a': stop}, -1)):
        assert patterns.match({'a': 1}) == [*range(count)]
        assert patterns.match_json('{"a": 1}') == [*range(count)]
    assert patterns.match({'a': 1}) == [*range(count), -1]
    assert patterns.match_json('{"a": 1}') == [*range(count), -1]


def test_a_match_does_not_wait_for_a_removal_that_rebuilds_everything() -> None:
    patterns = set_of(*[{'a': 1}] * 4)
    patterns.build()

    def change(stop: Stop) -> None:
        stop.may_continue.set()
        patterns.add({'a': stop}, 4)
        stop.reached.clear()
        stop.may_continue.clear()
        added.set()
        patterns.remove(0)  # more than an eighth of the patterns

    added = threading.Event()
    stop = Stop(threading.Event(), threading.Event())
    changing = threading.Thread(target=change, args=[stop])
    changing.start()
    assert added.wait(TIMEOUT)
    assert stop.reached.wait(TIMEOUT)
    assert patterns.match({'a': 1}) == [1, 2, 3, 4]
    stop.may_continue.set()
    changing.join(TIMEOUT)
    assert patterns.match({'a': 1}) == [1, 2, 3, 4]
    assert patterns._removed_count == 0


def test_a_removal_does_not_wait_for_an_addition() -> None:
    patterns = set_of(*[{'a': 1}] * 20)
    patterns.build()
    with stopped(lambda stop: patterns.add({'a': stop}, -1)):
        patterns.remove(3)
        expected = [place for place in range(20) if place != 3]
        assert patterns.match({'a': 1}) == expected
    assert patterns.match({'a': 1}) == [*expected, -1]


@pytest.mark.parametrize('count', [0, 3, 20])
def test_a_pattern_that_is_removed_while_it_is_indexed_never_matches(count: int) -> None:
    called: list[object] = []
    patterns = set_of({'a': 1}, *[{'b': 1}] * count)
    patterns.build()

    def add(stop: Stop) -> None:
        patterns.add({'a': stop, 'b': called.append}, -1)

    with stopped(add):
        patterns.remove(-1)
        assert patterns.match({'a': 1, 'b': 2}) == [0]
    assert patterns.match({'a': 1, 'b': 2}) == [0]
    patterns.add({'a': gt(0)}, -2)
    assert patterns.match({'a': 1, 'b': 2}) == [0, -2]
    assert called == []


@pytest.mark.parametrize('first', ['build', 'match'])
def test_an_addition_during_the_first_build_matches_when_it_returns(first: str) -> None:
    patterns: PatternSet[int] = PatternSet()
    found: list[list[int]] = []

    def begin(stop: Stop) -> None:
        patterns.add({'a': stop}, 0)
        patterns.build() if first == 'build' else patterns.match({})

    def add_and_match() -> None:
        patterns.add({'a': 1}, 1)
        found.append(patterns.match({'a': 1}))

    adding = threading.Thread(target=add_and_match)
    with stopped(begin):
        adding.start()
    adding.join(TIMEOUT)
    assert found == [[0, 1]]


def test_additions_of_two_threads_match_in_their_order() -> None:
    patterns = set_of({'a': 1})
    patterns.build()
    adding = threading.Thread(target=patterns.add, args=[{'a': 1}, 2])
    with stopped(lambda stop: patterns.add({'a': stop}, 1)):
        adding.start()
        assert patterns.match({'a': 1}) == [0]
    adding.join(TIMEOUT)
    assert patterns.match({'a': 1}) == [0, 1, 2]


def test_a_shared_predicate_is_called_once_without_a_rebuild_of_the_larger_index() -> None:
    values: list[object] = []
    call = values.append
    patterns = set_of(*({'a': call, 'b': place} for place in range(100)), {'a': call})
    patterns.build()
    [index] = patterns._indexes
    patterns.add({'a': call, 'c': 1}, -1)
    patterns.match({'a': 'x', 'b': 5, 'c': 1})
    assert values == ['x']
    assert patterns._indexes[0] is index


# ── garbage collection ───────────────────────────────────────────────────────────────────────────


def test_the_garbage_collector_does_not_visit_objects_of_atoms() -> None:
    """A full collection stops all threads, for a time that grows with the objects it visits."""
    pattern = compile_pattern({'a': {'b': 'x', 'c': prefix('y')}, 'd': gt(5), 'e': None})
    assert not gc.is_tracked(pattern)


@pytest.mark.parametrize('is_built', [True, False])
def test_a_set_that_its_own_predicates_refer_to_is_deleted(is_built: bool) -> None:
    def make() -> weakref.ref[PatternSet[int]]:
        patterns: PatternSet[int] = PatternSet()

        def refers(lhs: object) -> bool:
            return bool(patterns)

        for pattern in (refers, {'c': refers}, [refers], one_of(refers, 'x'), not_(refers)):
            patterns.add({'a': pattern, 'b': 1}, 0)
        if is_built:
            patterns.build()
        return weakref.ref(patterns)

    reference = make()
    gc.collect()
    assert reference() is None
