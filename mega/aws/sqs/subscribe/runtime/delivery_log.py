"""What the engine tells of deliveries: counted, and logged where somebody should know."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.commands import Notice
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.stats import StatsCounter
from mega.aws.sqs.subscribe.safe_logging import log_of

__all__ = ('DeliveryLog',)

_log = log_of(__name__)

_COUNTS = {
    Notice.DUPLICATE: 'repeated',
    Notice.EXPIRED: 'expired',
    Notice.VISIBILITY_LOST: 'lost',
    Notice.RELEASED: 'released',
    Notice.RELEASED_IN_PROGRESS: 'abandoned',
    Notice.DEAD_LETTERED: 'dead_lettered',
    Notice.DELETED: 'deleted',
}

_WARNINGS = {
    Notice.DUPLICATE: 'was delivered again while it is in hand, and is not started twice: '
    'its visibility timeout is too short, or SQS delivered it twice',
    Notice.EXPIRED: 'was not started within its visibility timeout, and comes again: '
    'raise visibility_timeout, or lower max_number_of_messages',
    Notice.FINISHED_LATE: 'took longer than its visibility timeout, and may be processed twice: '
    'raise visibility_timeout, or give a max_processing_time',
    Notice.VISIBILITY_LOST: 'lost its visibility timeout while in progress: '
    'another consumer may process it too, so it is not deleted here',
    Notice.RELEASED_IN_PROGRESS: 'was in work when the grace period ended, and is given back',
    Notice.NOT_DEAD_LETTERED: 'failed for good, but could not be dead-lettered: it stays in the '
    'queue, and will be processed again',
    Notice.NOT_DELETED: 'is processed, but could not be deleted: it will be processed again',
    Notice.OVER_TIME_LIMIT: 'is in work for longer than max_processing_time: '
    'it is not kept hidden any more, and may be processed twice. '
    'No thread can be ended from outside; this is where it is:\n',
}


class DeliveryLog:
    """Counts and logs for one listener. `whereabouts` says where the work on a message is."""

    def __init__(self, tally: StatsCounter, whereabouts: Callable[[Delivery], str]) -> None:
        self._tally = tally
        self._whereabouts = whereabouts

    def tell(self, happening: Notice, delivery: Delivery) -> None:
        """Take note of what happened to a delivery."""
        if happening in _COUNTS:
            self._tally.add(_COUNTS[happening])
        if happening in _WARNINGS:
            where = self._whereabouts(delivery) if happening is Notice.OVER_TIME_LIMIT else ''
            _log.warning('message %s %s%s', delivery.id, _WARNINGS[happening], where)
