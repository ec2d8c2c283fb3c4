"""The package refuses to work in one folder with the distribution `mega.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mega

PACKAGE = Path(mega.__file__).parent
ORDERS = ['mega.py last', 'sqs-mega last']


def install_both(folder: Path, order: str) -> None:
    """Make the package folder that two installations leave behind."""
    folder.mkdir()
    for each in PACKAGE.iterdir():
        (folder / each.name).symlink_to(each)
    (folder / 'mega.py').write_text('from .errors import RequestError\n\nclass Mega: pass\n')
    (folder / 'errors.py').write_text('class RequestError(Exception): pass\n')
    if order == 'mega.py last':
        (folder / '__init__.py').unlink()
        (folder / '__init__.py').write_text('from .mega import Mega\n')


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize(
    'program',
    ['from mega.aws.sqs import SqsPublisher', 'import mega.match', 'import mega.cli.main'],
)
def test_an_import_beside_the_other_distribution_names_it_and_the_remedy(
    program: str, order: str, tmp_path: Path
) -> None:
    install_both(tmp_path / 'mega', order)
    run = subprocess.run(
        [sys.executable, '-c', program],
        cwd=tmp_path,  # the first entry of sys.path
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    last_line = run.stderr.splitlines()[-1]
    assert last_line.startswith('ImportError: sqs-mega and mega.py are both installed in ')
    assert 'uninstall both' in last_line
