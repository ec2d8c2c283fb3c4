"""The delay before SQS redelivers a message after a retry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mega.aws._messages.backoff import RandomUniform, max_backoff
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.exceptions import traceback_without_text
from mega.aws.sqs.subscribe.safe_logging import get_logger
from mega.aws.sqs.subscribe.subscribers.declaration import accepts_arguments
from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'MAX_DELAY',
    'Backoff',
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


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter.

    After the n-th receive of a message, the delay is a random number of seconds between 0 and
    `first * factor ** (n - 1)`, at most `longest`. The jitter separates messages that failed at the
    same time.
    SQS also counts receives after which a listener released the message unprocessed.

    `first` and `longest` are greater than 0 and at most 43,200 seconds. `factor` is 1 to 10.

    Raises:
        ConfigurationError: for other numbers.
    """

    first: float = 1.0
    longest: float = 900.0
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not (_is_number(self.first) and _is_number(self.longest) and _is_number(self.factor)):
            problem = 'first, longest and factor must be numbers'
            raise ConfigurationError(f'{safe_repr(self)}: {problem}')
        if not 0 < self.first <= self.longest <= MAX_DELAY:
            problem = f'must be 0 < first <= longest <= {MAX_DELAY:,} seconds'
            raise ConfigurationError(f'{safe_repr(self)}: {problem}')
        if not 1 <= self.factor <= 10:
            raise ConfigurationError(f'{safe_repr(self)}: factor must be 1 to 10')

    def max_delay_after(self, receive_count: int) -> float:
        """Return the maximum delay after that many receives, in seconds."""
        return max_backoff(receive_count, self.first, self.longest, self.factor)


RetryDelay: TypeAlias = float | Backoff | Callable[[Message], float | None]
"""A number of seconds, a `Backoff`, or a function that returns the seconds for a message."""


def check_delay(name: str, delay: object) -> None:
    """Check the value of a `retry_delay`.

    Raises:
        ConfigurationError: for an invalid value.
    """
    if delay is None or isinstance(delay, Backoff):
        return
    if _is_number(delay):
        if 0 <= delay <= MAX_DELAY:  # type: ignore[operator]
            return
    elif callable(delay) and not isinstance(delay, type) and accepts_arguments(delay, None):
        return
    valid = f'0 to {MAX_DELAY:,} seconds, a Backoff, a function of the message, or None'
    raise ConfigurationError(f'{name}={safe_repr(delay)}: must be {valid}')


def resolve_delay(
    delay: RetryDelay | None, message: Message, uniform: RandomUniform
) -> float | None:
    """Return the delay for a message in seconds; None: when its visibility timeout ends.

    If the function of a delay raises, the result is None. The error must not affect the message.
    """
    if isinstance(delay, Backoff):
        return uniform(0.0, delay.max_delay_after(message.receive_count))
    if not callable(delay):
        return delay
    try:
        answer = delay(message)
    except Exception as error:
        problem = 'message %s becomes visible when its visibility timeout ends: its retry_delay: %s'
        _log.error(problem, message.id, traceback_without_text(error))
        return None
    return answer if _is_number(answer) else None


def max_delay(delay: RetryDelay | None) -> float:
    """Return the longest delay in seconds; 0 for a function, whose delays are unknown."""
    if isinstance(delay, Backoff):
        return delay.longest
    return 0.0 if delay is None or callable(delay) else delay


def _is_number(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and value == value  # not NaN
