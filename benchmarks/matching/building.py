"""The time to build a set, and to add patterns to it."""

from __future__ import annotations

import json
import statistics
import time
import tracemalloc
from collections.abc import Sequence

from benchmarks.matching.contenders import pattern_of, pattern_set
from benchmarks.matching.scaling import Effort
from benchmarks.matching.tables import table
from benchmarks.matching.workload import Shape, event_texts, rules

__all__ = ('building',)

ADDED_LATER = 20


def building(shape: Shape, effort: Effort, seed: int) -> str:
    """Return the section on a set of the largest size: its construction, and additions."""
    size = effort.sizes[-1]
    among = rules(size + ADDED_LATER, shape, seed)
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
        'memory each, themselves included.'
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


def _kilobytes(patterns: Sequence[object], texts: Sequence[str]) -> float:
    tracemalloc.start()
    try:
        made = pattern_set(patterns)
        for text in texts:
            made.match(json.loads(text))
        return tracemalloc.get_traced_memory()[0] / len(patterns) / 1e3
    finally:
        tracemalloc.stop()
