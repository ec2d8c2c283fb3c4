"""Measure, and print."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import boto3
import botocore

from benchmarks.listener.bench import Bench, open_bench
from benchmarks.listener.own_share import own_share
from benchmarks.listener.sections import Effort, latency, peers, throughput, waiting
from benchmarks.listener.workload import BODIES
from benchmarks.matching.tables import machine

FULL = Effort(rounds=7, messages=10_000, few=2_000)
QUICK = Effort(rounds=1, messages=400, few=100)

NOT_SHOWN = """\
## What this does not show

- A network, TLS, and AWS's own time: everything is on loopback, and shares its processors with the
  server. Compare within this run only, and quote ratios, not rates.
- The plain loop does less: it looks at nothing that it receives, and asks for no attributes.
- Peers are asked to call one function with the event. Their clock begins when they are warm and
  stops with the last message, before its deletion; the listener's includes its start and its end.
- celery's rate: in some runs its event loop sleeps for a tenth of a second after every receive, in
  others never. Its time of the processor is steady."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.listener', description=__doc__)
    parser.add_argument('--quick', action='store_true', help='a few seconds; the figures are noise')
    parser.add_argument('--rounds', type=int, help=f'of each contender ({FULL.rounds})')
    parser.add_argument(
        '--only', nargs='+', choices=_sections(None), metavar='SECTION', help='of %(choices)s'
    )
    parser.add_argument(
        '--peers',
        type=Path,
        metavar='PYTHON',
        help='the interpreter of an environment with benchmarks/listener/peers.txt in it; '
        'without it the peers are left out',
    )
    return parser.parse_args()


def _sections(python: Path | None) -> Mapping[str, Callable[[Bench, Effort], str]]:
    return {
        'throughput': throughput,
        'peers': partial(peers, python=python),
        'latency': latency,
        'waiting': waiting,
        'own-share': lambda bench, effort: own_share(effort.rounds, 2 * effort.messages),
    }


def main() -> None:
    arguments = _arguments()
    effort = QUICK if arguments.quick else FULL
    effort = replace(effort, rounds=arguments.rounds or effort.rounds)
    print(_heading(effort), end='\n\n', flush=True)
    with open_bench() as bench:
        for name, section in _sections(arguments.peers).items():
            if name in (arguments.only or [name]):
                print(section(bench, effort), end='\n\n', flush=True)
    print(NOT_SHOWN)


def _heading(effort: Effort) -> str:
    size = statistics.mean(map(len, BODIES))
    return (
        '# What it costs to drain a queue\n\n'
        f'{machine()}; boto3 {boto3.__version__}, botocore {botocore.__version__}.\n'
        f'{effort.rounds} rounds of {effort.messages:,} events of {size:.0f} bytes as JSON. '
        'Figures are medians over the rounds,\nwith the least and the most; ratios are taken in '
        'each round.'
    )


if __name__ == '__main__':
    main()
