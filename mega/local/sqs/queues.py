"""A queue: its visible messages, its messages in flight, and their visibility timeouts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from mega.local.deduplication import Deduplication
from mega.local.errors import AwsError, invalid_value
from mega.local.messages import Message
from mega.local.sqs.fifo import FifoOrder, ReceiveOrder, StandardOrder, StoredMessage

__all__ = ('Delivery', 'Queue', 'Redrive')

MAX_IN_FLIGHT = 43_200.0
"""The maximum time in flight, in seconds from the receive (model, ChangeMessageVisibility)."""

_HANDLE = re.compile(r'AQEB(\d+)-(\d+)-([0-9a-f]{16})')
_DEFAULTS = {
    'DelaySeconds': '0',
    'MaximumMessageSize': '1048576',
    'MessageRetentionPeriod': '345600',
    'ReceiveMessageWaitTimeSeconds': '0',
    'VisibilityTimeout': '30',
}


class Delivery(NamedTuple):
    """One receive of a message. `first_received` is in seconds since the epoch."""

    message: Message
    receipt_handle: str
    receives: int
    first_received: float
    extra: Mapping[str, str]


class Redrive(NamedTuple):
    """The dead-letter queue, and the number of receives after which a message moves there."""

    target: Queue
    max_receives: int


class Queue:
    """A queue. Callers pass the time, in seconds since the epoch. It never goes back.

    The queue calls `on_change` when more messages may be visible.
    """

    def __init__(
        self,
        arn: str,
        attributes: Mapping[str, str],
        redrive: Redrive | None = None,
        on_change: Callable[[Queue], None] = lambda queue: None,
    ) -> None:
        self.arn = arn
        self.name = arn.rpartition(':')[2]
        self.given = dict(attributes)
        self.attributes = {**_DEFAULTS, **attributes}
        self.is_fifo = self.name.endswith('.fifo')
        self.is_content_based = self.attributes.get('ContentBasedDeduplication') == 'true'
        self.max_size = int(self.attributes['MaximumMessageSize'])
        self.delay = int(self.attributes['DelaySeconds'])
        self.wait_time = int(self.attributes['ReceiveMessageWaitTimeSeconds'])
        self.visibility_timeout = int(self.attributes['VisibilityTimeout'])
        self.deduplication = Deduplication(self.attributes)
        self._redrive = redrive
        self._on_change = on_change
        self._token = secrets.token_hex(8)
        self._numbers = count(1)
        self._messages: dict[int, StoredMessage] = {}
        self._hidden: list[
            tuple[float, int]
        ] = []  # a heap; entries that differ from `StoredMessage` are stale
        self._visible: ReceiveOrder = FifoOrder() if self.is_fifo else StandardOrder()

    def put(
        self, message: Message, now: float, delay: float = 0, extra: Mapping[str, str] | None = None
    ) -> None:
        stored = StoredMessage(message, next(self._numbers), extra or {})
        self._messages[stored.number] = stored
        if delay:
            self._hide(stored, now + delay)
        else:
            self._visible.put(stored)
        self._on_change(self)

    def receive(self, limit: int, visibility_timeout: float, now: float) -> list[Delivery]:
        """Receive visible messages, and hide them for the visibility timeout in seconds."""
        self._update_visible(now)
        deliveries: list[Delivery] = []
        while taken := self._visible.take(limit - len(deliveries)):
            for stored in taken:
                if stored.number not in self._messages:
                    continue  # deleted while it waited
                if self._redrive and stored.receives >= self._redrive.max_receives:
                    self._move(stored, self._redrive.target, now)
                else:
                    deliveries.append(self._deliver(stored, visibility_timeout, now))
        return deliveries

    def delete(self, receipt_handle: str, now: float) -> None:
        """Delete a message. To delete it again does nothing.

        On a standard queue, an outdated handle does nothing: AWS says only that the message might
        not be deleted. On a FIFO queue, an outdated or expired handle is an error.
        """
        self._update_visible(now)
        stored, is_latest = self._find(receipt_handle)
        if stored is None:
            return
        if self.is_fifo and not (is_latest and stored.held_until is not None):
            raise _bad_handle('The receipt handle has expired')
        if is_latest:
            self._remove(stored)

    def change_visibility(self, receipt_handle: str, seconds: float, now: float) -> None:
        """Hide a message in flight for a number of seconds from now; 0 makes it visible."""
        self._update_visible(now)
        stored, is_latest = self._find(receipt_handle)
        if stored is None or not is_latest:
            raise _bad_handle(
                'Message does not exist or is not available for visibility timeout change.'
            )
        if stored.held_until is None:
            raise AwsError('MessageNotInflight', 'The specified message is not in flight.')
        if now + seconds > stored.held_until:
            problem = (
                f'Total VisibilityTimeout for the message is beyond the limit [{MAX_IN_FLIGHT}]'
            )
            raise invalid_value(f'Value {seconds} is invalid. Reason: {problem}')
        self._hide(stored, now + seconds)
        self._update_visible(now)
        self._on_change(self)

    def next_change(self) -> float | None:
        """Return the time at which the next hidden message becomes visible; None without any."""
        while self._hidden:
            at, number = self._hidden[0]
            if self._is_stale(at, number):
                heappop(self._hidden)
            else:
                return at
        return None

    def counts(self, now: float) -> dict[str, str]:
        """Return the numbers of messages as queue attributes. They are exact."""
        self._update_visible(now)
        in_flight = sum(each.held_until is not None for each in self._messages.values())
        hidden = sum(each.hidden_until is not None for each in self._messages.values())
        return {
            'ApproximateNumberOfMessages': str(len(self._messages) - hidden),
            'ApproximateNumberOfMessagesNotVisible': str(in_flight),
            'ApproximateNumberOfMessagesDelayed': str(hidden - in_flight),
        }

    def _deliver(self, stored: StoredMessage, visibility_timeout: float, now: float) -> Delivery:
        stored.receives += 1
        stored.first_received = stored.first_received or now
        stored.held_until = now + MAX_IN_FLIGHT
        self._hide(stored, now + visibility_timeout)
        handle = f'AQEB{stored.number}-{stored.receives}-{self._token}'
        return Delivery(
            stored.message, handle, stored.receives, stored.first_received, stored.extra
        )

    def _find(self, receipt_handle: str) -> tuple[StoredMessage | None, bool]:
        """Return the message, if it still exists, and whether the handle is of its last receive."""
        handle = _HANDLE.fullmatch(receipt_handle)
        if not handle or handle[3] != self._token:
            problem = 'The input receipt handle is not a valid receipt handle.'
            raise AwsError('ReceiptHandleIsInvalid', problem)
        stored = self._messages.get(int(handle[1]))
        return stored, stored is not None and stored.receives == int(handle[2])

    def _hide(self, stored: StoredMessage, until: float) -> None:
        stored.hidden_until = until
        heappush(self._hidden, (until, stored.number))

    def _update_visible(self, now: float) -> None:
        """Make messages visible whose visibility timeout has ended."""
        while self._hidden and self._hidden[0][0] <= now:
            at, number = heappop(self._hidden)
            if not self._is_stale(at, number):
                stored = self._messages[number]
                was_in_flight = stored.held_until is not None
                stored.hidden_until = stored.held_until = None
                self._visible.put(stored)
                if was_in_flight:
                    self._visible.end_flight(stored)

    def _is_stale(self, at: float, number: int) -> bool:
        """Return whether an entry of the heap is stale: the message is deleted or hidden anew."""
        stored = self._messages.get(number)
        return stored is None or stored.hidden_until != at

    def _remove(self, stored: StoredMessage) -> None:
        del self._messages[stored.number]
        if stored.held_until is not None:
            self._visible.end_flight(stored)
            self._on_change(self)

    def _move(self, stored: StoredMessage, target: Queue, now: float) -> None:
        del self._messages[stored.number]
        self._visible.end_flight(stored)
        target.put(stored.message, now, extra={'DeadLetterQueueSourceArn': self.arn})


def _bad_handle(reason: str) -> AwsError:
    return invalid_value(f'Value for parameter ReceiptHandle is invalid. Reason: {reason}')
