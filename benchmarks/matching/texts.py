"""Events as JSON texts: the cost of decoding and matching together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from msgspec.json import Decoder

from benchmarks.matching.contenders import event_pattern, pattern_of, pattern_set
from benchmarks.matching.scaling import Effort
from benchmarks.matching.tables import microseconds, table
from benchmarks.matching.timing import Turn, race, ratio, unparsed
from benchmarks.matching.workload import Rule, Shape, event_texts, rules
from mega import codec
from mega.match import PatternSet
from mega.match.eventbridge import from_eventbridge

__all__ = ('texts',)

Way: TypeAlias = Callable[[PatternSet[int]], Callable[[str], object]]
"""Takes a set and returns a function that takes an event as text."""


def _after(decode: Callable[[str], Any]) -> Way:
    return lambda patterns: lambda text: patterns.match(decode(text))


WAYS: dict[str, Way] = {
    'codec.decode, match': _after(codec.decode),
    'json.loads, match': _after(json.loads),
    'msgspec, match': _after(Decoder().decode),
    'match_json': lambda patterns: patterns.match_json,
}


DECODERS: dict[str, Callable[[str], object]] = {
    'codec.decode': codec.decode,
    'json.loads': json.loads,
    'msgspec': Decoder().decode,
}


def texts(shape: Shape, effort: Effort, seed: int) -> str:
    """Return the section on events that arrive as text."""
    among = rules(effort.sizes[-1], shape, seed)
    turns = _turns([pattern_of(rule) for rule in among], 'native', among, shape, effort, seed)
    converted = [from_eventbridge(event_pattern(rule)) for rule in among]
    turns |= _turns(converted, 'EventBridge', among, shape, effort, seed)
    events = event_texts(effort.events, among, shape, seed)
    turns |= {(name, 0): Turn(decode, events, unparsed) for name, decode in DECODERS.items()}
    times = race(turns, effort.rounds)
    header = ['events as JSON text', *(f'{size:,} patterns' for size in effort.sizes)]
    rows, ratios = [], []
    for kind in ('native', 'EventBridge'):
        ours = [times[f'match_json, {kind}', size] for size in effort.sizes]
        for way in (f'{name}, {kind}' for name in WAYS):
            each = [times[way, size] for size in effort.sizes]
            rows.append([way, *map(microseconds, each)])
            ratios.append([f'{way} / match_json', *map(str, map(ratio, each, ours))])
    base = times['json.loads', 0]
    alone = [
        [name, microseconds(times[name, 0]), str(ratio(times[name, 0], base))] for name in DECODERS
    ]
    return (
        '## Events as text\n\n'
        'Microseconds per event, with its decoding. `codec.decode` validates the event and\n'
        'returns it as an object. `match_json` decodes only the values that patterns test.\n\n'
        f'{table(header, rows)}\n\n{table(["ratio", *header[1:]], ratios)}\n\n'
        f'{table(["decoding alone", "microseconds", "times json.loads"], alone)}'
    )


def _turns(
    patterns: Sequence[object],
    kind: str,
    among: Sequence[Rule],
    shape: Shape,
    effort: Effort,
    seed: int,
) -> dict[tuple[str, int], Turn]:
    """Return the turns of all ways with the patterns of the rules, at every size."""
    turns: dict[tuple[str, int], Turn] = {}
    for size in effort.sizes:
        events = event_texts(effort.events, among[:size], shape, seed)
        made = pattern_set(patterns[:size])
        ways = {name: way(made) for name, way in WAYS.items()}
        _agree(list(ways.values()), events)
        for name, call in ways.items():
            turns[f'{name}, {kind}', size] = Turn(call, events, unparsed)
    return turns


def _agree(ways: Sequence[Callable[[str], object]], events: Sequence[str]) -> None:
    for text in events[:100]:
        first, *others = (way(text) for way in ways)
        assert all(other == first for other in others), text
