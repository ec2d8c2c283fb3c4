"""The outcome of one subscriber for one message."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from mega.aws.sqs.subscribe.exceptions import leaves
from mega.aws.sqs.subscribe.processing.failures import is_exit_request, is_system_failure
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus, Subscriber
from mega.errors import RetriableError

__all__ = ('Outcome', 'is_retriable')

_RETRY = (ProcessStatus.RETRY_LATER, ProcessStatus.RETRIABLE_ERROR)


class Outcome(Struct):
    """The outcome of one subscriber for one message. `duration` is in seconds.

    `has_begun` is false if a hook asks for a retry before the subscriber began. The receive then
    does not count for `max_receives`.
    """

    subscriber: Subscriber
    status: ProcessStatus
    error: BaseException | None = None
    duration: float = 0.0
    has_begun: bool = True

    @property
    def asks_for_retry(self) -> bool:
        """Whether the message must stay in the queue."""
        return self.status in _RETRY

    @property
    def exit_request(self) -> BaseException | None:
        """The exception that asks the whole process to end, if the subscriber raised one."""
        return next(filter(is_exit_request, self._errors()), None)

    @property
    def is_attempt(self) -> bool:
        """Whether the subscriber began, and no failure of the machine ended it."""
        return self.has_begun and not (self.error and is_system_failure(self.error))

    @property
    def delay(self) -> object:
        """The delay that a `RetriableError` states, unchecked; None if it states none."""
        asked = (error for error in self._errors() if isinstance(error, RetriableError))
        return next((error.delay for error in asked if error.delay is not None), None)

    def _errors(self) -> Iterable[BaseException]:
        return () if self.error is None else leaves(self.error)


def is_retriable(error: BaseException, subscriber: Subscriber) -> bool:
    """Return whether an exception asks for a retry, or a subscriber declares it as retriable.

    One retriable exception of a group is sufficient.
    """
    kinds: tuple[type[BaseException], ...] = (RetriableError, *subscriber.retriable_exceptions)
    return isinstance(error, kinds) or any(isinstance(leaf, kinds) for leaf in leaves(error))
