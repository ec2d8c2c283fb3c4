"""Several calls at a time: each has its answer, in order, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mega.aws._parallel import AT_ONCE, run_concurrently


def answering(number: int) -> Callable[[], int]:
    return lambda: number


def failing() -> int:
    raise LookupError('as told')


def test_nothing_is_answered_by_nothing() -> None:
    assert run_concurrently([]) == []


def test_each_answer_or_error_has_the_place_of_its_call() -> None:
    calls = [answering(0), failing, answering(2), *map(answering, range(3, 30))]
    answers = run_concurrently(calls)
    assert isinstance(answers[1], LookupError)
    assert [answers[0], *answers[2:]] == [0, *range(2, 30)]


def test_one_call_is_made_by_who_asks() -> None:
    assert run_concurrently([threading.get_ident]) == [threading.get_ident()]


def test_as_many_as_a_batch_has_are_made_at_a_time_and_no_more() -> None:
    """Each waits until as many are there as may be; more would leave it waiting for others."""
    together, lock = threading.Barrier(AT_ONCE), threading.Lock()
    under_way = most = 0

    def call() -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(10)
        with lock:
            under_way -= 1

    assert run_concurrently([call] * (2 * AT_ONCE)) == [None] * (2 * AT_ONCE)
    assert most <= AT_ONCE


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    run_concurrently([answering(1), failing])
    assert threading.active_count() == before
