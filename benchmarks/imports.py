"""Measure the import time of the packages, in fresh interpreters.

Each figure is the time of a process minus the time of a process without imports. All programs run
once in each round, so that other load on the machine slows all of them. The figures exclude the
first import after an installation, which also writes bytecode, and boto3, which the first client
imports.

    python benchmarks/imports.py [runs]
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    'nothing': 'pass',
    'mega.match.functions': 'import mega.match.functions',
    'mega.event': 'import mega.event',
    'mega.codec': 'import mega.codec',
    'SqsPublisher': 'from mega.aws.sqs import SqsPublisher',
    'SqsListener': 'from mega.aws.sqs.subscribe import SqsListener',
    'LambdaHandler': 'from mega.aws.lambda_ import LambdaHandler',
    'boto3, for comparison': 'import boto3',
}


def seconds(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, '-c', program], check=True)
    return time.perf_counter() - started


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for program in PROGRAMS.values():
        seconds(program)  # fills the disk cache, and writes bytecode
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            taken[name].append(seconds(program))
    print(f'Python {platform.python_version()}, {platform.machine()}, {runs} runs, milliseconds')
    print(f'{"import":<26}{"median":>8}{"fastest":>9}')
    for name, times in taken.items():
        figures = [
            figure(times) - (0 if name == 'nothing' else figure(taken['nothing']))
            for figure in (statistics.median, min)
        ]
        print(f'{name:<26}{figures[0] * 1e3:>8.0f}{figures[1] * 1e3:>9.0f}')


if __name__ == '__main__':
    main()
