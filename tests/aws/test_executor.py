"""The executor: calls in a bounded number of daemon threads, or in the calling thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from textwrap import dedent

import pytest

from mega.aws._executor import Executor, run_concurrently, start_daemon_thread
from tests.programs import ROOT, environment

LIMIT = 10


def returning(number: int) -> Callable[[], int]:
    return lambda: number


def failing() -> int:
    raise LookupError('as expected')


def run_script(lines: str) -> str:
    """Run Python in another process, which must end within 30 s, and return its output."""
    done = subprocess.run(
        [sys.executable, '-c', dedent(lines)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', refuse)


@pytest.fixture
def executor() -> Iterator[Executor]:
    executor = Executor('mega-test', 2)
    yield executor
    assert executor.close(10) == []


class Block:
    """A call that blocks its thread until `end` is set."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.end.wait(10)
        return threading.current_thread().name


# Threads.


def test_a_thread_is_a_daemon_with_a_name() -> None:
    block = Block()
    thread = start_daemon_thread('mega-test', block)
    assert (thread.name, thread.daemon, thread.is_alive()) == ('mega-test', True, True)
    block.end.set()
    thread.join(10)
    assert not thread.is_alive()


def test_no_thread_is_started_while_python_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'is_finalizing', lambda: True)
    with pytest.raises(RuntimeError, match='Python is ending'):
        start_daemon_thread('mega-test', failing)


# The executor.


def test_a_future_has_the_result_or_the_error_of_its_call(executor: Executor) -> None:
    assert executor.submit(returning(7)).result(10) == 7
    with pytest.raises(LookupError):
        executor.submit(failing).result(10)


def test_an_exit_in_a_call_does_not_end_its_thread(executor: Executor) -> None:
    with pytest.raises(SystemExit):
        executor.submit(sys.exit).result(10)
    assert executor.submit(returning(7)).result(10) == 7


def test_an_idle_thread_takes_the_next_call(executor: Executor) -> None:
    names = {executor.submit(lambda: threading.current_thread().name).result(10)}
    for _ in range(20):
        names.add(executor.submit(lambda: threading.current_thread().name).result(10))
    assert names <= {'mega-test-0', 'mega-test-1'}


def test_no_more_calls_run_at_once_than_there_are_threads(executor: Executor) -> None:
    first, second = Block(), Block()
    futures = [executor.submit(first), executor.submit(second)]
    third = executor.submit(returning(3))
    assert first.begun.wait(10)
    assert second.begun.wait(10)
    assert not third.done()
    first.end.set()
    assert third.result(10) == 3
    second.end.set()
    assert {future.result(10) for future in futures} == {'mega-test-0', 'mega-test-1'}


def test_close_runs_the_calls_that_wait(executor: Executor) -> None:
    one = Executor('mega-test', 1)
    block = Block()
    one.submit(block)
    waiting = [one.submit(returning(number)) for number in range(20)]
    assert block.begun.wait(10)
    assert [thread.name for thread in one.close(0.0)] == ['mega-test-0']
    block.end.set()
    assert one.close(10) == []
    assert [future.result(0) for future in waiting] == list(range(20))


def test_after_close_a_call_runs_in_the_calling_thread(executor: Executor) -> None:
    executor.submit(returning(1)).result(10)
    assert executor.close(10) == []
    assert executor.submit(threading.get_ident).result(0) == threading.get_ident()


def test_close_within_a_call_does_not_wait_for_its_own_thread() -> None:
    executor = Executor('mega-test', 1)
    assert executor.submit(executor.close).result(10) == []


@pytest.mark.usefixtures('no_threads')
def test_a_call_runs_in_the_calling_thread_if_no_thread_can_be_started(executor: Executor) -> None:
    assert executor.submit(threading.get_ident).result(0) == threading.get_ident()


def test_a_call_waits_for_a_thread_if_no_other_can_be_started(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = Block()
    executor.submit(block)
    assert block.begun.wait(10)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    second = executor.submit(returning(2))
    assert not second.done()
    block.end.set()
    assert second.result(10) == 2


def test_an_idle_thread_keeps_nothing_of_its_last_call(executor: Executor) -> None:
    class Body:
        freed = threading.Event()

        def __del__(self) -> None:
            self.freed.set()

    def use(body: Body) -> None:
        pass

    body = Body()
    executor.submit(lambda body=body: use(body)).result(10)  # type: ignore[misc]
    del body
    assert Body.freed.wait(10)


# Calls at the same time.


def test_no_calls_have_no_results() -> None:
    assert run_concurrently('mega-test', LIMIT, []) == []


def test_each_result_or_error_has_the_place_of_its_call() -> None:
    calls = [returning(0), failing, returning(2), *map(returning, range(3, 30))]
    results = run_concurrently('mega-test', LIMIT, calls)
    assert isinstance(results[1], LookupError)
    assert [results[0], *results[2:]] == [0, *range(2, 30)]


def test_a_single_call_runs_in_the_calling_thread() -> None:
    assert run_concurrently('mega-test', LIMIT, [threading.get_ident]) == [threading.get_ident()]


@pytest.mark.usefixtures('no_threads')
def test_calls_run_one_after_another_if_no_thread_can_be_started() -> None:
    calls = [threading.get_ident] * 3
    assert run_concurrently('mega-test', LIMIT, calls) == [threading.get_ident()] * 3


def test_calls_run_at_the_same_time_up_to_the_limit() -> None:
    """Each call waits at a barrier for a full number of calls; more would break the barrier."""
    together, lock = threading.Barrier(LIMIT), threading.Lock()
    running = most = 0

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)
        with lock:
            running -= 1

    assert run_concurrently('mega-test', LIMIT, [call] * (2 * LIMIT)) == [None] * (2 * LIMIT)
    assert most <= LIMIT


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    run_concurrently('mega-test', LIMIT, [returning(1), failing])
    assert threading.active_count() == before


def test_a_call_that_never_ends_does_not_keep_the_process_from_ending() -> None:
    run_script(
        """
        import threading
        from mega.aws._executor import Executor
        begun = threading.Event()
        executor = Executor('mega-test', 1)
        executor.submit(lambda: (begun.set(), threading.Event().wait()))
        assert begun.wait(10)
        """
    )


def test_calls_run_at_the_end_of_the_interpreter() -> None:
    output = run_script(
        """
        import atexit, threading
        from mega.aws._executor import run_concurrently
        atexit.register(lambda: print(run_concurrently('mega-test', 10, [lambda: 1, lambda: 2])))

        class Late:
            def __del__(self, run=run_concurrently):
                print(run('mega-test', 10, [lambda: 3, lambda: 4]))

        late = Late()
        """
    )
    assert output.split('\n')[:2] == ['[1, 2]', '[3, 4]']
