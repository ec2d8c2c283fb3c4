"""Notices of changes in queues, for front ends and simulations."""

from __future__ import annotations

from enum import Enum

from mega.local.sqs.stored import Receipt, StoredMessage

__all__ = ('Observer', 'Removal')


class Removal(Enum):
    """The reason for which a message left a queue."""

    DELETED = 'deleted'
    MOVED = 'moved'  # to the dead-letter queue, or by a message move task
    EXPIRED = 'expired'  # the retention period ended
    PURGED = 'purged'  # by PurgeQueue or DeleteQueue


class Observer:
    """Ignores every notice. A subclass overrides methods. They must not call the account."""

    def changed(self, queue_name: str) -> None:
        """More messages of a queue may be visible than before."""

    def received(self, receipt: Receipt) -> None:
        """A receive returned a message, and hid it. A repeated attempt causes no notice."""

    def visibility_ended(self, receipt: Receipt) -> None:
        """The visibility timeout of a receipt ended. The message may be hidden by another one."""

    def removed(self, stored: StoredMessage, reason: Removal) -> None:
        """A message left its queue."""
