"""Advice on settings of a listener and of its queues that contradict each other.

Each check is a function of the `Setup`, which yields a finding if it applies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.preflight.findings import Finding, Kind
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy

__all__ = (
    'QUEUE_ATTRIBUTES',
    'Attributes',
    'Setup',
    'advice',
    'max_receive_count',
    'number',
    'polling_advice',
)

Attributes = Mapping[str, str]
"""The attributes of a queue as GetQueueAttributes returns them. A missing one is unknown."""

QUEUE_ATTRIBUTES = (
    'RedrivePolicy',
    'VisibilityTimeout',
    'MessageRetentionPeriod',
    'MaximumMessageSize',
)
"""The attributes that the advice is based on."""


class Setup(Struct, frozen=True):
    """All settings. `longest_delay` is the longest delay before a retry, in seconds."""

    url: str
    settings: EngineSettings
    policy: SettlementPolicy
    longest_delay: float
    queue: Attributes
    dead_letter_queue: Attributes


Check: TypeAlias = Callable[[Setup], Iterator[Finding]]


def polling_advice(
    url: str, settings: EngineSettings, read_timeout: float | None
) -> Iterator[Finding]:
    """Yield the advice on receives. `read_timeout` is the one of the client, in seconds."""
    wait = settings.wait_time_seconds
    if not wait:
        yield Kind.NO_WAIT.found(
            url,
            'is used with wait_time_seconds=0: a receive does not wait for a message, so that an '
            'empty queue costs many receives',
            'Set wait_time_seconds=20.',
        )
    if read_timeout is not None and read_timeout <= wait:
        yield Kind.READ_TIMEOUT.found(
            url,
            f'is used by a client with a read timeout of {read_timeout:g} s, which is not longer '
            f'than wait_time_seconds={wait}: receives of an empty queue fail, and messages may be '
            'hidden unprocessed',
            f'Set read_timeout={wait + 5} or more in the Config of the client, or lower '
            'wait_time_seconds.',
        )


def advice(setup: Setup) -> Iterator[Finding]:
    """Yield the advice on the queue and the settings of the listener."""
    for check in _CHECKS:
        yield from check(setup)


def _no_dead_letters(setup: Setup) -> Iterator[Finding]:
    if 'RedrivePolicy' not in setup.queue and not setup.policy.has_dead_letter_queue:
        yield Kind.NO_DEAD_LETTERS.found(
            setup.url,
            'has no redrive policy, and the listener has no dead_letter_queue_url: a message that '
            'fails permanently is deleted and lost, and a message with an invalid body is '
            'delivered again until it expires',
            'Configure one of the two.',
        )


def _fatal_not_redriven(setup: Setup) -> Iterator[Finding]:
    policy, limit = setup.policy, max_receive_count(setup.queue)
    if limit is not None and not policy.has_dead_letter_queue and policy.unhandled == 'fatal':
        yield Kind.FATAL_NOT_REDRIVEN.found(
            setup.url,
            'has a redrive policy, which does not apply to a message that fails permanently: '
            'without a dead_letter_queue_url, the listener deletes it after a FATAL_ERROR or an '
            'undeclared exception, and it is lost',
            'Set dead_letter_queue_url, for example to the queue of the redrive policy, or set '
            "unhandled='retry'.",
        )


def _max_receives(setup: Setup) -> Iterator[Finding]:
    own, limit = setup.policy.max_receives, max_receive_count(setup.queue)
    if limit is not None and own is not None and own > limit:
        yield Kind.MAX_RECEIVES.found(
            setup.url,
            f'has a redrive policy of {limit} receives, so that max_receives={own} has no effect',
            f'Lower max_receives to {limit} or less, or raise maxReceiveCount.',
        )


def _small_dead_letters(setup: Setup) -> Iterator[Finding]:
    own = number(setup.queue, 'MaximumMessageSize')
    other = number(setup.dead_letter_queue, 'MaximumMessageSize')
    if own and other and own > other:
        yield Kind.SMALL_DEAD_LETTERS.found(
            setup.url,
            f'accepts messages of {own:,} bytes, and its dead_letter_queue_url only of {other:,}: '
            'larger messages cannot be dead-lettered',
            f'Raise the MaximumMessageSize of the dead-letter queue to {own:,}.',
        )


def _blocked_group(setup: Setup) -> Iterator[Finding]:
    if (
        setup.settings.is_fifo
        and 'RedrivePolicy' not in setup.queue
        and setup.policy.max_receives is None
    ):
        yield Kind.BLOCKED_GROUP.found(
            setup.url,
            'has no redrive policy, and the listener has no max_receives: a message that asks for '
            'a retry each time blocks its message group until it expires',
            'Configure one of the two.',
        )


def _redriven_untried(setup: Setup) -> Iterator[Finding]:
    limit, batch = max_receive_count(setup.queue), setup.settings.max_number_of_messages
    if setup.settings.is_fifo and limit is not None and limit <= batch and batch > 1:
        yield Kind.REDRIVEN_UNTRIED.found(
            setup.url,
            f'has a redrive policy of {limit} receives. A message that is received with up to '
            f'{batch - 1} others of its message group is released once for each of them that '
            'stays, and may be redriven without an attempt',
            f'Raise maxReceiveCount above {batch}, or lower max_number_of_messages.',
        )


def _short_visibility(setup: Setup) -> Iterator[Finding]:
    timeout, limit = setup.settings.visibility_timeout, setup.settings.max_processing_time
    own = number(setup.queue, 'VisibilityTimeout')
    if own and timeout < own and (limit is None or limit < own):
        yield Kind.SHORT_VISIBILITY.found(
            setup.url,
            f'has a visibility timeout of {own} s, and this listener uses {timeout} s: a message '
            'that takes longer is delivered twice',
            f'Set visibility_timeout={own}, or set max_processing_time to the seconds that '
            'processing may take.',
        )


def _long_visibility(setup: Setup) -> Iterator[Finding]:
    timeout, limit = setup.settings.visibility_timeout, setup.settings.max_processing_time
    if limit is not None and limit < timeout:
        yield Kind.LONG_VISIBILITY.found(
            setup.url,
            f'is used with visibility_timeout={timeout}, which is longer than max_processing_time='
            f'{limit:g}: the listener extends nothing, and after a crash SQS delivers messages '
            'later than possible',
            f'Lower visibility_timeout to {max(1, int(limit))} or less.',
        )


def _short_retention(setup: Setup) -> Iterator[Finding]:
    retention = number(setup.queue, 'MessageRetentionPeriod')
    settings = setup.settings
    longest = max(
        settings.visibility_timeout, settings.max_processing_time or 0.0, setup.longest_delay
    )
    if retention and longest >= retention:
        yield Kind.SHORT_RETENTION.found(
            setup.url,
            f'keeps messages for {retention} s, and this listener may hide them for {longest:g} s: '
            'they expire during that time, and are lost',
            'Raise MessageRetentionPeriod, or lower visibility_timeout, max_processing_time or '
            'retry_delay.',
        )


_CHECKS: tuple[Check, ...] = (
    _no_dead_letters,
    _fatal_not_redriven,
    _max_receives,
    _small_dead_letters,
    _blocked_group,
    _redriven_untried,
    _short_visibility,
    _long_visibility,
    _short_retention,
)


def max_receive_count(queue: Attributes) -> int | None:
    """Return the number of receives after which SQS redrives a message; None if it does not."""
    try:
        return int(json.loads(queue['RedrivePolicy'])['maxReceiveCount'])
    except (KeyError, TypeError, ValueError):
        return None


def number(queue: Attributes, name: str) -> int | None:
    """Return an attribute that is a number; None if it is unknown."""
    text = queue.get(name, '')
    return int(text) if text.isdecimal() else None
