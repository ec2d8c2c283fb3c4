"""Rounds with a turn for every contender, and the ratios of their times."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

__all__ = ('Ratio', 'Times', 'Turn', 'cost', 'limit_events', 'race', 'ratio', 'unparsed')

Times: TypeAlias = list[float]
"""CPU seconds per event, one number per round."""

Key = TypeVar('Key')

PARSED_AT_ONCE = 50  # few enough for the processor's cache, where a received event also is


def unparsed(text: str) -> str:
    """Return an event as text, for contenders that parse it themselves."""
    return text


@dataclass(frozen=True)
class Turn:
    """The work of one contender in a round: one call per event."""

    call: Callable[[Any], object]
    texts: Sequence[str]
    prepare: Callable[[str], object] = json.loads

    def take(self) -> float:
        """Return the CPU seconds per event, without its preparation.

        Events are parsed again in every round. A `str` caches its hash: with events that were
        matched before, every look-up in a hash table would be cheaper than for a new message.
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
    """Return the times of all contenders. Each round starts with a different contender.

    Each is called once before, because the first call may do extra work. The garbage collector is
    on, as for a user, and starts without garbage.
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
    """Estimate the seconds per event, after a first call, which may do extra work."""
    call(json.loads(texts[0]))
    return Turn(call, texts[1:9]).take()


def limit_events(seconds: float, each: float, texts: Sequence[str], least: int) -> Sequence[str]:
    """Return as many events as fit into the seconds; none if they are fewer than `least`."""
    count = min(len(texts), int(seconds / each)) if each else len(texts)
    return texts[:count] if count >= min(least, len(texts)) else ()


@dataclass(frozen=True)
class Ratio:
    """The ratio of two times over the rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f'{_short(self.median)} ({_short(self.least)} to {_short(self.most)})'


def ratio(one: Times, other: Times) -> Ratio:
    """Return `one / other`: the ratios of the rounds, and their median."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def _short(number: float) -> str:
    return f'{number:,.0f}' if number >= 100 else f'{number:.3g}'
