"""The settlement of a message: delete it (ack), leave it in the queue, or dead-letter it.

This module contains all rules for this decision. It makes no calls to AWS and has no clock.

    outcomes of the subscribers                      settlement
    all DONE                                         ack
    any RETRY_LATER or RETRIABLE_ERROR               leave; after max_receives, dead-letter
    otherwise any FATAL_ERROR                        dead-letter; without such a queue, ack, or
                                                     leave on Lambda (`leaves_fatal`)
    none, because no subscriber matches              as `unmatched` says
    none, because the body cannot be opened          dead-letter; without such a queue, leave
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from mega.aws._messages.backoff import RandomUniform
from mega.aws.sqs.message import Message
from mega.aws.sqs.subscribe.processing.failures import is_system_failure
from mega.aws.sqs.subscribe.processing.outcome import Outcome
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.subscribers.retry_delay import (
    ResolvedDelay,
    RetryDelay,
    check_delay,
    resolve_delay,
)
from mega.aws.sqs.subscribe.subscribers.subscriber import ProcessStatus
from mega.errors import ConfigurationError, RetriableError, TransportError, safe_repr, single_line

__all__ = (
    'Settlement',
    'SettlementAction',
    'SettlementPolicy',
    'StatsField',
    'Unhandled',
    'Unmatched',
    'safe_text',
    'settle',
    'settle_retry',
    'settle_undecodable',
    'settle_unfetchable',
)

Unhandled: TypeAlias = Literal['fatal', 'retry']
Unmatched: TypeAlias = Literal['delete', 'leave', 'dead-letter']


class SettlementAction(Enum):
    """The three ways to settle a message."""

    ACK = 'ack'
    LEAVE = 'leave'
    DEAD_LETTER = 'dead-letter'


class StatsField(str, Enum):
    """The field of `Stats` that counts a settlement."""

    __hash__ = str.__hash__  # a member is equal to its string, and serves as a key in its place

    DONE = 'done'
    RETRIED = 'retried'
    EXHAUSTED = 'exhausted'
    FATAL = 'fatal'
    UNMATCHED = 'unmatched'
    UNOPENED = 'unopened'


class Settlement(Struct, frozen=True):
    """The decision about a message, and its reason.

    - `delay` is for `LEAVE`: the whole seconds until the message becomes visible. None: when its
      visibility timeout ends.
    - `DEAD_LETTER` requires a reason.

    Raises:
        TypeError: for a value of the wrong type.
    """

    action: SettlementAction
    stats_field: StatsField
    reason: Reason | None = None
    delay: int | None = None

    def __post_init__(self) -> None:
        if not (
            isinstance(self.action, SettlementAction) and isinstance(self.stats_field, StatsField)
        ):
            values = f'{safe_repr(self.action)}, {safe_repr(self.stats_field)}'
            raise TypeError(f'{values}: must be a SettlementAction and a StatsField')
        if self.action is SettlementAction.DEAD_LETTER and not isinstance(self.reason, Reason):
            raise TypeError(f'reason={safe_repr(self.reason)}: DEAD_LETTER requires a Reason')
        if not isinstance(self.delay, (int, type(None))):
            raise TypeError(f'delay={safe_repr(self.delay)}: must be whole seconds, or None')


class SettlementPolicy(Struct, frozen=True):
    """The settings of a listener for settlements. `uniform(low, high)` draws the jitter of delays.

    With `leaves_fatal`, and without a dead-letter queue, a message with a `FATAL_ERROR` stays in
    the queue, for its redrive policy.

    Raises:
        ConfigurationError: for settings that are unknown or contradict each other.
    """

    unhandled: Unhandled = 'fatal'
    unmatched: Unmatched | None = None
    has_dead_letter_queue: bool = False
    is_fifo: bool = False
    retry_delay: RetryDelay | None = None
    max_receives: int | None = None
    leaves_fatal: bool = False
    uniform: RandomUniform = random.uniform

    def __post_init__(self) -> None:
        if self.unhandled not in ('fatal', 'retry'):
            choices = "'fatal' or 'retry'"
            raise ConfigurationError(f'unhandled={safe_repr(self.unhandled)}: must be {choices}')
        if self.unmatched not in (None, 'delete', 'leave', 'dead-letter'):
            choices = "'delete', 'leave', 'dead-letter' or None"
            raise ConfigurationError(f'unmatched={safe_repr(self.unmatched)}: must be {choices}')
        if self.unmatched == 'dead-letter' and not self.has_dead_letter_queue:
            raise ConfigurationError("unmatched='dead-letter' requires dead_letter_queue_url=")
        if self.unmatched == 'leave' and self.is_fifo:
            problem = 'on a FIFO queue it would block the message group permanently'
            raise ConfigurationError(f"unmatched='leave': {problem}")
        check_delay('retry_delay', self.retry_delay)
        self._check_max_receives()

    def _check_max_receives(self) -> None:
        limit = self.max_receives
        if limit is None:
            return
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            problem = 'must be 1 or more, or None'
            raise ConfigurationError(f'max_receives={safe_repr(limit)}: {problem}')
        if not self.has_dead_letter_queue:
            raise ConfigurationError(f'max_receives={limit} requires dead_letter_queue_url=')

    @property
    def status_of_unhandled(self) -> ProcessStatus:
        """The status for an exception that no subscriber declares as retriable."""
        return _STATUS_OF_UNHANDLED[self.unhandled]


_STATUS_OF_UNHANDLED: dict[Unhandled, ProcessStatus] = {
    'fatal': ProcessStatus.FATAL_ERROR,
    'retry': ProcessStatus.RETRIABLE_ERROR,
}
_ACTION_OF_UNMATCHED: dict[Unmatched, SettlementAction] = {
    'delete': SettlementAction.ACK,
    'leave': SettlementAction.LEAVE,
    'dead-letter': SettlementAction.DEAD_LETTER,
}
_DONE = ProcessStatus.DONE
_ALL_DONE = Settlement(SettlementAction.ACK, StatsField.DONE)


def settle(outcomes: Sequence[Outcome], policy: SettlementPolicy, message: Message) -> Settlement:
    """Return the settlement for the outcomes of all subscribers that match a message."""
    if not outcomes:
        return _settle_unmatched(policy, message)
    others = [outcome for outcome in outcomes if outcome.status is not _DONE]
    if not others:
        return _ALL_DONE
    if retries := [outcome for outcome in others if outcome.asks_for_retry]:
        return _settle_retries(retries, policy, message)
    return _settle_fatal(_reason(others[0]), policy, message)


def _settle_fatal(reason: Reason, policy: SettlementPolicy, message: Message) -> Settlement:
    if not policy.has_dead_letter_queue and policy.leaves_fatal:
        return _leave(StatsField.FATAL, reason, policy, message)
    can_dead_letter = policy.has_dead_letter_queue
    action = SettlementAction.DEAD_LETTER if can_dead_letter else SettlementAction.ACK
    return Settlement(action, StatsField.FATAL, reason)


def settle_retry(
    reason: Reason,
    policy: SettlementPolicy,
    message: Message,
    delays: Sequence[ResolvedDelay] = (),
    *,
    is_attempt: bool = True,
) -> Settlement:
    """Return the settlement of a message that asks for a retry.

    The message becomes visible after the longest of the `delays`. Without `delays`, the delay of
    the policy applies. After the last receive that the policy allows, the message is dead-lettered,
    unless this receive `is_attempt=False`: the machine failed, and not the message.
    """
    limit, count = policy.max_receives, message.receive_count
    if is_attempt and limit is not None and count >= limit:
        text = f'asked for a retry at receive {count} of {limit}: {reason.text}'
        exhausted = Reason(reason.error_name, text, reason.subscriber)
        return Settlement(SettlementAction.DEAD_LETTER, StatsField.EXHAUSTED, exhausted)
    delays = delays or [_policy_delay(policy, message)]
    return Settlement(SettlementAction.LEAVE, StatsField.RETRIED, reason, _longest(delays))


def settle_undecodable(error: Exception, policy: SettlementPolicy, message: Message) -> Settlement:
    """Return the settlement of a message whose body is invalid. It is never simply deleted."""
    reason = Reason(type(error).__name__, safe_text(error))
    if policy.has_dead_letter_queue:
        return Settlement(SettlementAction.DEAD_LETTER, StatsField.UNOPENED, reason)
    return _leave(StatsField.UNOPENED, reason, policy, message)


def settle_unfetchable(error: Exception, policy: SettlementPolicy, message: Message) -> Settlement:
    """Return the settlement of a message that cannot be opened at present, but perhaps later.

    Neither a certificate of SNS that cannot be downloaded (`TransportError`) nor a missing package
    (`ConfigurationError`) is an attempt.
    """
    reason = Reason(type(error).__name__, safe_text(error))
    is_unrelated = isinstance(error, (ConfigurationError, TransportError))
    is_attempt = not (is_unrelated or is_system_failure(error))
    settlement = settle_retry(reason, policy, message, is_attempt=is_attempt)
    if settlement.action is SettlementAction.LEAVE:
        return structs.replace(settlement, stats_field=StatsField.UNOPENED)
    return settlement


def safe_text(error: BaseException) -> str:
    """Return the text of an error on one line. Never raises, even if its `__str__` does."""
    try:
        return single_line(str(error))
    except Exception:
        return f'<{type(error).__name__} without a text>'


def action_on_unmatched(policy: SettlementPolicy) -> Unmatched:
    """Return what a listener does with a message that no subscriber matches."""
    return policy.unmatched or ('dead-letter' if policy.has_dead_letter_queue else 'delete')


def _settle_unmatched(policy: SettlementPolicy, message: Message) -> Settlement:
    action = _ACTION_OF_UNMATCHED[action_on_unmatched(policy)]
    reason = Reason('Unmatched', 'no subscriber matched')
    if action is SettlementAction.LEAVE:
        return _leave(StatsField.UNMATCHED, reason, policy, message)
    return Settlement(action, StatsField.UNMATCHED, reason)


def _leave(
    field: StatsField, reason: Reason, policy: SettlementPolicy, message: Message
) -> Settlement:
    """Return the settlement of a message that stays in the queue without an attempt."""
    delay = _longest([_policy_delay(policy, message)])
    return Settlement(SettlementAction.LEAVE, field, reason, delay)


def _policy_delay(policy: SettlementPolicy, message: Message) -> ResolvedDelay:
    return resolve_delay('retry_delay of the listener', policy.retry_delay, message, policy.uniform)


def _settle_retries(
    retries: Sequence[Outcome], policy: SettlementPolicy, message: Message
) -> Settlement:
    delays = [_delay(outcome, policy, message) for outcome in retries]
    no_attempts = [outcome for outcome in retries if not outcome.is_attempt]
    reason = _reason((no_attempts or retries)[0])
    return settle_retry(reason, policy, message, delays, is_attempt=not no_attempts)


def _delay(outcome: Outcome, policy: SettlementPolicy, message: Message) -> ResolvedDelay:
    """Return the delay of the error, else of the subscriber, else of the policy.

    An invalid delay of a subscriber is its error.
    """
    name, declared = outcome.subscriber.__name__, outcome.subscriber.retry_delay
    if outcome.delay is not None:
        name = f'the delay of a RetriableError of {name}'
        delay = resolve_delay(name, outcome.delay, message, policy.uniform)
    elif declared is not None:
        delay = resolve_delay(f'{name}.retry_delay', declared, message, policy.uniform)
    else:
        return _policy_delay(policy, message)
    if delay.error is not None and isinstance(outcome.error, (RetriableError, type(None))):
        outcome.status, outcome.error = ProcessStatus.RETRIABLE_ERROR, delay.error
    return delay


def _longest(delays: Iterable[ResolvedDelay]) -> int | None:
    """Return the longest delay in whole seconds; None: when the visibility timeout ends.

    With an invalid delay, a delay of 0 of another subscriber does not apply.
    """
    found = list(delays)
    numbers = [delay.seconds for delay in found if delay.seconds is not None]
    longest = math.ceil(max(numbers)) if numbers else None
    return (longest or None) if any(delay.error for delay in found) else longest


def _reason(outcome: Outcome) -> Reason:
    name = outcome.subscriber.__name__
    if outcome.error is None:
        return Reason(outcome.status.name, 'returned by the subscriber', name)
    return Reason(type(outcome.error).__name__, safe_text(outcome.error), name)
