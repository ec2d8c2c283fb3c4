"""When to repeat calls to SQS that failed for one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mega.aws._messages.backoff import max_backoff
from mega.aws.sqs.subscribe.engine.commands import SendDeadLetter
from mega.aws.sqs.subscribe.engine.delivery import NEVER, Delivery

__all__ = ('MAX_ATTEMPTS', 'RetrySchedule')

MAX_ATTEMPTS = 6
"""The maximum number of calls that delete or dead-letter one message. After that the message stays
in the queue, until its visibility timeout ends."""

FIRST_BACKOFF = 0.4
"""The maximum number of seconds before the second try. It doubles with each try."""

LONGEST_BACKOFF = 60.0


class RetrySchedule:
    """The deletes (by their delivery) and the dead letters that wait for another try."""

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._waiting: list[tuple[float, Delivery | SendDeadLetter]] = []

    def next_try(self, delivery: Delivery, now: float) -> float:
        """Count a call that failed, and return when to repeat it; infinity after `MAX_ATTEMPTS`.

        The first repetition begins before the visibility timeout ends.
        """
        delivery.failed_calls += 1
        if delivery.failed_calls >= MAX_ATTEMPTS:
            return NEVER
        longest = max_backoff(delivery.failed_calls, FIRST_BACKOFF, LONGEST_BACKOFF)
        wait = self._uniform(0.5, 1.0) * longest
        left = delivery.hidden_until - now
        return now + (min(wait, left / 2) if delivery.failed_calls == 1 and left > 0 else wait)

    def add(self, retry: Delivery | SendDeadLetter, now: float) -> float:
        """Schedule another try, and return its time; infinity if there is none."""
        when = self.next_try(retry.delivery if isinstance(retry, SendDeadLetter) else retry, now)
        if when < NEVER:
            self._waiting.append((when, retry))
        return when

    def pop_due(self, now: float) -> list[Delivery | SendDeadLetter]:
        """Remove and return what is due."""
        due = [retry for when, retry in self._waiting if now >= when]
        if due:
            self._waiting = [(when, retry) for when, retry in self._waiting if now < when]
        return due

    def times(self) -> Iterator[float]:
        """Yield the times of all tries."""
        return (when for when, _ in self._waiting)
