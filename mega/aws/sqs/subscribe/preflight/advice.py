"""Advice on settings of a listener and of its queues that contradict each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from msgspec import Struct

from mega.aws.sqs.subscribe.engine.commands import EngineSettings
from mega.aws.sqs.subscribe.processing.settlement import SettlementPolicy

__all__ = ('QUEUE_ATTRIBUTES', 'AdviceContext', 'Attributes', 'advice', 'polling_advice')

Attributes = Mapping[str, str]
"""The attributes of a queue as GetQueueAttributes returns them. A missing one is unknown."""

QUEUE_ATTRIBUTES = (
    'RedrivePolicy',
    'VisibilityTimeout',
    'MessageRetentionPeriod',
    'MaximumMessageSize',
)
"""The attributes that the advice is based on."""


class AdviceContext(Struct, frozen=True):
    """All settings. `longest_delay` is the longest delay before a retry, in seconds."""

    settings: EngineSettings
    policy: SettlementPolicy
    longest_delay: float
    queue: Attributes
    dead_letter_queue: Attributes


def polling_advice(settings: EngineSettings, read_timeout: float | None) -> Iterator[str]:
    """Yield the advice on receives. `read_timeout` is the one of the client, in seconds."""
    wait = settings.wait_time_seconds
    if not wait:
        yield (
            'is used with wait_time_seconds=0: a receive does not wait for a message, so that an '
            'empty queue costs many receives. Set wait_time_seconds=20.'
        )
    if read_timeout is not None and read_timeout <= wait:
        yield (
            f'is used by a client with a read timeout of {read_timeout:g} s, which is not longer '
            f'than wait_time_seconds={wait}: receives of an empty queue fail, and messages may be '
            f'hidden unprocessed. Set read_timeout={wait + 5} or more in the Config of the client, '
            'or lower wait_time_seconds.'
        )


def advice(setup: AdviceContext) -> Iterator[str]:
    """Yield one text for each problem: the problem, and what to change. It follows a queue URL."""
    yield from _dead_letter_advice(setup)
    yield from _fifo_advice(setup)
    yield from _timeout_advice(setup)


def _dead_letter_advice(setup: AdviceContext) -> Iterator[str]:
    policy, limit = setup.policy, _max_receive_count(setup.queue)
    if 'RedrivePolicy' not in setup.queue and not policy.has_dead_letter_queue:
        yield (
            'has no redrive policy, and the listener has no dead_letter_queue_url: a message that '
            'fails permanently is deleted and lost, and a message with an invalid body is '
            'delivered again until it expires. Configure one of the two.'
        )
    elif limit is not None and not policy.has_dead_letter_queue and policy.unhandled == 'fatal':
        yield (
            'has a redrive policy, which does not apply to a message that fails permanently: '
            'without a dead_letter_queue_url, the listener deletes it after a FATAL_ERROR or an '
            'undeclared exception, and it is lost. Set dead_letter_queue_url, for example to the '
            "queue of the redrive policy, or set unhandled='retry'."
        )
    if limit is not None and policy.max_receives is not None and policy.max_receives > limit:
        yield (
            f'has a redrive policy of {limit} receives, so that max_receives={policy.max_receives} '
            f'has no effect: lower it to {limit} or less, or raise maxReceiveCount.'
        )
    own, other = (
        _number(queue, 'MaximumMessageSize') for queue in (setup.queue, setup.dead_letter_queue)
    )
    if own and other and own > other:
        yield (
            f'accepts messages of {own:,} bytes, and its dead_letter_queue_url only of {other:,}: '
            'larger messages cannot be dead-lettered. Raise the MaximumMessageSize of the '
            f'dead-letter queue to {own:,}.'
        )


def _fifo_advice(setup: AdviceContext) -> Iterator[str]:
    if not setup.settings.is_fifo:
        return
    limit, batch = _max_receive_count(setup.queue), setup.settings.max_number_of_messages
    if 'RedrivePolicy' not in setup.queue and setup.policy.max_receives is None:
        yield (
            'has no redrive policy, and the listener has no max_receives: a message that asks for '
            'a retry each time blocks its message group until it expires. Configure one of the '
            'two.'
        )
    if limit is not None and limit <= batch and batch > 1:
        yield (
            f'has a redrive policy of {limit} receives. A message that is received with up to '
            f'{batch - 1} others of its message group is released once for each of them that '
            'stays, and may be redriven without an attempt. Raise maxReceiveCount above '
            f'{batch}, or lower max_number_of_messages.'
        )


def _timeout_advice(setup: AdviceContext) -> Iterator[str]:
    timeout, limit = setup.settings.visibility_timeout, setup.settings.max_processing_time
    own = _number(setup.queue, 'VisibilityTimeout')
    if own and timeout < own and (limit is None or limit < own):
        yield (
            f'has a visibility timeout of {own} s, and this listener uses {timeout} s: a message '
            f'that takes longer is delivered twice. Set visibility_timeout={own}, or set '
            'max_processing_time to the seconds that processing may take.'
        )
    if limit is not None and limit < timeout:
        yield (
            f'is used with visibility_timeout={timeout}, which is longer than max_processing_time='
            f'{limit:g}: the listener extends nothing, and after a crash SQS delivers messages '
            f'later than possible. Lower visibility_timeout to {max(1, int(limit))} or less.'
        )
    retention = _number(setup.queue, 'MessageRetentionPeriod')
    longest = max(timeout, limit or 0.0, setup.longest_delay)
    if retention and longest >= retention:
        yield (
            f'keeps messages for {retention} s, and this listener may hide them for {longest:g} s: '
            'they expire during that time, and are lost. Raise MessageRetentionPeriod, or lower '
            'visibility_timeout, max_processing_time or retry_delay.'
        )


def _max_receive_count(queue: Attributes) -> int | None:
    """Return the number of receives after which SQS redrives a message; None if it does not."""
    try:
        return int(json.loads(queue['RedrivePolicy'])['maxReceiveCount'])
    except (KeyError, TypeError, ValueError):
        return None


def _number(queue: Attributes, name: str) -> int | None:
    text = queue.get(name, '')
    return int(text) if text.isdecimal() else None
