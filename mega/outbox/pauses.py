"""The destinations that a relay leaves alone for a while, because they did not answer.

Their rows grow older than all others, so that each claim takes them first. A claim that contains
one of them lasts until its time limit. Without pauses, a relay with many of them would hardly claim
any other rows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

from mega.aws._hooks.publishing import PublishResult
from mega.aws._messages.backoff import RandomUniform
from mega.errors import OffloadError, TransportError
from mega.outbox.settlement import backoff_seconds

__all__ = ('Pauses',)


class _Pause(Struct, frozen=True):
    failures: int
    until: float


class Pauses:
    """The pauses of destinations, which become longer while a destination does not answer.

    A destination has answered if AWS accepted or refused one of its messages. It has not if a call
    for one of them failed otherwise, also the call that offloads its body to S3.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, uniform: RandomUniform = random.uniform
    ) -> None:
        self._clock = clock
        self._uniform = uniform
        self._pauses: dict[str, _Pause] = {}

    def record(self, rows: Sequence[Row[Any]], results: Mapping[int, PublishResult]) -> None:
        """Begin and end pauses by the results of rows."""
        by_destination: dict[str, list[PublishResult]] = {}
        for row in rows:
            if row.position in results:
                by_destination.setdefault(row.destination, []).append(results[row.position])
        for destination, of_destination in by_destination.items():
            if any(map(_is_answer, of_destination)):
                self._pauses.pop(destination, None)
            elif any(map(_is_missing_answer, of_destination)):
                self._extend(destination)

    def all(self) -> dict[str, float]:
        """Return all destinations with a pause, also one that has ended, and its seconds left."""
        now = self._clock()
        return {destination: pause.until - now for destination, pause in self._pauses.items()}

    def current(self) -> dict[str, float]:
        """Return the destinations to leave alone now, and for how many seconds."""
        return {destination: left for destination, left in self.all().items() if left > 0}

    def clear(self) -> None:
        """End all pauses."""
        self._pauses.clear()

    def _extend(self, destination: str) -> None:
        failures = 1
        if (pause := self._pauses.get(destination)) is not None:
            failures += pause.failures
        until = self._clock() + backoff_seconds(failures, self._uniform)
        self._pauses[destination] = _Pause(failures, until)


def _is_answer(result: PublishResult) -> bool:
    error = result.error
    is_refusal = isinstance(error, TransportError) and not error.retriable
    return result.message_id is not None or is_refusal


def _is_missing_answer(result: PublishResult) -> bool:
    return isinstance(result.error, (TransportError, OffloadError)) and result.error.retriable
