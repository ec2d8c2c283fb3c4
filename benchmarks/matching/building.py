"""The time to build a set and to change it, and how long matches wait for changes."""

from __future__ import annotations

import json
import statistics
import time
import tracemalloc
from array import array
from collections.abc import Callable, Sequence
from threading import Event, Thread

from benchmarks.matching.contenders import pattern_of, pattern_set
from benchmarks.matching.scaling import Effort
from benchmarks.matching.tables import table
from benchmarks.matching.workload import Shape, event_texts, rules
from mega.match.pattern import compile_pattern

__all__ = ('building',)

ADDED_LATER = 20

PAUSE = 0.001
"""Seconds between two changes of another thread."""


def building(shape: Shape, effort: Effort, seed: int) -> str:
    """Return the section on a set of the largest size: its construction, and additions."""
    size = effort.sizes[-1]
    among = rules(size + size // 4, shape, seed)
    patterns = [pattern_of(rule) for rule in among]
    texts = event_texts(2 * ADDED_LATER + 1, among, shape, seed)
    taken: dict[str, list[float]] = {}
    for _ in range(effort.rounds):
        for step, seconds in _steps(patterns, size, texts):
            taken.setdefault(step, []).append(seconds)
    rows = [
        [step, *(f'{figure(times) * 1e3:,.3f}' for figure in (statistics.median, min, max))]
        for step, times in taken.items()
    ]
    return (
        f'## Building\n\n{table(["milliseconds", "median", "least", "most"], rows)}\n\n'
        f'{size:,} patterns that have matched take {_kilobytes(patterns[:size], texts):.1f} KB of '
        'memory each, themselves included.\n\n'
        f'{_waits([compile_pattern(one) for one in patterns], size, texts)}'
    )


def _steps(
    patterns: Sequence[object], size: int, texts: Sequence[str]
) -> Sequence[tuple[str, float]]:
    """Return the steps with their durations in seconds."""
    first, *events = [json.loads(text) for text in texts]
    clock = time.thread_time
    begun = clock()
    made = pattern_set(patterns[:size])
    added = clock()
    made.match(first)
    matched = clock()
    steps = [(f'add {size:,} patterns', added - begun), ('the first match', matched - added)]
    for event in events[:ADDED_LATER]:
        started = clock()
        made.match(event)
        steps.append(('a match after it', clock() - started))
    for place, event in enumerate(events[ADDED_LATER:], size):
        started = clock()
        made.add(patterns[place], place)
        made.match(event)
        steps.append(('one more pattern, and a match', clock() - started))
    return steps


def _waits(patterns: Sequence[object], size: int, texts: Sequence[str]) -> str:
    """Return how long matches take while another thread does nothing, computes, or changes a set.

    The time is the CPU time of the process, of all threads. So it includes the time that a match
    waits for other threads of the process, and not the time that it waits for other processes.
    """
    made = pattern_set(patterns[:size])
    made.build()
    events = [json.loads(text) for text in texts]
    pause = Event()

    def do_nothing() -> None:
        pause.wait(size // 4 * PAUSE)

    def compute() -> None:
        for number in range(size // 4):
            sum(i * i for i in range(number % 10_000))

    def change() -> None:
        for place in range(size, len(patterns)):
            made.add(patterns[place], place)
            made.remove(place - size)
            pause.wait(PAUSE)

    others = {'nothing': do_nothing, 'computes': compute, 'adds and removes patterns': change}
    rows = [[name, *_durations(made.match, events, other)] for name, other in others.items()]
    header = ['another thread', 'matches', 'median', '99.9th percentile', 'most']
    return (
        f'The milliseconds of a match with {size:,} patterns, and with another thread. Python lets '
        'a thread\ncompute for 5 ms while others wait.\n\n'
        f'{table(header, rows)}'
    )


def _durations(
    match: Callable[[object], object], events: Sequence[object], other: Callable[[], None]
) -> list[str]:
    """Match until the other thread is done; return the number of matches and their durations."""
    thread = Thread(target=other)
    taken, clock = array('d'), time.process_time
    thread.start()
    is_alive = True
    while is_alive:
        is_alive = thread.is_alive()
        for event in events:
            started = clock()
            match(event)
            taken.append(clock() - started)
    ordered = sorted(taken)
    figures = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.999, 1))
    return [f'{len(ordered):,}', *(f'{figure * 1e3:,.3f}' for figure in figures)]


def _kilobytes(patterns: Sequence[object], texts: Sequence[str]) -> float:
    tracemalloc.start()
    try:
        made = pattern_set(patterns)
        for text in texts:
            made.match(json.loads(text))
        return tracemalloc.get_traced_memory()[0] / len(patterns) / 1e3
    finally:
        tracemalloc.stop()
