"""The deliveries of a receiver, from their receive until their settlement.

The parts of the engine decide, as in a listener. The difference is who waits: each method makes its
calls to SQS before it returns, and repeats those that failed. With the messages a1, a2 and b1,
where the letter is the message group:

    take()             receives all of them, and returns a1 and b1; a2 waits
    delete(a1)         deletes a1; the next `take` returns a2, without a receive
    leave(b1, 60)      hides b1 for a minute, and makes what waits behind it visible first
    release()          makes everything visible that is not settled: a2
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from mega.aws._messages.destinations import queue_name
from mega.aws._transport.call_errors import is_about_receipt_handle, with_advice
from mega.aws._transport.time_limits import TimeLimit, within
from mega.aws.sqs.subscribe.engine.batches import DeleteBatcher, VisibilityBatcher
from mega.aws.sqs.subscribe.engine.call_limits import CallLimits
from mega.aws.sqs.subscribe.engine.commands import (
    FAILED,
    OK,
    RETRY,
    CallResult,
    ChangeVisibility,
    EngineSettings,
    Entry,
    Notice,
)
from mega.aws.sqs.subscribe.engine.delivery import (
    ACKING,
    DEAD_LETTERING,
    ENDED,
    LEAVING,
    NEVER,
    WAITING,
    WORKING,
    Delivery,
    Phase,
)
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues
from mega.aws.sqs.subscribe.engine.receiving import ReceiveScheduler
from mega.aws.sqs.subscribe.engine.retries import RetrySchedule
from mega.aws.sqs.subscribe.engine.stopping import StopDeadlines
from mega.aws.sqs.subscribe.reason import Reason
from mega.aws.sqs.subscribe.runtime.dead_letter_sender import DeadLetterSender
from mega.aws.sqs.subscribe.runtime.queue_client import QueueClient
from mega.errors import ConfigurationError, SettlementError, TransportError
from mega.logging import about, get_logger

__all__ = ('Deliveries',)

_log = get_logger(__name__)

MAX_RECEIVE_CALLS = 3
"""Calls of one `take` to ReceiveMessage, at most. The waits between them are 6 seconds at most."""

MAX_VISIBILITY_CALLS = 2
"""Calls that make a message visible, at most. If both fail, the message becomes visible when
its visibility timeout ends."""

_WARNINGS = {
    Notice.DUPLICATE: 'was delivered again while in flight, and is not returned twice',
    Notice.EXPIRED: 'is not settled, and SQS delivers it again after its visibility timeout: '
    'raise visibility_timeout, or lower max_number_of_messages',
    Notice.RELEASED_IN_PROGRESS: 'was not settled, and is released',
}


class Deliveries:
    """The deliveries of one queue. One thread at a time may use them."""

    def __init__(
        self,
        queue: QueueClient,
        settings: EngineSettings,
        dead_letter_queue: DeadLetterSender | None,
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._dead_letter_queue = dead_letter_queue
        self._clock = queue.aws.clock
        self._groups = GroupQueues(settings.is_fifo)
        self._receives = ReceiveScheduler(settings, random.uniform)
        self._limits = CallLimits(StopDeadlines(settings.grace_period))
        self._deletes = DeleteBatcher(0.0, self._limits)
        self._visibility = VisibilityBatcher(self._groups, self._limits)
        self._in_flight = InFlight(self._groups, self._visibility, settings, self._notify)
        self._retries = RetrySchedule(random.uniform)

    def take(self) -> list[Delivery]:
        """Return deliveries that may be processed now. Without any, receive messages.

        Raises:
            TransportError: if the receive fails, with the remedy.
        """
        self._expire()
        self._change_visibility()
        taken = self._begin()
        if not taken:
            self._receive()
            taken = self._begin()
        return taken

    def keep_hidden(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries that stay hidden for at least half of the visibility timeout.

        The visibility timeout begins anew for messages that have waited for longer. A message is
        left out if its timeout is over, or if it cannot begin anew.
        """
        self._expire()
        timeout, now = self._settings.visibility_timeout, self._now()
        for delivery in deliveries:
            if delivery.phase is WORKING and delivery.hidden_until - now < timeout / 2:
                longest = max(1, int(delivery.visible_at_latest - now))
                self._visibility.add_extension(delivery, min(timeout, longest))
        self._change_visibility()
        return [delivery for delivery in deliveries if delivery.phase is WORKING]

    def delete(self, delivery: Delivery) -> None:
        """Delete a message.

        Raises:
            SettlementError: if it is not in flight, or if SQS does not delete it.
            TransportError: if the call fails, with the remedy. The message may be deleted.
        """
        with self._settling(delivery, ACKING):
            self._delete(delivery)

    def leave(self, delivery: Delivery, delay: int | None) -> None:
        """Leave a message in the queue, so that it becomes visible after `delay` seconds.

        None: when its visibility timeout ends. That is also the result if the calls fail.

        Raises:
            SettlementError: if it is not in flight.
        """
        self._check_in_flight(delivery)
        delivery.has_failed_call = False  # a refused call to delete it does not matter any more
        self._in_flight.return_to_queue(delivery, delay, self._now())
        self._change_visibility()

    def dead_letter(self, delivery: Delivery, reason: Reason) -> None:
        """Send a message to the dead-letter queue, and then delete it.

        Raises:
            SettlementError, TransportError: as `delete`. Also a SettlementError if the dead-letter
                queue did not accept the message.
            ConfigurationError: if there is no dead-letter queue. The message is not settled.
        """
        if (queue := self._dead_letter_queue) is None:
            raise ConfigurationError(
                'dead_letter() requires dead_letter_queue_url= of the receiver'
            )
        send = partial(self._send_dead_letter, queue, delivery, reason)
        with self._settling(delivery, DEAD_LETTERING):
            if self._repeat(delivery, send) is not OK:
                problem = 'the dead-letter queue did not accept it, and the log has the error'
                raise SettlementError(delivery.id, problem)
            self._delete(delivery)

    def release(self) -> None:
        """Make all messages visible that are in flight, and end their deliveries."""
        self._expire()
        self._in_flight.release_waiting()
        self._in_flight.release_working()
        self._change_visibility()

    def _now(self) -> float:
        return self._clock.monotonic()

    def _begin(self) -> list[Delivery]:
        begun: list[Delivery] = []
        ready = self._groups.ready
        while ready and len(begun) < self._settings.max_number_of_messages:
            delivery = ready.popleft()
            if delivery.phase is WAITING:
                delivery.phase, delivery.begun_at = WORKING, self._now()
                begun.append(delivery)
        return begun

    def _expire(self) -> None:
        """End the deliveries whose visibility timeout is over."""
        now = self._now()
        for delivery in list(self._in_flight.deliveries.values()):
            if now >= delivery.hidden_until:
                delivery.is_overdue = True
                self._in_flight.expire(delivery)

    def _receive(self) -> None:
        for call in range(1, MAX_RECEIVE_CALLS + 1):
            while (receive := self._receives.next(0, self._now())) is None:
                self._clock.sleep(max(0.0, self._receives.not_before - self._now()))
            try:
                deliveries = self._queue.receive(receive)
            except TransportError as error:
                self._receives.failed(receive, self._now(), is_lost=error.retriable)
                if not error.retriable or call == MAX_RECEIVE_CALLS:
                    raise with_advice(error, self._queue.url) from error.__cause__
            except BaseException:
                self._receives.interrupted(receive)
                raise
            else:
                now = self._now()
                hidden_at = self._receives.hidden_at(receive, now)
                new = self._in_flight.add_received(receive, deliveries, hidden_at)
                self._receives.succeeded(receive, len(new), len(new), now)
                if new or not deliveries:  # otherwise SQS returned only duplicates
                    return

    def _check_in_flight(self, delivery: Delivery) -> None:
        if delivery.phase is WORKING and self._now() >= delivery.hidden_until:
            self._expire()
        if delivery.is_lost:
            problem = 'its visibility timeout is over, or the receiver was closed'
            raise SettlementError(delivery.id, f'another consumer may have it: {problem}')
        if delivery.phase is not WORKING:
            failed = 'an earlier call to settle it failed'
            problem = failed if delivery.has_failed_call else 'it is already settled'
            raise SettlementError(delivery.id, problem)

    @contextmanager
    def _settling(self, delivery: Delivery, phase: Phase) -> Iterator[None]:
        """Settle a message in a block.

        If the block is interrupted, or SQS refuses a call, the message is not settled: the script
        may settle it again, and `release` releases it.
        """
        self._check_in_flight(delivery)
        delivery.phase = phase
        try:
            yield
        finally:
            if delivery.phase is not ENDED:
                delivery.phase = WORKING

    def _delete(self, delivery: Delivery) -> None:
        if self._repeat(delivery, partial(self._call_delete, delivery)) is not OK:
            problem = 'SQS did not delete it, and the log has the error: it may be delivered again'
            raise SettlementError(delivery.id, problem)
        self._in_flight.forget(delivery)

    def _call_delete(self, delivery: Delivery) -> CallResult:
        now = self._now()
        self._deletes.add(delivery, now)
        try:
            [result] = self._queue.delete(self._deletes.next(now))
        finally:
            delivery.has_pending_batch_call = False
        return result

    def _send_dead_letter(
        self, queue: DeadLetterSender, delivery: Delivery, reason: Reason
    ) -> CallResult:
        limit = TimeLimit(
            self._limits.of_dead_letter(self._now()),
            self._clock,
            is_repetition=delivery.has_failed_call,
        )
        with within(limit):
            return queue.send(delivery.received, reason)

    def _repeat(self, delivery: Delivery, call: Callable[[], CallResult]) -> CallResult:
        """Make a call for a message, and repeat it as long as SQS hides the message.

        If the outcome of the last call is unknown, the delivery ends.

        Raises:
            TransportError: if the last call raised it, with the remedy.
        """
        delivery.failed_calls = 0
        while True:
            failure: TransportError | None = None
            try:
                result = call()
            except TransportError as error:
                result = RETRY if error.retriable else FAILED
                failure = None if is_about_receipt_handle(error) else error
            delivery.has_failed_call = result is not OK
            if result is RETRY:
                now = self._now()
                when = self._retries.next_try(delivery, now)
                if when < delivery.hidden_until:
                    self._clock.sleep(when - now)
                    continue
                self._in_flight.return_to_queue(delivery, None, now)
            if failure is not None:
                raise with_advice(failure, self._queue.url) from failure.__cause__
            return result

    def _change_visibility(self) -> None:
        """Make all pending changes of visibility timeouts. A failure is logged."""
        while True:
            call = self._visibility.next(now := self._now())
            if call is not None:
                for entry, result in zip(call.entries, self._call_change(call), strict=True):
                    self._visibility_changed(entry, result, call.decided_at)
            elif (when := self._visibility.next_try(now)) < NEVER:
                self._clock.sleep(when - now)
            else:
                return

    def _call_change(self, call: ChangeVisibility) -> list[CallResult]:
        try:
            return self._queue.change_visibility(call)
        except TransportError as error:
            problem = 'the visibility timeouts of the messages %s are unchanged: %s'
            ids = ', '.join(entry.delivery.id for entry in call.entries)
            advised = with_advice(error, self._queue.url)
            extra = self._about(error=error.code)
            _log.warning(problem, ids, advised, code='visibility-unchanged', extra=extra)
            return [RETRY] * len(call.entries)
        except BaseException:  # Ctrl-C: `release` makes the changes again
            for entry in call.entries:
                if entry.phase is LEAVING:
                    self._visibility.add_leaving(entry.delivery)
            raise
        finally:
            for entry in call.entries:
                entry.delivery.has_pending_batch_call = False

    def _visibility_changed(self, entry: Entry, result: CallResult, decided_at: float) -> None:
        delivery = entry.delivery
        if entry.phase is not LEAVING:
            if result is OK:
                delivery.hidden_until = decided_at + entry.seconds
            else:
                delivery.is_visibility_lost = result is FAILED
                self._in_flight.expire(delivery)
            return
        if result is RETRY:
            when = self._retries.next_try(delivery, self._now())
            if delivery.failed_calls < MAX_VISIBILITY_CALLS and when < delivery.hidden_until:
                delivery.not_before = when
                self._visibility.add_leaving(delivery)
                return
        self._in_flight.forget(delivery)

    def _notify(self, notice: Notice, delivery: Delivery) -> None:
        if notice in _WARNINGS:
            extra = self._about(message_id=delivery.id, notice=notice.name.lower())
            _log.warning(
                'message %s %s', delivery.id, _WARNINGS[notice], code=notice.code, extra=extra
            )

    def _about(self, **fields: object) -> dict[str, dict[str, object]]:
        return about(queue=queue_name(self._queue.url), **fields)
