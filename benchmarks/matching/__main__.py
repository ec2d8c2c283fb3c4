"""Measure and print the tables; `--write` saves the tables and the chart."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.matching.building import building
from benchmarks.matching.chart import chart
from benchmarks.matching.contenders import explanations, installed_contenders
from benchmarks.matching.scaling import Effort, eventbridge, scaling, shapes
from benchmarks.matching.sets import sets, twelve
from benchmarks.matching.tables import machine
from benchmarks.matching.texts import texts
from benchmarks.matching.workload import SHAPES, Shape

DESIGN = Path(__file__).parent.parent.parent / 'docs' / 'design'

FULL = Effort(rounds=7, sizes=(10, 100, 1_000, 10_000), events=4_000, turn=1.0, least=20)
QUICK = Effort(rounds=1, sizes=(10, 30, 100), events=20, turn=0.05, least=5)

NOT_SHOWN = """\
## Limits of these measurements

- Times are CPU times of one thread, with the garbage collector on, as in production. Compare them
  within one run only: other machines have other times.
- Only the tables of texts include decoding, which precedes every match. No table includes receiving
  and deleting messages.
- The closures assume that all fields exist and that numbers are numbers. The patterns do not: they
  also convert texts to numbers, distinguish `True` from 1, and never raise.
- The libraries have other purposes. They test one rule after another, in the simplest way that
  their documentation shows, and each has features that the others lack.
- Slow contenders are measured on the first events only, and are left out (`-`) if a round would
  take too long."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.matching', description=__doc__)
    parser.add_argument(
        '--quick', action='store_true', help='run for a few seconds; the results are noise'
    )
    parser.add_argument('--rounds', type=int, help=f'rounds per contender ({FULL.rounds})')
    parser.add_argument('--seed', type=int, default=1, help='seed of rules and events (1)')
    parser.add_argument('--domains', type=int, help='domains of the first workload')
    parser.add_argument('--names', type=int, help='names in each of its domains')
    parser.add_argument(
        '--write',
        nargs='?',
        type=Path,
        const=DESIGN,
        metavar='DIRECTORY',
        help='write matching.md and matching.svg to this directory (docs/design/)',
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
    """Yield the sections; one of them has a chart."""
    ways, remarks = installed_contenders()
    heading = [_heading(effort, seed), *remarks]
    yield '\n'.join(['# The cost of matching', '', *heading]), ''
    yield explanations(ways), ''
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
    yield eventbridge((shape, *SHAPES[1:]), effort, seed), ''
    yield texts(shape, effort, seed), ''
    yield twelve(effort, seed), ''
    yield sets(effort, seed), ''
    yield building(shape, effort, seed), ''
    yield NOT_SHOWN, ''


def _heading(effort: Effort, seed: int) -> str:
    return (
        f'{machine()}; {effort.rounds} rounds, seed {seed}.\n'
        'Numbers are medians over the rounds, with minimum and maximum. Ratios are computed in\n'
        'each round. `python -m benchmarks.matching` repeats the measurement.'
    )


if __name__ == '__main__':
    main()
