"""What the engine tells of deliveries: counted, and logged where somebody should know."""

from __future__ import annotations

from collections.abc import Callable

from mega.aws.sqs.subscribe.engine.commands import Happening
from mega.aws.sqs.subscribe.engine.delivery import Delivery
from mega.aws.sqs.subscribe.runtime.stats import Tally
from mega.aws.sqs.subscribe.safe_logging import log_of

__all__ = ('Journal',)

_log = log_of(__name__)

_COUNTS = {
    Happening.REPEATED: 'repeated',
    Happening.EXPIRED: 'expired',
    Happening.LOST: 'lost',
    Happening.RELEASED: 'released',
    Happening.ABANDONED: 'abandoned',
    Happening.DEAD_LETTERED: 'dead_lettered',
    Happening.DELETED: 'deleted',
}

_WARNINGS = {
    Happening.REPEATED: 'was delivered again while it is in hand, and is not started twice: '
    'its visibility timeout is too short, or SQS delivered it twice',
    Happening.EXPIRED: 'was not started within its visibility timeout, and comes again: '
    'raise visibility_timeout, or lower max_number_of_messages',
    Happening.OUTLIVED: 'took longer than its visibility timeout, and may be processed twice: '
    'raise visibility_timeout, or give a max_processing_time',
    Happening.LOST: 'is in work and no longer hidden from others: it may be processed twice, and '
    'is not deleted here',
    Happening.ABANDONED: 'was in work when the grace period ended, and is given back',
    Happening.NOT_DEAD_LETTERED: 'failed for good, but could not be dead-lettered: it stays in the '
    'queue, and will be processed again',
    Happening.NOT_DELETED: 'is processed, but could not be deleted: it will be processed again',
    Happening.OVERDUE: 'is in work for longer than max_processing_time: it is not kept hidden any '
    'more, and may be processed twice. No thread can be ended from outside; this is where it is:\n',
}


class Journal:
    """Counts and logs for one listener. `whereabouts` says where the work on a message is."""

    def __init__(self, tally: Tally, whereabouts: Callable[[Delivery], str]) -> None:
        self._tally = tally
        self._whereabouts = whereabouts

    def tell(self, happening: Happening, delivery: Delivery) -> None:
        """Take note of what happened to a delivery."""
        if happening in _COUNTS:
            self._tally.add(_COUNTS[happening])
        if happening in _WARNINGS:
            where = self._whereabouts(delivery) if happening is Happening.OVERDUE else ''
            _log.warning('message %s %s%s', delivery.id, _WARNINGS[happening], where)
