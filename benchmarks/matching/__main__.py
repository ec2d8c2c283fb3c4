"""Measure, print, and with `--write` keep the tables and the chart."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.matching.building import building
from benchmarks.matching.chart import chart
from benchmarks.matching.contenders import found
from benchmarks.matching.scaling import Effort, dialect, scaling, shapes, texts
from benchmarks.matching.sets import sets, twelve
from benchmarks.matching.tables import machine
from benchmarks.matching.workload import SHAPES, Shape

RESOURCES = Path(__file__).parent.parent.parent / 'resources'

FULL = Effort(rounds=7, sizes=(10, 100, 1_000, 10_000), events=4_000, turn=1.0, least=20)
QUICK = Effort(rounds=1, sizes=(10, 100, 500), events=40, turn=0.05, least=5)

NOT_SHOWN = """\
## What this does not show

- Times are of the processor, in one thread, with the garbage collector on, as programs have it.
  Compare them within this run only: another machine has other times.
- Parsing, which comes before every match, is in the table of texts only; receiving and deleting a
  message is in none.
- The closures take an event's fields for granted, and numbers for numbers. The patterns do not:
  they also read numbers in texts, tell `True` from 1, and never raise.
- The libraries are not made for this. They are asked in the plainest way that their documentation
  shows, about one rule after the other, and each can do what the others cannot.
- Contenders that take long are timed on the first events only, and left out (`-`) where a round
  would take too long."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.matching', description=__doc__)
    parser.add_argument('--quick', action='store_true', help='a few seconds; the figures are noise')
    parser.add_argument('--rounds', type=int, help=f'of each contender ({FULL.rounds})')
    parser.add_argument('--seed', type=int, default=1, help='of rules and events (1)')
    parser.add_argument('--domains', type=int, help='of the first workload')
    parser.add_argument('--names', type=int, help='within each of its domains')
    parser.add_argument(
        '--write',
        nargs='?',
        type=Path,
        const=RESOURCES,
        metavar='DIRECTORY',
        help='write matching.md and matching.svg there; by default into resources/',
    )
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    effort = QUICK if arguments.quick else FULL
    effort = replace(effort, rounds=arguments.rounds or effort.rounds)
    shape = _shape(SHAPES[0], arguments.domains, arguments.names)
    drawing, sections = '', []
    for section, drawn in _measured(shape, effort, arguments.seed):
        print(section, end='\n\n', flush=True)
        sections.append(section)
        drawing = drawn or drawing
    if arguments.write is not None:
        text = '\n\n'.join(sections) + '\n'
        (arguments.write / 'matching.md').write_text(text, encoding='utf-8')
        (arguments.write / 'matching.svg').write_text(drawing, encoding='utf-8')


def _shape(shape: Shape, domains: int | None, names: int | None) -> Shape:
    if domains is None and names is None:
        return shape
    domains, names = domains or shape.domains, names or shape.names
    return Shape(f'{domains:,} domains of {names:,} names', domains, names)


def _measured(shape: Shape, effort: Effort, seed: int) -> Iterator[tuple[str, str]]:
    """The sections, and with one of them its chart."""
    ways, remarks = found()
    heading = [_heading(effort, seed), *remarks]
    yield '\n'.join(['# What many patterns cost', '', *heading]), ''
    section, times = scaling(ways, shape, effort, seed)
    lines = {
        way.name: [
            (size, statistics.median(times[way.name, size]) * 1e6)
            for size in effort.sizes
            if (way.name, size) in times
        ]
        for way in ways
    }
    drawing = chart('What an event costs', 'patterns', 'microseconds for each event', lines)
    yield section, drawing
    yield shapes((shape, *SHAPES[1:]), effort, seed), ''
    yield dialect((shape, *SHAPES[1:]), effort, seed), ''
    yield texts(shape, effort, seed), ''
    yield twelve(effort, seed), ''
    yield sets(effort, seed), ''
    yield building(shape, effort, seed), ''
    yield NOT_SHOWN, ''


def _heading(effort: Effort, seed: int) -> str:
    return (
        f'{machine()}; {effort.rounds} rounds, seed {seed}.\n'
        'Figures are medians over the rounds, with the least and the most; ratios are taken in\n'
        'each round. `python -m benchmarks.matching` measures them anew.'
    )


if __name__ == '__main__':
    main()
