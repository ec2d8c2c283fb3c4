"""A queue: its visible messages, its messages in flight, and their visibility timeouts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from mega.local.deduplication import Deduplication, Recent
from mega.local.errors import AwsError, invalid_value
from mega.local.messages import Message
from mega.local.sqs.attributes import COUNTS
from mega.local.sqs.decisions import Decisions
from mega.local.sqs.observer import Observer, Removal
from mega.local.sqs.order import FifoOrder, ReceiveOrder, StandardOrder
from mega.local.sqs.stored import Receipt, StoredMessage

__all__ = ('Queue', 'Redrive')

MAX_SECONDS_IN_FLIGHT = 43_200.0
"""The maximum time in flight, in seconds from the receive (model, ChangeMessageVisibility)."""

MAX_IN_FLIGHT = 120_000
"""The maximum number of messages in flight (model, ChangeMessageVisibility)."""

_HANDLE = re.compile(r'AQEB(\d{1,20})-\d{1,20}-([0-9a-f]{16})')


class Redrive(NamedTuple):
    """The dead-letter queue, and the number of receives after which a message moves there."""

    target: Queue
    max_receives: int


class Queue:
    """A queue. Callers pass the time, in seconds since the epoch. It never goes back."""

    def __init__(
        self,
        arn: str,
        attributes: Mapping[str, str],
        created_at: float = 0.0,
        decisions: Decisions | None = None,
        observer: Observer | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self.arn = arn
        self.name = arn.rpartition(':')[2]
        self.is_fifo = self.name.endswith('.fifo')
        self.created_at = created_at
        self.tags: dict[str, str] = {}
        self.is_deleted = False
        self.purged_at: float | None = None
        self.deduplication = Deduplication(attributes)
        self._max_in_flight = max_in_flight
        self._decisions = decisions or Decisions()
        self._observer = observer or Observer()
        self._token = secrets.token_hex(8)
        self._numbers = count(1)
        self._messages: dict[int, StoredMessage] = {}
        self._receipts: dict[str, Receipt] = {}
        self._in_flight = 0
        self._delayed = 0
        self._oldest = float('inf')  # no message was sent earlier
        # A heap of the times at which messages may become visible, each with a unique number.
        self._hidden: list[tuple[float, int, StoredMessage, Receipt | None]] = []
        self._hides = count()
        self._attempts: Recent[str, list[Receipt]] = Recent()
        order = FifoOrder if self.is_fifo else StandardOrder
        self._visible: ReceiveOrder = order(self._decisions)
        self.configure(attributes, None, created_at)

    def configure(self, attributes: Mapping[str, str], redrive: Redrive | None, now: float) -> None:
        """Apply valid attributes, and the redrive policy among them."""
        self.attributes = dict(attributes)
        self.redrive = redrive
        self.modified_at = now
        self.is_content_based = attributes.get('ContentBasedDeduplication') == 'true'
        self.max_size = int(attributes['MaximumMessageSize'])
        self.delay = int(attributes['DelaySeconds'])
        self.wait_time = int(attributes['ReceiveMessageWaitTimeSeconds'])
        self.visibility_timeout = int(attributes['VisibilityTimeout'])
        self.retention = int(attributes['MessageRetentionPeriod'])
        self.deduplication.configure(attributes)
        if self.is_fifo:
            self._change_delays()

    def _change_delays(self) -> None:
        """Apply the delay of a FIFO queue to the messages that are already delayed.

        Source: guide, delay queues: the setting is retroactive for FIFO queues, and not for
        standard queues. Messages therefore become visible in the order of sending.
        """
        for stored in self._messages.values():
            until = stored.sent_at + self.delay
            if not stored.is_in_flight and stored.hidden_until not in (None, until):
                stored.hidden_until = until
                self._watch(until, stored, None)
        self._observer.changed(self.name)

    @property
    def messages(self) -> Collection[StoredMessage]:
        """All messages, also the hidden ones, in the order of sending."""
        return self._messages.values()

    # Sending

    def put(self, message: Message, now: float, delay: float = 0) -> None:
        """Add a message that was sent now. `delay` hides it for a number of seconds."""
        self._add(StoredMessage(message, next(self._numbers), now), delay)

    def put_dead_letter(self, stored: StoredMessage, source: Queue, now: float) -> None:
        """Add a message from the queue whose dead-letter queue this is.

        A standard queue keeps the time of sending, so that the retention period continues. A FIFO
        queue does not, and replaces the deduplication id with the id of the message. Source: guide,
        Setting-up dead-letter queue retention; Learn how to configure a dead-letter queue redrive.
        """
        message = stored.message
        if self.is_fifo:
            message = message.with_deduplication_id(message.id)
        letter = StoredMessage(
            message,
            next(self._numbers),
            now if self.is_fifo else stored.sent_at,
            source.arn,
            stored.earlier_receives + stored.receives,
        )
        self._add(letter, 0)

    def put_back(self, stored: StoredMessage) -> None:
        """Add a message again that `take_visible` returned."""
        stored.is_removed = False
        self._add(stored, 0)

    def _add(self, stored: StoredMessage, delay: float) -> None:
        self._messages[stored.number] = stored
        if stored.sent_at < self._oldest:
            self._oldest = stored.sent_at
        if delay:
            self._delayed += 1
            stored.hidden_until = stored.sent_at + delay
            self._watch(stored.hidden_until, stored, None)
        else:
            self._visible.put(stored)
        self._observer.changed(self.name)

    # Receiving

    def receive(
        self,
        limit: int,
        visibility_timeout: float,
        now: float,
        attempt_id: str | None = None,
        is_short_poll: bool = False,
    ) -> list[Receipt]:
        """Receive visible messages, and hide them for the visibility timeout in seconds.

        Raises:
            AwsError: OverLimit, for a short poll of a standard queue with too many messages in
                flight. Other receives return no message (model, ChangeMessageVisibility; guide,
                Standard queue quotas).
        """
        self.update(now)
        if attempt_id is not None and (known := self._repeated(attempt_id, now)):
            for receipt in known:
                self._hide(receipt, now + visibility_timeout)
            return known
        room = self._max_in_flight - self._in_flight
        if room <= 0:
            if is_short_poll and not self.is_fifo:
                raise AwsError('OverLimit', 'Too many messages in flight: delete some of them.')
            return []
        limit = min(limit, room)
        receipts: list[Receipt] = []
        has_moved = True
        while has_moved and (taken := self._take(limit - len(receipts))):
            delivered = self._deliver(taken, visibility_timeout, now)
            has_moved = len(delivered) < len(taken)  # dead letters make room for other messages
            receipts += delivered
        if not self.is_fifo and len(receipts) < limit:
            again = self._decisions.repeat(self._messages.values())
            if again and again.is_in_flight and all(each.stored is not again for each in receipts):
                receipts += self._deliver([again], visibility_timeout, now)
        if attempt_id is not None and receipts:
            self._attempts.add(attempt_id, receipts, now)
        return receipts

    def _take(self, limit: int) -> list[StoredMessage]:
        taken = self._visible.take(limit)
        for stored in taken:
            stored.is_in_flight = True
        self._in_flight += len(taken)
        return taken

    def _repeated(self, attempt_id: str, now: float) -> list[Receipt]:
        """Return the receipts of an earlier receive with the same ReceiveRequestAttemptId.

        Source: model, ReceiveMessage: for five minutes, unless a message was deleted, or its
        visibility changed, or ended.
        """
        receipts = self._attempts.get(attempt_id, now) or []
        if any(each.is_changed or not self.is_in_flight(each, now) for each in receipts):
            self._attempts.forget(attempt_id)
            return []
        return receipts

    def is_in_flight(self, receipt: Receipt, now: float) -> bool:
        """Return whether a receipt handle is valid for a message in flight."""
        is_valid = receipt.ends > now and not receipt.stored.is_removed
        return is_valid and (receipt.is_latest or not self.is_fifo)

    def _deliver(
        self, taken: list[StoredMessage], visibility_timeout: float, now: float
    ) -> list[Receipt]:
        redrive = self.redrive
        if redrive is None or redrive.target.is_deleted:
            return [self._deliver_one(stored, visibility_timeout, now) for stored in taken]
        receipts: list[Receipt] = []
        for stored in taken:
            if stored.receives < redrive.max_receives:
                receipts.append(self._deliver_one(stored, visibility_timeout, now))
            else:
                self._remove(stored, Removal.MOVED)
                redrive.target.put_dead_letter(stored, self, now)
        return receipts

    def _deliver_one(self, stored: StoredMessage, seconds: float, now: float) -> Receipt:
        stored.receives += 1
        stored.first_received = stored.first_received or now
        handle = f'AQEB{stored.number}-{stored.receives}-{self._token}'
        receipt = Receipt(stored, stored.receives, handle, now, now)
        valid = [each for each in stored.receipts if each.ends > now]
        self._set_receipts(stored, (*valid, receipt))
        self._hide(receipt, now + seconds)
        self._observer.received(receipt)
        return receipt

    def _set_receipts(self, stored: StoredMessage, receipts: tuple[Receipt, ...]) -> None:
        """Replace the receipts of a message. The handles of others become unknown."""
        for receipt in stored.receipts:
            del self._receipts[receipt.handle]
        for receipt in receipts:
            self._receipts[receipt.handle] = receipt
        stored.receipts = receipts

    # Settling

    def delete(self, receipt_handle: str, now: float) -> None:
        """Delete a message. To delete it again does nothing.

        On a FIFO queue, an older or expired handle is an error. On a standard queue, such a handle
        succeeds, and `Decisions` decides about its effect.
        """
        self.update(now)
        stored, receipt = self._find(receipt_handle)
        if stored is None:
            return
        is_in_flight = receipt is not None and receipt.ends > now
        is_latest = receipt is not None and receipt.number == stored.receives
        if self.is_fifo:
            if not (is_latest and is_in_flight):
                raise _bad_handle(receipt_handle, 'The receipt handle has expired.')
        elif self._decisions.ignores_delete(is_latest, is_in_flight):
            return
        self._remove(stored, Removal.DELETED)
        if self.is_fifo:
            self._observer.changed(self.name)  # the other messages of the group waited

    def change_visibility(self, receipt_handle: str, seconds: float, now: float) -> None:
        """Hide a message in flight for a number of seconds from now; 0 makes it visible."""
        self.update(now)
        stored, receipt = self._find(receipt_handle)
        is_refused = receipt is None or not (
            receipt.is_latest or (not self.is_fifo and not self._decisions.refuses_change())
        )
        if stored is None or receipt is None or is_refused:
            raise _bad_handle(
                receipt_handle,
                'Message does not exist or is not available for visibility timeout change.',
            )
        if receipt.ends <= now:
            raise AwsError('MessageNotInflight', 'The specified message is not in flight.')
        if now + seconds > receipt.since + MAX_SECONDS_IN_FLIGHT:
            raise invalid_value(
                f'Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total '
                'VisibilityTimeout for the message is beyond the limit [43200 seconds].'
            )
        receipt.is_changed = True
        self._hide(receipt, now + seconds)
        self.update(now)
        self._observer.changed(self.name)

    def _find(self, receipt_handle: str) -> tuple[StoredMessage | None, Receipt | None]:
        """Return the message of a handle, if it still exists, and the receipt, if it is known."""
        if receipt := self._receipts.get(receipt_handle):
            return receipt.stored, receipt
        handle = _HANDLE.fullmatch(receipt_handle)
        if not handle or handle[2] != self._token:
            raise AwsError(
                'ReceiptHandleIsInvalid', 'The input receipt handle is not a valid receipt handle.'
            )
        return self._messages.get(int(handle[1])), None

    def purge(self, now: float) -> None:
        """Remove all messages."""
        self.update(now)
        for stored in list(self._messages.values()):
            self._remove(stored, Removal.PURGED)

    def take_visible(self, now: float) -> StoredMessage | None:
        """Remove and return the next visible message, for a message move task."""
        self.update(now)
        for stored in self._take(1):
            self._remove(stored, Removal.MOVED)
            return stored
        return None

    # Time

    def next_change(self) -> float | None:
        """Return the time at which the next hidden message becomes visible; None without any."""
        while self._hidden:
            at, _, stored, receipt = self._hidden[0]
            if stored.is_removed or at != (receipt.ends if receipt else stored.hidden_until):
                heappop(self._hidden)
            else:
                return at
        return None

    def update(self, now: float) -> None:
        """Make messages visible whose visibility timeout or delay has ended, and expire others."""
        while self._hidden and self._hidden[0][0] <= now:
            at, _, stored, receipt = heappop(self._hidden)
            if stored.is_removed:
                continue
            if receipt and receipt.ends == at:
                self._observer.visibility_ended(receipt)
            if stored.hidden_until == at:
                self._show(stored)
        if self._oldest + self.retention <= now:
            self._expire(now)

    def _show(self, stored: StoredMessage) -> None:
        self._end_hiding(stored)
        self._visible.put(stored)

    def _end_hiding(self, stored: StoredMessage) -> None:
        if stored.is_in_flight:
            self._in_flight -= 1
            self._visible.end_flight(stored)
            stored.is_in_flight = False
        elif stored.hidden_until is not None:
            self._delayed -= 1
        stored.hidden_until = None

    def _expire(self, now: float) -> None:
        """Remove the messages whose retention period has ended (model, MessageRetentionPeriod)."""
        for stored in list(self._messages.values()):
            if stored.sent_at + self.retention <= now:
                self._remove(stored, Removal.EXPIRED)
        sent = (stored.sent_at for stored in self._messages.values())
        self._oldest = min(sent, default=float('inf'))

    def counts(self, now: float) -> dict[str, str]:
        """Return the numbers of messages as queue attributes. They are exact."""
        self.update(now)
        visible = len(self._messages) - self._in_flight - self._delayed
        return dict(zip(COUNTS, map(str, (visible, self._in_flight, self._delayed)), strict=True))

    def _hide(self, receipt: Receipt, until: float) -> None:
        receipt.ends = until
        stored = receipt.stored
        receipts = stored.receipts
        stored.hidden_until = until if len(receipts) == 1 else max(each.ends for each in receipts)
        self._watch(until, stored, receipt)

    def _watch(self, until: float, stored: StoredMessage, receipt: Receipt | None) -> None:
        heappush(self._hidden, (until, next(self._hides), stored, receipt))

    def _remove(self, stored: StoredMessage, reason: Removal) -> None:
        del self._messages[stored.number]
        stored.is_removed = True
        self._set_receipts(stored, ())
        self._end_hiding(stored)
        self._observer.removed(stored, reason)


def _bad_handle(receipt_handle: str, reason: str) -> AwsError:
    value = f'Value {receipt_handle[:200]} for parameter ReceiptHandle is invalid.'
    return invalid_value(f'{value} Reason: {reason}')
