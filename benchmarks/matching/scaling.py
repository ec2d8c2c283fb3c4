"""One workload with an increasing number of rules: the cost of an event for each contender."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.matching.contenders import (
    CLOSURES,
    EVENTBRIDGE,
    PATTERN_SET,
    TABLES,
    Contender,
    Matcher,
)
from benchmarks.matching.tables import microseconds, table
from benchmarks.matching.timing import Times, Turn, cost, limit_events, race, ratio
from benchmarks.matching.workload import Rule, Shape, event_texts, rules

__all__ = ('Contest', 'Effort', 'eventbridge', 'prepare', 'scaling', 'shapes')

Key: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Effort:
    """The amount of measurement."""

    rounds: int
    sizes: tuple[int, ...]
    events: int
    turn: float  # maximum seconds for one turn of a contender
    least: int  # minimum events in a turn; slower contenders are left out

    @property
    def steps(self) -> tuple[int, int]:
        """The size for the comparison of contenders, and the largest size."""
        return self.sizes[-2], self.sizes[-1]


@dataclass(frozen=True)
class Contest:
    """The contenders, prepared at every size, unless they are too slow."""

    turns: dict[Key, Turn]
    matches: dict[int, float]  # matches per event, by size
    wanted: float  # share of events with a match, at the largest size
    bytes: float


def prepare(ways: Sequence[Contender], shape: Shape, effort: Effort, seed: int) -> Contest:
    """Prepare every contender at every size, and check that all have the same results.

    Raises:
        AssertionError: if results differ.
    """
    everything = rules(effort.sizes[-1], shape, seed)
    turns: dict[Key, Turn] = {}
    matches: dict[int, float] = {}
    for size in effort.sizes:
        among = everything[:size]
        events = event_texts(effort.events, among, shape, seed)
        for way in ways:
            turn = _turn(way, among, events, effort, _expected(way, size, turns))
            if turn is not None:
                turns[way.name, size] = turn
        _agree({way: turns[way, n] for way, n in turns if n == size}, size)
        answers = [_answer(turns[PATTERN_SET.name, size].call, text) for text in events]
        matches[size] = statistics.mean(map(len, answers))
    return Contest(
        turns,
        matches,
        wanted=statistics.mean(map(bool, answers)),
        bytes=statistics.mean(map(len, events)),
    )


def _turn(
    way: Contender, among: Sequence[Rule], events: Sequence[str], effort: Effort, expected: float
) -> Turn | None:
    if not limit_events(effort.turn, expected, events, effort.least):
        return None
    match = way.make(among)
    chosen = limit_events(effort.turn, cost(match, events), events, effort.least)
    return Turn(match, chosen) if chosen else None


def _expected(way: Contender, size: int, turns: dict[Key, Turn]) -> float:
    """Estimate the seconds per event from the next smaller size; infinite if that was too slow.

    The estimate comes before the contender is built, because that may take minutes.
    """
    if way is PATTERN_SET:
        return 0
    before = [n for _, n in turns if n < size]
    if not before:
        return 0
    turn = turns.get((way.name, max(before)))
    return cost(turn.call, turn.texts) * size / max(before) if turn else float('inf')


def _answer(call: Any, text: str) -> list[int]:
    answer: list[int] = call(json.loads(text))
    return answer


def _agree(turns: dict[str, Turn], size: int) -> None:
    by_hand: Matcher = turns[CLOSURES.name].call  # type: ignore[assignment]
    known = {text: _answer(by_hand, text) for text in turns[CLOSURES.name].texts}
    for name, turn in turns.items():
        for text in turn.texts:
            if text in known:
                answer = _answer(turn.call, text)
                assert answer == known[text], f'{name}, {size} rules: {answer} for {text}'


# ── the sections ──────────────────────────────────────────────────────────────────────────────


def scaling(
    ways: Sequence[Contender], shape: Shape, effort: Effort, seed: int
) -> tuple[str, dict[Key, Times]]:
    """Return the section on all contenders, and their times."""
    made = prepare(ways, shape, effort, seed)
    times = race(made.turns, effort.rounds)
    rows = [
        [way.name, *(microseconds(times.get((way.name, size))) for size in effort.sizes)]
        for way in ways
    ]
    header = ['contender', *(f'{size:,} patterns' for size in effort.sizes)]
    most = effort.sizes[-1]
    return (
        f'## Microseconds per parsed event\n\n'
        f'{shape.title}; events of {made.bytes:.0f} bytes as JSON; {made.wanted:.0%} match a\n'
        f'pattern, with {made.matches[most]:.2f} matches per event ({most:,} patterns).\n\n'
        f'{table(header, rows)}\n\n{_ratios(times, ways, effort)}'
    ), times


def _ratios(times: dict[Key, Times], ways: Sequence[Contender], effort: Effort) -> str:
    first, last = effort.sizes[0], effort.sizes[-1]
    rows = [
        [
            f'{way.name} / PatternSet',
            *(_ratio(times, (way.name, size), (PATTERN_SET.name, size)) for size in effort.sizes),
        ]
        for way in ways
        if way is not PATTERN_SET
    ]
    growth = [[way.name, _ratio(times, (way.name, last), (way.name, first))] for way in ways]
    compared = table(['ratio', *(f'{size:,} patterns' for size in effort.sizes)], rows)
    return f'{compared}\n\n{table(["ratio", f"{last:,} / {first:,} patterns"], growth)}'


def _ratio(times: dict[Key, Times], one: Key, other: Key) -> str:
    return str(ratio(times[one], times[other])) if one in times and other in times else '-'


def shapes(chosen: Sequence[Shape], effort: Effort, seed: int) -> str:
    """Return the section on the influence of the workload."""
    rows, compared = [], []
    first, (middle, last) = effort.sizes[0], effort.steps
    for shape in chosen:
        made = prepare((PATTERN_SET, TABLES, CLOSURES), shape, effort, seed)
        times = race(made.turns, effort.rounds)
        ours = [times[PATTERN_SET.name, size] for size in effort.sizes]
        tables = [times[TABLES.name, size] for size in (last, first)]
        by_hand = [ratio(times[CLOSURES.name, n], times[PATTERN_SET.name, n]) for n in effort.steps]
        rows.append(
            [
                shape.title,
                f'{made.wanted:.0%}',
                *(f'{made.matches[size]:.2f}' for size in (first, last)),
                *(f'{statistics.median(time) * 1e6:.2f}' for time in ours),
            ]
        )
        growth = ratio(ours[-1], ours[0]), ratio(*tables)
        compared.append([shape.title, *map(str, [*growth, *by_hand])])
    header = [
        'workload',
        'with match',
        *(f'matches at {size:,}' for size in (first, last)),
        *(f'{size:,} patterns' for size in effort.sizes),
    ]
    ratios = [
        'ratio',
        f'{last:,} / {first:,} patterns',
        f'{TABLES.name}: {last:,} / {first:,}',
        f'closures / PatternSet at {middle:,}',
        f'closures / PatternSet at {last:,}',
    ]
    return (
        '## Other distributions\n\n'
        'Microseconds per event with a `PatternSet`; the share of events with a match, and the\n'
        'matches per event. If the matches increase, they cause a part of the cost.\n'
        f'"{TABLES.name.capitalize()}" are {TABLES.explanation}.\n'
        'Their cost also increases, with the memory that the events access.\n\n'
        f'{table(header, rows)}\n\n{table(ratios, compared)}'
    )


def eventbridge(chosen: Sequence[Shape], effort: Effort, seed: int) -> str:
    """Return the section on the same rules as EventBridge patterns."""
    rows = []
    for shape in chosen:
        made = prepare((PATTERN_SET, CLOSURES, EVENTBRIDGE), shape, effort, seed)
        turns = {key: turn for key, turn in made.turns.items() if key[0] != CLOSURES.name}
        times = race(turns, effort.rounds)
        compared = (
            ratio(times[EVENTBRIDGE.name, size], times[PATTERN_SET.name, size])
            for size in effort.sizes
        )
        rows.append([shape.title, *map(str, compared)])
    header = ['workload', *(f'{size:,} patterns' for size in effort.sizes)]
    return (
        '## EventBridge patterns\n\n'
        'The cost per event with the patterns that `from_eventbridge` makes of the same rules,\n'
        'relative to native patterns, each in a `PatternSet`.\n\n'
        f'{table(header, rows)}'
    )
