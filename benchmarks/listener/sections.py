"""The sections of the report: comparisons of contenders, and their tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.listener.bench import Bench, Run, Runs, race
from benchmarks.listener.contenders import Listening, PlainLoop, sleep_plainly
from benchmarks.listener.peers import PEERS, versions
from benchmarks.listener.workload import SUBSCRIBERS, sleeping, sleeping_async
from benchmarks.matching.tables import table
from benchmarks.matching.timing import Ratio, ratio

__all__ = ('Effort', 'latency', 'peers', 'throughput', 'waiting')

PLAIN = 'the plain loop'
LISTENER = 'SqsListener'

LATENCY_MS = 10
LATENCY_CONCURRENCY = 64
"""The `concurrency` of the listener with added latency."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The number of rounds, and the number of messages in a run.

    `few` is the number of messages in a slow run: of a peer, or of the plain loop with latency.
    """

    rounds: int
    messages: int
    few: int


def throughput(benches: Mapping[str, Bench], effort: Effort) -> str:
    """Compare the listener with the plain loop: no latency, no work, `concurrency=1`.

    `benches` has one bench per scheme, HTTP or HTTPS. Each round runs both contenders on every
    bench. Ratios compare contenders of one scheme, in one round.
    """
    turns = {}
    for scheme, bench in benches.items():
        turns[f'{scheme}: {PLAIN}'] = bench.turn(PlainLoop(bench.server), effort.messages)
        turns[f'{scheme}: {LISTENER}'] = bench.turn(Listening(), effort.messages)
    taken = race(turns, effort.rounds)
    results = [
        _compared(scheme, taken[f'{scheme}: {LISTENER}'], taken[f'{scheme}: {PLAIN}'])
        for scheme in benches
    ]
    return (
        '## Throughput: no latency, no-op\n\n'
        f'{len(SUBSCRIBERS)} subscribers. One subscriber matches each event. A receive returns ten '
        f'messages.\n\n{_figures(taken)}\n\n' + '\n\n'.join(results)
    )


def _compared(scheme: str, listener: Runs, plain: Runs) -> str:
    """Describe CPU and rate of the listener relative to the plain loop, on one scheme."""
    cpu = ratio([run.cpu for run in plain], [run.cpu for run in listener])
    return (
        f'{scheme}: {LISTENER} beside {PLAIN} (medians, with the least and the most)\n'
        f'- CPU per message: 1/{cpu.median:.2f} of {PLAIN} (1/{cpu.least:.2f} to 1/{cpu.most:.2f})'
        f'\n- rate: {_multiple(_times(listener, plain))}\n- {_on_the_end(listener)}'
    )


def peers(bench: Bench, effort: Effort, python: Path | None) -> str:
    """Compare the listener with the libraries in an environment."""
    heading = '## Other libraries, no latency, no-op\n\n'
    found = {} if python is None else versions(python)
    present = [peer for peer in PEERS if peer.library in found]
    missing = sorted({peer.library for peer in PEERS} - set(found))
    left_out = '\n'.join(f'{name} is left out: no given environment has it.' for name in missing)
    if python is None or not present:
        return heading + left_out
    turns = {LISTENER: bench.turn(Listening(), effort.messages)}
    for peer in present:
        turns[peer.name] = partial(peer.run, python, bench, effort.few)
    taken = race(turns, effort.rounds)
    rounds = zip(*(taken[peer.name] for peer in present), strict=True)
    best = [max(runs, key=lambda run: run.rate) for runs in rounds]
    installed = ', '.join(f'{name} {version}' for name, version in found.items())
    return (
        f'{heading}{installed}.\n\n{_table(taken, LISTENER)}\n\n'
        f'The listener is {_times(taken[LISTENER], best)} times as fast as the best of the others '
        f'in each round.\n{left_out}'
    ).rstrip()


def latency(bench: Bench, effort: Effort) -> str:
    """Compare the listener with the plain loop, with latency added to each call."""
    many = f'{LISTENER}, concurrency={LATENCY_CONCURRENCY}'
    taken = race(
        {
            PLAIN: bench.turn(PlainLoop(bench.server), effort.few, LATENCY_MS),
            many: bench.turn(
                Listening(concurrency=LATENCY_CONCURRENCY), effort.messages, LATENCY_MS
            ),
        },
        effort.rounds,
    )
    return (
        f'## {LATENCY_MS} ms added to each call, no-op\n\n'
        f'{_table(taken, PLAIN)}\n\n{_on_the_end(taken[many])}'
    )


def waiting(bench: Bench, effort: Effort) -> str:
    """Measure subscribers that sleep, as if they waited for a database or a service."""
    ways = {
        'def, 20 ms': (Listening(sleeping(0.02), 32), 0.02),
        'async def, 20 ms': (Listening(sleeping_async(0.02), 200), 0.02),
        'async def, 100 ms': (Listening(sleeping_async(0.1), 200), 0.1),
    }
    turns = {PLAIN: bench.turn(PlainLoop(bench.server), effort.messages)}
    for name, (way, seconds) in ways.items():
        turns[name] = bench.turn(way, effort.messages)
        if name.startswith('async'):
            turns[_alone(name)] = partial(sleep_plainly, seconds, effort.messages, way.concurrency)
    taken = race(turns, effort.rounds)
    rows = []
    for name, (way, seconds) in ways.items():
        ideal = way.concurrency / seconds
        of_possible = [
            run.rate / min(ideal, plain.rate)
            for run, plain in zip(taken[name], taken[PLAIN], strict=True)
        ]
        rows.append(
            [
                f'{name}, {way.concurrency} at once',
                _spread(taken[name], lambda run: run.rate),
                f'{ideal:,.0f}',
                _share(taken[name], ideal),
                str(_times(taken[name], taken[_alone(name)])) if _alone(name) in taken else '',
                _ratios(of_possible),
                f'{_milliseconds(taken[name])}',
            ]
        )
    header = [
        '', 'messages a second', 'ideal', 'of the ideal', 'of asyncio alone', 'of what boto3 can',
        'ms to return',
    ]  # fmt: skip
    return (
        f'## Messages that wait\n\n{table(header, rows)}\n\n'
        'The ideal rate is the concurrency divided by the time of the sleep. *asyncio alone* is\n'
        'an event loop that sleeps as often and as long, without a queue, in the same round.\n'
        '*What boto3 can* is the lower of the ideal rate and the rate of the plain loop in the\n'
        f'same round: {_spread(taken[PLAIN], lambda run: run.rate)} messages a second.'
    )


# ── figures ──────────────────────────────────────────────────────────────────────────────────────


def _table(taken: Mapping[str, Runs], base: str) -> str:
    header = ['', 'messages a second', 'CPU us a message', 'calls a message', f'times {base}']
    rows = [[*_row(name, runs), str(_times(runs, taken[base]))] for name, runs in taken.items()]
    return table(header, rows)


def _figures(taken: Mapping[str, Runs]) -> str:
    """Tabulate the figures of each contender, without ratios."""
    header = ['', 'messages a second', 'CPU us a message', 'calls a message']
    return table(header, [_row(name, runs) for name, runs in taken.items()])


def _row(name: str, runs: Runs) -> list[str]:
    return [
        name,
        _spread(runs, lambda run: run.rate),
        _spread(runs, lambda run: run.cpu / run.messages * 1e6),
        f'{statistics.median(run.calls / run.messages for run in runs):.3f}',
    ]


def _multiple(times: Ratio) -> str:
    return f'{times.median:.2f} times ({times.least:.2f} to {times.most:.2f})'


def _times(runs: Runs, others: Runs) -> Ratio:
    """Return the ratio of the rates: the median of the ratios in each round."""
    return ratio([run.rate for run in runs], [other.rate for other in others])


def _spread(runs: Runs, figure: Callable[[Run], float]) -> str:
    figures = list(map(figure, runs))
    return f'{statistics.median(figures):,.0f} ({min(figures):,.0f} to {max(figures):,.0f})'


def _alone(name: str) -> str:
    return f'{name}, without a queue'


def _share(runs: Runs, ideal: float) -> str:
    return _ratios([run.rate / ideal for run in runs])


def _ratios(ratios: Sequence[float]) -> str:
    return str(Ratio(statistics.median(ratios), min(ratios), max(ratios)))


def _on_the_end(runs: Runs) -> str:
    return f'The listener returned {_milliseconds(runs)} ms after its last message.'


def _milliseconds(runs: Runs) -> str:
    return f'{statistics.median(run.after_last for run in runs) * 1e3:.1f}'
