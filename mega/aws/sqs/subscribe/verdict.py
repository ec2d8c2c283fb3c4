"""What becomes of a message: deleted, left in the queue, or dead-lettered. Decided here, all of it.

Nothing here talks to AWS, and nothing has a clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from mega.aws.sqs.subscribe.outcome import Outcome
from mega.aws.sqs.subscribe.subscriber import ProcessStatus
from mega.errors import ConfigurationError, one_line, shorten

__all__ = (
    'Action',
    'Count',
    'Policy',
    'Reason',
    'Unhandled',
    'Unmatched',
    'Verdict',
    'judge',
    'safe_text',
    'unfetched',
    'unopened',
)

Unhandled: TypeAlias = Literal['fatal', 'retry']
Unmatched: TypeAlias = Literal['delete', 'leave', 'dead-letter']

MAX_DELAY = 43_200
"""Seconds; the longest visibility timeout.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""


class Action(Enum):
    """The three ways in which a message is settled."""

    ACK = 'ack'
    LEAVE = 'leave'
    DEAD_LETTER = 'dead-letter'


class Count(str, Enum):
    """Under which number of the statistics a message falls."""

    DONE = 'done'
    RETRIED = 'retried'
    FATAL = 'fatal'
    UNMATCHED = 'unmatched'
    UNOPENED = 'unopened'


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message is dead-lettered."""

    error: str
    text: str
    subscriber: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a message, and why.

    `delay` is for `LEAVE` alone: the whole seconds until the message is to come again; None leaves
    that to the queue.
    """

    action: Action
    count: Count
    reason: Reason | None = None
    delay: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a listener was told to do where subscribers do not say it.

    Raises:
        ConfigurationError: for settings that are unknown or contradict each other.
    """

    unhandled: Unhandled = 'fatal'
    unmatched: Unmatched | None = None
    has_dead_letter_queue: bool = False
    is_fifo: bool = False

    def __post_init__(self) -> None:
        if self.unhandled not in ('fatal', 'retry'):
            raise ConfigurationError(f"unhandled={shorten(self.unhandled)}: 'fatal' or 'retry'")
        if self.unmatched not in (None, 'delete', 'leave', 'dead-letter'):
            choices = "'delete', 'leave' or 'dead-letter'"
            raise ConfigurationError(f'unmatched={shorten(self.unmatched)}: {choices}')
        if self.unmatched == 'dead-letter' and not self.has_dead_letter_queue:
            raise ConfigurationError("unmatched='dead-letter' needs a dead_letter_queue_url=")
        if self.unmatched == 'leave' and self.is_fifo:
            problem = 'on a FIFO queue would block the group of the message for good'
            raise ConfigurationError(f"unmatched='leave' {problem}")

    @property
    def status_of_unhandled(self) -> ProcessStatus:
        if self.unhandled == 'retry':
            return ProcessStatus.RETRIABLE_ERROR
        return ProcessStatus.FATAL_ERROR


_DONE = Verdict(Action.ACK, Count.DONE)


def judge(outcomes: Sequence[Outcome], policy: Policy) -> Verdict:
    """What all the subscribers that a message matched mean for it together.

    One that asks for a retry keeps it in the queue, whatever the others say. Otherwise it goes: to
    the dead-letter queue first, where there is one and a subscriber failed for good.
    """
    if not outcomes:
        return _unmatched(policy)
    retries = [outcome for outcome in outcomes if outcome.asks_for_retry]
    if retries:
        return Verdict(Action.LEAVE, Count.RETRIED, delay=_delay(retries))
    for outcome in outcomes:
        if outcome.status is ProcessStatus.FATAL_ERROR:
            action = Action.DEAD_LETTER if policy.has_dead_letter_queue else Action.ACK
            return Verdict(action, Count.FATAL, _reason(outcome))
    return _DONE


def unopened(error: Exception, policy: Policy) -> Verdict:
    """What a message comes to that cannot be opened. It is never deleted unless it is kept."""
    action = Action.DEAD_LETTER if policy.has_dead_letter_queue else Action.LEAVE
    return Verdict(action, Count.UNOPENED, Reason(type(error).__name__, safe_text(error)))


def unfetched(error: Exception) -> Verdict:
    """What a message comes to whose body S3 does not give now: it may the next time."""
    return Verdict(Action.LEAVE, Count.UNOPENED, Reason(type(error).__name__, safe_text(error)))


def safe_text(error: BaseException) -> str:
    """What an error says, on one line; never an exception, though `__str__` may be a user's."""
    try:
        return one_line(str(error))
    except Exception:
        return f'<{type(error).__name__} without a text>'


def _unmatched(policy: Policy) -> Verdict:
    default: Unmatched = 'dead-letter' if policy.has_dead_letter_queue else 'delete'
    action = {
        'delete': Action.ACK,
        'leave': Action.LEAVE,
        'dead-letter': Action.DEAD_LETTER,
    }[policy.unmatched or default]
    return Verdict(action, Count.UNMATCHED, Reason('Unmatched', 'no subscriber matched'))


def _delay(retries: Sequence[Outcome]) -> int | None:
    """The longest wait that was asked for, within SQS's limits: nobody is disturbed early."""
    delays = [outcome.delay for outcome in retries if outcome.delay is not None]
    numbers = [delay for delay in delays if isinstance(delay, (int, float)) and delay == delay]
    return math.ceil(min(max(0, *numbers), MAX_DELAY)) if numbers else None


def _reason(outcome: Outcome) -> Reason:
    name = outcome.subscriber.__name__
    if outcome.error is None:
        return Reason('FATAL_ERROR', 'returned by the subscriber', name)
    return Reason(type(outcome.error).__name__, safe_text(outcome.error), name)
