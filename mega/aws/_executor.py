"""Daemon threads: calls that run in a bounded number of them, and the function that starts one.

A daemon thread does not keep the process from ending if its call never ends. The threads of
`concurrent.futures.ThreadPoolExecutor` do, and it raises an error if it cannot start one.

    executor = Executor('mega-s3', max_threads=10)
    futures = [executor.submit(partial(fetch, key)) for key in keys]
    bodies = [future.result() for future in futures]
    still_running = executor.close(timeout=1.0)
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from threading import Condition, Thread, current_thread
from typing import TypeVar

__all__ = ('Executor', 'run_concurrently', 'start_daemon_thread')

T = TypeVar('T')


def start_daemon_thread(name: str, target: Callable[[], object]) -> Thread:
    """Start a daemon thread with a name.

    Raises:
        RuntimeError: if no thread can be started: the process has too many, or Python is ending.
    """
    if sys.is_finalizing():  # Python up to 3.11 would wait forever for the thread to start
        raise RuntimeError('no thread can be started while Python is ending')
    thread = Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


class Executor:
    """Runs calls in at most `max_threads` daemon threads, and starts one only if none is idle.

    A call runs in the calling thread if the executor has no thread and cannot start one, or is
    closed. Calls begin in the order of `submit`. Safe to share among threads, not across a fork.
    """

    def __init__(self, name: str, max_threads: int) -> None:
        self._name = name
        self._max_threads = max_threads
        self._threads: list[Thread] = []
        self._waiting: deque[Callable[[], None]] = deque()
        self._idle = 0
        self._is_closed = False
        self._changed = Condition()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run a call as soon as a thread is free. The future has its result or its error."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)

        with self._changed:
            if not self._is_closed:
                number = len(self._threads)
                if len(self._waiting) >= self._idle and number < self._max_threads:
                    with suppress(RuntimeError):
                        thread = start_daemon_thread(f'{self._name}-{number}', self._work)
                        self._threads.append(thread)
                if self._threads:
                    self._waiting.append(run)
                    self._changed.notify()
                    return future
        run()
        return future

    def close(self, timeout: float | None = None) -> list[Thread]:
        """Let the submitted calls run, and return the threads that run after `timeout` seconds."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        end = None if timeout is None else time.monotonic() + timeout
        others = [thread for thread in self._threads if thread is not current_thread()]
        for thread in others:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return [thread for thread in others if thread.is_alive()]

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._is_closed:
                        return
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                run = self._waiting.popleft()
            run()
            del run  # or the thread, while idle, keeps the arguments of the call in memory


def run_concurrently(
    name: str, max_threads: int, calls: Iterable[Callable[[], T]]
) -> list[T | Exception]:
    """Run calls in threads, and return the result or the error of each, in order of the calls."""
    waiting = list(calls)
    executor = Executor(name, max_threads if len(waiting) > 1 else 0)  # one needs no thread
    futures = [executor.submit(call) for call in waiting]
    executor.close()
    results: list[T | Exception] = []
    for future in futures:
        try:
            results.append(future.result())
        except Exception as error:
            results.append(error)
    return results
