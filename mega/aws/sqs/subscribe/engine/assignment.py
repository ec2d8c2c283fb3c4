"""Which messages each worker processes.

A worker gets several messages in one `ProcessMessages` command, its share of the ready messages,
because each command costs a turn. With one worker and ten ready messages the share is all ten. With
five free workers it is two.

A share is not a reservation. The worker takes the messages one by one from the left end of a
deque. The engine takes messages that no worker has begun from the right end: for a worker that has
nothing to do, and at a stop, to release them.

If all subscribers are `async def`, the worker only opens the messages, and the event loop processes
them at the same time. Then a share has as many messages as there are free places, and each message
occupies its place until its coroutine ends. No other worker takes messages from such a share before
its end: it only opens them.

The worker reports its results later, at the next turn of any thread. A share ends `MAX_BATCH_DELAY`
after its start: then the results are reported, the worker begins no further message, and the engine
takes back the rest. A slow message therefore delays no result of an earlier message for longer.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from mega.aws.sqs.subscribe.engine.batches import MAX_BATCH_DELAY
from mega.aws.sqs.subscribe.engine.commands import EngineSettings, ProcessMessages
from mega.aws.sqs.subscribe.engine.delivery import NEVER, WAITING, WORKING, Delivery
from mega.aws.sqs.subscribe.engine.in_flight import InFlight
from mega.aws.sqs.subscribe.engine.message_groups import GroupQueues

__all__ = ('WorkAssigner',)

_MIN_CHECK_SECONDS = 0.01


class WorkAssigner:
    """Assigns ready messages to free workers. A `ProcessMessages` command occupies its `places`."""

    def __init__(self, settings: EngineSettings, groups: GroupQueues, in_flight: InFlight) -> None:
        self._groups = groups
        self._in_flight = in_flight
        self._margin = min(1.0, settings.visibility_timeout / 10)
        limit = settings.max_processing_time
        self._check_after = MAX_BATCH_DELAY
        if limit is not None:  # a message in the share may exceed its limit before that
            self._check_after = max(_MIN_CHECK_SECONDS, min(MAX_BATCH_DELAY, limit))
        self._is_async = settings.is_async
        self._shares: dict[ProcessMessages, None] = {}  # a set in the order of insertion
        self.free_workers = settings.concurrency
        self.deadline = NEVER

    def next(self, now: float) -> ProcessMessages | None:
        """Return the share of one free worker, if a message is ready."""
        share = self._share(now)
        if not share and not self._is_async:
            for process in self._shares:
                self._take_back(process)
            share = self._share(now)
        if not share:
            return None
        due = now + self._check_after
        size = len(share)
        process = ProcessMessages(share, size, due, size if self._is_async else 1, self._is_async)
        self.free_workers -= process.places
        self._shares[process] = None
        self.deadline = min(self.deadline, due)
        return process

    def can_begin(self, delivery: Delivery, now: float) -> bool:
        """Return whether the visibility timeout leaves enough time to begin a message."""
        return not delivery.is_visibility_lost and now + self._margin < delivery.hidden_until

    def end_shares(self, now: float) -> None:
        """Take back what a worker will not begin any more, and compute the next deadline."""
        for process in self._shares:
            if now >= process.due:
                self._take_back(process)
        dues = (process.due for process in self._shares if process.due > now)
        self.deadline = min(dues, default=NEVER)

    def take_back_all(self) -> None:
        """Take back all messages that no worker has begun."""
        for process in self._shares:
            self._take_back(process, leave_first=False)

    def end(self, process: ProcessMessages, in_event_loop: int) -> None:
        """Take back the rest of a share. Coroutines still occupy some of its places."""
        self._take_back(process, leave_first=False)
        self._shares.pop(process, None)
        self.free_workers += process.places - in_event_loop

    def _share(self, now: float) -> deque[Delivery]:
        """Remove the share of one worker from the ready messages.

        Messages are dealt like cards, so that they begin in the order of their arrival. With
        `is_async`, one worker gets all messages for which there is a place.
        """
        ready = self._groups.ready
        step, limit = (1, self.free_workers) if self._is_async else (self.free_workers, len(ready))
        share: deque[Delivery] = deque()
        while ready and not share:  # again, if all messages of the share have left their phase
            dealt = deque(ready)
            ready.clear()
            for place, delivery in enumerate(dealt):
                if place % step or len(share) == limit:
                    ready.append(delivery)
                elif delivery.phase is WAITING and self.can_begin(delivery, now):
                    delivery.phase = WORKING
                    share.append(delivery)
                elif delivery.phase is WAITING:
                    self._in_flight.expire(delivery)
        return share

    def _take_back(self, process: ProcessMessages, *, leave_first: bool = True) -> None:
        """Take messages back that the worker has not begun.

        With `leave_first`, a worker that has not begun at all keeps its first message. Otherwise
        two workers without messages could take the same message from each other for ever.
        """
        deliveries = process.deliveries
        kept = 1 if leave_first and len(deliveries) == process.size else 0
        # The worker may take the last message between the test and the removal.
        with suppress(IndexError):
            while len(deliveries) > kept:
                delivery = deliveries.pop()
                delivery.phase = WAITING
                self._groups.ready.appendleft(delivery)
                if process.is_async:
                    process.places -= 1
                    self.free_workers += 1
