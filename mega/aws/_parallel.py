"""Several calls at a time, where one after another would take as many round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ('run_concurrently',)

T = TypeVar('T')

AT_ONCE = 10
"""As many as a batch has."""


def run_concurrently(calls: Iterable[Callable[[], T]]) -> list[T | Exception]:
    """Make calls, up to ten at a time, and answer what each answered or raised, in their order."""
    waiting = [_caught(call) for call in calls]
    if len(waiting) > 1:
        try:
            with ThreadPoolExecutor(min(AT_ONCE, len(waiting)), 'mega-s3') as pool:
                return [future.result() for future in [pool.submit(call) for call in waiting]]
        except RuntimeError:  # the interpreter ends, and starts no thread any more
            pass
    return [call() for call in waiting]


def _caught(call: Callable[[], T]) -> Callable[[], T | Exception]:
    def caught() -> T | Exception:
        try:
            return call()
        except Exception as error:
            return error

    return caught
