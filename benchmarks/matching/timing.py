"""Rounds in which every contender has its turn, and what can be said of the times."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

__all__ = ('Ratio', 'Times', 'Turn', 'cost', 'given', 'race', 'ratio', 'within')

Times: TypeAlias = list[float]
"""Seconds of the processor for each event, one figure a round: not those spent waiting for it."""

Key = TypeVar('Key')

PARSED_AT_ONCE = 50  # few enough to be in the processor's cache, as an event just received is


def given(text: str) -> str:
    """Leaves an event as text, for what parses it itself."""
    return text


@dataclass(frozen=True)
class Turn:
    """What one contender does in a round: a call for each event."""

    call: Callable[[Any], object]
    texts: Sequence[str]
    prepare: Callable[[str], object] = json.loads

    def take(self) -> float:
        """Seconds of the processor for each event, without those that it takes to prepare it.

        Events are parsed anew in every round. A `str` remembers its hash: with events that were
        matched before, every look-up in a hash table would be cheaper than it is for a message.
        """
        taken, call, clock = 0.0, self.call, time.thread_time
        for start in range(0, len(self.texts), PARSED_AT_ONCE):
            events = [self.prepare(text) for text in self.texts[start : start + PARSED_AT_ONCE]]
            started = clock()
            for event in events:
                call(event)
            taken += clock() - started
        return taken / len(self.texts)


def race(turns: Mapping[Key, Turn], rounds: int) -> dict[Key, Times]:
    """The times of all, round by round; each round begins with another of them.

    Each was called once before: the first call may have more to do. The garbage collector is on,
    as it is for a user, and begins with nothing to collect.
    """
    for turn in turns.values():
        turn.call(turn.prepare(turn.texts[0]))
    gc.collect()
    taken: dict[Key, Times] = {key: [] for key in turns}
    order = list(turns)
    for number in range(rounds):
        first = number % len(order)
        for key in order[first:] + order[:first]:
            taken[key].append(turns[key].take())
    return taken


def cost(call: Callable[[Any], object], texts: Sequence[str]) -> float:
    """About how many seconds an event takes: after a first call, which may have more to do."""
    call(json.loads(texts[0]))
    return Turn(call, texts[1:9]).take()


def within(seconds: float, each: float, texts: Sequence[str], least: int) -> Sequence[str]:
    """As many events as fit into so many seconds; none where that is less than `least`."""
    count = min(len(texts), int(seconds / each)) if each else len(texts)
    return texts[:count] if count >= min(least, len(texts)) else ()


@dataclass(frozen=True)
class Ratio:
    """How many times one thing takes as long as another, over the rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f'{_short(self.median)} ({_short(self.least)} to {_short(self.most)})'


def ratio(one: Times, other: Times) -> Ratio:
    """How many times `other` `one` takes: in each round, and then the median of those."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def _short(number: float) -> str:
    return f'{number:,.0f}' if number >= 100 else f'{number:.3g}'
