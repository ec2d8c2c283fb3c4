"""Long polls: receives that wait for a message."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from benchmarks.sqs_server.queues import Delivery, Queue

__all__ = ('Answer', 'Cancel', 'Polls')

Answer: TypeAlias = Callable[[list[Delivery]], None]
Cancel: TypeAlias = Callable[[], None]


@dataclass(slots=True, eq=False)
class _Poll:
    limit: int
    visibility_timeout: float
    answer: Answer
    deadline: TimerHandle | None = None


class Polls:
    """Who waits at which queue. The first who came is the first who is served."""

    def __init__(self, loop: AbstractEventLoop, clock: Callable[[], float]) -> None:
        self._loop = loop
        self._clock = clock
        self._waiting: defaultdict[Queue, deque[_Poll]] = defaultdict(deque)
        self._alarms: dict[Queue, TimerHandle] = {}

    def receive(
        self, queue: Queue, limit: int, visibility_timeout: float, wait: float, answer: Answer
    ) -> Cancel | None:
        """Answer now, or when a message comes, or empty after so many seconds.

        The one who asked may go before: then call what is returned, and no message is lost on them.
        """
        deliveries = queue.receive(limit, visibility_timeout, self._clock())
        if deliveries or not wait:
            answer(deliveries)
            return None
        poll = _Poll(limit, visibility_timeout, answer)
        poll.deadline = self._loop.call_later(wait, self._give_up, queue, poll)
        self._waiting[queue].append(poll)
        self._watch(queue)
        return partial(self._leave, queue, poll)

    def wake(self, queue: Queue) -> None:
        """Serve those who wait, as soon as what is being done to the queue is done.

        So all entries of a batch are received together.
        """
        if self._waiting.get(queue):
            self._alarm(queue, self._clock())

    def wake_all(self) -> None:
        """Serve everyone who waits: the clock was advanced, so that messages may have appeared."""
        for queue in list(self._waiting):
            self.wake(queue)

    def _serve(self, queue: Queue) -> None:
        del self._alarms[queue]
        waiting = self._waiting[queue]
        while waiting:
            poll = waiting[0]
            deliveries = queue.receive(poll.limit, poll.visibility_timeout, self._clock())
            if not deliveries:
                break
            self._leave(queue, poll)
            poll.answer(deliveries)
        self._watch(queue)

    def _watch(self, queue: Queue) -> None:
        """Wake up when a message appears by itself, if anybody waits for one."""
        if self._waiting[queue] and (at := queue.next_change()) is not None:
            self._alarm(queue, at)

    def _alarm(self, queue: Queue, at: float) -> None:
        """Serve at that time. Of two times the earlier one counts: serving finds the other."""
        alarm = self._alarms.get(queue)
        when = self._loop.time() + at - self._clock()
        if alarm is None or when < alarm.when():
            if alarm:
                alarm.cancel()
            self._alarms[queue] = self._loop.call_at(when, self._serve, queue)

    def _give_up(self, queue: Queue, poll: _Poll) -> None:
        self._waiting[queue].remove(poll)
        poll.answer([])

    def _leave(self, queue: Queue, poll: _Poll) -> None:
        if poll in self._waiting[queue]:
            self._waiting[queue].remove(poll)
        if poll.deadline:
            poll.deadline.cancel()
