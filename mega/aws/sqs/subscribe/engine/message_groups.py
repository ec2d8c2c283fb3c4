"""Who may be started next: anybody, or on a FIFO queue the first of each group."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mega.aws.sqs.subscribe.engine.delivery import LEAVING, WAITING, Delivery

__all__ = ('GroupQueues',)


class GroupQueues:
    """Deliveries in hand, in order: one line for each group, where there are groups.

    Only the first of a line may be started, and the next one only when it is gone from the queue:
    what failed or was not deleted comes again, and must not come after those behind it.
    """

    def __init__(self, is_fifo: bool) -> None:
        self._is_fifo = is_fifo
        self._ready: deque[Delivery] = deque()
        self._lines: dict[str, deque[Delivery]] = {}

    def join(self, delivery: Delivery) -> None:
        if not self._is_fifo or delivery.group is None:
            self._ready.append(delivery)
            return
        line = self._lines.setdefault(delivery.group, deque())
        line.append(delivery)
        if line[0] is delivery:
            self._ready.append(delivery)

    def leave(self, delivery: Delivery) -> None:
        """Let the next one of a line come forward."""
        if delivery.group is None or not (line := self._line(delivery)):
            return
        was_first = line[0] is delivery
        line.remove(delivery)
        if not line:
            del self._lines[delivery.group]
        elif was_first and line[0].phase is WAITING:
            self._ready.append(line[0])

    def next(self) -> Delivery | None:
        """The next one to start. What left in the meantime is passed over."""
        while self._ready:
            delivery = self._ready.popleft()
            if delivery.phase is WAITING:
                return delivery
        return None

    def followers(self, delivery: Delivery) -> Iterator[Delivery]:
        """Those that wait behind a delivery, the last one first."""
        for other in reversed(self._line(delivery)):
            if other is delivery:
                return
            if other.phase is WAITING:
                yield other

    def must_wait(self, delivery: Delivery) -> bool:
        """Whether others of its group, behind it, are still to be left in the queue.

        Given back first it could be received, and they would be missing behind it.
        """
        line = self._line(delivery)
        return (
            bool(line)
            and line[0] is delivery
            and any(other.phase is LEAVING for other in line if other is not delivery)
        )

    def _line(self, delivery: Delivery) -> deque[Delivery]:
        return self._lines.get(delivery.group or '', _NOBODY)


_NOBODY: deque[Delivery] = deque()
