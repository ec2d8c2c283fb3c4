"""After how long a message comes again that stays in the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.safe_logging import log_of
from mega.aws.sqs.subscribe.subscribers.declaration import accepts_arguments
from mega.errors import ConfigurationError, safe_repr

__all__ = (
    'MAX_DELAY',
    'Backoff',
    'RandomUniform',
    'RetryDelay',
    'check_delay',
    'longest',
    'seconds',
)

_log = log_of(__name__)

MAX_DELAY = 43_200
"""Seconds; the longest visibility timeout.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

_MAX_EXPONENT = 64
"""More doublings than from the least of delays to the longest."""

RandomUniform: TypeAlias = Callable[[float, float], float]
"""Draws a number between two others, as `random.uniform` does."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Longer and longer waits, drawn at random: exponential back-off with full jitter.

    After the n-th receive of a message the wait is anything up to `first * factor ** (n - 1)`
    seconds, and up to `longest` at most. So messages that failed together come again one by one.
    SQS counts the receives, those after which a message was given back unprocessed included.

    `first` and `longest` are more than 0 and up to 43,200 seconds, `factor` is 1 to 10.

    Raises:
        ConfigurationError: for other numbers.
    """

    first: float = 1.0
    longest: float = 900.0
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not (_is_number(self.first) and _is_number(self.longest) and _is_number(self.factor)):
            raise ConfigurationError(f'{safe_repr(self)}: numbers are wanted')
        if not 0 < self.first <= self.longest <= MAX_DELAY:
            problem = f'0 < first <= longest <= {MAX_DELAY:,} seconds is wanted'
            raise ConfigurationError(f'{safe_repr(self)}: {problem}')
        if not 1 <= self.factor <= 10:
            raise ConfigurationError(f'{safe_repr(self)}: a factor of 1 to 10 is wanted')

    def up_to(self, receive_count: int) -> float:
        """The longest wait after so many receives, in seconds."""
        return min(self.longest, self.first * self.factor ** min(receive_count - 1, _MAX_EXPONENT))


RetryDelay: TypeAlias = float | Backoff | Callable[[Message], float | None]
"""Seconds, always the same, drawn by a `Backoff`, or answered for each message."""


def check_delay(name: str, delay: object) -> None:
    """Refuse a `retry_delay` that could not be one.

    Raises:
        ConfigurationError: with what is possible.
    """
    if delay is None or isinstance(delay, Backoff):
        return
    if _is_number(delay):
        if 0 <= delay <= MAX_DELAY:  # type: ignore[operator]
            return
    elif callable(delay) and not isinstance(delay, type) and accepts_arguments(delay, None):
        return
    possible = f'0 to {MAX_DELAY:,} seconds, a Backoff, a function of the message, or None'
    raise ConfigurationError(f'{name}={safe_repr(delay)}: {possible}')


def seconds(delay: RetryDelay | None, message: Message, uniform: RandomUniform) -> float | None:
    """What a delay is for a message, in seconds; None where that is left to the queue.

    A function that raises leaves it to the queue: its error must not cost the message.
    """
    if isinstance(delay, Backoff):
        return uniform(0.0, delay.up_to(message.receive_count))
    if not callable(delay):
        return delay
    try:
        answer = delay(message)
    except Exception:
        _log.exception('message %s is left to its visibility timeout: retry_delay', message.id)
        return None
    return answer if _is_number(answer) else None


def longest(delay: RetryDelay | None) -> float:
    """The longest that a delay may be, in seconds, so far as anybody can know."""
    if isinstance(delay, Backoff):
        return delay.longest
    return 0.0 if delay is None or callable(delay) else delay


def _is_number(value: object) -> bool:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and value == value
