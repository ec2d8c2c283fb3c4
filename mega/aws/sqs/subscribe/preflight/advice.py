"""Settings of a listener and of its queues that do not go together, and what to change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mega.aws.sqs.subscribe.engine.commands import Settings
from mega.aws.sqs.subscribe.processing.settlement import Policy

__all__ = ('QUEUE_ATTRIBUTES', 'Attributes', 'ListenerSetup', 'advice')

Attributes = Mapping[str, str]
"""Attributes of a queue as GetQueueAttributes answers them; a missing one is not known."""

QUEUE_ATTRIBUTES = (
    'RedrivePolicy',
    'VisibilityTimeout',
    'MessageRetentionPeriod',
    'MaximumMessageSize',
)
"""The attributes that are looked at."""


@dataclass(frozen=True, slots=True)
class ListenerSetup:
    """All that has to go together. `longest_delay` is of all retries, in seconds."""

    settings: Settings
    policy: Policy
    longest_delay: float
    queue: Attributes
    dead_letter_queue: Attributes


def advice(setup: ListenerSetup) -> Iterator[str]:
    """A sentence or two for each thing that may go wrong, with what to do about it."""
    yield from _of_dead_letters(setup)
    yield from _fifo_advice(setup)
    yield from _timeout_advice(setup)


def _of_dead_letters(setup: ListenerSetup) -> Iterator[str]:
    policy, most = setup.policy, _max_receive_count(setup.queue)
    if 'RedrivePolicy' not in setup.queue and not policy.has_dead_letter_queue:
        yield (
            'has no redrive policy, and the listener no dead_letter_queue_url: what fails '
            'for good is deleted and lost, and what cannot be opened comes again until it '
            'expires. Give it one of the two.'
        )
    if most is not None and policy.max_receives is not None and policy.max_receives > most:
        yield (
            f'is redriven after {most} receives, so that max_receives={policy.max_receives} is '
            f'never reached: lower it to {most} or less, or raise maxReceiveCount.'
        )
    own, other = (
        _number(queue, 'MaximumMessageSize') for queue in (setup.queue, setup.dead_letter_queue)
    )
    if own and other and own > other:
        yield (
            f'takes messages of {own:,} bytes, and its dead_letter_queue_url only of {other:,}: '
            f'larger ones cannot be dead-lettered. Raise the MaximumMessageSize there to {own:,}.'
        )


def _fifo_advice(setup: ListenerSetup) -> Iterator[str]:
    if not setup.settings.is_fifo:
        return
    most, batch = _max_receive_count(setup.queue), setup.settings.max_number_of_messages
    if 'RedrivePolicy' not in setup.queue and setup.policy.max_receives is None:
        yield (
            'has neither a redrive policy nor the listener max_receives: a message that asks for '
            'a retry each time holds up its group until it expires. Give it one of the two.'
        )
    if most is not None and most <= batch and batch > 1:
        yield (
            f'is redriven after {most} receives, and a message that is received with up to '
            f'{batch - 1} others of its group is given back once for each of them that stays: it '
            f'may be redriven without an attempt. Raise maxReceiveCount above {batch}, or lower '
            'max_number_of_messages.'
        )


def _timeout_advice(setup: ListenerSetup) -> Iterator[str]:
    timeout, most = setup.settings.visibility_timeout, setup.settings.max_processing_time
    own = _number(setup.queue, 'VisibilityTimeout')
    if own and timeout < own and (most is None or most < own):
        yield (
            f'hides messages for {own} s, and this listener asks for {timeout} s: what takes '
            f'longer is delivered twice. Give visibility_timeout={own}, or a max_processing_time '
            'of as many seconds as processing may take.'
        )
    if most is not None and most < timeout:
        yield (
            f'is listened to with visibility_timeout={timeout}, longer than max_processing_time='
            f'{most:g}: nothing is extended, and what a process that is killed leaves comes again '
            f'later than it could. Lower visibility_timeout to {max(1, int(most))} or less.'
        )
    retention = _number(setup.queue, 'MessageRetentionPeriod')
    longest = max(timeout, most or 0.0, setup.longest_delay)
    if retention and longest >= retention:
        yield (
            f'keeps messages for {retention} s, and here they may be hidden for {longest:g} s: '
            'they expire meanwhile, and are lost. Raise MessageRetentionPeriod, or lower '
            'visibility_timeout, max_processing_time or retry_delay.'
        )


def _max_receive_count(queue: Attributes) -> int | None:
    """After how many receives SQS itself moves a message away, if it does."""
    try:
        return int(json.loads(queue['RedrivePolicy'])['maxReceiveCount'])
    except (KeyError, TypeError, ValueError):
        return None


def _number(queue: Attributes, name: str) -> int | None:
    found = queue.get(name, '')
    return int(found) if found.isdecimal() else None
