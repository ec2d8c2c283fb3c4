"""Run many schedules: `python -m tests.simulation --schedules 1000000`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.schedule import MODELS, check

_CHUNK = 500


def main() -> int:
    logging.disable()
    parser = argparse.ArgumentParser('python -m tests.simulation', description=__doc__)
    parser.add_argument('--model', choices=MODELS, default='engine', help='default: engine')
    parser.add_argument('--schedules', type=int, default=20_000, metavar='N')
    parser.add_argument('--from', type=int, default=0, dest='first', metavar='SEED')
    parser.add_argument(
        '--seed', type=int, help='run only this schedule, and minimise it if it fails'
    )
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return _one(arguments.model, arguments.seed)
    end = arguments.first + arguments.schedules
    return _many(arguments.model, arguments.first, end, arguments.jobs)


def _one(model: str, seed: int) -> int:
    failure = check(seed, model)
    _write(failure.minimal() if failure else f'{seed}: every law holds', end='\n')
    return 1 if failure else 0


def _many(model: str, first: int, end: int, jobs: int) -> int:
    began = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        starts = range(first, end, _CHUNK)
        for start, failure in zip(
            starts, pool.map(partial(_first_failure, model), starts), strict=True
        ):
            if failure is not None:
                seed, text = failure
                pool.shutdown(wait=False, cancel_futures=True)
                _write(f'\nSeed {seed}\n{text}', end='\n')
                return 1
            done = min(start + _CHUNK, end) - first
            _write(f'\r{done:,} schedules in {time.monotonic() - began:.0f} s')
    _write(': every law holds', end='\n')
    return 0


def _write(text: str, end: str = '') -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _first_failure(model: str, start: int) -> tuple[int, str] | None:
    """Return the first failure of a chunk. The last chunk may exceed the requested number."""
    for seed in range(start, start + _CHUNK):
        failure = check(seed, model)
        if failure is not None:
            return seed, failure.minimal()
    return None


if __name__ == '__main__':
    sys.exit(main())
