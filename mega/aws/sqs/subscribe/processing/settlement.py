"""What becomes of a message: deleted, left in the queue, or dead-lettered. Decided here, all of it.

Nothing here talks to AWS, and nothing has a clock.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal, TypeAlias

from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.subscribers.retry_delay import (
    MAX_DELAY,
    RandomUniform,
    RetryDelay,
    check_delay,
    seconds,
)
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus
from mega.errors import ConfigurationError, safe_repr, single_line

__all__ = (
    'Action',
    'Policy',
    'Reason',
    'Settlement',
    'StatsField',
    'Unhandled',
    'Unmatched',
    'retry',
    'safe_text',
    'settle',
    'settle_undecodable',
    'settle_unfetchable',
)

Unhandled: TypeAlias = Literal['fatal', 'retry']
Unmatched: TypeAlias = Literal['delete', 'leave', 'dead-letter']


class Action(Enum):
    """The three ways in which a message is settled."""

    ACK = 'ack'
    LEAVE = 'leave'
    DEAD_LETTER = 'dead-letter'


class StatsField(str, Enum):
    """Under which number of the statistics a message falls. It is the name of that number."""

    __hash__ = str.__hash__  # as it is equal to a text, and may be looked up as one

    DONE = 'done'
    RETRIED = 'retried'
    EXHAUSTED = 'exhausted'
    FATAL = 'fatal'
    UNMATCHED = 'unmatched'
    UNOPENED = 'unopened'


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message is dead-lettered, or comes again."""

    error: str
    text: str
    subscriber: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to be done with a message, and why.

    `delay` is for `LEAVE` alone: the whole seconds until the message is to come again; None leaves
    that to the queue. `DEAD_LETTER` needs a reason.

    Raises:
        TypeError: for one that nobody could follow.
    """

    action: Action
    count: StatsField
    reason: Reason | None = None
    delay: int | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.action, Action) and isinstance(self.count, StatsField)):
            raise TypeError(
                f'{safe_repr(self.action)}, {safe_repr(self.count)}: an Action and a Count'
            )
        if self.action is Action.DEAD_LETTER and not isinstance(self.reason, Reason):
            raise TypeError('to dead-letter takes a Reason')
        if not isinstance(self.delay, (int, type(None))):
            raise TypeError(f'delay={safe_repr(self.delay)}: whole seconds, or None')


@dataclass(frozen=True, slots=True)
class Policy:
    """What a listener was told to do where subscribers do not say it.

    `uniform` draws the jitter of delays.

    Raises:
        ConfigurationError: for settings that are unknown or contradict each other.
    """

    unhandled: Unhandled = 'fatal'
    unmatched: Unmatched | None = None
    has_dead_letter_queue: bool = False
    is_fifo: bool = False
    retry_delay: RetryDelay | None = None
    max_receives: int | None = None
    uniform: RandomUniform = field(default=random.uniform, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.unhandled not in ('fatal', 'retry'):
            raise ConfigurationError(f"unhandled={safe_repr(self.unhandled)}: 'fatal' or 'retry'")
        if self.unmatched not in (None, 'delete', 'leave', 'dead-letter'):
            choices = "'delete', 'leave' or 'dead-letter'"
            raise ConfigurationError(f'unmatched={safe_repr(self.unmatched)}: {choices}')
        if self.unmatched == 'dead-letter' and not self.has_dead_letter_queue:
            raise ConfigurationError("unmatched='dead-letter' needs a dead_letter_queue_url=")
        if self.unmatched == 'leave' and self.is_fifo:
            problem = 'on a FIFO queue would block the group of the message for good'
            raise ConfigurationError(f"unmatched='leave' {problem}")
        check_delay('retry_delay', self.retry_delay)
        self._check_max_receives()

    def _check_max_receives(self) -> None:
        most = self.max_receives
        if most is None:
            return
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise ConfigurationError(f'max_receives={safe_repr(most)}: 1 or more, or None')
        if not self.has_dead_letter_queue:
            raise ConfigurationError(f'max_receives={most} needs a dead_letter_queue_url=')

    @property
    def status_of_unhandled(self) -> ProcessStatus:
        if self.unhandled == 'retry':
            return ProcessStatus.RETRIABLE_ERROR
        return ProcessStatus.FATAL_ERROR


_DONE = ProcessStatus.DONE
_ALL_DONE = Settlement(Action.ACK, StatsField.DONE)


def settle(outcomes: Sequence[Outcome], policy: Policy, message: Message) -> Settlement:
    """What all the subscribers that a message matched mean for it together.

    One that asks for a retry keeps it in the queue, whatever the others say, so long as it did not
    come too often. Otherwise it goes: to the dead-letter queue first, where there is one and a
    subscriber failed for good.
    """
    if not outcomes:
        return _unmatched(policy, message)
    others = [outcome for outcome in outcomes if outcome.status is not _DONE]
    if not others:
        return _ALL_DONE
    if retries := [outcome for outcome in others if outcome.asks_for_retry]:
        return _retry(retries, policy, message)
    action = Action.DEAD_LETTER if policy.has_dead_letter_queue else Action.ACK
    return Settlement(action, StatsField.FATAL, _reason(others[0]))


def retry(
    reason: Reason, policy: Policy, message: Message, delays: Iterable[float | None] | None = None
) -> Settlement:
    """What becomes of a message after an attempt that may be repeated.

    It comes again after the longest of the `delays`, or without any after the policy's; unless this
    was the last receive that the policy allows: then it is dead-lettered.
    """
    most, count = policy.max_receives, message.receive_count
    if most is not None and count >= most:
        text = f'wanted again at receive {count} of {most}: {reason.text}'
        given_up = Reason(reason.error, text, reason.subscriber)
        return Settlement(Action.DEAD_LETTER, StatsField.EXHAUSTED, given_up)
    if delays is None:
        delays = [seconds(policy.retry_delay, message, policy.uniform)]
    return Settlement(Action.LEAVE, StatsField.RETRIED, reason, _longest(delays))


def settle_undecodable(error: Exception, policy: Policy, message: Message) -> Settlement:
    """What a message comes to that cannot be opened. It is never deleted unless it is kept."""
    reason = Reason(type(error).__name__, safe_text(error))
    if policy.has_dead_letter_queue:
        return Settlement(Action.DEAD_LETTER, StatsField.UNOPENED, reason)
    return _left(StatsField.UNOPENED, reason, policy, message)


def settle_unfetchable(error: Exception, policy: Policy, message: Message) -> Settlement:
    """What a message comes to whose body S3 does not give now: it may the next time.

    Without the memory for it the attempt does not count.
    """
    reason = Reason(type(error).__name__, safe_text(error))
    if isinstance(error, MemoryError):
        return _left(StatsField.UNOPENED, reason, policy, message)
    verdict = retry(reason, policy, message)
    if verdict.action is Action.LEAVE:
        return replace(verdict, count=StatsField.UNOPENED)
    return verdict


def safe_text(error: BaseException) -> str:
    """What an error says, on one line; never an exception, though `__str__` may be a user's."""
    try:
        return single_line(str(error))
    except Exception:
        return f'<{type(error).__name__} without a text>'


def _unmatched(policy: Policy, message: Message) -> Settlement:
    default: Unmatched = 'dead-letter' if policy.has_dead_letter_queue else 'delete'
    unmatched, reason = policy.unmatched or default, Reason('Unmatched', 'no subscriber matched')
    if unmatched == 'leave':
        return _left(StatsField.UNMATCHED, reason, policy, message)
    action = Action.ACK if unmatched == 'delete' else Action.DEAD_LETTER
    return Settlement(action, StatsField.UNMATCHED, reason)


def _left(count: StatsField, reason: Reason, policy: Policy, message: Message) -> Settlement:
    """What becomes of a message that stays, and that nobody tried to process."""
    delay = seconds(policy.retry_delay, message, policy.uniform)
    return Settlement(Action.LEAVE, count, reason, _longest([delay]))


def _retry(retries: Sequence[Outcome], policy: Policy, message: Message) -> Settlement:
    delays = [_delay(outcome, policy, message) for outcome in retries]
    for outcome in retries:
        if outcome.is_process_failure:  # which does not count against the message
            return Settlement(Action.LEAVE, StatsField.RETRIED, _reason(outcome), _longest(delays))
    return retry(_reason(retries[0]), policy, message, delays)


def _delay(outcome: Outcome, policy: Policy, message: Message) -> float | None:
    """What a subscriber asked for, as closely as it did."""
    asked = outcome.delay
    if isinstance(asked, (int, float)) and asked == asked:
        return asked
    declared = outcome.subscriber.retry_delay
    delay = policy.retry_delay if declared is None else declared
    return seconds(delay, message, policy.uniform)


def _longest(delays: Iterable[float | None]) -> int | None:
    """The longest wait that was asked for, within SQS's limits: nobody is disturbed early."""
    numbers = [delay for delay in delays if delay is not None]
    return math.ceil(min(max(0, *numbers), MAX_DELAY)) if numbers else None


def _reason(outcome: Outcome) -> Reason:
    name = outcome.subscriber.__name__
    if outcome.error is None:
        return Reason(outcome.status.name, 'returned by the subscriber', name)
    return Reason(type(outcome.error).__name__, safe_text(outcome.error), name)
