"""Long polls: receives that wait for a message."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from mega.local.errors import AwsError
from mega.local.operations import Object
from mega.local.sqs.observer import Observer

__all__ = ('Cancel', 'Polls')

Cancel: TypeAlias = Callable[[], None]


@dataclass(slots=True, eq=False)
class _Poll:
    receive: Callable[[], Object]
    answer: Callable[[Object | AwsError], None]
    deadline: TimerHandle | None = None


class Polls(Observer):
    """The receives that wait for messages, by queue, in the order of arrival.

    `next_event` returns the time at which the next message becomes visible in a queue, if any.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        next_event: Callable[[str], float | None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._next_event = next_event
        self._waiting: defaultdict[str, deque[_Poll]] = defaultdict(deque)
        self._timers: dict[str, TimerHandle] = {}

    def receive(
        self,
        queue: str,
        wait: float,
        receive: Callable[[], Object],
        answer: Callable[[Object | AwsError], None],
    ) -> Cancel | None:
        """Respond now, when a message arrives, or without messages after `wait` seconds.

        Return a cancellation if the receive waits. Call it when the client disconnects, so that
        no message is delivered to a closed connection.
        """
        response = receive()
        if response or not wait:
            answer(response)
            return None
        poll = _Poll(receive, answer)
        poll.deadline = self._loop.call_later(wait, self._give_up, queue, poll)
        self._waiting[queue].append(poll)
        self._watch(queue)
        return partial(self._leave, queue, poll)

    def changed(self, queue_name: str) -> None:
        """Serve the waiting receives after the current operation on the queue.

        One receive can then return all entries of a batch.
        """
        if self._waiting.get(queue_name):
            self._set_timer(queue_name, self._clock())

    def wake_all(self) -> None:
        """Serve the receives of all queues: an advance of the clock may make messages visible."""
        for queue in list(self._waiting):
            self.changed(queue)

    def _serve(self, queue: str) -> None:
        del self._timers[queue]
        waiting = self._waiting[queue]
        while waiting:
            poll = waiting[0]
            response = _result(poll)
            if not response:
                break
            self._leave(queue, poll)
            poll.answer(response)
        self._watch(queue)

    def _watch(self, queue: str) -> None:
        """Set a timer for the next message that becomes visible, if a receive waits."""
        if self._waiting[queue] and (at := self._next_event(queue)) is not None:
            self._set_timer(queue, at)

    def _set_timer(self, queue: str, at: float) -> None:
        """Set the timer of a queue. Of two times the earlier counts: serving sets the next one."""
        timer = self._timers.get(queue)
        when = self._loop.time() + at - self._clock()
        if timer is None or when < timer.when():
            if timer:
                timer.cancel()
            self._timers[queue] = self._loop.call_at(when, self._serve, queue)

    def _give_up(self, queue: str, poll: _Poll) -> None:
        self._waiting[queue].remove(poll)
        poll.answer({})

    def _leave(self, queue: str, poll: _Poll) -> None:
        if poll in self._waiting[queue]:
            self._waiting[queue].remove(poll)
        if poll.deadline:
            poll.deadline.cancel()


def _result(poll: _Poll) -> Object | AwsError:
    """Return the response of a receive, or its error: the queue may have been deleted."""
    try:
        return poll.receive()
    except AwsError as error:
        return error
