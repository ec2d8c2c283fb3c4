"""What came of one subscriber for one message."""

from __future__ import annotations

from concurrent.futures import CancelledError
from dataclasses import dataclass

from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.errors import RetriableError

__all__ = ('Outcome', 'is_process_failure')

_RETRY = (ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR)


@dataclass(slots=True)
class Outcome:
    """What came of one subscriber for one message. `duration` is in seconds."""

    subscriber: Subscriber
    status: ProcessStatus
    error: BaseException | None = None
    duration: float = 0.0

    @property
    def asks_for_retry(self) -> bool:
        return self.status in _RETRY

    @property
    def is_exit_request(self) -> bool:
        """Whether the subscriber asked the whole process to end."""
        return isinstance(self.error, (SystemExit, KeyboardInterrupt))

    @property
    def is_process_failure(self) -> bool:
        """Whether it says nothing about the message."""
        return self.error is not None and is_process_failure(self.error)

    @property
    def delay(self) -> float | None:
        """The seconds until the retry, where the subscriber asked for some."""
        return self.error.delay if isinstance(self.error, RetriableError) else None


def is_process_failure(error: BaseException) -> bool:
    """Whether the process or the machine is at its end, not the message: an exit, no memory."""
    return isinstance(error, (MemoryError, CancelledError)) or not isinstance(error, Exception)
