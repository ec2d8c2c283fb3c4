"""Run the selected sections, and print their results."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.environment import add_scheme_option, aws_versions, selected_schemes
from benchmarks.listener.bench import Bench, open_bench
from benchmarks.listener.idempotency import Places, idempotency
from benchmarks.listener.own_share import own_share
from benchmarks.listener.sections import Effort, latency, peers, throughput, waiting
from benchmarks.listener.typed import typed
from benchmarks.listener.workload import BODIES
from benchmarks.matching.tables import machine

FULL = Effort(rounds=7, messages=10_000, few=2_000)
QUICK = Effort(rounds=1, messages=400, few=100)

NOT_SHOWN = """\
## What this does not show

- A network and AWS's own time. Client and server run on one machine, over loopback, and share its
  processors. Compare figures of one run only, and quote ratios instead of rates.
- TLS handshakes. Each contender connects once in a run; a run is long enough to hide that.
- Equal work: the plain loop does less. It decodes no body, matches no pattern and requests no
  message attributes.
- Equal clocks for peers. A peer calls one function with the event. Its clock starts after warm-up
  and stops at the last message, before the deletion. The listener's clock includes its start and
  its end.
- celery's rate. In some runs its event loop sleeps for 0.1 s after every receive, in others never.
  Its CPU time is steady."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser('python -m benchmarks.listener', description=__doc__)
    parser.add_argument('--quick', action='store_true', help='a few seconds; the figures are noise')
    parser.add_argument('--rounds', type=int, help=f'of each contender ({FULL.rounds})')
    parser.add_argument(
        '--only',
        nargs='+',
        choices=_sections(None, Places()),
        metavar='SECTION',
        help='of %(choices)s',
    )
    add_scheme_option(parser)
    parser.add_argument(
        '--peers',
        type=Path,
        metavar='PYTHON',
        help='the interpreter of an environment with benchmarks/listener/peers.txt in it; '
        'without it the peers are left out',
    )
    parser.add_argument('--redis', metavar='URL', help='a Redis server, for idempotency')
    parser.add_argument('--database', metavar='URL', help='of SQLAlchemy, for idempotency')
    parser.add_argument('--dynamodb', metavar='URL', help='a local DynamoDB, for idempotency')
    return parser.parse_args()


def _sections(
    python: Path | None, places: Places
) -> Mapping[str, Callable[[Mapping[str, Bench], Effort], str]]:
    """Return the sections by name. A section on one bench uses the first: HTTP, if selected."""
    return {
        'throughput': throughput,
        'peers': _on_first(partial(peers, python=python)),
        'latency': _on_first(latency),
        'waiting': _on_first(waiting),
        'idempotency': _on_first(
            lambda bench, effort: idempotency(bench, effort.rounds, effort.few, places)
        ),
        'typed': lambda benches, effort: typed(effort.rounds, effort.messages),
        'own-share': lambda benches, effort: own_share(effort.rounds, 2 * effort.messages),
    }


def _on_first(
    section: Callable[[Bench, Effort], str],
) -> Callable[[Mapping[str, Bench], Effort], str]:
    return lambda benches, effort: section(next(iter(benches.values())), effort)


def main() -> None:
    arguments = _arguments()
    effort = QUICK if arguments.quick else FULL
    effort = replace(effort, rounds=arguments.rounds or effort.rounds)
    print(_heading(effort), end='\n\n', flush=True)
    with ExitStack() as stack:
        benches = {
            scheme.upper(): stack.enter_context(open_bench(https=scheme == 'https'))
            for scheme in selected_schemes(arguments.scheme)
        }
        places = Places(arguments.redis, arguments.database, arguments.dynamodb)
        for name, section in _sections(arguments.peers, places).items():
            if name in (arguments.only or [name]):
                print(section(benches, effort), end='\n\n', flush=True)
    print(NOT_SHOWN)


def _heading(effort: Effort) -> str:
    size = statistics.mean(map(len, BODIES))
    return (
        '# The cost of draining a queue\n\n'
        f'{machine()}\n{aws_versions()}\n\n'
        f'{effort.rounds} rounds of {effort.messages:,} events of {size:.0f} bytes as JSON. '
        'Figures are medians of the rounds,\nwith the least and the most. Ratios are taken in '
        'each round.'
    )


if __name__ == '__main__':
    main()
