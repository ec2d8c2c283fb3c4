"""The outcome of one subscriber for one message."""

from __future__ import annotations

from concurrent.futures import CancelledError
from dataclasses import dataclass

from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.errors import RetriableError

__all__ = ('Outcome', 'is_system_failure')

_RETRY = (ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR)


@dataclass(slots=True)
class Outcome:
    """The outcome of one subscriber for one message. `duration` is in seconds."""

    subscriber: Subscriber
    status: ProcessStatus
    error: BaseException | None = None
    duration: float = 0.0

    @property
    def asks_for_retry(self) -> bool:
        """Whether the message must stay in the queue."""
        return self.status in _RETRY

    @property
    def is_exit_request(self) -> bool:
        """Whether the subscriber asked the whole process to end."""
        return isinstance(self.error, (SystemExit, KeyboardInterrupt))

    @property
    def is_system_failure(self) -> bool:
        """Whether the error says nothing about the message."""
        return self.error is not None and is_system_failure(self.error)

    @property
    def delay(self) -> float | None:
        """The seconds until the retry, if a `RetriableError` states them."""
        return self.error.delay if isinstance(self.error, RetriableError) else None


def is_system_failure(error: BaseException) -> bool:
    """Return whether an error concerns the process, not the message: an exit, or no memory."""
    return isinstance(error, (MemoryError, CancelledError)) or not isinstance(error, Exception)
