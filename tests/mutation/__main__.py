"""Run mutation tests: `scripts/mutate --sample 50 codec`.

cosmic-ray makes the mutants: each differs from a module by one operator, constant or decorator. The
tests of the module run against each mutant, in a copy of the checkout. A mutant that no test finds
survives. The score is the share of mutants that do not survive.

A run that was interrupted continues where it ended: the results are in `.mutants`, in a file whose
name has the group, the sample and a checksum of the code and the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutation.groups import GROUPS, SLOW, Group
from tests.mutation.noise import is_noise

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / '.mutants'
COPIED = ('mega', 'tests', 'benchmarks', 'conftest.py', 'setup.cfg', 'pyproject.toml')
TIMEOUT_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='scripts/mutate', description=__doc__)
    parser.add_argument('groups', nargs='*', metavar='GROUP', help=f'of {", ".join(GROUPS)}')
    parser.add_argument('--sample', type=int, metavar='N', help='only N random mutants of a group')
    parser.add_argument('--seed', type=int, default=1, help='of the sample; default 1')
    given = parser.parse_args(arguments)
    unknown = [name for name in given.groups if name not in GROUPS]
    if unknown:
        parser.error(f'no group {unknown[0]!r}; the groups are {", ".join(GROUPS)}')
    for name in given.groups or GROUPS:
        run(name, GROUPS[name], given.sample, given.seed)
    return 0


def run(name: str, group: Group, sample: int | None, seed: int) -> None:
    """Run the mutants of a group that have no result yet, and print its score and survivors."""
    label = f'{name}-{sample or "all"}-{seed}-{checksum(group)}'
    session, checkout = RESULTS / f'{label}.sqlite', RESULTS / label
    if not session.exists():
        shutil.rmtree(checkout, ignore_errors=True)
        copy_checkout(checkout)
        configure(checkout, group)
        started = session.with_suffix('.new')
        started.unlink(missing_ok=True)
        cosmic_ray(checkout, 'init', 'mutate.toml', str(started))
        keep_sample(started, checkout, sample, seed)
        started.rename(session)
    run_without_mutant(checkout, group)
    cosmic_ray(checkout, 'exec', 'mutate.toml', str(session))
    report(name, session)


def checksum(group: Group) -> str:
    digest = hashlib.sha256()
    for place in (*group.modules, *group.tests):
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob('*.py')):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def copy_checkout(target: Path) -> None:
    """Copy what the tests need: cosmic-ray writes each mutant into the module itself."""
    target.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)


def tests_of(group: Group, *options: str) -> list[str]:
    """Return the command for the tests of a group, in this order, until the first failure."""
    plugins = [f'-pno:{name}' for name in ('randomly', 'xdist', 'cacheprovider')]
    plugins.append('-ptests.mutation.early_exit')
    pytest = (sys.executable, *options, '-m', 'pytest', '-x', '-q', '--no-header', '-oaddopts=')
    deselected = [f'--deselect={test}' for test in SLOW]
    return [*pytest, '-ofaulthandler_timeout=0', *plugins, *deselected, *group.tests]


def run_without_mutant(checkout: Path, group: Group) -> None:
    """Run the tests once, and keep the compiled modules, but none of those that will change."""
    subprocess.run(tests_of(group), cwd=checkout, env=environment(checkout), check=True)
    for module in group.modules:
        path = checkout / module
        for directory in path.rglob('__pycache__') if path.is_dir() else []:
            shutil.rmtree(directory)
        for compiled in path.parent.glob(f'__pycache__/{path.stem}.*.pyc'):
            compiled.unlink()


def configure(checkout: Path, group: Group) -> None:
    """Write the configuration of cosmic-ray.

    With `-B`, Python does not write compiled modules. Otherwise it could take that of a mutant for
    that of the next one.
    """
    modules = ', '.join(f'"{module}"' for module in group.modules)
    (checkout / 'mutate.toml').write_text(
        f"""[cosmic-ray]
module-path = [{modules}]
timeout = {TIMEOUT_SECONDS}
excluded-modules = []
test-command = "{' '.join(tests_of(group, '-B'))}"

[cosmic-ray.distributor]
name = "local"
""",
        'utf-8',
    )


def cosmic_ray(checkout: Path, *arguments: str) -> None:
    program = Path(sys.executable).with_name('cosmic-ray')
    subprocess.run([program, *arguments], cwd=checkout, env=environment(checkout), check=True)


def environment(checkout: Path) -> dict[str, str]:
    return {
        'PYTHONPATH': str(checkout),
        'PATH': '/usr/bin:/bin',
        'PYTHONHASHSEED': '0',
        'MEGA_PROFILE': 'mutation',
    }


def keep_sample(session: Path, checkout: Path, sample: int | None, seed: int) -> None:
    """Remove the mutants that cannot change the behaviour, and those outside of the sample."""
    with sqlite3.connect(session) as database:
        found = database.execute(
            'SELECT job_id, module_path, operator_name, start_pos_row, start_pos_col'
            ' FROM mutation_specs'
            ' ORDER BY module_path, start_pos_row, start_pos_col, operator_name, occurrence'
        ).fetchall()
        candidates = [
            job
            for job, module, operator, row, column in found
            if not is_noise((checkout / module).read_text('utf-8'), operator, row, column)
        ]
        kept = set(candidates)
        if sample is not None and sample < len(candidates):
            kept = set(random.Random(seed).sample(candidates, sample))
        removed = [(job,) for job, *_ in found if job not in kept]
        database.executemany('DELETE FROM mutation_specs WHERE job_id = ?', removed)
        database.executemany('DELETE FROM work_items WHERE job_id = ?', removed)
    write(f'{len(kept)} of {len(candidates)} mutants')


def report(name: str, session: Path) -> None:
    with sqlite3.connect(session) as database:
        outcomes = dict(
            database.execute(
                'SELECT test_outcome, count(*) FROM work_results GROUP BY test_outcome'
            )
        )
        survivors = list(survivors_in(database))
    total, found = sum(outcomes.values()), sum(outcomes.values()) - len(survivors)
    write(f'{name}: {found} of {total} mutants found, {found / max(total, 1):.1%}')
    for place, diff in survivors:
        write(f'  survived: {place}')
        for line in filter(is_changed, diff.splitlines()):
            write(f'    {line}')


def survivors_in(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    rows = database.execute(
        'SELECT module_path, start_pos_row, operator_name, diff FROM work_results'
        ' JOIN mutation_specs USING (job_id) WHERE test_outcome = ?'
        ' ORDER BY module_path, start_pos_row',
        ('SURVIVED',),
    )
    for module, row, operator, diff in rows:
        yield f'{module}:{row} {operator}', diff


def write(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


def is_changed(line: str) -> bool:
    return line[:1] in ('+', '-') and line[:3] not in ('+++', '---')


if __name__ == '__main__':
    sys.exit(main())
