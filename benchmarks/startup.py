"""Measure the start-up of the `mega` command: its help and shell completion.

The goal is less than 80 ms on a machine where `python -c pass` takes 15 ms. All programs run once
in each round, and the fastest time of each counts: other load on the machine only adds time.
Bytecode and the disk cache are filled before. An editable installation, as in this checkout, adds
milliseconds to each program, also to `python -c pass`.

    python -m benchmarks.startup [rounds]
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

GOAL_MS, GOAL_BARE_MS = 80, 15

_MEGA = (sys.executable, '-m', 'mega')
_COMPLETION = {'_MEGA_COMPLETE': 'bash_complete', 'COMP_WORDS': 'mega ', 'COMP_CWORD': '1'}

PROGRAMS = {
    'python -c pass': ((sys.executable, '-c', 'pass'), {}),
    'python -c "import click"': ((sys.executable, '-c', 'import click'), {}),
    'mega --help': ((*_MEGA, '--help'), {}),
    'completion of "mega "': (_MEGA, _COMPLETION),
}


def milliseconds(command: tuple[str, ...], variables: dict[str, str]) -> float:
    """Return the time of a program from its start to its end."""
    started = time.perf_counter()
    subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1e3


def machine() -> str:
    """Return the processor, the number of CPUs and the operating system."""
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    models = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    model = models[0] if models else platform.processor() or platform.machine()
    return f'{model}, {os.cpu_count()} CPUs, {platform.system()}'


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    for program in PROGRAMS.values():
        milliseconds(*program)
    fastest = dict.fromkeys(PROGRAMS, float('inf'))
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            fastest[name] = min(fastest[name], milliseconds(*program))
    bare = fastest['python -c pass']
    print(f'Python {platform.python_version()}; {machine()}; fastest of {rounds}, milliseconds')
    print(f'{"program":<26}{"time":>6}{"bare = 1":>10}')
    for name, time_ms in fastest.items():
        print(f'{name:<26}{time_ms:>6.0f}{time_ms / bare:>10.1f}')
    print(f'goal: {GOAL_MS} ms where bare is {GOAL_BARE_MS} ms, {GOAL_MS / GOAL_BARE_MS:.1f} times')


if __name__ == '__main__':
    main()
