"""The decisions that the documentation of SQS leaves open.

The documentation promises no order of a standard queue, at least one delivery, and little about
older receipt handles. A caller may pass its own decisions, for example random ones, to test code
against everything that SQS may do.
"""

from __future__ import annotations

from collections.abc import Collection

from mega.local.sqs.stored import StoredMessage

__all__ = ('Decisions',)


class Decisions:
    """The usual behaviour of SQS: in order, and without duplicates.

    An older receipt handle has no effect. A subclass overrides the methods.
    """

    def __init__(self) -> None:
        self._duplicates = 0

    def duplicate_next(self) -> None:
        """Deliver a message of a standard queue again: the next delete of one has no effect.

        Source: model, DeleteMessage: "it is possible to receive a message even after you delete
        it". The message becomes visible again when its visibility timeout ends.
        """
        self._duplicates += 1

    def start(self, count: int) -> int:
        """Return the position at which a receive begins, of `count` visible messages or groups."""
        return 0

    def shorten(self, count: int) -> int:
        """Return how many of `count` available messages a receive returns: at least one.

        Source: model, ReceiveMessage: "fewer messages might be returned". A receive from a FIFO
        queue asks for each message group.
        """
        return count

    def repeat(self, messages: Collection[StoredMessage]) -> StoredMessage | None:
        """Return a message in flight to deliver again with a receive from a standard queue, if any.

        `messages` are all messages in the queue.
        """
        return None

    def delivers_heads(self) -> bool:
        """Return whether the first messages of a group are delivered while later ones are hidden.

        A FIFO queue never delivers a message behind a hidden message of its group.
        """
        return False

    def ignores_delete(self, is_latest: bool, is_in_flight: bool) -> bool:
        """Return whether a delete from a standard queue succeeds without an effect.

        `is_latest` and `is_in_flight` describe the receipt handle. Source: model, DeleteMessage:
        with an old receipt handle, "the request will succeed, but the message might not be
        deleted".
        """
        if is_latest and is_in_flight and self._duplicates:
            self._duplicates -= 1
            return True
        return not is_latest

    def refuses_change(self) -> bool:
        """Return whether SQS refuses a visibility change with an older receipt handle."""
        return True
