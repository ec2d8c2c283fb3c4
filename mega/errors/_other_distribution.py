"""Refuses to work beside `mega.py`, a distribution that installs into the same package folder.

`mega.py` has a `mega/__init__.py` and a `mega/errors.py`. The distribution that is installed last
replaces files of the other, and then neither works. `mega.errors` is a package, because Python
prefers a package to a module of the same name: this check runs whichever was installed last.

Source: https://pypi.org/project/mega.py/
"""

# ruff: noqa: PTH110, PTH120 - pathlib takes longer to import
from __future__ import annotations

import os

__all__ = ('check_package_folder',)


def check_package_folder() -> None:
    """Raise ImportError if `mega.py` is installed in the folder of this package."""
    folder = os.path.dirname(os.path.dirname(__file__))
    if os.path.exists(f'{folder}/mega.py'):
        problem = f'sqs-mega and mega.py are both installed in {folder}, and replace files of each'
        remedy = 'uninstall both, and install each in an environment without the other'
        raise ImportError(f'{problem} other: {remedy}')
