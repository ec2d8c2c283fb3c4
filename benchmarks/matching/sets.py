"""Sets of one kind of pattern, compared with handwritten closures."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.matching import dozen
from benchmarks.matching.cases import ALIKE, CASES, Case, document_texts
from benchmarks.matching.contenders import Matcher, pattern_set
from benchmarks.matching.eventbridge_cases import (
    EVENT_ALIKE,
    EVENT_CASES,
    PARCEL_CASES,
    parcel_texts,
)
from benchmarks.matching.scaling import Effort
from benchmarks.matching.tables import microseconds, table
from benchmarks.matching.timing import Turn, cost, limit_events, race, ratio

__all__ = ('sets', 'twelve')

FEW = 5


def sets(effort: Effort, seed: int) -> str:
    """Return the section on sets of patterns of one kind."""
    middle, last = effort.steps
    texts = list(document_texts(effort.events, seed))
    size = statistics.mean(map(len, texts))
    kinds = _compared(CASES, middle, texts, effort, seed)
    alike = _compared(ALIKE, last, texts, effort, seed)
    event_kinds = _compared(EVENT_CASES, middle, texts, effort, seed)
    event_alike = _compared(EVENT_ALIKE, last, texts, effort, seed)
    parcels = list(parcel_texts(effort.events, seed))
    few = _compared(PARCEL_CASES, FEW, parcels, effort, seed)
    return (
        f'## Sets of one kind\n\nMicroseconds per event, with {middle:,} patterns of one kind. '
        f'Events are parsed\ndata objects of {size:.0f} bytes.\n\n{kinds}\n\n'
        f'## Many matches\n\nMicroseconds per event, with {last:,} patterns.\n\n{alike}\n\n'
        f'## Sets of EventBridge patterns of one kind\n\nAs above, with {middle:,} patterns of '
        f'`from_eventbridge`.\n\n{event_kinds}\n\n'
        f'Many matches, with {last:,} patterns.\n\n{event_alike}\n\n'
        f'Parcels of {statistics.mean(map(len, parcels)):.0f} bytes, with {FEW} patterns.\n\n{few}'
    )


def _compared(
    cases: Mapping[str, Case], count: int, texts: Sequence[str], effort: Effort, seed: int
) -> str:
    rows = []
    for name, case in cases.items():
        pairs = [case(place, random.Random(f'{seed} {name} {place}')) for place in range(count)]
        ours = pattern_set([pattern for pattern, _ in pairs]).match
        closures = [wants for _, wants in pairs]

        def hand(event: Any, closures: Any = closures) -> list[int]:
            return [place for place, wants in enumerate(closures) if wants(event)]

        turns = {
            who: Turn(call, limit_events(effort.turn / 4, cost(call, texts), texts, 1))
            for who, call in (('ours', ours), ('hand', hand))
        }
        matches = _agree(name, ours, hand, turns['hand'].texts)
        times = race(turns, effort.rounds)
        rows.append(
            [
                name,
                f'{matches:,.1f}',
                *map(microseconds, times.values()),
                str(ratio(times['hand'], times['ours'])),
            ]
        )
    header = ['patterns', 'matches', 'PatternSet', 'closures', 'closures / PatternSet']
    return table(header, rows)


def _agree(name: str, ours: Matcher, hand: Matcher, texts: Sequence[str]) -> float:
    """Check that both return the same, and return the mean number of matches per event."""
    counts = []
    for text in texts:
        answer, expected = ours(json.loads(text)), hand(json.loads(text))
        assert answer == expected, f'{name}: {answer} and not {expected} for {text}'
        counts.append(len(answer))
    return statistics.mean(counts)


def twelve(effort: Effort, seed: int) -> str:
    """Return the section on twelve patterns."""
    texts = list(dozen.texts(effort.events, seed))
    ours = pattern_set(dozen.PATTERNS).match
    matches = _agree('twelve patterns', ours, dozen.if_chain, texts)
    ways: dict[str, Matcher] = {'PatternSet': ours, 'an if-chain': dozen.if_chain}
    times = race({who: Turn(call, texts) for who, call in ways.items()}, effort.rounds)
    compared = ratio(times['PatternSet'], times['an if-chain'])
    rows = [[who, microseconds(each)] for who, each in times.items()]
    rows.append(['PatternSet / if-chain', str(compared)])
    return (
        f'## Twelve patterns\n\nCompared with one function of twelve `if`, on events with '
        f'{matches:.2f} matches each.\n\n{table(["twelve patterns", "microseconds"], rows)}'
    )
