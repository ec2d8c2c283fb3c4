"""A store whose requests and responses are lost, and whose clients have clocks that differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mega.hooks.records import MemoryStore, Record
from tests.simulation.idempotency.tracking import Fate, Tracker

__all__ = ('SimulatedStore',)

T = TypeVar('T')


class SimulatedStore:
    """The store of one process. All processes share the records.

    `stamp` is the time that the next call has: of the server, or of the clock of the process when
    it sent the request. `fate` is what happens to the next call.
    """

    def __init__(
        self, first: SimulatedStore | None, tracker: Tracker, now: Callable[[], float]
    ) -> None:
        self.stamp = now()
        self._memory = MemoryStore(clock=lambda: self.stamp)
        if first is not None:
            self._memory._records = first._memory._records
        self._tracker = tracker
        self._now = now
        self.fate = Fate.ANSWERED

    def take(self, key: str, owner: str, seconds: float) -> Record | None:
        def take() -> Record | None:
            record = self._memory.take(key, owner, seconds)
            self._tracker.took(key, owner, seconds, record, self._now())
            return record

        return self._answer(take)

    def renew(self, key: str, owner: str, seconds: float) -> bool:
        def renew() -> bool:
            answer = self._memory.renew(key, owner, seconds)
            self._tracker.renewed(key, owner, seconds, answer, self._now())
            return answer

        return self._answer(renew)

    def finish(self, key: str, owner: str, seconds: float) -> bool:
        def finish() -> bool:
            answer = self._memory.finish(key, owner, seconds)
            self._tracker.finished(key, owner, seconds, answer, self._now())
            return answer

        return self._answer(finish)

    def release(self, key: str, owner: str) -> bool:
        def release() -> bool:
            answer = self._memory.release(key, owner)
            self._tracker.released(key, owner, answer)
            return answer

        return self._answer(release)

    def check(self) -> None:
        pass

    def _answer(self, operation: Callable[[], T]) -> T:
        if self.fate is Fate.REQUEST_LOST:
            raise ConnectionError
        answer = operation()
        if self.fate is Fate.RESPONSE_LOST:
            raise ConnectionError
        return answer
