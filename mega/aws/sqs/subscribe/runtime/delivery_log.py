"""Counts and logs the notices of the engine."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.commands import Notice
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.logging import about, get_logger

__all__ = ('DeliveryLog',)

_log = get_logger(__name__)

_STATS_FIELDS = {
    Notice.DUPLICATE: 'duplicates',
    Notice.EXPIRED: 'expired',
    Notice.VISIBILITY_LOST: 'visibility_lost',
    Notice.RELEASED: 'released',
    Notice.RELEASED_IN_PROGRESS: 'released_in_progress',
    Notice.DEAD_LETTERED: 'dead_lettered',
    Notice.DELETED: 'deleted',
}

_WARNINGS = {
    Notice.DUPLICATE: 'was delivered again while in flight, and is not started twice: '
    'its visibility timeout is too short, or SQS delivered it twice',
    Notice.EXPIRED: 'was not started within its visibility timeout, and SQS delivers it again: '
    'raise visibility_timeout, or lower max_number_of_messages',
    Notice.FINISHED_LATE: 'took longer than its visibility timeout, and may be processed twice: '
    'raise visibility_timeout, or set max_processing_time',
    Notice.VISIBILITY_LOST: 'lost its visibility timeout during processing: '
    'another consumer may process it too, so this listener does not delete it',
    Notice.RELEASED_IN_PROGRESS: 'was in processing when the grace period ended, and is released',
    Notice.NOT_DEAD_LETTERED: 'failed permanently, but could not be dead-lettered: it stays in '
    'the queue, and will be processed again',
    Notice.NOT_DELETED: 'is processed, but could not be deleted: it will be processed again',
    Notice.OVER_TIME_LIMIT: 'is in processing for longer than max_processing_time: '
    'its visibility timeout is not extended any more, and it may be processed twice. '
    'Python cannot end a thread from outside. Its stack:',
}


class DeliveryLog:
    """Counts and logs for one session with a queue.

    `stack_of` returns the stack that processes a message.
    """

    def __init__(
        self, queue_name: str, counter: StatsCounter, stack_of: Callable[[Delivery], str]
    ) -> None:
        self._queue_name = queue_name
        self._counter = counter
        self._stack_of = stack_of

    def record(self, notice: Notice, delivery: Delivery) -> None:
        """Record a notice of the engine."""
        if notice in _STATS_FIELDS:
            self._counter.add(_STATS_FIELDS[notice])
        if notice in _WARNINGS:
            is_late = notice is Notice.OVER_TIME_LIMIT
            stack = f'\n{self._stack_of(delivery)}' if is_late else ''
            fields = about(
                queue=self._queue_name, message_id=delivery.id, notice=notice.name.lower()
            )
            text = f'message %s {_WARNINGS[notice]}%s'
            _log.warning(text, delivery.id, stack, code=notice.code, extra=fields)
