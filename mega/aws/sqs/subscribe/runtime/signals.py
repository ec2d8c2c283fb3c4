"""SIGTERM and SIGINT stop a listener, in its own process only.

A child process that a subscriber forks inherits signal handlers. With the handler of the listener,
it would ignore the SIGTERM of `Process.terminate()`. It therefore gets the previous handlers back.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

__all__ = ('handler_after_first_signal', 'stop_on_signals')

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

SignalHandler: TypeAlias = Any
"""A handler as `signal.getsignal` returns it."""


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first SIGTERM or SIGINT. The previous handler receives a second signal.

    Python calls signal handlers only in the main thread. In any other thread, this does nothing.
    An ignored signal remains ignored, as Unix programs do: `nohup` and a parent rely on it.
    The previous handlers are restored at the end, and in a child process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    previous = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in previous.items():
            # None is a handler that was not installed from Python. Python cannot restore it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def handle(number: int, frame: FrameType | None) -> None:
        restore()
        for each in previous:
            signal.signal(each, handler_after_first_signal(signal.getsignal(each), os.getpid()))
        stop()

    for number in previous:
        signal.signal(number, handle)
    _restore_in_child.add(restore)
    try:
        yield
    finally:
        _restore_in_child.discard(restore)
        restore()


def handler_after_first_signal(previous: SignalHandler, pid: int) -> SignalHandler:
    """Return the handler for a second signal, from the handler before `stop_on_signals`.

    The kernel has no default action for process 1, such as the main process of a container. There,
    a handler that ends the process replaces the default action.
    """
    return _end_process if pid == 1 and previous == signal.SIG_DFL else previous


def _end_process(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # as a shell reports a process that a signal ended


_restore_in_child: set[Callable[[], None]] = set()
"""The functions that restore the handlers, of the listener that listens at the moment."""

_mask = threading.local()
"""The signals that the thread blocked before it forks."""


def _before_fork() -> None:
    # In a child process, Python drops the signals that arrive before it calls the functions below.
    _mask.before = None
    if _restore_in_child:
        _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _after_fork() -> None:
    if _mask.before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _after_fork_in_child() -> None:
    while _restore_in_child:
        _restore_in_child.pop()()
    _after_fork()


if hasattr(os, 'register_at_fork'):  # not on Windows
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
