"""Receiving in a thread of its own, so that whoever stops need not wait for a long poll."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

from mega.aws.sqs.subscribe.queue import Batch

__all__ = ('Receiver',)


class Receiver:
    """Polls when it is asked to, and gives what came of it to `deliver`.

    Once it is abandoned nothing is delivered any more: what a poll that is under way still brings
    goes to `release`, so that it is lost to nobody. Both are called in the receiver's thread.
    """

    def __init__(
        self,
        receive: Callable[[], Batch],
        deliver: Callable[[Batch | Exception], None],
        release: Callable[[Iterable[dict[str, Any]]], None],
    ) -> None:
        self._receive = receive
        self._deliver = deliver
        self._release = release
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_abandoned = False
        # A daemon: a process may end in the middle of a poll. SQS delivers what that poll would
        # have brought when its visibility timeout ends.
        self._thread = threading.Thread(target=self._run, name='mega-receiver', daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Ask for one poll."""
        self._asked.put(True)

    def abandon(self) -> None:
        """Have no more delivered: after this returns, everything goes to `release`."""
        with self._lock:
            self._is_abandoned = True
        self._asked.put(False)

    def _run(self) -> None:
        while self._asked.get():
            try:
                found: Batch | Exception = self._receive()
            except Exception as error:
                found = error
            with self._lock:
                is_wanted = not self._is_abandoned
                if is_wanted:
                    self._deliver(found)
            if not is_wanted and isinstance(found, Batch):
                self._release(found.messages)
