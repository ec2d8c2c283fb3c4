"""The signals to the parent, as events of its loop.

Python writes the number of each signal to a socket, on which a selector waits. A signal at any
moment is therefore handled once, by the loop: during a wait, or after the present turn.

A child process has the handlers and this socket of the parent until it runs its own program. A
signal in this time, such as the SIGINT of a terminal for all its processes, would count a second
time. `blocked_signals` therefore blocks the signals for the new process, which allows them when it
has its own handlers: the kernel keeps them until then.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ('SIGNALS', 'SignalReader', 'blocked_signals')

_END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

SIGNALS = (*_END_SIGNALS, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGCHLD)
"""The signals that the parent handles."""


class SignalReader:
    """Receives the signals within a `with` block. Only the main thread may use it.

    A signal that is ignored before the block remains ignored, as after `nohup`. After the block,
    the process is about to end, and ignores the signals that would change its exit code.
    """

    def __enter__(self) -> SignalReader:
        self._reading_side, self._writing_side = socket.socketpair()
        for side in (self._reading_side, self._writing_side):
            side.setblocking(False)
        signal.set_wakeup_fd(self._writing_side.fileno())
        for number in SIGNALS:
            if number is signal.SIGCHLD or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda number, frame: None)
        return self

    def __exit__(self, *error: object) -> None:
        for number in SIGNALS:
            is_final = number in _END_SIGNALS
            signal.signal(number, signal.SIG_IGN if is_final else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        self._reading_side.close()
        self._writing_side.close()

    def fileno(self) -> int:
        """Return the file descriptor, for a selector."""
        return self._reading_side.fileno()

    def read(self) -> list[signal.Signals]:
        """Return the signals that have arrived, in their order."""
        try:
            return [signal.Signals(number) for number in self._reading_side.recv(4_096)]
        except BlockingIOError:
            return []


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Let a process that starts in this block begin with blocked signals."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
