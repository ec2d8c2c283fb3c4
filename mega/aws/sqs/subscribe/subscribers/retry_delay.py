"""The delay before SQS redelivers a message after a retry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import TypeAlias

from msgspec import Struct

from mega.aws._messages.backoff import RandomUniform, max_backoff
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.aws.sqs.subscribe.subscribers.declaration import accepts_arguments
from mega.errors import ConfigurationError, Seconds, check_seconds, safe_repr
from mega.logging import about, get_logger

__all__ = (
    'MAX_DELAY',
    'Backoff',
    'ResolvedDelay',
    'RetryDelay',
    'check_delay',
    'max_delay',
    'resolve_delay',
)

_log = get_logger(__name__)

MAX_DELAY = 43_200
"""The longest visibility timeout in seconds.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""


class Backoff(Struct, frozen=True):
    """Exponential back-off with full jitter.

    After the n-th receive of a message, the delay is a random number of seconds between 0 and
    `first * factor ** (n - 1)`, at most `longest`. The jitter separates messages that failed at the
    same time.
    SQS also counts receives after which a listener released the message unprocessed.

    `first` and `longest` are greater than 0 and at most 43,200 seconds, or a `timedelta` of
    that length. `factor` is 1 to 10.

    Raises:
        ConfigurationError: for other numbers.
    """

    first: Seconds = 1.0
    longest: Seconds = 900.0
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not _is_number(self.factor) or not 1 <= self.factor <= 10:
            raise ConfigurationError(f'{safe_repr(self)}: factor must be 1 to 10')
        if not 0 < self._seconds('first') <= self._seconds('longest'):
            problem = f'must be 0 < first <= longest <= {MAX_DELAY:,} seconds'
            raise ConfigurationError(f'{safe_repr(self)}: {problem}')

    def _seconds(self, name: str) -> float:
        return check_seconds(f'Backoff.{name}', getattr(self, name), 0, MAX_DELAY)

    def max_delay_after(self, receive_count: int) -> float:
        """Return the maximum delay after that many receives, in seconds."""
        first, longest = self._seconds('first'), self._seconds('longest')
        return max_backoff(receive_count, first, longest, self.factor)


RetryDelay: TypeAlias = Seconds | Backoff | Callable[[Message], Seconds | None]
"""A number of seconds, a `timedelta`, a `Backoff`, or a function that returns the time for a
message."""


class ResolvedDelay(Struct, frozen=True):
    """A delay in seconds; None: when the visibility timeout of the message ends.

    `error` is set if the delay was invalid. It is then None, so that the message is not processed
    again and again without a pause.
    """

    seconds: float | None = None
    error: Exception | None = None


def check_delay(name: str, delay: object) -> None:
    """Check the value of a `retry_delay`.

    Raises:
        ConfigurationError: for an invalid value.
    """
    if delay is None or isinstance(delay, Backoff):
        return
    if callable(delay):
        is_function = not isinstance(delay, type) and not iscoroutinefunction(delay)
        if is_function and accepts_arguments(delay, None):
            return
    elif isinstance(delay, timedelta) or _is_number(delay):
        check_seconds(name, delay, 0, MAX_DELAY)
        return
    valid = f'0 to {MAX_DELAY:,} seconds, a Backoff, a function of the message, or None'
    raise ConfigurationError(f'{name}={safe_repr(delay)}: must be {valid}')


def resolve_delay(
    name: str, delay: object, message: Message, uniform: RandomUniform
) -> ResolvedDelay:
    """Return the delay for a message. `name` is its place in the code of the user, for the log.

    An invalid delay, and an exception of its function, are logged as errors.
    """
    if delay is None:
        return ResolvedDelay()
    if isinstance(delay, Backoff):
        return ResolvedDelay(uniform(0.0, delay.max_delay_after(message.receive_count)))
    try:
        answer = delay(message) if callable(delay) else delay
        seconds = None if answer is None else check_seconds(name, answer, 0, MAX_DELAY)
    except Exception as error:
        problem = str(error)
        if not isinstance(error, ConfigurationError):
            problem = f'{name} raised an exception: {traceback_without_text(error)}'
        advice = 'message %s becomes visible when its visibility timeout ends: %s'
        extra = about(error=type(error).__name__)
        _log.error(advice, message.id, problem, code='invalid-delay', extra=extra)
        return ResolvedDelay(error=error)
    return ResolvedDelay(seconds)


def max_delay(delay: RetryDelay | None) -> float:
    """Return the longest delay in seconds; 0 for a function, whose delays are unknown."""
    if delay is None or (callable(delay) and not isinstance(delay, Backoff)):
        return 0.0
    longest = delay.longest if isinstance(delay, Backoff) else delay
    return check_seconds('retry_delay', longest, 0, MAX_DELAY)


def _is_number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and value == value  # not NaN
