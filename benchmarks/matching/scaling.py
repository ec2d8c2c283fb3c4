"""One workload with ever more rules: what an event costs each contender."""

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
from benchmarks.matching.timing import Times, Turn, cost, given, race, ratio, within
from benchmarks.matching.workload import Rule, Shape, event_texts, rules
from mega import codec

__all__ = ('Effort', 'Field', 'dialect', 'field', 'scaling', 'shapes', 'texts')

Key: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    sizes: tuple[int, ...]
    events: int
    turn: float  # seconds that one contender's turn may take
    least: int  # events of a turn; who has not the time for them is left out

    @property
    def steps(self) -> tuple[int, int]:
        """The size by which contenders are compared, and the largest."""
        return self.sizes[-2], self.sizes[-1]


@dataclass(frozen=True)
class Field:
    """The contenders, ready at every size where they have the time."""

    turns: dict[Key, Turn]
    matches: dict[int, float]  # for each event, by size
    wanted: float  # share of events, at the largest size
    bytes: float


def field(ways: Sequence[Contender], shape: Shape, effort: Effort, seed: int) -> Field:
    """Make every contender at every size, and see that all agree on what they are timed with.

    Raises:
        AssertionError: when they do not.
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
    return Field(
        turns,
        matches,
        wanted=statistics.mean(map(bool, answers)),
        bytes=statistics.mean(map(len, events)),
    )


def _turn(
    way: Contender, among: Sequence[Rule], events: Sequence[str], effort: Effort, expected: float
) -> Turn | None:
    if not within(effort.turn, expected, events, effort.least):
        return None
    match = way.make(among)
    chosen = within(effort.turn, cost(match, events), events, effort.least)
    return Turn(match, chosen) if chosen else None


def _expected(way: Contender, size: int, turns: dict[Key, Turn]) -> float:
    """Seconds for an event with so many rules, by the size before; infinite if that was too much.

    It is asked before the contender is made, which alone may take minutes.
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


# ── what is printed ──────────────────────────────────────────────────────────────────────────────


def scaling(
    ways: Sequence[Contender], shape: Shape, effort: Effort, seed: int
) -> tuple[str, dict[Key, Times]]:
    """The section on all contenders, and their times."""
    made = field(ways, shape, effort, seed)
    times = race(made.turns, effort.rounds)
    rows = [
        [way.name, *(microseconds(times.get((way.name, size))) for size in effort.sizes)]
        for way in ways
    ]
    header = ['contender', *(f'{size:,} patterns' for size in effort.sizes)]
    most = effort.sizes[-1]
    return (
        f'## Microseconds for each event, parsed before\n\n'
        f'{shape.title}; events of {made.bytes:.0f} bytes as JSON, of which {made.wanted:.0%} are\n'
        f'wanted, with {made.matches[most]:.2f} matches each ({most:,} patterns).\n\n'
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
    """The section on how much the result depends on the workload."""
    rows = []
    first, (middle, last) = effort.sizes[0], effort.steps
    for shape in chosen:
        made = field((PATTERN_SET, TABLES, CLOSURES), shape, effort, seed)
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
                str(ratio(ours[-1], ours[0])),
                str(ratio(*tables)),
                *map(str, by_hand),
            ]
        )
    header = [
        'workload',
        'wanted',
        *(f'matches at {size:,}' for size in (first, last)),
        *(f'{size:,}' for size in effort.sizes),
        f'{last:,} / {first:,} patterns',
        f'tables by hand: {last:,} / {first:,}',
        f'closures / PatternSet at {middle:,}',
        f'closures / PatternSet at {last:,}',
    ]
    return (
        '## The same, otherwise distributed\n\n'
        'Microseconds for each event with a `PatternSet`; how many events are wanted, and\n'
        'how many patterns match one. Where that grows, a part of the cost is theirs.\n'
        'Tables by hand are hash tables within a hash table, for rules of this form alone: their\n'
        'cost grows, too, with the memory over which the events spread.\n\n'
        f'{table(header, rows)}'
    )


def dialect(chosen: Sequence[Shape], effort: Effort, seed: int) -> str:
    """The section on the same rules as EventBridge has them."""
    rows = []
    for shape in chosen:
        made = field((PATTERN_SET, CLOSURES, EVENTBRIDGE), shape, effort, seed)
        turns = {key: turn for key, turn in made.turns.items() if key[0] != CLOSURES.name}
        times = race(turns, effort.rounds)
        compared = (
            ratio(times[EVENTBRIDGE.name, size], times[PATTERN_SET.name, size])
            for size in effort.sizes
        )
        rows.append([shape.title, *map(str, compared)])
    header = ['workload', *(f'{size:,} patterns' for size in effort.sizes)]
    return (
        '## The same, from EventBridge\n\n'
        'How many times as much as with native patterns an event costs with those that\n'
        '`from_eventbridge` makes of the same rules, each in a `PatternSet`.\n\n'
        f'{table(header, rows)}'
    )


def texts(shape: Shape, effort: Effort, seed: int) -> str:
    """The section on events that arrive as text."""
    everything = rules(effort.sizes[-1], shape, seed)
    events = event_texts(effort.events, everything, shape, seed)
    turns = {
        'json.loads of a str': Turn(json.loads, events, given),
        'json.loads of bytes': Turn(json.loads, events, str.encode),
        'codec.decode': Turn(codec.decode, events, given),
    }
    for size in effort.sizes:
        match = PATTERN_SET.make(everything[:size])
        drawn = event_texts(effort.events, everything[:size], shape, seed)
        turns[f'json.loads, PatternSet at {size:,}'] = Turn(_then(json.loads, match), drawn, given)
        turns[f'codec.decode, PatternSet at {size:,}'] = Turn(
            _then(codec.decode, match), drawn, given
        )
    times = race(turns, effort.rounds)
    base = times['json.loads of a str']
    rows = [[name, microseconds(each), str(ratio(each, base))] for name, each in times.items()]
    header = ['events as JSON text', 'microseconds', 'times json.loads']
    return (
        f'## Text in\n\nWith validation, and the event as an object: `codec.decode`.\n\n'
        f'{table(header, rows)}'
    )


def _then(parse: Any, match: Matcher) -> Any:
    return lambda text: match(parse(text))
