"""The clock of a client: retries wait by it, and time limits count its seconds.

Clients of AWS have the system's clock. An in-process client has the clock of its model, so that a
wait of a publisher takes no time:

    client = InProcessClient('sqs', call, clock=VirtualClock())
    SqsPublisher(queue_url, client=client).publish(payload)     # retries wait in virtual time
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ('SYSTEM_CLOCK', 'Clock')


class Clock(Protocol):
    """The functions of Python's module `time` that publishers and listeners use."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment. They never decrease."""

    def time(self) -> float:
        """Return seconds since the epoch."""

    def sleep(self, seconds: float, /) -> None:
        """Let seconds pass."""


SYSTEM_CLOCK: Clock = time
