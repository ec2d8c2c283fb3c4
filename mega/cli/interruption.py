"""Ctrl-C and SIGTERM, also during an operation that must not stop halfway.

SIGINT     KeyboardInterrupt, as always in Python
SIGTERM    Terminated, a KeyboardInterrupt, so that a command ends in the same way: it gives
           messages back, and reports what is done
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ('Terminated', 'deferred_interrupt', 'sigterm_interrupts')

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM has asked the command to end."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Raise `Terminated` in the block at a SIGTERM.

    A SIGTERM that is ignored remains ignored. Outside of the main thread, which alone receives
    signals, the block runs as it is.
    """
    if not _is_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Let a Ctrl-C or a SIGTERM take effect at the end of the block.

    A second one is not deferred. Outside of the main thread the block runs as it is.
    """
    if not _is_main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    received: list[int] = []

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in _SIGNALS:
        signal.signal(number, remember)
    try:
        yield
    finally:
        restore()
    if received:
        signal.raise_signal(received[0])


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
